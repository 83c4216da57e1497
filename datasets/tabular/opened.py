"""Reads a table block by block, whatever the kind of its files: `opened` says its columns, `blocks` gives its rows."""

import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from datasets.base import BadData
from datasets.tabular.dialect import Dialect, names_of, sniff
from datasets.tabular.found import Found, find, unpacked

ROWS = 1 << 18  # of a block, at most: larger ones cost more in new memory than they save in calls
_BYTES = 16 << 20  # of text parsed at a time; also the longest row that can be read
_WIDTH = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")


class Block(NamedTuple):
    """Some rows of a file; `row` is the number of their first, from 1, a header not counted."""

    path: Path
    row: int
    batch: Any  # pyarrow.RecordBatch

    def bad(self, name: str, at: int, what: str, cure: str = "mend that row, or leave it out of the file") -> BadData:
        """The error for the cell of a column at this place of the block."""
        return BadData(f"{self.path}: column {name!r} {what} in row {self.row + at:,}; {cure}")


@dataclass(frozen=True)
class Opened:
    """A table whose columns are known. CSV cells are text; the types of the others are as the first file has them."""

    found: Found
    names: tuple[str, ...]
    types: tuple[Any, ...]  # pyarrow.DataType of each column
    rows: int | None  # in all; None where only reading can tell
    dialect: Dialect | None = None  # of CSV files

    def type_of(self, name: str) -> Any:
        return self.types[self.names.index(name)]

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[Block]:
        """The rows in the order of the files, these columns alone, at most ROWS at a time. Raises BadData."""
        wanted = list(self.names if columns is None else columns)
        read = {"csv": self._csv, "parquet": _parquet, "feather": _feather}[self.found.kind]
        for path in self.found.paths:
            row = 1
            for batch in read(path, wanted):
                if batch.num_rows:
                    yield Block(path, row, batch)
                row += batch.num_rows

    def _csv(self, path: Path, wanted: Sequence[str]) -> Iterator[Any]:
        assert self.dialect is not None
        return (_spaced if self.dialect.delimiter == " " else _text)(path, wanted, self.dialect)


def opened(place: Path, dialect: Dialect | None = None) -> Opened:
    """Open the table at a place. dialect: of CSV files; found out where it is not given.

    Raises NotAvailable where nothing is there, and BadData for files that are damaged or have different columns.
    """
    found = find(place)
    first = found.paths[0]
    if found.kind == "csv":
        import pyarrow as pa

        dialect = dialect or sniff(first)
        names = names_of(first, dialect)
        for path in found.paths[1:]:
            _same(first, names, path, names_of(path, dialect))
        return Opened(found, tuple(names), (pa.string(),) * len(names), None, dialect)
    schema_of = {"parquet": _parquet_schema, "feather": _feather_schema}[found.kind]
    schema, rows = schema_of(first)
    _distinct(first, schema.names)
    for path in found.paths[1:]:
        other, more = schema_of(path)
        _same(first, schema.names, path, other.names)
        rows += more
    return Opened(found, tuple(schema.names), tuple(schema.types), rows)


def _same(first: Path, names: Sequence[str], path: Path, others: Sequence[str]) -> None:
    lacks, more = [n for n in names if n not in others], [n for n in others if n not in names]
    if lacks or more:
        parts = [f"lacks {_listed(lacks)}"] * bool(lacks) + [f"has {_listed(more)} besides"] * bool(more)
        raise BadData(f"{path}: {' and '.join(parts)}, unlike {first.name}; "
                      "the files of one table have the same columns: name a single file, or mend one")  # fmt: skip


