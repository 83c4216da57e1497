"""CQE: conditional quantiles of the watch time, each the one before plus a step, by the pinball loss."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method
from methods.capabilities import LEVELS, Distribution


def pinball(t: Tensor, y: Tensor, tau: Tensor) -> Tensor:
    """max(tau e, (tau - 1) e) of e = y - t: least in the mean where t is the tau-quantile of y."""
    e = y - t
    return torch.maximum(tau * e, (tau - 1) * e)


class CQE(Method, Distribution):
    """t_m = sum_{i <= m} step(s_i) for tau_m = m / (M + 1), m = 1..M, value the mean of the M quantiles.

    The pinball losses are averaged over rows and quantiles. The mean of the quantiles is the mean less what lies above
    the last: low by about the tail's share. Variant `median` is t at tau = 1/2, the conservative and, in absolute
    error, the best guess.

    - Released steps are ReLU, and a ReLU that is 0 for all rows learns no more; here softplus. Variant `relu`.
    - Labels are in units of the training standard deviation and the head's bias starts at the training labels' own
      quantiles: a hundred softplus steps that start at random add up to seventy.
    """

    title = "CQE"
    paper = "Lin et al., arXiv 2407.12223"
    tasks = ("watch_time",)
    variants = {"median": {"read": "median"}, "relu": {"step": "relu"}}
    space = {"lr": (1e-3, 5e-4, 1e-4), "count": (20, 50, 100)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """The quantiles and what is read off them."""

        count: int = 100  # M
        step: Literal["softplus", "relu"] = "softplus"
        read: Literal["mean", "median"] = "mean"

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        M, y = self.config.count, train.label.astype(np.float64)
        scale, tau = max(float(y.std()), 1e-6), np.arange(1, M + 1) / (M + 1)
        steps = np.diff(np.quantile(y, tau) / scale, prepend=0).clip(1e-3)  # [M]
        start = steps if self.config.step == "relu" else steps + np.log(-np.expm1(-steps))  # softplus(start) = steps
        return {
            "tau": torch.from_numpy(tau),
            "start": torch.from_numpy(start),
            "scale": torch.tensor(scale),
        }

    def build(self, schema: Schema, fitted: Fitted) -> Regressor:
        module = Regressor(schema, self.config, self.config.count, tau=fitted["tau"], scale=fitted["scale"])
        with torch.no_grad():
            module.head.bias.copy_(fitted["start"])
        return module

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        return pinball(self.ladder(module, batch), (batch.label / module.scale).unsqueeze(1), module.tau).mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        if self.config.read == "median":
            return self.quantiles(module, batch, (0.5,))[:, 0]
        return self.ladder(module, batch).mean(1) * module.scale

    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        """Linear between the t_m, from 0 at level 0; above tau_M it stays at t_M."""
        t, M = self.ladder(module, batch) * module.scale, self.config.count
        t = torch.cat([torch.zeros_like(t[:, :1]), t], dim=1)  # at tau = 0, 1 / (M + 1), ... [B, M+1]
        place = [min(level * (M + 1), float(M)) for level in levels]
        low = [min(int(p), M - 1) for p in place]
        right = torch.tensor([p - k for p, k in zip(place, low, strict=True)], dtype=t.dtype, device=t.device)
        return t[:, low] + right * (t[:, [k + 1 for k in low]] - t[:, low])  # [B, levels]

    def ladder(self, module: Any, batch: Batch) -> Tensor:
        """The quantiles t in training standard deviations, [B, M]."""
        s = module(batch)
        return (softplus(s) if self.config.step == "softplus" else s.relu()).cumsum(1)
