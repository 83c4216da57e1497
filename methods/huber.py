"""The shared network on Huber's loss: squared error near the label, absolute error away from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Rows, Schema
from methods._robust import robust_unit
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method


class Huber(Method):
    """e^2 / 2 where |e| <= 1, else |e| - 1/2, of errors e in units of the training labels' median absolute deviation.

    Huber's delta is that deviation, so that half of the labels lie within it of their median whatever their unit and
    their tail. (The usual 1.345 standard deviations of a normal distribution are 2 of these units: `wide`.) Neither a
    mean nor a median: between both, nearer to the median the longer the tail. The value is f(x), at least 0.
    """

    title = "Huber"
    paper = "Huber, Ann. Math. Statist. 1964"
    estimates = ""
    estimates_why = "Huber's loss: between median and mean"
    variants = {"wide": {"delta": 2.0}}
    space = {"lr": (1e-3, 5e-4, 1e-4), "delta": ("log", 0.25, 8.0)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Where the loss turns."""

        delta: float = 1.0  # median absolute deviations

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        return {"unit": torch.tensor(robust_unit(train.label))}

    def build(self, schema: Schema, fitted: Fitted) -> Regressor:
        return Regressor(schema, self.config, unit=fitted["unit"])

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        e = (module(batch)[:, 0] - batch.label / module.unit).abs()
        near = e.minimum(e.new_zeros(()) + self.config.delta)  # |e| up to delta
        return (near * (e - near / 2)).mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return (module(batch)[:, 0] * module.unit).clamp_min(0)
