"""One metric of one dataset as a contest: what resampling its test set tells apart, and what it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from statistics import median

from benchmark.compare.noise import Noise, Spread
from benchmark.records.predictions import tag
from reports.evidence.stats import LEVEL, Estimate, estimate, holm, smallest
from reports.model.board import Board, Result
from reports.model.metrics import METRICS


@dataclass(frozen=True, eq=False)
class Contest:
    """The results whose noise is known, the best first, with what is known of it."""

    results: tuple[Result, ...]
    low: bool  # whether the least is the best
    noise: Noise
    spread: Spread
    draws: int
    places: Mapping[Result, int]  # in the lists of `spread`
    means: Mapping[Result, float]

    @property
    def best(self) -> Result:
        return self.results[0]

    def mean(self, result: Result) -> Estimate:
        """The mean over users and seeds."""
        place = self.places[result]
        return estimate(self.means[result], [self._users(self.spread.users[place]), *self._seeds(result)])

    @cached_property
    def lent(self) -> tuple[float, float]:
        """What a row that was not resampled is lent: the median error over users of those that were, and the median
        error over users of a difference of two of them."""
        pairs = [self._pair(a, b) for a, b in combinations(self.results, 2)]
        return median(self.spread.users[place] or 0.0 for place in self.places.values()), median(pairs)

    def beside(self, value: float, seeds: tuple[float, float]) -> Estimate:
        """A mean of a row that was not resampled, over its seeds, (error, freedom), and users as lent."""
        return estimate(value, [self._users(self.lent[0]), seeds])

    def difference(self, a: Result, b: Result) -> Estimate:
        """a - b on the same users; the seeds of a and of b are drawn apart."""
        parts = [self._users(self._pair(a, b)), *self._seeds(a), *self._seeds(b)]
        return estimate(self.means[a] - self.means[b], parts if a is not b else [])

    def _users(self, error: float | None) -> tuple[float, float]:
        """The error is itself known from so many users and so many draws."""
        return error or 0.0, 1 / (1 / max(self.noise.clusters - 1, 1) + 1 / max(self.draws - 1, 1))

    def _seeds(self, result: Result) -> list[tuple[float, float]]:
        error = self.spread.seeds[self.places[result]]
        return [(error, result.seeds - 1)] if error and result.seeds > 1 else []

    @cached_property
    def p(self) -> Mapping[frozenset[Result], float]:
        """The p-value of every pair, by Holm over all of them: the best is known only from these very numbers, so a
        family of the comparisons with it alone would sound the alarm too often."""
        pairs = list(combinations(self.results, 2))
        adjusted = holm([self.difference(a, b).p for a, b in pairs])
        return {frozenset(pair): p for pair, p in zip(pairs, adjusted, strict=True)}

    def beats(self, a: Result, b: Result) -> bool:
        """Whether a is better than b beyond noise."""
        gap = self.means[a] - self.means[b]
        return a is not b and (gap < 0 if self.low else gap > 0) and self.p[frozenset((a, b))] < LEVEL

    def ranks(self, result: Result) -> tuple[int, int]:
        """The tied group: 1 + those that beat the result, and all less those that it beats."""
        return self._ranks[result]

    @cached_property
    def _ranks(self) -> Mapping[Result, tuple[int, int]]:
        above, below = dict.fromkeys(self.results, 0), dict.fromkeys(self.results, 0)
        for ahead, behind in combinations(self.results, 2):  # the best first: none is beaten by a later one
            if self.beats(ahead, behind):
                above[behind] += 1
                below[ahead] += 1
        return {result: (1 + above[result], len(self.results) - below[result]) for result in self.results}

    @property
    def smallest(self) -> float | None:
        """The smallest difference from the best that this test set would show."""
        return smallest([self.difference(e, self.best).error for e in self.results[1:]])

    def covariance(self, results: Sequence[Result]) -> list[list[float]]:
        """The covariance of the results' means, from users and seeds: [k][k]."""
        alone = [self.spread.users[self.places[e]] or 0.0 for e in results]
        matrix = [
            [(alone[i] ** 2 + alone[j] ** 2 - self._pair(a, b) ** 2) / 2 for j, b in enumerate(results)]
            for i, a in enumerate(results)
        ]
        for place, result in enumerate(results):
            matrix[place][place] = self.mean(result).error ** 2
        return matrix

    def lent_covariance(self, errors: Sequence[float]) -> list[list[float]]:
        """The same of rows of which some were not resampled. errors: of their means, over users and seeds."""
        alone, apart = self.lent
        shared = max(alone**2 - apart**2 / 2, 0.0)
        return [[error**2 if i == j else shared for j in range(len(errors))] for i, error in enumerate(errors)]

    def _pair(self, a: Result, b: Result) -> float:
        high, low = sorted((self.places[a], self.places[b]), reverse=True)
        return 0.0 if high == low else self.spread.pairs[high][low] or 0.0


def covered(board: Board, dataset: str) -> dict[Result, int]:
    """The results that the dataset's noise file speaks of as they are today, with their places in it."""
    return board.keep(("covered", dataset), lambda: _covered(board, dataset))


def _covered(board: Board, dataset: str) -> dict[Result, int]:
    noise = board.noise.get(dataset)
    if noise is None:
        return {}
    found = {}
    for place, (key, tags) in enumerate(noise.tags.items()):
        result = board.get(dataset, *key)
        if result and result.ok and {str(r.seed): tag(r.identity) for r in result.ok} == tags:
            found[result] = place
    return found


def contest(board: Board, dataset: str, metric: str, part: str = "") -> Contest | None:
    """The contest on a metric, over all test rows or a slice of them; None where fewer than two results can compete.
    The oracle does not: nobody can reach it."""
    return board.keep(("contest", dataset, metric, part), lambda: _contest(board, dataset, metric, part))


def _contest(board: Board, dataset: str, metric: str, part: str) -> Contest | None:
    noise = board.noise.get(dataset)
    if noise is None:
        return None
    within = noise.slices.get(part)
    spread = (getattr(within, metric, None) if within else None) if part else noise.metrics.get(metric)
    if spread is None or not spread.pairs:
        return None
    low = METRICS[metric].low if metric in METRICS else True
    places, means = {}, {}
    for result, place in covered(board, dataset).items():
        mean = spread.value[place] if part else result.mean(metric)
        if mean is not None and spread.seeds[place] is not None and not result.oracle:
            places[result], means[result] = place, mean
    ordered = sorted(places, key=lambda e: (means[e] if low else -means[e], e.method, e.variant))
    draws = noise.draws if metric in ("mae", "rmse", "ratio") else noise.ranking_draws
    return Contest(tuple(ordered), low, noise, spread, draws, places, means) if len(ordered) > 1 else None


def tied(tested: Contest, result: Result) -> str:
    """ "3", or "2–4" """
    first, last = tested.ranks(result)
    return str(first) if first == last else f"{first}–{last}"
