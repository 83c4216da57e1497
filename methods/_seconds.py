"""What methods by duration share: statistics of each whole second that training rows have, and a video's length.

A duration counts as the nearest whole second of a training row; so one that training lacks falls back on a neighbour.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Array, Schema
from methods.backbone import Regressor


def whole(duration: Array) -> Array:
    """Seconds rounded to whole ones, halves down as in a comparison with `midway`'s edges; float64 [n]."""
    return np.ceil(duration.astype(np.float64) - 0.5)


def midway(seconds: Array) -> Array:
    """The edges between ascending, distinct whole seconds [D], float32 [D-1]: `bin_of` them is the nearest second."""
    return ((seconds[1:] + seconds[:-1]) / 2).astype(np.float32)


def pools(count: Array, least: int) -> tuple[Array, Array]:
    """For each of D seconds the smallest centred window [low, high) of seconds that hold `least` rows together."""
    total, place = np.concatenate([[0], np.cumsum(count)]), np.arange(len(count))
    reach = np.zeros_like(place)
    while True:
        low, high = (place - reach).clip(0), (place + reach + 1).clip(max=len(count))
        short = (total[high] - total[low] < least) & (high - low < len(count))
        if not short.any():
            return low, high
        reach += short


def rolling_mean(values: Array, weights: Array, reach: int) -> Array:
    """The weighted mean of each value [D] and its `reach` neighbours on both sides, as many as there are."""
    place = np.arange(len(values))
    low, high = (place - reach).clip(0), (place + reach + 1).clip(max=len(values))
    above, below = (np.concatenate([[0], np.cumsum(column)]) for column in (values * weights, weights))
    return (above[high] - above[low]) / (below[high] - below[low])


class Timed(Regressor):
    """A regressor that knows each row's place among the known seconds and how long its video is."""

    edges: Tensor  # of the known seconds [D-1]

    def __init__(self, schema: Schema, config: Any, outputs: int = 1, **buffers: Tensor) -> None:
        super().__init__(schema, config, outputs, **buffers)
        self.unit = schema.unit

    def second(self, duration: Tensor | None) -> Tensor:
        """The place of the nearest known second, [B]."""
        assert duration is not None
        return (duration.unsqueeze(1) > self.edges).sum(1)

    def length(self, duration: Tensor | None) -> Tensor:
        """The video once from start to end in the label's unit, [B]: its seconds, or 1 where labels are ratios."""
        assert duration is not None
        return torch.ones_like(duration) if self.unit == "ratio" else duration.clamp_min(1e-3)
