"""Who is in a world: users and things with leanings, which add up to scores of a standard spread.

No user likes a thing more than both leanings say. No idea on trial is about how a user and a thing fit, and with a
little of it (a tenth of the spread) networks learn the leanings first and then stand still, for up to 26 epochs of
20,000 rows: who leaves that plateau before patience is over would decide, and not the idea.
"""

from dataclasses import dataclass

import numpy as np

from datasets.schema import Array

USERS, THINGS = 60, 40
_PART = (0.8, 0.6)  # of a score's spread: the user, the thing; their squares add up to 1
_LOG_SECONDS = (np.log(40.0), 0.8)  # mean and spread of a video's log duration
_SECONDS = (5.0, 240.0)


@dataclass(frozen=True)
class Cast:
    """S independent scores of every user and thing (a video or a partner), and the things' durations."""

    user_lean: Array  # [S, users]
    thing_lean: Array  # [S, things]
    seconds: Array  # whole, [things]

    @staticmethod
    def of(rng: np.random.Generator, scores: int) -> "Cast":
        """Draws everybody. The leanings of a score have mean 0 and spread 1 over those who are there."""
        user, thing = rng.normal(size=(scores, USERS)), rng.normal(size=(scores, THINGS))
        centre, spread = _LOG_SECONDS
        seconds = np.exp(centre + spread * rng.normal(size=THINGS)).clip(*_SECONDS)
        return Cast(_even(user), _even(thing), np.round(seconds))

    def scores(self, user: Array, thing: Array) -> Array:
        """The scores of n pairs, [n, S]: about standard normal over all pairs."""
        a, b = _PART
        return (a * self.user_lean[:, user] + b * self.thing_lean[:, thing]).T

    def length(self, thing: Array) -> Array:
        """The standardised log duration of each row's video, [n]."""
        centre, spread = _LOG_SECONDS
        return (np.log(self.seconds[thing]) - centre) / spread


def _even(values: Array) -> Array:
    """Mean 0 and spread 1 over the second axis."""
    return (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)
