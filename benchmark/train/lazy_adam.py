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
import torch
from torch import Tensor

from benchmark.train.draws import fill_words

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
def _rule(tail: np.ndarray, t0: int, a: int, b: int) -> tuple[float, float, float, float]:
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


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _catch_up(p: np.ndarray, m: np.ndarray, v: np.ndarray, t0: int, t: int, lr: float, tail: np.ndarray) -> None:
    """One row [D] from step t0 to step t without a gradient, in place."""
    scalar = np.empty(4, p.dtype)  # holds the rule in the row's own precision
    a, end = 0, t - t0
    while a < end:
        b = end
        if t0 + a < EARLY:
            b = min(end, max(a + 1, int((t0 + a) * GROWTH) - t0))
        w1, x1, w2, x2 = _rule(tail, t0, a, b)
        scalar[0], scalar[1], scalar[2], scalar[3] = lr * w1, EPS * x1, lr * w2, EPS * x2
        c1, e1, c2, e2 = scalar[0], scalar[1], scalar[2], scalar[3]
        for d in range(p.shape[0]):
            root = np.sqrt(v[d])
            p[d] -= m[d] * (c1 / (root + e1) + c2 / (root + e2))
        a = b
    scalar[0], scalar[1] = math.exp(end * LOG_B1), math.exp(end * LOG_B2)
    f1, f2 = scalar[0], scalar[1]
    for d in range(p.shape[0]):
        m[d] *= f1
        v[d] *= f2


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _gather(
    w: np.ndarray, m: np.ndarray, v: np.ndarray, last: np.ndarray, slot: np.ndarray, touched: np.ndarray,
    index: np.ndarray, vocabulary: int, t: int, lr: np.ndarray, tail: np.ndarray, out: np.ndarray,
) -> int:  # fmt: skip
    """Bring the rows of `index` [N] up to step t and copy them to out [N, D]. `touched` receives the distinct rows;
    slot[row] their place in it, valid where slot's owner is the row itself. Returns how many there are."""
    count = 0
    for n in range(index.shape[0]):
        row = index[n]
        place = slot[row]
        if place >= count or touched[place] != row:
            slot[row] = count
            touched[count] = row
            count += 1
            if 0 < last[row] < t:
                _catch_up(w[row], m[row], v[row], last[row], t, lr[row // vocabulary], tail)
            last[row] = t
        out[n] = w[row]
    return count


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _update(
    w: np.ndarray, m: np.ndarray, v: np.ndarray, last: np.ndarray, slot: np.ndarray, touched: np.ndarray, count: int,
    index: np.ndarray, vocabulary: int, t: int, lr: np.ndarray, grad: np.ndarray, total: np.ndarray,
) -> None:  # fmt: skip
    """One Adam step, number t, on the rows gathered before it; grad [N, D] is summed over repeated rows in index
    order."""
    dim = w.shape[1]
    for u in range(count):
        for d in range(dim):
            total[u, d] = 0
    for n in range(index.shape[0]):
        u = slot[index[n]]
        for d in range(dim):
            total[u, d] += grad[n, d]
    scalar = np.empty(6, w.dtype)
    scalar[0], scalar[1], scalar[2], scalar[3] = BETA1, 1 - BETA1, BETA2, 1 - BETA2
    scalar[4], scalar[5] = 1 / math.sqrt(1 - BETA2**t), EPS
    b1, d1, b2, d2, root2, eps = scalar[0], scalar[1], scalar[2], scalar[3], scalar[4], scalar[5]
    rate = np.empty(1, w.dtype)
    for u in range(count):
        row = touched[u]
        rate[0] = lr[row // vocabulary] / (1 - BETA1**t)
        step = rate[0]
        p, mr, vr, g = w[row], m[row], v[row], total[u]
        for d in range(dim):
            mr[d] = b1 * mr[d] + d1 * g[d]
            vr[d] = b2 * vr[d] + d2 * g[d] * g[d]
            p[d] -= step * mr[d] / (np.sqrt(vr[d]) * root2 + eps)
        last[row] = t


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _flush(
    w: np.ndarray, m: np.ndarray, v: np.ndarray, last: np.ndarray, vocabulary: int, t: int, lr: np.ndarray,
    tail: np.ndarray,
) -> None:  # fmt: skip
    for row in range(w.shape[0]):
        if 0 < last[row] < t:
            _catch_up(w[row], m[row], v[row], last[row], t, lr[row // vocabulary], tail)
            last[row] = t


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _dense_adam(
    p: np.ndarray, m: np.ndarray, v: np.ndarray, g: np.ndarray, decay: np.ndarray, lr: np.ndarray, t: int
) -> None:
    """One Adam step, number t, on flat parameters [S, P] with coupled weight decay [S]."""
    scalar = np.empty(8, p.dtype)
    scalar[0], scalar[1], scalar[2], scalar[3] = BETA1, 1 - BETA1, BETA2, 1 - BETA2
    scalar[4], scalar[5] = 1 / math.sqrt(1 - BETA2**t), EPS
    b1, d1, b2, d2, root2, eps = scalar[0], scalar[1], scalar[2], scalar[3], scalar[4], scalar[5]
    for s in range(p.shape[0]):
        scalar[6], scalar[7] = lr[s] / (1 - BETA1**t), decay[s]
        step, wd = scalar[6], scalar[7]
        ps, ms, vs, gs = p[s], m[s], v[s], g[s]
        for i in range(p.shape[1]):
            gi = gs[i] + wd * ps[i]
            ms[i] = b1 * ms[i] + d1 * gi
            vs[i] = b2 * vs[i] + d2 * gi * gi
            ps[i] -= step * ms[i] / (np.sqrt(vs[i]) * root2 + eps)


class HostTable:
    """Embedding rows of S replicas on the CPU, [S * V, D], with exact lazy Adam in compiled loops over the touched
    rows."""

    def __init__(self, weight: Tensor, replicas: int, lr: Tensor, steps: int) -> None:
        self.weight, self.replicas, self.vocabulary = weight, replicas, len(weight) // replicas
        self.m, self.v = torch.zeros_like(weight), torch.zeros_like(weight)
        self.last = np.zeros(
            len(weight), np.int32
        )  # the step a row's moments are as of; 0: never updated, moments zero
        self.slot = np.zeros(len(weight), np.int32)
        self.lr, self.tail, self.t = lr.double().numpy(), tail_sums(steps), 0
        self._arrays = (weight.numpy(), self.m.numpy(), self.v.numpy(), self.last)

    def gather(self, index: Tensor) -> Tensor:
        """The rows of index (int64 [...]) as of now, [..., D], a leaf that takes a gradient."""
        self.index = index.reshape(-1).numpy()
        out = torch.empty(len(self.index), self.weight.shape[1], dtype=self.weight.dtype)
        self.touched = np.empty(len(self.index), np.int64)
        self.count = _gather(
            *self._arrays, self.slot, self.touched, self.index, self.vocabulary, self.t, self.lr, self.tail, out.numpy()
        )
        return out.view(*index.shape, -1).requires_grad_()

    def update(self, grad: Tensor) -> None:
        """One Adam step on the rows gathered last; grad [..., D]."""
        self.t += 1
        total = np.empty((self.count, self.weight.shape[1]), self._arrays[0].dtype)
        _update(
            *self._arrays, self.slot, self.touched, self.count, self.index, self.vocabulary, self.t, self.lr,
            grad.reshape(len(self.index), -1).numpy(), total,
        )  # fmt: skip

    def flush(self) -> None:
        """Bring every row up to the present step."""
        _flush(*self._arrays, self.vocabulary, self.t, self.lr, self.tail)

    def keep(self, replicas: list[int]) -> None:
        """Go on with these replicas alone."""
        rows = np.concatenate([np.arange(r * self.vocabulary, (r + 1) * self.vocabulary) for r in replicas])
        index = torch.from_numpy(rows)
        self.weight, self.m, self.v = self.weight[index], self.m[index], self.v[index]
        self.last, self.slot = self.last[rows], np.zeros(len(rows), np.int32)
        self.lr, self.replicas = self.lr[replicas], len(replicas)
        self._arrays = (self.weight.numpy(), self.m.numpy(), self.v.numpy(), self.last)


class HostAdam:
    """Dense Adam for the flat parameters [S, P] of all replicas, one compiled pass."""

    def __init__(self, flat: Tensor, lr: Tensor, decay: Tensor) -> None:
        self.m, self.v, self.t = torch.zeros_like(flat), torch.zeros_like(flat), 0
        self.lr, self.decay = lr.double().numpy(), decay.double().numpy()

    def update(self, flat: Tensor, grad: Tensor) -> None:
        self.t += 1
        _dense_adam(
            flat.numpy(), self.m.numpy(), self.v.numpy(), grad.contiguous().numpy(), self.decay, self.lr, self.t
        )

    def keep(self, replicas: list[int]) -> None:
        self.m, self.v = self.m[replicas], self.v[replicas]
        self.lr, self.decay = self.lr[replicas], self.decay[replicas]


class HostWords:
    """A step's random words for all replicas, in a buffer that is used again at each step."""

    def __init__(self, count: int) -> None:
        self.count = max(count, 1)

    def fill(self, keys: Tensor) -> Tensor:
        """int32 [S, count]; keys: int32 [S]."""
        out = np.empty((len(keys), self.count), np.uint32)
        fill_words(keys.numpy().view(np.uint32), out)
        return torch.from_numpy(out.view(np.int32))
