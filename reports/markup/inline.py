"""The Markdown of cells and sentences in other forms: HTML, LaTeX and bare text. Raw HTML, `<u>` apart, stays text."""

import re
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.token import Token
from markupsafe import Markup, escape

_U = ("<u>", "</u>")
_MARKUP = re.compile(r"[\\`*_<\[&\n]")  # without one of these a text has no markup, and needs no parser


def _html_inline(self: Any, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    text = tokens[index].content
    return text if text in _U else escape(text)


_MARKDOWN = MarkdownIt("zero", {"html": True}).enable(
    ["escape", "emphasis", "backticks", "html_inline", "list", "link"]
)
_MARKDOWN.add_render_rule("html_inline", _html_inline)


@dataclass(frozen=True)
class Span:
    """A run of text in one style."""

    text: str
    strong: bool = False
    em: bool = False
    underlined: bool = False
    code: bool = False


def pieces(markdown: str) -> Iterator[Span]:
    """The runs of a text of Markdown, on one line."""
    style = Span("")
    (line,) = _MARKDOWN.parseInline(" ".join(str(markdown).split()))
    for token in line.children or []:
        if token.type in ("strong_open", "strong_close"):
            style = replace(style, strong=token.nesting > 0)
        elif token.type in ("em_open", "em_close"):
            style = replace(style, em=token.nesting > 0)
        elif token.type == "html_inline" and token.content in _U:
            style = replace(style, underlined=token.content == "<u>")
        elif token.content:
            yield replace(style, text=token.content, code=token.type == "code_inline")


def bare(markdown: str) -> str:
    """The text without its markup."""
    if not _MARKUP.search(str(markdown)):
        return " ".join(str(markdown).split())
    return "".join(piece.text for piece in pieces(markdown))


def inline(markdown: str) -> Markup:
    """A line as HTML."""
    text = str(markdown)
    return Markup(_MARKDOWN.renderInline(text) if _MARKUP.search(text) else escapeHtml(text))


def blocks(markdown: str) -> Markup:
    """Paragraphs and lists as HTML."""
    return Markup(_MARKDOWN.render(str(markdown)))


_MINUS = re.compile(r"^-(?=\d)")
_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "±": r"$\pm$", "↓": r"$\downarrow$", "↑": r"$\uparrow$",
    "Δ": r"$\Delta$", "≈": r"$\approx$", "×": r"$\times$", "–": "--", "−": "$-$", "…": r"\ldots{}", "⁶": "$^6$",
    "≥": r"$\geq$", "≤": r"$\leq$", "→": r"$\rightarrow$", "α": r"$\alpha$", "β": r"$\beta$", "σ": r"$\sigma$",
    "ρ": r"$\rho$", "τ": r"$\tau$", "²": "$^2$",
}  # fmt: skip


def tex(markdown: str) -> str:
    """A line as LaTeX: bold, italics, underlined and typewriter kept, everything special escaped."""
    words = []
    for piece in pieces(markdown):
        text = "".join(_TEX.get(c, c) for c in _MINUS.sub("−", piece.text))
        for wanted, command in (
            (piece.code, "texttt"), (piece.em, "textit"), (piece.strong, "textbf"), (piece.underlined, "underline")
        ):  # fmt: skip
            text = f"\\{command}{{{text}}}" if wanted else text
        words.append(text)
    return "".join(words)
