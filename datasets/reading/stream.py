"""Large text tables in bounded memory: typed blocks of Arrow columns, and one sentence for what is wrong with a file.

`ingest.read_csv` holds whole columns; this is for files that are reduced, or filtered, while they are read. Numbers are
exact and strict: an integer column takes 64-bit integers, written 6 or 6.0, and neither 1_000, 0x10, 1e5 nor inf.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datasets.base import BadData
from datasets.reading.delimited import Piece, check_names, header, pieces
from datasets.schema import Array

_BLOCK = 1 << 20  # bytes of text: fits the processor's cache, twice as fast as 16 MiB
_PART = 1 << 20  # bytes that a thread parses at a time
_WIDTH = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_WHOLE = r"^[ \t]*\+?(-?\d+)(\.0*)?[ \t]*$"
_WORDS = {"int": "a whole number", "double": "a number", "date": "a date (YYYY-MM-DD)"}


class Block(NamedTuple):
    """Some rows of a file; `line` is the number of their first line, from 1."""

    path: Path
    line: int
    batch: Any  # pyarrow.RecordBatch
    piece: Piece | None = None  # the text of these rows

    def numbers(self, name: str, *, missing: float | None = None) -> Array:
        """A number column, or a date column in days since 1970, [rows].

        Raises BadData for a value that is not finite and, unless `missing` is given, for an empty cell.
        """
        column = self.batch.column(name)
        if column.null_count:
            if missing is None:
                raise self.bad(name, int(column.is_null().to_numpy(zero_copy_only=False).argmax()), "is empty")
            column = column.fill_null(missing)
        values: Array = column.to_numpy(zero_copy_only=False)
        if values.dtype.kind == "M":
            return values.astype("datetime64[D]").astype(np.int64)
        if values.dtype.kind == "f" and not (finite := np.isfinite(values)).all():
            at = int((~finite).argmax())
            raise self.bad(name, at, f"is not a finite number ({values[at]:g})")
        return values

    def check(self, name: str, wrong: Array, what: str, values: Array | None = None) -> None:
        """Raises BadData at the first row where `wrong`, bool [rows], holds; with that row's value where given."""
        if wrong.any():
            at = int(wrong.argmax())
            value = "" if values is None else f" ({values[at]:g})" if values.dtype.kind == "f" else f" ({values[at]})"
            raise self.bad(name, at, what + value)

    def bad(self, name: str, row: int, what: str, value: str = "") -> BadData:
        """The error for a cell of this block that cannot be right; a text that it holds is shown behind the line."""
        return bad_cell(self.path, name, what, self.line_of(row), value)

    def line_of(self, row: int) -> int:
        """The line on which a row begins."""
        return self.piece.line_of(row) if self.piece else self.line + row


def bad_cell(path: Path, name: str, what: str, line: int, value: str = "") -> BadData:
    """The error for a cell that cannot be right."""
    shown = f" ({value[:40]!r})" if value else ""
    return BadData(f"{path}: column {name!r} {what} in line {line}{shown}; mend that line or get the file again")


def blocks(
    path: Path,
    types: Mapping[str, Any],
    *,
    names: Sequence[str] | None = None,
    delimiter: str = ",",
    size: int | None = None,
) -> Iterator[Block]:
    """The columns of `types` (name -> Arrow type) block by block, in one pass over a plain or gzipped file.

    `names`: the columns of a file without a header, in which quotes have no meaning. `size`: bytes of text in a block;
    much more than 1 MiB makes Arrow parse its parts in parallel. Raises BadData, with the line, for a column that is
    missing or there twice, a row of another width, a cell that is not of its type, quotes that are not closed and a
    truncated or damaged gzip file.
    """
    found = list(names) if names is not None else header(path, delimiter)
    check_names(path, found, list(types))
    reader = _Reader(path, found, types, delimiter, quoting=names is None)
    parts = pieces(path, size=size or _BLOCK, delimiter=delimiter, quoting=names is None, header=names is None)
    for piece in parts:
        batch = reader.parsed(piece)
        if batch.num_rows:
            yield Block(path, piece.line, batch, piece)


