"""LightGBM's trees by loss: an optional dependency."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from datasets.schema import Array, Schema
from methods.trees._losses import Data, Grown, Loss, LossTrees, Objective

_NAMES = {"squared": "l2", "absolute": "l1", "poisson": "poisson", "tweedie": "tweedie", "binary": "binary"}


class LightGBM(LossTrees):
    """LightGBM on the Tweedie deviance, the Poisson deviance, the absolute or squared error, or a hurdle.

    Tweedie's variance is mean^1.5: between Poisson's and gamma's, with a mass at zero, as sums of a random number of
    amounts have.
    """

    name = "lightgbm"
    title = "LightGBM by loss"
    paper = "none: Ke et al., NeurIPS 2017"
    variants = {loss: {"loss": loss} for loss in ("poisson", "absolute", "squared", "hurdle")}
    space = {
        "learning_rate": ("log", 0.02, 0.3),
        "max_leaf_nodes": (7, 15, 31, 63),
        "min_samples_leaf": (5, 20, 100),
        "tweedie_power": ("linear", 1.1, 1.9),
    }

    @dataclass(frozen=True)
    class Config(LossTrees.Config):
        """Tweedie's loss is the one that only LightGBM has."""

        loss: Loss = "tweedie"

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        there = find_spec("lightgbm") is not None
        return super().supports(schema) or (None if there else "LightGBM is not there: type `pip install lightgbm`")

    def grow(self, objective: Objective, data: Data, seed: int) -> Grown:
        import lightgbm

        c = self.config
        settings: dict[str, Any] = {
            "objective": _NAMES[objective],
            "learning_rate": c.learning_rate,
            "num_leaves": c.max_leaf_nodes,
            "min_data_in_leaf": c.min_samples_leaf,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads(len(data.label)),
            "verbosity": -1,
        }
        if objective == "tweedie":
            settings["tweedie_variance_power"] = c.tweedie_power
        train = lightgbm.Dataset(data.columns, data.label.astype(float))
        if not len(data.valid_label):
            return Forest(lightgbm.train(settings, train, c.max_iter))
        valid = train.create_valid(data.valid_columns, data.valid_label.astype(float))
        stop = lightgbm.early_stopping(c.n_iter_no_change, verbose=False)
        return Forest(lightgbm.train(settings, train, c.max_iter, valid_sets=[valid], callbacks=[stop]))


class Forest:
    """The trees up to the best round."""

    def __init__(self, trees: Any) -> None:
        self.trees = trees

    def __call__(self, columns: Array) -> Array:
        return np.asarray(self.trees.predict(columns))
