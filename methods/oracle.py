"""The oracle of a synthetic world: the bound that no method can pass there, and a check of the whole pipeline."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from datasets.schema import Rows, Schema
from methods.base import Estimator, MethodBase


class Oracle(Estimator):
    """Reads each row's true conditional mean (least RMSE) or median (least MAE) instead of predicting it."""

    title = "Oracle"
    paper = "none: the synthetic world's own conditional distribution"
    deterministic = True
    variants = {"median": {"statistic": "median"}}

    @dataclass(frozen=True)
    class Config(MethodBase.Config):
        """What the oracle tells."""

        statistic: Literal["mean", "median"] = "mean"

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        known = {"mean", "median"} <= set(schema.truth)
        return super().supports(schema) or (None if known else "only a synthetic world knows its true mean and median")

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Any:
        return None

    def predict(self, fitted: Any, rows: Rows) -> np.ndarray:
        return rows.truth[self.config.statistic]
