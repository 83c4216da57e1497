"""Small pieces of Markdown: tables, numbers, and text that cannot break them."""

import re
from collections.abc import Sequence

from tabulate import tabulate

NONE = "–"


class Sheet(str):
    """A pipe table that remembers its cells, so that every other form of it shows the very same texts."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # Markdown, pipes not escaped
    align: tuple[str, ...]  # "left" or "right", one per column

    def __new__(cls, text: str, head: Sequence[str], rows: Sequence[Sequence[str]], align: Sequence[str]) -> "Sheet":
        sheet = super().__new__(cls, text)
        sheet.head, sheet.rows, sheet.align = tuple(head), tuple(tuple(row) for row in rows), tuple(align)
        return sheet


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1, last: int = 0) -> Sheet:
    """A pipe table; the first `left` and the last `last` columns are aligned to the left, the others to the right."""
    align = ["left"] * left + ["right"] * (len(headers) - left - last) + ["left"] * last
    safe = [[re.sub(r"(?<!\\)\|", r"\|", cell) for cell in row] for row in rows]
    text = tabulate(safe, headers, tablefmt="pipe", disable_numparse=True, colalign=align if rows else None)
    return Sheet(text, headers, rows, align)


def plain(text: str) -> str:
    """Text on one line in which nothing is markup."""
    words = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_|<>[]" else c for c in words)


def code(text: str, *, longest: int = 200) -> str:
    """Text on one line as code, its end cut off where it is long."""
    words = " ".join(text.split()).replace("`", "'")
    words = words if len(words) <= longest else words[: longest - 1] + "…"
    return f"`{words}`" if words else NONE


def number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:,.{digits}f}"


def signed(value: float | None, digits: int, unit: str = "") -> str:
    return NONE if value is None else f"{value:+,.{digits}f}{unit}"


def short(value: float | None) -> str:
    """Three digits that count: 0.0123, 1.23, 123, 12,300."""
    if value is None:
        return NONE
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def marked(text: str, place: int, best: set[int], second: set[int]) -> str:
    """The best in bold, the second underlined."""
    return f"**{text}**" if place in best else f"<u>{text}</u>" if place in second else text


def sentence_list(items: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c" """
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))
