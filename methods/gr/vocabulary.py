"""GR Sections 3.3 and 3.4: which tokens there are, and how a label becomes a sequence of them.

Labels are counted in whole units (milliseconds, cents, seconds), so every sequence restores its label to the unit.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike

from datasets.schema import Array

PAD, SOS, EOS, SPECIAL = 0, 1, 2, 3  # the special ids; numeric tokens follow from SPECIAL on, the largest first
_UNITS = (1.0, 0.01)  # coarser units than the default, where all labels are multiples of one
_TABLE = 1 << 23  # units up to which shortest sequences are tabulated; KuaiRec has 2^20
_MOST = 4096  # tokens; the paper's vocabularies have some forty


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Numeric tokens as whole units [K], descending to 1: every whole number of units is a sum of them."""

    units: Array  # int64 [K]
    unit: float  # in the label's unit: 0.001 is a millisecond where labels are seconds

    def __len__(self) -> int:
        """K + 3: the numeric and the special tokens."""
        return SPECIAL + len(self.units)

    @property
    def values(self) -> Array:
        """g(w) of the numeric tokens in the label's unit, descending: float64 [K]."""
        return _in_label_units(self.units, self.unit)

    def encode(self, y: ArrayLike, cap: int | None = None, *, shortest: bool = False, rel_tol: float = 0.0) -> Array:
        """Token ids int16 [n, T] of labels y [n]: a non-increasing sequence, EOS, then PAD.

        SOS stands before every sequence and is not stored. T is the longest sequence with its EOS, at most `cap`: what
        is longer loses its EOS and its smallest tokens. `shortest`: the least number of tokens instead of the greedy
        choice (Section 3.4 names both, and they differ); above 2^23 units the largest token is taken first.
        `rel_tol`: leave out the rest once it is at most this part of y.
        """
        units = _in_units(y, self.unit)
        best = np.zeros(1, np.int16)  # without a table: greedy
        if shortest and len(units):
            best = _shortest(self.units, min(int(units.max()), _TABLE))
        longest = _encode(units, self.units, best, rel_tol, np.empty((len(units), 0), np.int16))
        T = longest + 1 if cap is None else min(longest + 1, cap)
        tokens = np.zeros((len(units), T), np.int16)
        _encode(units, self.units, best, rel_tol, tokens)
        return tokens

    def decode(self, tokens: ArrayLike) -> Array:
        """The value of each sequence, float64 [n]: the sum of its numeric tokens before EOS. tokens: [n, T] or [T]."""
        ids = np.atleast_2d(np.asarray(tokens))
        return _in_label_units(_decode(ids, self.units), self.unit)


def dynamic_quantile(
    labels: ArrayLike,
    unit: float = 1e-3,
    *,
    decay: float = 0.99,
    eps: float = 1e-6,
    q_start: float = 0.9999,
    q_end: float = 0.9,
) -> Vocabulary:
    """Algorithm 1 on the positive labels, in whole units.

    Line 4 says the percentile of Y; it is taken of the residuals, for else the same token came for ever. The rounded
    percentile is both appended (if new) and subtracted, and token 1 closes the list, so that nothing is lost. Without
    a positive label, token 1 is all there is.
    """
    if not 0 < q_end <= q_start <= 1 or not 0 < decay <= 1:
        raise ValueError(f"expected 0 < q_end <= q_start <= 1 and 0 < decay <= 1, not {q_end=}, {q_start=}, {decay=}")
    units = _in_units(labels, unit)
    y, count = np.unique(units[units > 0], return_counts=True)  # distinct labels carry their number of rows
    left, q, tokens = y.copy(), q_start, [0]
    while len(y) and (left / y).max() > eps:
        percentile = _percentile(left, count, q)
        if percentile == 0:
            break
        z = max(1, round(percentile))
        if z != tokens[-1]:  # percentiles never rise, so an old token can only be the last
            tokens.append(z)
        if len(tokens) > _MOST:
            raise ValueError(f"more than {_MOST} tokens: lower {q_end=} or {decay=}, or take a coarser {unit=}")
        left = np.where(left >= z, left - z, left)
        q = max(q * decay, q_end)
    return _vocabulary(tokens[1:], unit)


def binary(labels: ArrayLike, unit: float = 1e-3) -> Vocabulary:
    """Table 4, Binary: 1, 2, 4, ... units, up to the largest label."""
    largest = int(_in_units(labels, unit).max(initial=1))
    return _vocabulary([1 << k for k in range(max(largest, 1).bit_length())], unit)


