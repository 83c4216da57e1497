"""ProWTP's two parameter sets beside f: the prototypes with W_p, and the regressor g."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from datasets.schema import Schema
from methods.backbone import Backbone, Regressor
from methods.base import Batch
from methods.crossing import Crossing
from methods.prowtp.config import Config
from methods.prowtp.stage_one import SHORTEST

BACKBONES: dict[str, type[Backbone]] = {"mlp": Backbone, "dcn": Crossing}


class _Target(nn.Module):
    """What both know of the target of L_task."""

    scale: Tensor  # the target's standard deviation

    def describe(self, schema: Schema, c: Config) -> None:
        """Note which unit the labels have."""
        self.of_ratios = schema.unit == "ratio"  # the labels are watch ratios
        self.by_duration = c.label == "ratio" and not self.of_ratios

    def unit(self, batch: Batch) -> Tensor:
        """What a label is divided by, 0-d, or [B] in the label's unit where watch times become ratios."""
        if not self.by_duration:
            return self.scale
        assert batch.duration is not None
        return self.scale * batch.duration.clamp_min(SHORTEST)


class Plain(Regressor, _Target):
    """w/o ProWTP: g(f(x)), for the same f."""

    def __init__(self, schema: Schema, c: Config, found: Mapping[str, Any]) -> None:
        super().__init__(schema, c, scale=found["scale"])
        self.describe(schema, c)
        if c.backbone != "mlp":
            self.backbone = BACKBONES[c.backbone](schema, c)


class Prototyped(_Target):
    """h = f(x) / |f(x)|, p = W_p P, and g, which is linear as TR's."""

    codes: Tensor  # P [CK, d]: a buffer, or parameters where they are random

    def __init__(self, schema: Schema, c: Config, found: Mapping[str, Any]) -> None:
        super().__init__()
        self.describe(schema, c)
        self.backbone = BACKBONES[c.backbone](schema, c)
        if c.linear_h:
            self.backbone.mlp = nn.Sequential(*list(self.backbone.mlp)[:-2])
        width = self.backbone.out
        if "codes" in found:  # "static storage" (A.4): what learns is W_p
            self.register_buffer("codes", found["codes"])
        else:
            self.codes = nn.Parameter(torch.randn(c.count, width))
        self.project = nn.Linear(self.codes.shape[1], width, bias=False)  # W_p
        self.head = nn.Linear(width, 1)  # g
        self.register_buffer("scale", found["scale"])

    def prototypes(self) -> Tensor:
        """W_p P, which are not of unit length [CK, d]."""
        return self.project(self.codes)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """h [B, d] of unit length, and the prototypes [CK, d]."""
        return normalize(self.backbone(batch), dim=1), self.prototypes()

    def value(self, weights: Tensor, prototypes: Tensor) -> Tensor:
        """g(sum_k weight_k p_k), in units of the target [B]. weights: [B, CK]. g is linear, so a prototype has a value
        of its own and the sum is over those."""
        return weights @ (prototypes @ self.head.weight[0]) + self.head.bias
