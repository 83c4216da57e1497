"""What a leaderboard notes of a row: seeds without numbers, what is unwell, who reported it, what came of verifying."""

from collections import Counter
from collections.abc import Iterator, Mapping

from benchmark.records.health import Ailment, unwell
from benchmark.records.stamp import Stamp
from reports.markup.text import plain
from reports.model.board import Board, Key, Result


def notes(board: Board, result: Result) -> str:
    """As Markdown; "" where there is nothing to note."""
    return "; ".join(part for part in (result.remarks, ill(board, result), *_stamps(board, result)) if part)


def ill(board: Board, result: Result) -> str:
    """ "unwell: seeds apart, off"; "" where all is well. Failed seeds are among the remarks."""
    words = dict.fromkeys(ailment.word for ailment in _unwell(board).get(result.key, ()) if ailment.word != "failed")
    return f"unwell: {', '.join(words)}" if words else ""


def _unwell(board: Board) -> Mapping[Key, tuple[Ailment, ...]]:
    return board.keep("unwell", lambda: unwell([r for r in board.records if str(r.cell) not in board.stale]))


def _stamps(board: Board, result: Result) -> Iterator[str]:
    """Of the seeds that have one."""
    found = [stamp for record in result.ok if (stamp := board.folder.stamps.get(record.cell)) is not None]
    again = Counter(stamp.verified.verdict for stamp in found if stamp.verified)
    for who in sorted({stamp.origin.by for stamp in found if stamp.origin and not _confirmed(stamp)}):
        yield f"reported by {plain(who)}"
    for verdict, count in sorted(again.items()):
        yield f"{count} of {result.seeds} seeds trained again: {verdict}"


def _confirmed(stamp: Stamp) -> bool:
    return stamp.verified is not None and stamp.verified.verdict != "different"
