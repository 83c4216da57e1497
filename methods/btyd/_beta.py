"""BG/NBD and MBG/NBD: their likelihood, P(alive) and expectation, which differ in one number.

While alive, a customer buys at rate lambda ~ Gamma(r, alpha), and after a purchase leaves with chance p ~ Beta(a, b).
`chances` is 0 for BG/NBD, where repeat purchases alone are such occasions, and 1 for MBG/NBD, where the first purchase
is one as well: x + chances of them with x repeat purchases. Of who is alive after them, p ~ Beta(a, g) with
g = b + x + chances.
"""

from typing import Literal

import numpy as np
from numba import njit
from scipy.special import digamma, gammaln

from datasets.schema import Array

Chances = Literal[0, 1]
_TERMS = 10_000_000  # of the series, at most: enough for horizons of 100,000 times alpha + T
_SMALL = 3.0  # a of the series, at most
_STEPS = 100_000  # to each side of the bell, at most


def log_likelihood(params: Array, x: Array, t_x: Array, T: Array, *, chances: Chances) -> tuple[Array, Array]:
    """Of each history [n], and its derivatives by r, alpha, a and b [4, n]. x counts from 0; t_x <= T; all float64."""
    r, alpha, a, b = params
    once, at = np.unique(x, return_inverse=True)
    g = b + once + chances
    constant = gammaln(r + once) - gammaln(r) + r * np.log(alpha)
    constant += gammaln(a + b) - gammaln(b) + gammaln(g) - gammaln(a + g)
    alive, left = -(r + x) * np.log(alpha + T), _left(params, x, t_x, chances)
    value = constant[at] + np.logaddexp(alive, left)
    w = _logistic(left - alive)  # the chance of having left
    by_r = digamma(r + once) - digamma(r) + np.log(alpha)
    by_a = digamma(a + b) - digamma(a + g)
    by_b = by_a + digamma(g) - digamma(b)
    by = np.stack(
        [
            by_r[at] - (1 - w) * np.log(alpha + T) - w * np.log(alpha + t_x),
            r / alpha - (r + x) * ((1 - w) / (alpha + T) + w / (alpha + t_x)),
            by_a[at] + w / a,
            by_b[at] - np.divide(w, g[at] - 1, out=np.zeros_like(w), where=w > 0),
        ]
    )
    return value, by


def alive(params: Array, x: Array, t_x: Array, T: Array, *, chances: Chances) -> Array:
    """P(alive at T | history): of having not left at the last purchase."""
    r, alpha, *_ = params
    return _logistic(-(r + x) * np.log(alpha + T) - _left(params, x, t_x, chances))


def expected(params: Array, x: Array, t_x: Array, T: Array, t: Array, *, chances: Chances) -> Array:
    """E[purchases in (T, T + t] | history].

    Given alive, p ~ Beta(a, g) and lambda ~ Gamma(r + x, alpha + T), and E[(1 - exp(-lambda p t)) / p] is what the
    published form with 2F1(r + x, g; a + g - 1; t / (alpha + T + t)) comes to, which is 0 / 0 at a = 1 and overflows
    for large x. Here it is a series for small a, the mean over p itself for others.
    """
    r, alpha, a, b = params
    number = _by_series if a <= _SMALL else _by_mean
    k, w, g = (np.ascontiguousarray(c).ravel() for c in (r + x, t / (alpha + T), b + x + chances))
    return number(a, k, w, g).reshape(x.shape) * alive(params, x, t_x, T, chances=chances)


@njit(cache=True)
def _by_series(a: float, k: Array, w: Array, g: Array) -> Array:
    """E[(1 - (1 + p w)^-k) / p] for p ~ Beta(a, g), with k = r + x and w = t / (alpha + T), [n] each.

    After two of Euler's transformations the hypergeometric series has k no more in its upper parameters and can be
    divided by a - 1 term by term. With v = 1 / (1 + w), z = 1 - v and c = a + g - 1,

        E = c [ (1 - v^(a-1)) / (a - 1) - v^(a-1) sum_n>0 (a)_(n-1) (c - k)_n / ((c)_n n!) z^n ].
    """
    out = np.empty(len(k))
    for i in range(len(k)):
        c, stay = a + g[i] - 1, -np.log1p(w[i])
        z, q = -np.expm1(stay), a + g[i] - 1 - k[i]
        term, total, n = q / c * z, 0.0, 1
        while term != 0.0 and n < _TERMS:
            total += term
            term *= (a + n - 1) * (q + n) / ((c + n) * (n + 1)) * z
            n += 1
            if abs(term) <= 1e-17 * abs(total) * (1 - z):
                break
        first = -stay if a == 1 else -np.expm1((a - 1) * stay) / (a - 1)
        out[i] = c * (first - np.exp((a - 1) * stay) * total) if n < _TERMS else np.nan
    return out


@njit(cache=True)
def _by_mean(a: float, k: Array, w: Array, g: Array) -> Array:
    """The same for large a: a sum at even steps of u = ln(p / (1 - p)), whose density is a bell with tails e^(a u) and
    e^(-g u): it converges faster than any power of the step, and needs no normalising constant."""
    out = np.empty(len(k))
    for i in range(len(k)):
        middle = np.log(a / g[i])
        step = min(0.2, 0.5 * np.sqrt(1 / a + 1 / g[i]))
        top = a * middle - (a + g[i]) * np.log1p(np.exp(middle))
        mass = found = 0.0
        for side in (-1, 1):
            j = 0 if side < 0 else 1
            while True:
                u = middle + side * j * step
                density = np.exp(a * u - (a + g[i]) * np.logaddexp(0.0, u) - top)
                p = 1 / (1 + np.exp(-u))
                mass += density
                found += density * -np.expm1(-k[i] * np.log1p(p * w[i])) / p
                if density < 1e-19 or j > _STEPS:
                    break
                j += 1
        out[i] = found / mass
    return out


def _left(params: Array, x: Array, t_x: Array, chances: Chances) -> Array:
    """ln of a / (g - 1) (alpha + t_x)^-(r + x): gone since the last purchase; -inf where that was no occasion."""
    r, alpha, a, b = params
    occasions = b + x + chances - 1
    could = x + chances > 0
    odds = np.log(a) - np.log(np.where(could, occasions, 1.0))
    return np.where(could, odds - (r + x) * np.log(alpha + t_x), -np.inf)


def _logistic(z: Array) -> Array:
    return np.exp(-np.logaddexp(0, -z))
