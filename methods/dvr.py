"""DVR: watch-time gain, the label standardised among videos of the same length, from a prediction blind to length."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Rows, Schema
from methods._bins import bin_of
from methods._seconds import Timed, midway, pools, whole
from methods.backbone import BackboneConfig
from methods.base import Batch, Fitted, Method


def without_duration(schema: Schema) -> Schema:
    """The schema less the fields that tell the duration. (No data set has it as a numeric column.)"""
    return replace(schema, fields=tuple(f for f in schema.fields if not f.name.startswith("duration")))


def reverse(s: Tensor) -> Tensor:
    """s itself, with the gradient -1: what lessens the loss behind it is unlearned before it."""
    return 2 * s.detach() - s


class Adversaries(Timed):
    """The predictor phi of WTG and the discriminator psi, which tells the duration from phi's scalar."""

    def __init__(self, schema: Schema, config: Any, **buffers: Tensor) -> None:
        super().__init__(without_duration(schema), config, 1, **buffers)
        self.psi = nn.Linear(1, 1)


class DVR(Method):
    """WTG = (y - mu_d) / sd_d of the row's duration d in whole seconds, 0 where sd_d = 0; value wtg sd_d + mu_d.

    Loss = (wtg^ - WTG)^2 + w (psi(reverse(wtg^)) - d)^2: phi learns WTG, psi learns the duration from phi's output and
    phi unlearns what psi uses. A linear psi on a scalar can remove linear correlation, no more.

    - Duration is not among the inputs, the one method here for which that holds; the video's id still tells it.
    - mu_d and sd_d are of training rows (released: columns prepared on all rows). Where a second has fewer than `least`
      rows its neighbours count too, so that a video seen once is not its own mean; unseen seconds take the nearest.
    - psi's target is standardised. The released one is raw seconds, whose squared error drowns the other loss.
    - DVR ranks by WTG and has no inverse; CWM's is taken. Labels exceed the duration here (replays), so predictions
      are not cut there; variant `clip` does. Variant `no-adversary` is plain WTG.

    WTG has no unit, so labels may be seconds or ratios.
    """

    title = "DVR (WTG)"
    paper = "Zheng et al., MM 2022"
    tasks = ("watch_time",)
    variants = {"no-adversary": {"w": 0.0}, "clip": {"clip": True}}
    space = {"lr": (1e-3, 5e-4, 1e-4), "w": (0.01, 0.1, 1.0)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """The adversary's weight and the statistics' support."""

        w: float = 0.1
        least: int = 20  # training rows behind mu_d and sd_d
        clip: bool = False

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        reason = None if schema.has_duration else "DVR needs a duration; rows of this dataset have none"
        return super().supports(schema) or reason

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        y, d = train.label, train.duration
        assert y is not None
        assert d is not None
        edges = midway(np.unique(whole(d)))
        second = bin_of(d, edges)
        centred = y.astype(np.float64) - y.mean(dtype=np.float64)
        sums = [np.bincount(second, weights) for weights in (np.ones(len(y)), centred, centred**2)]
        low, high = pools(sums[0], self.config.least)
        total = [np.concatenate([[0], np.cumsum(column)]) for column in sums]
        rows, first, square = (column[high] - column[low] for column in total)  # of each second's pool [D]
        mu = first / rows
        sd = np.sqrt((square / rows - mu**2).clip(0))
        return {
            "edges": torch.from_numpy(edges),  # [D-1]
            "mu": torch.from_numpy(mu + y.mean(dtype=np.float64)),  # [D]
            "sd": torch.from_numpy(np.where(sd > 1e-6 * max(centred.std(), 1e-6), sd, 0)),  # [D], 0 but for rounding
            "centre": torch.tensor(float(d.mean())),
            "spread": torch.tensor(max(float(d.std()), 1e-6)),
        }

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        assert rows.label is not None
        assert rows.duration is not None
        second = bin_of(rows.duration, fitted["edges"].numpy())
        mu, sd = (fitted[name].numpy()[second] for name in ("mu", "sd"))
        return {"wtg": torch.from_numpy(np.where(sd > 0, (rows.label - mu) / np.where(sd > 0, sd, 1), 0))}

    def build(self, schema: Schema, fitted: Fitted) -> Adversaries:
        return Adversaries(schema, self.config, **fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.duration is not None
        wtg = module(batch)
        l_wtg = (wtg[:, 0] - batch.targets["wtg"]).square().mean()
        d = (batch.duration - module.centre) / module.spread
        l_d = (module.psi(reverse(wtg))[:, 0] - d).square().mean()
        return l_wtg + self.config.w * l_d

    def predict(self, module: Any, batch: Batch) -> Tensor:
        second = module.second(batch.duration)
        y = (module(batch)[:, 0] * module.sd[second] + module.mu[second]).clamp_min(0)
        return y.minimum(module.length(batch.duration)) if self.config.clip else y
