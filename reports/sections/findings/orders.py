"""The finding on the papers' orders of methods: do they hold here?"""

from collections.abc import Iterator

from reports.evidence.reproduced import RowOrder, order_of
from reports.markup.document import slug
from reports.markup.text import plain
from reports.model.board import Board
from reports.model.metrics import METRICS
from reports.model.papers import Paper, PaperTable, papers
from reports.sections.findings.finding import Finding, of, paper_of


def orders(board: Board) -> Iterator[Finding]:
    """Kendall's tau of our means with the papers', of the tables that compare methods."""
    texts, all_ = [], list[RowOrder]()
    for paper in papers().values():
        for printed in _comparisons(paper):
            for column in printed.columns:
                if found := _orders(board.untuned, paper, printed, column):
                    taus = ", ".join(f"{METRICS[metric].name} {one}" for metric, one in found.items())
                    where = paper_of(paper.key, slug("table", printed.number), f"Table {printed.number}")
                    texts.append(f"{plain(paper.key)}'s {where}, {plain(column)}: {taus}")
                    all_ += found.values()
    if not texts:
        return
    holds, related = sum(one.high >= 1 for one in all_), sum(one.low > 0 for one in all_)
    answer = "do not hold" if not holds else "hold" if holds == len(all_) else "hold in part"
    text = (
        f"**The papers' orders of methods {answer} here.** Kendall's τ with ours (1: the same, 0: unrelated) [95 % "
        f"interval]: {'; '.join(texts)}. The interval reaches 1 in {of(holds, len(all_))} and lies above 0 in "
        f"{of(related, len(all_))}."
    )
    yield Finding("orders", text)


def _orders(board: Board, paper: Paper, printed: PaperTable, column: str) -> dict[str, RowOrder]:
    found = {m: order_of(board, paper, printed, column, m) for m in printed.metrics if m in METRICS}
    return {metric: one for metric, one in found.items() if one}


def _comparisons(paper: Paper) -> list[PaperTable]:
    """The tables that compare methods, each by its default; one whose methods another table has too, and more, is left
    out."""
    found = [t for t in paper.tables if len(_methods(t)) > 2 and all(row.variant == "default" for row in t.rows)]
    return [t for t in found if not any(_methods(t) < _methods(other) for other in found)]


def _methods(printed: PaperTable) -> set[str]:
    return {row.method for row in printed.rows}
