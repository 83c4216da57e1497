"""Records gathered by method and variant: what a leaderboard or a paper's table shows in one row."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, TypeVar

from benchmark.compare.noise import Noise
from benchmark.files.paths import RUNS
from benchmark.records.record import Record, encode
from benchmark.records.study import is_tuned
from reports.markup.table import Entry
from reports.markup.text import code, plain
from reports.model.aside import aside
from reports.model.controls import worlds
from reports.model.folder import Folder
from reports.model.methods import Kind, bases, kind_of, methods
from reports.model.metrics import METRICS, shown
from reports.model.summary import Summary, entry, summarise

SEEDS = 5  # a row with fewer says so

Key = tuple[str, str, str]  # dataset, method, variant
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Result:
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

    @cached_property
    def kind(self) -> Kind:
        return kind_of(self.method, self.ok)

    @property
    def name(self) -> str:
        """The title as Markdown; what sees the label alone and the oracle in italics."""
        return self._dressed(self.title)

    @property
    def full(self) -> str:
        """The title, with the variant where it is not the default; no Markdown."""
        return self.title + ("" if self.variant == "default" else f" ({self.variant})")

    @property
    def label(self) -> str:
        """The same as Markdown."""
        return self._dressed(self.full)

    def _dressed(self, text: str) -> str:
        return f"*{plain(text)}*" if self.label_only or self.oracle else plain(text)

    @property
    def seedless(self) -> bool:
        """Without noise of its own: one cell says all."""
        return self.label_only or self.oracle or self.method in methods().seedless

    @property
    def label_only(self) -> bool:
        return self.kind == "constant"

    @property
    def oracle(self) -> bool:
        return self.kind == "oracle"

    @property
    def trees(self) -> bool:
        return self.kind == "trees"

    @property
    def gradient(self) -> bool:
        """Trained by gradients: its records carry a curve."""
        return any(record.curve is not None for record in self.ok)

    @property
    def flat(self) -> bool:
        """Predicts one number for everybody, so that it orders nobody."""
        return self.label_only and all(r.metrics.get("test", {}).get("spearman") is None for r in self.ok)

    @property
    def seeds(self) -> int:
        return len(self.ok)

    @property
    def few(self) -> bool:
        """Whether fewer seeds stand behind its numbers than usual."""
        return 0 < self.seeds < SEEDS and not self.seedless

    def metric(self, name: str, part: str = "") -> Summary | None:
        """A test metric over the seeds, over all rows or over a slice; None where no record has it."""
        known = self._known
        if (name, part) not in known:
            values = (r.slices.get(part, {}) if part else r.metrics.get("test", {}) for r in self.ok)
            known[name, part] = summarise((metrics.get(name) for metrics in values), exact=self.seedless)
        return known[name, part]

    @cached_property
    def _known(self) -> dict[tuple[str, str], Summary | None]:
        return {}

    def valid(self, name: str) -> Summary | None:
        """A metric of the validation rows over the seeds."""
        return summarise((r.metrics.get("valid", {}).get(name) for r in self.ok), exact=self.seedless)

    def entry(self, name: str, part: str = "") -> Entry:
        """A test metric as a table's entry."""
        return entry(self.metric(name, part))

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
        """Says in a word that the row has numbers, or why it has none."""
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


