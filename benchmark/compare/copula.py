"""Which errors a ranking can go with, given how the label is distributed: the Gaussian copula.

A predictor's score S and the label's normal score Z are taken as jointly normal with correlation rho; the label is
Y = Q(Phi(Z)), Q its own quantile function. Then XAUC is a function of rho alone, and so are the errors of the
predictor of the conditional mean E[Y | S] and of the conditional median: the least RMSE and the least MAE of any
prediction that is made from such a score."""

from dataclasses import dataclass
from functools import cached_property
from math import asin, pi, sin, sqrt
from typing import Any

from benchmark.compare.marginal import Bins

_REACH, _STEP = 6.0, 0.1  # of the grid of scores, in standard deviations
_MOST = 0.99  # of a correlation: beyond it bins are too coarse


def rho_of(xauc: float) -> float:
    """The correlation behind an XAUC, labels and scores without ties: sin(pi (XAUC - 1/2)). Raises ValueError outside 0
    to 1."""
    if not 0 <= xauc <= 1:
        raise ValueError(f"an XAUC lies in 0 to 1, not at {xauc:g}")
    return sin(pi * (xauc - 0.5))


def xauc_of(rho: float) -> float:
    """1/2 + arcsin(rho) / pi: Kendall's tau of two normal variables is 2 arcsin(rho) / pi (Kruskal, 1958)."""
    return 0.5 + asin(rho) / pi


@dataclass(frozen=True)
class Errors:
    """Of one predictor, in the label's unit; ratio: predicted / actual mean."""

    mae: float
    rmse: float
    ratio: float


@dataclass(frozen=True)
class Pair:
    """What the same score becomes as a conditional mean and as a conditional median."""

    mean: Errors
    median: Errors


@dataclass(frozen=True)
class Copula:
    """A label's distribution, asked about predictors."""

    bins: Bins

    def at(self, rho: float) -> Pair:
        """Of a score with this correlation; its sign does not count, and beyond 0.99 it is taken as 0.99."""
        import numpy as np
        from scipy.special import ndtr

        rho = min(abs(rho), _MOST)
        score = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
        weight = np.exp(-(score**2) / 2)  # the trapezoid rule: exact to rounding for what is smooth
        weight /= weight.sum()
        below = ndtr((self._edges - rho * score[:, None]) / sqrt(1 - rho**2))
        given = np.diff(below, axis=1)  # [scores, bins], the probability of each bin
        mean = given @ self._label
        median = np.interp(rho * score, self._centres, self._label)  # Z given S is normal about rho S
        return Pair(*(self._errors(predicted, weight, given, mean) for predicted in (mean, median)))

    def _errors(self, predicted: Any, weight: Any, given: Any, mean: Any) -> Errors:
        """predicted, mean (E[Y | S]): one value for each score. RMSE is made of moments, so that the labels' spread
        within bins is in it."""
        centre = self._mass @ self._label
        bias = weight @ predicted - centre
        spread = weight @ (predicted - centre) ** 2 - 2 * weight @ ((predicted - centre) * (mean - centre))
        mae = weight @ (given * abs(self._label - predicted[:, None])).sum(1)
        return Errors(float(mae), sqrt(max(float(self.bins.std**2 + spread), 0.0)), float(1 + bias / centre))

    @cached_property
    def _mass(self) -> Any:
        import numpy as np

        rows = np.asarray(self.bins.rows, float)
        return rows / rows.sum()

    @cached_property
    def _label(self) -> Any:
        import numpy as np

        return np.asarray(self.bins.label)

    @cached_property
    def _edges(self) -> Any:
        """Normal scores, [bins + 1]."""
        import numpy as np
        from scipy.special import ndtri

        return np.concatenate([[-np.inf], ndtri(np.cumsum(self._mass)[:-1]), [np.inf]])

    @cached_property
    def _centres(self) -> Any:
        """Normal scores of the bins' middle rows, [bins]."""
        import numpy as np
        from scipy.special import ndtri

        return ndtri(np.cumsum(self._mass) - self._mass / 2)
