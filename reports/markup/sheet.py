"""A table as CSV, for a program or a spreadsheet."""

import csv
import io
from collections.abc import Iterator

from benchmark.files.plain import plain
from reports.markup.inline import bare
from reports.markup.table import Column, Entry, Table, said

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of a formula


def as_csv(table: Table) -> str:
    """A mean, its standard deviation and its number of seeds in columns of their own, rounded as the pages round them;
    no separators of thousands, no marks, and nothing where there is no number."""
    columns = [
        one
        for place, column in enumerate(table.columns)
        for one in _columns(column, [row[place] for row in table.rows])
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([title for title, _ in columns])
    writer.writerows(zip(*(texts for _, texts in columns), strict=True))
    return out.getvalue()


def _columns(column: Column, entries: list[Entry]) -> Iterator[tuple[str, list[str]]]:
    """A column as one, or as several."""
    if column.words:
        yield column.key, [safe(bare(said(column, entry))) if _there(entry) else "" for entry in entries]
        return
    yield column.key, [_value(column, entry) for entry in entries]
    if any(entry.std is not None and entry.n != 1 for entry in entries):
        yield (
            f"{column.key}_std",
            ["" if e.std is None or e.n == 1 else _rounded(e.std, column.digits) for e in entries],
        )
    if any(0 < entry.n < entry.of for entry in entries):
        yield f"{column.key}_seeds", [str(entry.n) if entry.value is not None else "" for entry in entries]
    if any(entry.tie for entry in entries):
        yield f"{column.key}_rank", [entry.tie for entry in entries]
    if any(entry.note for entry in entries):
        yield f"{column.key}_note", [safe(bare(entry.note)) for entry in entries]


def _there(entry: Entry) -> bool:
    return bool(entry.text or entry.value is not None)


def _value(column: Column, entry: Entry) -> str:
    if entry.value is not None:
        return _rounded(entry.value, column.digits)
    return safe(bare(entry.text)) if entry.text else ""


def _rounded(value: float, digits: int | None) -> str:
    return f"{value:.6g}" if digits is None else f"{value + 0.0:.{digits}f}"


def safe(text: str) -> str:
    """Text that no spreadsheet runs as a formula and no terminal as a command."""
    text = plain(text)
    return f"'{text}" if text.startswith(_FORMULA) else text
