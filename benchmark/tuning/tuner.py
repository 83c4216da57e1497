"""From a budget to trials: every study's next batch, its trials trained together where they may, each written as soon
as its stack ends."""

import itertools
import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console

from benchmark.execute.engine import Engine, Options
from benchmark.execute.events import Done, Failed
from benchmark.execute.progress import Display
from benchmark.files.errors import UserError
from benchmark.plan.catalog import Entry
from benchmark.plan.expected import Expected
from benchmark.plan.searches import grids
from benchmark.plan.survey import survey
from benchmark.records.cell import Cell, Group
from benchmark.records.store import Store
from benchmark.records.study import Study, best, told, variant_of
from benchmark.records.trial import Attempt, Proposal, Trial
from benchmark.tuning.proposals import BATCH, Search, batch_of, propose
from benchmark.tuning.resume import resumed
from benchmark.tuning.space import common, parse, size, structure
from benchmark.tuning.task import Tried, TryTrials

PAPER = "paper"  # the variant that a method's paper stands for


@dataclass(frozen=True)
class Asked:
    """A study to bring to a number of trials."""

    study: Study
    search: Search
    budget: int

    @property
    def cells(self) -> list[Cell]:
        """Returns one that stands for the study's dataset and method."""
        return [Cell(self.study.dataset, self.study.method, "default", 0)]

    @property
    def most(self) -> int:
        """Returns how many trials it can have: fewer than the budget where there are fewer settings."""
        search, given = self.search, [config for _, config in self.search.given]
        if search.grid:
            return min(self.budget, len(given))
        return int(min(self.budget, size(search.space) + sum(not search.reaches(config) for config in given)))


def asked(
    cells: Sequence[Cell], methods: Mapping[str, Entry], *, budget: int = 0, search: str = ""
) -> tuple[list[Asked], dict[str, str]]:
    """Returns the studies of the methods whose default is among the cells, of their own space to a budget of trials or
    of a named search's whole grid; and of the other methods, why there is nothing to tune.

    Raises UserError on a budget below 1, or where no default is among the cells.
    """
    if not search and budget < 1:
        raise UserError(f"--tune {budget}: at least one trial is needed")
    points = grids(search, {name: e.configs["default"] for name, e in methods.items()}) if search else {}
    found: list[Asked] = []
    untuned: dict[str, str] = {}
    for dataset, name in dict.fromkeys((c.dataset, c.method) for c in cells if c.variant == "default"):
        entry, study = methods[name], Study(dataset, name, variant_of(search))
        default = entry.configs["default"]
        if search:
            if grid := points.get(name, ()):
                found.append(Asked(study, Search(str(study), (), default, grid=grid), len(grid)))
            continue
        try:
            space = parse(common(entry.space, default) if entry.kind == "gradient" else entry.space, default)
        except ValueError as error:
            untuned[name] = f"cannot be tuned: {error}"
            continue
        if not space:
            untuned[name] = "nothing to tune: its space is empty"
            continue
        found.append(Asked(study, Search(str(study), space, default, entry.configs.get(PAPER)), budget))
    if search and not found:
        raise UserError(f"--search {search} is of {', '.join(points)}, of which the chosen cells have no default")
    if not found and not untuned:
        raise UserError("a search starts from a method's default, and none is among the chosen cells: --only METHOD")
    return found, untuned


@dataclass
class Session:
    """One study at work."""

    asked: Asked
    trials: dict[int, Trial] = field(default_factory=dict)
    pending: set[int] = field(default_factory=set)
    ended: str = ""  # why it has no more trials to run
    complete: bool = False  # because there are none
    told: bool = False  # that it has

    @property
    def history(self) -> list[Trial]:
        """Returns its trials by number."""
        return [self.trials[number] for number in sorted(self.trials)]

    def batch(self) -> list[Proposal]:
        """Returns what is to be tried next of the first batch that is not complete; empty while trials run, and once
        ended."""
        if self.pending or self.ended:
            return []
        for start in itertools.count(0, BATCH):
            numbers = [number for number in batch_of(start) if number < self.asked.budget]
            if not numbers:
                self.ended, self.complete = "done", True
                return []
            before = [self.trials[number] for number in range(start)]
            there = [self.trials[number] for number in numbers if number in self.trials]
            if before and not self.asked.search.grid and all(trial.outcome != "ok" for trial in before):
                self.ended = f"none of its {len(before)} trials has a number: {before[0].error}"
                return []
            if all(number in self.trials for number in numbers):
                continue
            todo = [p for p in propose(self.asked.search, start, before, there) if p.number in numbers]
            if not todo:
                self.ended, self.complete = f"every setting of its space is tried: {len(self.trials)}", True
                return []
            self.pending = {p.number for p in todo}
            return todo
        raise AssertionError("batches have no end")

    def take(self, trial: Trial) -> None:
        self.trials[trial.number] = trial
        self.pending.discard(trial.number)

    def leave(self, numbers: Iterable[int], why: str) -> None:
        """End the study without these trials."""
        self.pending.difference_update(numbers)
        self.ended = why


