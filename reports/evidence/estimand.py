"""Does a board rank methods, or what they estimate? MAE is least for the conditional median and RMSE for the mean; on a
skewed label the two differ, and predicted / actual tells which one a row is near."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh

from benchmark.compare.copula import Copula, rho_of
from reports.model.board import Board, Result

MEAN, MEDIAN, NEITHER = "mean", "median", "neither"
_NEAR = 0.25  # of the way between a median's predicted / actual and a mean's
_APART = 0.05  # less between both, and predicted / actual tells nothing
_LEAST = 8  # rows from which a correlation over them is worth its interval
_Z = 1.959964  # standard errors of a 95 % interval


def observed(board: Board, result: Result) -> str:
    """What predicted / actual is near: that of a mean, that of a median of the row's own order, or neither; "" where it
    cannot tell. A row's place is 0 at the median and 1 at the mean; within a quarter of either it is near."""
    ratio, ends = result.mean("ratio"), _ends(board, result)
    if ratio is None or ends is None or ends[1] - ends[0] < _APART:
        return ""
    place = (ratio - ends[0]) / (ends[1] - ends[0])
    return MEDIAN if abs(place) <= _NEAR else MEAN if abs(place - 1) <= _NEAR else NEITHER


def _ends(board: Board, result: Result) -> tuple[float, float] | None:
    """predicted / actual of a median and of a mean on the dataset's test rows. The mean is the training rows', so the
    constant says what it comes to; the median is that of a score with the row's XAUC, where the label's distribution is
    kept, else the constant's."""
    dataset = result.dataset
    mean, constant = (_constant(board, dataset, kind) for kind in (MEAN, MEDIAN))
    marginal, xauc = board.folder.marginals.get(dataset), result.mean("xauc")
    if marginal is not None and xauc is not None:
        median = board.keep(("median", result.key), lambda: Copula(marginal.test).at(rho_of(xauc)).median.ratio)
        return median, mean or 1.0
    return None if constant is None else (constant, mean or 1.0)


def _constant(board: Board, dataset: str, kind: str) -> float | None:
    """predicted / actual of the constant that has the least error of its kind."""
    found = board.constant(dataset, "rmse" if kind == MEAN else "mae")
    return found.mean("ratio") if found else None


@dataclass(frozen=True)
class Rho:
    """Spearman's correlation over rows with its 95 % interval, the rows taken as drawn (Bonett and Wright, 2000)."""

    value: float
    low: float
    high: float
    rows: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def rho(results: Sequence[Result], one: str, other: str) -> Rho | None:
    """Between two metrics over rows; None where there are too few, or either has no order."""
    known = [(a, b) for e in results if (a := e.mean(one)) is not None and (b := e.mean(other)) is not None]
    if len(known) < _LEAST or any(len(set(values)) < 2 for values in zip(*known, strict=True)):
        return None
    from scipy.stats import spearmanr

    value = float(spearmanr([a for a, _ in known], [b for _, b in known]).statistic)
    if abs(value) >= 1:
        return Rho(value, value, value, len(known))
    reach = _Z * sqrt((1 + value**2 / 2) / (len(known) - 3))
    return Rho(value, tanh(atanh(value) - reach), tanh(atanh(value) + reach), len(known))
