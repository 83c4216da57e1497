"""Large text tables in bounded memory: typed blocks of Arrow columns, and one sentence for what is wrong with a file.

`ingest.read_csv` holds whole columns; this is for files that are reduced, or filtered, while they are read.
"""

import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datasets.base import BadData
from datasets.schema import Array

_BLOCK = 1 << 20  # bytes of text: fits the processor's cache, twice as fast as 16 MiB
_CELL = re.compile(r"In CSV column #(\d+): Row #(\d+): CSV conversion error to (\w+).*?invalid value '(.*)'", re.DOTALL)
_WIDTH = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_KINDS = {"int": "a whole number", "double": "a number", "float": "a number", "date": "a date (YYYY-MM-DD)"}


class Block(NamedTuple):
    """Some rows of a file; `line` is the number of their first line, from 1."""

    path: Path
    line: int
    batch: Any  # pyarrow.RecordBatch

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

    def bad(self, name: str, row: int, what: str) -> BadData:
        """The error for a cell of this block that cannot be right."""
        return _bad(self.path, name, what, self.line + row)


def first_line(path: Path, delimiter: str) -> list[str]:
    """The cells of a file's first line. Raises BadData where the file is empty or unreadable."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            line = stream.readline(1 << 20).decode("utf-8-sig").rstrip("\r\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: cannot be read as a text file ({error}); get the file again") from error
    if not line:
        raise BadData(f"{path}: the file is empty; get the file again")
    return line.split(delimiter)


def blocks(
    path: Path, types: Mapping[str, Any], *, names: Sequence[str] | None = None, delimiter: str = ","
) -> Iterator[Block]:
    """The columns of `types` (name -> Arrow type) block by block, in one pass over a plain or gzipped file.

    `names`: the columns of a file without a header. Raises BadData, with the line, for a row of another width, a cell
    that is not of its type and a truncated or damaged gzip file.
    """
    import pyarrow as pa
    from pyarrow import csv

    # one thread: faster than two on small blocks, and Arrow then knows the line of an error
    read = csv.ReadOptions(block_size=_BLOCK, use_threads=False, column_names=names)
    parse = csv.ParseOptions(delimiter=delimiter, quote_char='"' if names is None else False)
    convert = csv.ConvertOptions(column_types=dict(types), include_columns=list(types))
    columns = list(names) if names is not None else [cell.strip('"') for cell in first_line(path, delimiter)]
    line = 1 if names is not None else 2
    try:
        with csv.open_csv(path, read_options=read, parse_options=parse, convert_options=convert) as reader:
            for batch in reader:
                yield Block(path, line, batch)
                line += batch.num_rows
    except pa.ArrowInvalid as error:
        raise _mended(path, columns, str(error)) from error
    except OSError as error:
        kind = "a truncated or damaged gzip file" if path.suffix == ".gz" else "unreadable"
        raise BadData(f"{path}: {kind} ({error}); get the file again") from error


def _mended(path: Path, columns: Sequence[str], message: str) -> BadData:
    """Arrow's message in the house's words."""
    if cell := _CELL.search(message):
        place, line, kind, value = cell.groups()
        wanted = next((words for key, words in _KINDS.items() if kind.startswith(key)), f"of type {kind}")
        return _bad(path, columns[int(place)], f"is not {wanted} ({value[:40]!r})", int(line))
    if width := _WIDTH.search(message):
        line, expected, got = width.groups()
        return BadData(
            f"{path}: line {line} has {got} columns, expected {expected}; mend that line or get the file again"
        )
    return BadData(f"{path}: {message.splitlines()[0][:200]}; get the file again")


def _bad(path: Path, name: str, what: str, line: int) -> BadData:
    return BadData(f"{path}: column {name!r} {what} in line {line}; mend that line or get the file again")
