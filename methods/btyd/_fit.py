"""Maximum likelihood of a handful of positive parameters, with several starts and standard errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from datasets.schema import Array

Likelihood = Callable[[Array, Array], tuple[Array, Array]]  # (params [k], rows) -> of each row [n], derivatives [k, n]
_BOUND = 11.5  # on the absolute logarithm of a parameter, in units of the data: beyond, the likelihood is flat
_FEW = 20_000  # rows on which starts are compared


@dataclass(frozen=True)
class Estimate:
    """Where the likelihood of all rows is largest."""

    params: Array  # [k]
    errors: Array  # [k], their standard errors; NaN where the likelihood is flat (a parameter at its bound)
    log_likelihood: float  # of all rows
    rows: int
    agreeing: float  # the share of the starts that led there

    def told(self, names: Sequence[str]) -> dict[str, float]:
        """Name -> number, for a record."""
        found = {"log_likelihood": self.log_likelihood, "starts_agreeing": self.agreeing}
        for name, value, error in zip(names, self.params, self.errors, strict=True):
            found |= {name: float(value), f"{name}_se": float(error)}
        return found


def maximise(
    likelihood: Callable[..., tuple[Array, Array]],
    columns: Sequence[Array],
    weight: Array,
    starts: Sequence[Sequence[float]],
) -> Estimate:
    """The maximum over positive parameters of the sum over rows of weight times likelihood(params, *columns).

    likelihood: of each row [n] and its derivatives [k, n]. columns: [n] each. weight: [n], how often a row is there.
    starts: where to begin, [k] each. All of them are followed on at most 20,000 rows, evenly taken; the best goes on
    with all rows. The search is over logarithms (L-BFGS, then Newton's steps with the Hessian by central differences of
    the gradient); standard errors are of that Hessian, by the delta method. Raises ValueError where no start has a
    finite likelihood.
    """
    total = weight.sum()
    few = np.linspace(0, len(weight) - 1, min(len(weight), _FEW)).astype(np.int64)
    some = _mean(likelihood, [column[few] for column in columns], weight[few])
    everything = _mean(likelihood, columns, weight)
    ends = [_climb(some, np.log(np.asarray(start, np.float64))) for start in starts]
    ends = [(value, at) for value, at in ends if np.isfinite(value)]
    if not ends:
        raise ValueError("the likelihood is not finite at any start: are the amounts or times on a wild scale?")
    best, at = min(ends, key=lambda end: end[0])
    agreeing = np.mean([value - best < 1e-6 * max(1.0, abs(best)) for value, _ in ends])
    if len(few) < len(weight):
        _, at = _climb(everything, at)
    at, curvature = _polish(everything, at)
    value, _ = everything(at)
    params = np.exp(at)
    errors = params * _spread(curvature * total, np.abs(at) >= _BOUND - 1e-6)
    return Estimate(params, errors, float(-value * total), int(total), float(agreeing))


Mean = Callable[[Array], tuple[float, Array]]


def _mean(likelihood: Callable[..., tuple[Array, Array]], columns: Sequence[Array], weight: Array) -> Mean:
    """The negative mean log-likelihood as a function of the parameters' logarithms, with its gradient."""
    share = weight / weight.sum()

    def mean(at: Array) -> tuple[float, Array]:
        params = np.exp(at)
        value, by = likelihood(params, *columns)
        return -float(share @ value), -(by @ share) * params

    return mean


def _climb(mean: Mean, at: Array) -> tuple[float, Array]:
    """L-BFGS from there; an infinite value where it fails."""
    from scipy.optimize import minimize

    bounds = [(-_BOUND, _BOUND)] * len(at)
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    with np.errstate(all="ignore"):
        end = minimize(mean, np.clip(at, -_BOUND, _BOUND), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return (float(end.fun), np.asarray(end.x)) if np.isfinite(end.fun) else (np.inf, at)


def _hessian(mean: Mean, at: Array, step: float = 1e-4) -> Array:
    """By central differences of the gradient, [k, k], made symmetric."""
    rows = [(mean(at + move)[1] - mean(at - move)[1]) / (2 * step) for move in step * np.eye(len(at))]
    return (np.array(rows) + np.array(rows).T) / 2


def _polish(mean: Mean, at: Array) -> tuple[Array, Array]:
    """A few of Newton's steps, as long as they go up, and the Hessian at the end."""
    value, gradient = mean(at)
    curvature = _hessian(mean, at)
    for _ in range(4):
        inside = np.abs(at) < _BOUND - 1e-6
        if np.abs(gradient[inside]).max(initial=0) < 1e-10 or (np.linalg.eigvalsh(curvature) <= 0).any():
            break
        step = np.zeros_like(at)
        step[inside] = -np.linalg.solve(curvature[np.ix_(inside, inside)], gradient[inside])
        there = np.clip(at + step, -_BOUND, _BOUND)
        new, slope = mean(there)
        if not new <= value + 1e-15 * abs(value) or np.abs(step).max() > 1:
            break
        at, value, gradient = there, new, slope
        curvature = _hessian(mean, at)
        if np.abs(step).max() < 1e-9:
            break
    return at, curvature


def _spread(curvature: Array, flat: Array) -> Array:
    """Standard errors of the logarithms: roots of the inverse's diagonal; NaN for flat ones, and for all where the
    likelihood has no maximum inside."""
    errors, free = np.full(len(curvature), np.nan), ~flat
    inner = curvature[np.ix_(free, free)]
    if free.any() and (np.linalg.eigvalsh(inner) > 0).all():
        errors[free] = np.sqrt(np.diag(np.linalg.inv(inner)))
    return errors
