"""Whether our rows stand in the order of given values, as a paper prints them: Kendall's tau with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass

from reports.evidence.contest import contest
from reports.evidence.differences import counted
from reports.evidence.printed.measured import measured
from reports.evidence.stats import kendall, kendall_interval
from reports.model.board import Board, Result
from reports.model.metrics import METRICS
from reports.model.papers import Paper, PaperTable

_ORDER = 3  # rows from which an order is worth comparing
AGREES, IN_PART, OPEN, DIFFERS = "agrees", "agrees in part", "open", "differs"


@dataclass(frozen=True)
class Tau:
    """Kendall's tau between given values and our numbers, with its 95 % interval."""

    tau: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.tau:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class RowOrder(Tau):
    """Of a paper's rows. Where noise leaves many close together hardly any draw has the very order of the given values,
    so the upper end alone is no evidence against it: that is a pair that stands the other way beyond noise."""

    reversed: int  # pairs that do

    @property
    def word(self) -> str:
        """Agrees: noise excludes an unrelated order, and no pair is reversed; open: it does not, and none is; agrees in
        part: it does, and some are; differs: it does not, and some are."""
        if self.reversed:
            return IN_PART if self.low > 0 else DIFFERS
        return AGREES if self.low > 0 else OPEN


def order(board: Board, paper: Paper, printed: PaperTable, column: str, metric: str) -> str:
    """Of the paper's rows, "0.60 [0.20, 0.87]"; empty where fewer than three have both numbers, or all are one
    method's. Rows whose numbers other papers print too are left out: they were not measured beside the rest."""
    return str(order_of(board, paper, printed, column, metric) or "")


def order_of(board: Board, paper: Paper, printed: PaperTable, column: str, metric: str) -> RowOrder | None:
    """The same with its word; the front page and the paper's own ask for it."""
    key = ("order", paper.key, printed.number, column, metric)
    return board.keep(key, lambda: _order_of(board, paper, printed, column, metric))


def _order_of(board: Board, paper: Paper, printed: PaperTable, column: str, metric: str) -> RowOrder | None:
    source = paper.source(column)
    if source is None or METRICS[metric].better is None:
        return None
    rows: dict[Result, float] = {}
    for row in printed.rows:
        result, their = board.get(source.ours, row.method, row.variant), printed.printed(row, column).get(metric)
        if result and their and not row.slice and column not in row.copied:
            rows.setdefault(result, their.value)
    if (found := ordered(board, source.ours, rows, metric)) is None:
        return None
    words = counted(board, source.ours, rows, metric)
    return RowOrder(found.tau, found.low, found.high, reversed=words["worse"])


def ordered(board: Board, dataset: str, rows: Mapping[Result, float], metric: str) -> Tau | None:
    """The order of our numbers against given values of their results; None where fewer than three have a number, or all
    values are alike.

    The interval lets ours vary by users and seeds together, by seeds alone where no row was resampled."""
    rows = {result: value for result, value in rows.items() if result.mean(metric) is not None}
    given, ours = list(rows.values()), [result.mean(metric) or 0.0 for result in rows]
    tau = kendall(given, ours)
    if len(rows) < _ORDER or tau is None:
        return None
    return Tau(tau, *kendall_interval(given, ours, _covariance(board, dataset, rows, metric)))


def _covariance(board: Board, dataset: str, rows: Mapping[Result, float], metric: str) -> list[list[float]]:
    results = list(rows)
    tested = contest(board, dataset, metric)
    if tested and all(result in tested.places for result in results):
        return tested.covariance(results)
    errors = [found.error if (found := measured(board, e, metric)) else 0.0 for e in results]
    if tested:
        return tested.lent_covariance(errors)
    return [[error**2 if i == j else 0.0 for j in range(len(results))] for i, error in enumerate(errors)]


def orders(board: Board, paper: Paper, printed: PaperTable, column: str) -> dict[str, RowOrder]:
    """Each metric's order where there is one, by the metric's name: "MAE"."""
    found = {m: order_of(board, paper, printed, column, m) for m in printed.metrics if m in METRICS}
    return {METRICS[metric].name: one for metric, one in found.items() if one}


def told(found: Mapping[str, RowOrder]) -> str:
    """ "MAE 0.60 [0.20, 0.87], agrees in part; XAUC 0.80 [0.40, 1.00], agrees" """
    return "; ".join(f"{name} {one}, {one.word}" for name, one in found.items())
