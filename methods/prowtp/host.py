"""The interior point method of `transport.py` in compiled loops, for a CPU: one problem after the other, each until it
has converged. No BLAS, whose threads would fight over the cores.

Three things make it fast, and none costs accuracy:

- A step reads its rows four times, with what torch does in a dozen operations done on a row while it is in the cache.
- Until the gap is a hundred-thousandth of the cost's range, T, W and G are float32, for rounding is far below what such
  a step aims at. u, v and Z = C - u 1' - 1 v' are float64 throughout, and so is everything in the last steps.
- S is summed in float32: an M-matrix whose diagonal is rebuilt from what it is made of has entries of the same relative
  accuracy in its inverse. Entries of W below kappa / (100 n) are left out of it, which changes no eigenvalue by more
  than 2 %; rows are ordered by their nearest column, so that whole blocks are left out together. S only gives the
  direction: residuals come from T, u and v.

Each stage is named after its formula there. T, W = T / Z and G are [n, m], `over` is 1 / Z; w, r, g, u, du [n]; s,
right, v, dv [m], `near` is dv in T's precision.
"""

import numba
import numpy as np
import torch
from torch import Tensor

from datasets.schema import Array

_BACK = 0.995  # how far to go towards the boundary
_UNMET = 1e-10  # of all mass: what both marginals may be off by, or the tolerance where that is more
_ROUGH, _ROUGH_UNMET = 1e-5, 1e-3  # the gap, of the cost's range, and the marginals that end the float32 steps
_SLACK = 1e-4  # of a marginal's share: what a soft one gives way by, for a potential of the cost's range
_SPARE = 1e-2  # of kappa: what all entries of a column of W together may be that S does without
_LANES = 16  # columns of a block of S
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


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _solve(cost: Array, kr: float, kc: float, steps: int, tolerance: float, T: Array, u: Array, v: Array) -> None:
    """Fill T, u and v. Inside, costs are in units of their range and rows in the order of their nearest column."""
    n, m = cost.shape
    a, b = 1.0 / n, 1.0 / m
    high, low = cost.max(), cost.min()
    scale = max(high - low, (1e-3 if kr == 0 else 0.1) * max(abs(high), abs(low)), 1e-12)
    kr, kc = kr * scale, kc * scale
    nothing = (n * a * a / kr + m * b * b / kc) / 2 if kr > 0 and kc > 0 else np.inf  # the objective of T = 0
    floor = tolerance * min(1.0, nothing) / (n * m)  # of mu
    rough = max(_ROUGH * min(1.0, nothing) / (n * m), 2 * floor)
    order = _by_nearest(cost)
    C, up = np.empty((n, m)), np.empty(n)
    T32, over32 = np.full((n, m), a * b, np.float32), np.empty((n, m), np.float32)
    for i in range(n):
        row = cost[order[i]]
        for k in range(m):
            C[i, k] = row[k] / scale
        up[i] = C[i].min() - 0.1
        if kr > 0:
            up[i] = min(up[i], 0.5 * a / kr)
        for k in range(m):
            over32[i, k] = 1 / (C[i, k] - up[i])
    v[:] = 0.0
    slack = min(kr / a if kr > 0 else np.inf, kc / b if kc > 0 else np.inf)
    done = 0
    if slack > _SLACK:  # else a marginal is so nearly hard that float32's own slips would move u and v at will
        done = _steps(C, kr, kc, steps, rough, rough / 2, _ROUGH_UNMET, T32, over32, up, v)
    T64, over64 = np.empty((n, m)), np.empty((n, m))
    for i in range(n):
        for k in range(m):
            T64[i, k] = T32[i, k]
            over64[i, k] = over32[i, k]
    _steps(C, kr, kc, steps - done, 2 * floor, floor, max(_UNMET, tolerance), T64, over64, up, v)
    for i in range(n):
        share = a / T64[i].sum() if kr == 0 else 1.0
        row = T[order[i]]
        for k in range(m):
            row[k] = T64[i, k] * share
        u[order[i]] = up[i] * scale
    for k in range(m):
        v[k] *= scale


