"""Lifetime-value worlds, labels in EUR: one for each idea, and a plain one. The letters are those of `watch.py`."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from datasets.worlds.cast import Cast
from datasets.worlds.laws import CutNormal, LogNormals, lognormal
from datasets.worlds.world import Rows, World


@dataclass(frozen=True)
class Zeros(World):
    """y = 0 with probability 1 - p, else exp(N(mu, sigma^2)): logit p = -0.8 + 2 z_1, mu = ln 40 + z_2, sigma = 0.5
    exp(0.3 z_3), z_3 cut to -1.5 .. 1.5. The assumption of ZILN (Wang, Liu & Miao 2019, Eq. 3)."""

    key: ClassVar[str] = "zeros"
    title: ClassVar[str] = "zero-inflated lognormal"
    scores: ClassVar[int] = 3
    rate: float = -0.8
    by_rate: float = 2.0
    by_mu: float = 1.0
    by_sigma: float = 0.3

    def law(self, cast: Cast, rows: Rows) -> LogNormals:
        one, two, three = cast.scores(rows.user, rows.thing).T[:, :, None]
        p = 1 / (1 + np.exp(-self.rate - self.by_rate * one))
        return LogNormals(p, np.log(40.0) + self.by_mu * two, 0.5 * np.exp(self.by_sigma * three.clip(-1.5, 1.5)))


@dataclass(frozen=True)
class Mixtures(World):
    """y is 0 or one of three lognormals around 5, 60 and 600 EUR of spread 0.25; which, by a softmax of sharp z_k for k
    from 1 to 4 (zero: + 0.5). The assumption of OptDist (Weng et al. 2024) and MDME (Li et al. 2022): customers belong
    to sub-distributions that differ, and their features tell to which."""

    key: ClassVar[str] = "mixtures"
    title: ClassVar[str] = "distinct sub-distributions"
    scores: ClassVar[int] = 4
    centres: tuple[float, ...] = (5.0, 60.0, 600.0)
    spread: float = 0.25
    sharp: float = 3.0

    def law(self, cast: Cast, rows: Rows) -> LogNormals:
        logits = self.sharp * cast.scores(rows.user, rows.thing)
        logits[:, 0] += 0.5
        odds = np.exp(logits - logits.max(1, keepdims=True))
        weight = (odds / odds.sum(1, keepdims=True))[:, 1:]
        mu = np.broadcast_to(np.log(self.centres), weight.shape)
        return LogNormals(weight, mu, np.full(weight.shape, self.spread))


@dataclass(frozen=True)
class Tails(World):
    """ln y = ln 30 + 1.2 z_1 + sigma e, sigma = 0.9 exp(0.4 z_2), z_2 cut to -1.5 .. 1: a heavy tail, and a mean that
    lies above exp(E ln y) by a factor exp(sigma^2 / 2) that differs from row to row. The case of LogSUN (Yu et al.
    2025): regression of the logarithm is low by that factor, squared error on the label is ruled by few rows."""

    key: ClassVar[str] = "tails"
    title: ClassVar[str] = "heavy tails"
    scores: ClassVar[int] = 2
    by_mu: float = 1.2
    by_sigma: float = 0.4

    def law(self, cast: Cast, rows: Rows) -> LogNormals:
        one, two = cast.scores(rows.user, rows.thing).T
        return lognormal(np.log(30.0) + self.by_mu * one, 0.9 * np.exp(self.by_sigma * two.clip(-1.5, 1.0)))


@dataclass(frozen=True)
class PlainSpend(World):
    """y = max(100 + 30 z + 25 e, 0): no mass at zero to speak of, one distribution, no tail."""

    key: ClassVar[str] = "plain-value"
    title: ClassVar[str] = "one normal"
    typical: float = 100.0
    slope: float = 30.0
    spread: float = 25.0

    def law(self, cast: Cast, rows: Rows) -> CutNormal:
        return CutNormal(self.typical + self.slope * cast.scores(rows.user, rows.thing)[:, 0], self.spread)


SPEND: tuple[World, ...] = (Zeros(), Mixtures(), Tails(), PlainSpend())
