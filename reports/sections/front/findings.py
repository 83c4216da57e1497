"""The findings: what the records answer in sentences, each with its evidence. Nothing here is typed by hand: a sentence
is a template with conditions, and without records behind it there is none."""

from collections.abc import Iterator

from reports.markup.document import Part, Section
from reports.model.board import Board
from reports.model.papers import papers
from reports.sections.findings.against import rivals, without
from reports.sections.findings.ceiling import ceiling
from reports.sections.findings.controls import controls
from reports.sections.findings.finding import Finding
from reports.sections.findings.like import matched
from reports.sections.findings.methods import constants, plain_networks, trees, winners
from reports.sections.findings.printed import numbers, orders, together
from reports.sections.findings.protocol import estimand, ill, tweaks
from reports.sections.findings.twins import protocols

ABOUT = (
    "Computed from the records, of boards of real rows; one on made-up worlds says so. Beyond noise: p < 0.05 by Holm, "
    "users and seeds drawn again. A row is a method, or a variant of it that stands on a leaderboard.",
)


def section(board: Board) -> Section | None:
    """A point for each theme; None where there is no finding."""
    lines = tuple(" ".join(one.text for one in theme) for theme in themes(board) if theme)
    return Section("findings", "Findings", ABOUT, (Part(lines=lines),), listed=True) if lines else None


def findings(board: Board) -> Iterator[Finding]:
    """All, in the order of the page."""
    return (one for theme in themes(board) for one in theme)


def themes(board: Board) -> Iterator[tuple[Finding, ...]]:
    """Findings that stand in one point: who is best, the papers' methods, what the papers print, simple rivals, what
    can be had, what rows estimate, protocols, and what went wrong."""
    yield tuple(winners(board))
    for paper in papers().values():
        yield (*without(board, paper), *rivals(board, paper))
    yield (*numbers(board), *orders(board))
    yield tuple(one for paper in papers().values() for one in together(board, paper))
    yield tuple(controls(board))
    yield (*constants(board), *trees(board), *plain_networks(board))
    yield tuple(ceiling(board))
    yield (*estimand(board), *matched(board))
    yield (*tweaks(board), *protocols(board))
    yield tuple(ill(board))
