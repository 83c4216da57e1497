"""What the tree rows share: their columns, their losses, and a hurdle of two fits."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from datasets.schema import Array, Rows, Schema
from methods._encoding import categories, cross_fitted
from methods.base import Estimator, MethodBase

Loss = Literal["squared", "absolute", "poisson", "tweedie", "hurdle"]
Objective = Literal["squared", "absolute", "poisson", "tweedie", "binary"]
_FEW = 100_000  # rows, below which a second thread costs more than it saves
_ENOUGH = 30  # validation rows with a positive label, to estimate a variance from


class Grown(Protocol):
    """Trees that predict the mean (of 0 and 1: the chance of 1) of rows [n, columns]."""

    def __call__(self, columns: Array) -> Array: ...


class Data(NamedTuple):
    """Columns [n, columns] and labels [n] of the training rows and of those that growing stops on."""

    columns: Array
    label: Array
    valid_columns: Array
    valid_label: Array


class Fitted(NamedTuple):
    """The encoder of categories; the trees of the value, or of who pays and of the logarithm of how much."""

    encoder: Any
    value: Grown
    pays: Grown | None = None
    half_variance: float = 0.0  # of ln y about the trees
    scale: float = 1.0  # of labels, so that their mean is 1


class LossTrees(Estimator):
    """Trees on the rows' numbers and on the mean ln(1 + y) of each categorical value (cross-fitted on training rows).

    Labels are divided by their training mean. Growing stops on the validation rows, by the loss itself. `hurdle` is two
    fits: who pays, and the squared error of ln y of those who do; its mean is p exp(m + s^2 / 2), with s^2 the mean
    squared error of m on the validation rows (of the training rows, where fewer than 30 of those pay).
    """

    tasks = ("ltv",)

    @dataclass(frozen=True)
    class Config(MethodBase.Config):
        """scikit-learn's names."""

        loss: Loss = "poisson"
        learning_rate: float = 0.1
        max_iter: int = 500
        max_leaf_nodes: int = 31
        min_samples_leaf: int = 20
        n_iter_no_change: int = 20
        tweedie_power: float = 1.5  # of `tweedie`: 1 is Poisson, 2 gamma
        folds: int = 5  # of the cross-fitted encodings

    @abstractmethod
    def grow(self, objective: Objective, data: Data, seed: int) -> Grown:
        """Trees of one objective; log links for poisson and tweedie."""

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        assert valid.label is not None
        y, y_valid = train.label.astype(np.float64), valid.label.astype(np.float64)
        seeds = [int(seed) for seed in rng.integers(2**31, size=3)]
        columns, encoder = _encoded(train, np.log1p(np.maximum(y, 0)), self.config.folds, seeds[0])
        scale = float(y.mean()) or 1.0
        data = Data(columns, y / scale, _columns(encoder, valid), y_valid / scale)
        if self.config.loss != "hurdle":
            return Fitted(encoder, self._grown(self.config.loss, data, seeds[1]), scale=scale)
        pays = self._grown("binary", data._replace(label=y > 0, valid_label=y_valid > 0), seeds[1])
        buyers = Data(*(part[mask] for part, mask in zip(data, (y > 0, y > 0, y_valid > 0, y_valid > 0), strict=True)))
        logs = buyers._replace(label=np.log(buyers.label), valid_label=np.log(buyers.valid_label))
        value = self._grown("squared", logs, seeds[2])
        judged = logs[2:] if len(logs.valid_label) >= _ENOUGH else logs[:2]
        variance = float(np.square(judged[1] - value(judged[0])).mean()) if len(judged[1]) else 0.0
        return Fitted(encoder, value, pays, variance / 2, scale)

    def _grown(self, objective: Objective, data: Data, seed: int) -> Grown:
        """Trees, or their mean label where there is nothing to split: too few rows, or one label."""
        from threadpoolctl import threadpool_limits

        few = max(2 * self.config.min_samples_leaf, 10)
        if len(data.label) < few or data.label.min() == data.label.max():
            return Constant(float(np.mean(data.label)) if len(data.label) else 0.0)
        with threadpool_limits(self.threads(len(data.label)) or None, user_api="openmp"):
            return self.grow(objective, data, seed)

    @staticmethod
    def threads(rows: int) -> int:
        """How many are worth their while; 0: as many as there are."""
        return 1 if rows < _FEW else 0

    def predict(self, fitted: Fitted, rows: Rows) -> np.ndarray:
        columns = _columns(fitted.encoder, rows)
        value = fitted.value(columns)
        if fitted.pays is not None:
            value = fitted.pays(columns) * np.exp(value + fitted.half_variance)
        return (value * fitted.scale).clip(0)


class Constant(NamedTuple):
    """What no tree is needed for."""

    value: float

    def __call__(self, columns: Array) -> Array:
        return np.full(len(columns), self.value)


def _encoded(rows: Rows, target: Array, folds: int, seed: int) -> tuple[Array, Any]:
    """The columns of training rows, each fold encoded by the others, and the encoder of all other rows."""
    ids = categories(rows)
    if not ids.shape[1]:
        return _numbers(rows), None
    encoded, encoder = cross_fitted(ids, target, folds=folds, seed=seed)
    return np.concatenate([encoded, _numbers(rows)], axis=1), encoder


def _columns(encoder: Any, rows: Rows) -> Array:
    if encoder is None:
        return _numbers(rows)
    return np.concatenate([encoder.transform(categories(rows)), _numbers(rows)], axis=1)


def _numbers(rows: Rows) -> Array:
    """float64 [n, numeric]."""
    return np.empty((len(rows), 0)) if rows.numeric is None else rows.numeric.astype(np.float64)
