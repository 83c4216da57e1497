"""Measures how much of the label each column tells: what tells nearly all of it was written down after it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from datasets.look.columns import Column
from datasets.schema import Array

FEWEST = 50  # rows: with less there is nothing to say
_MOST = 300_000  # rows
_BINS = 256
_PRIOR = 5.0  # rows' worth of the overall mean in every group's
_COPY, _MUCH, _ALL, _SOME = 0.9999, 0.5, 0.8, 0.25  # a correlation, and shares of variance
_CUT = 0.995
_APART, _TOGETHER = 0.95, 0.9  # areas under the curve
_BEYOND = 0.15  # that much more than users, items and the duration tell together


@dataclass(frozen=True)
class Told:
    """What a column tells of the label, measured on rows that were not used to learn it."""

    share: float  # of the variance of the label's rank
    ratio: float  # of the variance of the rank of label / duration; NaN without a duration
    zero: float  # area under the curve for label > 0; NaN where nearly all or none are 0
    copy: float  # absolute correlation with the label, of numbers
    cut: float  # of a column of two values, how well the label, or label / duration, tells them apart: an area


def told(columns: Mapping[str, Column], label: Array, duration: Array | None) -> dict[str, Told]:
    """For every column. label, duration: float64 [rows]; empty for fewer than FEWEST rows with a label."""
    rows = np.flatnonzero(~np.isnan(label))
    if len(rows) < FEWEST:
        return {}
    rng = np.random.default_rng(0)
    rows = rng.permutation(rows)[:_MOST]
    learn = np.arange(len(rows)) % 2 == 0
    y = label[rows]
    ratio = None
    if duration is not None:
        span = duration[rows]
        ratio = np.where(span > 0, y / np.where(span > 0, span, 1), np.nan)
    positive = (y > 0).astype(float)
    mixed = 0.005 < positive.mean() < 0.995
    found = {}
    for name, column in columns.items():
        groups = _groups(column, rows, learn)
        if groups is None:
            continue
        found[name] = Told(
            _share(groups, _ranked(y), learn),
            np.nan if ratio is None else _share(groups, _ranked(ratio), learn),
            _area(groups, positive, learn) if mixed else np.nan,
            _correlation(column.values[rows], y) if column.values is not None else 0.0,
            max(_cut(column.codes[rows], y), 0.0 if ratio is None else _cut(column.codes[rows], ratio)),
        )
    return found


def verdict(name: str, of: Mapping[str, Told], known: list[str], *, amount: bool) -> tuple[str, str]:
    """("leave out" | "look" | "", why). known: the columns that may tell much: user, item and duration.
    amount: whether the column is one."""
    if name not in of:
        return "", ""
    it, base = of[name], [of[k] for k in known if k in of]
    share, ratio, zero = (max([0.0, *(getattr(b, what) for b in base if not np.isnan(getattr(b, what)))])
                          for what in ("share", "ratio", "zero"))  # fmt: skip
    if it.cut > _CUT:
        return "leave out", "gives the label away: it says whether the label is above a threshold"
    if it.copy > _COPY:
        return "leave out", "gives the label away: it is the label in another form"
    if it.ratio > _ALL and it.ratio > ratio + _BEYOND:
        return "leave out", f"gives the label away: it tells {it.ratio:.0%} of label / duration"
    if it.share > _MUCH and it.share > share + _BEYOND:
        return "leave out", f"gives the label away: alone it tells {it.share:.0%} of the label's rank"
    if it.zero > _APART and zero < _TOGETHER:
        why = f"alone it tells zero from more (AUC {it.zero:.3f})"
        # a class may be known before, as the place on a page is; an amount that is 0 where the label is was not
        return (
            ("leave out", f"gives the label away: {why}")
            if amount
            else ("look", f"{why}: is it known before the label?")
        )
    if it.share > _SOME and it.share > share + _BEYOND:
        return "look", f"alone it tells {it.share:.0%} of the label's rank: is it known before the label?"
    return "", ""


def _groups(column: Column, rows: Array, learn: Array) -> Array | None:
    """A group for each of the rows, int64; None for lists and what cannot be grouped."""
    if column.kind in ("list", "other", "empty"):
        return None
    if column.values is not None and column.distinct > _BINS:
        values = column.values[rows]
        there = values[learn & ~np.isnan(values)]
        if not len(there):
            return None
        edges = np.unique(np.quantile(there, np.arange(1, _BINS) / _BINS))
        return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))
    return column.codes[rows].astype(np.int64) + 1


def _ranked(values: Array) -> Array:
    """Ranks from 0 to 1, ties averaged; NaN stays."""
    from scipy.stats import rankdata

    return rankdata(values, nan_policy="omit") / max(1, len(values))


def _predicted(groups: Array, target: Array, learn: Array) -> Array:
    """The mean of the target in each row's group, over the learning rows, drawn to the overall mean."""
    there = learn & ~np.isnan(target)
    size = int(groups.max()) + 1
    count = np.bincount(groups[there], minlength=size)
    total = np.bincount(groups[there], weights=target[there], minlength=size)
    mean = target[there].mean() if there.any() else 0.0
    return ((total + _PRIOR * mean) / (count + _PRIOR))[groups]


def _share(groups: Array, target: Array, learn: Array) -> float:
    """The share of the target's variance that the groups explain, on the other rows."""
    guess, there = _predicted(groups, target, learn), ~learn & ~np.isnan(target)
    spread = target[there].var() if there.any() else 0.0
    return float(1 - np.square(target[there] - guess[there]).mean() / spread) if spread else 0.0


def _area(groups: Array, positive: Array, learn: Array) -> float:
    """How well the groups tell positives from zeros, on the other rows: 1/2 is not at all."""
    from scipy.stats import rankdata

    guess, truth = _predicted(groups, positive, learn)[~learn], positive[~learn] > 0
    ones, zeros = int(truth.sum()), int((~truth).sum())
    if not ones or not zeros:
        return np.nan
    return float((rankdata(guess)[truth].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _cut(codes: Array, by: Array) -> float:
    """How well `by` tells the two values of a column apart, 1 where one threshold does; 0 for other columns."""
    from scipy.stats import rankdata

    there = (codes >= 0) & ~np.isnan(by)
    known = np.unique(codes[there])
    if len(known) != 2:
        return 0.0
    ranks, one = rankdata(by[there]), codes[there] == known[1]
    ones, others = int(one.sum()), int((~one).sum())
    if min(ones, others) < 5:  # too few to say so
        return 0.0
    area = (ranks[one].sum() - ones * (ones + 1) / 2) / (ones * others)
    return float(max(area, 1 - area))


def _correlation(values: Array, label: Array) -> float:
    there = ~np.isnan(values)
    if there.mean() < 0.5 or values[there].std() == 0 or label[there].std() == 0:
        return 0.0
    return float(abs(np.corrcoef(values[there], label[there])[0, 1]))
