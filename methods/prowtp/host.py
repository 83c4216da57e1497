"""The interior point method of `transport.py` in compiled loops, for a CPU: one problem after the other, each until it
has converged, rows read once for each stage of a step. No BLAS, whose threads would fight over the cores.

Each stage is named after its formula there. T, Z, W = T / Z and G are [n, m]; w, r, g, u, du [n]; s, right, v, dv [m].
"""

import numba
import numpy as np
import torch
from torch import Tensor

from datasets.schema import Array

_BACK = 0.995  # how far to go towards the boundary
_UNMET = 1e-10  # of all mass: what both marginals may be off by
_SUMS = {"reassoc", "contract", "nsz"}  # what lets sums run in vectors
_SUMS_AND_EXTREMES = _SUMS | {"nnan"}  # and maxima; their inputs are checked


def interior_point(C: Tensor, kr: Tensor, kc: Tensor, steps: int, tolerance: float) -> tuple[Tensor, Tensor, Tensor]:
    """T [P, n, m], u [P, n], v [P, m]. C: float64 [P, n, m]; kr, kc: [P], 1 / (2 lambda) of rows and columns."""
    P, n, m = C.shape
    T, u, v = np.empty((P, n, m)), np.empty((P, n)), np.empty((P, m))
    cost, rows, columns = C.contiguous().numpy(), kr.numpy(), kc.numpy()
    for p in range(P):
        _solve(cost[p], float(rows[p]), float(columns[p]), steps, tolerance, T[p], u[p], v[p])
    return torch.from_numpy(T), torch.from_numpy(u), torch.from_numpy(v)


@numba.njit(cache=True, nogil=True)
def _solve(C: Array, kr: float, kc: float, steps: int, tolerance: float, T: Array, u: Array, v: Array) -> None:
    """Fill T, u and v."""
    n, m = C.shape
    a, b = 1.0 / n, 1.0 / m
    high, low = C.max(), C.min()
    scale = max(high - low, (1e-3 if kr == 0 else 0.1) * max(abs(high), abs(low)), 1e-12)
    nothing = (n * a * a / kr + m * b * b / kc) / 2 if kr > 0 and kc > 0 else np.inf  # the objective of T = 0
    floor = tolerance * min(scale, nothing) / (n * m)  # of mu
    Z, over, W, G = np.empty((n, m)), np.empty((n, m)), np.empty((n, m)), np.empty((n, m))
    w, r, g, du = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    s, right, dv, S = np.empty(m), np.empty(m), np.empty(m), np.empty((m, m))
    T[:] = a * b
    v[:] = 0.0
    for i in range(n):
        u[i] = C[i].min() - 0.1 * scale
        if kr > 0:
            u[i] = min(u[i], 0.5 * a / kr)
        for k in range(m):
            Z[i, k] = C[i, k] - u[i]
    for _ in range(steps):
        mu = _system(T, Z, over, W, G, w, S, r, s, kr, kc)  # G is free here
        if mu <= 2 * floor and _unmet(r, s, u, v, kr, kc) <= _UNMET:
            break
        if not _cholesky(S):
            break
        for i in range(n):
            g[i] = a - kr * u[i]
        for k in range(m):
            right[k] = b - kc * v[k]
        _newton(W, w, S, g, right, du, dv)
        most, least, second = _affine(T, Z, over, du, dv)
        step = min(1.0, 1 / max(1 + most, 1e-30), 1 / max(-least, 1e-30))
        ahead = (1 - step) * mu - step * step * second / (n * m)
        target = max(min(max(ahead / mu, 0.0), 1.0) ** 3 * mu, floor)
        for k in range(m):
            right[k] = b - s[k] - kc * v[k]
        _correction(T, over, du, dv, target, G, g, right)
        for i in range(n):
            g[i] = a - r[i] - kr * u[i] - g[i]
        _newton(W, w, S, g, right, du, dv)
        step = _BACK / max(_farthest(T, over, W, G, du, dv), _BACK)
        if not step > 0:
            break
        _move(C, T, Z, W, G, u, v, du, dv, step)
    if kr == 0:
        for i in range(n):
            T[i] *= a / T[i].sum()


@numba.njit(cache=True, nogil=True, fastmath=_SUMS)
def _system(
    T: Array, Z: Array, over: Array, W: Array, V: Array, w: Array, S: Array, r: Array, s: Array, kr: float, kc: float
) -> float:
    """over = 1 / Z, W, w = W 1 + kr, V = W / sqrt(w), the marginals r and s of T, and the lower half of S; returns
    mu = mean(T Z)."""
    n, m = T.shape
    s[:] = 0.0
    soft = np.zeros(m)  # W' (1/w), what soft rows add to the diagonal
    total = 0.0
    for i in range(n):
        for k in range(m):
            over[i, k] = 1 / Z[i, k]
        for k in range(m):
            W[i, k] = T[i, k] * over[i, k]
        weight = row = 0.0
        for k in range(m):
            weight += W[i, k]
            row += T[i, k]
            total += T[i, k] * Z[i, k]
        w[i], r[i] = kr + weight, row
        root = 1 / np.sqrt(w[i])
        for k in range(m):
            V[i, k] = W[i, k] * root
        for k in range(m):
            s[k] += T[i, k]
            soft[k] += V[i, k] * root
    _less_gram(V, S)
    for k in range(m):  # the diagonal from the off-diagonal sums: an M-matrix, whatever the rounding
        diagonal = kc + kr * soft[k]
        for j in range(k):
            diagonal -= S[k, j]
        for j in range(k + 1, m):
            diagonal -= S[j, k]
        S[k, k] = diagonal
    if kr == 0 and kc == 0:  # OT leaves v free by a constant: pin it, on the null vector alone
        pin = 0.0
        for k in range(m):
            pin += S[k, k] / m
        for k in range(m):
            for j in range(k + 1):
                S[k, j] += pin / m
    for k in range(m):
        S[k, k] *= 1 + 1e-13
    return total / (n * m)


