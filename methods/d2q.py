"""Duration-deconfounded quantiles (D2Q): learn a row's place among videos of like duration, then look the value up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods._bins import bin_of, equal_frequency, members
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method
from methods.capabilities import LEVELS, Distribution


class Quantiles(Regressor):
    """The logit of q; `residual` adds a bias of the row's duration group (Res-D2Q's duration branch)."""

    edges: Tensor  # of the duration groups [M-1]
    table: Tensor  # quantiles [M, points]

    def __init__(self, schema: Schema, config: Any, **buffers: Tensor) -> None:
        super().__init__(schema, config, 1, **buffers)
        self.bias = nn.Embedding(len(buffers["table"]), 1) if config.residual else None
        if self.bias is not None:
            nn.init.zeros_(self.bias.weight)

    def forward(self, batch: Batch) -> Tensor:
        s = super().forward(batch)[:, 0]
        return s if self.bias is None else s + self.bias(self.group(batch))[:, 0]  # [B]

    def group(self, batch: Batch) -> Tensor:
        """The duration group [B]: g is (edge[g-1], edge[g]]; durations outside training's join the outer groups."""
        assert batch.duration is not None
        return (batch.duration.unsqueeze(1) > self.edges).sum(1)


def mid_rank(y: np.ndarray) -> np.ndarray:
    """The empirical CDF of y [n] at each of its values, the mean of strict and weak rank: float64 in (0, 1)."""
    ordered = np.sort(y)
    below, upto = (np.searchsorted(ordered, y, side=side) for side in ("left", "right"))
    return (below + upto) / (2 * len(y))


class D2Q(Method, Distribution):
    """q = F_g(y) in M equal-frequency duration groups g, sigmoid(s) fitted to q by squared error, value F_g^-1(q).

    The backdoor adjustment is the grouping; duration itself enters through the shared features, as for every method.
    What public code gets wrong, and what stands here:

    - Ranks: CWM divides dense ranks, which ignore how often a value occurs; here F_g is the mean of strict and weak
      rank (D2Co's percentileofscore), the one whose mean is 1/2 under ties.
    - Groups and ranks are of training rows only (CWM and EGMN: of all rows), their outer edges are open, and a group
      too small to have quantiles (ties, short tables) joins its neighbour.
    - The authors' published network is trained on scaled watch time, without any quantile step; not reproduced.

    F_g^-1 interpolates a table of `points` quantiles (Hazen's positions, which invert the mid-rank exactly). The mean
    quantile is not the quantile of the mean: D2Q predicts something near the median, good in MAE and poor in RMSE.
    Variants: `residual` is Res-D2Q as far as its figure tells, `bce` the loss of hyz20/D2Co.
    """

    title = "D2Q"
    paper = "Zhan et al., KDD 2022; ProWTP A.6; GR 4.1.2"
    tasks = ("watch_time",)
    variants = {"residual": {"residual": True}, "bce": {"criterion": "bce"}}
    space = {"lr": (1e-3, 5e-4, 1e-4), "groups": (10, 20, 30, 50, 60)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Groups, table and loss."""

        groups: int = 30  # M, at most
        least: int = 100  # training rows that a group must have
        points: int = 1001  # of each group's quantile table
        criterion: Literal["mse", "bce"] = "mse"
        residual: bool = False

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        reason = None if schema.has_duration else "D2Q needs a duration; rows of this dataset have none"
        return super().supports(schema) or reason

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        y, d, c = train.label, train.duration, self.config
        assert y is not None
        assert d is not None
        edges = equal_frequency(d, c.groups, least=max(c.least, len(y) // (2 * c.groups)))
        levels = np.linspace(0, 1, c.points)
        rows = members(bin_of(d, edges), len(edges) + 1)
        table = np.stack([np.quantile(y[index], levels, method="hazen") for index in rows])
        return {"edges": torch.from_numpy(edges), "table": torch.from_numpy(table)}  # [M-1], [M, points]

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        assert rows.label is not None
        assert rows.duration is not None
        q = np.empty(len(rows), np.float32)
        for index in members(bin_of(rows.duration, fitted["edges"].numpy()), len(fitted["table"])):
            q[index] = mid_rank(rows.label[index])
        return {"q": torch.from_numpy(q)}

    def build(self, schema: Schema, fitted: Fitted) -> Quantiles:
        return Quantiles(schema, self.config, **fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        s, q = module(batch), batch.targets["q"]
        if self.config.criterion == "bce":
            return (softplus(s) - q * s).mean()
        return (torch.sigmoid(s) - q).square().mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return restore(module.table, module.group(batch), torch.sigmoid(module(batch))).clamp_min(0)

    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        """D2Q learns the mean of a row's rank alone. Of all distributions of a rank with that mean, this is the one of
        largest entropy; at a mean of 1/2 it is even, and the quantiles are the duration group's own."""
        group, q = module.group(batch), torch.sigmoid(module(batch))
        ranks = rank_quantiles(q, levels)  # [B, levels]
        return torch.stack([restore(module.table, group, u) for u in ranks.unbind(1)], dim=1).clamp_min(0)


def rank_quantiles(mean: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Quantiles [B, levels] of the density on [0, 1] that is proportional to exp(2 x u) and has this mean [B].

    2 mean - 1 = coth x - 1/x, Langevin's function, whose inverse Newton's steps find from Cohen's approximation.
    """
    y = (2 * mean - 1).abs().clamp(1e-3, 1 - 1e-4)  # of the mirrored density where the mean is below 1/2
    x = y * (3 - y * y) / (1 - y * y)
    for _ in range(3):
        value = 1 / torch.tanh(x) - 1 / x
        slope = 1 / (x * x) - 1 / torch.sinh(x.clamp_max(40)).square()
        small = x < 0.1  # where both differences cancel
        value = torch.where(small, x / 3 - x**3 / 45, value)
        slope = torch.where(small, 1 / 3 - x * x / 15, slope)
        x = (x - (value - y) / slope).clamp_min(1e-4)
    out = []
    for level in levels:
        t = torch.where(mean >= 0.5, level, 1 - level)
        low = torch.exp(-2 * x)
        u = 1 + torch.log(low + t * (1 - low)) / (2 * x)
        out.append(torch.where(mean >= 0.5, u, 1 - u).clamp(0, 1))
    return torch.stack(out, dim=1)


def restore(table: Tensor, group: Tensor, q: Tensor) -> Tensor:
    """F_g^-1(q) [B], linear between the equally spaced quantiles of `table` [M, points]."""
    place = q * (table.shape[1] - 1)
    low = place.floor().clamp(0, table.shape[1] - 2)
    left, right = table[group, low.long()], table[group, low.long() + 1]
    return left + (place - low) * (right - left)
