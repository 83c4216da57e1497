"""Weighted logistic regression: the odds of a weighted click are the expected watch time (Covington et al., 2016)."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method


class Towers(nn.Module):
    """The weighted tower and, for thresholded positives, a second one that tells positives from the rest."""

    def __init__(self, schema: Schema, config: Any, fitted: Fitted) -> None:
        super().__init__()
        self.weighted = Regressor(schema, config, ceiling=fitted["ceiling"], threshold=fitted["threshold"])
        self.plain = Regressor(schema, config) if config.positives == "threshold" else None


class WLR(Method):
    """Cross-entropy with the label y, in its own unit, as the weight of a positive: odds e^s = E[y|x].

    An auto-play feed has no clicks, so what counts as positive must be chosen, and neither paper says how. Public code
    knows two readings:

    - `all` (default; the WLR adapter of liuzhao09/DADF): every impression is a positive of weight y and a negative of
      weight 1. The loss is least at e^s = E[y|x] exactly, without a threshold. DADF divides y by its maximum; here the
      weight is y in the label's unit, as in the original.
    - variant `threshold` (hyz20/CWM): positive where y exceeds the 60th percentile, with weight y; all others negative
      with weight 1. A second, unweighted classifier c of the same shape gives P(positive), and the odds times 1 - c
      estimate E[y 1(positive)|x]. What negatives watch is left out, so it is low by construction, save where
      they are all zero. Kept as released, but the percentile is of training rows (CWM: of all rows) and no prediction
      is cut at the duration, since labels here are not.

    A prediction stops at e times the largest training label, so that no stray logit overflows.
    """

    title = "WLR"
    paper = "Covington et al., RecSys 2016; ProWTP A.6; GR 4.1.2"
    variants = {"threshold": {"positives": "threshold"}}
    space = {"lr": (1e-3, 5e-4, 1e-4)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Which impressions count as positive."""

        positives: Literal["all", "threshold"] = "all"
        percentile: int = 60  # of the training labels; a label above it is a positive of `threshold`

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        return {
            "ceiling": torch.tensor(np.log(max(float(train.label.max()), 1e-6)) + 1),  # of the logit s
            "threshold": torch.tensor(np.percentile(train.label, self.config.percentile, method="inverted_cdf")),
        }

    def build(self, schema: Schema, fitted: Fitted) -> Towers:
        return Towers(schema, self.config, fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        y, s = batch.label, module.weighted(batch)[:, 0]
        assert y is not None
        if module.plain is None:
            return (y * softplus(-s) + softplus(s)).mean()  # -y log p - log(1 - p), p = sigmoid(s)
        positive = y > module.weighted.threshold
        c = module.plain(batch)[:, 0]
        weighted = torch.where(positive, y * softplus(-s), softplus(s))
        return (weighted + torch.where(positive, softplus(-c), softplus(c))).mean()  # two towers share no parameter

    def predict(self, module: Any, batch: Batch) -> Tensor:
        odds = torch.minimum(module.weighted(batch)[:, 0], module.weighted.ceiling).exp()
        return odds if module.plain is None else odds * torch.sigmoid(-module.plain(batch)[:, 0])
