"""The encoder that all methods share, so that boards compare heads and losses and nothing else.

ProWTP Section 5.1: embeddings of 64, an MLP with three hidden layers, ReLU, dropout 0.2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from datasets.schema import Schema
from methods.base import Batch, EmbeddingTable, Method


@dataclass(frozen=True)
class BackboneConfig(Method.Config):
    """The encoder's sizes; a method's Config inherits them."""

    dim: int = 64  # of each embedding
    hidden: tuple[int, ...] = (64, 64, 64)
    dropout: float = 0.2


LARGE = {"dim": 256, "hidden": (256, 256, 256)}  # about five times the parameters, as GR Table 7's "-large" rows


class Backbone(nn.Module):
    """h = f(x): embeddings, standardised numeric columns and the content vector, side by side into an MLP."""

    def __init__(self, schema: Schema, config: BackboneConfig) -> None:
        super().__init__()
        self.table = EmbeddingTable(schema, config.dim)
        self.content = nn.Linear(schema.content, config.dim) if schema.content else None
        width = self.table.width + len(schema.numeric) + (config.dim if schema.content else 0)
        layers: list[nn.Module] = []
        for size in config.hidden:
            layers += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(config.dropout)]
            width = size
        self.mlp = nn.Sequential(*layers)
        self.out = width

    def forward(self, batch: Batch) -> Tensor:
        parts = [self.table(batch).flatten(1)]  # [B, columns * dim]
        if batch.numeric is not None:
            parts.append(batch.numeric)
        if self.content is not None and batch.content is not None:
            parts.append(self.content(batch.content))
        return self.mlp(torch.cat(parts, dim=1) if len(parts) > 1 else parts[0])  # [B, hidden]


class Regressor(nn.Module):
    """The backbone with one linear head of `outputs` units: most methods need nothing else."""

    def __init__(self, schema: Schema, config: BackboneConfig, outputs: int = 1, **buffers: Tensor) -> None:
        super().__init__()
        self.backbone = Backbone(schema, config)
        self.head = nn.Linear(self.backbone.out, outputs)
        for name, value in buffers.items():
            self.register_buffer(name, value)

    def forward(self, batch: Batch) -> Tensor:
        return self.head(self.backbone(batch))  # [B, outputs]
