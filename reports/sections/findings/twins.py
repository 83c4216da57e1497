"""Findings on one other choice of protocol for a whole board: how many numbers move, and whose."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from reports.evidence.differences import Gap
from reports.evidence.estimand import MEAN, MEDIAN, OWN, estimates
from reports.evidence.field import field
from reports.markup.text import number, plain, signed
from reports.model.board import Board
from reports.model.methods import Twin, twins
from reports.model.metrics import ERRORS, METRICS, digits
from reports.sections.board.twins import Beside, beside
from reports.sections.findings.finding import Finding, boards, of

_SURE = ("better", "worse")


def protocols(board: Board) -> Iterator[Finding]:
    """One for each twin that has numbers on boards of real rows."""
    there = field(board)
    known = [one for dataset in there.real for one in beside(there.board, dataset)]
    for twin in twins():
        if found := [one for one in known if one.twin is twin]:
            yield Finding(f"twin-{twin.key}", _told(there.board, twin, found))


def _told(board: Board, twin: Twin, found: Sequence[Beside]) -> str:
    judged = [(one, gap, word) for one in found for m in ERRORS for gap, word in one.judged(board, m)]
    sure = [item for item in judged if item[2] in _SURE]
    head = f"{twin.title}, {of(len(sure), len(judged))} errors move beyond the spread of seeds"
    texts = [text for kind in (MEAN, MEDIAN) if (text := _kind(board, kind, judged))]
    if sure:
        one, gap, _ = max(sure, key=lambda item: abs(item[1].value) / (item[1].pair.other.mean(item[1].metric) or 1.0))
        places, unit = digits(gap.metric, board.unit(one.dataset)), board.unit(one.dataset)
        texts.append(
            f"the most, of its size, {plain(gap.pair.name)} on {plain(one.dataset)}, {METRICS[gap.metric].name} "
            f"{signed(gap.value, places)} {unit}"
        )
    texts += _spread(judged)
    where = boards(dict.fromkeys(one.dataset for one in found))
    return f"**{head}.** Rows {twin.says}, on {where}: {'; '.join(texts)}. Each board's page has the rows."


def _kind(board: Board, kind: str, judged: Sequence[tuple[Beside, Gap, str]]) -> str:
    """ "RMSE of 12 rows that estimate a mean: 5 better, 0 worse": empty where there is none."""
    mine = [word for _, gap, word in judged if gap.metric == OWN[kind] and estimates(board, gap.pair.other) == kind]
    words = Counter(mine)
    if not mine:
        return ""
    name = METRICS[OWN[kind]].name
    return f"{name} of {len(mine)} that estimate a {kind}: {words['better']} better, {words['worse']} worse"


def _spread(judged: Sequence[tuple[Beside, Gap, str]]) -> Iterator[str]:
    """How far seeds lie apart under both, of the errors in percent of their means."""
    pairs = [(gap.pair.other.metric(gap.metric), gap.pair.result.metric(gap.metric)) for _, gap, _ in judged]
    known = [(a, b) for a, b in pairs if a and b and a.std and b.std and a.mean and b.mean]
    if known:
        before, after = (median(100 * (s.std or 0.0) / s.mean for s in side) for side in zip(*known, strict=True))
        yield (
            f"seeds spread an error by {number(after, 2)} % of its size, by {number(before, 2)} % else "
            "(medians over rows)"
        )
