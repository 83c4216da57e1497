"""Conditional distributions with known means and medians: n rows, each with a distribution of its own.

Every law has `mean()` and `median()`, [n] each, and `sample(rng)`, one label a row. The median is the least value
below or at which a label lies with probability 1/2 or more.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from datasets.schema import Array


class Law(Protocol):
    """The labels' distribution, row by row."""

    def mean(self) -> Array: ...

    def median(self) -> Array: ...

    def sample(self, rng: np.random.Generator) -> Array: ...


@dataclass(frozen=True)
class LogNormals:
    """A mixture of K lognormals, exp(N(mu, sigma^2)); what its weights lack of 1 is the probability of 0."""

    weight: Array  # [n, K], rows sum to 1 at most
    mu: Array  # [n, K]
    sigma: Array  # [n, K]

    def mean(self) -> Array:
        return (self.weight * np.exp(self.mu + self.sigma**2 / 2)).sum(1)

    def median(self) -> Array:
        """By bisection in the log; 0 where a zero is as likely as not. With one lognormal alone it is exp(mu)."""
        from scipy.special import ndtr

        zero = 1 - self.weight.sum(1)
        low, high = (self.mu - 8 * self.sigma).min(1), (self.mu + 8 * self.sigma).max(1)
        for _ in range(40):
            middle = (low + high) / 2
            below = zero + (self.weight * ndtr((middle[:, None] - self.mu) / self.sigma)).sum(1)
            low, high = np.where(below < 0.5, middle, low), np.where(below < 0.5, high, middle)
        return np.where(zero < 0.5, np.exp((low + high) / 2), 0.0)

    def sample(self, rng: np.random.Generator) -> Array:
        which = _drawn(self.weight, rng)  # K: zero
        part = np.minimum(which, self.weight.shape[1] - 1)[:, None]
        mu, sigma = (np.take_along_axis(column, part, 1)[:, 0] for column in (self.mu, self.sigma))
        value = np.exp(mu + sigma * rng.standard_normal(len(mu)))
        return np.where(which < self.weight.shape[1], value, 0.0)


def lognormal(mu: Array, sigma: Array) -> LogNormals:
    """One lognormal a row, of mu and sigma [n]."""
    return LogNormals(np.ones((len(mu), 1)), mu[:, None], np.broadcast_to(sigma, mu.shape)[:, None])


@dataclass(frozen=True)
class Steps:
    """K values, the same for all rows, with probabilities of their own."""

    values: Array  # [K], ascending
    weight: Array  # [n, K], rows sum to 1

    def mean(self) -> Array:
        return self.weight @ self.values

    def median(self) -> Array:
        # half a rounding error below 1/2, so that an exact half counts as one
        return self.values[np.argmax(np.cumsum(self.weight, 1) >= 0.5 - 1e-9, axis=1)]

    def sample(self, rng: np.random.Generator) -> Array:
        return self.values[np.minimum(_drawn(self.weight, rng), len(self.values) - 1)]


@dataclass(frozen=True)
class Pieces:
    """K intervals, the same for all rows, with probabilities of their own; even inside each."""

    edges: Array  # [K+1], ascending
    weight: Array  # [n, K], rows sum to 1

    def mean(self) -> Array:
        return self.weight @ ((self.edges[1:] + self.edges[:-1]) / 2)

    def median(self) -> Array:
        upto = np.cumsum(self.weight, 1)
        piece = np.argmax(upto >= 0.5, axis=1)
        at = np.arange(len(piece)), piece
        inside = 1 - (upto[at] - 0.5) / self.weight[at]
        return self.edges[piece] + inside * np.diff(self.edges)[piece]

    def sample(self, rng: np.random.Generator) -> Array:
        piece = np.minimum(_drawn(self.weight, rng), len(self.edges) - 2)
        return self.edges[piece] + rng.random(len(piece)) * np.diff(self.edges)[piece]


@dataclass(frozen=True)
class Capped:
    """min(exp(N(mu, sigma^2)), cap): what is seen of an interest that outlasts the video."""

    mu: Array  # [n]
    sigma: float
    cap: Array  # [n]

    def mean(self) -> Array:
        """E[min(T, c)] = exp(mu + sigma^2 / 2) Phi(z - sigma) + c (1 - Phi(z)), z = (ln c - mu) / sigma."""
        from scipy.special import ndtr

        z = (np.log(self.cap) - self.mu) / self.sigma
        return np.exp(self.mu + self.sigma**2 / 2) * ndtr(z - self.sigma) + self.cap * ndtr(-z)

    def median(self) -> Array:
        return np.minimum(np.exp(self.mu), self.cap)

    def sample(self, rng: np.random.Generator) -> Array:
        return np.minimum(np.exp(self.mu + self.sigma * rng.standard_normal(len(self.mu))), self.cap)


@dataclass(frozen=True)
class Whole:
    """The whole with a probability of its own, else even on all that is less."""

    share: Array  # [n], the probability
    whole: Array  # [n]

    def mean(self) -> Array:
        return self.whole * (1 + self.share) / 2

    def median(self) -> Array:
        return self.whole * (0.5 / np.maximum(1 - self.share, 0.5))

    def sample(self, rng: np.random.Generator) -> Array:
        part = rng.random(len(self.share))
        return self.whole * np.where(rng.random(len(self.share)) < self.share, 1, part)


@dataclass(frozen=True)
class CutNormal:
    """max(N(mu, sigma^2), 0)."""

    mu: Array  # [n]
    sigma: float

    def mean(self) -> Array:
        """E[max(N, 0)] = mu Phi(mu / sigma) + sigma phi(mu / sigma)."""
        from scipy.special import ndtr

        z = self.mu / self.sigma
        return self.mu * ndtr(z) + self.sigma * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    def median(self) -> Array:
        return np.maximum(self.mu, 0)

    def sample(self, rng: np.random.Generator) -> Array:
        return np.maximum(self.mu + self.sigma * rng.standard_normal(len(self.mu)), 0)


def _drawn(weight: Array, rng: np.random.Generator) -> Array:
    """One of the K parts of each row [n]; K where the weights [n, K] end before the draw."""
    return (rng.random(len(weight))[:, None] >= np.cumsum(weight, axis=1)).sum(1)
