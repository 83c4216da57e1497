"""Ranking metrics on many draws of a test set at once: kernels that sort a prediction's rows once and then carry LANES
draws, each a multiplicity per cluster of rows, through every step together."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from benchmark.metrics.pairs import Array, Ranked

LANES = 64  # draws that go through a kernel together: a cache line of multiplicities
_BITS = 6  # of a label's rank, handled by one pass over the rows
_AHEAD = 256  # rows whose multiplicities are fetched together, so that the memory's latency is paid once


@dataclass(frozen=True)
class Passes:
    """A prediction's rows in the orders that the kernels read them. A pass is (cluster, digit, stop), each [n]."""

    order: Array  # int64 [n], rows by prediction, then label
    cluster: Array  # int32 [n], of the rows in that order
    label: Array  # int32 [n], rank of the label among the distinct ones, in that order
    stop: Array  # uint8 [n]: 1 ends a cell of equal prediction and label, 2 also a run of equal predictions
    by_label: tuple[Array, Array]  # (cluster, stop) by label; 2 ends a run of equal labels
    levels: list[tuple[Array, Array, Array]]

    @staticmethod
    def build(y: Ranked, p: Ranked, cluster: Array) -> "Passes":
        order = _stable(y.order, p.dense, len(p.sizes))
        label, dense = y.dense[order], p.dense[order]
        stop = np.where(_ends(dense), 2, _ends(label)).astype(np.uint8)
        levels = []
        if len(p.sizes) > 1:  # a constant orders nothing
            bits = max(int(len(y.sizes) - 1).bit_length(), 1)
            for shift in range((bits - 1) // _BITS * _BITS, -1, -_BITS):
                group = label >> (shift + _BITS)
                at = _stable(np.arange(len(order)), group, int(group.max()) + 1)
                ends = np.where(_ends(group[at]), 2, _ends(dense[at])).astype(np.uint8)
                digit = ((label[at] >> shift) & ((1 << _BITS) - 1)).astype(np.uint8)
                levels.append((cluster[order[at]], digit, ends))
        runs = np.where(_ends(y.dense[y.order]), 2, 0).astype(np.uint8)
        return Passes(order, cluster[order], label, stop, (cluster[y.order], runs), levels)

    def of(self, weight: Array, rows: Array, positive: Array, columns: Array) -> dict[str, Array]:
        """The ranking metrics on LANES draws. weight: uint8 [clusters, LANES]; rows, positive: float64 [LANES], of each
        draw; columns: float64 [n, 0 or 2] in `order`, the label and whether it is positive."""
        above = np.zeros(LANES, np.int64)  # pairs that prediction and label order alike
        for cluster, digit, stop in self.levels:
            _concordant(cluster, digit, stop, weight, above)
        centred, label_square, tied_label = _centred(*self.by_label, weight, rows)
        both, tied = _tied(self.cluster, self.stop, weight)
        ties = (tied + tied_label - both - rows) / 2  # W rows that tie have (W^2 - W) / 2 pairs
        found = {"xauc": divide(above + ties / 2, rows * (rows - 1) / 2)}
        product, square, sums = _against_ranks(self.cluster, self.label, self.stop, weight, rows, centred, columns)
        found["spearman"] = divide(product, np.sqrt(label_square * square))
        if columns.shape[1]:
            best = _label_sums(self.cluster, self.label, weight, centred, columns[:, 0])
            found["gini"] = divide(sums[0], best)
            found["auc"] = 0.5 + divide(sums[1] / 2, positive * (rows - positive))
        return found


def divide(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.full(np.shape(b), np.nan), where=b > 0)


def _ends(values: Array) -> Array:
    """bool [n]: the next value is another one."""
    out = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=out[:-1])
    return out


@njit(nogil=True, cache=True)
def _stable(order: Array, key: Array, size: int) -> Array:
    """Rows in `order`, moved together by key[row] in 0..size-1: a stable counting sort."""
    place, out = np.zeros(size + 1, np.int64), np.empty_like(order)
    for row in order:
        place[key[row] + 1] += 1
    for k in range(size):
        place[k + 1] += place[k]
    for row in order:
        out[place[key[row]]] = row
        place[key[row]] += 1
    return out


@njit(nogil=True, cache=True)
def weighted(weight: Array, sums: Array) -> Array:
    """sums.T @ weight, float64 [k, LANES]: in one thread and one order, so that the bits are the same everywhere."""
    out, times = np.zeros((sums.shape[1], LANES)), np.zeros(LANES)
    for cluster in range(len(weight)):
        for lane in range(LANES):
            times[lane] = weight[cluster, lane]
        for column in range(sums.shape[1]):
            value = sums[cluster, column]
            for lane in range(LANES):
                out[column, lane] += value * times[lane]
    return out


@njit(nogil=True, cache=True)
def _fetch(cluster: Array, weight: Array, start: int) -> int:
    """Touch what the next rows need: independent reads overlap, those of the kernels wait for each other."""
    touched = 0
    for k in range(start, min(start + _AHEAD, len(cluster))):
        touched += weight[cluster[k], 0]
    return touched


