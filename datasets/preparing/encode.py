"""From raw columns to model inputs. Whatever is fitted here is fitted on the training rows alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datasets.base import BadData, Split
from datasets.schema import Array

_FAR = 1 << 62  # ids beyond have no room for one below or above them in 64 bits
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


def random_split(n: int, shares: Sequence[float], seed: int) -> dict[Split, Array]:
    """A random partition of n rows in proportion to `shares`, as sorted int32 indices."""
    order = np.arange(n, dtype=np.int32)
    np.random.default_rng(seed).shuffle(order)
    return _cut(order, shares)


def chronological_split(time: Array, shares: Sequence[float]) -> dict[Split, Array]:
    """The oldest rows train, the newest test; rows of equal time keep the file's order."""
    return _cut(np.argsort(time, kind="stable").astype(np.int32), shares)


def _cut(order: Array, shares: Sequence[float]) -> dict[Split, Array]:
    ends = np.rint(np.cumsum(shares) / sum(shares) * len(order)).astype(int)
    parts = np.split(order, ends[:-1])
    return checked_split({name: np.sort(part) for name, part in zip(SPLITS, parts, strict=True)})


def checked_split(split: Mapping[Split, Array]) -> dict[Split, Array]:
    """The same split, or BadData where a part of it is empty."""
    if empty := [name for name, rows in split.items() if len(rows) == 0]:
        sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in split.items())
        raise BadData(
            f"no row is left for {' and '.join(empty)} ({sizes}): the raw files hold too few usable rows, get more"
        )
    return dict(split)


def vocabulary(values: Array, train: Array) -> Array:
    """The distinct values of the training rows, ascending."""
    return np.unique(values[train])


def encoded(values: Array, vocabulary: Array) -> Array:
    """Ids int32 [n]: 1 + the place in the vocabulary, 0 for a value that it lacks."""
    low, high = (int(vocabulary[0]), int(vocabulary[-1])) if values.dtype.kind == "i" else (0, 0)
    if 0 < high - low < 1 << 24 and low > -_FAR and high < _FAR:  # a look-up is several times faster than a search
        table = np.zeros(high - low + 3, np.int32)  # [unknown below, low..high, unknown above]
        table[vocabulary - (low - 1)] = np.arange(1, len(vocabulary) + 1, dtype=np.int32)
        return table[np.clip(values, low - 1, high + 1) - (low - 1)]
    place = np.minimum(np.searchsorted(vocabulary, values), len(vocabulary) - 1)
    return np.where(vocabulary[place] == values, place + 1, 0).astype(np.int32)


def codes(values: Array) -> tuple[Array, int]:
    """A code per row, int32 [n], equal where the values are, and how many there are."""
    known = np.unique(values)
    return encoded(values, known) - np.int32(1), len(known)


def bucket_edges(duration: Array, train: Array, buckets: int) -> Array:
    """The inner edges of equal-frequency duration buckets on the training rows, float64 [<= buckets - 1].

    Fewer than asked for where durations repeat so often that edges coincide.
    """
    seen = duration[train]
    edges = np.unique(np.quantile(seen, np.arange(1, buckets) / buckets))
    return edges[edges < seen.max()]


def bucketed(duration: Array, edges: Array) -> Array:
    """Bucket int32 [n]: the number of edges below the duration."""
    bucket = np.zeros(len(duration), np.int32)
    for edge in edges:  # a handful: ten times faster than a search
        bucket += duration > edge
    return bucket


def bag(lists: Sequence[Sequence[int]], vocabulary: Array, length: int) -> Array:
    """Ids int32 [n, length] of the first `length` members of each list, padded with 0."""
    padded = np.zeros((len(lists), length), np.int32)
    for row, members in enumerate(lists):
        ids = encoded(np.asarray(members[:length], np.int64), vocabulary)
        padded[row, : len(ids)] = ids
    return padded


def looked_up(keys: Array, table_keys: Array, table_values: Array, missing: Any) -> Array:
    """The value of each key in a two-column table, or `missing` where the table lacks the key."""
    order = np.argsort(table_keys, kind="stable")
    place = encoded(keys, table_keys[order])  # 0: not there
    values = table_values[order][place - 1]
    values[place == 0] = missing
    return values


def label_facts(label: Array) -> dict[str, float]:
    """What a reader wants to know of a label before anything else, in its unit."""
    return {
        "mean": float(label.mean(dtype=np.float64)),
        "std": float(label.std(dtype=np.float64)),
        "median": float(np.median(label)),
        "p99": float(np.quantile(label, 0.99)),
        "max": float(label.max()),
    }


def split_facts(split: Mapping[Split, Array]) -> dict[str, int]:
    """How many rows each part has."""
    return {name: len(split[name]) for name in SPLITS}
