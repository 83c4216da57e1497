"""D2Co: two Gaussians of watch time per duration, noise and interest; a label is a place between their means."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from datasets.schema import Array, Rows, Schema
from methods._bins import bin_of, members
from methods._seconds import Timed, midway, rolling_mean, whole
from methods.backbone import BackboneConfig
from methods.base import Batch, Fitted, Method


def two_means(y: Array, most: int) -> tuple[float, float]:
    """The lower and the higher mean of a mixture of two Gaussians on y [n], of at most `most` even order statistics."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    ordered = np.sort(y)
    if ordered[0] == ordered[-1]:
        return float(ordered[0]), float(ordered[0])
    if len(ordered) > most:
        ordered = ordered[np.linspace(0, len(ordered) - 1, most).round().astype(np.int64)]
    mixture = GaussianMixture(2, covariance_type="spherical", init_params="kmeans", max_iter=500, random_state=61)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        low, high = np.sort(mixture.fit(ordered.astype(np.float64)[:, None]).means_[:, 0])
    return float(low), float(high)


class D2Co(Method):
    """r = (y - w-) / (w+ - w-), squared error, value r (w+ - w-) + w-, with w-, w+ of the row's duration.

    w- (noise: watched but not liked) and w+ (interest, biased by the duration) are the means of a mixture of two
    Gaussians on the training labels of each whole second with three rows or more, then averaged over the `window` - 1
    next such seconds on both sides, weighted by rows. Other durations take the nearest.

    - Released: mixtures of all rows, test included, and a smoothing that counts seconds without a mixture among its
      weights, which shifts them; here of training rows, each weight at its own second.
    - r is not cut to [0, 1] (as CWM uses it): replays and long tails would be lost to watch-time prediction. For the
      same reason nothing is cut at the duration. w+ - w- is at least a hundredth of the training standard deviation.
    - Variant `s` is D2Co(S), r = (e^{a y} - e^{a w-}) / (e^{a w+} - e^{a w-}) cut to [0, 1] with cross-entropy, so it
      predicts at most w+. Its a = 0.3 a second is for ranking: the mean of r, read as seconds, is near w+ (KuaiRand's
      validation MAE is then 41 s), and e^{a y} overflows at 300 s. Here a is in units of the mean training label, since
      labels may also be ratios, and nearly linear (as in EGMN's copy); nothing is raised to more than 0.
    """

    title = "D2Co"
    paper = "Zhao et al., RecSys 2023"
    tasks = ("watch_time",)
    variants = {"s": {"correction": "s", "criterion": "bce"}}
    space = {"lr": (1e-3, 5e-4, 1e-4), "window": (1, 3, 10, 20)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Smoothing, correction and loss."""

        window: int = 10
        correction: Literal["a", "s"] = "a"
        criterion: Literal["mse", "bce"] = "mse"  # bce: for r in [0, 1], hence for `s` alone
        a: float = 0.3  # of `s`, per mean training label
        most: int = 20_000  # labels of a second that a mixture is fitted to

        def __post_init__(self) -> None:
            if self.criterion == "bce" and self.correction != "s":
                raise ValueError("cross-entropy needs r in [0, 1]: set correction to 's', or criterion to 'mse'")

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        reason = None if schema.has_duration else "D2Co needs a duration; rows of this dataset have none"
        return super().supports(schema) or reason

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        y, d, c = train.label, train.duration, self.config
        assert y is not None
        assert d is not None
        seconds, place, count = np.unique(whole(d), return_inverse=True, return_counts=True)
        if count.max() < 3:  # all rows share one mixture
            seconds, place, count = np.zeros(1), np.zeros(len(y), np.int64), np.array([len(y)])
        groups = [index for index in members(place, len(seconds)) if len(index) > 2]
        seconds, count = seconds[count > 2], count[count > 2]
        scale = max(float(y.std()), 1e-6)  # the mixtures' smallest variance is in its units
        means = scale * np.array([two_means(y[index] / scale, c.most) for index in groups])  # [D, 2]
        low, high = (rolling_mean(column, count, c.window - 1) for column in means.T)
        return {
            "edges": torch.from_numpy(midway(seconds)),  # [D-1]
            "low": torch.from_numpy(low),  # w- [D]
            "gap": torch.from_numpy((high - low).clip(scale / 100)),  # w+ - w- [D]
            "mean": torch.tensor(max(float(y.mean()), 1e-6)),
        }

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        assert rows.label is not None
        assert rows.duration is not None
        second = bin_of(rows.duration, fitted["edges"].numpy())
        low, gap = (fitted[name].numpy()[second] for name in ("low", "gap"))
        r = (rows.label - low) / gap
        if self.config.correction == "s":
            a = self.config.a / fitted["mean"].item() * gap  # a (w+ - w-)
            r = (np.exp(a * (r.clip(0, 1) - 1)) - np.exp(-a)) / -np.expm1(-a)  # divided by e^{a w+} throughout
        return {"r": torch.from_numpy(r)}

    def build(self, schema: Schema, fitted: Fitted) -> Timed:
        return Timed(schema, self.config, **fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        s, r = module(batch)[:, 0], batch.targets["r"]
        if self.config.criterion == "bce":
            return (softplus(s) - r * s).mean()
        return ((s.sigmoid() if self.config.correction == "s" else s) - r).square().mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        s, second = module(batch)[:, 0], module.second(batch.duration)
        low, gap = module.low[second], module.gap[second]
        if self.config.correction == "a":
            return (s * gap + low).clamp_min(0)
        r, a = s.sigmoid(), self.config.a / module.mean  # y = w+ + ln(r + (1 - r) e^{-a (w+ - w-)}) / a
        below = (r + (1 - r) * (-a * gap).exp()).clamp_min(torch.finfo(s.dtype).tiny).log() / a
        return (low + (gap + below).clamp_min(0)).clamp_min(0)
