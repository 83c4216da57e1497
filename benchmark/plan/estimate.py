"""Estimates how long a suite will take from what its records, or their like, took."""

import statistics
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.records.cell import Group
from benchmark.records.record import Record

_GUESS = 1e-4  # seconds per row and epoch, where nothing at all is known


@dataclass(frozen=True)
class Guess:
    """Seconds of process time for one seed, and what the number rests on."""

    seconds: float
    basis: str


class CostModel:
    """Costs per row and epoch of everything that was ever recorded."""

    def __init__(
        self, records: Iterable[Record], rows: Mapping[str, int | None], epochs: Mapping[str, int], device: str = "cpu"
    ) -> None:
        """rows: training rows of each dataset, None where not even their number is known; epochs: at most, of each;
        device: of the records that count, those of other devices say nothing."""
        self.rows, self.epochs = rows, epochs
        self.took: dict[tuple[str, str, str], list[float]] = {}  # seconds, for as many rows as there are now
        self.rates: dict[tuple[str, ...], list[float]] = {}  # seconds per row and epoch
        self.lasted: dict[tuple[str, ...], list[float]] = {}  # epochs run, as a part of those allowed
        for r in records:
            cell = (r.dataset, r.method, r.variant)
            if r.outcome == "skipped":
                self.took.setdefault(cell, []).append(0.0)
            if r.outcome != "ok" or r.cost is None or (r.curve and not r.cost.device.startswith(device)):
                continue
            train = r.facts.get("split_sizes", {}).get("train")
            self.took.setdefault(cell, []).append(r.cost.seconds * (rows.get(r.dataset) or train or 1) / (train or 1))
            run = len(r.curve.valid) if r.curve else 1
            most = r.protocol.get("epochs", run) if r.curve else 1
            if not train:
                continue
            for key in ((r.method, r.variant), (r.method,), ()):
                self.rates.setdefault(key, []).append(r.cost.seconds / (train * run))
                self.lasted.setdefault(key, []).append(run / most)

    def of(self, group: Group) -> Guess | None:
        """None where the number of rows is not known."""
        if past := self.took.get((group.dataset, group.method, group.variant)):
            return Guess(statistics.median(past), "as last time")
        rows = self.rows.get(group.dataset)
        if not rows:
            return None
        words = (f"{group.method}/{group.variant} elsewhere", f"{group.method} elsewhere", "a typical method")
        for key, basis in zip(((group.method, group.variant), (group.method,), ()), words, strict=True):
            if key in self.rates:
                epochs = max(1.0, statistics.median(self.lasted[key]) * self.epochs[group.dataset])
                return Guess(statistics.median(self.rates[key]) * rows * epochs, f"from {basis}")
        return Guess(_GUESS * rows * self.epochs[group.dataset] / 2, "a guess")


def estimate(
    records: Sequence[Record], names: Collection[str], data: Path | None, absent: Container[str], device: str
) -> CostModel:
    """Returns what the records tell of costs. names: the datasets to estimate; their training rows as prepared,
    recorded, those of another protocol of the same source, or published. absent: of them, those whose data are not
    there."""
    from datasets import registry
    from datasets.cache import meta

    rows: dict[str, int | None] = {
        r.dataset: r.facts["split_sizes"]["train"] for r in records if "split_sizes" in r.facts
    }
    for name in sorted(names):  # a source's plain protocol before its others
        if name not in absent and (kept := meta(registry.get(name, data), data)):
            rows[name] = kept["facts"]["split_sizes"]["train"]
        elif name not in rows:
            official = registry.get(name, data).source.official_rows
            rows[name] = rows.get(name.partition("@")[0]) or int(0.6 * official) or None
    known = set(registry.names(data))
    return CostModel(
        records, rows, {name: registry.get(name, data).protocol.epochs for name in rows.keys() & known}, device
    )


def longest_first(groups: Sequence[Group], costs: CostModel) -> list[Group]:
    """Returns the groups in the order in which a few workers are done soonest: none waits at the end for one that took
    long and came last. Those of equal cost stay as they were."""
    seconds = {group: guess.seconds * len(group.seeds) if (guess := costs.of(group)) else 0.0 for group in groups}
    return sorted(groups, key=lambda group: -seconds[group])


def spell(seconds: float) -> str:
    """A duration for people: 40 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"
