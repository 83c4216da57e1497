"""The plainest median: the shared network on the absolute error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Rows, Schema
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method


class Absolute(Method):
    """|f(x) - y| of the label in units of its training standard deviation; the value is f(x), at least 0.

    TR with another loss and nothing else: what a row gains over TR in MAE by predicting a median, this row gains too.
    Least in the mean at the conditional median, so it is 0 wherever most labels are, and low on average where the tail
    is long. The unit only says how far a step of Adam goes. The median absolute deviation, which no outlier moves, was
    no better on validation rows: an MAE of 20.62 against 20.61 on KuaiRand-Pure's slice, 3.214 against 3.208 on
    KuaiRec's, three seeds each.
    """

    title = "Absolute error"
    paper = "none: least absolute deviations"
    estimates = "median"
    estimates_why = "absolute error"
    space = {"lr": (1e-3, 5e-4, 1e-4)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Nothing beyond the backbone."""

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        return {"scale": torch.tensor(max(float(train.label.std()), 1e-6))}

    def build(self, schema: Schema, fitted: Fitted) -> Regressor:
        return Regressor(schema, self.config, scale=fitted["scale"])

    def loss(self, module: Any, batch: Batch) -> Tensor:
        return (module(batch)[:, 0] - batch.label / module.scale).abs().mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return (module(batch)[:, 0] * module.scale).clamp_min(0)
