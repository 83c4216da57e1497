"""Ordinal regression: one classifier of y > e_k for each bin edge, and their sum read as a value."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

from datasets.schema import Rows, Schema
from methods._bins import bin_means, bin_of, equal_frequency
from methods._quantiles import quantiles
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method
from methods.capabilities import LEVELS, Distribution


class SharedRanker(Regressor):
    """One score for all edges and one offset for each, which starts at the edge's training log-odds."""

    def __init__(self, schema: Schema, config: Any, **buffers: Tensor) -> None:
        super().__init__(schema, config, 1, **buffers)
        self.offset = nn.Parameter(torch.logit(buffers["share"], eps=1e-4))  # [K-1]

    def forward(self, batch: Batch) -> Tensor:
        return super().forward(batch) + self.offset  # [B, K-1]


class Ordinal(Method, Distribution):
    """K equal-frequency bins of the label, logits s_k with phi_k = sigmoid(s_k) = P(y > e_k), mean cross-entropy.

    The value is y = r_0 + sum_k phi_k (r_k - r_{k-1}) with r_k the mean training label of bin k, the same as
    sum_k P(bin k) r_k: right on average wherever phi is calibrated. What public code gets wrong, and what stands here:

    - It sums phi times the bins' widths. As a quadrature of the integral of P(y > t) that is about 10 % low (phi at the
      right end), or ruled by the last bin (left end, midpoint). The right end is variant `width`, for comparison.
    - Independent classifiers need not fall in k; a rise would be a negative probability. The running minimum of phi is
      taken when predicting.
    - Ties make edges collapse (whole seconds, zeros); here edges are distinct values, so bins can be fewer than K.

    Variant `shared` is nearer to the ranking of Crammer & Singer (2001), which ProWTP cites: one score, K - 1 offsets.
    """

    title = "OR"
    paper = "Crammer & Singer 2001; ProWTP A.6"
    variants = {"width": {"restore": "width"}, "shared": {"shared": True}}
    space = {"lr": (1e-3, 5e-4, 1e-4), "bins": (20, 50, 100)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Bins and their read-out."""

        bins: int = 50  # K
        restore: Literal["mean", "width"] = "mean"
        shared: bool = False

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        y = train.label
        assert y is not None
        edges = equal_frequency(y, self.config.bins)
        if not len(edges):  # all labels are equal: one classifier that never fires
            edges = y[:1].copy()
        bins = bin_of(y, edges)
        if self.config.restore == "mean":
            r = bin_means(y, bins, empty=np.concatenate([y[:1], edges]))  # [K]
        else:
            r = np.concatenate([y.min(keepdims=True), edges]).astype(np.float64)
        return {
            "edges": torch.from_numpy(edges),  # [K-1]
            "knots": torch.from_numpy(np.concatenate([y.min(keepdims=True), edges, y.max(keepdims=True)])),  # [K+1]
            "base": torch.tensor(r[0]),
            "step": torch.from_numpy(np.diff(r)),  # [K-1]
            "share": torch.tensor([(bins > k).mean() for k in range(len(edges))]),  # P(y > e_k) [K-1]
        }

    def build(self, schema: Schema, fitted: Fitted) -> Regressor:
        if self.config.shared:
            return SharedRanker(schema, self.config, **fitted)
        return Regressor(schema, self.config, len(fitted["edges"]), **fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        s = module(batch)  # [B, K-1]
        assert batch.label is not None
        b = (batch.label.unsqueeze(1) > module.edges).to(s.dtype)  # [B, K-1]
        return (softplus(s) - b * s).mean()  # cross-entropy of sigmoid(s) and b

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return (module.base + (self.above(module, batch) * module.step).sum(1)).clamp_min(0)

    def above(self, module: Any, batch: Batch) -> Tensor:
        """P(y > e_k) [B, K-1], not rising."""
        return torch.sigmoid(module(batch)).cummin(dim=1).values

    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        """Linear between the edges and out to the least and largest training label."""
        cdf = pad(1 - self.above(module, batch), (1, 0))  # [B, K]
        return quantiles(module.knots, pad(cdf, (0, 1), value=1.0), levels)
