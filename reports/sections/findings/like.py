"""The finding on like with like: who is first among rows that estimate the same."""

from collections import Counter
from collections.abc import Iterator

from reports.evidence.contest import Contest, contest
from reports.evidence.estimand import MEAN, MEDIAN, OWN, estimates, like, missed
from reports.evidence.field import field
from reports.markup.text import plain, sentence_list
from reports.model.board import Board
from reports.model.front import row
from reports.model.metrics import METRICS
from reports.model.papers import papers
from reports.sections.findings.finding import Finding, most, of


def matched(board: Board) -> Iterator[Finding]:
    """By the error that they have least of: who leads most often, and where the papers' methods stand."""
    texts = [text for kind in (MEDIAN, MEAN) if (text := _leads(board, kind))]
    if not texts:
        return
    there = field(board)
    networks = [e for d in there.real for e in there.networks(d)]
    kinds = Counter(estimates(there.board, e) for e in networks)
    off = sum(missed(there.board, e) for e in networks)
    told = (
        f"Of {len(networks)} rows of networks {kinds[MEDIAN]} estimate a median and {kinds[MEAN]} a mean by their own "
        f"word; of {off} predicted / actual says that they do not"
    )
    yield Finding("matched", f"**Like with like.** {'. '.join(texts)}. {told} ([each board](@#pages), like with like).")


def _leads(board: Board, kind: str) -> str:
    """ "Among rows that estimate a median the least MAE has most often A (2 of 4 boards; ...)": "" without rows."""
    there = field(board)
    found = [tested for d in there.real if (tested := contest(like(there.board, kind), d, OWN[kind]))]
    if not found:
        return ""
    leaders = Counter(tested.best.label for tested in found)
    alone = sum(tested.ranks(tested.best) == (1, 1) for tested in found)
    mine = [text for paper in papers().values() if (text := _paper(found, *row(paper.own)))]
    return (
        f"Among rows that estimate a {kind} the least {METRICS[OWN[kind]].name} has most often {most(leaders)} "
        f"({of(max(leaders.values()), len(found))} boards; noise leaves the best alone on {of(alone, len(found))})"
        + (f"; {sentence_list(mine)}" if mine else "")
    )


def _paper(found: list[Contest], method: str, variant: str) -> str:
    """On how many boards a row is in the first tied group; "" where it does not estimate this."""
    here = [(tested, e) for tested in found for e in tested.results if (e.method, e.variant) == (method, variant)]
    if not here:
        return ""
    first = sum(tested.ranks(e)[0] == 1 for tested, e in here)
    return f"noise leaves {plain(here[0][1].title)} first on {of(first, len(here))}"
