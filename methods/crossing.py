"""DCN-v2's encoder (Wang et al., WWW 2021), in the place of `Backbone`: low-rank cross layers beside the same MLP."""

import torch
from torch import Tensor, nn

from datasets.schema import Schema
from methods.backbone import Backbone, BackboneConfig

LAYERS, RANK = 2, 32


class Crossed(nn.Module):
    """x_{l+1} = x_0 * (U V x_l + b) + x_l beside the MLP of x_0, both joined by a linear layer and a ReLU."""

    def __init__(self, width: int, mlp: nn.Module, out: int) -> None:
        super().__init__()
        self.mlp = mlp
        self.down = nn.ModuleList(nn.Linear(width, RANK, bias=False) for _ in range(LAYERS))
        self.up = nn.ModuleList(nn.Linear(RANK, width) for _ in range(LAYERS))
        self.joined = nn.Linear(width + out, out)

    def forward(self, x: Tensor) -> Tensor:
        """[B, width] -> [B, out]."""
        crossed = x
        for down, up in zip(self.down, self.up, strict=True):
            crossed = x * up(down(crossed)) + crossed
        return self.joined(torch.cat([crossed, self.mlp(x)], dim=1)).relu()


class Crossing(Backbone):
    """h = f(x), with a backbone's sizes, inputs and output."""

    def __init__(self, schema: Schema, config: BackboneConfig) -> None:
        super().__init__(schema, config)
        first = self.mlp[0]
        assert isinstance(first, nn.Linear)
        self.mlp = Crossed(first.in_features, self.mlp, self.out)  # type: ignore[assignment]
