"""The bootstrap of a test set: its users are drawn with replacement, the same for every prediction, so that methods are
compared on the same draws, and every metric is computed again, exactly, on each draw.

A draw is a multiplicity per user (per row where there are no users): a row of a user drawn twice counts twice. Nothing
is copied or sorted again. Rows are sorted once per prediction and then carry LANES draws at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from benchmark.compare.lanes import LANES, Passes, divide, weighted
from benchmark.metrics.pairs import Array, Ranked, checked, pair_counts, ranked

DRAWS = 1024
_MEMORY = 1 << 30  # bytes of multiplicities; more clusters get fewer draws, DRAWS / 4 at least


def ranking_draws(rows: int) -> int:
    """Returns the number of draws of ranking metrics: all up to 200,000 rows, fewer where one prediction takes long."""
    return DRAWS if rows <= 200_000 else DRAWS // 2 if rows <= 1_000_000 else DRAWS // 4


def multiplicities(clusters: int, draws: int, seed: int = 0) -> Array:
    """Draws clusters with replacement; returns how often each is drawn, uint8 [draws / LANES, clusters, LANES].

    Draw 0 has every cluster once: the test set itself. A draw depends on the seed and its own number alone."""
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
        ranking 0 is `ranking_draws`. Raises ValueError for numbers of draws that are no such multiple, and for labels
        that are not finite."""
        label, _ = checked(label, label)
        if draws % LANES or ranking % LANES:
            raise ValueError(f"draws come in multiples of {LANES}, got {draws=} {ranking=}")
        names, cluster = np.unique(np.arange(len(label)) if user is None else np.asarray(user), return_inverse=True)
        draws = min(draws, max(_MEMORY // len(names) // LANES * LANES, DRAWS // 4))
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
        y, ranks = ranked(label), ranked(p)
        error, one = p - label, np.ones(len(p))
        masks = {f"{name}/mae": mask for name, mask in self.slices.items()}
        means = {"mae": (np.abs(error), one), "rmse": (np.square(error), one), "ratio": (p, label)}
        means |= {name: (np.abs(error) * mask, mask) for name, mask in masks.items()}
        sums = {name: (self._by_cluster(a), self._by_cluster(b)) for name, (a, b) in means.items()}
        if self.users:  # a user drawn twice is two users
            counts = pair_counts(y, ranks, self.cluster)
            rows = np.where(counts.counted, counts.rows, 0.0)
            sums["xgauc"] = (rows * np.where(counts.counted, counts.score(), 0), rows)
        totals = self.totals(np.array([column for pair in sums.values() for column in pair]))
        found = dict(zip(sums, divide(totals[::2], totals[1::2]), strict=True))
        found["rmse"] = np.sqrt(found["rmse"])
        return found | self._ranking(y, ranks)

    def _by_cluster(self, values: Array) -> Array:
        return np.bincount(self.cluster, values, self.clusters)

    def totals(self, sums: Array) -> Array:
        """From sums over each cluster's rows to those over each draw's: float64 [k, clusters] -> [k, draws]."""
        columns = np.ascontiguousarray(sums.T)
        return np.concatenate([weighted(block, columns) for block in self.weight], axis=1)

    def _ranking(self, y: Ranked, p: Ranked) -> dict[str, Array]:
        passes = Passes.build(y, p, self.cluster)
        ltv = self.task == "ltv"
        columns = np.stack([self.label, self.label > 0], 1)[passes.order] if ltv else np.zeros((len(self.label), 0))
        rows, positive = self.totals(
            np.array([self._by_cluster(self.label == self.label), self._by_cluster(self.label > 0)])
        )
        found: dict[str, list[Array]] = {}
        for place, block in enumerate(self.weight[: self.ranking // LANES]):
            lanes = slice(place * LANES, (place + 1) * LANES)
            for name, draws in passes.of(block, rows[lanes], positive[lanes], columns).items():
                found.setdefault(name, []).append(draws)
        return {name: np.concatenate(draws) for name, draws in found.items()}
