"""Records gathered by method and variant: what a leaderboard or a paper's table shows in one row."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from benchmark.compare.noise import Noise
from benchmark.records.record import Record
from reports.markup.markdown import code, plain
from reports.model.summary import Summary, summarise

LABEL_ONLY = frozenset({"zero", "mean", "median", "bucket_mean", "bucket_median"})
TREES = "boosting"
ORACLE = "oracle"
SEEDS = 5  # a row with fewer says so

Key = tuple[str, str, str]  # dataset, method, variant


@dataclass(frozen=True, eq=False)
class Entry:
    """The seeds of one method's variant on one dataset, by what became of them."""

    dataset: str
    method: str
    variant: str
    title: str
    ok: tuple[Record, ...]
    failed: tuple[Record, ...] = ()
    skipped: tuple[Record, ...] = ()
    stale: Mapping[int, str] = field(default_factory=dict)  # seed -> why; these records are in none of the above

    @property
    def key(self) -> Key:
        return self.dataset, self.method, self.variant

    @property
    def name(self) -> str:
        """The title as Markdown; label-only baselines and the oracle in italics."""
        return self._dressed(self.title)

    @property
    def label(self) -> str:
        """The name, with the variant where it is not the default."""
        return self._dressed(self.title + ("" if self.variant == "default" else f" ({self.variant})"))

    def _dressed(self, text: str) -> str:
        return f"*{plain(text)}*" if self.seedless else plain(text)

    @property
    def seedless(self) -> bool:
        """Without noise of its own: one cell says all."""
        return self.label_only or self.oracle

    @property
    def label_only(self) -> bool:
        return self.method in LABEL_ONLY

    @property
    def oracle(self) -> bool:
        return self.method == ORACLE

    @property
    def trees(self) -> bool:
        return self.method == TREES

    @property
    def gradient(self) -> bool:
        """Trained by gradients: its records carry a curve."""
        return any(record.curve is not None for record in self.ok)

    @property
    def seeds(self) -> int:
        return len(self.ok)

    @property
    def few(self) -> bool:
        """Whether fewer seeds stand behind its numbers than usual."""
        return 0 < self.seeds < SEEDS and not self.seedless

    def metric(self, name: str, part: str = "") -> Summary | None:
        """A test metric over the seeds, over all rows or over a slice; None where no record has it."""
        values = (r.slices.get(part, {}) if part else r.metrics.get("test", {}) for r in self.ok)
        return summarise((metrics.get(name) for metrics in values), exact=self.seedless)

    def inside(self, name: str) -> Summary | None:
        """A number that a method tells of its trained model, over the seeds."""
        return summarise((r.inside.get(name) for r in self.ok), exact=self.seedless)

    def mean(self, name: str, part: str = "") -> float | None:
        summary = self.metric(name, part)
        return None if summary is None else summary.mean

    def cost(self, name: str) -> float | None:
        """The mean of a field of the cost over the seeds."""
        summary = summarise(float(getattr(r.cost, name)) for r in self.ok if r.cost is not None)
        return None if summary is None else summary.mean

    @property
    def state(self) -> Literal["ok", "stale", "failed", "skipped"]:
        """Of the row: it has numbers, or why it has none."""
        return "ok" if self.ok else "stale" if self.stale else "failed" if self.failed else "skipped"

    @property
    def remarks(self) -> str:
        """Seeds that are not in the numbers, and why, as Markdown."""
        found = []
        for word, reasons in (
            ("stale", self.stale),
            ("failed", {r.seed: r.error for r in self.failed}),
            ("skipped", {r.seed: r.error for r in self.skipped}),
        ):
            for why in dict.fromkeys(reasons.values()):
                seeds = [seed for seed, reason in reasons.items() if reason == why]
                found.append(f"{_seeds(seeds)} {word}: {code(why or 'no reason given')}")
        if self.seeds == 1 and not self.seedless:
            found.append("one seed: its noise is unknown")
        return "; ".join(found)


def _seeds(seeds: list[int]) -> str:
    seeds = sorted(seeds)
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]}–{seeds[-1]}"
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


BESIDE = {  # protocol -> the protocol that it differs from in one thing, see tweaks.py
    f"kuairec@{change}": "kuairec" for change in ("cap60", "no-duration", "batch256", "batch4096", "unstopped", "last")
}


class Board:
    """Every entry, by dataset, method and variant, and each dataset's facts."""

    def __init__(
        self,
        records: Iterable[Record],
        stale: Mapping[str, str] | None = None,
        noise: Mapping[str, Noise] | None = None,
    ) -> None:
        """stale: "dataset/method/variant/seed" -> why; these records are refused. noise: of each dataset that was
        resampled."""
        self.noise = dict(noise or {})
        self.entries: dict[Key, Entry] = {}
        self.stale = dict(stale or {})
        self.records = sorted(records, key=lambda record: record.cell)
        for key, group in groupby(self.records, key=lambda r: (r.dataset, r.method, r.variant)):
            members = list(group)
            trusted = [r for r in members if str(r.cell) not in self.stale]
            ok, failed, skipped = (tuple(r for r in trusted if r.outcome == o) for o in ("ok", "failed", "skipped"))
            refused = {r.seed: self.stale[str(r.cell)] for r in members if str(r.cell) in self.stale}
            title = (trusted or members)[-1].title
            self.entries[key] = Entry(*key, title, ok, failed, skipped, refused)

    @property
    def datasets(self) -> list[str]:
        """Those with a board of their own: a protocol with one change stands beside its base where that has any."""
        found = {dataset for dataset, _, _ in self.entries}
        return sorted(dataset for dataset in found if BESIDE.get(dataset) not in found)

    def of(self, dataset: str) -> list[Entry]:
        """The dataset's entries by method, the default variant first."""
        found = (entry for entry in self.entries.values() if entry.dataset == dataset)
        return sorted(found, key=lambda e: (e.method, e.variant != "default", e.variant))

    def get(self, dataset: str, method: str, variant: str = "default") -> Entry | None:
        return self.entries.get((dataset, method, variant))

    def numbers(self, dataset: str, method: str, variant: str = "default") -> Entry | None:
        """The entry where it has numbers."""
        entry = self.get(dataset, method, variant)
        return entry if entry and entry.ok else None

    def trusted(self, dataset: str) -> list[Record]:
        """The dataset's records with numbers, stale ones left out."""
        return [record for entry in self.of(dataset) for record in entry.ok]

    def facts(self, dataset: str) -> dict[str, Any]:
        """What the dataset's records say of its data; empty where none says anything."""
        candidates = self.trusted(dataset) or [r for r in self.records if r.dataset == dataset]
        return next((dict(record.facts) for record in candidates if record.facts), {})

    def has(self, dataset: str) -> bool:
        """Whether the dataset has a number."""
        return bool(self.trusted(dataset))

    def without(self, variants: Collection[tuple[str, str]]) -> "Board":
        """The board without the numbers of these methods' variants; one that has none stays, with its reason."""
        kept = {key for key, entry in self.entries.items() if key[1:] not in variants or not entry.ok}
        return Board([r for r in self.records if (r.dataset, r.method, r.variant) in kept], self.stale, self.noise)

    def best(self, dataset: str, metric: str, *, label_only: bool = False, trees: bool = False) -> Entry | None:
        """The entry of that kind with the least mean of an error."""
        kind = [e for e in self.of(dataset) if e.ok and ((label_only and e.label_only) or (trees and e.trees))]
        values = [(value, e.label, e) for e in kind if (value := e.mean(metric)) is not None]
        return min(values, key=lambda v: v[:2])[2] if values else None
