"""Traditional (value) regression: the baseline that ProWTP calls TR and GR calls VR."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Rows, Schema
from methods.backbone import LARGE, BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method


class TR(Method):
    """Mean squared error on the label in units of its training standard deviation (ProWTP A.6).

    The head is unbounded and linear. Released VR code squashes a max-normalised label through a sigmoid, which on a
    heavy-tailed label starves the gradient and alone can double the error; that is not reproduced here.
    """

    title = "TR / VR"
    paper = "ProWTP A.6; GR 4.1.2"
    variants = {"large": LARGE}
    space = {"lr": (1e-3, 5e-4, 1e-4)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Nothing beyond the backbone."""

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        return {"scale": torch.tensor(max(float(train.label.std()), 1e-6))}

    def build(self, schema: Schema, fitted: Mapping[str, Any]) -> Regressor:
        return Regressor(schema, self.config, scale=fitted["scale"])

    def loss(self, module: Any, batch: Batch) -> Tensor:
        return (module(batch)[:, 0] - batch.label / module.scale).square().mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return (module(batch)[:, 0] * module.scale).clamp_min(0)
