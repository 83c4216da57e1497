"""Pareto/NBD (Schmittlein, Morrison and Colombo 1987), with Gamma-Gamma for what a purchase is worth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from datasets.schema import Array
from methods.btyd import _lifetime
from methods.btyd._model import RepeatBuying, floats


def paretonbd_alive(params: Sequence[float] | Array, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
    """P(alive at T | x repeat purchases, the last at t_x). params: r, alpha, s, beta."""
    r, alpha, s, beta = map(float, params)
    columns = floats(x, t_x, T)
    found = _lifetime.alive(np.array([r, alpha, s, beta]), *(column.ravel() for column in columns))
    return found.reshape(columns[0].shape)


def paretonbd_expected(
    params: Sequence[float] | Array, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: ArrayLike
) -> Array:
    """E[purchases in (T, T + t] | x repeat purchases, the last at t_x]. params: r, alpha, s, beta."""
    r, alpha, s, beta = map(float, params)
    columns = floats(x, t_x, T, t)
    found = _lifetime.expected(np.array([r, alpha, s, beta]), *(column.ravel() for column in columns))
    return found.reshape(columns[0].shape)


class ParetoNBD(RepeatBuying):
    """While alive, customers buy at a rate of their own; how long they live is exponential, at a rate of its own too.

    The rates of buying are Gamma(r, alpha), those of leaving Gamma(s, beta), in weeks. Unlike BG/NBD's customers, these
    may leave at any time.
    """

    title = "Pareto/NBD"
    paper = "Schmittlein, Morrison and Colombo, Management Science 1987; Gamma-Gamma: Fader and Hardie 2013"
    names = ("r", "alpha", "s", "beta")

    def likelihood(self, params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
        return _lifetime.log_likelihood(params, x, t_x, T)

    def starts(self, age: float) -> Sequence[Sequence[float]]:
        return [(0.5, age / 3, 0.5, age / 3), (1, age, 1, age), (2, age, 0.3, age * 3)]

    def expected(self, params: Array, x: Array, t_x: Array, T: Array, t: Array) -> Array:
        return paretonbd_expected(params, x, t_x, T, t)
