"""The Transformer decoder of the released code, where the paper has an LSTM: three layers, no positional encoding, the
norms behind the sums, cross-attention to one vector of the encoder.

Training reads all positions at once (`Transformer.forward`), prediction one by one with cached keys and values.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

Cache = tuple[Tensor, Tensor]  # keys and values of the positions so far, [B, heads, t, width / heads] each
_FEW = 8  # a batch has at least eight times as many rows as are read to the longest one's end


class Layer(nn.Module):
    """Causal self-attention, cross-attention, feed-forward: each added to its input, then normalised."""

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
        x = self.norms[0](x + self.drops[0](attended))
        x = self.norms[1](x + self.drops[1](self.memory(memory)))
        return self.norms[2](x + self.drops[2](self.feedforward(x))), cache

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
        x = torch.cat([self.sos.expand(len(h), 1, -1), weights @ self.embedding], dim=1)  # [B, T, width]
        memory = self.first(h).unsqueeze(1)
        for layer in self.stack:
            x, _ = layer(x, memory, None)
        return self.out(x)

    def steps(self, h: Tensor, weights: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        """`forward` for the first rows of each step alone, as `unroll`: the few longest sequences apart from the rest,
        which need not be as long."""
        few = next((t for t, size in enumerate(sizes) if size <= sizes[0] // _FEW), len(sizes))
        long = sizes[few] if few < len(sizes) else 0
        rest = self(h[long:], weights[long:, : few - 1])  # [B - long, few, C]
        if not long:
            return [rest[:size, t] for t, size in enumerate(sizes)]
        whole = self(h[:long], weights[:long])  # [long, T, C]
        early = [torch.cat([whole[:, t], rest[: sizes[t] - long, t]]) for t in range(few)]
        return early + [whole[: sizes[t], t] for t in range(few, len(sizes))]
