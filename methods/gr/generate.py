"""Sequences from a decoder: greedy, beam search, and samples for a predictive distribution. Static shapes throughout.

`mix(logits, centre)` gives the weights of the next input [B, C] once token `centre` [B, 1] is chosen (Eq. 8). Rows that
have ended go on, and what comes after EOS does not count.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from methods.gr.decoder import unroll
from methods.gr.values import before_end

_NEVER = -1e9  # a logit whose token is not chosen; finite, for a beam wider than there are sequences holds such tokens
Mix = Callable[[Tensor, Tensor], Tensor]


def falling(logits: Tensor, previous: Tensor) -> Tensor:
    """Logits [B, C] without the tokens larger than the previous one, int [B, 1]; EOS stays."""
    index = torch.arange(logits.shape[-1], device=logits.device)
    return logits.masked_fill((index > 0) & (index < previous), _NEVER)


def greedy(decoder: Any, h: Tensor, steps: int, mix: Mix, *, monotone: bool = False) -> Tensor:
    """Logits [B, T, C] along the likeliest token of each step (Eq. 2)."""
    shared, x, state = decoder.begin(h)
    rows: list[Tensor] = []
    chosen: list[Tensor] = []
    for _ in range(steps):
        row, state = decoder.step(shared, x, state)
        if monotone and chosen:
            row = falling(row, chosen[-1])
        rows.append(row)
        chosen.append(row.argmax(-1, keepdim=True))
        if len(rows) < steps:
            x = decoder.embed(shared, mix(row, chosen[-1]))
    return torch.stack(rows, dim=1)


def beam_search(
    decoder: Any, h: Tensor, steps: int, k: int, mix: Mix, *, monotone: bool = False
) -> tuple[Tensor, Tensor]:
    """The k likeliest sequences that a beam finds: tokens [B, k, T] and log probabilities [B, k], the best first."""
    B = len(h)
    shared, x, state = decoder.begin(h.unsqueeze(1).expand(-1, k, -1).flatten(0, 1))  # [B*k, context]
    x = x.expand(B * k, -1)
    score = torch.where(torch.arange(k, device=h.device) == 0, 0.0, -torch.inf).to(h.dtype).expand(B, k)
    tokens = torch.zeros_like(score, dtype=torch.long).unsqueeze(-1)[..., :0]  # [B, k, 0]
    for t in range(steps):
        row, state = decoder.step(shared, x, state)  # [B*k, C]
        if monotone and t:
            row = falling(row, tokens[..., -1].reshape(-1, 1))
        C = row.shape[-1]
        logp = row.log_softmax(-1).view(B, k, C)
        if t:  # a sequence that has ended goes on with EOS alone, at no cost
            only_end = torch.where(torch.arange(C, device=h.device) == 0, 0.0, -torch.inf).to(h.dtype)
            logp = torch.where(tokens[..., -1:] == 0, only_end, logp)
        score, flat = (score.unsqueeze(-1) + logp).flatten(1).topk(k, dim=1)
        parent, token = flat // C, flat % C  # [B, k]
        tokens = torch.cat([_of(parent, tokens), token.unsqueeze(-1)], dim=-1)
        if t + 1 < steps:
            state = _tree(state, parent)
            row = _of(parent, row.view(B, k, C)).flatten(0, 1)
            x = decoder.embed(shared, mix(row, token.reshape(-1, 1)))
    return tokens, score


def sample(decoder: Any, h: Tensor, uniforms: Tensor, mix: Mix) -> Tensor:
    """Sequences drawn from the decoder's own distribution, [B, k, T]. uniforms: [k, T], the same for all rows."""
    (B, _), (k, T) = h.shape, uniforms.shape
    u = uniforms.to(h.dtype).expand(B, k, T).reshape(B * k, T, 1)

    def drawn(logits: Tensor, u: Tensor) -> Tensor:
        """The token at which the cumulative probability passes u, [..., 1]."""
        upto = logits.softmax(-1).cumsum(-1)
        return (upto[..., :-1] < u).sum(-1, keepdim=True)

    rows = h.unsqueeze(1).expand(-1, k, -1).flatten(0, 1)
    logits = unroll(decoder, rows, (B * k,) * T, lambda t, row: mix(row, drawn(row, u[:, t])))
    return drawn(torch.stack(logits, dim=1), u)[..., 0].view(B, k, T)


def total(tokens: Tensor, value: Tensor) -> Tensor:
    """The sum of g over each sequence [..., T], up to its EOS."""
    return (value[tokens] * before_end(tokens)).sum(-1)


def _of(parent: Tensor, x: Tensor) -> Tensor:
    """x [B, k, ...] at the beams' parents [B, k]."""
    index = parent.view(*parent.shape, *(1,) * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
    return x.gather(1, index)


def _tree(state: Any, parent: Tensor) -> Any:
    """A decoder's state, nested tuples of [B*k, ...], at the beams' parents."""
    if isinstance(state, tuple):
        return tuple(_tree(part, parent) for part in state)
    return _of(parent, state.view(*parent.shape, *state.shape[1:])).flatten(0, 1)
