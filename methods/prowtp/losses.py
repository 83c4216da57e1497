"""ProWTP Section 4.3: what the transport plan T and the similarities make of the representations.

Throughout: h [B, d] and p [CK, d] of unit length, t [B, CK] the plan times B, so that its rows sum to 1 (the paper's
text has CK in place of B; its own constraint T 1 = 1/B says B).
"""

import torch
from torch import Tensor

DUST = 1e-4  # an interior point leaves crumbs in every entry; a share of a row below this is none


def cleaned(t: Tensor, *, renormalise: bool) -> Tensor:
    """t without its crumbs. They are no mass, but would exceed the mean of a prototype that has none (Eq. 10)."""
    t = torch.where(t < DUST, 0.0, t)
    return t / t.sum(1, keepdim=True).clamp_min(DUST) if renormalise else t


def assign(t: Tensor, log_alpha: Tensor) -> Tensor:
    """Eq. 9 and 35: the cross-entropy of alpha, whose logarithm is [B, CK], against the plan."""
    return -(t * log_alpha).sum(1).mean()


def to_combination(h: Tensor, alpha: Tensor, p: Tensor) -> Tensor:
    """Eq. 36: the distance of h to its own combination of prototypes, in place of a plan."""
    return ((h - alpha @ p).square().sum(1) + 1e-12).sqrt().mean()


def pairs(t: Tensor, count: int) -> Tensor:
    """How many prototypes k each two of the first `count` rows share in S_k+ (Eq. 10): [count, count], diagonal 0.

    A batch is in random order, so its first rows are a random sample of it. The mean of Eq. 10 is over the whole batch.
    """
    member = (t[:count] > t.mean(0, keepdim=True)).to(t.dtype)  # [count, CK]
    return (member @ member.T) * (1 - torch.eye(count, dtype=t.dtype, device=t.device))


def compact(h: Tensor, shared: Tensor, tau: Tensor | float, *, prototypes: int, literal: bool) -> Tensor:
    """Eq. 11: instances of a prototype draw together. h: [count, d]; shared: `pairs` of the same rows.

    By default the mean over all positive pairs, and the sum under the logarithm is over pairs of two different rows, so
    that the value and its weight mean the same for every batch and every number of prototypes; 0 without a pair.
    `literal`: the sum over pairs divided by CK, as printed, which at 20 % of 512 rows is 20 times as large.
    """
    s = h @ h.T / tau  # [count, count]
    if literal:
        return -(shared * (s - s.logsumexp((0, 1)))).sum() / prototypes
    itself = torch.eye(len(h), dtype=torch.bool, device=h.device)
    spread = s.masked_fill(itself, -torch.inf).logsumexp((0, 1))
    return (shared * (spread - s)).sum() / shared.sum().clamp_min(1)
