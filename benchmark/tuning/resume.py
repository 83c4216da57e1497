"""Which trials a study goes on from: those of the same search, on whatever processor they were made.

A search is its space, grid, default and sampler with its seed; a trial's code, protocol and data stand in its identity.
A proposal that is computed again says nothing: the sampler's arithmetic differs by rounding from processor to
processor, and one candidate of twenty-four that overtakes another makes another setting of it, as good as the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.plan.expected import Expected, stale
from benchmark.records.study import Study
from benchmark.records.trial import Trial
from benchmark.tuning.proposals import Search, arguments, batch_of

_FOOTNOTE = "optuna"  # the sampler's version, as those of other libraries
_LATER = "space"  # recorded since: in older trials the settings alone tell of it


def strayed(search: Search, trials: Sequence[Trial]) -> tuple[int, str] | None:
    """Returns the number of the first trial that is not of this search, and what is another; None where there is none.

    trials: by number."""
    for trial in trials:
        if what := _other(search, trial):
            return trial.number, what
    return None


def _other(search: Search, trial: Trial) -> str:
    """Returns what of the search a trial does not fit; empty where it fits."""
    given = search.given
    if trial.number < len(given):
        if (trial.proposer, trial.config) != given[trial.number]:
            return "grid" if search.grid else "default or paper's setting"
        return ""
    if search.grid:
        return "grid"
    now, then = arguments(search, batch_of(trial.number).start), dict(trial.sampler)
    then.pop(_FOOTNOTE, None)
    if then.setdefault(_LATER, now[_LATER]) != now[_LATER] or trial.params != search.params(trial.config):
        return "space"
    if not search.reaches(trial.config):
        return "space or default"
    return "" if trial.proposer == "tpe" and then == now else "sampler"


def serving(
    study: Study, search: Search, trials: Sequence[Trial], expected: Expected, rerun: str = ""
) -> tuple[Sequence[Trial], str]:
    """Returns the trials that a study can go on from, and why the others have to be made again, empty where all
    serve."""
    if moved := stale(study, trials, expected):
        return (), moved
    if rerun == "all" and trials:
        return (), "they are asked for again"
    first, why = None, ""
    if rerun == "failed" and (failed := [trial.number for trial in trials if trial.outcome == "failed"]):
        first, why = failed[0], f"trial {failed[0]} failed"
    elif other := strayed(search, trials):
        first, why = other[0], f"trial {other[0]} is of another search: its {other[1]} moved"
    return [trial for trial in trials if first is None or trial.number < first], why


@dataclass(frozen=True)
class Resumed:
    """What a study goes on from."""

    kept: Sequence[Trial]
    refused: Sequence[Trial] = ()
    why: str = ""
    restored: bool = False  # what an unfinished start had set aside serves better than what it made

    def settle(self, study: Study, runs: Path) -> None:
        """Leave the kept trials alone in the study's folder; the refused ones stay aside until new ones are there.
        Raises UserError."""
        if self.restored:
            study.restore(runs)
        study.set_aside(runs, self.refused)


def resumed(study: Study, search: Search, runs: Path, expected: Expected, rerun: str = "") -> Resumed:
    """Reads a study's trials, those that are set aside too, and says which of them serve; changes nothing. Raises
    UserError on a file that is no trial."""
    now, before = study.read(runs), study.aside(runs)
    kept, why = serving(study, search, now, expected, rerun)
    if before:
        old = sorted({trial.number: trial for trial in (*now, *before)}.values(), key=lambda trial: trial.number)
        served, reason = serving(study, search, old, expected, rerun)
        if len(served) > len(kept):
            return Resumed(served, old[len(served) :], reason, restored=True)
    return Resumed(kept, now[len(kept) :], why)
