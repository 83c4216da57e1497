"""The Transformer decoder of the released code, where the paper has an LSTM: three layers, no positional encoding, the
norms behind the sums, cross-attention to one vector of the encoder.

Training reads all positions at once (`Transformer.steps`), prediction one by one with cached keys and values.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from methods.gr.host import Attention, Normalised
from methods.gr.packing import packed

Cache = tuple[Tensor, Tensor]  # keys and values of the positions so far, [B, heads, t, width / heads] each


class Layer(nn.Module):
    """Causal self-attention, cross-attention, feed-forward: each added to its input, then normalised."""

    compiled = True  # attention in loops for a CPU

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.memory = nn.Sequential(nn.Linear(width, width), nn.Linear(width, width))  # of one vector: its weight is 1
        self.feedforward = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.drops = nn.ModuleList(nn.Dropout(dropout) for _ in range(3))

    def forward(self, x: Tensor, memory: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
        """x: [B, t, width], t new positions behind those of `past`; memory: [B, 1, width]."""
        attended, cache = self.attention(x, past)
        return self.added(x, attended, self.drops[1](self.memory(memory))), cache

    def packed(self, x: Tensor, memory: Tensor, sizes: Sequence[int]) -> Tensor:
        """The same for all positions of the first sizes[t] rows at each step t, step after step: x [sum of sizes,
        width]; memory: [B, width]."""
        given = self.drops[1](self.memory(memory))
        attended = self.joined(self.over(self.qkv(x), tuple(sizes)))
        return self.added(x, attended, torch.cat([given[:n] for n in sizes]))

    def added(self, x: Tensor, attended: Tensor, given: Tensor) -> Tensor:
        """What self-attention and cross-attention found, and the feed-forward's part, each added and normalised."""
        x = self.normalised(0, x, attended, self.drops[0])
        x = self.normalised(1, x, given, None)
        return self.normalised(2, x, self.feedforward(x), self.drops[2])

    def normalised(self, place: int, x: Tensor, more: Tensor, drop: Any) -> Tensor:
        """The norm at this place of x and what is left of `more` by the dropout."""
        norm: Any = self.norms[place]
        plain = isinstance(drop, nn.Dropout) and drop.training  # outside of the trainer
        if not self.compiled or plain or x.device.type != "cpu" or x.dim() != 2:
            return norm(x + (more if drop is None else drop(more)))
        draws = getattr(drop, "draws", None)
        keep = x[:0] if draws is None else draws.keep(drop.p, more.shape)
        return Normalised.apply(x, more, keep, norm.weight, norm.bias)[0]

    def over(self, qkv: Tensor, sizes: tuple[int, ...]) -> Tensor:
        """Causal self-attention over packed positions [R, width]. qkv: [R, 3 width]."""
        if self.compiled and qkv.device.type == "cpu":
            return Attention.apply(qkv, sizes)[0]
        heads, (B, T), width = self.heads, (sizes[0], len(sizes)), qkv.shape[1] // 3
        steps = [F.pad(part, (0, 0, 0, B - len(part))) for part in qkv.split(sizes)]
        q, k, v = torch.stack(steps, 1).view(B, T, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
        later = torch.ones(T, T, dtype=torch.bool, device=qkv.device).triu(1)
        scores = (q @ k.transpose(2, 3) / math.sqrt(width // heads)).masked_fill(later, -torch.inf)
        return packed((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, width), sizes)

    def attention(self, x: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
        B, t, width = x.shape
        q, k, v = self.qkv(x).view(B, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        seen = k.shape[2]
        scores = q @ k.transpose(2, 3) / math.sqrt(width // self.heads)  # [B, heads, t, seen]
        if t > 1:
            later = torch.ones(t, seen, dtype=torch.bool, device=x.device).triu(seen - t + 1)
            scores = scores.masked_fill(later, -torch.inf)
        return self.joined((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, t, width)), (k, v)


class Transformer(nn.Module):
    """As `Recurrent`: begin, step and embed; and `forward` for all steps of known inputs."""

    layers, heads = 3, 8

    def __init__(self, classes: int, context: int, width: int, dropout: float) -> None:
        super().__init__()
        if width % self.heads:
            raise ValueError(f"the Transformer decoder has {self.heads} heads: set `width` to a multiple, not {width}")
        self.sos = nn.Parameter(torch.randn(1, width))
        self.embedding = nn.Parameter(torch.randn(classes, width))  # E
        self.first = nn.Linear(context, width)  # h_i -> the memory
        self.stack = nn.ModuleList(Layer(width, self.heads, dropout) for _ in range(self.layers))
        self.out = nn.Linear(width, classes)

    def begin(self, h: Tensor) -> tuple[Tensor, Tensor, Any]:
        return self.first(h).unsqueeze(1), self.sos.expand(len(h), -1), (None,) * self.layers

    def step(self, shared: Tensor, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        x, caches = x.unsqueeze(1), []
        for layer, past in zip(self.stack, state, strict=True):
            x, cache = layer(x, shared, past)
            caches.append(cache)
        return self.out(x[:, 0]), tuple(caches)

    def embed(self, shared: Tensor, weights: Tensor) -> Tensor:
        return weights @ self.embedding

    def forward(self, h: Tensor, weights: Tensor) -> Tensor:
        """Logits [B, T, C] of all steps at once. weights: of the inputs after SOS, [B, T-1, C]."""
        return torch.stack(self.steps(h, weights, (len(h),) * (weights.shape[1] + 1)), dim=1)

    def steps(self, h: Tensor, weights: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        """The same for the first rows of each step alone, as `unroll`."""
        first = self.sos.expand(len(h), -1)
        x = torch.cat([first, packed(weights, sizes[1:]) @ self.embedding]) if len(sizes) > 1 else first
        memory = self.first(h)
        layer: Any
        for layer in self.stack:
            x = layer.packed(x, memory, sizes)
        return list(self.out(x).split(tuple(sizes)))
