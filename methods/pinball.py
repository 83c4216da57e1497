"""The shared network on the pinball loss of a few quantiles, read at one half."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Rows, Schema
from methods._robust import robust_unit
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method
from methods.capabilities import LEVELS, Distribution

HALF = LEVELS.index(0.5)


class Pinball(Method, Distribution):
    """t_m for the levels tau_m of `capabilities.LEVELS`, a linear output each, pinball losses averaged; value t at 1/2.

    At the one level 1/2 the pinball loss is half the absolute error, and Adam does not see a factor: that row would be
    `absolute` again. So the other quantiles are learned beside it, which tells whether their company helps the median,
    and gives the row a distribution. CQE has a hundred of them in a ladder of positive steps and watch time alone.

    Labels are in units of their training median absolute deviation, and the head's bias starts at the training labels'
    own quantiles, the last of which may be 20 of these units away. Nothing keeps the outputs in order: they are sorted
    when read, which cannot raise the loss (Chernozhukov et al., Econometrica 2010). At least 0.
    """

    title = "Pinball, median"
    paper = "Koenker and Bassett, Econometrica 1978"
    estimates = "median"
    estimates_why = "the quantile at one half, by the pinball loss"
    space = {"lr": (1e-3, 5e-4, 1e-4)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Nothing beyond the backbone."""

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        unit = robust_unit(train.label)
        return {
            "unit": torch.tensor(unit),
            "tau": torch.tensor(LEVELS, dtype=torch.float64),
            "start": torch.from_numpy(np.quantile(train.label.astype(np.float64), LEVELS) / unit),
        }

    def build(self, schema: Schema, fitted: Fitted) -> Regressor:
        module = Regressor(schema, self.config, len(LEVELS), unit=fitted["unit"], tau=fitted["tau"])
        with torch.no_grad():
            module.head.bias.copy_(fitted["start"])
        return module

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        e = (batch.label / module.unit).unsqueeze(1) - module(batch)  # [B, levels]
        return torch.maximum(module.tau * e, (module.tau - 1) * e).mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return self.sorted(module, batch)[:, HALF]

    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        """Linear between the levels, and flat beyond the first and the last."""
        t, known = self.sorted(module, batch), np.array(LEVELS)
        place = np.interp(levels, known, np.arange(len(known)))
        low = np.minimum(place.astype(int), len(known) - 2)
        part = torch.tensor(place - low, dtype=t.dtype, device=t.device)
        return t[:, low.tolist()] + part * (t[:, (low + 1).tolist()] - t[:, low.tolist()])  # [B, levels]

    def sorted(self, module: Any, batch: Batch) -> Tensor:
        """The quantiles at LEVELS in the label's unit, not falling, [B, levels]."""
        return (module(batch) * module.unit).clamp_min(0).sort(1).values
