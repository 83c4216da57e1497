"""ZILN: deep zero-inflated lognormal regression (Wang, Liu & Miao 2019)."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from datasets.schema import Rows, Schema
from methods.base import Batch, Fitted, Method
from methods.ltv._towers import RATES, Net, TowerConfig, facts, inverse_softplus, logit

FLOOR = float(np.sqrt(np.float32(1e-7)))  # of the scale in the loss: the original takes this root in float32
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def ziln_loss(logits: Tensor, y: Tensor) -> Tensor:
    """-log likelihood of each row: cross-entropy of y > 0, and for positive rows the lognormal's -log density.

    logits [..., 3] = (l0, l1, l2): P(y > 0) = sigmoid(l0), location l1, scale max(softplus(l2), FLOOR). y [...] or the
    original's [..., 1]; labels <= 0 count as zero. Equal to `zero_inflated_lognormal_loss` of google/lifetime_value,
    ln y included. Rows below the floor have no gradient to l2.
    """
    l0, l1, l2 = logits.unbind(-1)
    y = y.reshape(l0.shape)
    positive = y > 0
    classification = -logsigmoid(torch.where(positive, l0, -l0))
    s = softplus(l2).clamp_min(FLOOR)
    log_y = torch.where(positive, y, 1.0).log()  # a lognormal has no density at zero
    regression = log_y + s.log() + HALF_LOG_2PI + ((log_y - l1) / s).square() / 2
    return classification + torch.where(positive, regression, 0.0)


def ziln_mean(logits: Tensor) -> Tensor:
    """E[y] = sigmoid(l0) exp(l1 + softplus(l2)^2 / 2), [...]; like the original without floor or cap, so maybe inf."""
    l0, l1, l2 = logits.unbind(-1)
    return torch.sigmoid(l0) * (l1 + softplus(l2).square() / 2).exp()


def capped_mean(logits: Tensor, *, sigma_max: Tensor | float, cap: Tensor) -> Tensor:
    """The same mean in log space, the scale at most sigma_max and the value at most cap (0-d)."""
    l0, l1, l2 = logits.unbind(-1)
    s = softplus(l2).clamp_max(sigma_max)
    return (logsigmoid(l0) + l1 + s.square() / 2).minimum(cap.log()).exp()


def start_logits(fitted: Fitted) -> list[float]:
    """(l0, l1, l2) of one zero-inflated lognormal for all training rows."""
    return [logit(fitted["rate"]), fitted["log_mean"], inverse_softplus(fitted["log_std"])]


class ZILN(Method):
    """Three logits, one likelihood, unit weights; the mean over all rows of the batch, positive or not.

    The loss is the original's to the letter. What is added, since float32 overflows in exp(l1 + s^2 / 2) and since a
    head that starts at zero needs hundreds of steps to find the label's scale:

    - the head's bias starts at the training labels' own rate, location and scale;
    - predictions are made in log space, with the scale at most `sigma_max` and the value at most `cap` times the
      largest training label.

    Variant `paper` has neither; what overflows there is the largest number of its type. The notebooks' embedding sizes,
    schedule and validation on test rows are not reproduced: the towers and the protocol are those of the other rows.
    """

    title = "ZILN"
    paper = "Wang, Liu & Miao 2019, arXiv 1912.07753; GR Table 6"
    tasks = ("ltv",)
    variants = {"paper": {"start": "random", "decode": "plain"}}
    space = {"lr": RATES, "sigma_max": (2.0, 3.0, 5.0)}

    @dataclass(frozen=True)
    class Config(TowerConfig):
        """The start of the head and the guard of the prediction."""

        start: Literal["data", "random"] = "data"
        decode: Literal["capped", "plain"] = "capped"
        sigma_max: float = 5.0  # of a prediction
        cap: float = 10.0  # on a prediction, in largest training labels

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        return facts(train.label)

    def build(self, schema: Schema, fitted: Fitted) -> Net:
        bias = start_logits(fitted) if self.config.start == "data" else None
        return Net(schema, self.config, 3, start=bias, largest=fitted["largest"])

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        return ziln_loss(module(batch), batch.label).mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        c, logits = self.config, module(batch)
        if c.decode == "plain":
            return ziln_mean(logits).clamp_max(torch.finfo(logits.dtype).max)
        return capped_mean(logits, sigma_max=c.sigma_max, cap=c.cap * module.largest)