class _Reader:
    """Parses pieces of one file into batches."""

    def __init__(self, path: Path, found: Sequence[str], types: Mapping[str, Any], delimiter: str, *, quoting: bool):
        import pyarrow as pa
        from pyarrow import csv

        self.path, self.types, self.width = path, dict(types), len(found)
        # Arrow wants every column's name; those that are not read may be empty or there twice
        self.names = [name if name in types else f"\0{place}" for place, name in enumerate(found)]
        self.parse = csv.ParseOptions(delimiter=delimiter, quote_char='"' if quoting else False)
        self.whole = {name for name, kind in types.items() if pa.types.is_integer(kind)}
        self.decimals: set[str] = set()  # integer columns that are written 6.0
        self.empty = pa.array([word.encode() for word in csv.ConvertOptions().null_values], pa.binary())

    def parsed(self, piece: Piece) -> Any:
        """The piece as a RecordBatch. Raises BadData."""
        import pyarrow as pa

        as_text = set(self.decimals)
        if any(sign in piece.text and b"0" + sign in piece.text for sign in (b"x", b"X")):
            as_text |= self.whole  # Arrow takes 0x10 for 16
        try:
            batch = self._arrow(piece, as_text)
        except pa.ArrowInvalid:
            as_text = set(self.types)
            try:
                batch = self._arrow(piece, as_text, careful=True)
            except pa.ArrowInvalid as error:
                raise self._malformed(piece, str(error)) from None
        columns = [self._typed(piece, name, batch.column(name), name in as_text) for name in self.types]
        return pa.RecordBatch.from_arrays(columns, names=list(self.types))

    def _arrow(self, piece: Piece, as_text: set[str], *, careful: bool = False) -> Any:
        """The piece as an Arrow table. `careful`: in one block, so that no line is too long and Arrow knows the row."""
        import pyarrow as pa
        from pyarrow import csv

        size = len(piece.text) + 1
        alone = careful or len(piece.quotes) > 0 or size < 2 * _PART  # a cell in quotes may hold line ends
        read = csv.ReadOptions(block_size=size if alone else _PART, use_threads=not alone, column_names=self.names)
        types = {name: pa.binary() if name in as_text else kind for name, kind in self.types.items()}
        convert = csv.ConvertOptions(column_types=types, include_columns=list(types))
        table = csv.read_csv(
            pa.BufferReader(piece.text), read_options=read, parse_options=self.parse, convert_options=convert
        )
        return table.combine_chunks()

    def _typed(self, piece: Piece, name: str, column: Any, is_text: bool) -> Any:
        """A column of the type that was asked for, from one that is, or that Arrow left as it was written."""
        import pyarrow as pa

        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        kind = self.types[name]
        if not is_text:
            return column
        if pa.types.is_string(kind) or pa.types.is_dictionary(kind):
            column = self._cast(piece, name, column, pa.string(), "text in UTF-8")
            return column if pa.types.is_string(kind) else column.dictionary_encode()
        return self._number(piece, name, column, kind)

    def _number(self, piece: Piece, name: str, column: Any, kind: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = pc.if_else(pc.is_in(column, self.empty), pa.scalar(None, pa.binary()), column)
        if name not in self.whole:
            words = next(words for key, words in _WORDS.items() if str(kind).startswith(key))
            return self._cast(piece, name, self._cast(piece, name, column, pa.string(), words), kind, words)
        fits = pc.fill_null(pc.match_substring_regex(column, _WHOLE), True).to_numpy(zero_copy_only=False)
        if not fits.all():
            raise self._bad(piece, name, column, int((~fits).argmax()), _WORDS["int"])
        digits = pc.replace_substring_regex(column, _WHOLE, r"\1").cast(pa.string())
        if not digits.equals(column.cast(pa.string())):
            self.decimals.add(name)  # the next pieces need not be parsed twice
        return self._cast(piece, name, digits, kind, "a whole number of 64 bits")

    def _cast(self, piece: Piece, name: str, column: Any, kind: Any, words: str) -> Any:
        import pyarrow as pa

        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            raise self._bad(piece, name, column, first_uncastable(column, kind), words) from None

    def _bad(self, piece: Piece, name: str, column: Any, row: int, words: str) -> BadData:
        value = column[row].as_py()
        text = value if isinstance(value, str) else value.decode("utf-8", "replace")
        return bad_cell(self.path, name, f"is not {words} ({text[:40]!r})", piece.line_of(row))

    def _malformed(self, piece: Piece, message: str) -> BadData:
        """For a row of another width; Arrow counts rows from 1 and leaves empty lines out."""
        if not (width := _WIDTH.search(message)):
            line = message.splitlines()[0][:200]
            return BadData(f"{self.path}: {line} (near line {piece.line}); get the file again")
        row, expected, got = map(int, width.groups())
        return BadData(f"{self.path}: line {piece.line_of(row - 1)} has {got} columns, expected {expected}; mend that "
                       "line or get the file again")  # fmt: skip


def first_uncastable(array: Any, kind: Any) -> int:
    """The first cell that cannot be cast, by halving; one must be there."""
    import pyarrow as pa

    def castable(part: Any) -> bool:
        try:
            part.cast(kind)
        except pa.ArrowInvalid:
            return False
        return True

    low, high = 0, len(array)  # the first bad cell lies in [low, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if castable(array[low:middle]) else (low, middle)
    return low
