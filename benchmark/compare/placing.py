"""Where some rows stand among others on the same test rows, without running the others again.

Where one resampling has both of a pair, the test is paired: the same users are drawn for both, and what they share
cancels. Where none does, as with committed rows whose predictions are not on this machine, the error is bounded from
above, by the least of these:

- sd(a - b) <= sd(a - c) + sd(b - c) for any row c that one resampling has with a and another with b (the triangle
  inequality). Constants are such rows: anybody can make their predictions again.
- sqrt(sd(a)^2 + sd(b)^2), as if rows erred on different users, where they err on the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import hypot
from statistics import fmean, stdev

from benchmark.compare.inference import LEVEL, Estimate, estimate, holm
from benchmark.compare.noise import Noise
from benchmark.records.predictions import tag
from benchmark.records.record import Record

RANKING = ("xauc", "xgauc", "spearman", "gini", "auc")  # metrics of which more is better


@dataclass(frozen=True, eq=False)
class Row:
    """The finished seeds of one method's variant on one dataset."""

    records: tuple[Record, ...]
    own: bool

    @property
    def key(self) -> tuple[str, str]:
        return self.records[0].method, self.records[0].variant

    @property
    def name(self) -> str:
        first = self.records[0]
        return first.title + ("" if first.variant == "default" else f" ({first.variant})")

    def values(self, metric: str) -> list[float]:
        """Of the seeds that have one."""
        found = (r.metrics.get("test", {}).get(metric) for r in self.records)
        return [value for value in found if value is not None]

    def mean(self, metric: str) -> float | None:
        values = self.values(metric)
        return fmean(values) if values else None

    @property
    def tags(self) -> dict[str, str]:
        return {str(r.seed): tag(r.identity) for r in self.records}


@dataclass(frozen=True)
class Against:
    """An own row less another, by one metric."""

    difference: Estimate
    paired: bool
    p: float  # by Holm over all such differences of the placing


@dataclass(frozen=True)
class Placing:
    """The rows with a number, the best first, and how each own row differs from every other."""

    dataset: str
    metric: str
    rows: tuple[Row, ...]
    against: Mapping[tuple[Row, Row], Against]  # (own, other); pairs without known noise are left out

    @property
    def low(self) -> bool:
        return self.metric not in RANKING

    def _counted(self, own: Row) -> tuple[int, int]:
        """How many rows are better beyond noise, and how many worse."""
        beyond = [a.difference.value for (row, _), a in self.against.items() if row is own and a.p < LEVEL]
        below = sum(value < 0 for value in beyond)
        return (len(beyond) - below, below) if self.low else (below, len(beyond) - below)

    def places(self, own: Row) -> tuple[int, int]:
        """What noise leaves open: one more than the rows that are better beyond noise, to all less those that are
        worse."""
        better, worse = self._counted(own)
        return 1 + better, len(self.rows) - worse

    def paired(self, own: Row) -> tuple[int, int]:
        """How many of the own row's comparisons are paired, and how many are not."""
        found = [a.paired for (row, _), a in self.against.items() if row is own]
        return sum(found), len(found) - sum(found)


def rows_of(records: Iterable[Record], *, own: bool) -> list[Row]:
    """One row for each variant that has finished seeds."""
    ok = sorted((r for r in records if r.outcome == "ok"), key=lambda r: r.cell)
    return [Row(tuple(members), own) for _, members in groupby(ok, key=lambda r: (r.method, r.variant))]


