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
    "Computed from the records, of boards of real rows. Beyond noise: p < 0.05 by Holm, users and seeds drawn again. A "
    "row is a method, or a variant of it that stands on a leaderboard.",
)


def section(board: Board) -> Section | None:
    """None where there is no finding."""
    lines = tuple(finding.text for finding in findings(board))
    return Section("findings", "Findings", ABOUT, (Part(lines=lines),), listed=True) if lines else None


def findings(board: Board) -> Iterator[Finding]:
    """In the order of the page: who is best, the papers' methods, simple rivals, and what is no method."""
    yield from winners(board)
    for paper in papers().values():
        yield from without(board, paper)
        yield from rivals(board, paper)
    yield from numbers(board)
    yield from orders(board)
    for paper in papers().values():
        yield from together(board, paper)
    yield from controls(board)
    yield from constants(board)
    yield from trees(board)
    yield from plain_networks(board)
    yield from ceiling(board)
    yield from estimand(board)
    yield from matched(board)
    yield from protocols(board)
    yield from tweaks(board)
    yield from ill(board)