class Board:
    """Every result, by dataset, method and variant, each dataset's facts, and the folder that they come from."""

    def __init__(
        self,
        records: Iterable[Record],
        stale: Mapping[str, str] | None = None,
        noise: Mapping[str, Noise] | None = None,
        *,
        folder: Folder | None = None,
    ) -> None:
        """stale: "dataset/method/variant/seed" -> why; these records are refused. noise: of each dataset that was
        resampled."""
        self.noise = dict(noise or {})
        self.results: dict[Key, Result] = {}
        self.stale = dict(stale or {})
        self.folder = folder or Folder()
        self.records = sorted(records, key=lambda record: record.cell)
        self._kept: dict[object, Any] = {}
        for key, group in groupby(self.records, key=lambda r: (r.dataset, r.method, r.variant)):
            members = list(group)
            trusted = [r for r in members if str(r.cell) not in self.stale]
            ok, failed, skipped = (tuple(r for r in trusted if r.outcome == o) for o in ("ok", "failed", "skipped"))
            refused = {r.seed: self.stale[str(r.cell)] for r in members if str(r.cell) in self.stale}
            title = (trusted or members)[-1].title
            self.results[key] = Result(*key, title, ok, failed, skipped, refused)

    @property
    def datasets(self) -> list[str]:
        """Those with a board of their own: a protocol with one change stands beside its base where that has any, and
        worlds made for an idea stand together on a page."""
        found = {dataset for dataset, _, _ in self.results} - worlds().keys()
        return sorted(dataset for dataset in found if bases().get(dataset) not in found)

    def of(self, dataset: str) -> list[Result]:
        """The dataset's results by method, the default variant first."""
        return self.keep(("of", dataset), lambda: self._of(dataset))

    def _of(self, dataset: str) -> list[Result]:
        found = (result for result in self.results.values() if result.dataset == dataset)
        return sorted(found, key=lambda e: (e.method, e.variant != "default", e.variant))

    def get(self, dataset: str, method: str, variant: str = "default") -> Result | None:
        return self.results.get((dataset, method, variant))

    def numbers(self, dataset: str, method: str, variant: str = "default") -> Result | None:
        """The result where it has numbers."""
        result = self.get(dataset, method, variant)
        return result if result and result.ok else None

    def trusted(self, dataset: str) -> list[Record]:
        """The dataset's records with numbers, stale ones left out."""
        return [record for result in self.of(dataset) for record in result.ok]

    def facts(self, dataset: str) -> dict[str, Any]:
        """Returns what the dataset's records say of its data; empty where none says anything."""
        return self.keep(("facts", dataset), lambda: self._facts(dataset))

    def _facts(self, dataset: str) -> dict[str, Any]:
        candidates = self.trusted(dataset) or [r for r in self.records if r.dataset == dataset]
        return next((dict(record.facts) for record in candidates if record.facts), {})

    def unit(self, dataset: str) -> str:
        """The unit of the dataset's label; seconds where its records do not say. A word for texts and pictures alike:
        what could be markup of either is left out."""
        said = str(self.facts(dataset).get("unit", "s"))
        return "".join(c for c in said if c.isprintable() and c not in "\\`*_|<>[]&!\"'=")[:40]

    def metrics(self, dataset: str) -> tuple[str, ...]:
        """The metrics of its leaderboard."""
        return self.keep(("metrics", dataset), lambda: shown(self._names(dataset)))

    def _names(self, dataset: str) -> set[str]:
        return {name for record in self.trusted(dataset) for name in record.metrics.get("test", {})}

    def has(self, dataset: str) -> bool:
        """Whether the dataset has a number."""
        return bool(self.trusted(dataset))

    def best(self, dataset: str, metric: str, kind: Kind) -> Result | None:
        """The result of that kind with the least mean of an error."""
        known = [result for result in self.of(dataset) if result.ok and result.kind == kind]
        values = [(value, e.label, e) for e in known if (value := e.mean(metric)) is not None]
        return min(values, key=lambda v: v[:2])[2] if values else None

    def constant(self, dataset: str, metric: str) -> Result | None:
        """The best of the results that predict one number for everybody."""
        sign = 1 if METRICS[metric].low else -1
        values = [(sign * v, e.label, e) for e in self.of(dataset) if e.flat and (v := e.mean(metric)) is not None]
        return min(values, key=lambda v: v[:2])[2] if values else None

    @cached_property
    def untuned(self) -> "Board":
        """Without what a search chose: that stands beside the default on a page of its own, every other table compares
        defaults."""
        return self.only(lambda result: not is_tuned(result.variant))

    @cached_property
    def searched(self) -> "Board":
        """The defaults and what searches chose."""
        return self.only(lambda result: result.variant == "default" or is_tuned(result.variant))

    @cached_property
    def ranked(self) -> "Board":
        """The board that leaderboards rank: without the variants that have tables of their own; one that has no
        number stays, with its reason."""
        return self.untuned.only(lambda result: result.key[1:] not in aside() or not result.ok)

    def only(self, wanted: Callable[[Result], bool]) -> "Board":
        """The board of some of the results."""
        kept = [r for result in self.results.values() if wanted(result) for r in self._records[result.key]]
        return Board(kept, self.stale, self.noise, folder=self.folder)

    @cached_property
    def _records(self) -> dict[Key, list[Record]]:
        return {
            key: list(group) for key, group in groupby(self.records, key=lambda r: (r.dataset, r.method, r.variant))
        }

    @property
    def committed(self) -> bool:
        """Whether these are the committed records, not a reader's own run."""
        return self.folder.runs is None or self.folder.runs.resolve() == RUNS

    @property
    def where(self) -> str:
        """The folder of the records, as code."""
        return "`reports/runs/`" if self.committed else f"`{self.folder.runs}`"

    def command(self, what: str) -> str:
        """A command on these records, as code."""
        return f"`python -m benchmark {what}{'' if self.committed else f' --runs {self.folder.runs}'}`"

    def stamp(self, results: Iterable[Result]) -> str:
        """A digest of the records behind some results: what is drawn from them is drawn alike where it is the same."""
        total, hashes = hashlib.sha256(), self.folder.hashes
        for record in (record for result in results for record in result.ok):
            found = hashes.get(record.cell.path.as_posix())
            total.update(found.encode() if found else encode(record))
        return total.hexdigest()

    def keep(self, key: object, make: Callable[[], _T]) -> _T:
        """Returns what `make` gives, made once for this board."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]
