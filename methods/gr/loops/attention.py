"""Causal self-attention over short sequences in compiled loops: thousands of tiny matrices, too small for BLAS.

Tokens lie step after step, as in `packing.py`: of the first sizes[t] rows at step t. Inside, the eight heads lie side
by side, so that each operation is one of eight lanes.
"""

import numba
import numpy as np

from datasets.schema import Array
from methods.gr.loops.rows import SUMS, exp

HEADS = 8


@numba.njit(cache=True, nogil=True)
def places(sizes: Array) -> tuple[Array, Array, Array]:
    """Where each step's tokens begin [T], each row's length [B], and where its attention weights begin [B + 1]."""
    T, B = len(sizes), sizes[0]
    start, length, begin = np.zeros(T, np.int64), np.zeros(B, np.int64), np.zeros(B + 1, np.int64)
    for t in range(1, T):
        start[t] = start[t - 1] + sizes[t - 1]
    for t in range(T):
        length[: sizes[t]] += 1
    for i in range(B):
        begin[i + 1] = begin[i] + length[i] * length[i]
    return start, length, begin


@numba.njit(cache=True, nogil=True)
def _taken(x: Array, start: Array, i: int, to: Array) -> None:
    """Row i's tokens of x [R, parts width], to [parts, L, d, heads]."""
    d = to.shape[2]
    for j in range(to.shape[1]):
        given = x[start[j] + i]
        for part in range(to.shape[0]):
            for head in range(HEADS):
                for c in range(d):
                    to[part, j, c, head] = given[(part * HEADS + head) * d + c]


@numba.njit(cache=True, nogil=True)
def _put(x: Array, start: Array, i: int, to: Array) -> None:
    """The other way: x [parts, L, d, heads] to row i's tokens [R, parts width]."""
    d = x.shape[2]
    for j in range(x.shape[1]):
        given = to[start[j] + i]
        for part in range(x.shape[0]):
            for head in range(HEADS):
                for c in range(d):
                    given[(part * HEADS + head) * d + c] = x[part, j, c, head]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def _attend(x: Array, scale: float, weights: Array, out: Array) -> None:
    """x: queries, keys and values [3, L, d, heads]; weights [L L, heads]; out [1, L, d, heads]."""
    L, d = x.shape[1], x.shape[2]
    top, total = np.empty(HEADS, x.dtype), np.empty(HEADS, x.dtype)
    for a in range(L):
        for j in range(a + 1):
            w = weights[a * L + j]
            for e in range(HEADS):
                w[e] = 0
            for c in range(d):
                for e in range(HEADS):
                    w[e] += x[0, a, c, e] * x[1, j, c, e]
            for e in range(HEADS):
                w[e] *= scale
                top[e] = w[e] if j == 0 or w[e] > top[e] else top[e]
        for e in range(HEADS):
            total[e] = 0
        for j in range(a + 1):
            w = weights[a * L + j]
            for e in range(HEADS):
                w[e] = exp(w[e] - top[e])
                total[e] += w[e]
        for j in range(a + 1):
            w = weights[a * L + j]
            for e in range(HEADS):
                w[e] /= total[e]
        for c in range(d):
            for e in range(HEADS):
                total[e] = 0
            for j in range(a + 1):
                for e in range(HEADS):
                    total[e] += weights[a * L + j, e] * x[2, j, c, e]
            for e in range(HEADS):
                out[0, a, c, e] = total[e]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def _return(x: Array, scale: float, weights: Array, dout: Array, dx: Array) -> None:
    """The way back through `_attend`; dx: zeros at first."""
    L, d = x.shape[1], x.shape[2]
    ds, mean = np.empty((L, HEADS), x.dtype), np.empty(HEADS, x.dtype)
    for a in range(L):
        for e in range(HEADS):
            mean[e] = 0
        for j in range(a + 1):
            for e in range(HEADS):
                ds[j, e] = 0
            for c in range(d):
                for e in range(HEADS):
                    ds[j, e] += dout[0, a, c, e] * x[2, j, c, e]
            for e in range(HEADS):
                mean[e] += weights[a * L + j, e] * ds[j, e]
        for j in range(a + 1):
            w = weights[a * L + j]
            for e in range(HEADS):
                ds[j, e] = w[e] * (ds[j, e] - mean[e]) * scale
            for c in range(d):
                for e in range(HEADS):
                    dx[0, a, c, e] += ds[j, e] * x[1, j, c, e]
                    dx[1, j, c, e] += ds[j, e] * x[0, a, c, e]
                    dx[2, j, c, e] += w[e] * dout[0, a, c, e]


