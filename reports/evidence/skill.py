"""Skill: where a metric lies between the best that a constant reaches (0) and the oracle or the best row (1)."""

from dataclasses import dataclass

from reports.model.board import Board, Result
from reports.model.metrics import METRICS

_NO_ORDER = {"xauc": 0.5, "xgauc": 0.5, "auc": 0.5, "spearman": 0.0, "gini": 0.0}  # what any constant scores


@dataclass(frozen=True)
class Scale:
    """The two ends of a metric on a dataset, and whose they are (Markdown)."""

    metric: str
    zero: float
    one: float
    floor: str
    top: str

    @property
    def flat(self) -> bool:
        """Whether nobody is better than a constant, so that there is no scale."""
        return self.zero == self.one

    def skill(self, value: float) -> float:
        return (value - self.zero) / (self.one - self.zero)


def scales(board: Board, dataset: str) -> list[Scale]:
    """The scales of the dataset's metrics that have both ends, in the leaderboard's order."""
    return [scale for name in board.metrics(dataset) if (scale := scale_of(board, dataset, name))]


def scale_of(board: Board, dataset: str, metric: str) -> Scale | None:
    """None where no value is the best, or an end is missing."""
    if METRICS[metric].better is None:
        return None
    zero, one = _floor(board, dataset, metric), _top(board, dataset, metric)
    return Scale(metric, zero[0], one[0], zero[1], one[1]) if zero and one else None


def _floor(board: Board, dataset: str, metric: str) -> tuple[float, str] | None:
    """The value that counts as 0: what every constant scores, else the best constant's value."""
    if metric in _NO_ORDER:
        return _NO_ORDER[metric], "any constant"
    found = board.constant(dataset, metric)
    value = found.mean(metric) if found else None
    return (value, found.label) if found and value is not None else None


def _top(board: Board, dataset: str, metric: str) -> tuple[float, str] | None:
    """The value that counts as 1: the oracle's value where there is one, else the best one's."""
    shown = [e for e in board.of(dataset) if e.mean(metric) is not None]
    pool: list[Result] = [e for e in shown if e.oracle] or [e for e in shown if not e.oracle]
    sign = 1 if METRICS[metric].low else -1
    values = [(sign * value, e.label, value) for e in pool if (value := e.mean(metric)) is not None]
    return (min(values)[2], min(values)[1]) if values else None
