"""Whole columns of CSV files, plain or gzipped, with bounded memory. Failures name file, column and line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from datasets.base import BadData
from datasets.reading.delimited import check_names, header
from datasets.reading.stream import Block, blocks
from datasets.schema import Array

MISSING = -1  # what an empty cell of a nullable integer column becomes: a category of its own
_BLOCK = 16 << 20  # bytes of text parsed at a time, its parts in parallel
_LARGEST = 1e15  # in any unit: 30,000 years in milliseconds


@dataclass(frozen=True)
class Column:
    """A column to read: its type, whether cells may be empty, and the smallest and largest value that can be right."""

    name: str
    kind: Literal["int", "float", "text"] = "int"
    empty: bool = False  # allowed; becomes MISSING, NaN or ""
    low: float | None = None
    high: float | None = None
    optional: bool = False  # the file may lack the column; it is then absent from the result
    keep: bool = True  # False: only part of the rows' hash


def read_csv(path: Path, columns: Sequence[Column], *, row_hash: bool = False) -> dict[str, Array]:
    """The wanted columns as arrays [n]: "int" as int32 (int64 where needed), "float" as float64, "text" as object.

    With `row_hash`, the key "" holds a 64-bit hash of each row's wanted number columns, to count duplicates.
    Raises BadData for a missing or doubled column, a damaged file, or a cell that is empty, not a number, infinite, too
    large or too small.
    """
    import pyarrow as pa

    found = header(path)
    optional = [c.name for c in columns if c.optional]
    check_names(path, found, [c.name for c in columns if not c.optional], optional)
    wanted = [c for c in columns if c.name in found]
    parts: dict[str, list[Array]] = {c.name: [] for c in wanted if c.keep}
    hashes: list[Array] = []
    kinds = {"int": pa.int64(), "float": pa.float64(), "text": pa.string()}
    for block in blocks(path, {c.name: kinds[c.kind] for c in wanted}, size=_BLOCK):
        values = {c.name: _checked(block, c) for c in wanted}
        if row_hash:
            hashes.append(hashed_rows([v for v in values.values() if v.dtype != object]))
        for name, chunks in parts.items():
            chunks.append(values[name])
    if not any(parts.values()):
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


def hashed_rows(columns: Sequence[Array]) -> Array:
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


def _checked(block: Block, column: Column) -> Array:
    """One block of a column as NumPy; raises BadData at the first cell that cannot be right."""
    name, array = column.name, block.batch.column(column.name)
    empty = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else np.zeros(0, bool)
    if not column.empty:
        block.check(name, empty, "is empty or not a number")
    if column.kind == "text":
        text: Array = array.fill_null("").to_numpy(zero_copy_only=False)
        return text
    filler = MISSING if column.kind == "int" else np.nan
    values = array.fill_null(filler).to_numpy(zero_copy_only=False) if array.null_count else array.to_numpy()
    if column.kind == "float":
        block.check(name, np.isinf(values), "is infinite")
        block.check(name, np.abs(values) > _LARGEST, "is too large to be true", values)
        if not column.empty:
            block.check(name, np.isnan(values), "is not a number")
    _check_range(block, column, values, empty)
    if column.kind == "int" and len(values) and values.min() >= -(2**31) and values.max() < 2**31:
        return values.astype(np.int32)
    return values


def _check_range(block: Block, column: Column, values: Array, empty: Array) -> None:
    """Raises BadData at the first cell outside what can be right."""
    for bound, beyond, word in ((column.low, np.less, "below"), (column.high, np.greater, "above")):
        if bound is None or not (wrong := beyond(values, bound)).any():
            continue
        if len(empty):
            wrong &= ~empty
        what = "is negative" if (word, bound) == ("below", 0) else f"is {word} {bound:g}"
        block.check(column.name, wrong, what, values)


def _joined(chunks: list[Array]) -> Array:
    if len({c.dtype for c in chunks}) > 1 and chunks[0].dtype != object:
        chunks = [c.astype(np.int64) for c in chunks]
    whole = np.concatenate(chunks)
    chunks.clear()
    return whole