@numba.njit(cache=True, nogil=True)
def forward(qkv: Array, sizes: Array, out: Array, weights: Array) -> None:
    """Fill out [R, width] and the attention weights [sum of squared lengths, heads]. qkv: [R, 3 width], queries, keys
    and values, each with its heads side by side."""
    start, length, begin = places(sizes)
    d, T = out.shape[1] // HEADS, len(sizes)
    scale = qkv.dtype.type(1 / np.sqrt(d))
    x, o = np.empty((3, T, d, HEADS), qkv.dtype), np.empty((1, T, d, HEADS), qkv.dtype)
    for i in range(len(length)):
        L = length[i]
        _taken(qkv, start, i, x[:, :L])
        _attend(x[:, :L], scale, weights[begin[i] : begin[i + 1]], o[:, :L])
        _put(o[:, :L], start, i, out)


@numba.njit(cache=True, nogil=True)
def backward(dout: Array, qkv: Array, sizes: Array, weights: Array, dqkv: Array) -> None:
    """Fill the gradient dqkv [R, 3 width], from that by `out`."""
    start, length, begin = places(sizes)
    d, T = dout.shape[1] // HEADS, len(sizes)
    scale = qkv.dtype.type(1 / np.sqrt(d))
    x, dx = np.empty((3, T, d, HEADS), qkv.dtype), np.empty((3, T, d, HEADS), qkv.dtype)
    do = np.empty((1, T, d, HEADS), qkv.dtype)
    for i in range(len(length)):
        L = length[i]
        _taken(qkv, start, i, x[:, :L])
        _taken(dout, start, i, do[:, :L])
        dx[:] = 0
        _return(x[:, :L], scale, weights[begin[i] : begin[i + 1]], do[:, :L], dx[:, :L])
        _put(dx[:, :L], start, i, dqkv)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def normalised(x: Array, more: Array, keep: Array, weight: Array, bias: Array, y: Array, z: Array, rate: Array) -> None:
    """A layer norm of x + keep more: to y [R, width], with z before weight and bias, and 1 / the deviation to rate [R].
    keep: [R, width], or [0, width] where nothing is dropped."""
    real, width = x.dtype.type, x.shape[1]
    for r in range(len(x)):
        s, mean, square = z[r], real(0), real(0)
        if len(keep):
            for j in range(width):
                s[j] = x[r, j] + more[r, j] * keep[r, j]
        else:
            for j in range(width):
                s[j] = x[r, j] + more[r, j]
        for j in range(width):
            mean += s[j]
        mean /= width
        for j in range(width):
            s[j] -= mean
        for j in range(width):
            square += s[j] * s[j]
        rate[r] = real(1) / np.sqrt(square / real(width) + real(1e-5))
        for j in range(width):
            s[j] *= rate[r]
            y[r, j] = s[j] * weight[j] + bias[j]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def denormalised(
    dy: Array, z: Array, rate: Array, keep: Array, weight: Array, dx: Array, dmore: Array, dweight: Array, dbias: Array
) -> None:
    """The way back: to dx and dmore [R, width], dweight and dbias [width]."""
    real, width = z.dtype.type, z.shape[1]
    w, b = np.zeros(width), np.zeros(width)
    for r in range(len(z)):
        d, first, second = dx[r], real(0), real(0)
        for j in range(width):
            w[j] += dy[r, j] * z[r, j]
            b[j] += dy[r, j]
        for j in range(width):
            d[j] = dy[r, j] * weight[j]
        for j in range(width):
            first += d[j]
        for j in range(width):
            second += d[j] * z[r, j]
        first, second = first / real(width), second / real(width)
        for j in range(width):
            d[j] = (d[j] - first - z[r, j] * second) * rate[r]
        if len(keep):
            for j in range(width):
                dmore[r, j] = d[j] * keep[r, j]
        else:
            for j in range(width):
                dmore[r, j] = d[j]
    for j in range(width):
        dweight[j], dbias[j] = w[j], b[j]
