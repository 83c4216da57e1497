"""What an LSTM decoder answers, in compiled loops for one replica on a CPU: its likeliest sequences, or samples.

A fixed number of places decodes; where a sequence ends, the next row takes its place. So no step is spent on what
follows EOS, and every product has the same shape: a row's answer has the same bits whichever rows stand beside it.
"""

import numba
import numpy as np

from datasets.schema import Array
from methods.gr.loops.rows import NONE, SUMS, gates, mixture, odds, soft

PLACES = 128
_NEVER = -1e9  # as in generate.py


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _product(x: Array, weight: Array) -> Array:
    """x [n, k] times weight' [k, m], so many rows at a time."""
    n = len(x)
    given, made = np.zeros((PLACES, x.shape[1]), x.dtype), np.empty((PLACES, len(weight)), x.dtype)
    found = np.empty((n, len(weight)), x.dtype)
    for start in range(0, n, PLACES):
        some = min(PLACES, n - start)
        given[:some] = x[start : start + some]
        np.dot(given, weight.T, made)
        found[start : start + some] = made[:some]
    return found


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def _sum(x: Array, y: Array, to: Array) -> None:
    for j in range(len(to)):
        to[j] = x[j] + y[j]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def _drawn(q: Array, f: float, end: float, u: float) -> int:
    """The class at which the cumulative probability passes u."""
    j, upto = 0, end
    while j < len(q) - 1 and upto < u:
        j += 1
        upto += q[j] * f
    return j


@numba.njit(cache=True, nogil=True, error_model="numpy")
def lstm(
    h: Array,
    begin: Array,
    begin_bias: Array,
    context: Array,
    first: Array,
    table: Array,
    hidden: Array,
    out: Array,
    bias: Array,
    value: Array,
    windows: Array,
    uniforms: Array,
    steps: int,
    mixup: int,
    released: bool,
    monotone: bool,
    softly: Array,
    total: Array,
) -> None:
    """Fill softly [B * k] with the sums of the soft values up to the first EOS, and total [B * k] with those of the
    tokens' values.

    As in `training.lstm`: h to value; windows: both half windows; uniforms [k, steps]: of k samples of each row, or
    [0, steps] for the likeliest sequence of each.
    """
    width, C, k = out.shape[1], out.shape[0], max(len(uniforms), 1)
    rows, conditioned = len(h) * k, context.shape[1] > 0
    h0 = _product(h, begin)
    constant = _product(h, context) if conditioned else np.zeros((1, 4 * width), h.dtype)
    H, cell = np.zeros((PLACES, width), h.dtype), np.zeros((PLACES, width), h.dtype)
    tcell = np.zeros((PLACES, width), h.dtype)
    G, fed = np.zeros((PLACES, 4 * width), h.dtype), np.zeros((PLACES, 4 * width), h.dtype)
    Z, W = np.zeros((PLACES, C), h.dtype), np.zeros((PLACES, C), h.dtype)
    row, at, last = np.full(PLACES, -2, np.int64), np.zeros(PLACES, np.int64), np.zeros(PLACES, np.int64)
    coming, alive = 0, 0
    while True:
        for p in range(PLACES):
            if row[p] >= 0 or coming >= rows:
                continue
            row[p], at[p], last[p] = coming, 0, 0
            softly[coming], total[coming] = 0, 0
            source = coming // k
            _sum(h0[source], begin_bias, H[p])
            _sum(first, constant[source if conditioned else 0], fed[p])
            cell[p] = 0
            coming += 1
            alive += 1
        if alive == 0:
            return
        np.dot(H, hidden.T, G)
        for p in range(PLACES):
            if row[p] >= 0:
                _sum(G[p], fed[p], G[p])
                gates(G, cell, tcell, H, p, cell[p])
        np.dot(H, out.T, Z)
        W[:] = 0
        for p in range(PLACES):
            if row[p] < 0:
                continue
            r, q = row[p], Z[p]
            _sum(q, bias, q)
            if monotone:
                for j in range(1, last[p]):
                    q[j] = _NEVER
            top, f, end, _ = odds(q)
            eos = end >= f
            softly[r] += soft(q, value, top, f, end, windows[1], released, eos)
            chosen = 0 if eos else top
            if len(uniforms):
                chosen = _drawn(q, f, end, uniforms[r % k, at[p]])
            total[r] += value[chosen]
            at[p] += 1
            last[p] = chosen
            if chosen == 0 or at[p] == steps:
                row[p] = -1
                alive -= 1
            elif mixup == NONE:
                W[p, chosen] = 1
            else:
                mixture(q, chosen, f, end, windows[0], mixup, W[p])
        np.dot(W, table, fed)
        for p in range(PLACES):
            if row[p] >= 0 and conditioned:
                _sum(fed[p], constant[row[p] // k], fed[p])
