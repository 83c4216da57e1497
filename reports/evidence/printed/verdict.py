"""Reproduced or not: our numbers against a paper's, one verdict for each number.

A printed number can be reproduced on the paper's own rows alone. On another sample of the same data, under the same
protocol, it can still agree, differ as the sizes of the samples could explain, or differ beyond that. What else differs
makes it no comparison at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from reports.evidence.printed.measured import measured
from reports.evidence.printed.order import orders, told
from reports.evidence.printed.size import limit
from reports.evidence.stats import Estimate
from reports.markup.text import NONE, plain, sentence_list
from reports.model.board import Board, Result
from reports.model.metrics import METRICS
from reports.model.papers import Paper, PaperData, PaperRow, PaperTable, Printed, papers

SAME_ROWS = ("within noise", "better", "worse")
AGREES, BY_SIZE, BEYOND = "agrees on another sample", "size could explain it", "beyond what size explains"
OTHER_ROWS = (AGREES, BY_SIZE, BEYOND)
UNLIKE = "not comparable"
WORDS = (*SAME_ROWS, *OTHER_ROWS, UNLIKE)
_SAME = 0.01  # of the paper's rows: a difference up to it is a matter of filters
_ROWS = "other rows"


@dataclass(frozen=True)
class Verdict:
    """On one number: a word of WORDS and what keeps it from being a verdict on the paper's own rows, in a few words."""

    word: str
    why: tuple[str, ...] = ()


def obstacles(board: Board, paper: Paper, printed: PaperTable, column: str) -> dict[str, str]:
    """What keeps a whole column from being compared on the paper's own rows: in two words, and as a sentence."""
    source = paper.source(column)
    if source is None:
        return {}
    if column in printed.elsewhere:
        return {"other data": f"the paper's numbers are of {printed.columns[0]}"}
    found = {}
    rows = board.facts(source.ours).get("rows")
    if source.rows and isinstance(rows, int) and abs(rows / source.rows - 1) > _SAME:
        found[_ROWS] = f"our data have {rows:,} rows, the paper's {source.rows:,}"
    if source.differs:
        found["other protocol"] = source.differs
    return found


def verdict(board: Board, paper: Paper, printed: PaperTable, row: PaperRow, column: str, metric: str) -> Verdict | None:
    """On one number of a table; None where the paper or we have none.

    On the paper's rows its number is taken to be as noisy as ours, so the difference has sqrt(2) times our standard
    error. On another sample our 95 % interval has to cover it. Half a unit of its last decimal counts for nothing."""
    source, their = paper.source(column), printed.printed(row, column).get(metric)
    result = board.get(source.ours, row.method, row.variant) if source else None
    if source is None or their is None or result is None or metric not in METRICS or METRICS[metric].better is None:
        return None
    if (mine := result.mean(metric, row.slice)) is None:
        return None
    why = [*obstacles(board, paper, printed, column), *(["copied row"] if column in row.copied else [])]
    if set(why) - {_ROWS}:
        return Verdict(UNLIKE, tuple(why))
    ours = measured(board, result, metric, part=row.slice)
    if ours is None:
        return Verdict(UNLIKE, (*why, "one seed"))
    gap = mine - their.value
    if not why:
        return Verdict(_word(gap, ours, their, low=METRICS[metric].low))
    best = None if row.slice else limit(board, source.ours, metric)
    return Verdict(_elsewhere(board, source, result, metric, ours, their, best), tuple(why))


def _word(gap: float, ours: Estimate, their: Printed, *, low: bool) -> str:
    reach = _reach(ours, sqrt(2)) + _rounding(their)
    return SAME_ROWS[0] if abs(gap) <= reach else SAME_ROWS[1] if (gap < 0) == low else SAME_ROWS[2]


def _elsewhere(
    board: Board, source: PaperData, result: Result, metric: str, ours: Estimate, their: Printed, best: float | None
) -> str:
    """More rows to learn from make a number better and never worse, and not better than endless ones would."""
    sign, reach = 1 if METRICS[metric].low else -1, _reach(ours) + _rounding(their)
    ahead = sign * (ours.value - their.value)  # by how much theirs is better
    if abs(ahead) <= reach:
        return AGREES
    more = source.rows > int(board.facts(result.dataset)["rows"])
    too_good = more and best is not None and sign * (best - their.value) > reach
    return BY_SIZE if (ahead > 0) == more and not too_good else BEYOND


def _reach(ours: Estimate, times: float = 1.0) -> float:
    return Estimate(0.0, ours.error * times, ours.freedom).interval[1]


def _rounding(their: Printed) -> float:
    return 0.5 * 10**-their.digits


def of_column(board: Board, paper: Paper, printed: PaperTable, column: str) -> Iterator[Verdict]:
    """On every number of a table's column that has one of ours beside it."""
    return (one for _, one in _column(board, paper, printed, column))


def _column(board: Board, paper: Paper, printed: PaperTable, column: str) -> Iterator[tuple[object, Verdict]]:
    """Each with what it is a number of: several tables may print the same."""
    for metric in printed.metrics:
        for row in printed.rows:
            if one := verdict(board, paper, printed, row, column, metric):
                yield (column, row.method, row.variant, row.slice, metric), one


def every(board: Board, key: str = "") -> list[Verdict]:
    """On the numbers of all papers, or of one, each once however many tables print it."""
    found = board.keep("verdicts", lambda: {one: _once(board, paper) for one, paper in papers().items()})
    return [one for paper, verdicts in found.items() if key in ("", paper) for one in verdicts]


def _once(board: Board, paper: Paper) -> list[Verdict]:
    found: dict[object, Verdict] = {}
    for printed in paper.tables:
        for column in printed.columns if printed.number not in {table.also for table in paper.tables} else []:
            for number, one in _column(board, paper, printed, column):
                found.setdefault(number, one)
    return list(found.values())


def row_verdicts(board: Board, paper: Paper, printed: PaperTable, row: PaperRow, column: str) -> str:
    """A row's verdicts: "better: RMSE, MAE; worse: XAUC"; one word where all agree."""
    found: dict[str, list[str]] = {}
    for metric in printed.metrics:
        if one := verdict(board, paper, printed, row, column, metric):
            text = one.word + (f" ({', '.join(one.why)})" if one.why and one.word == UNLIKE else "")
            found.setdefault(text, []).append(METRICS[metric].name)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{text}: {', '.join(names)}" for text, names in found.items()) or NONE


def below(board: Board, paper: Paper, printed: PaperTable, column: str) -> list[str]:
    """What stands under a comparison: why it compares unlike things, and if the order of the rows is the paper's."""
    found = obstacles(board, paper, printed, column)
    if found.keys() == {_ROWS}:
        lines = [f"Another sample: {plain(found[_ROWS])}."]
    else:
        lines = [f"Not comparable: {plain(why)}." for why in found.values()]
    if (source := paper.source(column)) and source.code and column in printed.columns:
        lines.append(f"Compared as the paper's text has it; which of both made its numbers is not said: {source.code}.")
    copied = [plain(row.name) for row in printed.rows if column in row.copied]
    if copied:
        lines.append(f"Not comparable: other papers print the same numbers for {sentence_list(copied)}.")
    if found_orders := orders(board, paper, printed, column):
        lines.append(f"Order of the rows, Kendall's τ with the paper's [95 % interval]: {told(found_orders)}.")
    return lines
