"""What the methods of GR's Table 6 share: small embeddings, towers of two layers, heads that start at the data.

Embeddings of 5 as in OptDist's public experiments, towers of 64 and 32 units as in ZILN's notebooks, no dropout. No
gradient is clipped, though a lognormal's can be steep: the trainer has no such step, and Adam bounds each by itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Array, Schema
from methods.base import Batch, EmbeddingTable, Method

RATES = (5e-4, 1e-3, 1.5e-3, 2e-3, 2.5e-3)  # learning rates that OptDist searched


@dataclass(frozen=True)
class TowerConfig(Method.Config):
    """The sizes of every tower; a method's Config inherits them."""

    dim: int = 5  # of each embedding
    hidden: tuple[int, ...] = (64, 32)


class Inputs(nn.Module):
    """x: embeddings, standardised numeric columns and the content vector, side by side."""

    def __init__(self, schema: Schema, dim: int) -> None:
        super().__init__()
        self.table = EmbeddingTable(schema, dim)
        self.content = nn.Linear(schema.content, dim) if schema.content else None
        self.width = self.table.width + len(schema.numeric) + (dim if schema.content else 0)

    def forward(self, batch: Batch) -> Tensor:
        parts = [self.table(batch).flatten(1)]  # [B, columns * dim]
        if batch.numeric is not None:
            parts.append(batch.numeric)
        if self.content is not None and batch.content is not None:
            parts.append(self.content(batch.content))
        return torch.cat(parts, dim=1)  # [B, width]


class Heads(nn.Module):
    """G linear layers side by side, each on a vector of its own: [B, G, n] -> [B, G, m]."""

    def __init__(self, groups: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)  # as nn.Linear
        self.weight = nn.Parameter(torch.empty(groups, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(groups, outputs).uniform_(-bound, bound))

    def forward(self, h: Tensor) -> Tensor:
        return torch.einsum("bgn,gnm->bgm", h, self.weight) + self.bias


class Towers(nn.Module):
    """G separate ReLU networks on the same input: x [B, width] -> h [B, G, out]."""

    def __init__(self, groups: int, width: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.groups, self.out = groups, hidden[-1]
        self.first = nn.Linear(width, groups * hidden[0])
        self.rest = nn.ModuleList(Heads(groups, n, m) for n, m in pairwise(hidden))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x).relu().unflatten(1, (self.groups, -1))  # [B, G, hidden[0]]
        for layer in self.rest:
            h = layer(h).relu()
        return h


class Net(nn.Module):
    """One tower with its own embeddings and a linear head, whose bias starts at `start` (None: at random)."""

    def __init__(
        self, schema: Schema, config: TowerConfig, outputs: int, *, start: Sequence[float] | None, **buffers: float
    ) -> None:
        super().__init__()
        self.inputs = Inputs(schema, config.dim)
        self.tower = Towers(1, self.inputs.width, config.hidden)
        self.head = nn.Linear(self.tower.out, outputs)
        if start is not None:
            start_at(self.head, start)
        for name, value in buffers.items():
            self.register_buffer(name, torch.tensor(value))

    def forward(self, batch: Batch) -> Tensor:
        return self.head(self.tower(self.inputs(batch)).squeeze(1))  # [B, outputs]


def start_at(layer: nn.Linear | Heads, bias: Sequence[float] | Array) -> None:
    """Give the layer this bias: predictions start at the training labels' own frequencies and scale."""
    with torch.no_grad():
        layer.bias.copy_(torch.as_tensor(np.asarray(bias)))


def facts(y: Array) -> dict[str, float]:
    """What heads start from: the share of positive labels, kept off 0 and 1 by half a row, and the positives' scale."""
    y = y.astype(np.float64)
    positive = y[y > 0] if (y > 0).any() else np.ones(1)
    return {
        "rate": ((y > 0).sum() + 0.5) / (len(y) + 1),
        "mean": positive.mean(),
        "log_mean": np.log(positive).mean(),
        "log_std": max(np.log(positive).std(), 0.1),  # equal labels leave room to learn
        "largest": max(y.max(), 0.0),
        "std": max(y.std(), 1e-6),  # of all labels
        "positive_std": max(positive.std(), 0.1 * positive.mean()),
    }


def logit(p: float) -> float:
    """The log-odds of p in (0, 1)."""
    return math.log(p) - math.log1p(-p)


def inverse_softplus(s: float) -> float:
    """The x with softplus(x) = s > 0."""
    return s + math.log(-math.expm1(-s))
