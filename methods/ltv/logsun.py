"""LogSUN: regression of the logarithm with a second head that takes its bias away (TranSUN; Yu et al. 2025)."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Rows, Schema, Task
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method
from methods.ltv._towers import RATES, Net, TowerConfig

BOARDS: dict[Task, Any] = {"ltv": TowerConfig(), "watch_time": BackboneConfig()}


class LogSUN(Method):
    """f predicts ln(1 + y); z predicts stop_grad(y / (|e^f - 1| + epsilon)); both squared losses; one more head.

    y^ = (|e^f - 1| + epsilon) max(z, 0): given x the bracket is a constant, so E[z] makes y^ = E[y|x] whatever f is,
    while e^f - 1 alone would be low (Jensen). With epsilon = 1 nothing is divided by less than one unit of the label.

    - Both targets are standardised by training rows (that of z at the best constant f): the ratio's square may be
      thousands of times the log's, and the heads share a tower. It starts at the training means. Unbiased as before.
    - The listing caps f at 10 when predicting, a number of its labels' scale. Here f is capped at the largest training
      label's ln(1 + y), and in the loss of z as well, or z would correct another f than the one it meets.
    - z is linear in training (a ReLU that dies learns no more) and clamped at 0 when predicting.
    - On validation rows the loss of z is the squared error of y^ (in training variances): its own target moves with f,
      and would stop the training just as f begins to tell rows apart.

    The paper has it for spending and for dwell time, so both tasks run it. `dim`, `hidden` and `dropout` left at None
    are those of the board's other rows: the towers of Table 6 for spending, `methods.backbone` for watch time.
    """

    title = "LogSUN"
    paper = "Yu et al. (TranSUN), NeurIPS 2025, arXiv 2505.13881"
    space = {"lr": RATES, "epsilon": (0.1, 1.0, 10.0)}

    @dataclass(frozen=True)
    class Config(Method.Config):
        """The encoder's sizes, None for the board's own, and epsilon."""

        dim: int | None = None
        hidden: tuple[int, ...] | None = None
        dropout: float | None = None  # of watch time's encoder
        epsilon: float = 1.0  # in units of the label

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        y = train.label.astype(np.float64).clip(0)
        log = np.log1p(y)
        ratio = y / (np.expm1(log.mean()) + self.config.epsilon)
        return {
            "mean": torch.tensor([log.mean(), ratio.mean()]),  # of the targets of f and z [2]
            "std": torch.tensor([max(log.std(), 1e-6), max(ratio.std(), 1e-6)]),  # [2]
            "ceiling": torch.tensor(log.max()),  # of f
            "scale": torch.tensor(max(y.std(), 1e-6)),
        }

    def build(self, schema: Schema, fitted: Fitted) -> nn.Module:
        board = BOARDS[schema.task]
        chosen = {name: getattr(self.config, name, None) for name in ("dim", "hidden", "dropout")}
        sizes = replace(board, **{k: v for k, v in chosen.items() if v is not None and hasattr(board, k)})
        module: nn.Module
        if isinstance(sizes, BackboneConfig):
            module = Regressor(schema, sizes, 2)
            nn.init.zeros_(module.head.bias)
        else:
            module = Net(schema, sizes, 2, start=[0.0, 0.0])
        for name, value in fitted.items():
            module.register_buffer(name, value)
        return module

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        y, heads = batch.label.clamp_min(0), module(batch)
        f, z = (module.mean + module.std * heads).unbind(1)
        error_f = (f - y.log1p()) / module.std[0]
        if module.training:
            error_z = (z - y / self.bracket(module, f.detach())) / module.std[1]
        else:
            error_z = (self.bracket(module, f) * z - y) / module.scale
        return (error_f.square() + error_z.square()).mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        f, z = (module.mean + module.std * module(batch)).unbind(1)
        return self.bracket(module, f) * z.clamp_min(0)

    def bracket(self, module: Any, f: Tensor) -> Tensor:
        """|e^f - 1| + epsilon of the capped f, [B]."""
        return f.minimum(module.ceiling).expm1().abs() + self.config.epsilon
