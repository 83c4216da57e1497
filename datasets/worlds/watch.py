"""Watch-time worlds, labels in seconds: one for each idea, and a plain one in which no idea's assumption holds.

In the formulas z, z_1, z_2, ... are independent scores of who meets what (`Cast`), l the standardised log duration, d
the duration in seconds, e a standard normal.
"""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from datasets.schema import Array
from datasets.worlds.cast import Cast
from datasets.worlds.laws import Capped, CutNormal, LogNormals, Pieces, Steps, Whole, lognormal
from datasets.worlds.world import Rows, World


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _between(above: Array) -> Array:
    """Probabilities of K classes [n, K] from those of lying above each of K - 1 bounds [n, K-1], which fall."""
    ends = np.ones((len(above), 1)), np.zeros((len(above), 1))
    return -np.diff(np.concatenate([ends[0], above, ends[1]], axis=1), axis=1)


@dataclass(frozen=True)
class Peaks(World):
    """y = d r exp(s e - s^2 / 2), r one of four ratios, P(beyond the k-th) = sigmoid(sharp (z - cut_k)), s that of the
    video's group: five groups of as many videos each, from short to long. The assumption of ProWTP (its Figure 1 and
    Section 3.2): watch ratios crowd at peaks, and across duration buckets these have like means and unlike spreads."""

    key: ClassVar[str] = "peaks"
    title: ClassVar[str] = "watch ratios at peaks, as wide as the duration says"
    ratios: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0)
    spreads: tuple[float, ...] = (0.15, 0.11, 0.08, 0.05, 0.03)  # of a group's log ratios, from short to long videos
    cuts: tuple[float, ...] = (-0.7, 0.0, 0.7)
    sharp: float = 8.0

    def law(self, cast: Cast, rows: Rows) -> LogNormals:
        groups = len(self.spreads)
        edges = np.quantile(cast.seconds, np.arange(1, groups) / groups, method="inverted_cdf")
        seconds = cast.seconds[rows.thing]
        spread = np.array(self.spreads)[np.searchsorted(edges, seconds, side="left")][:, None]
        weight = _between(_sigmoid(self.sharp * (cast.scores(rows.user, rows.thing) - np.array(self.cuts))))
        mu = np.log(seconds[:, None] * np.array(self.ratios)) - spread**2 / 2
        return LogNormals(weight, mu, np.broadcast_to(spread, mu.shape))


@dataclass(frozen=True)
class Tokens(World):
    """y = sum_t v_t b_t of bits b_t. The bit meant at t is 1[z_t + carry (2 b_{t-1} - 1) > 0], b_0 = 1/2; with
    probability `flips` a coin decides instead. The assumption of GR (its Section 3): a value is a sequence of tokens
    from large to small, each of which depends on those before it, and which sum to it. The tokens are powers of two, so
    that a vocabulary of these (its Table 4) writes a label as it came about."""

    key: ClassVar[str] = "tokens"
    title: ClassVar[str] = "sums of tokens"
    values: tuple[float, ...] = (256.0, 128.0, 64.0, 32.0, 16.0, 8.0)
    scores: ClassVar[int] = 6
    flips: float = 0.2
    carry: float = 0.5

    def law(self, cast: Cast, rows: Rows) -> Steps:
        z = cast.scores(rows.user, rows.thing)  # [n, T]
        words = np.array(list(product((0, 1), repeat=len(self.values))))  # [2^T, T], in the order of their sums
        weight = np.ones((len(z), len(words)))
        for t in range(len(self.values)):
            before = 0.5 if t == 0 else words[:, t - 1]
            meant = z[:, t, None] + self.carry * (2 * before - 1) > 0  # [n, 2^T] or [n, 1]
            weight *= np.where(meant == words[:, t], 1 - self.flips / 2, self.flips / 2)
        return Steps(words @ np.array(self.values), weight)


@dataclass(frozen=True)
class Duration(World):
    """ln y = m + s (rho z + sqrt(1 - rho^2) e), m = ln 15 + slope l, s = exp(-0.7 + widen l): place and spread of watch
    time are the duration's, the rank among videos of that duration is interest alone. The assumption of D2Q (Zhan et
    al. 2022), DVR's watch-time gain (Zheng et al. 2022) and D2Co (Zhao et al. 2023)."""

    key: ClassVar[str] = "duration"
    title: ClassVar[str] = "duration sets place and spread"
    slope: float = 0.9
    widen: float = 0.5
    rho: float = 0.8

    def law(self, cast: Cast, rows: Rows) -> LogNormals:
        length = cast.length(rows.thing)
        spread = np.exp(-0.7 + self.widen * length).clip(0.1, 1.2)
        mu = np.log(15.0) + self.slope * length + spread * self.rho * cast.scores(rows.user, rows.thing)[:, 0]
        return lognormal(mu, spread * np.sqrt(1 - self.rho**2))


@dataclass(frozen=True)
class Censored(World):
    """y = min(T, d), ln T = ln 30 + 0.9 z + 0.5 e: a view ends with the video, however long the interest would have
    lasted. The assumption of CWM (Zhao et al. 2024)."""

    key: ClassVar[str] = "censored"
    title: ClassVar[str] = "interest cut off at the video's end"
    typical: float = 30.0
    slope: float = 0.9
    spread: float = 0.5

    def law(self, cast: Cast, rows: Rows) -> Capped:
        mu = np.log(self.typical) + self.slope * cast.scores(rows.user, rows.thing)[:, 0]
        return Capped(mu, self.spread, cast.seconds[rows.thing])


