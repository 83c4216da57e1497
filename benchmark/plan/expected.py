"""The identity that a fresh record must have today, and the standing of a cell's or a study's files against it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from benchmark.plan.catalog import Entry
from benchmark.records.cell import Cell
from benchmark.records.identity import Closures, of_config, of_files
from benchmark.records.record import Record, Tuned
from benchmark.records.study import Choice, Study, choose, is_tuned
from benchmark.records.trial import Trial

State = Literal["fresh", "stale", "missing", "failed", "skipped"]

RERUNS: Mapping[str, Iterable[State]] = {  # what --rerun says -> which cells run
    "": ("missing", "stale"),
    "missing": ("missing",),
    "stale": ("stale",),
    "failed": ("failed",),
    "unpredicted": (),  # fresh ones, by what the cache of this machine holds
    "all": ("fresh", "stale", "missing", "failed", "skipped"),
}


@dataclass(frozen=True)
class Freshness:
    """A cell's state and, where it is not fresh, why."""

    state: State
    why: str = ""


class Expected:
    """Today's identity of every cell: code, configuration and data."""

    def __init__(
        self,
        methods: Mapping[str, Entry],
        protocols: Mapping[str, dict[str, Any]],
        fingerprints: dict[str, str | None],
    ) -> None:
        """fingerprints: of the prepared tables, None where a dataset is not at hand and its data cannot be checked."""
        self.methods, self.protocols, self.fingerprints = methods, protocols, fingerprints
        self.chosen: dict[Study, Choice | str] = {}  # of the variants that studies choose; or why there is no choice
        closures = Closures()
        self._files = {name: closures.of(entry.module) for name, entry in methods.items()}
        self._codes = {name: of_files(files) for name, files in self._files.items()}
        self._configs: dict[tuple[str, str, str], str] = {}  # the same for all seeds

    def files(self, method: str) -> dict[str, str]:
        return self._files[method]

    def code(self, method: str) -> str:
        return self._codes[method]

    def settings(self, cell: Cell) -> Mapping[str, Any] | str:
        """The cell's whole configuration: its method's, or what a study chose; or why there is none."""
        if is_tuned(cell.variant):
            choice = self.chosen.get(Study(cell.dataset, cell.method, cell.variant), "its study has no trials")
            return choice.config if isinstance(choice, Choice) else choice
        entry = self.methods.get(cell.method)
        if entry is None or cell.variant not in entry.configs:
            return "the method or its variant is no longer there"
        return entry.configs[cell.variant]

    def tuned(self, cell: Cell) -> Tuned | None:
        """Returns the study and the trial that chose the cell's configuration, if one did."""
        choice = self.chosen.get(Study(cell.dataset, cell.method, cell.variant))
        return choice.tuned if isinstance(choice, Choice) else None

    def learn(
        self, cells: Iterable[Cell], runs: Path, tried: Mapping[Study, Sequence[Trial]] = MappingProxyType({})
    ) -> dict[Study, str]:
        """Read what the studies behind these cells have chosen, and those whose trials are read already, `tried`.
        Returns why each of them is stale; empty where it is fresh. Raises UserError on a damaged trial."""
        found = {}
        behind = {Study(c.dataset, c.method, c.variant) for c in cells if is_tuned(c.variant)}
        for study in sorted(behind | tried.keys()):
            trials = tried[study] if study in tried else study.read(runs)
            found[study] = moved = stale(study, trials, self)
            why = f"its study is stale: {moved}" if moved else "no trial of its study has a number"
            self._configs.pop((study.dataset, study.method, study.variant), None)
            self.chosen[study] = (None if moved else choose(study, trials)) or (why if trials else "its study is gone")
        return found

    def config(self, cell: Cell) -> str:
        """Raises KeyError where there is no configuration."""
        row = (cell.dataset, cell.method, cell.variant)
        if row not in self._configs:
            settings = self.settings(cell)
            if isinstance(settings, str):
                raise KeyError(f"{cell}: {settings}")
            self._configs[row] = of_config(settings, self.protocols[cell.dataset])
        return self._configs[row]

    def standing(self, cell: Cell, record: Record | None) -> Freshness:
        """fresh, stale (with what moved), failed, skipped or missing."""
        if record is None:
            return Freshness("missing")
        settings = self.settings(cell)
        if isinstance(settings, str):
            return Freshness("stale", settings)
        if cell.dataset not in self.protocols:
            return Freshness("stale", "the dataset is no longer there")
        if record.identity.code != self.code(cell.method):
            now, then = self._files[cell.method], record.identity.files
            moved = sorted(f for f in now.keys() | then.keys() if now.get(f) != then.get(f))
            return Freshness("stale", f"code moved: {', '.join(moved) or 'import closure'}")
        if record.identity.config != self.config(cell):
            return Freshness(
                "stale", "configuration moved: " + _differences(record, settings, self.protocols[cell.dataset])
            )
        data = self.fingerprints.get(cell.dataset)
        if data is not None and record.identity.data not in ("", data):
            return Freshness("stale", f"data moved: recorded on {record.identity.data[:12]}, here {data[:12]}")
        if record.outcome != "ok":
            return Freshness(record.outcome, record.error)
        return Freshness("fresh")


def _differences(record: Record, settings: Mapping[str, Any], protocol: Mapping[str, Any]) -> str:
    moved = []
    for then, now in ((record.config, settings), (record.protocol, protocol)):
        moved += [
            f"{name} {then.get(name)!r} -> {now.get(name)!r}"
            for name in sorted({*then, *now})
            if then.get(name) != now.get(name)
        ]
    return "; ".join(moved) or "fields"


def stale(study: Study, trials: Iterable[Trial], expected: "Expected") -> str:
    """Returns why the trials count for nothing today, what moved since; empty where they are fresh."""
    if study.method not in expected.methods:
        return "the method is no longer there"
    if study.dataset not in expected.protocols:
        return "the dataset is no longer there"
    now, data = expected.files(study.method), expected.fingerprints.get(study.dataset)
    for trial in trials:
        then = trial.identity
        if then.code != expected.code(study.method):
            moved = sorted(f for f in now.keys() | then.files.keys() if now.get(f) != then.files.get(f))
            return f"code moved: {', '.join(moved) or 'import closure'}"
        if then.config != of_config(trial.config, expected.protocols[study.dataset]):
            return "the dataset's protocol moved"
        if data is not None and then.data not in ("", data):
            return f"data moved: recorded on {then.data[:12]}, here {data[:12]}"
    return ""


def wanted(standings: Mapping[Cell, Freshness], rerun: str) -> list[Cell]:
    """The cells to run: missing and stale ones by default; `rerun`, one of RERUNS, narrows or widens that."""
    return [cell for cell, standing in standings.items() if standing.state in RERUNS[rerun]]
