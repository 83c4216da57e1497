"""BG/NBD (Fader, Hardie and Lee 2005, Marketing Science 24(2)), with Gamma-Gamma for what a purchase is worth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from datasets.schema import Array
from methods.btyd import _beta
from methods.btyd._model import RepeatBuying, floats


def bgnbd_alive(params: Sequence[float] | Array, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
    """P(alive at T | x repeat purchases, the last at t_x); 1 where x is 0. params: r, alpha, a, b."""
    return _beta.alive(np.asarray(params, np.float64), *floats(x, t_x, T), chances=0)


def bgnbd_expected(params: Sequence[float] | Array, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: ArrayLike) -> Array:
    """E[purchases in (T, T + t] | x repeat purchases, the last at t_x] (Equation 10). params: r, alpha, a, b."""
    return _beta.expected(np.asarray(params, np.float64), *floats(x, t_x, T, t), chances=0)


class BGNBD(RepeatBuying):
    """While alive, customers buy at a rate of their own, and after each repeat purchase may leave for good.

    The rates are Gamma(r, alpha), in weeks; the chances of leaving Beta(a, b). Who has never bought again has had no
    occasion to leave and counts as alive. Seven parameters with those of Gamma-Gamma, by maximum likelihood.
    """

    title = "BG/NBD"
    paper = "Fader, Hardie and Lee, Marketing Science 2005; Gamma-Gamma: Fader and Hardie 2013"
    names = ("r", "alpha", "a", "b")

    def likelihood(self, params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
        return _beta.log_likelihood(params, x, t_x, T, chances=0)

    def starts(self, age: float) -> Sequence[Sequence[float]]:
        return [(0.3, age / 8, 1, 3), (1, age / 2, 1, 1), (2, age, 0.3, 5)]

    def expected(self, params: Array, x: Array, t_x: Array, T: Array, t: Array) -> Array:
        return bgnbd_expected(params, x, t_x, T, t)
