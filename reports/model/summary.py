"""The seeds of a number: mean, sample standard deviation, count."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum, sqrt

from reports.markup.table import Column, Entry, said


@dataclass(frozen=True)
class Summary:
    """The mean of n seeds. `std` is the sample standard deviation (ddof 1): 0 for what has no seed, None where one seed
    says nothing of the noise. `of`: how many seeds there are, where the number is undefined for some of them."""

    mean: float
    std: float | None
    n: int
    of: int = 0

    def entry(self, *, text: str = "", note: str = "") -> Entry:
        """As a table's entry."""
        return Entry(self.mean, self.std, self.n, self.of, text=text, note=note)


def summarise(values: Iterable[float | None], *, exact: bool = False) -> Summary | None:
    """The summary of the defined values, None where there is none. `exact`: one value is all, there is no noise."""
    every = list(values)
    known = [value for value in every if value is not None]
    if not known:
        return None
    mean = fsum(known) / len(known)
    square = fsum((value - mean) ** 2 for value in known)  # statistics.stdev is exact, and fifty times slower
    std = sqrt(square / (len(known) - 1)) if len(known) > 1 else (0.0 if exact else None)
    return Summary(mean, std, len(known), len(every) if len(known) < len(every) else 0)


def entry(summary: Summary | None) -> Entry:
    return summary.entry() if summary else Entry()


def plus_minus(summary: Summary | None, digits: int) -> str:
    """ "20.042 ± 0.013", "0.0025 ± 0.0109 (2 of 5)"; the mean alone where it has no seed or one."""
    return said(Column("", "", digits=digits), entry(summary))
