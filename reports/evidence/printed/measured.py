"""One of our numbers with what is known of its noise."""

from math import sqrt

from reports.evidence.contest import contest
from reports.evidence.stats import Estimate, estimate
from reports.model.board import Board, Result


def measured(board: Board, result: Result, metric: str, *, part: str = "") -> Estimate | None:
    """Our number with its error over users and seeds, over seeds alone where it was not resampled; None where one seed
    says nothing."""
    tested = contest(board, result.dataset, metric, part)
    if tested and result in tested.places:
        return tested.mean(result)
    summary = result.metric(metric, part)
    if summary is None or summary.std is None:
        return None
    return estimate(summary.mean, [(summary.std / sqrt(summary.n), max(summary.n - 1, 1))])
