"""Keyed randomness: every number a replica draws is a hash of (seed, step, place in the program).

So it does not matter who trains beside a replica, nor how many numbers others draw. The hash is lowbias32 (C. Wellons),
a 32-bit integer bijection with full avalanche; a step's words are `mix(counter ^ key(seed, step))`.
"""

import math
from enum import IntEnum

import numba
import numpy as np
import torch
from torch import Tensor

_A, _B = 0x7FEB352D, 0x846CA68B  # lowbias32's multipliers


class Stream(IntEnum):
    """What a replica's seed is spent on besides its draws: each use has a generator of its own, `seed_of(seed, stream,
    ...)`."""

    BUILD = 1  # the module's parameters
    EMBEDDINGS = 2  # the rows of a bank of this width
    FIT = 3  # Method.fit
    ORDER = 4  # the order of rows in this epoch
    ESTIMATOR = 5  # Estimator.fit


def _signed(word: int) -> int:
    """The int32 with these 32 bits."""
    return (word + 2**31) % 2**32 - 2**31


def mix(x: Tensor) -> Tensor:
    """lowbias32 of an int32 tensor, in place; torch shifts int32 arithmetically, hence the masks."""
    x ^= (x >> 16) & 0xFFFF
    x *= _A
    x ^= (x >> 15) & 0x1FFFF
    x *= _signed(_B)
    x ^= (x >> 16) & 0xFFFF
    return x


def key(*parts: int) -> int:
    """A hash of some integers, as an int32. The same as `step_keys` on a device."""
    x = torch.zeros(1, dtype=torch.int32)
    for part in parts:
        x = mix(x * 747796405 + _signed(part % 2**32) + _signed(2891336453))
    return int(x)


def seed_of(*parts: int) -> int:
    """A non-negative seed for a torch or numpy generator, keyed like the draws."""
    return key(*parts) & 0x7FFFFFFF


def step_keys(seeds: Tensor, step: Tensor) -> Tensor:
    """key(seed, step) for all replicas without a host sync. seeds: int32 [S], each `key(seed)`; step: int [1] ->
    int32 [S]."""
    return mix(seeds * 747796405 + step.to(torch.int32) + _signed(2891336453))


def words(keys: Tensor, counter: Tensor) -> Tensor:
    """A step's random words, int32 [S, n]. keys: int32 [S]; counter: int32 [n], 0..n-1."""
    return mix(counter ^ keys[:, None])


@numba.njit(cache=True, nogil=True)
def _mixed(x: np.uint32) -> np.uint32:
    """lowbias32 of one word (numba widens, hence the casts)."""
    u = np.uint32
    x = u(x ^ u(x >> u(16)))
    x = u(x * u(0x7FEB352D))
    x = u(x ^ u(x >> u(15)))
    x = u(x * u(0x846CA68B))
    return u(x ^ u(x >> u(16)))


@numba.njit(cache=True, nogil=True)
def fill_words(seeds: np.ndarray, step: int, out: np.ndarray) -> None:
    """`words` under `step_keys(seeds, step)` on the host, into out uint32 [S, n]: the same bits at a third of the
    cost. seeds: uint32 [S]."""
    u = np.uint32
    for s in range(out.shape[0]):
        key = _mixed(u(u(seeds[s] * u(747796405)) + u(u(step) + u(2891336453))))
        for i in range(out.shape[1]):
            out[s, i] = _mixed(u(u(i) ^ key))


class Tape:
    """The draws of one replica and step: consecutive slices of its words, in program order.

    A tape without words records how many a loss draws and hands out constants; `at` counts words.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device, words: Tensor | None = None) -> None:
        self.dtype, self.device, self.word, self.at = dtype, device, words, 0
        self.half = None if words is None else words.view(torch.int16)

    def _take(self, shape: tuple[int, ...], bits: int) -> tuple[int, int]:
        count, start = math.prod(shape), self.at
        self.at += -(-count * bits // 32)
        return start, count

    def skip_keep(self, shape: tuple[int, ...]) -> int:
        """Where in `half` the bits lie that `keep` would now use; they count as used."""
        return 2 * self._take(shape, 16)[0]

    def keep(self, p: Tensor | float, shape: tuple[int, ...]) -> Tensor:
        start, count = self._take(shape, 16)
        if self.half is None:
            return torch.ones(shape, dtype=self.dtype, device=self.device)
        half = self.half.narrow(0, 2 * start, count).view(shape)
        return (half >= p * 65536 - 32768).to(self.dtype) / (1 - p)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        start, count = self._take(shape, 32)
        if self.word is None:
            return torch.full(shape, 0.5, dtype=self.dtype, device=self.device)
        word = self.word.narrow(0, start, count).view(shape)
        steps = ((word >> 8) & 0xFFFFFF).to(self.dtype) + 0.5
        return steps.clamp_max(2**24 - 1) * 2**-24  # float32 rounds the last step up to 1

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return math.sqrt(2) * torch.erfinv(2 * self.uniform(shape) - 1)


class HostWords:
    """A step's random words for all replicas, in a compiled loop."""

    def __init__(self, count: int) -> None:
        self.count = max(count, 1)

    def fill(self, seeds: Tensor, step: Tensor) -> Tensor:
        """int32 [S, count]; seeds: int32 [S], each `key(seed)`; step: int [1]."""
        out = np.empty((len(seeds), self.count), np.uint32)
        fill_words(seeds.numpy().view(np.uint32), int(step), out)
        return torch.from_numpy(out.view(np.int32))


class DeviceWords:
    """A step's random words for all replicas, as torch operations."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.counter = torch.arange(max(count, 1), dtype=torch.int32, device=device)

    def fill(self, seeds: Tensor, step: Tensor) -> Tensor:
        """int32 [S, count]; seeds: int32 [S], each `key(seed)`; step: int [1]."""
        return words(step_keys(seeds, step), self.counter)
