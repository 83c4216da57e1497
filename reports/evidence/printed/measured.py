"""One of our numbers with what is known of its noise."""

from reports.evidence.contest import contest
from reports.evidence.differences import of_seeds
from reports.evidence.stats import Estimate, estimate
from reports.model.board import Board, Result


def measured(board: Board, result: Result, metric: str, *, part: str = "") -> Estimate | None:
    """Our number with its error over users and seeds; None where one seed says nothing.

    A row that was not resampled is lent the users' error of the board's other rows, for the verdict on a number must
    not hang on whether its row was. Where no row was, seeds are all there is."""
    tested = contest(board, result.dataset, metric, part)
    if tested and result in tested.places:
        return tested.mean(result)
    summary = result.metric(metric, part)
    if summary is None or summary.std is None:
        return None
    seeds = of_seeds(summary)
    return tested.beside(summary.mean, seeds) if tested else estimate(summary.mean, [seeds])
