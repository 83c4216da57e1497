"""The shared network on the logarithm of the label, and the way back."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Array, Rows, Schema
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method


def log1p(y: Array) -> Array:
    """ln(1 + y) of labels [n], float64; labels below 0 count as 0."""
    return np.log1p(y.astype(np.float64).clip(0))


class Smeared(Regressor):
    """The regressor, and the logarithm of Duan's smearing factor beside it."""

    def __init__(self, schema: Schema, config: BackboneConfig, fitted: Fitted) -> None:
        super().__init__(schema, config, **{name: fitted[name] for name in ("mean", "std", "ceiling")})
        self.log_factor = nn.Parameter(torch.zeros(1))


class Log1p(Method):
    """Squared error of f(x) and z = ln(1 + y), standardised by training rows; value e^f - 1, at least 0.

    The way back decides what is estimated. e^f(x) is the geometric mean of 1 + y given x: its median where z is
    symmetric given x, and below its mean, the more the wider z is (Jensen). The unit of y is the label's own, so the 1
    is a second, a whole video, a dollar.

    Variant `smearing` multiplies by Duan's factor E[e^(z - f)], one number for all rows: (1 + y) e^-f averaged over
    training rows, which makes the mean right wherever z - f does not depend on x. It is a parameter c beside the
    network, in Poisson form e^c - c e^(z - f) without a gradient to f, so f is the same as without it.

    f stops one above the largest training z, so that no stray prediction overflows.
    """

    title = "log1p"
    paper = "none: regression of the logarithm; Duan, JASA 1983, for the smearing"
    estimates = "median"
    estimates_why = "squared error of ln(1 + y), read back by e^f - 1: the median where the logarithm is symmetric"
    estimates_when = (({"back": "smearing"}, "mean"),)
    variants = {"smearing": {"back": "smearing"}}
    space = {"lr": (1e-3, 5e-4, 1e-4)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """The way back."""

        back: Literal["expm1", "smearing"] = "expm1"

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        z = log1p(train.label)
        found = {"mean": z.mean(), "std": max(z.std(), 1e-6), "ceiling": z.max() + 1}
        return {name: torch.tensor(value) for name, value in found.items()}

    def build(self, schema: Schema, fitted: Fitted) -> Regressor:
        if self.config.back == "smearing":
            return Smeared(schema, self.config, fitted)
        return Regressor(schema, self.config, **fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        z, f = batch.label.clamp_min(0).log1p(), self.log(module, batch)
        squared = ((z - f) / module.std).square().mean()
        if self.config.back == "expm1":
            return squared
        ratio = (z - f.detach().minimum(module.ceiling)).exp()
        return squared + (module.log_factor.exp() - module.log_factor * ratio).mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        f = self.log(module, batch).minimum(module.ceiling)
        if self.config.back == "smearing":
            f = f + module.log_factor
        return f.expm1().clamp_min(0)

    def log(self, module: Any, batch: Batch) -> Tensor:
        """f(x), the prediction of ln(1 + y), [B]."""
        return module.mean + module.std * module(batch)[:, 0]
