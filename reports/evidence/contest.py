"""One metric of one dataset as a contest: what resampling its test set tells apart, and what it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from benchmark.compare.noise import Noise, Spread
from benchmark.records.predictions import tag
from reports.evidence.stats import LEVEL, Estimate, estimate, holm, smallest
from reports.model.board import Board, Entry


@dataclass(frozen=True, eq=False)
class Contest:
    """The entries whose noise is known, the best first, with what is known of it."""

    entries: tuple[Entry, ...]
    low: bool  # whether the least is the best
    noise: Noise
    spread: Spread
    draws: int
    places: Mapping[Entry, int]  # in the lists of `spread`
    means: Mapping[Entry, float]

    @property
    def best(self) -> Entry:
        return self.entries[0]

    def mean(self, entry: Entry) -> Estimate:
        """The mean over users and seeds."""
        place = self.places[entry]
        return estimate(self.means[entry], [self._users(self.spread.users[place]), *self._seeds(entry)])

    def difference(self, a: Entry, b: Entry) -> Estimate:
        """a - b on the same users; the seeds of a and of b are drawn apart."""
        parts = [self._users(self._pair(a, b)), *self._seeds(a), *self._seeds(b)]
        return estimate(self.means[a] - self.means[b], parts if a is not b else [])

    def _users(self, error: float | None) -> tuple[float, float]:
        """The error is itself known from so many users and so many draws."""
        return error or 0.0, 1 / (1 / max(self.noise.clusters - 1, 1) + 1 / max(self.draws - 1, 1))

    def _seeds(self, entry: Entry) -> list[tuple[float, float]]:
        error = self.spread.seeds[self.places[entry]]
        return [(error, entry.seeds - 1)] if error and entry.seeds > 1 else []

    @cached_property
    def p(self) -> Mapping[frozenset[Entry], float]:
        """Of every pair, by Holm over all of them: the best is known only from these very numbers, so a family of the
        comparisons with it alone would sound the alarm too often."""
        pairs = list(combinations(self.entries, 2))
        adjusted = holm([self.difference(a, b).p for a, b in pairs])
        return {frozenset(pair): p for pair, p in zip(pairs, adjusted, strict=True)}

    def beats(self, a: Entry, b: Entry) -> bool:
        """Whether a is better than b beyond noise."""
        gap = self.means[a] - self.means[b]
        return a is not b and (gap < 0 if self.low else gap > 0) and self.p[frozenset((a, b))] < LEVEL

    def ranks(self, entry: Entry) -> tuple[int, int]:
        """The tied group: 1 + those that beat the entry, and all less those that it beats."""
        above = sum(self.beats(other, entry) for other in self.entries)
        below = sum(self.beats(entry, other) for other in self.entries)
        return 1 + above, len(self.entries) - below

    @property
    def smallest(self) -> float | None:
        """The smallest difference from the best that this test set would show."""
        return smallest([self.difference(e, self.best).error for e in self.entries[1:]])

    def covariance(self, entries: Sequence[Entry]) -> list[list[float]]:
        """Of the entries' means, from users and seeds: [k][k]."""
        alone = [self.spread.users[self.places[e]] or 0.0 for e in entries]
        matrix = [
            [(alone[i] ** 2 + alone[j] ** 2 - self._pair(a, b) ** 2) / 2 for j, b in enumerate(entries)]
            for i, a in enumerate(entries)
        ]
        for place, entry in enumerate(entries):
            matrix[place][place] = self.mean(entry).error ** 2
        return matrix

    def _pair(self, a: Entry, b: Entry) -> float:
        high, low = sorted((self.places[a], self.places[b]), reverse=True)
        return 0.0 if high == low else self.spread.pairs[high][low] or 0.0


def covered(board: Board, dataset: str) -> dict[Entry, int]:
    """The entries that the dataset's noise file speaks of as they are today, with their places in it."""
    noise = board.noise.get(dataset)
    if noise is None:
        return {}
    found = {}
    for place, (key, tags) in enumerate(noise.tags.items()):
        entry = board.get(dataset, *key)
        if entry and entry.ok and {str(r.seed): tag(r.identity) for r in entry.ok} == tags:
            found[entry] = place
    return found


def contest(board: Board, dataset: str, metric: str, *, low: bool, part: str = "") -> Contest | None:
    """The contest on a metric, over all test rows or a slice of them; None where fewer than two entries can compete.
    The oracle does not: nobody can reach it."""
    noise = board.noise.get(dataset)
    if noise is None:
        return None
    within = noise.slices.get(part)
    spread = (getattr(within, metric, None) if within else None) if part else noise.metrics.get(metric)
    if spread is None or not spread.pairs:
        return None
    places, means = {}, {}
    for entry, place in covered(board, dataset).items():
        mean = spread.value[place] if part else entry.mean(metric)
        if mean is not None and spread.seeds[place] is not None and not entry.oracle:
            places[entry], means[entry] = place, mean
    ordered = sorted(places, key=lambda e: (means[e] if low else -means[e], e.method, e.variant))
    draws = noise.draws if metric in ("mae", "rmse", "ratio") else noise.ranking_draws
    return Contest(tuple(ordered), low, noise, spread, draws, places, means) if len(ordered) > 1 else None


def tied(tested: Contest, entry: Entry) -> str:
    """ "3", or "2–4" """
    first, last = tested.ranks(entry)
    return str(first) if first == last else f"{first}–{last}"
