"""Metrics of a value prediction: labels y [n] against predictions p [n], both in the label's unit, in this order.

Each is a pure function of arrays with a one-line formula; ranking metrics are exact over all pairs, in O(n log n). An
undefined value (Spearman of a constant) is NaN. All raise ValueError where lengths differ, a value is not finite or
there is no row.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

Array = np.ndarray
Ties = Literal["half", "formula", "strict", "lenient", "exclude"]


def checked(y: ArrayLike, p: ArrayLike) -> tuple[Array, Array]:
    """Both as float64 [n], or ValueError that says which of them is wrong and how."""
    labels, predictions = np.asarray(y, np.float64), np.asarray(p, np.float64)
    if labels.ndim != 1 or labels.shape != predictions.shape:
        raise ValueError(
            f"labels and predictions must be [n] and equally long, got {labels.shape=} {predictions.shape=}"
        )
    if not len(labels):
        raise ValueError("a metric needs at least one row, got none")
    for name, values in (("labels", labels), ("predictions", predictions)):
        if bad := len(values) - int(np.isfinite(values).sum()):
            nan = int(np.isnan(values).sum())
            raise ValueError(f"{bad} of {len(values)} {name} are not finite ({nan} NaN, {bad - nan} infinite)")
    return labels, predictions


def mae(y: ArrayLike, p: ArrayLike) -> float:
    """mean |p - y|"""
    y, p = checked(y, p)
    return float(np.abs(p - y).mean())


def rmse(y: ArrayLike, p: ArrayLike) -> float:
    """sqrt(mean (p - y)^2)"""
    y, p = checked(y, p)
    return float(np.sqrt(np.square(p - y).mean()))


def ratio(y: ArrayLike, p: ArrayLike) -> float:
    """mean p / mean y; NaN where mean y is 0"""
    y, p = checked(y, p)
    return float(p.mean() / y.mean()) if y.mean() else float("nan")


def xauc(y: ArrayLike, p: ArrayLike, ties: Ties = "half") -> float:
    """(concordant pairs + tied pairs / 2) / all pairs = 1/2 + tau_a/2; ProWTP Eq. 27, with the other readings of a tie
    as `ties` (see PairCounts.score). NaN where no pair is left."""
    y, p = checked(y, p)
    return float(pair_counts(ranked(y), ranked(p)).score(ties)[0])


def xgauc(y: ArrayLike, p: ArrayLike, user: ArrayLike, ties: Ties = "half") -> float:
    """sum_u n_u XAUC_u / sum_u n_u over the users with two different labels; ProWTP Eq. 28. NaN where there is none."""
    y, p = checked(y, p)
    return pair_counts(ranked(y), ranked(p), user).weighted(ties)


def xgauc_coverage(y: ArrayLike, user: ArrayLike) -> float:
    """rows of the users with two different labels / all rows: the share of the rows that XGAUC speaks of"""
    y, _ = checked(y, y)
    return pair_counts(ranked(y), ranked(y), user).coverage


def spearman(y: ArrayLike, p: ArrayLike) -> float:
    """corr(rank y, rank p), tied values sharing their mean rank; NaN where either is constant"""
    y, p = checked(y, p)
    return rank_correlation(ranked(y), ranked(p))


def spearman_ceiling(y: ArrayLike) -> float:
    """sqrt(1 - sum_t (t^3 - t) / (n^3 - n)) over groups of t tied labels: the most that tie-free predictions reach"""
    return rank_correlation_ceiling(ranked(checked(y, y)[0]))


def normalized_gini(y: ArrayLike, p: ArrayLike) -> float:
    """cov(y, rank p) / cov(y, rank y), tied values sharing their mean rank; 0 for a constant, NaN for constant labels

    The area between the gain curve and the diagonal over that of the perfect order (Kaggle's form, so that the reversed
    order of distinct labels scores -1), averaged over the orders of tied predictions."""
    y, p = checked(y, p)
    return rank_gini(y, ranked(y), ranked(p))


def auc(y: ArrayLike, p: ArrayLike) -> float:
    """P(p of a row with y > 0 exceeds p of a row with y <= 0), ties 1/2; NaN where one kind is missing"""
    y, p = checked(y, p)
    return rank_auc(y > 0, ranked(p))


def average_precision(y: ArrayLike, p: ArrayLike) -> float:
    """sum_k (R_k - R_{k-1}) P_k over the distinct p as thresholds, largest first, for y > 0; NaN without any"""
    y, p = checked(y, p)
    values, tie = np.unique(-p, return_inverse=True)
    hits = np.cumsum(np.bincount(tie, weights=y > 0, minlength=len(values)))
    taken = np.cumsum(np.bincount(tie, minlength=len(values)))
    return float((np.diff(hits, prepend=0.0) * hits / taken).sum() / hits[-1]) if hits[-1] else float("nan")


# --- ranks, and one count of pairs from which every tie rule follows


@dataclass(frozen=True)
class Ranked:
    """n values sorted once, for all ranking metrics."""

    order: Array  # int64 [n], the rows by ascending value
    dense: Array  # int32 [n], 0-based rank of the row's value among the distinct values
    sizes: Array  # int64 [distinct], rows per distinct value

    @property
    def centred(self) -> Array:
        """float64 [n], ranks that equal values share the mean of, less (n + 1) / 2: exactly 0 for a constant."""
        return (self.sizes.cumsum() - (self.sizes + len(self.order)) / 2)[self.dense]

    def where(self, mask: Array) -> "Ranked":
        """The ranks among the rows of a bool mask [n], without sorting again."""
        place = np.cumsum(mask) - 1
        kept = self.order[mask[self.order]]
        return _ranked(place[kept], self.dense[kept])


def ranked(values: Array) -> Ranked:
    """Sort finite values [n]."""
    order = np.argsort(values)
    return _ranked(order, values[order])


def _ranked(order: Array, ascending: Array) -> Ranked:
    new = np.ones(len(order), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    dense = np.empty(len(order), np.int32)
    dense[order] = np.cumsum(new, dtype=np.int32) - 1
    return Ranked(order, dense, np.diff(np.append(np.flatnonzero(new), len(order))))


@dataclass(frozen=True)
class PairCounts:
    """Numbers of unordered pairs inside each group, int64 [groups]."""

    group: Array  # the distinct groups, ascending
    rows: Array
    concordant: Array  # both differ, in the same direction
    discordant: Array  # both differ, in opposite directions
    tied_label: Array  # equal labels, predictions equal or not
    tied_prediction: Array  # equal predictions, labels equal or not
    tied_both: Array

    @property
    def pairs(self) -> Array:
        return self.rows * (self.rows - 1) // 2

    def score(self, ties: Ties = "half") -> Array:
        """XAUC of each group, float64 [groups], NaN where no pair counts.

        A concordant pair counts 1, a discordant one 0, one tied in the prediction alone 1/2. A pair tied in the label
        counts 1/2 under `half`; 1/2, or 1 if tied in both, under `formula` (ProWTP Eq. 27 over ordered pairs); 0 under
        `strict` (TPM's and GR's code); 1 under `lenient` (D2Q's and CWM's code); `exclude` leaves it out."""
        won = self.concordant + (self.tied_prediction - self.tied_both) / 2
        if ties == "exclude":
            return _divide(won, self.pairs - self.tied_label)
        if ties not in get_args(Ties):
            raise ValueError(f"ties must be one of {', '.join(get_args(Ties))}, got {ties!r}")
        share = {"half": 0.5, "formula": 0.5, "strict": 0.0, "lenient": 1.0}[ties]
        both = self.tied_both / 2 if ties == "formula" else 0
        return _divide(won + share * self.tied_label + both, self.pairs)

    @property
    def counted(self) -> Array:
        """bool [groups]: at least two different labels, so that an order exists."""
        return self.pairs > self.tied_label

    def weighted(self, ties: Ties = "half") -> float:
        """The mean score of the counted groups weighted by their rows."""
        use = self.counted
        return float(np.average(self.score(ties)[use], weights=self.rows[use])) if use.any() else float("nan")

    @property
    def coverage(self) -> float:
        """The share of the rows that lie in counted groups."""
        return float(self.rows[self.counted].sum() / self.rows.sum())


def pair_counts(y: Ranked, p: Ranked, group: ArrayLike | None = None) -> PairCounts:
    """Count the pairs of rows inside each group (one group of all rows where None) in O(n log n).

    group: [n], any sortable values. Raises ValueError where its length differs."""
    n = len(y.order)
    if group is None:
        names, code, sizes = np.zeros(1, np.int64), None, np.array([n])
    else:
        if np.shape(group) != (n,):
            raise ValueError(f"groups must be [n] like the labels, got {np.shape(group)} for {n} labels")
        names, code, sizes = np.unique(np.asarray(group), return_inverse=True, return_counts=True)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    by_label = y.order if code is None else _by_group(y.order, code, starts)
    by_prediction = p.order if code is None else _by_group(p.order, code, starts)
    counts = _count(starts, by_label, by_prediction, y.dense, p.dense)
    return PairCounts(names, np.diff(starts), *counts)


@njit(nogil=True, cache=True)
def _by_group(order: Array, code: Array, starts: Array) -> Array:
    """Rows in `order`, moved together by group: a stable counting sort."""
    place, out = starts.copy(), np.empty_like(order)
    for row in order:
        out[place[code[row]]] = row
        place[code[row]] += 1
    return out


@njit(nogil=True, cache=True)
def _count(starts: Array, by_label: Array, by_prediction: Array, label: Array, prediction: Array) -> Array:
    """int64 [5, groups] in the order of PairCounts. Rows enter a Fenwick tree over the group's label ranks by ascending
    prediction, a run of equal predictions at a time: first all its rows ask, then all enter."""
    groups = len(starts) - 1
    out = np.zeros((5, groups), np.int64)
    largest = np.max(starts[1:] - starts[:-1])
    local = np.empty(len(label), np.int32)  # label rank inside the group, from 1
    tree, seen = np.zeros(largest + 1, np.int64), np.zeros(largest + 1, np.int64)
    for g in range(groups):
        start, end = starts[g], starts[g + 1]
        size = 0
        for k in range(start, end):
            row = by_label[k]
            if k == start or label[row] != label[by_label[k - 1]]:
                size += 1
            local[row] = size
        tree[: size + 1] = 0
        seen[: size + 1] = 0
        concordant = discordant = tied_label = tied_label_only = tied_prediction = 0
        first = start
        while first < end:
            last = first + 1
            while last < end and prediction[by_prediction[last]] == prediction[by_prediction[first]]:
                last += 1
            for k in range(first, last):
                rank = local[by_prediction[k]]
                below, node = 0, rank - 1
                while node > 0:
                    below += tree[node]
                    node -= node & -node
                concordant += below
                discordant += (first - start) - below - seen[rank]
                tied_label_only += seen[rank]
                tied_prediction += k - first
            for k in range(first, last):
                rank = local[by_prediction[k]]
                tied_label += seen[rank]
                seen[rank] += 1
                node = np.int64(rank)
                while node <= size:
                    tree[node] += 1
                    node += node & -node
            first = last
        out[0, g], out[1, g], out[2, g] = concordant, discordant, tied_label
        out[3, g], out[4, g] = tied_prediction, tied_label - tied_label_only
    return out


def _divide(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.full(len(b), np.nan), where=b > 0)


# --- the same metrics for values that are ranked already


def rank_correlation(y: Ranked, p: Ranked) -> float:
    """`spearman`"""
    a, b = y.centred, p.centred
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else float("nan")


def rank_correlation_ceiling(y: Ranked) -> float:
    """`spearman_ceiling`"""
    n, t = float(len(y.order)), y.sizes.astype(np.float64)
    return float(np.sqrt(1 - (t**3 - t).sum() / (n**3 - n))) if len(t) > 1 else float("nan")


def rank_gini(label: Array, y: Ranked, p: Ranked) -> float:
    """`normalized_gini` of labels [n], their ranks and those of the predictions"""
    return float(label @ p.centred) / float(label @ y.centred) if len(y.sizes) > 1 else float("nan")


def rank_auc(positive: Array, p: Ranked) -> float:
    """`auc` of a bool mask [n]"""
    one = int(positive.sum())
    pairs = one * (len(positive) - one)
    return 0.5 + float(p.centred[positive].sum()) / pairs if pairs else float("nan")
