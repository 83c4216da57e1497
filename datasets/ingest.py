"""Typed reading of CSV files, plain or gzipped, with bounded memory. Failures name file, column and line."""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from datasets.base import BadData
from datasets.schema import Array

MISSING = -1  # what an empty cell of a nullable integer column becomes: a category of its own
_BLOCK = 16 << 20  # bytes of text parsed at a time


_LARGEST = 1e15  # in any unit: 30,000 years in milliseconds


@dataclass(frozen=True)
class Column:
    """A column to read: its type, whether cells may be empty, and the smallest value that can be right."""

    name: str
    kind: Literal["int", "float", "text"] = "int"
    empty: bool = False  # allowed; becomes MISSING, NaN or ""
    low: float | None = None
    optional: bool = False  # the file may lack the column; it is then absent from the result
    keep: bool = True  # False: only part of the rows' hash


def header(path: Path) -> list[str]:
    """The column names in a file's first line."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            line = stream.readline(1 << 20)
        names = next(csv.reader(io.StringIO(line.decode("utf-8-sig"))), [])
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"{path}: cannot be read as a CSV file ({error}); get the file again") from error
    if not names:
        raise BadData(f"{path}: the file is empty; get the file again")
    return [name.strip() for name in names]


def read_csv(path: Path, columns: Sequence[Column], *, row_hash: bool = False) -> dict[str, Array]:
    """The wanted columns as arrays [n]: "int" as int32 (int64 where needed), "float" as float64, "text" as object.

    With `row_hash`, the key "" holds a 64-bit hash of each row's wanted number columns, to count duplicates.
    Raises BadData for a missing column, a damaged file, or a cell that is empty, not a number, infinite, too large or
    too small.
    """
    found = header(path)
    if missing := [c.name for c in columns if c.name not in found and not c.optional]:
        raise BadData(f"{path}: no column {_listed(missing)}; get the file again, or rename; it has {_listed(found)}")
    wanted = [c for c in columns if c.name in found]
    parts: dict[str, list[Array]] = {c.name: [] for c in wanted if c.keep}
    hashes: list[Array] = []
    row = 0
    for block in _blocks(path, wanted):
        values = {c.name: _checked(path, c, array, row) for c, array in zip(wanted, block, strict=True)}
        row += len(block[0])
        if row_hash:
            hashes.append(_hash([v for v in values.values() if v.dtype != object]))
        for name, chunks in parts.items():
            chunks.append(values[name])
    if row == 0:
        raise BadData(f"{path}: the file has a header and no rows; get the file again")
    # one column at a time, so that only one of them is ever held twice
    result = {name: _joined(parts.pop(name)) for name in list(parts)}
    if row_hash:
        result[""] = _joined(hashes)
    return result


def duplicates(row_hash: Array) -> int:
    """How many rows equal an earlier one."""
    ordered = np.sort(row_hash)  # np.unique goes by hash table: ten times slower where most values are distinct
    return int((ordered[1:] == ordered[:-1]).sum())


def concatenated(tables: Sequence[dict[str, Array]]) -> dict[str, Array]:
    """The same columns of several files, one below the other; a column that one of them lacks is left out."""
    if len(tables) == 1:
        return tables[0]
    shared = [name for name in tables[0] if all(name in table for table in tables)]
    return {name: np.concatenate([table.pop(name) for table in tables]) for name in shared}


def _arrow_types(columns: Sequence[Column]) -> dict[str, Any]:
    import pyarrow as pa

    # nullable integers are read as floats because some writers print 12.0 in a column that has empty cells
    kinds = {"int": pa.int64(), "float": pa.float64(), "text": pa.string()}
    return {c.name: kinds["float" if c.kind == "int" and c.empty else c.kind] for c in columns}


def _blocks(path: Path, columns: Sequence[Column]) -> Iterator[list[Any]]:
    """Blocks of the file as Arrow arrays, one per column."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [c.name for c in columns]
    convert = arrow_csv.ConvertOptions(column_types=_arrow_types(columns), include_columns=names)
    try:
        with arrow_csv.open_csv(
            path, read_options=arrow_csv.ReadOptions(block_size=_BLOCK), convert_options=convert
        ) as reader:
            for batch in reader:
                yield batch.columns
    except pa.ArrowInvalid as error:
        raise BadData(_located(path, columns, str(error))) from error
    except OSError as error:
        kind = "a truncated or damaged gzip file" if path.suffix == ".gz" else "unreadable"
        raise BadData(f"{path}: {kind} ({error}); get the file again") from error


