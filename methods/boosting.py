"""Gradient-boosted trees on target encodings: the strong simple predictor that neither paper compares with."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from datasets.schema import Array, Rows, Schema
from methods._encoding import categories, cross_fitted
from methods.base import Estimator, MethodBase


class Boosting(Estimator):
    """scikit-learn's histogram boosting on the mean training label of each categorical value.

    It sees the columns that the networks see: every field, the first id of every bag, the numeric columns. Variant
    `raw_duration` adds log(1 + duration), which the networks know only as a level. The content vector is left out:
    hundreds of floats for each row would not fit, and the item's own encoding says more.

    Encodings of training rows are cross-fitted (each fold encoded by the others), or the trees would read the labels
    off them; all other rows get encodings from the whole training split. Boosting stops on the given validation rows,
    by the loss that is boosted: a part of the training rows would be encoded unlike the rows to predict.
    Seeds differ by the folds and by the rows that scikit-learn samples to place its histogram bins.
    """

    title = "Boosted trees"
    paper = "none: scikit-learn HistGradientBoostingRegressor, TargetEncoder"
    variants = {"absolute": {"loss": "absolute_error"}, "raw_duration": {"raw_duration": True}}
    space = {
        "learning_rate": ("log", 0.02, 0.3),
        "max_leaf_nodes": (15, 31, 63, 127),
        "min_samples_leaf": (20, 100, 500),
    }

    @dataclass(frozen=True)
    class Config(MethodBase.Config):
        """scikit-learn's names and defaults, but for more rounds."""

        loss: Literal["squared_error", "absolute_error"] = "squared_error"
        raw_duration: bool = False  # where rows have one
        learning_rate: float = 0.1
        max_iter: int = 500
        max_leaf_nodes: int = 31
        min_samples_leaf: int = 20
        n_iter_no_change: int = 20
        folds: int = 5  # of the cross-fitted encodings

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Any:
        from sklearn.ensemble import HistGradientBoostingRegressor

        assert train.label is not None
        assert valid.label is not None
        c, ids, y = self.config, categories(train), train.label.astype(np.float64)
        seeds = rng.integers(2**31, size=2).tolist()
        encoded, encoder = cross_fitted(ids, y, folds=c.folds, seed=seeds[0])
        trees = HistGradientBoostingRegressor(
            loss=c.loss,
            learning_rate=c.learning_rate,
            max_iter=c.max_iter,
            max_leaf_nodes=c.max_leaf_nodes,
            min_samples_leaf=c.min_samples_leaf,
            early_stopping=True,
            n_iter_no_change=c.n_iter_no_change,
            random_state=seeds[1],
        )
        trees.fit(
            self.columns(encoded, train),
            y,
            X_val=self.columns(encoder.transform(categories(valid)), valid),
            y_val=valid.label.astype(np.float64),
        )
        return encoder, trees

    def predict(self, fitted: Any, rows: Rows) -> np.ndarray:
        encoder, trees = fitted
        return trees.predict(self.columns(encoder.transform(categories(rows)), rows)).clip(0)

    def columns(self, encoded: Array, rows: Rows) -> Array:
        """Encodings [n, fields + bags], numeric columns and, if wanted, log(1 + duration), side by side."""
        parts = [encoded]
        if rows.numeric is not None:
            parts.append(rows.numeric)
        if self.config.raw_duration and rows.duration is not None:
            parts.append(np.log1p(rows.duration)[:, None])
        return np.concatenate(parts, axis=1)
