"""NDT: normalised dwell time, a sigmoid of the watch time that forgives the first seconds and saturates in the tail."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method

A, B, TAU = 2.319, 0.744, 20.0  # of the paper, TAU in seconds


def ndt(x: Tensor) -> Tensor:
    """T = A / (1 + e^{-x}) - B of x = (t - v) / TAU."""
    return A * torch.sigmoid(x) - B


class NDT(Method):
    """Squared error of T(s) and T((t - v) / TAU), so that the value is the place v + TAU s; t is the label.

    v = exp(mean - std of ln(1 + t)) bounds what the paper calls a valid read. Squared errors in T are those of a label
    that ends softly about three TAU above v: a prediction between median and mean.

    - The paper weights clicks with T and CWM's code ranks by two such towers; neither predicts seconds. Reading s as a
      place inverts T. Variant `weighted` is the nearest to the paper that does: each row is a positive of weight T
      (0 at least) and a negative of weight 1, so the odds are E[T|x] (as in `wlr`), and T^-1 of it is the value.
    - TAU = 20 and the 1 in the logarithm are seconds. Here t is in twentieths of the mean training label (on KuaiRand
      1.2 s), so that any unit will do; variant `seconds` takes the label as it is. v is of training rows, not all.
    - Predictions stop at the largest training label, where T may be flat.
    """

    title = "NDT"
    paper = "Xie et al., WWW 2023; baseline of Zhao et al., KDD 2024"
    tasks = ("watch_time",)
    variants = {"weighted": {"use": "weight"}, "seconds": {"unit": "label"}}
    space = {"lr": (1e-3, 5e-4, 1e-4)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """What T is used for and the unit of t."""

        use: Literal["label", "weight"] = "label"
        unit: Literal["mean", "label"] = "mean"

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        y = train.label.astype(np.float64).clip(0)
        unit = max(y.mean(), 1e-6) / TAU if self.config.unit == "mean" else 1.0
        log = np.log1p(y / unit)
        v, largest = np.exp(log.mean() - log.std()), max(y.max(), 1e-6)
        return {name: torch.tensor(value) for name, value in (("unit", unit), ("v", v), ("largest", largest))}

    def build(self, schema: Schema, fitted: Fitted) -> Regressor:
        return Regressor(schema, self.config, **fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        s, T = module(batch)[:, 0], ndt(self.place(module, batch.label))
        if self.config.use == "weight":
            return (T.clamp_min(0) * softplus(-s) + softplus(s)).mean()
        return (ndt(s) - T).square().mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        s = module(batch)[:, 0]
        if self.config.use == "weight":
            ends = torch.sigmoid(self.place(module, torch.stack([torch.zeros_like(module.v), module.largest])))
            s = torch.logit(((s.exp() + B) / A).clamp(ends[0], ends[1]))
        return (module.unit * (module.v + TAU * s)).clamp_min(0).minimum(module.largest)

    def place(self, module: Any, y: Tensor) -> Tensor:
        """x of these labels."""
        return (y / module.unit - module.v) / TAU