def stacks(proposals: Sequence[Proposal], pieces: int, *, gradient: bool = True) -> list[list[Proposal]]:
    """Returns the proposals that may train together, each stack in so many pieces of at least two (or one, where none
    is trained by gradients: those share nothing). Results do not depend on it."""
    groups: dict[object, list[Proposal]] = {}
    for proposal in proposals:
        groups.setdefault(structure(proposal.config) if gradient else None, []).append(proposal)
    found = []
    for group in groups.values():
        count = max(1, min(pieces, len(group) // 2)) if gradient else min(pieces, len(group))
        width = math.ceil(len(group) / count)
        found += [group[at : at + width] for at in range(0, len(group), width)]
    return sorted(found, key=len, reverse=True)


class Tuner:
    """One run over some studies."""

    def __init__(self, methods: Mapping[str, Entry], store: Store, options: Options, console: Console) -> None:
        self.methods, self.store, self.options = methods, store, options
        self.engine = Engine(options, console)

    def run(self, wanted: Sequence[Asked]) -> list[Study]:
        """Bring each study to its budget; returns those that have a choice. Trials whose code, protocol, data or search
        moved are set aside, and their study starts again.

        Raises UserError where the data are bad, none of the datasets is there, or a trial cannot be written.
        """
        with self.store.lock():
            cells = [cell for a in wanted for cell in a.cells]
            found = survey(cells, self.methods, self.store, self.options.root)
            there = {cell.dataset for cell in self.engine.present(found)}
            sessions = {a.study: self._session(a, found.expected) for a in wanted if a.study.dataset in there}
            self._work(sessions, found.expected)
            self.engine.conclude()
            return [study for study, session in sessions.items() if best(session.trials.values())]

    def _session(self, asked: Asked, expected: Expected) -> Session:
        found = resumed(asked.study, asked.search, self.store.folder, expected, self.options.rerun)
        if found.why:
            count = len(found.refused) + len(found.kept)
            self.engine.say(f"{asked.study}: {len(found.refused)} of its {count} trials are made again: {found.why}")
        found.settle(asked.study, self.store.folder)
        return Session(asked, {trial.number: trial for trial in found.kept})

    def _work(self, sessions: Mapping[Study, Session], expected: Expected) -> None:
        total = sum(max(0, s.asked.most - len(s.trials)) for s in sessions.values())
        queue: deque[TryTrials] = deque()
        with Display(total, self.engine.console, what="trials") as display:
            for session in sessions.values():
                queue.extend(self._next(session, sessions, expected, display))
            for job, event in self.engine.work(queue, display):
                session = sessions[job.study]
                match event:
                    case Done(Tried() as tried):
                        self._keep(job, tried, session, display)
                    case Failed(error, "method" | "environment") if len(job.proposals) > 1:
                        display.say(f"{job.group}: {error}; trying its trials one by one")
                        display.drop(job.group)
                        queue.extendleft(self._job(session, [p], expected) for p in reversed(job.proposals))
                        continue
                    case Failed(error, "method"):
                        self._keep(job, _failed(job, error, expected), session, display)
                    case Failed(error):
                        self.engine.lose(job, error, display)
                        session.leave(job.numbers, "it ends here")
                # a study goes on before another begins, so that results come early
                queue.extendleft(reversed(self._next(session, sessions, expected, display)))

    def _next(
        self, session: Session, sessions: Mapping[Study, Session], expected: Expected, display: Display
    ) -> list[TryTrials]:
        """Returns the jobs of a study's next batch, in more pieces where few studies keep the workers busy."""
        todo = session.batch()
        if not todo:
            if session.ended and not session.told:
                session.told = True
                self._told(session, display)
            return []
        open_ = sum(not other.ended for other in sessions.values())
        gradient = self.methods[session.asked.study.method].kind == "gradient"
        pieces = math.ceil(self.engine.workers / max(open_, 1))
        return [self._job(session, stack, expected) for stack in stacks(todo, pieces, gradient=gradient)]

    def _told(self, session: Session, display: Display) -> None:
        """Print the one line of a study that has ended, whose older trials are then needed no more."""
        if session.complete and best(session.history):
            session.asked.study.replaced(self.store.folder, session.trials)
        words = "" if session.ended == "done" else f"; {session.ended}"
        display.say(f"{session.asked.study}: {told(session.history)}{words}")

    def _job(self, session: Session, proposals: Sequence[Proposal], expected: Expected) -> TryTrials:
        study = session.asked.study
        default = Group(study.dataset, study.method, "default", ())
        return TryTrials(study, tuple(proposals), self.engine.origin(self.methods[study.method], expected, default))

    def _keep(self, job: TryTrials, tried: Tried, session: Session, display: Display) -> None:
        """Write the trials of a finished or failed stack."""
        for trial in tried.trials:
            self.store.write_trial(job.study, trial)
            session.take(trial)
        if tried.skipped:
            session.leave(job.numbers, f"cannot run: {tried.skipped}")
            display.drop(job.group)
            return
        outcomes = Counter(trial.outcome for trial in tried.trials)
        words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items(), reverse=True))
        words = next(iter(outcomes)) if len(outcomes) == 1 else f"({words})"
        errors = [trial.error for trial in tried.trials if trial.error]
        chosen = best(session.trials.values())
        so_far = f"; best so far {chosen.objective:.6g} (trial {chosen.number})" if chosen else ""
        display.finish(job.group, words + (f": {errors[0]}" if errors else "") + so_far)


def _failed(job: TryTrials, error: str, expected: Expected) -> Tried:
    """Returns the trials of a job whose worker died."""
    protocol, data = expected.protocols[job.dataset], expected.fingerprints[job.dataset] or ""
    return Tried(tuple(job.trial(one, Attempt("failed", error), protocol, data) for one in job.proposals))