def _checked(path: Path, column: Column, array: Any, first_row: int) -> Array:
    """One block of a column as NumPy; raises BadData at the first cell that cannot be right."""
    empty = array.is_null().to_numpy(zero_copy_only=False)
    if empty.any() and not column.empty:
        raise _bad(path, column, first_row + int(empty.argmax()), "is empty or not a number")
    if column.kind == "text":
        values: Array = array.fill_null("").to_numpy(zero_copy_only=False)
        return values
    if column.kind == "int" and column.empty:
        values = array.fill_null(MISSING).to_numpy(zero_copy_only=False)
        if (odd := values != np.rint(values)).any():
            raise _bad(path, column, first_row + int(odd.argmax()), "is not a whole number")
        return values.astype(np.int64)
    values = array.fill_null(np.nan).to_numpy(zero_copy_only=False) if empty.any() else array.to_numpy()
    if column.kind == "float" and (infinite := np.isinf(values)).any():
        raise _bad(path, column, first_row + int(infinite.argmax()), "is infinite")
    if column.kind == "float" and (huge := np.abs(values) > _LARGEST).any():
        at = int(huge.argmax())
        raise _bad(path, column, first_row + at, f"is too large to be true ({values[at]:g})")
    if column.kind == "float" and not column.empty and (nan := np.isnan(values)).any():
        raise _bad(path, column, first_row + int(nan.argmax()), "is not a number")
    if column.low is not None and (small := values < column.low).any():
        at = int(small.argmax())
        what = "negative" if column.low == 0 else f"below {column.low:g}"
        raise _bad(path, column, first_row + at, f"is {what} ({values[at]:g})")
    if column.kind == "int" and len(values) and values.min() >= -(2**31) and values.max() < 2**31:
        return values.astype(np.int32)
    return values


def _bad(path: Path, column: Column, row: int, what: str) -> BadData:
    return BadData(f"{path}: column {column.name!r} {what} in line {row + 2}; mend that line or get the file again")


def _located(path: Path, columns: Sequence[Column], message: str) -> str:
    """What Arrow could not parse, with the line: a second, slow reading that only a broken file pays for."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    convert = arrow_csv.ConvertOptions(
        column_types={c.name: pa.string() for c in columns},
        include_columns=[c.name for c in columns],
        strings_can_be_null=True,
    )
    options = arrow_csv.ReadOptions(block_size=_BLOCK, use_threads=False)
    types = _arrow_types(columns)
    row = 0
    try:
        with arrow_csv.open_csv(path, read_options=options, convert_options=convert) as reader:
            for batch in reader:
                for column, array in zip(columns, batch.columns, strict=True):
                    bad = _first_unparsable(array, types[column.name])
                    if bad is not None:
                        what = f"is not {'a number' if column.kind != 'int' or column.empty else 'a whole number'}"
                        return str(_bad(path, column, row + bad, f"{what} ({array[bad].as_py()!r})"))
                row += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        message = str(error)
    return f"{path}: {message.splitlines()[0][:200]}; get the file again"


def _first_unparsable(array: Any, kind: Any) -> int | None:
    """The first cell that cannot be cast, by halving."""
    import pyarrow as pa

    def castable(part: Any) -> bool:
        try:
            part.cast(kind)
        except pa.ArrowInvalid:
            return False
        return True

    if castable(array):
        return None
    low, high = 0, len(array)  # the first bad cell lies in [low, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if castable(array[low:middle]) else (low, middle)
    return low


def _hash(columns: Sequence[Array]) -> Array:
    """A 64-bit hash of each row (the finaliser of splitmix64, column after column)."""
    state = np.zeros(len(columns[0]), np.uint64)
    for values in columns:
        state ^= values.view(np.uint64) if values.dtype.itemsize == 8 else values.astype(np.int64).view(np.uint64)
        state += np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(30)
        state *= np.uint64(0xBF58476D1CE4E5B9)
        state ^= state >> np.uint64(27)
        state *= np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return state


def _joined(chunks: list[Array]) -> Array:
    if len({c.dtype for c in chunks}) > 1 and chunks[0].dtype != object:
        chunks = [c.astype(np.int64) for c in chunks]
    whole = np.concatenate(chunks)
    chunks.clear()
    return whole


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(n) for n in names)
