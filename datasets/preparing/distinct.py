"""Rows that are there twice, so that a test row may be a training row over again."""

from collections.abc import Iterable, Mapping

import numpy as np

from datasets.base import Split
from datasets.preparing.encode import checked_split
from datasets.reading.ingest import hashed_rows
from datasets.schema import Array


def row_hash(columns: Iterable[Array]) -> Array:
    """A 64-bit hash of each row, uint64 [n]: rows are equal where they are in every column, features and label."""
    return hashed_rows([c if c.dtype.kind in "iu" else c.astype(np.float64) for c in columns])


def first(rows: Array) -> Array:
    """Which rows equal no earlier one, bool [n]. rows: their hashes."""
    found = np.zeros(len(rows), bool)
    found[np.unique(rows, return_index=True)[1]] = True
    return found


def straddling(rows: Array, split: Mapping[Split, Array]) -> dict[str, int]:
    """How many rows equal an earlier one, and how many validation and test rows equal a training row."""
    train = np.unique(rows[split["train"]])
    beyond = {name: int(np.isin(rows[split[name]], train).sum()) for name in ("valid", "test")}
    return {"rows": int((~first(rows)).sum()), **beyond}


def kept(split: Mapping[Split, Array], keep: Array) -> dict[Split, Array]:
    """The split of the rows that are kept, each on the side where it was: row numbers among the kept ones. Raises
    BadData where a part is empty."""
    place = np.cumsum(keep, dtype=np.int64).astype(np.int32) - 1
    return checked_split({name: place[rows[keep[rows]]] for name, rows in split.items()})
