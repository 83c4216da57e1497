"""The whole field: the boards, the rows that stand for the methods, and the race of each board by each metric."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from reports.evidence.race import Race, race
from reports.model.board import Board, Result
from reports.model.front import front
from reports.model.metrics import ERRORS, METRICS, WATCH_TIME

PANELS = ("MAE", "RMSE", "ranking")  # what `Field.metrics` are, in words

Row = tuple[str, str]  # method, variant


@dataclass(frozen=True)
class Block:
    """Boards that predict the same kind of value, and the rows on them."""

    words: str  # "watch time"
    datasets: tuple[str, ...]
    rows: tuple[Row, ...]


class Field:
    """A board's datasets and rows, in the order of the front page."""

    def __init__(self, board: Board) -> None:
        self.board = board

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """Those with numbers: real rows first, watch time first."""
        found = [d for d in self.board.datasets if self.board.has(d)]
        return tuple(sorted(found, key=lambda d: (self.made_up(d), not self.watch_time(d), *self._beside(d))))

    def _beside(self, dataset: str) -> tuple[str, bool, str]:
        """Boards of one source together, what leads them first."""
        return dataset.partition("@")[0], bool(front().leader(dataset)), dataset

    def leader(self, dataset: str) -> str:
        """The board with numbers that leads the rows of this one; "" where it stands for itself."""
        found = front().leader(dataset)
        return found if found and self.board.has(found) else ""

    @cached_property
    def real(self) -> tuple[str, ...]:
        """Those of real rows; all where there is none."""
        return tuple(d for d in self.datasets if not self.made_up(d)) or self.datasets

    def made_up(self, dataset: str) -> bool:
        """Whether its rows come from no file."""
        return self.board.facts(dataset).get("files") == []

    def watch_time(self, dataset: str) -> bool:
        return self.board.metrics(dataset) == WATCH_TIME

    def metrics(self, dataset: str) -> tuple[str, str, str]:
        """Both errors and the first metric that ranks."""
        ranking = next(name for name in self.board.metrics(dataset) if METRICS[name].better == "high")
        return (ERRORS[0], ERRORS[1], ranking)

    def race(self, dataset: str, metric: str) -> Race:
        return race(self.board, dataset, metric)

    def networks(self, dataset: str) -> list[Result]:
        """The rows that gradients trained."""
        return [e for e in self.board.of(dataset) if e.gradient]

    def defaults(self, dataset: str) -> list[Result]:
        """One row for each method that gradients trained."""
        return [e for e in self.networks(dataset) if e.variant == "default"]

    def predicted(self, dataset: str, metric: str) -> float | None:
        """How much of the actual total the best row by a metric predicts."""
        best = self.race(dataset, metric).best
        return best.mean("ratio") if best else None

    @cached_property
    def shown(self) -> frozenset[Row]:
        """Every method's default, and a variant where it is better than its default beyond noise in an error on a board
        of real rows."""
        return frozenset((e.method, e.variant) for d in self.datasets for e in self.board.of(d) if self._stands(d, e))

    def _stands(self, dataset: str, result: Result) -> bool:
        if result.oracle or not result.ok or result.variant == "default":
            return bool(result.ok) and not result.oracle
        default = self.board.numbers(dataset, result.method)
        races = [self.race(dataset, metric) for metric in ERRORS] if dataset in self.real else []
        return default is not None and any(race.beats(result, default) for race in races)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What is shown, by what is predicted: one part of the rows learns watch time, another lifetime value."""
        found = []
        for words, watch_time in (("watch time", True), ("lifetime value", False)):
            datasets = tuple(d for d in self.datasets if self.watch_time(d) == watch_time)
            rows = [row for row in self.shown if any(self.board.numbers(d, *row) for d in datasets)]
            if rows:
                found.append(Block(words, datasets, tuple(sorted(rows, key=lambda row: self._place(row, datasets)))))
        return tuple(found)

    def _place(self, row: Row, datasets: Sequence[str]) -> tuple[bool, float, Row]:
        """Constants last, the others by their mean skill in MAE on boards of real rows, none of it below -1."""
        there = [(d, e) for d in datasets if (e := self.board.numbers(d, *row))]
        skills = [s for d, e in there if d in self.real and (s := self.race(d, "mae").skill(e)) is not None]
        return there[0][1].label_only, -fmean([max(s, -1.0) for s in skills] or [-2.0]), row

    def of(self, row: Row) -> Iterator[tuple[str, Result]]:
        """A row on each dataset where it has numbers."""
        for dataset in self.datasets:
            if result := self.board.numbers(dataset, *row):
                yield dataset, result


def field(board: Board) -> Field:
    """Of what the leaderboards rank, made once for a board."""
    return board.keep("field", lambda: Field(board.ranked))
