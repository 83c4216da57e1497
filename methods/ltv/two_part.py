"""Two-part gradient boosting: trees for who pays times trees for how much, the strong simple row that Table 6 lacks."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from datasets.schema import Array, Rows, Schema
from methods._encoding import categories, cross_fitted
from methods.base import Estimator, MethodBase


class Part(NamedTuple):
    """One half: its encoder and trees, or the constant that stands for both."""

    encoder: Any = None
    trees: Any = None
    constant: float = 0.0


class TwoPart(Estimator):
    """P(y > 0) from a boosted classifier on all rows, E[y | y > 0] from boosted trees on positive rows; their product.

    Amounts are boosted under the gamma deviance with a log link: it fits the mean itself and its error is relative, so
    it needs neither ln y, whose way back needs a correction (smearing) that a long tail rules, nor the squared error of
    euros, which a few rows rule. Variant `squared` has the latter.

    Categorical values are encoded by the share of payers for the first half and by the payers' mean ln y for the
    second, cross-fitted; each half stops on the validation rows by its own loss. A half with nothing to split (one
    class only, or too few positive rows for two leaves) is a constant. Variant `hard`: the amount if p >= 1/2 else 0.
    """

    title = "Two-part boosted trees"
    paper = "none: scikit-learn HistGradientBoosting, TargetEncoder"
    tasks = ("ltv",)
    variants = {"hard": {"decode": "hard"}, "squared": {"loss": "squared_error"}}
    space = {
        "learning_rate": ("log", 0.02, 0.3),
        "max_leaf_nodes": (15, 31, 63, 127),
        "min_samples_leaf": (20, 100, 500),
    }

    @dataclass(frozen=True)
    class Config(MethodBase.Config):
        """scikit-learn's names and defaults, but for more rounds."""

        loss: Literal["gamma", "squared_error"] = "gamma"  # of the amounts
        decode: Literal["expectation", "hard"] = "expectation"
        threshold: float = 0.5  # of `hard`
        learning_rate: float = 0.1
        max_iter: int = 500
        max_leaf_nodes: int = 31
        min_samples_leaf: int = 20
        n_iter_no_change: int = 20
        folds: int = 5  # of the cross-fitted encodings

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        y = labels(train)
        seeds = [int(seed) for seed in rng.integers(2**31, size=4)]
        pays = Part(constant=float((y > 0).mean()))
        if 0 < pays.constant < 1:
            trees = HistGradientBoostingClassifier(**self.growth(), random_state=seeds[0])
            pays = self.grow(trees, train, valid, labels(train) > 0, labels(valid) > 0, y > 0, seeds[1])
        buyers, valid_buyers = (rows.take(np.flatnonzero(labels(rows) > 0)) for rows in (train, valid))
        y = labels(buyers)
        amount = Part(constant=float(y.mean()) if len(y) else 0.0)
        if len(y) >= max(2 * self.config.min_samples_leaf, self.config.folds):
            trees = HistGradientBoostingRegressor(loss=self.config.loss, **self.growth(), random_state=seeds[2])
            amount = self.grow(trees, buyers, valid_buyers, y, labels(valid_buyers), np.log(y), seeds[3])
        return pays, amount

    def growth(self) -> dict[str, Any]:
        """What both halves hand to scikit-learn."""
        names = ("learning_rate", "max_iter", "max_leaf_nodes", "min_samples_leaf", "n_iter_no_change")
        return {"early_stopping": True} | {name: getattr(self.config, name) for name in names}

    def grow(
        self, trees: Any, train: Rows, valid: Rows, y: Array, y_valid: Array, encoded_as: Array, seed: int
    ) -> Part:
        """Fit one half. Without validation rows, scikit-learn sets a tenth of the training rows aside to stop on."""
        target = encoded_as.astype(np.float64)
        encoded, encoder = cross_fitted(categories(train), target, folds=self.config.folds, seed=seed)
        stop = {}
        if len(valid):
            stop = {"X_val": columns(encoder.transform(categories(valid)), valid), "y_val": y_valid}
        return Part(encoder, trees.fit(columns(encoded, train), y, **stop))

    def predict(self, fitted: Any, rows: Rows) -> np.ndarray:
        pays, amount = fitted
        p, v = np.full(len(rows), pays.constant), np.full(len(rows), amount.constant)
        if pays.trees:
            p = pays.trees.predict_proba(columns(pays.encoder.transform(categories(rows)), rows))[:, 1]
        if amount.trees:
            v = amount.trees.predict(columns(amount.encoder.transform(categories(rows)), rows)).clip(0)
        return v * (p if self.config.decode == "expectation" else p >= self.config.threshold)


def labels(rows: Rows) -> Array:
    """float64 [n]."""
    assert rows.label is not None
    return rows.label.astype(np.float64)


def columns(encoded: Array, rows: Rows) -> Array:
    """Encodings and numeric columns side by side."""
    return encoded if rows.numeric is None else np.concatenate([encoded, rows.numeric], axis=1)
