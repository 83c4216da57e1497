"""How far more rows of a log could carry a number: the XAUC that endless rows are predicted to give, and the errors
that go with it."""

from benchmark.compare.ceiling import Ceiling
from benchmark.compare.copula import Copula, rho_of
from reports.evidence.printed.together import reach_of
from reports.model.board import Board


def known(board: Board, dataset: str) -> Ceiling | None:
    """The dataset's variance components where they are those of its records' rows."""
    found = board.folder.ceilings.get(dataset)
    return found if found and any(r.identity.data == found.table for r in board.trusted(dataset)) else None


def limit(board: Board, dataset: str, metric: str) -> float | None:
    """The best that any number of rows could make of a metric here; None where that is not known.

    Of XAUC what users and items are predicted to give with endless rows, and as much more as the best row has over the
    prediction for its own rows. Of RMSE the error of a mean of that order, of MAE that of a median, less by what the
    copula is off on our own rows: see `together`."""
    return board.keep(("limit", dataset, metric), lambda: _limit(board, dataset, metric))


def _limit(board: Board, dataset: str, metric: str) -> float | None:
    found = known(board, dataset)
    if found is None or metric not in ("xauc", "mae", "rmse"):
        return None
    ours = [v for e in board.ranked.of(dataset) if not e.oracle and (v := e.mean("xauc")) is not None]
    xauc = found.by_user[-1].xauc + max(max(ours, default=0.0) - found.by_share[-1].xauc, 0.0)
    if metric == "xauc":
        return xauc
    marginal, reach = board.folder.marginals.get(dataset), reach_of(board, dataset)
    if marginal is None or reach is None:
        return None
    errors = Copula(marginal.all).at(rho_of(min(xauc, 1.0)))
    return (errors.mean.rmse if metric == "rmse" else errors.median.mae) * (1 - reach.off[metric])
