"""The bootstrap of a test set: its users are drawn with replacement, the same for every prediction, so that methods are
compared on the same draws, and every metric is computed again, exactly, on each draw.

A draw is a multiplicity per user (per row where there are no users): a row of a user drawn twice counts twice. Nothing
is copied or sorted again. Rows are sorted once per prediction and then carry LANES draws at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from benchmark.metrics import Array, PairCounts, Ranked, checked, pair_counts, ranked

LANES = 64  # draws that go through a kernel together: a cache line of multiplicities
DRAWS = 1024
_BITS = 6  # of a label's rank, handled by one pass over the rows
_AHEAD = 256  # rows whose multiplicities are fetched together, so that the memory's latency is paid once


def ranking_draws(rows: int) -> int:
    """How many draws ranking metrics get: all up to 200,000 rows, fewer where one prediction would take over seconds."""
    return DRAWS if rows <= 200_000 else DRAWS // 2 if rows <= 1_000_000 else DRAWS // 4


def multiplicities(clusters: int, draws: int, seed: int = 0) -> Array:
    """How often each cluster is drawn: uint8 [draws / LANES, clusters, LANES]. Draw 0 has every cluster once: the test
    set itself. A draw depends on the seed and its own number alone."""
    out = np.ones((draws // LANES, clusters, LANES), np.uint8)
    for draw in range(1, draws):
        drawn = np.random.default_rng([seed, draw]).integers(clusters, size=clusters)
        out[draw // LANES, :, draw % LANES] = np.bincount(drawn, minlength=clusters)
    return out


@dataclass(frozen=True)
class Resampler:
    """Draws of one test set. `of` gives a prediction's metrics on all of them."""

    task: str
    label: Array  # float64 [n]
    cluster: Array  # int32 [n], the user's or row's number
    weight: Array  # uint8 [blocks, clusters, LANES], see `multiplicities`
    ranking: int  # draws of the ranking metrics, a multiple of LANES
    users: bool  # whether clusters are users
    slices: Mapping[str, Array] = field(default_factory=dict)  # bool [n] each

    @staticmethod
    def build(
        task: str,
        label: ArrayLike,
        *,
        user: ArrayLike | None = None,
        slices: Mapping[str, Array] | None = None,
        draws: int = DRAWS,
        ranking: int = 0,
        seed: int = 0,
    ) -> "Resampler":
        """label: [n]; user: [n], any sortable values; slices: bool masks [n]. draws, ranking: multiples of LANES;
        ranking 0 is `ranking_draws`. Raises ValueError for numbers of draws that are no such multiple."""
        label, _ = checked(label, label)
        if draws % LANES or ranking % LANES:
            raise ValueError(f"draws come in multiples of {LANES}, got {draws=} {ranking=}")
        names, cluster = np.unique(np.arange(len(label)) if user is None else np.asarray(user), return_inverse=True)
        return Resampler(
            task,
            label,
            cluster.astype(np.int32),
            multiplicities(len(names), draws, seed),
            min(ranking or ranking_draws(len(label)), draws),
            user is not None,
            dict(slices or {}),
        )

    @property
    def clusters(self) -> int:
        return self.weight.shape[1]

    def of(self, prediction: ArrayLike) -> dict[str, Array]:
        """Each metric on every draw, float64 [draws] or [ranking draws], NaN where it is undefined; [0] is its value on
        the test set itself. "mae", "rmse", "ratio", "xauc", "spearman", "xgauc" (with users), "gini" and "auc" (ltv),
        and "<slice>/mae"."""
        label, p = checked(self.label, prediction)
        error = p - label
        found = {name: self.mean(np.abs(error[mask]), mask) for name, mask in self.slices.items()}
        found = {f"{name}/mae": draws for name, draws in found.items()}
        found["mae"] = self.mean(np.abs(error))
        found["rmse"] = np.sqrt(self.mean(np.square(error)))
        found["ratio"] = _divide(self.total(p), self.total(label))
        y, ranks = ranked(label), ranked(p)
        if self.users:
            found["xgauc"] = self._xgauc(pair_counts(y, ranks, self.cluster))
        return found | self._ranking(y, ranks)

    def total(self, values: Array, mask: Array | None = None) -> Array:
        """The sum of values [rows] over each draw's rows, float64 [draws]; `mask`: bool [n], the rows they belong to."""
        cluster = self.cluster if mask is None else self.cluster[mask]
        return self._weighted(np.bincount(cluster, values, self.clusters))

    def mean(self, values: Array, mask: Array | None = None) -> Array:
        """The mean of values [rows] over each draw's rows, float64 [draws]."""
        return _divide(self.total(values, mask), self.total(np.ones(len(values)), mask))

    def _weighted(self, sums: Array) -> Array:
        """Sums per cluster [clusters] to sums per draw [draws]."""
        return np.concatenate([sums @ block for block in self.weight])

    def _xgauc(self, counts: PairCounts) -> Array:
        """A user drawn twice is two users: XGAUC's numerator and denominator are sums over users."""
        rows = np.where(counts.counted, counts.rows, 0).astype(np.float64)
        score = np.where(counts.counted, counts.score(), 0.0)
        return _divide(self._weighted(rows * score), self._weighted(rows))[: self.ranking]

    def _ranking(self, y: Ranked, p: Ranked) -> dict[str, Array]:
        passes = Passes.build(y, p, self.cluster)
        columns = np.stack([self.label, self.label > 0], 1) if self.task == "ltv" else np.zeros((len(self.label), 0))
        found: dict[str, list[Array]] = {}
        for block in self.weight[: self.ranking // LANES]:
            for name, draws in passes.of(block, columns[passes.order]).items():
                found.setdefault(name, []).append(draws)
        return {name: np.concatenate(draws) for name, draws in found.items()}


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

    def of(self, weight: Array, columns: Array) -> dict[str, Array]:
        """The ranking metrics on LANES draws. weight: uint8 [clusters, LANES]; columns: float64 [n, 0 or 2] in `order`,
        the label and whether it is positive."""
        above = np.zeros(LANES, np.int64)  # pairs that prediction and label order alike
        for cluster, digit, stop in self.levels:
            _concordant(cluster, digit, stop, weight, above)
        both, tied_prediction = _tied(self.cluster, self.stop, weight)
        _, tied_label = _tied(*self.by_label, weight)
        rows = _rows(self.cluster, weight)
        pairs = rows * (rows - 1) / 2
        ties = (tied_prediction + tied_label - both - rows) / 2  # sums of W^2, so a tie of W rows has (W^2 - W) / 2
        found = {"xauc": _divide(above + ties / 2, pairs)}
        centred, label_square = _centred(*self.by_label, weight, rows)
        product, square, sums = _against_ranks(self.cluster, self.label, self.stop, weight, rows, centred, columns)
        found["spearman"] = _divide(product, np.sqrt(label_square * square))
        if columns.shape[1]:
            best = _label_sums(self.cluster, self.label, weight, centred, columns[:, 0])
            positive = _rows(self.cluster[columns[:, 1] > 0], weight)
            found["gini"] = _divide(sums[0], best)
            found["auc"] = 0.5 + _divide(sums[1] / 2, positive * (rows - positive))
        return found


def _divide(a: Array, b: Array) -> Array:
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
def _rows(cluster: Array, weight: Array) -> Array:
    """Rows of each draw, float64 [LANES]."""
    total = np.zeros(LANES, np.int64)
    for i in range(len(cluster)):
        for lane in range(LANES):
            total[lane] += weight[cluster[i], lane]
    return total.astype(np.float64)


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
def _centred(cluster: Array, stop: Array, weight: Array, rows: Array) -> tuple[Array, Array]:
    """Twice the mean rank of each distinct label less (rows + 1) / 2, int32 [distinct, LANES], and the sum of its
    squares over the rows, float64 [LANES]."""
    out = np.empty((np.sum(stop == 2), LANES), np.int32)
    run, below, square = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
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
                below[lane] += run[lane]
                run[lane] = 0
            at += 1
    return out, square


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
