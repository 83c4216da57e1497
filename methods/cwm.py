"""CWM: counterfactual watch time. A video watched to its end says only that interest lasted at least so long."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods._seconds import Timed
from methods.backbone import BackboneConfig
from methods.base import Batch, Fitted, Method

LIMIT = math.log(1e6)  # released code keeps r = exp(-c / (w + 1)) at or above 1e-6


def logit_interest(w: Tensor, c: Tensor, offset: Tensor) -> Tensor:
    """z = logit of r = exp(-c / (w + offset)), with r kept in [1e-6, 1 - 1e-6]."""
    u = c / (w + offset)
    return (-u - (-torch.expm1(-u)).log()).clamp(-LIMIT, LIMIT)


def watch_time(s: Tensor, c: Tensor, offset: Tensor) -> Tensor:
    """The inverse, c / softplus(-s) - offset, since -ln sigmoid(s) = softplus(-s)."""
    return c / softplus(-s) - offset


def mean_where(x: Tensor, chosen: Tensor) -> Tensor:
    """The mean of the chosen x, 0 where none is."""
    return torch.where(chosen, x, 0).sum() / chosen.sum().clamp_min(1)


class CWM(Method):
    """Interest r = exp(-c / (w + offset)) of watch time w, z = logit r; value w of sigmoid(s).

    Loss = the mean of (s - z)^2 / (2 sigma^2) over rows with y < d, plus that of -ln sigmoid((s - z) / sigma) over rows
    with y >= d, which only pushes s above z.

    - c, the inverse cost of watching, is 40 in the released run: with their offset of 1 s and r kept above 1e-6, all
      labels up to 1.9 s share one target. Here c is `c` times the mean training label and the offset c / ln 1e6, where
      that bound is met at w = 0: no labels are merged and any unit will do. Variant `c40` is the released pair, in the
      label's own unit.
    - The mean over a batch's truncated rows is NaN in the released code where a batch has none; here it is 0.
    - The released labels end at d and predictions are cut there. Here labels include replays and predictions are cut at
      the largest training label alone, so nothing holds s down where most rows are watched to the end, and training
      on drifts upwards; variant `clip` cuts at d.
    - The head's bias starts where the value is the mean training label; with c = 40, s = 0 already means 57 s.
    """

    title = "CWM"
    paper = "Zhao et al., KDD 2024"
    tasks = ("watch_time",)
    variants = {"c40": {"c": 40.0, "unit": "label"}, "clip": {"clip": True}}
    space = {"lr": (1e-3, 5e-4, 1e-4), "c": (0.5, 1.0, 2.0), "sigma": (0.5, 1.0, 2.0)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """The transform and the noise of s."""

        c: float = 1.0
        unit: Literal["mean", "label"] = "mean"  # of c: the mean training label, or the label's own
        sigma: float = 1.0
        clip: bool = False

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        reason = None if schema.has_duration else "CWM needs a duration; rows of this dataset have none"
        return super().supports(schema) or reason

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        mean, largest = (max(float(x), 1e-6) for x in (train.label.mean(), train.label.max()))
        c = self.config.c * (mean if self.config.unit == "mean" else 1)
        offset = c / LIMIT if self.config.unit == "mean" else 1.0
        facts = {"c": c, "offset": offset, "mean": mean, "largest": largest}
        return {name: torch.tensor(value) for name, value in facts.items()}

    def build(self, schema: Schema, fitted: Fitted) -> Timed:
        module = Timed(schema, self.config, **fitted)
        start = logit_interest(fitted["mean"], fitted["c"], fitted["offset"])
        nn.init.constant_(module.head.bias, start.item())
        return module

    def loss(self, module: Any, batch: Batch) -> Tensor:
        y, sigma = batch.label, self.config.sigma
        assert y is not None
        error = (module(batch)[:, 0] - logit_interest(y, module.c, module.offset)) / sigma
        over = y >= module.length(batch.duration)
        return mean_where(error.square() / 2, ~over) + mean_where(softplus(-error), over)

    def predict(self, module: Any, batch: Batch) -> Tensor:
        w = watch_time(module(batch)[:, 0], module.c, module.offset)  # inf where softplus(-s) is 0
        most = module.largest if not self.config.clip else module.length(batch.duration).minimum(module.largest)
        return w.minimum(most).clamp_min(0)
