"""Two-stage: who will pay, then how much (Drachen et al. 2018)."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods.base import Batch, Fitted, Method
from methods.ltv._towers import RATES, Net, TowerConfig, facts, logit


class Stages(nn.Module):
    """A classifier and a regressor that share nothing, embeddings included."""

    def __init__(self, schema: Schema, config: Any, fitted: Fitted) -> None:
        super().__init__()
        value = [1.0] if config.target == "raw" else [fitted["log_mean"]]
        self.payer = Net(schema, config, 1, start=[logit(fitted["rate"])])
        self.value = Net(schema, config, 1, start=value, mean=fitted["mean"], largest=fitted["largest"])
        self.log_variance = nn.Parameter(torch.tensor(2 * np.log(fitted["log_std"])))


class TwoStage(Method):
    """Stage 1: cross-entropy of y > 0 on all rows. Stage 2: a regression on the positive rows. Prediction p v.

    The paper's stages are separate models. Here both lie in one module and the second's loss is masked to positives:
    without a shared parameter, each has the gradients that it would have alone, and Adam looks at each number alone.
    What the stages do share is the batch (its positives are stage 2's) and the epoch at which training stops.

    The regressor predicts v / mean(y | y > 0), from 1 on, since squared euros are too large for one learning rate.
    Variant `log` regresses ln y with the residual variance s^2 a parameter beside it (a Gaussian likelihood), so that
    exp(m + s^2 / 2) is a mean; exp(m) alone would be a median and low.
    Variant `hard` is the cascade as often deployed, v if p >= 1/2 else 0: all zero where few rows are positive.
    Drachen et al. use trees and linear models, ODMN's row of this name XGBoost; `two_part` is the row of trees.
    """

    title = "Two-stage"
    paper = "Drachen et al., ACSW 2018; GR Table 6"
    tasks = ("ltv",)
    variants = {"hard": {"decode": "hard"}, "log": {"target": "log"}}
    space = {"lr": RATES}

    @dataclass(frozen=True)
    class Config(TowerConfig):
        """The second stage's target and how the stages are joined."""

        target: Literal["raw", "log"] = "raw"
        decode: Literal["expectation", "hard"] = "expectation"
        threshold: float = 0.5  # of `hard`
        cap: float = 10.0  # on exp(m + s^2 / 2), in largest training labels

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        return facts(train.label)

    def build(self, schema: Schema, fitted: Fitted) -> Stages:
        return Stages(schema, self.config, fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        y = batch.label
        assert y is not None
        positive = (y > 0).to(y.dtype)
        c, v = module.payer(batch)[:, 0], module.value(batch)[:, 0]
        stage1 = softplus(c) - positive * c
        if self.config.target == "raw":
            stage2 = (v - y / module.value.mean).square()
        else:
            error = y.where(y > 0, 1.0).log() - v
            stage2 = (error.square() / module.log_variance.exp() + module.log_variance) / 2
        return stage1.mean() + (positive * stage2).sum() / positive.sum().clamp_min(1)

    def predict(self, module: Any, batch: Batch) -> Tensor:
        p, v = module.payer(batch)[:, 0].sigmoid(), module.value(batch)[:, 0]
        if self.config.target == "raw":
            v = v.clamp_min(0) * module.value.mean
        else:
            ceiling = (self.config.cap * module.value.largest).log()
            v = (v + module.log_variance.exp() / 2).minimum(ceiling).exp()
        return v * (p if self.config.decode == "expectation" else (p >= self.config.threshold))
