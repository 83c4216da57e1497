"""Embedding rows with exact lazy Adam, see `lazy_adam`, in compiled loops over the rows that a batch touches.

A row's weight and moments lie side by side, [3, D], so that one place in memory is visited for each row: `gather`
reads them and writes the weights as of now to the batch alone, `update` brings the moments up to now and makes the
step. What a gap's closed form needs depends on its beginning and end alone, not on the row: it is computed once for
all rows that share them (`Rules`).
"""

import math

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from torch import Tensor

from benchmark.train.adam.lazy_adam import BETA1, BETA2, EARLY, EPS, LOG_B1, LOG_B2, cut, rule, tail_sums

_LONGEST = 1024  # gaps of as many steps and more have their rules computed row by row
_AHEAD = 8  # rows between a row's announcement to the memory and its visit


def _most_stretches() -> int:
    """Into how many stretches a gap is cut at most."""
    count, at = 1, 1
    while at < EARLY:
        count, at = count + 1, 1 + cut.py_func(1, at - 1, 1 << 30)
    return count


_MOST = _most_stretches()


@intrinsic
def _announce(typingctx, address):
    """Ask the memory for the cache line at this address."""

    def generate(context, builder, signature, arguments):
        number = ir.IntType(32)
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        builder.call(prefetch, [pointer, number(0), number(2), number(1)])  # to read, to the second cache, data
        return context.get_dummy_value()

    return types.void(types.intp), generate


@numba.njit(cache=True, nogil=True)
def _ahead(start: int, size: int) -> None:
    """Announce so many bytes from this address on. Addresses, not arrays: to be handed an array is to be counted among
    its users, and a count of users is a fence that loads wait at."""
    for byte in range(0, size, 64):
        _announce(start + byte)  # type: ignore[call-arg]  # numba gives the first argument


@numba.njit(cache=True, nogil=True)
def _slot(t0: int, t: int) -> tuple[int, int]:
    """Where what is known of the gap from t0 to t stands: its number, and the first of its rules."""
    if t0 < EARLY:
        return t0, t0 * _MOST
    late = min(t - t0, _LONGEST)
    return EARLY + late, EARLY * _MOST + late


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _learn(
    t0: int, t: int, tail: np.ndarray, known: np.ndarray, stretches: np.ndarray, rules: np.ndarray, powers: np.ndarray
) -> None:
    """Fill the slot of the gap from t0 to t. known: the t that a slot is filled for; stretches: how many rules it has;
    rules [., 4]: of each stretch two weights, each with its node times EPS behind it; powers [., 2]: what the moments
    fade by."""
    slot, start = _slot(t0, t)
    a, end, count = 0, t - t0, 0
    while a < end:
        b = cut(t0, a, end)
        w1, x1, w2, x2 = rule(tail, t0, a, b)
        line = rules[start + count]
        line[0], line[1], line[2], line[3] = w1, EPS * x1, w2, EPS * x2
        a, count = b, count + 1
    known[slot] = t if end < _LONGEST or t0 < EARLY else -1  # the longest gaps share a slot, for one row at a time
    stretches[slot] = count
    powers[slot, 0], powers[slot, 1] = math.exp(end * LOG_B1), math.exp(end * LOG_B2)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")  # a call counts references
