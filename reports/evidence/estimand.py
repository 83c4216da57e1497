"""Does a board rank methods, or what they estimate? MAE is least for the conditional median and RMSE for the mean; on a
skewed label the two differ, and predicted / actual tells which one a row is near."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh

from reports.model.board import Result

_LEAST = 8  # rows from which a correlation over them is worth its interval
_Z = 1.959964  # standard errors of a 95 % interval


@dataclass(frozen=True)
class Rho:
    """Spearman's correlation over rows with its 95 % interval, the rows taken as drawn (Bonett and Wright, 2000)."""

    value: float
    low: float
    high: float
    rows: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def rho(results: Sequence[Result], one: str, other: str) -> Rho | None:
    """Between two metrics over rows; None where there are too few, or either has no order."""
    known = [(a, b) for e in results if (a := e.mean(one)) is not None and (b := e.mean(other)) is not None]
    if len(known) < _LEAST or any(len(set(values)) < 2 for values in zip(*known, strict=True)):
        return None
    from scipy.stats import spearmanr

    value = float(spearmanr([a for a, _ in known], [b for _, b in known]).statistic)
    if abs(value) >= 1:
        return Rho(value, value, value, len(known))
    reach = _Z * sqrt((1 + value**2 / 2) / (len(known) - 3))
    return Rho(value, tanh(atanh(value) - reach), tanh(atanh(value) + reach), len(known))
