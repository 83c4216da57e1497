"""The past rate: customers go on spending as they have, for ever."""

from typing import Any

import numpy as np

from datasets.schema import Rows, Schema
from methods.base import Estimator
from methods.btyd._histories import COUNTS, histories, missing


class PastRate(Estimator):
    """x m / T a week, times the horizon: nothing is fitted, and nobody ever leaves.

    Where the label counts purchases, x / T times the horizon. Nothing is expected of who came on the history's last
    day (T = 0).
    """

    title = "Past rate"
    paper = "none: the repeat spend of the history, carried on"
    tasks = ("ltv",)
    deterministic = True

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        return super().supports(schema) or missing(schema, cls.title)

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Any:
        return schema.unit == COUNTS

    def predict(self, fitted: Any, rows: Rows) -> np.ndarray:
        one = histories(rows)
        spent = one.x if fitted else one.x * one.m
        return np.divide(spent, one.T, out=np.zeros(len(one)), where=one.T > 0) * one.horizon