@numba.njit(cache=True, nogil=True)
def _by_nearest(C: Array) -> Array:
    """The rows [n] by the column of least cost, those of one column in their own order."""
    n, m = C.shape
    nearest, place = np.empty(n, np.int64), np.zeros(m + 1, np.int64)
    for i in range(n):
        best = 0
        for k in range(m):
            if C[i, k] < C[i, best]:
                best = k
        nearest[i] = best
        place[best + 1] += 1
    for k in range(m):
        place[k + 1] += place[k]
    order = np.empty(n, np.int64)
    for i in range(n):
        order[place[nearest[i]]] = i
        place[nearest[i]] += 1
    return order


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _steps(
    C: Array, kr: float, kc: float, steps: int, enough: float, floor: float, unmet: float,
    T: Array, over: Array, u: Array, v: Array,
) -> int:  # fmt: skip
    """Go on from T, over, u and v, in place, until mu and both marginals are good enough; how many steps that took, at
    most `steps`. A step that cannot be taken ends it as well."""
    n, m = C.shape
    b = 1.0 / m
    W, G = np.zeros_like(T), np.zeros_like(T)
    wide = -(-m // _LANES) * _LANES
    V, gram = np.zeros((-(-n // 4) * 4, wide), np.float32), np.empty((wide, wide), np.float32)
    w, r, g, du = np.empty(n), np.empty(n), np.empty(n), np.zeros(n)
    s, right, dv, soft, S = np.empty(m), np.empty(m), np.empty(m), np.empty(m), np.empty((m, m))
    near = np.zeros(m, T.dtype)
    step, done = 0.0, 0
    while True:
        mu = _system(C, T, over, W, G, V, u, v, du, near, step, w, r, s, right, soft, g, kr, kc) / (n * m)
        if done == steps or (mu <= enough and _unmet(r, s, u, v, kr, kc) <= unmet):
            break
        _gram(V, gram)
        if not _factor(gram, S, soft, kr, kc):
            break
        _triangles(S, right, dv)
        near[:] = dv
        most, least, second = _affine(T, over, W, w, g, du, near)
        far = min(1.0, 1 / max(1 + most, 1e-30), 1 / max(-least, 1e-30))
        ahead = (1 - far) * mu - far * far * second / (n * m)
        target = max(min(max(ahead / mu, 0.0), 1.0) ** 3 * mu, floor)
        for k in range(m):
            right[k] = b - s[k] - kc * v[k]
        _correction(T, over, W, w, r, u, du, near, target, G, g, right, kr)
        _triangles(S, right, dv)
        near[:] = dv
        step = _BACK / max(_farthest(T, over, W, w, G, g, du, near), _BACK)
        done += 1
        if not step > 0:
            break
        for k in range(m):
            v[k] += step * dv[k]
        for i in range(n):
            u[i] += step * du[i]
    return done


@numba.njit(cache=True, nogil=True, fastmath=_SUMS, error_model="numpy")
def _system(
    C: Array, T: Array, over: Array, W: Array, G: Array, V: Array, u: Array, v: Array, du: Array, near: Array,
    step: float, w: Array, r: Array, s: Array, right: Array, soft: Array, g: Array, kr: float, kc: float,
) -> float:  # fmt: skip
    """T moves by the last step, and all that the next begins with: over, W, w = W 1 + kr, V = W / sqrt(w), the
    marginals r and s of T, soft = W' (1 / w) where rows are soft, and the predictor's right sides g and right, W' (g /
    w) taken off. Returns the sum of T Z."""
    n, m = T.shape
    real = T.dtype.type
    a, far, one = 1.0 / n, real(step), real(1)
    small = real(max(_SPARE * kc / n, 1e-30))
    columns, pull = np.zeros(m, T.dtype), np.zeros(m, T.dtype)
    soft[:] = 0.0
    total = 0.0
    for i in range(n):
        Ti, oi, Wi, Gi, Ci, Vi = T[i], over[i], W[i], G[i], C[i], V[i]
        ui, dui = u[i], real(du[i])
        weight = row = products = real(0)
        for k in range(m):
            t = Ti[k] + far * (Gi[k] + Wi[k] * (dui + near[k]))
            z = real(Ci[k] - ui - v[k])
            over_z = one / z if z > 0 else oi[k] / real(1 - _BACK)
            x = t * over_z
            Ti[k], oi[k], Wi[k] = t, over_z, x
            weight += x
            row += t
            products += t * abs(z)
        total += products
        wi, gi = weight + kr, a - kr * ui
        w[i], r[i], g[i] = wi, row, gi
        part, root = real(gi / wi), real(1 / np.sqrt(wi))
        for k in range(m):
            x = Wi[k]
            columns[k] += Ti[k]
            pull[k] += part * x
            Vi[k] = np.float32(x * root if x > small else real(0))
        if kr > 0:
            for k in range(m):
                soft[k] += Wi[k] / wi
    for k in range(m):
        s[k] = columns[k]
        right[k] = 1.0 / m - kc * v[k] - pull[k]
    return total


@numba.njit(cache=True, nogil=True, fastmath=_SUMS)
def _gram(V: Array, S: Array) -> None:
    """S = V' V up to its diagonal's blocks, four rows and columns at once, without the blocks that are 0."""
    n, m = V.shape
    S[:] = 0
    there = np.empty(m // _LANES, np.bool_)
    for i in range(0, n, 4):
        v0, v1, v2, v3 = V[i], V[i + 1], V[i + 2], V[i + 3]
        for p in range(len(there)):
            total = np.float32(0)
            for j in range(_LANES * p, _LANES * p + _LANES):
                total += v0[j] + v1[j] + v2[j] + v3[j]
            there[p] = total > 0
        for k in range(0, m, 4):
            if not there[k // _LANES]:
                continue
            a0, a1, a2, a3 = v0[k], v0[k + 1], v0[k + 2], v0[k + 3]
            b0, b1, b2, b3 = v1[k], v1[k + 1], v1[k + 2], v1[k + 3]
            c0, c1, c2, c3 = v2[k], v2[k + 1], v2[k + 2], v2[k + 3]
            d0, d1, d2, d3 = v3[k], v3[k + 1], v3[k + 2], v3[k + 3]
            if a0 + a1 + a2 + a3 + b0 + b1 + b2 + b3 + c0 + c1 + c2 + c3 + d0 + d1 + d2 + d3 == 0:
                continue
            s0, s1, s2, s3 = S[k], S[k + 1], S[k + 2], S[k + 3]
            for p in range(k // _LANES + 1):
                if not there[p]:
                    continue
                for j in range(_LANES * p, _LANES * p + _LANES):
                    x, y, z, t = v0[j], v1[j], v2[j], v3[j]
                    s0[j] += a0 * x + b0 * y + c0 * z + d0 * t
                    s1[j] += a1 * x + b1 * y + c1 * z + d1 * t
                    s2[j] += a2 * x + b2 * y + c2 * z + d2 * t
                    s3[j] += a3 * x + b3 * y + c3 * z + d3 * t


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


@numba.njit(cache=True, nogil=True, fastmath=_SUMS, error_model="numpy")
def _factor(gram: Array, S: Array, soft: Array, kr: float, kc: float) -> bool:
    """S's lower Cholesky factor, its diagonal inverted; False where S is not positive definite."""
    m = len(S)
    for k in range(m):
        for j in range(k):
            S[k, j] = -gram[k, j]
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
    for k in range(m):
        mine = S[k]
        for j in range(k):
            other, total = S[j], mine[j]
            for i in range(j):
                total -= mine[i] * other[i]
            mine[j] = total * other[j]
        total = mine[k]
        for i in range(k):
            total -= mine[i] * mine[i]
        if not total > 0:
            return False
        mine[k] = 1 / np.sqrt(total)
    return True


@numba.njit(cache=True, nogil=True, fastmath=_SUMS)
def _triangles(L: Array, right: Array, dv: Array) -> None:
    """L L' dv = right, L with an inverted diagonal."""
    m = len(L)
    for k in range(m):
        mine, total = L[k], right[k]
        for j in range(k):
            total -= mine[j] * dv[j]
        dv[k] = total * mine[k]
    for k in range(m - 1, -1, -1):
        mine, x = L[k], dv[k] * L[k, k]
        dv[k] = x
        for j in range(k):
            dv[j] -= mine[j] * x


@numba.njit(cache=True, nogil=True, fastmath=_SUMS_AND_EXTREMES, error_model="numpy")
def _affine(T: Array, over: Array, W: Array, w: Array, g: Array, du: Array, near: Array) -> tuple[float, float, float]:
    """The predictor's du = (g - W dv) / w, the largest and least q = dZ / Z, and the sum of T Z q (1 + q)."""
    n, m = T.shape
    real = T.dtype.type
    top, bottom, second = np.full(m, real(-np.inf)), np.full(m, real(np.inf)), 0.0
    for i in range(n):
        Ti, oi, Wi = T[i], over[i], W[i]
        total, products = real(0), real(0)
        for k in range(m):
            total += Wi[k] * near[k]
        du[i] = (g[i] - total) / w[i]
        d = real(du[i])
        for k in range(m):
            dz = -(d + near[k])
            q = dz * oi[k]
            products += Ti[k] * dz * (real(1) + q)
            top[k], bottom[k] = max(top[k], q), min(bottom[k], q)
        second += products
    return float(top.max()), float(bottom.min()), second


@numba.njit(cache=True, nogil=True, fastmath=_SUMS, error_model="numpy")
def _correction(
    T: Array, over: Array, W: Array, w: Array, r: Array, u: Array, du: Array, near: Array, target: float,
    G: Array, g: Array, right: Array, kr: float,
) -> None:  # fmt: skip
    """G = target / Z - T (1 - q (1 + q)), the right side g of the rows with it, and what G and W' (g / w) take from the
    columns' `right`."""
    n, m = T.shape
    real = T.dtype.type
    a, aim, one = 1.0 / n, real(target), real(1)
    pull = np.zeros(m, T.dtype)
    for i in range(n):
        Ti, oi, Wi, Gi = T[i], over[i], W[i], G[i]
        d, total = real(du[i]), real(0)
        for k in range(m):
            q = -(d + near[k]) * oi[k]
            x = aim * oi[k] - Ti[k] * (one - q * (one + q))
            Gi[k] = x
            total += x
        g[i] = a - r[i] - kr * u[i] - total
        part = real(g[i] / w[i])
        for k in range(m):
            pull[k] += Gi[k] + part * Wi[k]
    for k in range(m):
        right[k] -= pull[k]


@numba.njit(cache=True, nogil=True, fastmath=_SUMS_AND_EXTREMES, error_model="numpy")
def _farthest(T: Array, over: Array, W: Array, w: Array, G: Array, g: Array, du: Array, near: Array) -> float:
    """The corrected du = (g - W dv) / w, and the largest of -dT / T and -dZ / Z: the inverse of the longest step that
    stays inside."""
    n, m = T.shape
    real = T.dtype.type
    far = np.zeros(m, T.dtype)
    for i in range(n):
        Ti, oi, Wi, Gi = T[i], over[i], W[i], G[i]
        total = real(0)
        for k in range(m):
            total += Wi[k] * near[k]
        du[i] = (g[i] - total) / w[i]
        d = real(du[i])
        for k in range(m):
            dz = -(d + near[k])
            far[k] = max(far[k], (Wi[k] * dz - Gi[k]) / Ti[k], -dz * oi[k])
    return float(far.max())
