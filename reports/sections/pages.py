"""Every page: the front page, then one for each board, one for each paper, and those that go across."""

from collections.abc import Callable, Iterator, Sequence

from reports.markup.document import Page, Section, slug
from reports.markup.text import plain
from reports.model.board import Board
from reports.model.papers import Paper, papers
from reports.model.supplements import supplements
from reports.sections import answer, ceiling, cost, data, distributions, size, tuning, tweaks
from reports.sections.board import calibration, label, leaderboard, matched, noise, provenance, skill, slices, twins
from reports.sections.controls import page as controls
from reports.sections.front import about, datasets, evidence, findings, links, picture, ranking, unsaid
from reports.sections.paper import (
    buckets,
    checklist,
    comparison,
    counts,
    notes,
    reproduced,
    supplement,
    together,
    values,
)

BOARD = (
    leaderboard.section,
    label.section,
    matched.section,
    twins.section,
    noise.section,
    skill.section,
    slices.section,
    calibration.section,
    provenance.section,
)
ACROSS: tuple[tuple[str, str, str, tuple[Callable[[Board], Section | None], ...]], ...] = (
    (
        "field",
        "The field",
        "Field",
        (picture.tables, picture.standing, evidence.rivals, evidence.estimands, evidence.curves),
    ),
    ("tuning", "Untuned and tuned", "Tuned", (tuning.section,)),
    ("tweaks", "Tweaks of protocol and size", "Tweaks", (tweaks.section,)),
    ("ceiling", "Ceiling and size", "Ceiling", (ceiling.section, size.section)),
    ("controls", "Controls: ideas in worlds made for them", "Controls", (controls.section,)),
    ("distributions", "Predicted distributions", "Distributions", (distributions.section,)),
    ("cost", "Cost", "Cost", (cost.section, cost.where)),
    ("data", "Data", "Data", (data.section, data.left_out)),
)
FORMS = {
    "comparison": comparison.section,
    "buckets": buckets.section,
    "counts": counts.section,
    "values": values.section,
}


def pages(board: Board) -> tuple[Page, ...]:
    """In order, the front page first. Raises UserError on damaged arrays."""
    details = (*_boards(board), *_papers(board), *_across(board))
    return (_front(board, details), *details)


def _boards(board: Board) -> Iterator[Page]:
    for dataset in board.datasets:
        sections = tuple(filter(None, [make(board, dataset) for make in BOARD]))
        if sections:
            yield Page(
                ranking.page_of(dataset),
                f"The board {plain(dataset)}",
                _whose(board, dataset),
                sections,
                plain(dataset),
            )


def _whose(board: Board, dataset: str) -> tuple[str, ...]:
    return (f"{comparison.whose(board, dataset)}. {about.READING}",) if board.has(dataset) else ()


def _papers(board: Board) -> Iterator[Page]:
    untuned = board.untuned
    for paper in papers().values():
        found = list(_paper(untuned, paper))
        if found:
            told = (f"*{plain(paper.title)}*. {about.READING} Δ = ours − the paper's.",)
            yield Page(
                slug("paper", paper.key),
                f"{paper.key}: the paper's tables and figures",
                told,
                tuple(found),
                plain(paper.key),
            )


def _paper(board: Board, paper: Paper) -> Iterator[Section]:
    """Nothing where no number here stands beside one of the paper's."""
    tables = [made for printed in paper.ours if (made := FORMS[printed.form](board, paper, printed))]
    beside = {s.key: made for s in supplements(paper) if (made := supplement.section(board, paper, s))}
    if not tables and not beside:
        return
    found: tuple[Section | None, ...] = (
        *(beside.get(s.key) for s in supplements(paper) if s.rivals or s.parts),
        reproduced.section(board, paper),
        together.section(board, paper),
        *tables,
        *(beside.get(s.key) for s in supplements(paper) if not (s.rivals or s.parts)),
        checklist.section(board, paper),
        notes.section(board, paper),
        notes.absent(board, paper, beside.keys()),
    )
    yield from filter(None, found)


def _across(board: Board) -> Iterator[Page]:
    for name, title, short, makers in ACROSS:
        sections = tuple(filter(None, [make(board) for make in makers]))
        if sections:
            yield Page(name, title, (), sections, short)


def _front(board: Board, details: Sequence[Page]) -> Page:
    """Of the committed records, or of a reader's own run: that one begins with its answer and its ranking."""
    found: tuple[Section | None, ...] = (
        findings.section(board),
        picture.section(board),
        picture.pooled(board),
        datasets.section(board),
        unsaid.section(board),
        links.section(details),
    )
    found = (*found, links.rebuild(board)) if board.committed else (ranking.section(board), *found)
    answers = () if board.committed else answer.lines(board)
    return Page("", "Results", (*answers, *about.paragraphs(board)), tuple(filter(None, found)), "Findings")
