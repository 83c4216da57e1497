"""What rows estimate: MAE is least for the conditional median and RMSE for the mean, so on a skewed label rows of
different estimands cannot be ranked by either. What a method says of itself is held against predicted / actual."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh

from benchmark.compare.copula import Copula, rho_of
from benchmark.records import estimand as declared
from benchmark.records.record import Record
from reports.evidence.contest import contest
from reports.evidence.stats import LEVEL
from reports.model.board import Board, Result

MEAN, MEDIAN, NEITHER, UNKNOWN = "mean", "median", "neither", ""
MISSED = "≠"  # behind what a row says that it estimates, where predicted / actual is another's
OWN = {MEDIAN: "mae", MEAN: "rmse"}  # the error that each has the least of
_NEAR = 0.25  # of the way between a median's predicted / actual and a mean's
_APART = 0.05  # less between both, and predicted / actual tells nothing
_LEAST = 8  # rows from which a correlation over them is worth its interval
_Z = 1.959964  # standard errors of a 95 % interval


def estimates(board: Board, result: Result) -> str:
    """MEAN, MEDIAN or NEITHER, as the row's method says; UNKNOWN where it says nothing."""
    known = board.folder.estimands
    if result.method not in known or not result.ok:
        return UNKNOWN
    return declared.estimand(result.ok[0], known)[0] or NEITHER


def unlike(board: Board, one: Result, other: Result) -> bool:
    """Whether one estimates a mean and the other a median: no error is least for both, and they order rows unlike."""
    return {estimates(board, one), estimates(board, other)} == {MEAN, MEDIAN}


def why(board: Board, result: Result) -> str:
    """The method's reason, "" where it gives none."""
    return declared.estimand(result.ok[0], board.folder.estimands)[1] if result.ok else ""


def missed(board: Board, result: Result) -> bool:
    """Whether predicted / actual is not that of what the row says it estimates: of a mean, a tenth and more off the
    constant mean's, beyond noise where that is known; of a median, not below the constant mean's though the label is
    skewed to the right. board: as the leaderboard has it; result: its own or that of a part of it."""
    own, kind = board.get(*result.key) or result, estimates(board, result)
    if kind == MEAN:
        known = declared.checked(own.ok, _constants(board, own.dataset), board.folder.estimands)
        return known is not None and not known.holds and _beyond(board, own)
    mean, median = (_constant(board, own.dataset, kind) for kind in (MEAN, MEDIAN))
    ratio = own.mean("ratio")
    if kind != MEDIAN or mean is None or median is None or ratio is None:
        return False
    return median < mean * (1 - declared.NEAR) and ratio >= mean


def below_median(board: Board, result: Result) -> bool:
    """Whether predicted / actual is less than the constant median's; so, too, where either is unknown."""
    median, ratio = _constant(board, result.dataset, MEDIAN), result.mean("ratio")
    return median is None or ratio is None or ratio < median


def told(board: Board, result: Result) -> str:
    """In a word, for a column: "mean", "median ≠", "neither"; empty where nobody says."""
    return " ".join(filter(None, (estimates(board, result), MISSED * missed(board, result))))


def _constants(board: Board, dataset: str) -> list[Record]:
    return [record for e in board.of(dataset) if e.label_only for record in e.ok]


def _beyond(board: Board, result: Result) -> bool:
    """Whether its predicted / actual differs from the constant mean's beyond noise; taken to where that is unknown."""
    constant, tested = board.constant(result.dataset, OWN[MEAN]), contest(board, result.dataset, "ratio")
    if constant is None or tested is None or not {constant, result} <= tested.places.keys():
        return True
    return tested.difference(result, constant).p < LEVEL


def like(board: Board, kind: str) -> Board:
    """The rows that estimate this."""
    return board.keep(("like", kind), lambda: board.only(lambda result: estimates(board, result) == kind))


def observed(board: Board, result: Result) -> str:
    """What predicted / actual is near: that of a mean, that of a median of the row's own order, or NEITHER; UNKNOWN
    where it cannot tell. A row's place is 0 at the median and 1 at the mean; within a quarter of either it is near."""
    ratio, ends = result.mean("ratio"), _ends(board, result)
    if ratio is None or ends is None or ends[1] - ends[0] < _APART:
        return UNKNOWN
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
    found = board.constant(dataset, OWN[kind])
    return found.mean("ratio") if found else None


@dataclass(frozen=True)
class Between:
    """The share of the variance of rows' ranks that lies between kinds, and what chance alone would give."""

    share: float
    chance: float
    p: float  # of a share as large, if kinds do not matter


def between(board: Board, results: Sequence[Result], metric: str) -> Between | None:
    """Of rows ranked by a metric, between those that estimate a mean, a median or neither: eta squared of the ranks,
    H / (n - 1) of Kruskal and Wallis; (kinds - 1) / (n - 1) is its mean if kinds do not matter. None where rows are too
    few, of one kind or unsaid."""
    known = [(kind, v) for e in results if (kind := estimates(board, e)) and (v := e.metric(metric))]
    kinds = sorted({kind for kind, _ in known})
    if len(known) < _LEAST or len(kinds) < 2 or len({v.mean for _, v in known}) < 2:
        return None
    from scipy.stats import kruskal

    found = kruskal(*([v.mean for kind, v in known if kind == one] for one in kinds))
    return Between(float(found.statistic) / (len(known) - 1), (len(kinds) - 1) / (len(known) - 1), float(found.pvalue))


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
