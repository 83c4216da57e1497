"""Reproduced or not: our numbers against a paper's, one verdict for each number and one for the order of the rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from reports.evidence.contest import contest
from reports.evidence.stats import Estimate, estimate, kendall, kendall_interval
from reports.markup.text import NONE, plain, sentence_list
from reports.model.board import Board, Result
from reports.model.metrics import METRICS
from reports.model.papers import Paper, PaperRow, PaperTable, Printed

WORDS = ("within noise", "better", "worse", "not comparable")
_SAME = 0.01  # of the paper's rows: a difference up to it is a matter of filters
_ORDER = 3  # rows from which an order is worth comparing


@dataclass(frozen=True)
class Verdict:
    """On one number: a word of WORDS and, where it is not comparable, why not in a few words."""

    word: str
    why: tuple[str, ...] = ()


def obstacles(board: Board, paper: Paper, printed: PaperTable, column: str) -> dict[str, str]:
    """What keeps a whole column from being compared: in two words, and as a sentence."""
    source = paper.source(column)
    if source is None:
        return {}
    if column in printed.elsewhere:
        return {"other data": f"the paper's numbers are of {printed.columns[0]}"}
    found = {}
    rows = board.facts(source.ours).get("rows")
    if source.rows and isinstance(rows, int) and abs(rows / source.rows - 1) > _SAME:
        found["other rows"] = f"our data have {rows:,} rows, the paper's {source.rows:,}"
    if source.differs:
        found["other protocol"] = source.differs
    return found


def verdict(board: Board, paper: Paper, printed: PaperTable, row: PaperRow, column: str, metric: str) -> Verdict | None:
    """On one number of a table; None where the paper or we have none.

    The paper's number comes from a test set of its own, whose noise it does not print: taken to be as large as ours, so
    the difference has sqrt(2) times our standard error, and half a unit of the paper's last decimal besides."""
    source, their = paper.source(column), printed.printed(row, column).get(metric)
    result = board.get(source.ours, row.method, row.variant) if source else None
    if their is None or result is None or metric not in METRICS or METRICS[metric].better is None:
        return None
    if (mine := result.mean(metric, row.slice)) is None:
        return None
    why = [*obstacles(board, paper, printed, column), *(["copied row"] if column in row.copied else [])]
    if why:
        return Verdict("not comparable", tuple(why))
    ours = measured(board, result, metric, part=row.slice)
    if ours is None:
        return Verdict("not comparable", ("one seed",))
    return Verdict(_word(mine - their.value, ours, their, low=METRICS[metric].low))


def _word(gap: float, ours: Estimate, their: Printed, *, low: bool) -> str:
    reach = (Estimate(0.0, ours.error * sqrt(2), ours.freedom)).interval[1] + 0.5 * 10**-their.digits
    return "within noise" if abs(gap) <= reach else "better" if (gap < 0) == low else "worse"


def measured(board: Board, result: Result, metric: str, *, part: str = "") -> Estimate | None:
    """Our number with its error over users and seeds, over seeds alone where it was not resampled; None where one seed
    says nothing."""
    tested = contest(board, result.dataset, metric, part)
    if tested and result in tested.places:
        return tested.mean(result)
    summary = result.metric(metric, part)
    if summary is None or summary.std is None:
        return None
    return estimate(summary.mean, [(summary.std / sqrt(summary.n), max(summary.n - 1, 1))])


def row_verdicts(board: Board, paper: Paper, printed: PaperTable, row: PaperRow, column: str) -> str:
    """A row's verdicts: "better: RMSE, MAE; worse: XAUC"; one word where all agree."""
    found: dict[str, list[str]] = {}
    metrics = 0
    for metric in printed.metrics:
        if one := verdict(board, paper, printed, row, column, metric):
            metrics += 1
            text = one.word + (f" ({', '.join(one.why)})" if one.why else "")
            found.setdefault(text, []).append(METRICS[metric].name)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{text}: {', '.join(names)}" for text, names in found.items()) or NONE


def below(board: Board, paper: Paper, printed: PaperTable, column: str) -> list[str]:
    """What stands under a comparison: why it compares unlike things, and if the order of the rows is the paper's."""
    lines = [f"Not comparable: {plain(why)}." for why in obstacles(board, paper, printed, column).values()]
    copied = [plain(row.name) for row in printed.rows if column in row.copied]
    if copied:
        lines.append(f"Not comparable: other papers print the same numbers for {sentence_list(copied)}.")
    if found := orders(board, paper, printed, column):
        lines.append(f"Order of the rows, Kendall's τ with the paper's [95 % interval]: {', '.join(found)}.")
    return lines


@dataclass(frozen=True)
class RowOrder:
    """Kendall's tau between given values and our numbers, with its 95 % interval."""

    tau: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.tau:.2f} [{self.low:.2f}, {self.high:.2f}]"


def order(board: Board, paper: Paper, printed: PaperTable, column: str, metric: str) -> str:
    """Of the paper's rows, "0.60 [0.20, 0.87]"; empty where fewer than three have both numbers, or all are one
    method's."""
    return str(order_of(board, paper, printed, column, metric) or "")


def order_of(board: Board, paper: Paper, printed: PaperTable, column: str, metric: str) -> RowOrder | None:
    source = paper.source(column)
    if source is None or METRICS[metric].better is None:
        return None
    rows: dict[Result, float] = {}
    for row in printed.rows:
        result, their = board.get(source.ours, row.method, row.variant), printed.printed(row, column).get(metric)
        if result and their and not row.slice:
            rows.setdefault(result, their.value)
    return ordered(board, source.ours, rows, metric)


def ordered(board: Board, dataset: str, rows: Mapping[Result, float], metric: str) -> RowOrder | None:
    """The order of our numbers against given values of their results; None where fewer than three have a number, or all
    values are alike.

    The interval lets ours vary by users and seeds together, by seeds alone where a row was not resampled."""
    rows = {result: value for result, value in rows.items() if result.mean(metric) is not None}
    given, ours = list(rows.values()), [result.mean(metric) or 0.0 for result in rows]
    tau = kendall(given, ours)
    if len(rows) < _ORDER or tau is None:
        return None
    return RowOrder(tau, *kendall_interval(given, ours, _covariance(board, dataset, rows, metric)))


def _covariance(board: Board, dataset: str, rows: Mapping[Result, float], metric: str) -> list[list[float]]:
    results = list(rows)
    tested = contest(board, dataset, metric)
    if tested and all(result in tested.places for result in results):
        return tested.covariance(results)
    errors = [found.error if (found := measured(board, e, metric)) else 0.0 for e in results]
    return [[error**2 if i == j else 0.0 for j in range(len(results))] for i, error in enumerate(errors)]


def orders(board: Board, paper: Paper, printed: PaperTable, column: str) -> list[str]:
    """Each metric's `order`: "MAE 0.60 [0.20, 0.87]"."""
    found = {m: order(board, paper, printed, column, m) for m in printed.metrics if m in METRICS}
    return [f"{METRICS[metric].name} {text}" for metric, text in found.items() if text]
