"""Whether printed numbers can belong to one predictor: what its XAUC says of its errors, under the label's distribution
here and the Gaussian copula of `benchmark.compare.copula`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmark.compare.copula import Copula, Errors, Pair, rho_of
from reports.evidence.estimand import MEAN, MEDIAN, UNKNOWN, estimates, missed, observed
from reports.model.board import Board, Result
from reports.model.metrics import ERRORS
from reports.model.papers import Paper, PaperTable, Printed

A_MEAN, A_MEDIAN, BETWEEN, ABOVE, BELOW = WORDS = ("a mean", "a median", "between both", "above both", "below both")
_ENOUGH = 3  # rows of ours from which the copula's own error is known


@dataclass(frozen=True)
class Reach:
    """How far the copula is off on our own rows: of a share, the most that an error of a row that estimates a mean or a
    median differs from what its XAUC says."""

    off: Mapping[str, float]  # by metric
    rows: int
    shape: float = 0.0  # the same of MAE / RMSE
    xauc: tuple[float, float] = (0.0, 1.0)  # least and most of these rows: beyond it the copula was not tried


@dataclass(frozen=True)
class Row:
    """One printed row: what it prints, what its XAUC says, and if the one allows the other."""

    name: str
    xauc: Printed
    errors: Mapping[str, Printed]  # by metric
    says: Pair
    word: str
    copied: bool = False  # other papers print the same numbers
    own: bool = False  # of the paper's own method


@dataclass(frozen=True)
class Asked:
    """A table's rows on one of its datasets."""

    printed: PaperTable
    column: str
    reach: Reach
    rows: Sequence[Row]


def asked(board: Board, paper: Paper) -> Iterator[Asked]:
    """Every table, and data, for which this can be asked; one that prints the numbers of another is left out."""
    also = {printed.also for printed in paper.tables}
    for printed in paper.tables:
        if printed.form == "comparison" and printed.number not in also:
            found = (_asked(board, paper, printed, column) for column in printed.columns)
            yield from (one for one in found if one)


def _asked(board: Board, paper: Paper, printed: PaperTable, column: str) -> Asked | None:
    """None where the label's distribution, or the copula's error, is not known, or no row prints XAUC and an error."""
    source = paper.source(column)
    marginal = board.folder.marginals.get(source.ours) if source else None
    reach = reach_of(board, source.ours) if source else None
    if marginal is None or reach is None:
        return None
    copula, found = Copula(marginal.all), []
    for row in printed.rows:
        numbers = printed.printed(row, column)
        errors = {metric: one for metric in ERRORS if (one := numbers.get(metric))}
        if (xauc := numbers.get("xauc")) and errors:
            says = copula.at(rho_of(xauc.value))
            told = word({m: e.value for m, e in errors.items()}, says, reach)
            own = row.method == paper.own
            found.append(Row(row.name, xauc, errors, says, told, column in row.copied, own))
    return Asked(printed, column, reach, found) if found else None


def word(errors: Mapping[str, float], says: Pair, reach: Reach) -> str:
    """Whose errors these can be, to the copula's own error: of the mean or of the median that goes with the order, of a
    predictor between both, of one that is worse than both, or of none that has this order.

    errors: by metric, all or some of ERRORS; with MAE alone a mean and a median are not told from what lies between."""

    def off(metric: str, of: Errors) -> float:
        """The difference in units of what is allowed."""
        return (errors[metric] / _error(of, metric) - 1) / reach.off[metric]

    if errors.keys() == set(ERRORS):
        for name, of in ((A_MEAN, says.mean), (A_MEDIAN, says.median)):
            if all(abs(off(metric, of)) <= 1 for metric in errors):
                return name
    low = {"mae": says.median, "rmse": says.mean}  # who has the least
    high = {"mae": says.mean, "rmse": says.median}
    if any(off(metric, low[metric]) < -1 for metric in errors):
        return BELOW
    return ABOVE if any(off(metric, high[metric]) > 1 for metric in errors) else BETWEEN


def beyond(asked: Asked) -> list[Row]:
    """The rows whose XAUC lies outside that of our own rows, on which the copula was tried."""
    low, high = asked.reach.xauc
    return [row for row in asked.rows if not low <= row.xauc.value <= high]


def misshapen(asked: Asked) -> list[Row]:
    """The rows whose MAE / RMSE lies above a mean's and a median's, or below both, by more than on our own rows: no
    scale of the labels mends that."""
    found = []
    for row in asked.rows:
        if row.errors.keys() == set(ERRORS):
            ratio = _shape(row.errors["mae"].value, row.errors["rmse"].value)
            ends = [_shape(of.mae, of.rmse) for of in (row.says.mean, row.says.median)]
            if ratio > max(ends) * (1 + asked.reach.shape) or ratio < min(ends) * (1 - asked.reach.shape):
                found.append(row)
    return found


def _shape(mae: float | None, rmse: float | None) -> float:
    return (mae or 0.0) / rmse if rmse else 0.0


def _error(of: Errors, metric: str) -> float:
    return of.mae if metric == "mae" else of.rmse


def reach_of(board: Board, dataset: str) -> Reach | None:
    """Of the rows of a dataset's leaderboard that estimate a mean or a median; None where these are too few."""
    return board.keep(("reach", dataset), lambda: _reach(board.ranked, dataset))


def _reach(board: Board, dataset: str) -> Reach | None:
    if (marginal := board.folder.marginals.get(dataset)) is None:
        return None
    copula = Copula(marginal.test)
    known = [(e, says) for e in board.of(dataset) if e.ok and (says := _says(board, copula, e))]
    if len(known) < _ENOUGH:
        return None
    off = {m: max(abs((e.mean(m) or 0.0) / _error(says, m) - 1) for e, says in known) for m in ERRORS}
    shape = max(abs(_shape(e.mean("mae"), e.mean("rmse")) / _shape(says.mae, says.rmse) - 1) for e, says in known)
    ranks = [value for e, _ in known if (value := e.mean("xauc")) is not None]
    return Reach(off, len(known), shape, (min(ranks), max(ranks)))


def _says(board: Board, copula: Copula, result: Result) -> Errors | None:
    """What the XAUC of a row that estimates a mean, or a median, says of its errors; None for other rows."""
    kind, xauc = estimates(board, result), result.mean("xauc")
    if kind == UNKNOWN:
        kind = observed(board, result)
    if kind not in (MEAN, MEDIAN) or xauc is None or result.label_only or result.oracle or missed(board, result):
        return None
    pair = copula.at(rho_of(xauc))
    return pair.mean if kind == MEAN else pair.median
