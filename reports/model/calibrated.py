"""Lifetime-value records: which datasets have deciles, and which results are calibrated at all."""

from reports.model.board import Board, Result

DECILES = tuple(f"decile={place:02d}" for place in range(1, 11))  # lowest predictions first


def datasets(board: Board) -> list[str]:
    """The lifetime-value datasets that have numbers."""
    return [d for d in board.datasets if any(DECILES[0] in record.slices for record in board.trusted(d))]


def calibrated(board: Board, dataset: str) -> list[Result]:
    """The dataset's results with deciles that are not constants, by decile MAPE."""
    found = [e for e in board.of(dataset) if e.mean("decile_mape") is not None and not e.label_only]
    return sorted(found, key=lambda e: (e.mean("decile_mape") or 0.0, e.method, e.variant))
