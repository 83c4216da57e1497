"""CREAD: classify against thresholds, restore the value, and place the thresholds where both errors are small."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad, softplus

from datasets.schema import Array, Rows, Schema
from methods._bins import bin_means, bin_of, order_statistics
from methods._quantiles import quantiles
from methods.backbone import LARGE, BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method
from methods.capabilities import LEVELS, Distribution


def gamma(z: Array, alpha: float) -> Array:
    """(1 - exp(-alpha z)) / (1 - exp(-alpha)): from gamma(0) = 0 to gamma(1) = 1, the identity as alpha -> 0."""
    return z if abs(alpha) < 1e-9 else np.expm1(-alpha * z) / np.expm1(-alpha)


def search_alpha(ordered: Array, heads: int, beta: float = 50.0) -> float:
    """The alpha in 0.001, 0.101, ..., 4.901 with the least A_w + beta A_b on labels divided by their maximum."""

    def error(alpha: float) -> float:
        g = gamma(np.arange(heads + 1) / heads, alpha)
        t = np.concatenate([[0], order_statistics(ordered, g[1:])]) / max(ordered[-1], 1e-6)
        dg, dt = np.diff(g), np.diff(t)
        return (dg**2).sum() * ((dt**2 / dg).sum() + beta * (dt**2).sum())  # A_w, A_b

    return float(min(0.001 + 0.1 * np.arange(50), key=error))


class CREAD(Method, Distribution):
    """phi_m = sigmoid(s_m) = P(y > t_m), value sum_m phi_m (t_m - t_{m-1}).

    Thresholds t_m are the training quantiles at gamma(m/M), t_0 = 0; alpha > 0 moves them to the tail. The loss is
    L_ce + w_restore L_restore + w_ord L_ord. No official code exists. What the re-implementations (EGMN, DADF) get
    wrong, and what stands here:

    - Alpha: their search for the least discretisation error returns plain equal frequency (0.001) wherever one outlier
      sets the maximum, and moves with the label's cap. Alpha is a tuned number here; the search is variant `ead`.
    - The last threshold is the maximum, so its target is always 0 and its width huge: M - 1 heads here.
    - Ties give several heads one threshold. Thresholds here are distinct and the heads left over are masked.
    - L_restore: Huber with delta 1 on labels in [0, 1] is half the squared error of numbers near 1e-4. Here labels are
      in units of the training standard deviation, and so is delta.
    - L_ord is summed over the batch; here it is a mean over rows and pairs, with a weight to match.
    - M separate small networks are one linear layer here: the encoder is shared by all methods.

    The sum over widths counts each interval at its lower end, which is low by about a tenth, and L_restore makes up for
    it by raising phi. Variant `mean` steps between the intervals' training means, right on average for calibrated phi.
    """

    title = "CREAD"
    paper = "Sun et al., AAAI 2024; GR 4.1.2"
    variants = {"large": LARGE, "ead": {"ead": True}, "mean": {"restore": "mean"}}
    space = {
        "lr": (1e-3, 5e-4, 1e-4),
        "alpha": (0.001, 0.5, 1.0, 2.0, 3.0, 4.0),
        "w_ord": (0.0, 0.01, 0.1, 1.0),
    }

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Thresholds and the weights of the loss."""

        heads: int = 50  # M
        alpha: float = 1.0
        ead: bool = False  # search alpha instead
        restore: Literal["width", "mean"] = "width"
        w_restore: float = 1.0
        w_ord: float = 0.1
        delta: float = 1.0  # of Huber's loss, in training standard deviations

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        M, y = self.config.heads, np.sort(train.label)
        alpha = search_alpha(y, M) if self.config.ead else self.config.alpha
        t = np.unique(order_statistics(y, gamma(np.arange(1, M) / M, alpha)))
        r = np.concatenate([[0], t]).astype(np.float64)
        if self.config.restore == "mean":
            r = bin_means(y, bin_of(y, t), empty=r)
        spare = (0, M - 1 - len(t))
        return {
            "t": torch.from_numpy(np.pad(t, spare, mode="edge")),  # [M-1]
            "live": torch.from_numpy(np.pad(np.ones(len(t)), spare)),  # 1 where t is a threshold of its own [M-1]
            "knots": torch.from_numpy(np.concatenate([[0], np.pad(t, spare, mode="edge"), y[-1:]])),  # [M+1]
            "base": torch.tensor(r[0]),
            "step": torch.from_numpy(np.pad(np.diff(r), spare)),  # t_m - t_{m-1}, or the step of the means [M-1]
            "scale": torch.tensor(max(float(y.std()), 1e-6)),
        }

    def build(self, schema: Schema, fitted: Fitted) -> Regressor:
        return Regressor(schema, self.config, self.config.heads - 1, **fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        c, y, s = self.config, batch.label, module(batch)  # s [B, M-1]
        assert y is not None
        above = (y.unsqueeze(1) > module.t).to(s.dtype)
        l_ce = ((softplus(s) - above * s) * module.live).sum(1).mean() / module.live.sum()
        phi = torch.sigmoid(s)
        error = ((module.base + (phi * module.step).sum(1) - y) / module.scale).abs()
        l_restore = torch.where(error < c.delta, error.square() / 2, c.delta * (error - c.delta / 2)).mean()
        rise = (phi[:, 1:] - phi[:, :-1]).clamp_min(0) * module.live[1:]
        l_ord = rise.sum(1).mean() / (module.live.sum() - 1).clamp_min(1)
        return l_ce + c.w_restore * l_restore + c.w_ord * l_ord

    def predict(self, module: Any, batch: Batch) -> Tensor:
        phi = torch.sigmoid(module(batch))
        return (module.base + (phi * module.step).sum(1)).clamp_min(0)

    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        """Linear between 0, the thresholds and the largest training label. phi may rise from one threshold to the next:
        its running minimum is taken, as a rise would be a negative probability."""
        phi = torch.where(module.live > 0, torch.sigmoid(module(batch)), 1.0).cummin(dim=1).values  # [B, M-1]
        return quantiles(module.knots, pad(pad(1 - phi, (1, 0)), (0, 1), value=1.0), levels)
