"""What the models of repeat buying share: a fit of counts, a fit of values, and their product as the prediction."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from datasets.schema import Array, Rows, Schema
from methods.base import Estimator
from methods.btyd._fit import Estimate, maximise
from methods.btyd._histories import COUNTS, Histories, histories, missing
from methods.btyd.gammagamma import NAMES, gammagamma_fit, gammagamma_mean
from methods.parameters import Parametric


class Fitted(NamedTuple):
    """The two halves; `value` is None where the label counts purchases."""

    buying: Estimate
    value: Estimate | None


class RepeatBuying(Estimator, Parametric):
    """Expected purchases in the horizon times the expected worth of one, from training customers' histories alone.

    No label is looked at. Where the label counts purchases, the prediction is the expected number of them.
    """

    tasks = ("ltv",)
    deterministic = True
    names: ClassVar[tuple[str, ...]]  # of the parameters of the counts

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        return super().supports(schema) or missing(schema, cls.title)

    @abstractmethod
    def likelihood(self, params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
        """Its logarithm for each history [n], and the derivatives [4, n]."""

    @abstractmethod
    def starts(self, age: float) -> Sequence[Sequence[float]]:
        """Where to begin the search; age: the mean of T."""

    @abstractmethod
    def expected(self, params: Array, x: Array, t_x: Array, T: Array, t: Array) -> Array:
        """Purchases in (T, T + t], [n]."""

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Fitted:
        one = histories(train)
        buying = self.fit_counts(one)
        return Fitted(buying, None if schema.unit == COUNTS else gammagamma_fit(one.x, one.m))

    def fit_counts(self, one: Histories) -> Estimate:
        """The maximum likelihood of the counts. Raises ValueError where nobody has bought again."""
        if not (one.x > 0).any():
            raise ValueError(
                f"{self.title} has nothing to learn from: none of {len(one):,} training customers has bought again; "
                "choose a longer history"
            )
        columns, weight = one.grouped()
        return maximise(self.likelihood, columns, weight, self.starts(max(float(one.T.mean()), 1e-3)))

    def predict(self, fitted: Fitted, rows: Rows) -> np.ndarray:
        one = histories(rows)
        number = self.expected(fitted.buying.params, one.x, one.t_x, one.T, one.horizon)
        if fitted.value is None:
            return number
        worth = gammagamma_mean(fitted.value.params, one.x, one.m)
        if not np.isfinite(worth).all():
            raise ValueError(
                f"Gamma-Gamma's mean value is infinite (q = {fitted.value.params[1]:.3g} <= 1): a few purchases are "
                "worth more than all others, cap them"
            )
        return number * worth

    def parameters(self, fitted: Fitted) -> Mapping[str, float]:
        told = fitted.buying.told(self.names)
        if fitted.value is not None:
            told |= {f"value_{name}": number for name, number in fitted.value.told(NAMES).items()}
            told["repeat_buyers"] = float(fitted.value.rows)
        return told


def floats(*columns: ArrayLike) -> tuple[Array, ...]:
    """Broadcast to one shape, as float64 that lies in one piece."""
    arrays = np.broadcast_arrays(*(np.asarray(column, np.float64) for column in columns))
    return tuple(np.array(array, order="C") for array in arrays)
