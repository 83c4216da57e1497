"""Pareto/NBD: its likelihood, P(alive) and expectation, from one integral over the time of leaving.

A customer buys at rate lambda ~ Gamma(r, alpha) for a lifetime ~ Exponential(mu), mu ~ Gamma(s, beta). With lambda and
mu integrated out, a history has the likelihood

    Gamma(r + x) / Gamma(r) alpha^r beta^s [ (alpha + T)^-(r+x) (beta + T)^-s + J ],
    J = s int_{t_x}^T (alpha + y)^-(r+x) (beta + y)^-(s+1) dy,

for the customer was alive at T or left at some y in (t_x, T). The published form writes J as two 2F1, one for each
order of alpha and beta, which overflow and cancel. Here J is Gauss and Legendre's sum in ln(y + the smaller of alpha
and beta), in which the integrand's nearest singularity is pi away from the real axis; what lies below e^-45 of its
start is left out. All its derivatives are means over the time of leaving, from the same sum.
"""

from functools import cache

import numpy as np
from numba import njit
from scipy.special import digamma, gammaln

from datasets.schema import Array

_FIT, _TELL = 24, 64  # nodes while a fit looks for its maximum, and for what is told
_DROP = 45.0  # of the integrand's logarithm


@cache
def _nodes(n: int) -> tuple[Array, Array]:
    """Places and weights on (0, 1)."""
    at, weight = np.polynomial.legendre.leggauss(n)
    return (at + 1) / 2, weight / 2


def log_likelihood(params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    """Of each history [n], and its derivatives by r, alpha, s and beta [4, n]. x counts from 0; t_x <= T; float64."""
    r, alpha, s, beta = params
    once, at = np.unique(x, return_inverse=True)
    constant = gammaln(r + once) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    by_r = digamma(r + once) - digamma(r) + np.log(alpha)
    log_alive = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
    log_left, means = _left(r, alpha, s, beta, x, t_x, T, *_nodes(_FIT))
    value = np.logaddexp(log_alive, log_left)
    left, stayed = np.exp(log_left - value), np.exp(log_alive - value)
    log_a, log_b, by_a, by_b = (
        left * mean + stayed * last
        for mean, last in zip(
            means, (np.log(alpha + T), np.log(beta + T), 1 / (alpha + T), 1 / (beta + T)), strict=True
        )
    )
    by = np.stack(
        [
            by_r[at] - log_a,
            r / alpha - (r + x) * by_a,
            np.log(beta) - log_b + left / s,
            s / beta - s * by_b - left * means[3],
        ]
    )
    return constant[at] + value, by


def alive(params: Array, x: Array, t_x: Array, T: Array) -> Array:
    """P(alive at T | history)."""
    r, alpha, s, beta = params
    log_left, _ = _left(r, alpha, s, beta, x, t_x, T, *_nodes(_TELL))
    return np.exp(-np.logaddexp(0, log_left + (r + x) * np.log(alpha + T) + s * np.log(beta + T)))


def expected(params: Array, x: Array, t_x: Array, T: Array, t: Array) -> Array:
    """E[purchases in (T, T + t] | history]: (r + x) / (alpha + T) times the mean time alive in it, times P(alive)."""
    r, alpha, s, beta = params
    spell = np.log1p(t / (beta + T))
    mean = spell if s == 1 else -np.expm1((1 - s) * spell) / (s - 1)  # E[time alive in (T, T + t]] / (beta + T)
    return (r + x) / (alpha + T) * (beta + T) * mean * alive(params, x, t_x, T)


@njit(cache=True)
def _left(
    r: float, alpha: float, s: float, beta: float, x: Array, t_x: Array, T: Array, at: Array, weight: Array
) -> tuple[Array, Array]:
    """ln J [n]; and the means of ln(alpha + y), ln(beta + y), 1 / (alpha + y) and 1 / (beta + y) over y [4, n]."""
    n, low = len(x), min(alpha, beta)
    log_j, means = np.empty(n), np.zeros((4, n))
    for i in range(n):
        k, start = r + x[i], t_x[i]
        a0, b0, end = alpha + start, beta + start, T[i]
        if end <= start:
            log_j[i] = -np.inf
            continue
        # the end, nearer where the integrand has died out before it
        near, far = 0.0, np.log((low + end) / (low + start))
        whole = far
        for step in range(30):
            y = (low + start) * np.expm1(far)
            drop = k * np.log1p(y / a0) + (s + 1) * np.log1p(y / b0) - far
            if step == 0 and drop <= _DROP:
                break
            middle = (near + whole) / 2
            y = (low + start) * np.expm1(middle)
            if k * np.log1p(y / a0) + (s + 1) * np.log1p(y / b0) - middle > _DROP:
                whole = middle
            else:
                near = middle
            far = whole
        total = m0 = m1 = m2 = m3 = 0.0
        for j in range(len(at)):
            z = far * at[j]
            y = (low + start) * np.expm1(z)
            la, lb = np.log1p(y / a0), np.log1p(y / b0)
            f = weight[j] * np.exp(z - k * la - (s + 1) * lb)
            total += f
            m0 += f * la
            m1 += f * lb
            m2 += f / (a0 + y)
            m3 += f / (b0 + y)
        log_a, log_b = np.log(a0), np.log(b0)
        log_j[i] = np.log(s * far * (low + start) * total) - k * log_a - (s + 1) * log_b
        means[0, i], means[1, i] = log_a + m0 / total, log_b + m1 / total
        means[2, i], means[3, i] = m2 / total, m3 / total
    return log_j, means
