"""The pooled standing: how many of its rivals a row beats beyond noise, board by board and over boards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from reports.evidence.field import Field, Row


@dataclass(frozen=True)
class Standing:
    """A row's comparisons, each board weighing the same.

    Of its rivals on a board it beats some, loses to some, and noise leaves the rest open: `low` counts these as lost,
    `rate` as halves, `high` as won. As the chance of any false separation is 5 % on each board, [low, high] holds the
    rate that endless users and seeds would show, on these boards; it says nothing of others."""

    row: Row
    label: str
    wins: int
    ties: int
    losses: int
    boards: int
    rate: float
    low: float
    high: float
    worst: float  # the least and the highest rate of a single board
    best: float

    def __str__(self) -> str:
        return f"{self.rate:.2f} [{self.low:.2f}, {self.high:.2f}]"


def standings(field: Field, datasets: Sequence[str], metrics: Sequence[str]) -> list[Standing]:
    """Of the field's rows, the highest rate first; each metric of each dataset is a contest of its own. metrics: by
    dataset. A row is compared where it and a rival were resampled with more than one seed."""
    counted: dict[Row, list[tuple[int, int, int]]] = {}
    labels: dict[Row, str] = {}
    for dataset, metric in zip(datasets, metrics, strict=True):
        for row, label, counts in _counts(field, dataset, metric):
            labels[row] = label
            counted.setdefault(row, []).append(counts)
    found = [_standing(row, labels[row], counts) for row, counts in counted.items()]
    return sorted(found, key=lambda s: (-s.rate, s.row))


def _counts(field: Field, dataset: str, metric: str) -> Iterator[tuple[Row, str, tuple[int, int, int]]]:
    tested = field.race(dataset, metric).contest
    if tested is None:
        return
    here = [e for e in tested.results if (e.method, e.variant) in field.shown]
    for result in here if len(here) > 1 else []:
        wins = sum(tested.beats(result, rival) for rival in here)
        losses = sum(tested.beats(rival, result) for rival in here)
        yield (result.method, result.variant), result.label, (wins, len(here) - 1 - wins - losses, losses)


def _standing(row: Row, label: str, counts: Sequence[tuple[int, int, int]]) -> Standing:
    rates = [(wins + ties / 2) / (wins + ties + losses) for wins, ties, losses in counts]
    wins, ties, losses = (sum(column) for column in zip(*counts, strict=True))
    return Standing(
        row=row,
        label=label,
        wins=wins,
        ties=ties,
        losses=losses,
        boards=len(counts),
        rate=fmean(rates),
        low=fmean(w / (w + t + n) for w, t, n in counts),
        high=fmean((w + t) / (w + t + n) for w, t, n in counts),
        worst=min(rates),
        best=max(rates),
    )
