"""What a world is: numbers, and the law of the label that they give a view of a video, or a customer of a partner."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from datasets.schema import Array
from datasets.worlds.cast import Cast
from datasets.worlds.laws import Law


@dataclass(frozen=True)
class Rows:
    """Who met what, and when, [n] each."""

    user: Array
    thing: Array
    time: Array  # 0 to 1, the order of the rows


@dataclass(frozen=True)
class World:
    """A subclass says its numbers, how many scores its people have, and the law. Its docstring says the formula."""

    key: ClassVar[str]  # in the dataset's name
    title: ClassVar[str]
    scores: ClassVar[int] = 1
    chronological: ClassVar[bool] = False  # the first rows train, the last test

    def law(self, cast: Cast, rows: Rows) -> Law:
        """The label's distribution on each row. z, z_1, z_2, ... below are the rows' scores, l their standardised log
        duration."""
        raise NotImplementedError

    def popularity(self, cast: Cast, time: Array) -> Array | None:
        """How often each thing is met at each time, [n, things], up to a factor of a row; None: all alike."""
        return None


def drawn(world: World, cast: Cast, time: Array, rng: np.random.Generator) -> tuple[Rows, Law, Array]:
    """The rows at these times, their law, and a label for each."""
    user = rng.integers(len(cast.user_lean[0]), size=len(time))
    place = rng.random(len(time))
    odds = world.popularity(cast, time)
    if odds is None:
        thing = (place * len(cast.seconds)).astype(np.int64)
    else:
        share = np.cumsum(odds, axis=1)
        thing = (place[:, None] >= (share / share[:, -1:])[:, :-1]).sum(1)
    rows = Rows(user, thing, time)
    law = world.law(cast, rows)
    return rows, law, law.sample(rng)
