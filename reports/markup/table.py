"""Tables as data. Markdown, HTML, CSV and LaTeX are four forms of the same table, so that they cannot disagree.

Labels, captions and texts are inline Markdown; text from records comes through `text.plain` or `text.code`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reports.markup.text import ARROWS, NONE, number, short, signed

Better = Literal["low", "high"]


@dataclass(frozen=True)
class Column:
    """A heading, and how the numbers below it are written."""

    key: str  # in exports: "mae"
    label: str
    unit: str = ""
    better: Better | None = None  # None where no value is the best
    digits: int | None = None  # decimals; None: three digits that count
    words: bool = False  # holds text, set to the left
    signed: bool = False  # a difference: its sign is written
    group: str = ""  # what several columns beside each other have above them

    @property
    def title(self) -> str:
        """ "MAE ↓ (s)" """
        arrow = f" {ARROWS[self.better]}" if self.better else ""
        return self.label + arrow + (f" ({self.unit})" if self.unit else "")


@dataclass(frozen=True)
class Entry:
    """One row's entry below a heading: a number, a text, or a text that is sorted by a number."""

    value: float | None = None
    std: float | None = None  # over seeds; None where it is unknown
    n: int = 1  # seeds that the value is the mean of; 0 where that is not known
    of: int = 0  # seeds of the row, where the number is undefined for some
    text: str = ""  # instead of the number
    mark: Literal["", "best", "second"] = ""
    tie: str = ""  # the ranks that noise leaves open: "2–4"
    note: str = ""  # behind it in brackets


@dataclass(frozen=True)
class Table:
    """A table with a name for its export. Raises ValueError where a row is of another length than the heading."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    notes: tuple[str, ...] = ()  # below it, a paragraph each

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.name}: a row has {len(row)} entries under {len(self.columns)} headings")
        if len({column.key for column in self.columns}) < len(self.columns):
            raise ValueError(f"{self.name}: two columns have one key: {[column.key for column in self.columns]}")


def said(column: Column, entry: Entry) -> str:
    """An entry as every form of its table says it, marks of best and second apart."""
    text = entry.text
    if not text and entry.value is not None:
        digits = column.digits
        write = signed if column.signed else number
        text = short(entry.value) if digits is None else write(entry.value + 0.0, digits)
        if entry.std is not None and entry.n != 1:
            text += f" ± {short(entry.std) if digits is None else f'{entry.std:.{digits}f}'}"
        if 0 < entry.n < entry.of:
            text += f" ({entry.n} of {entry.of})"
    text = text or NONE
    return text + (f" ({entry.tie})" if entry.tie else "") + (f" ({entry.note})" if entry.note else "")


def marked(column: Column, entries: Sequence[Entry], out: Collection[int] = ()) -> list[Entry]:
    """The entries of a column with the best and the second-best marked; those at the places `out` do not compete."""
    if column.better is None:
        return list(entries)
    values = [None if place in out else entry.value for place, entry in enumerate(entries)]
    best, second = best_two(values, low=column.better == "low", digits=column.digits or 0)
    return [
        replace(entry, mark="best" if place in best else "second" if place in second else entry.mark)
        for place, entry in enumerate(entries)
    ]


def best_two(values: Sequence[float | None], *, low: bool, digits: int) -> tuple[set[int], set[int]]:
    """The places of the best and of the second-best value; values that print alike share a place. None is no value."""
    printed = [None if v is None else round(v, digits) for v in values]
    known = sorted({v for v in printed if v is not None}, reverse=not low)
    best, second = (
        {place for place, v in enumerate(printed) if len(known) > rank and v == known[rank]} for rank in (0, 1)
    )
    return best, second


def by_columns(columns: Sequence[Sequence[Entry]]) -> tuple[tuple[Entry, ...], ...]:
    """The rows of a table that was made column by column."""
    return tuple(zip(*columns, strict=True))


def text_column(key: str, label: str) -> Column:
    """A column of text."""
    return Column(key, label, words=True)


def count(value: float | None) -> Entry:
    """A whole number with separators of thousands."""
    return Entry(value, text="" if value is None else f"{value:,.0f}")
