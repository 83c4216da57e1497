"""GR's loss of an LSTM decoder and its gradient in compiled loops, for one replica's batch on a CPU.

What `GR.loss` does with torch, step by step, over the rows that have a token there, and no others: on a CPU shapes may
follow the data. A true token's input is a row of E W^T that is added, with no product; mixtures are gathered for one.
The products are BLAS's; scratch is laid out step after step [R, ...], R the tokens of the batch.
"""

import numba
import numpy as np

from datasets.schema import Array
from methods.gr.loops.rows import MIXED, NONE, SUMS, WINDOW, gates, mixture, moments, odds, soft, span

W_CE, W_HUBER, DELTA, SCALE, B_MIX, B_VALUE = range(6)  # places in `numbers`


@numba.njit(cache=True, nogil=True)
def _by_length(tokens: Array) -> tuple[Array, Array]:
    """Rows from the longest to the shortest, in their old order where equal [B], and how many have more than t tokens,
    t = 0 to T [T + 1]. tokens: [B, T], 0 is padding."""
    B, T = tokens.shape
    length, count = np.zeros(B, np.int64), np.zeros(T + 2, np.int64)
    for i in range(B):
        while length[i] < T and tokens[i, length[i]] != 0:
            length[i] += 1
        count[length[i]] += 1
    longer = np.zeros(T + 1, np.int64)  # rows with more than t
    for t in range(T - 1, -1, -1):
        longer[t] = longer[t + 1] + count[t + 1]
    place, order = np.zeros(T + 1, np.int64), np.empty(B, np.int64)
    place[:] = longer
    for i in range(B):
        order[place[length[i]]] = i
        place[length[i]] += 1
    return order, longer


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def _plus(x: Array, y: Array) -> None:
    for j in range(len(x)):
        x[j] += y[j]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def _towards(
    q: Array, value: Array, true: int, top: int, f: float, end: float, b: float, released: bool, ce: float, dv: float
) -> None:
    """The gradient of ce times the cross-entropy plus dv times the soft value, by the logits, in place of q [C]. true:
    the class; the others as in `soft`; the likeliest of all is EOS where end is the largest."""
    C = len(q)
    if released:
        half, centre = int(min(b, C)), 0 if end >= f else top  # the largest q is 1
        low, high = max(1, centre - half), min(C - 1, centre + half) + 1
        mean = f * moments(q, value, low, high)[1]
        outside, inside, middle, eos = f * (ce - dv * mean), f * dv, q.dtype.type(0), ce - dv * mean
    else:
        low, high = span(top, b, C)
        total, first = moments(q, value, low, high)
        middle, rest = first / total, q.dtype.type(1) - end
        outside, inside, eos = f * (ce + dv * end * middle), dv * rest / total, ce - dv * rest * middle
    for j in range(1, low):
        q[j] *= outside
    for j in range(low, high):
        q[j] *= outside + inside * (value[j] - middle)
    for j in range(high, C):
        q[j] *= outside
    q[0] = end * eos
    q[true] -= ce


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def _through(x: Array, tc: Array, before: Array, dh: Array, dc: Array) -> None:
    """The way back through `gates`: x [4H], the gates, becomes the gradient before their functions, and dc [H] that of
    the state until now."""
    width, one = len(dh), x.dtype.type(1)
    for j in range(width):
        i, f, o, g = x[j], x[width + j], x[2 * width + j], x[3 * width + j]
        d = dc[j] + dh[j] * o * (one - tc[j] * tc[j])
        x[j] = d * g * i * (one - i)
        x[width + j] = d * before[j] * f * (one - f)
        x[2 * width + j] = dh[j] * tc[j] * o * (one - o)
        x[3 * width + j] = d * i * (one - g * g)
        dc[j] = d * f


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def _through_mixture(w: Array, dw: Array, dz: Array) -> None:
    """Add to dz [C] what comes back through weights w that are a softmax, from their gradient dw."""
    mean = w.dtype.type(0)
    for j in range(len(w)):
        mean += w[j] * dw[j]
    for j in range(len(w)):
        dz[j] += w[j] * (dw[j] - mean)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def lstm(
    tokens: Array,
    label: Array,
    true: Array,
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
    numbers: Array,
    mixup: int,
    released: bool,
    wanted: bool,
    dh: Array,
    dbegin: Array,
    dbegin_bias: Array,
    dcontext: Array,
    dfirst: Array,
    dtable: Array,
    dhidden: Array,
    dout: Array,
    dbias: Array,
) -> float:
    """The loss; where it is wanted, its gradient by the nine tensors from h to bias, to the arrays at the end, zeros at
    first.

    tokens: int16 [B, T], 2 is EOS, 0 padding; label [B]; true: bool [B or 1, T - 1], whether the next input is the
    true token, of the longest row first; h: the encoder's [B, context]; begin [H, context] and begin_bias [H]
    make h_0 of it; context: what makes of it a part of every input, [4H, context], or [4H, 0]; first: the first input
    [4H]; table [C, 4H]; hidden [4H, H]; out [C, H]; value [C]; numbers: w_ce, w_huber, delta, scale and
    both half windows.
    """
    B, T = tokens.shape
    width, C = out.shape[1], out.shape[0]
    real = h.dtype.type
    order, longer = _by_length(tokens)
    start = np.zeros(T + 1, np.int64)
    for t in range(T):
        start[t + 1] = start[t] + longer[t]
    R = start[T]
    before, H = np.empty((R, width), h.dtype), np.empty((R, width), h.dtype)  # h that goes in and comes out
    G, cell, tcell = np.empty((R, 4 * width), h.dtype), np.empty((R, width), h.dtype), np.empty((R, width), h.dtype)
    Z = np.empty((R, C), h.dtype)
    W = np.empty((max(R - B, 1), C), h.dtype)  # weights of the mixtures
    part = np.empty((max(R - B, 1), 4 * width), h.dtype)  # their inputs, later their gradients
    mixed = np.zeros(T + 1, np.int64)  # how many there are before step t
    source = np.empty(R, np.int16)  # the class that is fed, or MIXED
    top, f, end = np.empty(R, np.int16), np.empty(R, h.dtype), np.empty(R, h.dtype)
    nothing, sums = np.zeros(width, h.dtype), np.zeros(B, h.dtype)
    ce = 0.0
    given, conditioned = np.empty(h.shape, h.dtype), context.shape[1] > 0
    for i in range(B):
        given[i] = h[order[i]]
    h0 = np.dot(given, begin.T)
    constant = np.empty((B, 4 * width), h.dtype)
    if conditioned:
        np.dot(given, context.T, constant)
    for t in range(T):
        n, here, last = longer[t], start[t], start[t - 1] if t else 0
        if n == 0:
            mixed[t + 1] = mixed[t]
            continue
        if t == 0:
            for i in range(n):
                before[i] = h0[i]
                _plus(before[i], begin_bias)
        else:
            before[here : here + n] = H[last : last + n]
        np.dot(before[here : here + n], hidden.T, G[here : here + n])
        if mixed[t] > (mixed[t - 1] if t else 0):
            np.dot(W[mixed[t - 1] : mixed[t]], table, part[mixed[t - 1] : mixed[t]])
        k = mixed[t - 1] if t else 0
        for i in range(n):
            r = here + i
            if conditioned:
                _plus(G[r], constant[i])
            if t == 0:
                _plus(G[r], first)
            elif source[r] == MIXED:
                _plus(G[r], part[k])
                k += 1
            else:
                _plus(G[r], table[source[r]])
            gates(G, cell, tcell, H, r, cell[last + i] if t else nothing)
        np.dot(H[here : here + n], out.T, Z[here : here + n])
        following = longer[t + 1] if t + 1 < T else 0
        k = mixed[t]
        for i in range(n):
            r = here + i
            _plus(Z[r], bias)
            known = tokens[order[i], t] - 2
            z = Z[r, known]
            top[r], f[r], end[r], log_sum = odds(Z[r])
            ce += log_sum - z
            eos = end[r] >= f[r]  # the largest numeric one is f
            sums[i] += soft(Z[r], value, top[r], f[r], end[r], numbers[B_VALUE], released, eos)
            if i >= following:
                continue
            if true[i if len(true) > 1 else 0, t]:
                source[start[t + 1] + i] = known
            elif mixup == NONE or (eos and mixup == WINDOW):
                source[start[t + 1] + i] = 0 if eos else top[r]
            else:
                source[start[t + 1] + i] = MIXED
                mixture(Z[r], top[r], f[r], end[r], numbers[B_MIX], mixup, W[k])
                k += 1
        mixed[t + 1] = k
    huber, unit, delta = 0.0, numbers[SCALE], numbers[DELTA]
    for i in range(B):  # Eq. 5, and its gradient by the value
        error = (sums[i] - label[order[i]]) / unit
        size = abs(error)
        huber += error * error / 2 if size <= delta else delta * (size - delta / 2)
        slope = error if size <= delta else (delta if error > 0 else -delta)
        sums[i] = numbers[W_HUBER] * slope / unit / B if error == error else real(np.nan)
    loss = numbers[W_CE] * ce / B + numbers[W_HUBER] * huber / B
    if not wanted:
        return loss
    dH, dC = np.zeros((B, width), h.dtype), np.zeros((B, width), h.dtype)
    dW = np.empty((max(B, 1), C), h.dtype)
    scratch = np.empty((B, width), h.dtype)
    constant[:] = 0  # its gradient from here on
    for t in range(T - 1, -1, -1):
        n, here, last = longer[t], start[t], start[t - 1] if t else 0
        if n == 0:
            continue
        k, m = mixed[t], mixed[t + 1] - mixed[t]  # of the mixtures that this step's logits make
        if m:
            np.dot(part[k : k + m], table.T, dW[:m])
        at = 0
        following = longer[t + 1] if t + 1 < T else 0
        for i in range(n):
            r = here + i
            known = tokens[order[i], t] - 2
            _towards(Z[r], value, known, top[r], f[r], end[r], numbers[B_VALUE], released, numbers[W_CE] / B, sums[i])
            if i < following and source[start[t + 1] + i] == MIXED:
                _through_mixture(W[k + at], dW[at], Z[r])
                at += 1
            _plus(dbias, Z[r])
        np.dot(Z[here : here + n], out, scratch[:n])
        k = mixed[t - 1] if t else 0
        for i in range(n):
            r = here + i
            _plus(dH[i], scratch[i])
            _through(G[r], tcell[r], cell[last + i] if t else nothing, dH[i], dC[i])
            if conditioned:
                _plus(constant[i], G[r])
            if t == 0:
                _plus(dfirst, G[r])
            elif source[r] == MIXED:
                part[k] = G[r]
                k += 1
            else:
                _plus(dtable[source[r]], G[r])
        np.dot(G[here : here + n], hidden, dH[:n])
    back = np.dot(dH, begin)
    np.dot(dH.T, given, dbegin)
    if conditioned:
        np.dot(constant.T, given, dcontext)
        more = np.dot(constant, context)
    for i in range(B):
        _plus(dbegin_bias, dH[i])
        if conditioned:
            _plus(back[i], more[i])
        dh[order[i]] = back[i]
    np.dot(G.T, before, dhidden)
    np.dot(Z.T, H, dout)
    M = mixed[T]
    if M:
        whole = np.dot(W[:M].T, part[:M])
        for c in range(C):
            _plus(dtable[c], whole[c])
    return loss
