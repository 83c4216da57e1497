"""scikit-learn's histogram trees by loss: the row that needs nothing to be installed."""

from typing import Any

import numpy as np

from datasets.schema import Array
from methods.trees._losses import Data, Grown, LossTrees, Objective

_NAMES = {"squared": "squared_error", "absolute": "absolute_error", "poisson": "poisson"}
_JITTER = 1e-6  # of the mean label


class HistTrees(LossTrees):
    """Histogram trees on the Poisson deviance, the absolute or squared error, or a hurdle (scikit-learn).

    scikit-learn counts a row that is predicted exactly as one that is predicted too low. Where more than half of the
    labels are 0, all rows are so at the start of `absolute`, and the trees learn nothing (`boosting`'s variant
    `absolute` is that); here labels are spread over a millionth of their mean, so that zeros lie on both sides. It has
    no Tweedie loss: see `lightgbm`.
    """

    name = "hist_trees"
    title = "Trees by loss"
    paper = "none: scikit-learn HistGradientBoosting"
    variants = {"absolute": {"loss": "absolute"}, "squared": {"loss": "squared"}, "hurdle": {"loss": "hurdle"}}
    space = {
        "learning_rate": ("log", 0.02, 0.3),
        "max_leaf_nodes": (7, 15, 31, 63),
        "min_samples_leaf": (5, 20, 100),
    }

    def grow(self, objective: Objective, data: Data, seed: int) -> Grown:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        growth: dict[str, Any] = {
            name: getattr(self.config, name)
            for name in ("learning_rate", "max_iter", "max_leaf_nodes", "min_samples_leaf", "n_iter_no_change")
        }
        growth |= {"early_stopping": True, "random_state": seed}
        stop = {"X_val": data.valid_columns, "y_val": data.valid_label} if len(data.valid_label) else {}
        if objective == "binary":
            return Chance(HistGradientBoostingClassifier(**growth).fit(data.columns, data.label, **stop))
        if objective not in _NAMES:
            raise ValueError(f"scikit-learn has no loss {objective!r}; take the method lightgbm")
        label = data.label
        if objective == "absolute":
            label = label + _JITTER * np.random.default_rng(seed).random(len(label))
        trees = HistGradientBoostingRegressor(loss=_NAMES[objective], **growth)
        return trees.fit(data.columns, label, **stop).predict


class Chance:
    """A classifier's chance of 1."""

    def __init__(self, trees: Any) -> None:
        self.trees = trees

    def __call__(self, columns: Array) -> Array:
        return self.trees.predict_proba(columns)[:, 1]