def _distinct(path: Path, names: Sequence[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadData(f"{path}: has two columns named {twice[0]!r}; give each column a name of its own")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")


def _damaged(path: Path, error: Exception) -> BadData:
    return BadData(f"{path}: is damaged or truncated ({' '.join(str(error).split())[:160]}); get the file again")


def _parquet_schema(path: Path) -> tuple[Any, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _parquet(path: Path, wanted: Sequence[str]) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:  # else the whole file is read ahead
            for batch in file.iter_batches(ROWS, columns=list(wanted)):
                yield batch.select(list(wanted))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _feather_schema(path: Path) -> tuple[Any, int]:
    import pyarrow as pa
    from pyarrow import ipc

    try:
        with pa.memory_map(str(path)) as raw:
            schema = ipc.open_file(raw).schema
            file = ipc.open_file(raw, options=ipc.IpcReadOptions(included_fields=[0]))
            return schema, sum(file.get_batch(place).num_rows for place in range(file.num_record_batches))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _feather(path: Path, wanted: Sequence[str]) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import ipc

    try:
        with pa.memory_map(str(path)) as raw:
            places = sorted(ipc.open_file(raw).schema.names.index(name) for name in wanted)
            file = ipc.open_file(raw, options=ipc.IpcReadOptions(included_fields=places))
            for place in range(file.num_record_batches):
                batch = file.get_batch(place).select(list(wanted))
                for start in range(0, batch.num_rows, ROWS):
                    yield batch.slice(start, ROWS)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _text(path: Path, wanted: Sequence[str], dialect: Dialect, *, threads: bool = True) -> Iterator[Any]:
    """A CSV file's columns as text, cells as they are. Raises BadData, also for a quote that is never closed."""
    import pyarrow as pa

    try:
        with unpacked(path) as stream:
            watched = _Watched(stream)
            yield from _parsed(watched, names_of(path, dialect), wanted, dialect, threads)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        if threads:  # once more with one thread, which knows the row
            for _ in _text(path, wanted, dialect, threads=False):
                pass
        raise _mended(path, dialect, str(error)) from error
    except OSError as error:
        raise _damaged(path, error) from error
    if watched.quotes % 2 and not dialect.encoding.startswith("utf-16") and (row := _spanning(path, dialect)):
        raise BadData(f"{path}: a quote is not closed: row {row:,} has a cell of more than one line, and the quotes of "
                      "the file are odd in number; close or double that quote")  # fmt: skip


def _parsed(
    stream: Any, names: Sequence[str], wanted: Sequence[str], dialect: Dialect, threads: bool = True
) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import csv

    read = csv.ReadOptions(
        column_names=list(names),
        skip_rows_after_names=int(dialect.header),  # a header may span lines; this counts rows
        block_size=_BYTES,
        use_threads=threads,
        encoding=dialect.encoding,
    )
    parse = csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True)
    convert = csv.ConvertOptions(column_types=dict.fromkeys(wanted, pa.string()), include_columns=list(wanted))
    with csv.open_csv(stream, read_options=read, parse_options=parse, convert_options=convert) as reader:
        yield from reader


def _spanning(path: Path, dialect: Dialect) -> int:
    """The first row that has a cell of more than one line, from 1; 0 where none has."""
    import pyarrow.compute as pc

    names, row = names_of(path, dialect), 1
    with unpacked(path) as stream:
        for batch in _parsed(stream, names, names, dialect):
            found = [pc.index(pc.match_substring(column, "\n"), True).as_py() for column in batch.columns]
            if some := [at for at in found if at >= 0]:
                return row + min(some)
            row += batch.num_rows
    return 0


class _Watched(io.RawIOBase):
    """A stream that counts the quotes that pass."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.quotes = stream, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.stream.read(size)
        self.quotes += data.count(b'"')
        return data


def _mended(path: Path, dialect: Dialect, message: str) -> BadData:
    if width := _WIDTH.search(message):
        row, expected, got = width.groups()
        return BadData(f"{path}: row {int(row) - dialect.header:,} has {got} cells, expected {expected}; "
                       "mend that row (an open quote, or a delimiter within a cell?)")  # fmt: skip
    if "straddling" in message or "block boundaries" in message:
        return BadData(f"{path}: has a row longer than {_BYTES >> 20} MiB, as after an open quote; mend that row")
    if "UTF8" in message or "utf-8" in message or "decode" in message:
        return BadData(f"{path}: is not UTF-8 throughout; save it as UTF-8, or say `encoding = \"latin-1\"` under "
                       "[csv] in its description")  # fmt: skip
    return BadData(f"{path}: cannot be read ({' '.join(message.split())[:160]}); get the file again")


def _spaced(path: Path, wanted: Sequence[str], dialect: Dialect) -> Iterator[Any]:
    """A file whose columns are aligned by any number of spaces."""
    import pandas as pd
    import pyarrow as pa

    try:
        with pd.read_csv(
            path, sep=r"\s+", names=names_of(path, dialect), skiprows=int(dialect.header), dtype=str,
            keep_default_na=False, chunksize=ROWS, encoding=dialect.encoding, index_col=False,
        ) as reader:  # fmt: skip
            for frame in reader:
                yield pa.RecordBatch.from_pandas(frame[list(wanted)].astype(object), preserve_index=False)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise _damaged(path, error) from error
