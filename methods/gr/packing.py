"""Which rows of a batch a training step still needs at each decoding step.

Sequences have five tokens on average and up to twenty where a label is far beyond the rest, so most steps of most rows
would be padding. Rows are sorted by length, the longest first: what step t needs is then a prefix. Shapes must not
depend on the data, so its size is a bound that a batch drawn at random keeps to.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from datasets.schema import Array

_NATS = 34.5  # a batch breaks a bound with probability below exp(-34.5) = 1e-15


def survival(tokens: Array) -> tuple[float, ...]:
    """The share of sequences [n, T] with more than t tokens (EOS included), for t = 0 to T - 1. PAD is 0."""
    return tuple((tokens != 0).mean(0).tolist())


def needed(survival: Sequence[float], B: int) -> tuple[int, ...]:
    """Rows computed at each of the T steps, B at the first, falling.

    survival: of the training rows. Of B rows drawn without
    replacement, more than B p + a + sqrt(a^2 + 2 n v) are with probability below exp(-n), a = n / 3 and v = B p (1 - p)
    (Bernstein's inequality; Hoeffding 1963 for draws without replacement).
    """
    third, sizes = _NATS / 3, [B]
    for p in survival[1:]:
        most = B * p + third + math.sqrt(third**2 + 2 * _NATS * B * p * (1 - p))
        sizes.append(min(sizes[-1], math.ceil(most)))
    return tuple(sizes)


def packed(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """The needed entries of x [B, T, ...], step after step: [sum of sizes, ...]."""
    return torch.cat([x[:size, t] for t, size in enumerate(sizes)])


def row_sums(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """The sum over each row's entries of a packed x [sum of sizes]: [B]."""
    row = torch.cat([torch.arange(size, device=x.device) for size in sizes])
    return x.new_zeros(sizes[0]).index_add(0, row, x)


def broken(tokens: Tensor, sizes: Sequence[int], pad: int) -> Tensor:
    """Whether a row needs a step that is not computed for it, 0-d bool. tokens: [B, T], the longest rows first."""
    lost = [tokens[size, t] != pad for t, size in enumerate(sizes) if size < len(tokens)]
    return torch.stack(lost).any() if lost else torch.zeros((), dtype=torch.bool, device=tokens.device)
