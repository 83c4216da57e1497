"""Reproduced or not: our numbers against a paper's, one verdict for each number and one for the order of the rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from reports.evidence.contest import contest
from reports.evidence.stats import Estimate, estimate, kendall, kendall_interval
from reports.markup.markdown import NONE, Sheet, plain, sentence_list, table
from reports.model.board import Board, Entry
from reports.model.metrics import METRICS
from reports.model.papers import Paper, Printed, Row, Table

WORDS = ("within noise", "better", "worse", "not comparable")
_SAME = 0.01  # of the paper's rows: a difference up to it is a matter of filters
_ORDER = 3  # rows from which an order is worth comparing


@dataclass(frozen=True)
class Verdict:
    """On one number: a word of WORDS and, where it is not comparable, why not in a few words."""

    word: str
    why: tuple[str, ...] = ()


def obstacles(board: Board, paper: Paper, printed: Table, column: str) -> dict[str, str]:
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


def verdict(board: Board, paper: Paper, printed: Table, row: Row, column: str, metric: str) -> Verdict | None:
    """On one number of a table; None where the paper or we have none.

    The paper's number comes from a test set of its own, whose noise it does not print: taken to be as large as ours, so
    the difference has sqrt(2) times our standard error, and half a unit of the paper's last decimal besides."""
    source, their = paper.source(column), printed.printed(row, column).get(metric)
    entry = board.get(source.ours, row.method, row.variant) if source else None
    if their is None or entry is None or metric not in METRICS or (low := METRICS[metric].low) is None:
        return None
    if (mine := entry.mean(metric, row.slice)) is None:
        return None
    why = [*obstacles(board, paper, printed, column), *(["copied row"] if column in row.copied else [])]
    if why:
        return Verdict("not comparable", tuple(why))
    ours = measured(board, entry, metric, part=row.slice)
    if ours is None:
        return Verdict("not comparable", ("one seed",))
    return Verdict(_word(mine - their.value, ours, their, low=low))


def _word(gap: float, ours: Estimate, their: Printed, *, low: bool) -> str:
    reach = (Estimate(0.0, ours.error * sqrt(2), ours.freedom)).interval[1] + 0.5 * 10**-their.digits
    return "within noise" if abs(gap) <= reach else "better" if (gap < 0) == low else "worse"


def measured(board: Board, entry: Entry, metric: str, *, part: str = "") -> Estimate | None:
    """Our number with its error over users and seeds, over seeds alone where it was not resampled; None where one seed
    says nothing."""
    tested = contest(board, entry.dataset, metric, low=True, part=part)
    if tested and entry in tested.places:
        return tested.mean(entry)
    summary = entry.metric(metric, part)
    if summary is None or summary.std is None:
        return None
    return estimate(summary.mean, [(summary.std / sqrt(summary.n), max(summary.n - 1, 1))])


def words(board: Board, paper: Paper, printed: Table, row: Row, column: str) -> str:
    """A row's verdicts: "better: RMSE, MAE; worse: XAUC"; one word where all agree."""
    found: dict[str, list[str]] = {}
    metrics = 0
    for metric in printed.metrics:
        if one := verdict(board, paper, printed, row, column, metric):
            metrics += 1
            text = one.word + (f" ({', '.join(one.why)})" if one.why else "")
            found.setdefault(text, []).append(_title(metric))
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{text}: {', '.join(names)}" for text, names in found.items()) or NONE


def _title(metric: str) -> str:
    return METRICS[metric].title.split()[0]


def below(board: Board, paper: Paper, number: str, column: str) -> list[str]:
    """What stands under a comparison: why it compares unlike things, and if the order of the rows is the paper's."""
    printed = paper.table(number)
    lines = [f"Not comparable: {plain(why)}." for why in obstacles(board, paper, printed, column).values()]
    copied = [plain(row.name) for row in printed.rows if column in row.copied]
    if copied:
        lines.append(f"Not comparable: other papers print the same numbers for {sentence_list(copied)}.")
    if found := orders(board, paper, printed, column):
        lines.append(f"Order of the rows, Kendall's τ with the paper's [95 % interval]: {', '.join(found)}.")
    return lines


