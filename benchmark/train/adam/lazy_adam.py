"""Exact lazy Adam: the closed form of what dense Adam does to a row that sees no gradient.

Dense Adam moves every row at every step, also on a zero gradient: its moments decay and old momentum goes on pushing.
For a row last updated at step t0 and untouched for k steps (moments m, v as of t0; no weight decay, no AMSGrad)

    p -= lr * m * sum_{j=1..k} w_j / (sqrt(v) + eps * e_j),    m *= b1^k,    v *= b2^k,
    w_j = rho^j sqrt(c2(t0+j)) / c1(t0+j),  e_j = sqrt(c2(t0+j)) b2^(-j/2),  rho = b1 / sqrt(b2),  ci(t) = 1 - bi^t.

Weights and nodes depend on (t0, k) alone, not on the element. Their moments S_n = sum_j w_j e_j^n come from one table
R_n(t) = sum_{j>=1} r_n^j c_n(t+j) with r_n = b1 b2^(-(n+1)/2), c_n = c2^((n+1)/2) / c1, as

    sum over a < j <= b  =  r_n^a (R_n(t0+a) - r_n^(b-a) R_n(t0+b)),

and a two-point Gauss rule on S_0..S_3 replaces the sum: two divisions per element however long the gap. Only during the
first steps do the e_j vary too fast for one rule; there a gap is cut at geometrically growing steps (`EARLY`,
`GROWTH`).
"""

import math

import numba
import numpy as np

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
EARLY, GROWTH = 200, 1.1  # before step EARLY a gap is cut where the step has grown by GROWTH
LOG_B1, LOG_B2 = math.log(BETA1), math.log(BETA2)
LOG_R = np.array([LOG_B1 - 0.5 * (n + 1) * LOG_B2 for n in range(4)])


@numba.njit(cache=True)
def _tail_sums(steps: int) -> np.ndarray:
    tail = np.zeros((steps, 4))
    for n in range(4):
        r = BETA1 * BETA2 ** (-0.5 * (n + 1))
        for t in range(steps - 2, -1, -1):
            c = (1 - BETA2 ** (t + 1)) ** (0.5 * (n + 1)) / (1 - BETA1 ** (t + 1))
            tail[t, n] = r * (c + tail[t + 1, n])
    return tail


def tail_sums(steps: int) -> np.ndarray:
    """R_n(t) for t = 0..steps, float64 [steps + 1, 4]; the recurrence starts 2,000 steps later, where r_n^2000 <
    1e-88."""
    return _tail_sums(steps + 2001)[: steps + 1].copy()


@numba.njit(cache=True, nogil=True, error_model="numpy")
def rule(tail: np.ndarray, t0: int, a: int, b: int) -> tuple[float, float, float, float]:
    """The two-point rule (weight, node, weight, node) for the sum over a < j <= b of a gap that began at t0."""
    s = np.empty(4)
    for n in range(4):
        s[n] = math.exp(a * LOG_R[n]) * (tail[t0 + a, n] - math.exp((b - a) * LOG_R[n]) * tail[t0 + b, n])
    mu, second = s[1] / s[0], s[2] / s[0]
    var = second - mu * mu
    if b - a < 2 or var <= 1e-11 * mu * mu:
        return s[0], mu, 0.0, mu
    skew = (s[3] / s[0] - 3 * mu * second + 2 * mu**3) / var
    width = math.sqrt(skew * skew + 4 * var)
    low, high = 0.5 * (skew - width), 0.5 * (skew + width)
    share = high / width
    return s[0] * share, mu + low, s[0] * (1 - share), mu + high


@numba.njit(cache=True, nogil=True)
def cut(t0: int, a: int, end: int) -> int:
    """Where the stretch that begins at a of a gap's `end` steps ends: early on, where the step has grown by GROWTH."""
    if t0 + a >= EARLY:
        return end
    return min(end, max(a + 1, int((t0 + a) * GROWTH) - t0))
