"""A study: one dataset, one method, its trials in order; what they are worth today, and what they choose.

Trials lie below the records folder as `<dataset>/<method>/<variant>/trials/<number>.json`, beside the records of the
cells that they choose for, one level deeper than those.
"""

import contextlib
import shutil
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmark.files.atomic import need
from benchmark.files.errors import UserError
from benchmark.files.listing import below
from benchmark.files.remembered import all_of
from benchmark.records.identity import closure, of_files
from benchmark.records.possible import wrong_trial
from benchmark.records.record import Tuned
from benchmark.records.trial import Trial, encode
from datasets.common.files import put

TUNED = "tuned"  # the variant of a method's own space; a named search's is "tuned-NAME"
FOLDER = "trials"
_BEFORE = "before"  # a folder of older trials, until the search that replaces them has ended
_FILES = "[0-9]*.json"
GLOB = f"*/*/*/{FOLDER}/{_FILES}"  # of all trials below a records folder
_CODE = of_files(closure(__name__))  # as this process has it, whatever becomes of the files


def variant_of(search: str = "") -> str:
    return f"{TUNED}-{search}" if search else TUNED


def is_tuned(variant: str) -> bool:
    """Says whether a variant's settings are chosen by a study."""
    return variant == TUNED or variant.startswith(f"{TUNED}-")


@dataclass(frozen=True, order=True)
class Study:
    """One search over one method's settings on one dataset."""

    dataset: str
    method: str
    variant: str = TUNED

    def __str__(self) -> str:
        return f"{self.dataset}/{self.method}/{self.variant}"

    def folder(self, runs: Path) -> Path:
        return runs / self.dataset / self.method / self.variant / FOLDER

    def path(self, runs: Path, number: int) -> Path:
        return self.folder(runs) / self._name(number)

    @staticmethod
    def _name(number: int) -> str:
        return f"{number:03d}.json"

    def read(self, runs: Path) -> list[Trial]:
        """Its trials by number. Raises UserError on a file that is not one of them."""
        return self._read(self.folder(runs))

    def aside(self, runs: Path) -> list[Trial]:
        """The older trials that new ones have not replaced yet, by number. Raises UserError as `read`."""
        return self._read(self.folder(runs) / _BEFORE)

    def _read(self, folder: Path) -> list[Trial]:
        return sorted(map(self._trial, folder.glob(_FILES)), key=lambda trial: trial.number)

    def _trial(self, path: Path) -> Trial:
        trial = need(path, Trial, what="a trial", cure="delete it and run again")
        theirs = Study(trial.dataset, trial.method, trial.variant)
        if theirs != self or path.name != self._name(trial.number):
            raise UserError(f"{path} holds trial {trial.number} of {theirs}: delete it or move it back")
        if why := wrong_trial(trial):
            raise UserError(f"{path} cannot be right ({why}): delete it and run again")
        return trial

    def write(self, runs: Path, trial: Trial) -> None:
        """Put a trial in place: whole or not at all. Raises OSError."""
        put(self.path(runs, trial.number), encode(trial))

    def set_aside(self, runs: Path, trials: Iterable[Trial]) -> None:
        """Move these trials, the last first so that a gap is never left, to where nobody counts them. Where older ones
        lie there already, these are of a search that never ended, and are deleted. Raises UserError."""
        before = self.folder(runs) / _BEFORE
        with self._changing(runs):
            older = {path.name for path in before.glob(_FILES)}
            for trial in sorted(trials, key=lambda trial: -trial.number):
                path = self.path(runs, trial.number)
                if path.name in older:
                    path.unlink(missing_ok=True)
                else:
                    before.mkdir(exist_ok=True)
                    path.replace(before / path.name)

    def restore(self, runs: Path) -> None:
        """Move the trials that are set aside back, over those of their numbers. Raises UserError."""
        with self._changing(runs):
            for path in sorted((self.folder(runs) / _BEFORE).glob(_FILES)):
                path.replace(self.folder(runs) / path.name)

    def replaced(self, runs: Path, numbers: Container[int]) -> None:
        """Delete the trials that are set aside once there are new ones of all their numbers. Raises UserError."""
        if (old := self.aside(runs)) and all(trial.number in numbers for trial in old):
            with self._changing(runs):
                shutil.rmtree(self.folder(runs) / _BEFORE)

    @contextlib.contextmanager
    def _changing(self, runs: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"{self.folder(runs)} cannot be changed ({error.strerror})") from None


def studies(runs: Path) -> dict[Study, list[Trial]]:
    """Every study that has a trial below the folder. Raises UserError on a file that is no trial."""

    def read(path: Path) -> Trial:
        return Study(*path.parts[len(runs.parts) :][:3])._trial(path)

    found: dict[Study, list[Trial]] = {}
    for trial in all_of(runs, below(runs, GLOB), Trial, read, _CODE):
        found.setdefault(Study(trial.dataset, trial.method, trial.variant), []).append(trial)
    return {study: sorted(found[study], key=lambda trial: trial.number) for study in sorted(found)}


def best(trials: Iterable[Trial]) -> Trial | None:
    """The trial with the least objective, the first of equal ones; None where none has one."""
    known = [(trial.objective, trial.number, trial) for trial in trials if trial.objective is not None]
    return min(known, key=lambda item: item[:2])[2] if known else None


def told(trials: Sequence[Trial]) -> str:
    """Counts the trials of each outcome and names the best so far, in words."""
    counts = Counter(trial.outcome for trial in trials)
    words = ", ".join(f"{counts[o]} {o}" for o in ("ok", "diverged", "failed") if counts[o])
    if (chosen := best(trials)) is None or chosen.objective is None:
        return f"{len(trials)} trials ({words})" if trials else "no trial"
    setting = ", ".join(f"{name} {value}" for name, value in chosen.params.items())
    return (
        f"{len(trials)} trials ({words}), best {chosen.metric} {chosen.objective:.6g} on validation rows: "
        f"trial {chosen.number}, {setting}"
    )


@dataclass(frozen=True)
class Choice:
    """The configuration that a study chose, for the cells of its variant."""

    config: Mapping[str, object]
    tuned: Tuned


def choose(study: Study, trials: Sequence[Trial]) -> Choice | None:
    """None where no trial has an objective."""
    chosen = best(trials)
    if chosen is None or chosen.objective is None:
        return None
    return Choice(
        chosen.config,
        Tuned(
            study=str(study),
            trial=chosen.number,
            params=chosen.params,
            metric=chosen.metric,
            objective=chosen.objective,
            trials=len(trials),
            seconds=round(sum(trial.seconds for trial in trials), 1),
        ),
    )


@dataclass(frozen=True)
class Objectives:
    """Best, median and worst objective of a search: how much a method depends on it."""

    best: float
    median: float
    worst: float


def spread(trials: Iterable[Trial]) -> Objectives | None:
    known = [trial.objective for trial in trials if trial.objective is not None]
    return Objectives(min(known), median(known), max(known)) if known else None
