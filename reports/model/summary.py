"""The seeds of a number: mean, sample standard deviation, count."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from reports.markup.markdown import NONE, number


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


def plus_minus(summary: Summary | None, digits: int) -> str:
    """mean ± std; the mean alone where it has no seed or one."""
    if summary is None:
        return NONE
    return number(summary.mean, digits) + (
        f" ± {summary.std:.{digits}f}" if summary.std is not None and summary.n > 1 else ""
    )
