"""The constant zero: where most labels are zero no constant has a lower MAE, so every MAE must be read against it."""

from typing import Any

import numpy as np

from datasets.schema import Rows, Schema
from methods.base import Estimator


class Zero(Estimator):
    """Nobody buys anything. On Criteo-SSC in euros its MAE is 8.8 to 12.9, below every row of GR's Table 6.

    (Accounts of that file differ: 7.2 to 10.5 % of its rows are sales, of 122.5 on average.) All its predictions are
    tied, so it ranks nobody: Spearman's rho does not exist.
    """

    title = "Constant zero"
    paper = "none: the mode of a zero-inflated label"
    tasks = ("ltv",)
    deterministic = True

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Any:
        return None

    def predict(self, fitted: Any, rows: Rows) -> np.ndarray:
        return np.zeros(len(rows))