def manual(labels: ArrayLike, unit: float = 1e-3) -> Vocabulary:
    """Table 4, Manual: 1, 3, 5 units and ten, a hundred, ... times these, up to the largest label."""
    largest = int(_in_units(labels, unit).max(initial=1))
    tokens = [digit * 10**k for k in range(len(str(largest))) for digit in (1, 3, 5)]
    return _vocabulary([z for z in tokens if z <= max(largest, 1)], unit)


def unit_of(labels: Array) -> float:
    """The coarsest of 1, 0.01 and 0.001 of which every label is a multiple (to float32); 0.001 where none is."""
    y = _checked(labels, 1.0)
    for unit in _UNITS:
        if np.all(np.abs(y / unit - np.rint(y / unit)) <= 1e-4 + 1e-7 * y / unit):
            return unit
    return 1e-3


def _vocabulary(tokens: list[int], unit: float) -> Vocabulary:
    return Vocabulary(np.unique(np.array([1, *tokens], np.int64))[::-1].copy(), unit)


def _in_units(y: ArrayLike, unit: float) -> Array:
    """Labels as whole units, int64 [n]. Raises ValueError for what no sequence can express."""
    return np.rint(_checked(y, unit) / unit).astype(np.int64)


def _checked(y: ArrayLike, unit: float) -> Array:
    """Labels that a sequence of such units can express, float64 [n]. Raises ValueError."""
    labels = np.asarray(y, np.float64).ravel()
    if len(labels) and not (labels.min() >= 0 and labels.max() < 2**62 * unit):  # NaN fails both
        raise ValueError(f"GR encodes labels that are finite and not negative, got {labels.min()} to {labels.max()}")
    return labels


def _in_label_units(units: Array, unit: float) -> Array:
    """Whole units in the label's unit, correctly rounded where the unit is 1/1000, 1/100, ..."""
    per = round(1 / unit)
    return units / per if per and abs(1 / unit - per) < 1e-9 * per else units * unit


def _percentile(values: Array, count: Array, q: float) -> float:
    """np.quantile(np.repeat(values, count), q), without the repetition."""
    order = np.argsort(values)
    upto = np.cumsum(count[order])
    place = q * (upto[-1] - 1)
    low, high = values[order][np.searchsorted(upto, [np.floor(place), np.ceil(place)], side="right")]
    return float(low + (high - low) * (place % 1))


@numba.njit(cache=True, nogil=True)
def _encode(y: Array, units: Array, best: Array, rel_tol: float, tokens: Array) -> int:
    """Fill tokens int16 [n, T]; returns the longest sequence, EOS not counted. best[r]: the first token of r units,
    where r is so small; the largest that fits elsewhere."""
    T, longest = tokens.shape[1], 0
    for i in range(len(y)):
        rest, at, k = y[i], 0, 0
        stop = int(rel_tol * rest)
        while rest > stop:
            if rest < len(best):
                k, times = best[rest], 1
            else:
                while units[k] > rest:
                    k += 1
                times = 1
                if rest >= 2 * units[k]:  # division is slow and seldom needed
                    enough = rest - max(stop, len(best) - 1)  # as many times as it takes to get there, or as fit
                    times = min(rest // units[k], (enough + units[k] - 1) // units[k])
            for t in range(at, min(at + times, T)):
                tokens[i, t] = k + SPECIAL
            at += times
            rest -= times * units[k]
        longest = max(longest, at)
        if at < T:
            tokens[i, at] = EOS
    return longest


@numba.njit(cache=True, nogil=True)
def _shortest(units: Array, largest: int) -> Array:
    """The first token of a shortest sequence of r units, for all r <= largest: int16 [largest + 1].

    Of several shortest sequences, one that begins with the largest token, so that sequences never rise.
    """
    length = np.zeros(largest + 1, np.int32)
    first = np.zeros(largest + 1, np.int16)
    for r in range(1, largest + 1):
        length[r] = np.int32(2147483647)
        for k in range(len(units)):
            if units[k] <= r and length[r - units[k]] + 1 < length[r]:
                length[r], first[r] = length[r - units[k]] + 1, k
    return first


@numba.njit(cache=True, nogil=True)
def _decode(tokens: Array, units: Array) -> Array:
    out = np.zeros(len(tokens), np.int64)
    for i in range(len(tokens)):
        for t in range(tokens.shape[1]):
            if tokens[i, t] == EOS:
                break
            if tokens[i, t] >= SPECIAL:
                out[i] += units[tokens[i, t] - SPECIAL]
    return out
