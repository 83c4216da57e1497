"""A share of the training rows, to see what a method makes of less: shares lie inside each other, whatever the seed."""

from collections.abc import Mapping

import numpy as np

from datasets.base import Split
from datasets.schema import Array


def thinned(split: Mapping[Split, Array], share: float) -> dict[Split, Array]:
    """The split with `share` of its training rows, at least one: those with the least hash of their place in the table.
    Validation and test rows stay. A smaller share's rows are among a larger one's."""
    train = split["train"]
    count = max(1, round(share * len(train)))
    kept = np.argsort(_mixed(train), kind="stable")[:count]
    return {**split, "train": np.sort(train[kept])}


def _mixed(places: Array) -> Array:
    """SplitMix64's finaliser of each place, uint64 [n]: different for different places, and as good as random (Steele,
    Lea and Flood, 2014)."""
    x = (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