@dataclass(frozen=True)
class Finished(World):
    """y = d with probability sigmoid(sharp z), else d u, u even on 0 to 1: whoever sees the end has seen what there was
    to see, and would not have watched on. About as many labels lie at d as where interest is cut off there, and none of
    them stands for more: where the assumption of CWM fails."""

    key: ClassVar[str] = "finished"
    title: ClassVar[str] = "a video's end is where interest ends"
    sharp: float = 1.5

    def law(self, cast: Cast, rows: Rows) -> Whole:
        share = _sigmoid(self.sharp * cast.scores(rows.user, rows.thing)[:, 0])
        return Whole(share, cast.seconds[rows.thing])


@dataclass(frozen=True)
class Ordinal(World):
    """P(y > v_k) = sigmoid(sharp (z - c_k)) for ten values v_k, c_k the normal quantile of k / 10 (0.9: a bit nearer):
    the label is a grade, and which seconds stand for a grade says nothing more. The proportional odds of ordinal
    regression (Crammer & Singer 2001; ProWTP A.6)."""

    key: ClassVar[str] = "ordinal"
    title: ClassVar[str] = "grades by thresholds"
    values: tuple[float, ...] = (1.0, 3.0, 6.0, 12.0, 25.0, 40.0, 70.0, 120.0, 200.0, 300.0)
    sharp: float = 4.0

    def law(self, cast: Cast, rows: Rows) -> Steps:
        from scipy.special import ndtri

        cuts = 0.9 * ndtri(np.arange(1, len(self.values)) / len(self.values))
        z = cast.scores(rows.user, rows.thing)
        return Steps(np.array(self.values), _between(_sigmoid(self.sharp * (z - cuts))))


@dataclass(frozen=True)
class Tree(World):
    """A walk down a binary tree of height 3, to the right at node n with probability sigmoid(sharp z_n), each node with
    a score of its own; y is even on the leaf's interval, each twice as wide as the one before it. The assumption of TPM
    (Lin et al. 2023): label intervals are the leaves of a tree of decisions that depend on those before them."""

    key: ClassVar[str] = "tree"
    title: ClassVar[str] = "a tree of decisions"
    edges: tuple[float, ...] = (0.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
    scores: ClassVar[int] = 7
    sharp: float = 4.0

    def law(self, cast: Cast, rows: Rows) -> Pieces:
        right = _sigmoid(self.sharp * cast.scores(rows.user, rows.thing))  # [n, nodes] in heap order
        leaves = []
        for way in product((0, 1), repeat=3):
            node, p = 0, np.ones(len(right))
            for step in way:
                p = p * (right[:, node] if step else 1 - right[:, node])
                node = 2 * node + 1 + step
            leaves.append(p)
        return Pieces(np.array(self.edges), np.stack(leaves, axis=1))


@dataclass(frozen=True)
class Cuts(World):
    """ln y = ln 20 + 1.2 z + 0.3 e: the label's tail is long and can be told from the features, so that cuts at equal
    frequencies leave the last interval as wide as all others together. The assumption of CREAD (Sun et al. 2024,
    Section 3.2): where to cut is a trade between errors of classification and of restoration."""

    key: ClassVar[str] = "cuts"
    title: ClassVar[str] = "a long tail that can be told"
    slope: float = 1.2
    spread: float = 0.3

    def law(self, cast: Cast, rows: Rows) -> LogNormals:
        return lognormal(np.log(20.0) + self.slope * cast.scores(rows.user, rows.thing)[:, 0], np.array(self.spread))


@dataclass(frozen=True)
class Drift(Duration):
    """`Duration`, with ever longer videos: at time t a video is met in proportion to exp(shift (2 t - 1) l). Watch time
    given duration and interest stands still. The case that D2Q's adjustment is for: how often a duration is shown may
    change, what a rank within a duration means does not."""

    key: ClassVar[str] = "drift"
    title: ClassVar[str] = "ever longer videos, the rest stands still"
    chronological: ClassVar[bool] = True
    shift: float = 0.7

    def popularity(self, cast: Cast, time: Array) -> Array:
        length = cast.length(np.arange(len(cast.seconds)))
        return np.exp(self.shift * (2 * time[:, None] - 1) * length)


@dataclass(frozen=True)
class Plain(World):
    """y = max(100 + 30 z + 25 e, 0): one peak, no tail, no zeros, nothing to do with duration, no steps. What squared
    error on the label assumes, and none of the ideas."""

    key: ClassVar[str] = "plain"
    title: ClassVar[str] = "one normal, whatever the duration"
    typical: float = 100.0
    slope: float = 30.0
    spread: float = 25.0

    def law(self, cast: Cast, rows: Rows) -> CutNormal:
        return CutNormal(self.typical + self.slope * cast.scores(rows.user, rows.thing)[:, 0], self.spread)


WATCH: tuple[World, ...] = (
    Peaks(), Tokens(), Duration(), Censored(), Finished(), Ordinal(), Tree(), Cuts(), Drift(), Plain(),
)  # fmt: skip
