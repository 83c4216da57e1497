"""Quantiles of a distribution function that is known at some points."""

from torch import Tensor, stack


def quantiles(knots: Tensor, cdf: Tensor, levels: tuple[float, ...]) -> Tensor:
    """The values at which a distribution function passes the levels, linear between its knots: [B, levels].

    knots: [n] or [B, n], not falling; equal neighbours are a jump. cdf: F at the knots [B, n], rising from 0 to 1.
    """
    knots, out = knots.expand_as(cdf), []
    for level in levels:
        upper = (cdf < level).sum(1, keepdim=True).clamp(1, cdf.shape[1] - 1)  # the first knot at or above the level
        (x0, x1), (f0, f1) = ((t.gather(1, upper - 1)[:, 0], t.gather(1, upper)[:, 0]) for t in (knots, cdf))
        part = ((level - f0) / (f1 - f0).clamp_min(1e-12)).clamp(0, 1)
        out.append(x0 + part * (x1 - x0))
    return stack(out, dim=1)
