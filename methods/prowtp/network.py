"""ProWTP's two parameter sets beside f: the prototypes with W_p, and the regressor g."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from datasets.schema import Schema
from methods.backbone import Backbone, Regressor
from methods.base import Batch, Fitted
from methods.crossing import Crossing
from methods.prowtp.config import Config

BACKBONES: dict[str, type[Backbone]] = {"mlp": Backbone, "dcn": Crossing}


class Plain(Regressor):
    """w/o ProWTP: g(f(x)), for the same f."""

    scale: Tensor

    def __init__(self, schema: Schema, c: Config, fitted: Fitted) -> None:
        super().__init__(schema, c, scale=fitted["scale"])
        if c.backbone != "mlp":
            self.backbone = BACKBONES[c.backbone](schema, c)


class Prototyped(nn.Module):
    """h = f(x) / |f(x)|, p = W_p P, and g, which is linear as TR's."""

    codes: Tensor  # P [CK, d]: a buffer, or parameters where they are random
    scale: Tensor  # of the label

    def __init__(self, schema: Schema, c: Config, fitted: Fitted) -> None:
        super().__init__()
        self.backbone = BACKBONES[c.backbone](schema, c)
        width = self.backbone.out
        if "codes" in fitted:  # "static storage" (A.4): what learns is W_p
            self.register_buffer("codes", fitted["codes"])
        else:
            self.codes = nn.Parameter(torch.randn(c.count, width))
        self.project = nn.Linear(self.codes.shape[1], width, bias=False)  # W_p
        self.head = nn.Linear(width, 1)  # g
        self.register_buffer("scale", fitted["scale"])

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """h [B, d] of unit length, and the prototypes W_p P [CK, d], which are not."""
        return normalize(self.backbone(batch), dim=1), self.project(self.codes)

    def value(self, weights: Tensor, prototypes: Tensor) -> Tensor:
        """g(sum_k weight_k p_k), in units of `scale` [B]. weights: [B, CK]."""
        return self.head(weights @ prototypes)[:, 0]
