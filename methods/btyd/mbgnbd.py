"""MBG/NBD (Batislam, Denizel and Filiztekin 2007, IJRM 24(3)), with Gamma-Gamma for what a purchase is worth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from datasets.schema import Array
from methods.btyd import _beta
from methods.btyd._model import RepeatBuying, floats


def mbgnbd_alive(params: Sequence[float] | Array, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
    """P(alive at T | x repeat purchases, the last at t_x). params: r, alpha, a, b."""
    return _beta.alive(np.asarray(params, np.float64), *floats(x, t_x, T), chances=1)


def mbgnbd_expected(params: Sequence[float] | Array, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: ArrayLike) -> Array:
    """E[purchases in (T, T + t] | x repeat purchases, the last at t_x]. params: r, alpha, a, b."""
    return _beta.expected(np.asarray(params, np.float64), *floats(x, t_x, T, t), chances=1)


class MBGNBD(RepeatBuying):
    """BG/NBD whose customers may leave after their first purchase too, so that who never came back may be gone."""

    title = "MBG/NBD"
    paper = "Batislam, Denizel and Filiztekin, IJRM 2007; Gamma-Gamma: Fader and Hardie 2013"
    names = ("r", "alpha", "a", "b")

    def likelihood(self, params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
        return _beta.log_likelihood(params, x, t_x, T, chances=1)

    def starts(self, age: float) -> Sequence[Sequence[float]]:
        return [(0.5, age / 6, 1, 2), (1, age / 2, 1, 1), (2, age, 0.3, 5)]

    def expected(self, params: Array, x: Array, t_x: Array, T: Array, t: Array) -> Array:
        return mbgnbd_expected(params, x, t_x, T, t)
