"""Equal-frequency bins of a column with ties: the duration groups of D2Q and TPM, the label bins of ordinal methods.

Edges are values of the column itself, in its own dtype, so that a comparison decides the same in float32 and float64.
"""

import numpy as np

from datasets.schema import Array


def order_statistics(ordered: Array, levels: Array) -> Array:
    """The smallest value whose share of rows at or below it reaches each level in (0, 1]; `ordered` [n] ascends."""
    rank = np.ceil(np.asarray(levels, np.float64) * len(ordered) - 1e-9).astype(np.int64)
    return ordered[rank.clip(1, len(ordered)) - 1]


def equal_frequency(values: Array, bins: int, *, least: int = 1) -> Array:
    """At most bins - 1 ascending, distinct inner edges e of `values` [n]; bin k is (e[k-1], e[k]], the outer ones open.

    Every bin holds `least` rows or more: where ties or a short column make one smaller, its edge is dropped.
    """
    ordered = np.sort(values)
    edges = order_statistics(ordered, np.arange(1, bins) / bins)
    below = np.searchsorted(ordered, edges, side="right")  # rows at or below each edge
    kept, done = [], 0
    for k, count in enumerate(below):
        if count - done >= least and len(ordered) - count >= least:
            kept.append(k)
            done = count
    return edges[kept]


def bin_of(values: Array, edges: Array) -> Array:
    """The bin of each value, int64 [n]: how many edges lie below it. Outside the edges' range: the outer bins."""
    return np.searchsorted(edges, values, side="left")


def members(bins: Array, count: int) -> list[Array]:
    """The row indices of each of `count` bins."""
    order = np.argsort(bins, kind="stable")
    return np.split(order, np.searchsorted(bins[order], np.arange(1, count)))


def bin_means(labels: Array, bins: Array, empty: Array) -> Array:
    """The mean label of each bin, float64 [len(empty)]; a bin without rows takes its entry of `empty`."""
    rows = np.bincount(bins, minlength=len(empty))
    total = np.bincount(bins, weights=labels, minlength=len(empty))
    return np.where(rows > 0, total / np.maximum(rows, 1), empty)
