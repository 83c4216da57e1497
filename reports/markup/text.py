"""Pieces of text: numbers, and words that cannot be taken for markup. Texts of tables and pages are inline Markdown."""

from collections.abc import Sequence

NONE = "–"
ARROWS = {"low": "↓", "high": "↑"}


def plain(text: str) -> str:
    """Text on one line in which nothing is markup; control characters go."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
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


def sentence_list(items: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c" """
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))