@dataclass(frozen=True)
class Order:
    """Kendall's tau between given values and our numbers, with its 95 % interval."""

    tau: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.tau:.2f} [{self.low:.2f}, {self.high:.2f}]"


def order(board: Board, paper: Paper, printed: Table, column: str, metric: str) -> str:
    """Of the paper's rows, "0.60 [0.20, 0.87]"; empty where fewer than three have both numbers, or all are one
    method's."""
    return str(_order(board, paper, printed, column, metric) or "")


def _order(board: Board, paper: Paper, printed: Table, column: str, metric: str) -> Order | None:
    source = paper.source(column)
    if source is None or METRICS[metric].low is None:
        return None
    rows: dict[Entry, float] = {}
    for row in printed.rows:
        entry, their = board.get(source.ours, row.method, row.variant), printed.printed(row, column).get(metric)
        if entry and their and not row.slice:
            rows.setdefault(entry, their.value)
    return ordered(board, source.ours, rows, metric)


def ordered(board: Board, dataset: str, rows: Mapping[Entry, float], metric: str) -> Order | None:
    """The order of our numbers against given values of their entries; None where fewer than three have a number, or all
    values are alike.

    The interval lets ours vary by users and seeds together, by seeds alone where a row was not resampled."""
    rows = {entry: value for entry, value in rows.items() if entry.mean(metric) is not None}
    given, ours = list(rows.values()), [entry.mean(metric) or 0.0 for entry in rows]
    tau = kendall(given, ours)
    if len(rows) < _ORDER or tau is None:
        return None
    return Order(tau, *kendall_interval(given, ours, _covariance(board, dataset, rows, metric)))


def _covariance(board: Board, dataset: str, rows: Mapping[Entry, float], metric: str) -> list[list[float]]:
    entries = list(rows)
    tested = contest(board, dataset, metric, low=True)
    if tested and all(entry in tested.places for entry in entries):
        return tested.covariance(entries)
    errors = [found.error if (found := measured(board, e, metric)) else 0.0 for e in entries]
    return [[error**2 if i == j else 0.0 for j in range(len(entries))] for i, error in enumerate(errors)]


def summary(board: Board, papers: Mapping[str, Paper]) -> Sheet | None:
    """One row for each table and dataset that has numbers here: how many of the paper's were reproduced, and its order.
    None where there is none."""
    rows = [
        row
        for paper in papers.values()
        for printed in paper.tables
        for column in printed.columns
        if (row := _counted(board, paper, printed, column))
    ]
    head = ["paper's table", "data", "numbers", *WORDS, "because of", "τ of the rows' order [95 % interval]"]
    return table(head, rows, left=2, last=2) if rows else None


def _counted(board: Board, paper: Paper, printed: Table, column: str) -> list[str] | None:
    found = [
        one
        for metric in printed.metrics
        for row in printed.rows
        if (one := verdict(board, paper, printed, row, column, metric))
    ]
    if not found:
        return None
    counts, why = Counter(one.word for one in found), Counter(reason for one in found for reason in one.why)
    return [
        f"{paper.key}, Table {printed.number}",
        plain(column),
        str(len(found)),
        *(str(counts[word]) for word in WORDS),
        ", ".join(why) or NONE,
        ", ".join(orders(board, paper, printed, column)) or NONE,
    ]


def orders(board: Board, paper: Paper, printed: Table, column: str) -> list[str]:
    """Each metric's `order`: "MAE 0.60 [0.20, 0.87]"."""
    found = {m: order(board, paper, printed, column, m) for m in printed.metrics if m in METRICS}
    return [f"{_title(metric)} {text}" for metric, text in found.items() if text]