def place(
    dataset: str, metric: str, own: Sequence[Row], others: Sequence[Row], noises: Sequence[Noise]
) -> Placing | None:
    """Own rows among the others; None where no own row has the metric. noises: what resampling said of the dataset's
    rows, the most trusted first; entries of other predictions than the rows' are passed over."""
    ranked = [row for row in (*own, *others) if row.mean(metric) is not None]
    if not any(row.own for row in ranked):
        return None
    ranked.sort(key=lambda row: ((row.mean(metric) or 0.0) * (-1 if metric in RANKING else 1), row.key))
    sources = [source for noise in noises if (source := _Source.of(noise, metric, ranked)) is not None]
    found: dict[tuple[Row, Row], tuple[Estimate, bool]] = {}
    for a in (row for row in ranked if row.own):
        for b in (row for row in ranked if row is not a):
            if (one := _difference(a, b, metric, sources)) is not None:
                found[a, b] = one
    adjusted = holm([one.p for one, _ in found.values()])
    against = {pair: Against(*one, p) for (pair, one), p in zip(found.items(), adjusted, strict=True)}
    return Placing(dataset, metric, tuple(ranked), against)


@dataclass(frozen=True)
class _Source:
    """What one resampling says of a metric."""

    noise: Noise
    metric: str
    places: Mapping[Row, int]

    @staticmethod
    def of(noise: Noise, metric: str, rows: Sequence[Row]) -> "_Source | None":
        if metric not in noise.metrics:
            return None
        at = {key: place for place, key in enumerate(noise.tags)}
        same = {row: at[row.key] for row in rows if noise.tags.get(row.key) == row.tags}
        return _Source(noise, metric, same)

    @cached_property
    def freedom(self) -> float:
        """Of an error from so many users and so many draws."""
        draws = self.noise.ranking_draws if self.metric in RANKING else self.noise.draws
        return 1 / (1 / max(self.noise.clusters - 1, 1) + 1 / max(draws - 1, 1))

    def users(self, row: Row) -> float | None:
        errors = self.noise.metrics[self.metric].users
        return errors[self.places[row]] if row in self.places and errors else None

    def pair(self, a: Row, b: Row) -> float | None:
        errors = self.noise.metrics[self.metric].pairs
        if a not in self.places or b not in self.places or not errors:
            return None
        high, low = sorted((self.places[a], self.places[b]), reverse=True)
        return errors[high][low]

    def seeds(self, row: Row) -> float | None:
        errors = self.noise.metrics[self.metric].seeds
        return errors[self.places[row]] if row in self.places and errors else None


def _difference(a: Row, b: Row, metric: str, sources: Sequence[_Source]) -> tuple[Estimate, bool] | None:
    """a - b and whether it is paired; None where the noise of either is not known."""
    value = (a.mean(metric) or 0.0) - (b.mean(metric) or 0.0)
    paired = [(error, source.freedom) for source in sources if (error := source.pair(a, b)) is not None]
    if not paired and not (bounds := [*_by_way_of_others(a, b, sources), *_as_independent(a, b, sources)]):
        return None
    parts = [paired[0] if paired else min(bounds)]
    for row in (a, b):
        error = next((seeds for s in sources if (seeds := s.seeds(row)) is not None), None)
        if error is None:
            return None
        parts.append((error, max(len(row.records) - 1, 1)))
    return estimate(value, parts), bool(paired)


def _by_way_of_others(a: Row, b: Row, sources: Sequence[_Source]) -> Iterator[tuple[float, float]]:
    """Upper bounds of the pair's error, with their degrees of freedom."""
    for one in sources:
        for two in sources:
            for c in one.places.keys() & two.places.keys() - {a, b}:
                first, second = one.pair(a, c), two.pair(b, c)
                if first is not None and second is not None:
                    yield first + second, min(one.freedom, two.freedom)


def _as_independent(a: Row, b: Row, sources: Sequence[_Source]) -> Iterator[tuple[float, float]]:
    known = [[(error, s.freedom) for s in sources if (error := s.users(row)) is not None][:1] for row in (a, b)]
    for (first, f), (second, g) in zip(*known, strict=False):
        yield hypot(first, second), min(f, g)


def spelt(row: Row, metric: str, digits: int) -> str:
    """ "20.351 ± 0.030" over the seeds."""
    values = row.values(metric)
    if not values:
        return "-"
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{spread}"
