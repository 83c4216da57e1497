"""Splits of many rows in bounded memory, equal to those of `datasets.preparing.encode`."""

from collections.abc import Sequence

import numpy as np

from datasets.base import BadData, Split
from datasets.preparing.encode import SPLITS, checked_split
from datasets.schema import Array

FEWEST_USERS = 10


def by_time(time: Array, shares: Sequence[float]) -> dict[Split, Array]:
    """The oldest rows train, the newest test; rows of equal time keep the file's order. No row number is sorted: only
    the two times at the cuts are looked for, and rows of these times are counted off."""
    n = len(time)
    ends = np.rint(np.cumsum(shares) / sum(shares) * n).astype(int)[:2]
    inside = np.unique(np.clip(ends, 0, n - 1))
    at = dict(zip(inside, np.partition(np.asarray(time), inside)[inside], strict=True))
    before = [_first(time, at[min(end, n - 1)], end) for end in ends]
    parts = (before[0], before[1] & ~before[0], ~before[1])
    return checked_split(
        {name: np.flatnonzero(part).astype(np.int32) for name, part in zip(SPLITS, parts, strict=True)}
    )


def _first(time: Array, edge: float, count: int) -> Array:
    """The `count` oldest rows, bool [n]. edge: the time of the first row that is not one of them."""
    if count >= len(time):
        return np.ones(len(time), bool)
    chosen = np.asarray(time < edge)
    equal = np.flatnonzero(time == edge)
    chosen[equal[: count - int(chosen.sum())]] = True
    return chosen


def by_user(user: Array, users: int, shares: Sequence[float], seed: int) -> dict[Split, Array]:
    """All rows of a user in one part; the users are drawn at random, in proportion. user: int [n], 0 .. users - 1."""
    if users < FEWEST_USERS:
        raise BadData(f"{users} users are too few for a split by user, {FEWEST_USERS} the least; "
                      'write [split] kind = "random" or "chronological"')  # fmt: skip
    order = np.random.default_rng(seed).permutation(users)
    ends = np.rint(np.cumsum(shares) / sum(shares) * users).astype(int)
    part = np.zeros(users, np.int8)
    for place, members in enumerate(np.split(order, ends[:-1])):
        part[members] = place
    rows = part[user]
    return checked_split({name: np.flatnonzero(rows == place).astype(np.int32) for place, name in enumerate(SPLITS)})
