"""What GR's compiled loops share on a CPU: a fast exponential, the LSTM's gates, and what one row of logits means.

Formulas are those of `values.py` and `decoder.py`, row by row. Sums may run in vectors, in an order that depends on
the number of classes alone: a row has the same bits whichever rows stand beside it.
"""

import math
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from datasets.schema import Array

SUMS = {"reassoc", "contract", "nsz"}  # what lets sums run in vectors; NaN stays NaN
WINDOW, ALL, NONE = 0, 1, 2  # of mixup
MIXUPS = {"window": WINDOW, "all": ALL, "none": NONE}
MIXED = -1  # in the place of a token: a mixture is fed

_f = np.float32
_LOW, _HIGH, _HALF, _ONE = _f(-87), _f(88), _f(0.5), _f(1)
_PER_LN2, _LN2, _LN2_REST = _f(1.44269504), _f(0.693359375), _f(-2.12194440e-4)
_P = tuple(_f(p) for p in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5))
_P0, _P1, _P2, _P3, _P4, _P5 = _P


def exp(x: Any) -> Any:
    """e^x. float32: to 1e-7 of it within [-87, 88], beyond which its ends stand for it; float64: libm's."""
    raise NotImplementedError("compiled code alone")


@overload(exp)
def _exp_of(x: Any) -> Any:
    def exact(x: Any) -> Any:
        return math.exp(x)

    def fast(x: Any) -> Any:  # Cephes' expf, without a branch, so that loops of it run in vectors
        y = _LOW if x < _LOW else x
        y = _HIGH if y > _HIGH else y
        n = np.floor(y * _PER_LN2 + _HALF)
        r = y - n * _LN2 - n * _LN2_REST
        p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
        return (p * (r * r) + r + _ONE) * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)

    return fast if x == numba.float32 else exact


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def gates(G: Array, C: Array, TC: Array, H: Array, r: int, before: Array) -> None:
    """One row of an LSTM: G[r] [4H] holds the gates i, f, o, g before their functions, and then after them; to C[r],
    TC[r] and H[r] go the cell's state, its tanh, and h. before: the state until now [H]."""
    x, c, tc, h = G[r], C[r], TC[r], H[r]
    real = G.dtype.type
    one, two = real(1), real(2)
    width = len(h)
    for j in range(3 * width):
        x[j] = one / (one + exp(-x[j]))
    for j in range(3 * width, 4 * width):
        x[j] = two / (one + exp(-two * x[j])) - one
    for j in range(width):
        c[j] = x[width + j] * before[j] + x[j] * x[3 * width + j]
    for j in range(width):
        tc[j] = two / (one + exp(-two * c[j])) - one
    for j in range(width):
        h[j] = x[2 * width + j] * tc[j]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def odds(z: Array) -> tuple[int, float, float, float]:
    """Logits z [C] become, in place, exp(z - their numeric maximum), but EOS's, z[0], stays. Returns the likeliest
    numeric token, f with f z[j] the probability of a numeric token j, EOS's probability, and log sum exp."""
    real = z.dtype.type
    one = real(1)
    top, best = 1, z[1]
    for j in range(2, len(z)):
        if z[j] > best:
            top, best = j, z[j]
    for j in range(1, len(z)):
        z[j] = exp(z[j] - best)
    total = real(0)
    for j in range(1, len(z)):
        total += z[j]
    if z[0] <= best:
        end = exp(z[0] - best)
        whole = total + end
        return top, one / whole, end / whole, best + math.log(whole)
    rest = exp(best - z[0])
    whole = one + total * rest
    return top, rest / whole, one / whole, z[0] + math.log(whole)


@numba.njit(cache=True, nogil=True)
def span(centre: int, b: float, classes: int) -> tuple[int, int]:
    """The numeric tokens from the first to before the second that lie at most b from a numeric one."""
    half = int(min(b, classes))
    return max(1, centre - half), min(classes - 1, centre + half) + 1


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def moments(q: Array, value: Array, low: int, high: int) -> tuple[float, float]:
    """The sum of q and that of q times the value over [low, high)."""
    total, first = q.dtype.type(0), q.dtype.type(0)
    for j in range(low, high):
        total += q[j]
    for j in range(low, high):
        first += q[j] * value[j]
    return total, first


@numba.njit(cache=True, nogil=True, error_model="numpy")
def soft(q: Array, value: Array, top: int, f: float, end: float, b: float, released: bool, eos: bool) -> float:
    """A step's soft value, `values.soft_value` or `values.released_value`. q, top, f, end: of `odds`; eos: whether
    EOS is the likeliest of all."""
    if released:
        half = int(min(b, len(q)))
        centre = 0 if eos else top
        return f * moments(q, value, max(1, centre - half), min(len(q) - 1, centre + half) + 1)[1]
    low, high = span(top, b, len(q))
    total, first = moments(q, value, low, high)
    return (q.dtype.type(1) - end) * (first / total)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def mixture(q: Array, top: int, f: float, end: float, b: float, kind: int, w: Array) -> None:
    """The weights [C] of what is fed next where it is a mixture: in the window about the numeric token `top`, or of
    all."""
    if kind == ALL:
        for j in range(1, len(q)):
            w[j] = q[j] * f
        w[0] = end
        return
    low, high = span(top, b, len(q))
    total = q.dtype.type(0)
    for j in range(low, high):
        total += q[j]
    w[:] = 0
    for j in range(low, high):
        w[j] = q[j] / total