@njit(nogil=True, cache=True)
def _concordant(cluster: Array, digit: Array, stop: Array, weight: Array, out: Array) -> int:
    """Add to out [LANES] the weight of the pairs inside each group whose later row has the higher digit: a Fenwick tree
    over the digits, LANES wide, small enough for the nearest cache. A run of equal predictions first asks, then enters.
    """
    size = 1 << _BITS
    tree, below = np.zeros((size, LANES), np.int32), np.zeros(LANES, np.int32)
    first = touched = 0
    for i in range(len(cluster)):
        if i % _AHEAD == 0:
            touched += _fetch(cluster, weight, i)
        node, row = np.int64(digit[i]), cluster[i]
        if node:
            for lane in range(LANES):
                below[lane] = tree[node, lane]
            node &= node - 1
            while node:
                for lane in range(LANES):
                    below[lane] += tree[node, lane]
                node &= node - 1
            for lane in range(LANES):
                out[lane] += np.int64(weight[row, lane]) * np.int64(below[lane])
        if stop[i] == 1:
            for k in range(first, i + 1):
                row, node = cluster[k], np.int64(digit[k]) + 1
                while node < size:
                    for lane in range(LANES):
                        tree[node, lane] += np.int32(weight[row, lane])
                    node += node & -node
            first = i + 1
        elif stop[i] == 2:
            tree[:] = 0
            first = i + 1
    return touched


@njit(nogil=True, cache=True)
def _tied(cluster: Array, stop: Array, weight: Array) -> tuple[Array, Array]:
    """Sums of squared weights of the cells and of the runs, float64 [LANES] each."""
    cell, run = np.zeros(LANES), np.zeros(LANES)
    cells, runs = np.zeros(LANES), np.zeros(LANES)
    touched = 0
    for i in range(len(cluster)):
        if i % _AHEAD == 0:
            touched += _fetch(cluster, weight, i)
        row = cluster[i]
        for lane in range(LANES):
            cell[lane] += weight[row, lane]
        if stop[i]:
            for lane in range(LANES):
                cells[lane] += cell[lane] * cell[lane]
                run[lane] += cell[lane]
                cell[lane] = 0
        if stop[i] == 2:
            for lane in range(LANES):
                runs[lane] += run[lane] * run[lane]
                run[lane] = 0
    return cells, runs


@njit(nogil=True, cache=True)
def _centred(cluster: Array, stop: Array, weight: Array, rows: Array) -> tuple[Array, Array, Array]:
    """Twice the mean rank of each distinct label less (rows + 1) / 2, int32 [distinct, LANES], the sum of its squares
    over the rows and that of the labels' squared weights, float64 [LANES] each."""
    out = np.empty((np.sum(stop == 2), LANES), np.int32)
    run, below, square, tied = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    at = touched = 0
    for i in range(len(cluster)):
        if i % _AHEAD == 0:
            touched += _fetch(cluster, weight, i)
        row = cluster[i]
        for lane in range(LANES):
            run[lane] += weight[row, lane]
        if stop[i] == 2:
            for lane in range(LANES):
                rank = 2 * below[lane] + run[lane] - rows[lane]
                out[at, lane] = rank
                square[lane] += run[lane] * rank * rank
                tied[lane] += run[lane] * run[lane]
                below[lane] += run[lane]
                run[lane] = 0
            at += 1
    return out, square, tied


@njit(nogil=True, cache=True)
def _against_ranks(
    cluster: Array, label: Array, stop: Array, weight: Array, rows: Array, centred: Array, columns: Array
) -> tuple[Array, Array, Array]:
    """With the doubled centred ranks r of the predictions: sums over the rows of r x the label's, of r^2, float64
    [LANES] each, and of r x each column, float64 [columns, LANES]."""
    product, square, sums = np.zeros(LANES), np.zeros(LANES), np.zeros((columns.shape[1], LANES))
    run, below, rank = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    first = touched = 0
    for i in range(len(cluster)):
        if i % _AHEAD == 0:
            touched += _fetch(cluster, weight, i) + _fetch(label, centred, i)
        row = cluster[i]
        for lane in range(LANES):
            run[lane] += weight[row, lane]
        if stop[i] != 2:
            continue
        for lane in range(LANES):
            rank[lane] = 2 * below[lane] + run[lane] - rows[lane]
            square[lane] += run[lane] * rank[lane] * rank[lane]
            below[lane] += run[lane]
            run[lane] = 0
        for k in range(first, i + 1):
            row, y = cluster[k], label[k]
            for lane in range(LANES):
                product[lane] += weight[row, lane] * rank[lane] * centred[y, lane]
            for c in range(columns.shape[1]):
                for lane in range(LANES):
                    sums[c, lane] += weight[row, lane] * rank[lane] * columns[k, c]
        first = i + 1
    return product, square, sums


@njit(nogil=True, cache=True)
def _label_sums(cluster: Array, label: Array, weight: Array, centred: Array, values: Array) -> Array:
    """Sum over the rows of value x the label's doubled centred rank, float64 [LANES]."""
    total = np.zeros(LANES)
    for i in range(len(cluster)):
        for lane in range(LANES):
            total[lane] += weight[cluster[i], lane] * np.float64(centred[label[i], lane]) * values[i]
    return total
