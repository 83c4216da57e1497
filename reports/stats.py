"""What a few seeds say of a number, and which numbers they tell apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

APART = 2.0  # standard errors of a difference below which two means are not told apart


@dataclass(frozen=True)
class Summary:
    """The mean of n seeds. `std` is the sample standard deviation (ddof 1): 0 for what has no seed, None where one seed
    says nothing of the noise."""

    mean: float
    std: float | None
    n: int


def summarise(values: Iterable[float | None], *, exact: bool = False) -> Summary | None:
    """The summary of the defined values, None where there is none. `exact`: one value is all, there is no noise."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Summary(fmean(known), stdev(known) if len(known) > 1 else (0.0 if exact else None), len(known))


def apart(a: Summary, b: Summary) -> bool | None:
    """Whether |difference| >= 2 sqrt(s_a^2 / n_a + s_b^2 / n_b); None where a standard deviation is unknown."""
    if a.std is None or b.std is None:
        return None
    difference = abs(a.mean - b.mean)
    return difference > 0 and difference >= APART * sqrt(a.std**2 / a.n + b.std**2 / b.n)


def best_two(values: Sequence[float | None], *, low: bool, digits: int) -> tuple[set[int], set[int]]:
    """The places of the best and of the second-best value; values that print alike share a place. None is no value."""
    printed = [None if v is None else round(v, digits) for v in values]
    known = sorted({v for v in printed if v is not None}, reverse=not low)
    best, second = (
        {place for place, v in enumerate(printed) if len(known) > rank and v == known[rank]} for rank in (0, 1)
    )
    return best, second


def percent(a: float, b: float) -> float | None:
    """By how many percent a lies above b; None where b is 0."""
    return 100 * (a / b - 1) if b else None
