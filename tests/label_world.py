"""Made-up labels with a long tail, and rows of a board whose errors are those that their order has under them."""

import numpy as np

from benchmark.compare.copula import Copula, rho_of
from benchmark.compare.marginal import Marginal, binned
from benchmark.records.record import Record
from tests.front_world import row

LABELS = 24 * np.random.default_rng(5).lognormal(-0.5, 1.0, 50_000)
KEPT = Marginal(dataset="kuairand", code="c0de", table="da7a", all=binned(LABELS), test=binned(LABELS))
COPULA = Copula(KEPT.test)


def estimating(kind: str, method: str, xauc: float, *, off: float = 0.0) -> list[Record]:
    """A row with the errors that this order has under our labels, larger by a share."""
    says = getattr(COPULA.at(rho_of(xauc)), kind)
    return row("kuairand", method, mae=says.mae * (1 + off), rmse=says.rmse * (1 + off), xauc=xauc, ratio=says.ratio)