def _stretch(p: np.ndarray, m: np.ndarray, v: np.ndarray, lr: float, rule: np.ndarray, out: np.ndarray) -> None:
    """The weights p [D] after one stretch without a gradient, to out [D]. rule: as `_learn` keeps it."""
    real = out.dtype.type
    c1, e1, c2, e2 = real(lr * rule[0]), real(rule[1]), real(lr * rule[2]), real(rule[3])
    if c2 == 0:
        for d in range(out.shape[0]):
            out[d] = p[d] - m[d] * (c1 / (np.sqrt(v[d]) + e1))
    else:
        for d in range(out.shape[0]):
            root = np.sqrt(v[d])
            out[d] = p[d] - m[d] * (c1 / (root + e1) + c2 / (root + e2))


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")  # a call counts references
def _catch_up(row: np.ndarray, lr: float, rules: np.ndarray, start: int, count: int, out: np.ndarray) -> None:
    """The weights of a row [3, D] after a gap of `count` stretches, to out [D], which may be its own weights."""
    _stretch(row[0], row[1], row[2], lr, rules[start], out)
    for later in range(start + 1, start + count):
        _stretch(out, row[1], row[2], lr, rules[later], out)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _gather(
    state: np.ndarray, marks: np.ndarray, index: np.ndarray, vocabulary: int, t: int, lr: np.ndarray, tail: np.ndarray,
    known: np.ndarray, stretches: np.ndarray, rules: np.ndarray, powers: np.ndarray,
    out: np.ndarray, place: np.ndarray, first: np.ndarray, uses: np.ndarray, fade: np.ndarray,
) -> int:  # fmt: skip
    """The rows of `index` [N] as of step t, to out [N, D]. Returns how many are distinct.

    marks [V, 2]: the step a row's moments are as of (0: never updated, moments zero), and its number among the
    distinct rows, valid where `first` says so. place [N]: that number; of each distinct row, first: where it stands
    in `index`, uses: how often, fade [., 2]: what its moments are to be multiplied with.
    """
    count, n_rows, real = 0, index.shape[0], out.dtype.type
    states, size = state.ctypes.data, 3 * state.shape[2] * state.itemsize
    beside, mark = marks.ctypes.data, 2 * marks.itemsize
    for n in range(n_rows):
        if n + 2 * _AHEAD < n_rows:
            _ahead(beside + index[n + 2 * _AHEAD] * mark, mark)
        if n + _AHEAD < n_rows:
            _ahead(states + index[n + _AHEAD] * size, size)
        row = index[n]
        u = marks[row, 1]
        if u < count and index[first[u]] == row:
            place[n] = u
            uses[u] += 1
            seen, mine = out[first[u]], out[n]
            for d in range(seen.shape[0]):
                mine[d] = seen[d]
            continue
        u = count
        count += 1
        marks[row, 1], first[u], uses[u], place[n] = u, n, 1, u
        t0 = marks[row, 0]
        if 0 < t0 < t:
            slot, start = _slot(t0, t)
            if known[slot] != t:
                _learn(t0, t, tail, known, stretches, rules, powers)
            _catch_up(state[row], lr[row // vocabulary], rules, start, stretches[slot], out[n])
            fade[u, 0], fade[u, 1] = real(powers[slot, 0]), real(powers[slot, 1])
        else:
            p, mine = state[row, 0], out[n]
            for d in range(mine.shape[0]):
                mine[d] = p[d]
            fade[u, 0], fade[u, 1] = 1, 1
    return count


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _update(
    state: np.ndarray, marks: np.ndarray, index: np.ndarray, vocabulary: int, t: int, lr: np.ndarray,
    rows: np.ndarray, place: np.ndarray, first: np.ndarray, uses: np.ndarray, fade: np.ndarray,
    grad: np.ndarray, sums: np.ndarray,
) -> None:  # fmt: skip
    """One Adam step, number t, on what was gathered as `rows` [N, D]. grad [N, D] is summed over repeated rows in the
    order of `index`; sums [., D]: room for those sums."""
    real, n_rows, dim = rows.dtype.type, index.shape[0], rows.shape[1]
    b1, d1, b2, d2 = real(BETA1), real(1 - BETA1), real(BETA2), real(1 - BETA2)
    root2, eps = real(1 / math.sqrt(1 - BETA2**t)), real(EPS)
    steps = (lr / (1 - BETA1**t)).astype(rows.dtype)
    states, size = state.ctypes.data, 3 * dim * state.itemsize
    left, where, many = uses.copy(), np.empty(len(uses), np.int32), 0
    for n in range(n_rows):
        if n + _AHEAD < n_rows and left[place[n + _AHEAD]] == 1:
            _ahead(states + index[n + _AHEAD] * size, size)
        u, row = place[n], index[n]
        now, step, f1, f2 = first[u], steps[row // vocabulary], fade[u, 0], fade[u, 1]
        if uses[u] == 1:
            for d in range(dim):
                g = grad[n, d]
                moment = b1 * (state[row, 1, d] * f1) + d1 * g
                square = b2 * (state[row, 2, d] * f2) + d2 * g * g
                state[row, 1, d], state[row, 2, d] = moment, square
                state[row, 0, d] = rows[now, d] - step * moment / (np.sqrt(square) * root2 + eps)
            marks[row, 0] = t
            continue
        if left[u] == uses[u]:
            where[u] = w = many
            many += 1
            for d in range(dim):
                sums[w, d] = grad[n, d]
        else:
            w = where[u]
            for d in range(dim):
                sums[w, d] += grad[n, d]
        left[u] -= 1
        if left[u] == 0:
            for d in range(dim):  # the same step again: one loop over either array would count its users
                g = sums[w, d]
                moment = b1 * (state[row, 1, d] * f1) + d1 * g
                square = b2 * (state[row, 2, d] * f2) + d2 * g * g
                state[row, 1, d], state[row, 2, d] = moment, square
                state[row, 0, d] = rows[now, d] - step * moment / (np.sqrt(square) * root2 + eps)
            marks[row, 0] = t


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _flush(
    state: np.ndarray, marks: np.ndarray, vocabulary: int, t: int, lr: np.ndarray, tail: np.ndarray,
    known: np.ndarray, stretches: np.ndarray, rules: np.ndarray, powers: np.ndarray,
) -> None:  # fmt: skip
    real = state.dtype.type
    for row in range(state.shape[0]):
        t0 = marks[row, 0]
        if 0 < t0 < t:
            slot, start = _slot(t0, t)
            if known[slot] != t:
                _learn(t0, t, tail, known, stretches, rules, powers)
            p, m, v = state[row, 0], state[row, 1], state[row, 2]
            _catch_up(state[row], lr[row // vocabulary], rules, start, stretches[slot], p)
            f1, f2 = real(powers[slot, 0]), real(powers[slot, 1])
            for d in range(p.shape[0]):
                m[d] *= f1
                v[d] *= f2
            marks[row, 0] = t


class HostTable:
    """Embedding rows of S replicas on the CPU, [S * V, D]."""

    def __init__(self, weight: Tensor, replicas: int, lr: Tensor, steps: int) -> None:
        self.replicas, self.vocabulary = replicas, len(weight) // replicas
        self.state = np.empty((len(weight), 3, weight.shape[1]), weight.numpy().dtype)  # numpy asks for large pages
        self.state[:, 0], self.state[:, 1:] = weight.numpy(), 0
        self._dtype, self._place = weight.dtype, np.empty(0, np.int32)
        self.marks = np.zeros((len(weight), 2), np.int32)
        self.lr, self.tail, self.t = lr.double().numpy(), tail_sums(steps), 0
        slots = EARLY + _LONGEST + 1
        lines = EARLY * _MOST + _LONGEST + 1
        self._rules = (np.full(slots, -1), np.zeros(slots, np.int64), np.zeros((lines, 4)), np.zeros((slots, 2)))

    @property
    def weight(self) -> Tensor:
        """[S * V, D], a view, as of the last flush."""
        return torch.from_numpy(self.state)[:, 0]

    def gather(self, index: Tensor) -> Tensor:
        """The rows of index (int64 [...]) as of now, [..., D], a leaf that takes a gradient."""
        self.index = index.reshape(-1).numpy()
        n, dim = len(self.index), self.state.shape[2]
        rows = torch.empty(n, dim, dtype=self._dtype)
        if len(self._place) != n:
            self._place, self._first, self._uses = np.empty((3, n), np.int32)
            self._fade, self._sums = np.empty((n, 2), self.state.dtype), np.empty((n // 2, dim), self.state.dtype)
        place, first, uses, fade = self._place, self._first, self._uses, self._fade
        count = _gather(
            self.state, self.marks, self.index, self.vocabulary, self.t, self.lr, self.tail, *self._rules,
            rows.numpy(), place, first, uses, fade,
        )  # fmt: skip
        self.gathered = (rows.numpy(), place, first[:count], uses[:count], fade)
        return rows.view(*index.shape, dim).requires_grad_()

    def update(self, grad: Tensor) -> None:
        """One Adam step on the rows gathered last; grad [..., D]."""
        self.t += 1
        n, dim = len(self.index), self.state.shape[2]
        _update(
            self.state, self.marks, self.index, self.vocabulary, self.t, self.lr, *self.gathered,
            grad.reshape(n, dim).contiguous().numpy(), self._sums,
        )  # fmt: skip

    def flush(self) -> None:
        """Bring every row up to the present step."""
        _flush(self.state, self.marks, self.vocabulary, self.t, self.lr, self.tail, *self._rules)

    def keep(self, replicas: list[int]) -> None:
        """Go on with these replicas alone."""
        rows = np.concatenate([np.arange(r * self.vocabulary, (r + 1) * self.vocabulary) for r in replicas])
        self.state, self.marks = self.state[rows], self.marks[rows]
        self.marks[:, 1] = 0
        self.lr, self.replicas = self.lr[replicas], len(replicas)