@numba.njit(cache=True, nogil=True, fastmath=_SUMS)
def _less_gram(V: Array, S: Array) -> None:
    """The lower half of S = -V' V but for its diagonal; four rows at once, so that S is touched a quarter as often."""
    n, m = V.shape
    S[:] = 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        for k in range(m):
            a, b, c, d = V[i, k], V[i + 1, k], V[i + 2, k], V[i + 3, k]
            for j in range(k):
                S[k, j] -= a * V[i, j] + b * V[i + 1, j] + c * V[i + 2, j] + d * V[i + 3, j]
    for i in range(whole, n):
        for k in range(m):
            for j in range(k):
                S[k, j] -= V[i, k] * V[i, j]


@numba.njit(cache=True, nogil=True)
def _unmet(r: Array, s: Array, u: Array, v: Array, kr: float, kc: float) -> float:
    """The larger of both marginals' residuals, summed over their entries."""
    n, m = len(r), len(s)
    rows = columns = 0.0
    for i in range(n):
        rows += abs(1.0 / n - r[i] - kr * u[i])
    for k in range(m):
        columns += abs(1.0 / m - s[k] - kc * v[k])
    return max(rows, columns)


@numba.njit(cache=True, nogil=True, fastmath=_SUMS)
def _cholesky(S: Array) -> bool:
    """The lower factor in place; False where S is not positive definite."""
    m = len(S)
    for k in range(m):
        for j in range(k):
            total = S[k, j]
            for i in range(j):
                total -= S[k, i] * S[j, i]
            S[k, j] = total / S[j, j]
        total = S[k, k]
        for i in range(k):
            total -= S[k, i] * S[k, i]
        if not total > 0:
            return False
        S[k, k] = np.sqrt(total)
    return True


@numba.njit(cache=True, nogil=True, fastmath=_SUMS)
def _newton(W: Array, w: Array, L: Array, g: Array, right: Array, du: Array, dv: Array) -> None:
    """L L' dv = right - W' (g / w), du = (g - W dv) / w."""
    n, m = W.shape
    dv[:] = right
    for i in range(n):
        part = g[i] / w[i]
        for k in range(m):
            dv[k] -= part * W[i, k]
    for k in range(m):
        for j in range(k):
            dv[k] -= L[k, j] * dv[j]
        dv[k] /= L[k, k]
    for k in range(m - 1, -1, -1):
        dv[k] /= L[k, k]
        for j in range(k):
            dv[j] -= L[k, j] * dv[k]
    for i in range(n):
        total = g[i]
        for k in range(m):
            total -= W[i, k] * dv[k]
        du[i] = total / w[i]


@numba.njit(cache=True, nogil=True, fastmath=_SUMS_AND_EXTREMES)
def _affine(T: Array, Z: Array, over: Array, du: Array, dv: Array) -> tuple[float, float, float]:
    """The largest and least q = dZ / Z of the predictor, and the sum of T Z q (1 + q)."""
    n, m = T.shape
    most, least, second = -np.inf, np.inf, 0.0
    for i in range(n):
        for k in range(m):
            q = -(du[i] + dv[k]) * over[i, k]
            most, least = max(most, q), min(least, q)
            second += T[i, k] * Z[i, k] * q * (1 + q)
    return most, least, second


@numba.njit(cache=True, nogil=True, fastmath=_SUMS)
def _correction(
    T: Array, over: Array, du: Array, dv: Array, target: float, G: Array, sums: Array, right: Array
) -> None:
    """G = target / Z - T (1 - q (1 + q)); its row sums, and its column sums taken from `right`."""
    n, m = T.shape
    for i in range(n):
        total = 0.0
        for k in range(m):
            q = -(du[i] + dv[k]) * over[i, k]
            G[i, k] = target * over[i, k] - T[i, k] * (1 - q * (1 + q))
        for k in range(m):
            total += G[i, k]
            right[k] -= G[i, k]
        sums[i] = total


@numba.njit(cache=True, nogil=True, fastmath=_SUMS_AND_EXTREMES)
def _farthest(T: Array, over: Array, W: Array, G: Array, du: Array, dv: Array) -> float:
    """The largest of -dT / T and -dZ / Z: the inverse of the longest step that stays inside."""
    n, m = T.shape
    far = 0.0
    for i in range(n):
        for k in range(m):
            dz = -(du[i] + dv[k])
            far = max(far, (W[i, k] * dz - G[i, k]) / T[i, k], -dz * over[i, k])
    return far


@numba.njit(cache=True, nogil=True)
def _move(
    C: Array, T: Array, Z: Array, W: Array, G: Array, u: Array, v: Array, du: Array, dv: Array, step: float
) -> None:
    """One step along (dT, du, dv), and Z anew from its definition."""
    n, m = T.shape
    for k in range(m):
        v[k] += step * dv[k]
    for i in range(n):
        u[i] += step * du[i]
        for k in range(m):
            T[i, k] += step * (G[i, k] + W[i, k] * (du[i] + dv[k]))
            ahead = C[i, k] - u[i] - v[k]
            Z[i, k] = ahead if ahead > 0 else Z[i, k] * (1 - _BACK)
