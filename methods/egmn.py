"""EGMN: watch time as a mixture of one exponential, the quick skips, and Gaussians cut off at zero."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method
from methods.capabilities import LEVELS, Distribution

HALVINGS = 40  # of the interval that holds a quantile
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def phi(z: Tensor) -> Tensor:
    """The standard normal distribution function."""
    return (1 + torch.erf(z / math.sqrt(2))) / 2


class Mixture(NamedTuple):
    """sum_k pi_k f_k(y): f_0 exponential, f_1..f_K Gaussians given y >= 0. As mu > 0, what is left of each is 1/2."""

    log_pi: Tensor  # [B, 1+K]
    rate: Tensor  # lambda [B, 1]
    mu: Tensor  # of the Gaussians before they are cut [B, K]
    sigma: Tensor  # [B, K]

    def log_density(self, y: Tensor) -> Tensor:
        """At y [B], [B]."""
        y = y.unsqueeze(1)
        gauss = -((y - self.mu) / self.sigma).square() / 2 - self.sigma.log() - HALF_LOG_2PI
        parts = [self.rate.log() - self.rate * y, gauss - phi(self.mu / self.sigma).log()]
        return (self.log_pi + torch.cat(parts, dim=1)).logsumexp(1)

    def mean(self) -> Tensor:
        """[B]; a Gaussian cut at zero has mean mu + sigma N'(mu / sigma) / N(mu / sigma)."""
        a = self.mu / self.sigma
        cut = self.mu + self.sigma * (-a.square() / 2 - HALF_LOG_2PI).exp() / phi(a)
        return (self.log_pi.exp() * torch.cat([1 / self.rate, cut], dim=1)).sum(1)

    def cdf(self, y: Tensor) -> Tensor:
        """P(value <= y) for y [B, L] >= 0, [B, L]."""
        y, pi = y.unsqueeze(2), self.log_pi.exp().unsqueeze(1)  # [B, L, 1], [B, 1, 1+K]
        mu, sigma = self.mu.unsqueeze(1), self.sigma.unsqueeze(1)
        below = phi(-mu / sigma)
        parts = [-torch.expm1(-self.rate.unsqueeze(1) * y), (phi((y - mu) / sigma) - below) / (1 - below)]
        return (pi * torch.cat(parts, dim=2)).sum(2)

    def quantiles(self, levels: tuple[float, ...]) -> Tensor:
        """[B, L], by bisection between 0 and the largest of the components' own quantiles."""
        # N(mu / sigma) >= 1/2, so a Gaussian's q-quantile is at most its uncut one at (1 + q) / 2
        own = [
            torch.maximum(-math.log1p(-q) / self.rate, self.mu + self.sigma * NormalDist().inv_cdf((1 + q) / 2))
            for q in levels
        ]
        high = torch.stack([bound.amax(1) for bound in own], dim=1)  # [B, L]
        low, aim = torch.zeros_like(high), torch.tensor(levels, dtype=high.dtype, device=high.device)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            right = self.cdf(middle) < aim
            low, high = torch.where(right, middle, low), torch.where(right, high, middle)
        return ((low + high) / 2).cummax(1).values  # rounding may swap neighbours


class EGMN(Method, Distribution):
    """Loss = -ln f(y) + w_entropy sum_k pi_k ln pi_k + w_l1 |E[y] - y|, means over rows; value E[y].

    lambda = Softplus(beta 1/2), mu_k = softplus + 1 / lambda, sigma_k = softplus, K = 10. What public code gets wrong,
    and what stands here:

    - The Gaussians' densities are cut at zero and their means are not; here the mean of what is left, in closed form.
    - The quantile of the released file adds distribution functions without weights; here bisection of the mixture's.
    - 1e-6 in logarithms and as the floor of sigma: a Gaussian on a tied label is then a spike of likelihood and of
      gradient. All is in logarithms here, sigma is `floor` at least and lambda 1e-3.
    - Labels are divided by their maximum there, so that |E[y] - y| is near 0.01 and has hardly a say beside the
      likelihood. Here by the training mean, whatever the unit.

    A prediction stops at the largest training label.
    """

    title = "EGMN"
    paper = "RecSys 2025, arXiv 2508.12665"
    tasks = ("watch_time",)
    variants = {"likelihood": {"w_l1": 0.0}}
    space = {"lr": (1e-3, 5e-4, 1e-4), "w_l1": (0.1, 1.0, 10.0), "w_entropy": (0.0, 0.01, 0.1)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """The mixture and the weights of the loss."""

        gaussians: int = 10  # K
        w_entropy: float = 0.1
        w_l1: float = 1.0
        floor: float = 1e-2  # of sigma, in mean training labels

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        scale = max(float(train.label.mean()), 1e-6)
        return {"scale": torch.tensor(scale), "largest": torch.tensor(max(float(train.label.max()), 0.0))}

    def build(self, schema: Schema, fitted: Fitted) -> Regressor:
        return Regressor(schema, self.config, 2 + 3 * self.config.gaussians, **fitted)

    def mixture(self, module: Any, batch: Batch) -> Mixture:
        """Of each row's label in mean training labels."""
        K = self.config.gaussians
        pi, rate, mu, sigma = module(batch).split([1 + K, 1, K, K], dim=1)
        rate = 2 * softplus(rate / 2) + 1e-3  # Softplus(beta 1/2)
        return Mixture(pi.log_softmax(1), rate, softplus(mu) + 1 / rate, softplus(sigma) + self.config.floor)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        c, y, mixture = self.config, batch.label / module.scale, self.mixture(module, batch)
        entropy = -(mixture.log_pi.exp() * mixture.log_pi).sum(1)
        l1 = (mixture.mean() - y).abs()
        return (c.w_l1 * l1 - mixture.log_density(y) - c.w_entropy * entropy).mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return (self.mixture(module, batch).mean() * module.scale).minimum(module.largest)

    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        return self.mixture(module, batch).quantiles(levels) * module.scale
