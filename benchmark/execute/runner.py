"""From a list of cells to their records: find out what is missing or stale, run that, write each at once."""

import contextlib
from collections import Counter
from collections.abc import Mapping

from rich.console import Console

from benchmark.execute.cells import Trained
from benchmark.execute.engine import Engine, Options
from benchmark.execute.events import Done, Failed
from benchmark.execute.progress import Display
from benchmark.execute.task import TrainGroup
from benchmark.files.errors import UserError
from benchmark.files.paths import RUNS
from benchmark.plan.catalog import Entry
from benchmark.plan.estimate import CostModel, estimate, longest_first
from benchmark.plan.expected import Expected, Freshness, wanted
from benchmark.plan.survey import Survey, survey
from benchmark.records.cell import Cell, Group, grouped
from benchmark.records.predictions import kept, path_of
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.records.study import is_tuned
from benchmark.records.unkept import note, unkept


def _standing(standings: Mapping[Cell, Freshness]) -> str:
    """Returns what became of cells of which none is to run, in words."""
    counts = Counter(standing.state for standing in standings.values())
    if not counts["failed"]:
        return "every record is fresh"
    others = "".join(f", {count} {state}" for state, count in sorted(counts.items()) if state != "failed")
    return f"{counts['failed']} failed{others}; --rerun failed tries those that failed again"


class Runner:
    """One run over some cells."""

    def __init__(self, methods: Mapping[str, Entry], store: Store, options: Options, console: Console) -> None:
        self.methods, self.store, self.options = methods, store, options
        self.engine = Engine(options, console)

    def run(self, cells: list[Cell]) -> Survey:
        """Run what is missing or stale of these cells (see Options.rerun). Returns the survey as it stood before.

        Raises UserError where the data are bad, none of the datasets is there, or a record cannot be written.
        """
        with self.store.lock():
            found = survey(cells, self.methods, self.store, self.options.root)
            present = self.engine.present(found)
            settled = self._settled(present, found.expected)
            standings = {cell: found.expected.standing(cell, self.store.read(cell)) for cell in settled}
            todo = set(wanted(standings, self.options.rerun)) | self._unpredicted(standings)
            # every planned seed trains, so that a group always has its planned width; recorded ones are ghosts
            groups = [group for group in grouped(settled) if todo & set(group.cells)]
            groups.sort(key=lambda group: present.index(group.cells[0]))
            if 1 < self.engine.workers < len(groups):
                groups = longest_first(groups, self._costs({group.dataset for group in groups}))
            self._train(groups, todo, found.expected, standings)
            self.engine.conclude()
            return found

    def _costs(self, names: set[str]) -> CostModel:
        """Returns what the records of this folder, and the committed ones, tell of costs."""
        records: dict[Cell, Record] = {}
        for folder in dict.fromkeys((RUNS, self.store.folder)):
            with contextlib.suppress(UserError):  # a damaged record is another verb's to complain of
                records |= {record.cell: record for record in Store(folder).all()}
        return estimate(list(records.values()), names, self.options.root, (), self.engine.device)

    def _settled(self, cells: list[Cell], expected: Expected) -> list[Cell]:
        """Returns the cells whose settings are known; says whose study has no choice, as where its method was edited
        since."""
        unknown = {cell: settings for cell in cells if isinstance(settings := expected.settings(cell), str)}
        for group in grouped(unknown):
            self.engine.say(f"{group} is left out: {unknown[group.cells[0]]}; run again")
        return [cell for cell in cells if cell not in unknown]

    def _unpredicted(self, standings: Mapping[Cell, Freshness]) -> set[Cell]:
        """Returns the fresh cells whose predictions found no room in the cache of this machine, and still are not in
        it; with `--rerun unpredicted` all that are not in it, none where --rerun says another thing."""
        again: set[Cell] = set()
        asked = self.options.rerun == "unpredicted"
        why = "are not on this machine" if asked else "found no room in the cache"
        fresh = [cell for cell, standing in standings.items() if standing.state == "fresh"]
        for group in grouped(fresh) if asked or not self.options.rerun else ():
            noted = group.seeds if asked else unkept(self.store.folder, group)
            cells = {cell for cell in group.cells if cell.seed in noted and not self._predicted(group, cell)}
            if cells:
                self.engine.say(f"{group}: its predictions {why}; it runs again")
            again |= cells
        return again

    def _predicted(self, group: Group, cell: Cell) -> bool:
        record = self.store.read(cell)
        return record is None or record.outcome != "ok" or kept(path_of(group, cell.seed, record.identity))

    def _job(self, group: Group, expected: Expected) -> TrainGroup:
        cell = group.cells[0]
        settings = expected.settings(cell)
        if isinstance(settings, str):
            raise ValueError(f"{cell}: {settings}")
        asked = Group(group.dataset, group.method, "default", ()) if is_tuned(group.variant) else group
        origin = self.engine.origin(self.methods[group.method], expected, asked)
        return TrainGroup(group, settings, origin, expected.tuned(cell))

    def _train(
        self, groups: list[Group], todo: set[Cell], expected: Expected, standings: Mapping[Cell, Freshness]
    ) -> None:
        if not groups:
            self.engine.say(f"nothing to run: {_standing(standings)}")
            return
        jobs = [self._job(group, expected) for group in groups]
        with Display(sum(len(group.seeds) for group in groups), self.engine.console) as display:
            for job, event in self.engine.share_out(jobs, display):
                match event:
                    case Done(Trained() as trained):
                        self._keep(job, trained, todo, display)
                    case Failed(error, "method"):
                        self._keep(job, self._failed(job, error, expected), todo, display)
                    case Failed(error):
                        self.engine.lose(job, error, display)

    def _keep(self, job: TrainGroup, trained: Trained, todo: set[Cell], display: Display) -> None:
        """Write the records of a group, those that were asked for."""
        for record in trained.records:
            if record.cell in todo:
                self.store.write(record, trained.arrays.get(record.seed))
        with contextlib.suppress(OSError):  # a record is worth the same without the note
            note(self.store.folder, job.group, job.group.seeds if trained.unkept else ())
        if trained.unkept:
            display.say(f"{job.group}: no paired test, its predictions are lost: {trained.unkept}; run again with room")
        outcomes = {record.outcome: record for record in trained.records}
        worst = outcomes.get("failed") or outcomes.get("skipped")
        display.finish(job.group, "ok" if worst is None else f"{worst.outcome}: {worst.error}")

    def _failed(self, job: TrainGroup, error: str, expected: Expected) -> Trained:
        title, protocol = self.methods[job.group.method].title, expected.protocols[job.dataset]
        data = expected.fingerprints[job.dataset] or ""
        return Trained(tuple(job.failed(seed, title, error, protocol, data) for seed in job.group.seeds))
