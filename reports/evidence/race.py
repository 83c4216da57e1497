"""One metric of one board: its rows in order, the constant and the trees among them, and each row's skill."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from reports.evidence.contest import Contest, contest
from reports.evidence.skill import Scale, scale_of
from reports.model.board import Board, Result
from reports.model.metrics import METRICS


@dataclass(frozen=True, eq=False)
class Race:
    """The rows with the metric, the best mean first, without the oracle: nobody can reach it."""

    dataset: str
    metric: str
    means: Mapping[Result, float]  # in order
    contest: Contest | None  # None where the board was not resampled
    scale: Scale | None  # from the best constant to the best row, or to the oracle

    @cached_property
    def rows(self) -> list[Result]:
        return list(self.means)

    @property
    def best(self) -> Result | None:
        return next(iter(self.means), None)

    @cached_property
    def first(self) -> list[Result]:
        """The first tied group, the best first; the best alone where nothing was resampled."""
        if self.contest is None:
            return self.rows[:1]
        return [e for e in self.contest.results if self.contest.ranks(e)[0] == 1]

    @property
    def level(self) -> int | None:
        """How many others noise leaves level with the best; None where the best's noise is unknown."""
        return len(self.first) - 1 if self.best and self.knows(self.best) else None

    @property
    def constant(self) -> Result | None:
        """The best of what sees the label alone, or at most the duration's bucket."""
        return self._best(lambda result: result.label_only)

    @property
    def trees(self) -> Result | None:
        """The best boosted trees."""
        return self._best(lambda result: result.trees)

    def _best(self, kind: Callable[[Result], bool]) -> Result | None:
        """Of those whose noise is known, where that of any is."""
        found = [result for result in self.means if kind(result)]
        return next((result for result in found if self.knows(result)), next(iter(found), None))

    def knows(self, *results: Result) -> bool:
        """Whether the noise of all of these is known."""
        return self.contest is not None and set(results) <= self.contest.places.keys()

    def beats(self, a: Result, b: Result) -> bool:
        """Whether a is better than b beyond noise."""
        return self.contest is not None and self.knows(a, b) and self.contest.beats(a, b)

    def skill(self, result: Result) -> float | None:
        """0 for the best constant, 1 for the best row; None where the constant is the best, so that there is no way
        between."""
        if self.scale is None or self.scale.flat or result not in self.means:
            return None
        return self.scale.skill(self.means[result])

    @property
    def gain(self) -> float | None:
        """By how many percent the best row lies above the best constant, below 0: below it; None where that is 0."""
        if self.best is None or self.scale is None or not self.scale.zero:
            return None
        return 100 * (self.means[self.best] / self.scale.zero - 1)


def race(board: Board, dataset: str, metric: str) -> Race:
    """Made once for a board."""
    return board.keep(("race", dataset, metric), lambda: _race(board, dataset, metric))


def _race(board: Board, dataset: str, metric: str) -> Race:
    sign = 1 if METRICS[metric].low else -1
    known = [(sign * v, e) for e in board.of(dataset) if not e.oracle and (v := e.mean(metric)) is not None]
    ordered = sorted(known, key=lambda item: (item[0], item[1].method, item[1].variant))
    means = {result: sign * value for value, result in ordered}
    return Race(dataset, metric, means, contest(board, dataset, metric), scale_of(board, dataset, metric))
