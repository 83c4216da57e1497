"""What a leaderboard notes of a row: seeds without numbers, what is unwell, which epochs were kept, who reported it,
what came of verifying."""

from collections import Counter
from collections.abc import Iterator, Mapping

from benchmark.records.curves import kept, told
from benchmark.records.health import Ailment, unwell
from benchmark.records.stamp import Stamp
from reports.evidence.estimand import MEDIAN, NEITHER, below_median, estimates, missed
from reports.markup.text import plain
from reports.model.board import Board, Key, Result


def notes(board: Board, result: Result) -> str:
    """As Markdown; "" where there is nothing to note."""
    found = kept(result.ok) if result.gradient else None
    parts = (result.remarks, ill(board, result), told(found) if found else "", *_stamps(board, result))
    return "; ".join(part for part in parts if part)


def ill(board: Board, result: Result) -> str:
    """ "unwell: seeds apart, off"; "" where all is well. Failed seeds are among the remarks."""
    words = [word for word in ailments(board, result) if word != "failed"]
    return f"unwell: {', '.join(words)}" if words else ""


def ailments(board: Board, result: Result) -> list[str]:
    """What ails a row, in words, each once. A median of skewed labels predicts less than half of their total: of a row
    that estimates one "off" is no ailment, nor of one that estimates neither that nor a mean and predicts no less."""
    kind = estimates(board, result)
    is_fine = not missed(board, result) if kind == MEDIAN else kind == NEITHER and not below_median(board, result)
    fine = {"off"} if is_fine else set[str]()
    words = dict.fromkeys(ailment.word for ailment in _unwell(board).get(result.key, ()))
    return [word for word in words if word not in fine]


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
