"""What logits over tokens mean: embedding mixup's weights (Section 3.5.2), the value, its loss, and the read-outs.

Logits are [..., C] over C = K + 1 classes: class 0 is EOS, classes 1 to K are the numeric tokens, the largest first.
PAD and SOS are never predicted, so they have no logit.
"""

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Array


def near(logits: Tensor, centre: Tensor, b: Tensor) -> Tensor:
    """0 at the classes within [centre - b, centre + b] and -inf elsewhere, [..., C]; EOS has a window of its own.

    centre: int [..., 1]. Eq. 8 leaves the borders open: the window ends at the first and last numeric token.
    """
    index = torch.arange(logits.shape[-1], device=logits.device)
    place = torch.where(index == 0, -1e9, index.to(logits.dtype))  # EOS is far from all others
    outside = (place.unsqueeze(1) - place).abs() > b  # of every centre, [C, C]: far fewer than the rows
    return torch.where(outside, -torch.inf, torch.zeros_like(place))[centre[..., 0]]


def mixup(logits: Tensor, centre: Tensor, b: Tensor) -> Tensor:
    """The weights sigma of Eq. 9 [..., C]: softmax in the window about the predicted token, 0 outside it.

    Eq. 9 prints exp(-rho) over a sum of exp(+rho), which sums to anything and favours the worst token; the released
    code has softmax(+rho), as here.
    """
    return (logits + near(logits, centre, b)).softmax(-1)


def soft_value(logits: Tensor, value: Tensor, b: Tensor) -> Tensor:
    """The differentiable value of each step [...]: P(not EOS) times the window's mean of g(w).

    The paper does not say how Eq. 5 sees past the argmax. The window lies about the likeliest numeric token, whether or
    not EOS is likelier still, and its probabilities are scaled to sum to P(not EOS). value: g [C], 0 for EOS.
    """
    numeric = logits[..., 1:]
    sigma = mixup(logits, numeric.argmax(-1, keepdim=True) + 1, b)
    return (1 - logits.softmax(-1)[..., 0]) * (sigma @ value)


def released_value(logits: Tensor, value: Tensor, b: Tensor) -> Tensor:
    """The released code's soft value [...]: sum of P(w) g(w) in the window about the argmax, nothing rescaled.

    Where the argmax is EOS (id 2), the window covers the b largest tokens, for they have the next ids.
    """
    index = torch.arange(logits.shape[-1], device=logits.device)
    inside = (index - logits.argmax(-1, keepdim=True)).abs() <= b
    return (logits.softmax(-1) * inside) @ value


def huber(error: Tensor, delta: Tensor) -> Tensor:
    """Eq. 5, elementwise."""
    size = error.abs()
    return torch.where(size <= delta, size.square() / 2, delta * (size - delta / 2))


def unit_of_error(y: Array, unit: str) -> float:
    """The unit of Huber's loss in the label's. "seconds": 1, lambda and delta as the label's own unit has them.
    "deviation": `spread`. "mad": the median absolute deviation of the labels times 1.4826, which is a normal's
    deviation and does not move with a few large labels; `spread` where it is 0, for most labels are equal."""
    if unit == "seconds":
        return 1.0
    if unit == "mad":
        off = np.abs(y - np.median(y)).astype(np.float64)
        if (mad := 1.4826 * float(np.median(off))) > 1e-6 * float(np.abs(y).mean()):
            return mad
    return spread(y)


def spread(y: Array) -> float:
    """The labels' standard deviation; where all are equal, the label (1 for zeros)."""
    std, mean = float(y.std(dtype=np.float64)), float(y.mean(dtype=np.float64))
    return std if std > 1e-6 * mean else mean or 1.0


def before_end(tokens: Tensor) -> Tensor:
    """True up to and including the first EOS, bool [..., T]. tokens: classes int [..., T]."""
    ended = (tokens == 0).to(torch.int64).cumsum(-1)
    return (ended - (tokens == 0).to(torch.int64)) == 0
