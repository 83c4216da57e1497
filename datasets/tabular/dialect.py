"""Finds out how a CSV file is written: its delimiter, whether its first line names the columns, its decimal mark."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.base import BadData
from datasets.tabular.found import first_bytes

_LOOK = 1 << 18  # bytes
_DELIMITERS = ",;\t| "
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*")
_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")
_DATE = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?\s*")
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8"}


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written."""

    delimiter: str = ","
    header: bool = True
    decimal: str = "."
    encoding: str = "utf-8"


def sniff(path: Path) -> Dialect:
    """The dialect of a CSV file by its first quarter of a megabyte. Raises BadData."""
    raw = first_bytes(path, _LOOK)
    encoding = next((name for bom, name in _BOMS.items() if raw.startswith(bom)), "utf-8")
    if encoding == "utf-8" and b"\0" in raw:
        raise BadData(f"{path}: is not a text file; save the table as CSV or Parquet")
    try:
        text = _decoded(path, raw, encoding)
    except BadData:
        if encoding != "utf-8":
            raise
        encoding = "latin-1"  # every byte is a character of it; the description says so
        text = raw.decode(encoding)
    if not text.strip():
        raise BadData(f"{path}: the file is empty; get it again")
    if len(raw) == _LOOK:
        text = text[: text.rfind("\n") + 1] or text  # the last line may be cut
    delimiter = _delimiter(text)
    rows = [row for row in _rows(text, delimiter) if row]
    header = _has_header(rows)
    return Dialect(delimiter, header, _decimal(rows[header:], delimiter), encoding)


def names_of(path: Path, dialect: Dialect) -> list[str]:
    """The names of a file's columns: those of its first line, or column_1, column_2, ... Raises BadData."""
    text = _decoded(path, first_bytes(path, _LOOK), dialect.encoding)
    first = next((row for row in _rows(text, dialect.delimiter) if row), [])
    if not first:
        raise BadData(f"{path}: the file is empty; get it again")
    if not dialect.header:
        return [f"column_{place}" for place in range(1, len(first) + 1)]
    names = [cell.strip() for cell in first]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        what = (
            f"{len([n for n in names if not n])} columns without a name"
            if twice[0] == ""
            else f"two columns named {twice[0]!r}"
        )
        raise BadData(f"{path}: line 1 has {what}; give each column a name of its own")
    # an unnamed first column is what pandas writes for its index
    return [name or "column_1" for name in names]


def _decoded(path: Path, raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        if error.end >= len(raw) - 4 and error.reason in ("unexpected end of data", "truncated data"):
            return raw[: error.start].decode(encoding).lstrip("\ufeff")  # cut within a character
        if encoding.startswith("utf-16"):
            raise BadData(f"{path}: cannot be read as {encoding} ({error.reason}); save it as UTF-8") from error
        line = raw[: error.start].count(b"\n") + 1
        raise BadData(f"{path}: line {line} is not UTF-8; save the file as UTF-8, or say `encoding = \"latin-1\"` "
                      "under [csv] in its description")  from error  # fmt: skip


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """The cells of each line; by any number of spaces where the delimiter is one."""
    if delimiter == " ":
        return (line.split() for line in text.splitlines())
    return csv.reader(io.StringIO(text), delimiter=delimiter)


def _delimiter(text: str) -> str:
    """The one that cuts most lines into the same number of cells, at least two; a comma where none does."""
    best, score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in _rows(text, delimiter) if row)
        except csv.Error:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        share = count / widths.total()
        # a space, or a decimal comma, cuts evenly too: the first line's width must be the usual one
        if width > 1 and (found := (round(share, 2), width)) > score and (delimiter != " " or score[0] < 0.9):
            best, score = delimiter, found
    return best


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first line names columns: no cell of it is a number, a date or empty, none comes twice, and few are
    found again below it in their column."""
    first, below = rows[0], rows[1:]
    cells = [cell.strip() for cell in first]
    named = [cell for cell in cells if cell]
    # an unnamed first column is what pandas writes for its index
    if (
        not named
        or any(not cell for cell in cells[1:])
        or any(_NUMBER.fullmatch(c) or _DATE.fullmatch(c) for c in named)
    ):
        return False
    if len(set(named)) < len(named):
        return any(len(row) == len(first) for row in below) and all(not set(row) & set(named) for row in below)
    again = {place for row in below for place, cell in enumerate(row[: len(cells)]) if cell.strip() == cells[place]}
    return 2 * len(again) < len(cells)


def _decimal(rows: list[list[str]], delimiter: str) -> str:
    """A comma where one column's cells are numbers with a comma and none has a point."""
    if delimiter == ",":
        return "."
    for column in zip(*[row for row in rows if len(row) == len(rows[0])], strict=True) if rows else ():
        filled = [cell for cell in column if cell.strip()]
        if filled and all(_NUMBER.fullmatch(c) and "." not in c for c in filled) and any(map(_COMMA.fullmatch, filled)):
            return ","
    return "."
