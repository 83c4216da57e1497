"""The ranking of a reader's own run: dataset by dataset, before everything else."""

from reports.evidence.contest import contest
from reports.markup.document import Part, Section, slug
from reports.markup.text import plain
from reports.model.board import Board
from reports.model.metrics import HEADLINE
from reports.sections.board import leaderboard

_SHOWN = ("mae", "rmse", "spearman", "xauc")  # of the dataset's metrics


def section(board: Board) -> Section | None:
    """A short table for each dataset that has a number; None where none has."""
    parts = tuple(_part(board, dataset) for dataset in board.datasets if board.ranked.has(dataset))
    about = ("By MAE, the best first. The pages of the boards have every metric, and what noise leaves open.",)
    return Section("ranking", "Ranking", about, parts) if parts else None


def _part(board: Board, dataset: str) -> Part:
    ranked = board.ranked
    lines = [f"[More of {plain(dataset)}](@{page_of(dataset)})."]
    if contest(ranked, dataset, HEADLINE) is None:
        lines.insert(0, next(leaderboard.trust(ranked, dataset)))
    table = leaderboard.table(ranked, dataset, metrics(board, dataset), short=True)
    lines = [f"Without a number: {names}, {said}." for said, names in leaderboard.lacking(ranked, dataset)] + lines
    return Part(plain(dataset), tables=(table,), lines=tuple(lines))


def metrics(board: Board, dataset: str) -> tuple[str, ...]:
    """The metrics of a short table."""
    return tuple(name for name in board.metrics(dataset) if name in _SHOWN)


def page_of(dataset: str) -> str:
    """The name of a dataset's own page."""
    return slug("board", dataset)
