"""Gamma-Gamma (Fader and Hardie 2013): what a purchase is worth, from the mean of a customer's repeat purchases.

A purchase is worth Gamma(p, nu), and nu ~ Gamma(q, v) differs between customers: with m the mean of x purchases, the
customer's own mean is expected at p (v + m x) / (p x + q - 1), between m and everybody's p v / (q - 1).
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import digamma, gammaln

from datasets.schema import Array
from methods.btyd._fit import Estimate, maximise

NAMES = ("p", "q", "v")


def gammagamma_mean(params: Sequence[float] | Array, x: Array, m: Array) -> Array:
    """E[worth of a purchase | m, the mean of x of them]; m is not looked at where x is 0. params: p, q, v.

    Infinite where p x + q <= 1: so heavy a tail has no mean.
    """
    p, q, v = map(float, params)
    x, m = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(m, np.float64))
    below = p * x + q - 1
    above = p * (v + np.where(x > 0, m, 0) * x)
    return np.divide(above, below, out=np.full(x.shape, np.inf), where=below > 0)


def gammagamma_fit(x: Array, m: Array) -> Estimate:
    """The maximum likelihood over customers with x >= 1 repeat purchases of mean m > 0, [n] each; others are left out.

    Raises ValueError where fewer than three such customers are there or all have the same mean.
    """
    x, m = np.asarray(x, np.float64), np.asarray(m, np.float64)
    use = (x > 0) & (m > 0)
    x, m = x[use], m[use]
    if len(np.unique(m)) < 3:
        raise ValueError(
            f"Gamma-Gamma has no maximum likelihood with {len(m)} repeat buyers of {len(np.unique(m))} different mean "
            "values; use a longer history"
        )
    scale = float(np.exp(np.log(m).mean()))  # amounts of any currency look alike
    found = maximise(log_likelihood, (x, m / scale), np.ones(len(x)), [(1, 2, 1), (6, 4, 1), (2, 10, 5)])
    unit = np.array([1.0, 1.0, scale])
    moved = len(x) * np.log(scale)  # the density of m is that of m / scale, divided by scale
    return Estimate(found.params * unit, found.errors * unit, found.log_likelihood - moved, found.rows, found.agreeing)


def log_likelihood(params: Array, x: Array, m: Array) -> tuple[Array, Array]:
    """Of each mean m of x purchases [n], and its derivatives by p, q and v [3, n]."""
    p, q, v = params
    px, log_all = p * x, np.log(v + m * x)
    value = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
    value += (px - 1) * np.log(m) + px * np.log(x) - (px + q) * log_all
    whole = digamma(px + q)
    by = np.stack(
        [
            x * (whole - digamma(px) + np.log(m * x) - log_all),
            whole - digamma(q) + np.log(v) - log_all,
            q / v - (px + q) / (v + m * x),
        ]
    )
    return value, by
