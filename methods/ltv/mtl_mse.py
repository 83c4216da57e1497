"""MTL-MSE: classification and squared-error regression on a shared bottom."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods.base import Batch, Fitted, Method
from methods.ltv._towers import RATES, Net, TowerConfig, facts, logit


class MTLMSE(Method):
    """p = sigmoid(c) and r from one tower: L = CE(1[y > 0], p) + w (p r - y)^2, prediction p max(r, 0).

    GR's Table 6 gives a name and a citation (ESMM, for click and conversion rates), no definition. As in ESMM the
    product is trained on the entire space; variant `positives` trains r on buyers alone.

    r is in units of the mean positive label and starts at 1; the squared error is in units of its rows' training
    variance, so that both terms start near one and w = 1 is a balance. Unscaled, squared euros drown the cross-entropy.
    r may be negative in training, where a clamp would stop its gradient.
    Variant `hard` predicts r if p >= 1/2 else 0: all zero where few rows are positive.
    """

    title = "MTL-MSE"
    paper = "Ma et al. (ESMM), SIGIR 2018; GR Table 6"
    tasks = ("ltv",)
    variants = {"hard": {"decode": "hard"}, "positives": {"rows": "positives"}}
    space = {"lr": RATES, "w": ("log", 1e-2, 10.0)}

    @dataclass(frozen=True)
    class Config(TowerConfig):
        """The regression's rows and weight, and the read-out."""

        rows: Literal["all", "positives"] = "all"
        decode: Literal["expectation", "hard"] = "expectation"
        w: float = 1.0
        threshold: float = 0.5  # of `hard`

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        return facts(train.label)

    def build(self, schema: Schema, fitted: Fitted) -> Net:
        start = [logit(fitted["rate"]), 1.0]
        std = fitted["std" if self.config.rows == "all" else "positive_std"]
        return Net(schema, self.config, 2, start=start, mean=fitted["mean"], std=std)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        y = batch.label
        assert y is not None
        c, r = module(batch).unbind(1)
        positive = (y > 0).to(y.dtype)
        cross_entropy = softplus(c) - positive * c
        if self.config.rows == "all":
            squared = ((c.sigmoid() * r * module.mean - y) / module.std).square().mean()
        else:
            error = (r * module.mean - y) / module.std
            squared = (positive * error.square()).sum() / positive.sum().clamp_min(1)
        return cross_entropy.mean() + self.config.w * squared

    def predict(self, module: Any, batch: Batch) -> Tensor:
        c, r = module(batch).unbind(1)
        p, v = c.sigmoid(), r.clamp_min(0) * module.mean
        return v * (p if self.config.decode == "expectation" else (p >= self.config.threshold))
