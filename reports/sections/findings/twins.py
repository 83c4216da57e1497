"""Findings on one other choice of protocol for a whole board: how many numbers move, and whose."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from reports.evidence.differences import Gap
from reports.evidence.estimand import MEAN, MEDIAN, OWN, estimates
from reports.evidence.field import field
from reports.markup.text import plain, sentence_list, short, signed
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
    texts = [text for kind in (MEAN, MEDIAN) if (text := _kind(board, kind, found, judged))]
    if sure:
        one, gap, _ = max(sure, key=lambda item: abs(item[1].value) / (item[1].pair.other.mean(item[1].metric) or 1.0))
        places, unit = digits(gap.metric, board.unit(one.dataset)), board.unit(one.dataset)
        texts.append(
            f"the most, of its size, {plain(gap.pair.name)} on {plain(one.dataset)}, {METRICS[gap.metric].name} "
            f"{signed(gap.value, places)} {unit}"
        )
    where = boards(dict.fromkeys(one.dataset for one in found))
    return f"**{head}.** Rows {twin.says}, on {where}: {'; '.join(texts)}. Each board's page has the rows."


def _kind(board: Board, kind: str, found: Sequence[Beside], judged: Sequence[tuple[Beside, Gap, str]]) -> str:
    """ "RMSE of 12 rows that estimate a mean: 5 better, 0 worse; lower in 4 of 5 on kuairand, where ...": empty where
    there is none."""
    mine = [(one, gap, word) for one, gap, word in judged
            if gap.metric == OWN[kind] and estimates(board, gap.pair.other) == kind]  # fmt: skip
    if not mine:
        return ""
    words = Counter(word for _, _, word in mine)
    where = [_where(board, one.dataset, [gap for other, gap, _ in mine if other is one]) for one in found]
    name = METRICS[OWN[kind]].name
    return (
        f"{name} of {len(mine)} that estimate a {kind}: {words['better']} better, {words['worse']} worse; "
        f"{sentence_list([text for text in where if text])}"
    )


def _where(board: Board, dataset: str, gaps: Sequence[Gap]) -> str:
    """ "lower in 9 of 10 on kuairand, whose seeds lie 0.07 s apart for 0.71 s": the medians of deviations."""
    if not gaps:
        return ""
    less = sum(gap.value < 0 for gap in gaps)
    text = f"lower in {of(less, len(gaps))} on {plain(dataset)}"
    known = [(a.std, b.std) for gap in gaps if (a := gap.pair.other.metric(gap.metric))
             and (b := gap.pair.result.metric(gap.metric)) and a.std is not None and b.std is not None]  # fmt: skip
    if known:
        before, after = (median(side) for side in zip(*known, strict=True))
        unit = board.unit(dataset)
        text += f", whose seeds lie {short(after)} {unit} apart for {short(before)} {unit}"
    return text
