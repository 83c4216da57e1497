"""Estimates with their errors: intervals, p-values, and many of them at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, sqrt

LEVEL = 0.05  # of every test and interval
_NONE = 1e-12  # of a number: a standard error below it is rounding


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and the degrees of freedom of that error."""

    value: float
    error: float
    freedom: float = inf

    @property
    def interval(self) -> tuple[float, float]:
        """95 %: value -+ t error."""
        from scipy.special import stdtrit

        reach = float(stdtrit(min(self.freedom, 1e9), 1 - LEVEL / 2)) * self.error
        return self.value - reach, self.value + reach

    @property
    def p(self) -> float:
        """Two-sided, of the value being 0."""
        from scipy.special import stdtr

        if self.error <= _NONE * abs(self.value):
            return float(self.value == 0)
        return 2 * float(stdtr(min(self.freedom, 1e9), -abs(self.value) / self.error))


def estimate(value: float, parts: Iterable[tuple[float, float]]) -> Estimate:
    """From independent parts (standard error, degrees of freedom): their squares add up, Welch and Satterthwaite give
    the degrees of freedom, (sum e^2)^2 / sum (e^4 / f)."""
    known = [(error, freedom) for error, freedom in parts if error > 0]
    square, fourth = sum(e**2 for e, _ in known), sum(e**4 / f for e, f in known)
    return Estimate(value, sqrt(square), square**2 / fourth if fourth else inf)


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values (Holm, 1979): the i-th least of k times k - i + 1, none below that of a lesser one."""
    adjusted, least = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        least = adjusted[place] = min(1.0, max(least, (len(p) - rank) * p[place]))
    return adjusted


def discoveries(p: Sequence[float]) -> list[float]:
    """Adjusted p-values (Benjamini and Hochberg, 1995): of those below q, a share of q is expected to be chance."""
    if not p:
        return []
    from scipy.stats import false_discovery_control

    return [float(value) for value in false_discovery_control(p)]
