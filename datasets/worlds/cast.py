"""Who is in a world: users and things with leanings and tastes, which add up to scores of a standard spread."""

from dataclasses import dataclass

import numpy as np

from datasets.schema import Array

USERS, THINGS = 60, 40
_TASTES = 2
_PART = (0.7, 0.64, 0.3)  # of a score's spread: the user, the thing, how the two fit; their squares add up to 0.99
_LOG_SECONDS = (np.log(40.0), 0.8)  # mean and spread of a video's log duration
_SECONDS = (5.0, 240.0)


@dataclass(frozen=True)
class Cast:
    """S independent scores of every user and thing (a video or a partner), and the things' durations."""

    user_lean: Array  # [S, users]
    thing_lean: Array  # [S, things]
    user_taste: Array  # [S, users, tastes]
    thing_taste: Array  # [S, things, tastes]
    seconds: Array  # whole, [things]

    @staticmethod
    def of(rng: np.random.Generator, scores: int) -> "Cast":
        """Draws everybody. The leanings and tastes of a score have mean 0 and spread 1 over those who are there."""
        user, thing = rng.normal(size=(scores, USERS)), rng.normal(size=(scores, THINGS))
        tastes = rng.normal(size=(scores, USERS, _TASTES)), rng.normal(size=(scores, THINGS, _TASTES))
        centre, spread = _LOG_SECONDS
        seconds = np.exp(centre + spread * rng.normal(size=THINGS)).clip(*_SECONDS)
        return Cast(_even(user), _even(thing), _even(tastes[0]), _even(tastes[1]), np.round(seconds))

    def scores(self, user: Array, thing: Array) -> Array:
        """The scores of n pairs, [n, S]: about standard normal over all pairs."""
        fit = np.einsum("snk,snk->sn", self.user_taste[:, user], self.thing_taste[:, thing]) / np.sqrt(_TASTES)
        a, b, c = _PART
        return (a * self.user_lean[:, user] + b * self.thing_lean[:, thing] + c * fit).T

    def length(self, thing: Array) -> Array:
        """The standardised log duration of each row's video, [n]."""
        centre, spread = _LOG_SECONDS
        return (np.log(self.seconds[thing]) - centre) / spread


def _even(values: Array) -> Array:
    """Mean 0 and spread 1 over the second axis."""
    return (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)
