"""Which results stand in the rows of a supplement, and why there may be none."""

from collections.abc import Iterable

from reports.model.board import Board, Result
from reports.model.supplements import Supplement, SupplementRow


def results(board: Board, dataset: str, supplement: Supplement) -> dict[SupplementRow, Result]:
    """Its rows that have numbers on a dataset."""
    return numbers(board, dataset, supplement, supplement.rows)


def numbers(
    board: Board, dataset: str, supplement: Supplement, rows: Iterable[SupplementRow]
) -> dict[SupplementRow, Result]:
    """Those of these rows, its own or its rivals, that have numbers on a dataset."""
    return {row: e for row in rows if (e := board.numbers(dataset, row.method or supplement.method, row.variant))}


def most(count: int, supplement: Supplement) -> bool:
    """Whether so many are more than half of its rows: enough of it to be shown."""
    return 2 * count > len(supplement.rows)


def swept(board: Board, dataset: str, supplement: Supplement) -> list[tuple[float, Result]]:
    """Value and result of each row whose name is a number, ascending."""
    found = [(float(row.name), e) for row, e in results(board, dataset, supplement).items() if _numeric(row.name)]
    return sorted(found, key=lambda item: item[0])


def _numeric(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def why_missing(board: Board, dataset: str, reason: str) -> str:
    """The given reason, unless there are records that count for nothing."""
    if board.of(dataset):
        return "its records are stale, failed or skipped; its leaderboard says why"
    return reason
