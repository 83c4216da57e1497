"""From a list of cells to their records: prepare the data, find out what is missing or stale, run that, write each
at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console

from benchmark.execute.machine import cores, has_gpu
from benchmark.execute.pool import EXECUTORS, Event, Executor
from benchmark.execute.progress import Display
from benchmark.execute.worker import Task
from benchmark.files.errors import UserError
from benchmark.plan.catalog import Entry
from benchmark.plan.expected import RERUNS, Expected, wanted
from benchmark.plan.survey import Survey, survey
from benchmark.records.cell import Cell, Group, grouped
from benchmark.records.identity import environment
from benchmark.records.record import Identity, Record, decode
from benchmark.records.store import Store
from benchmark.records.study import is_tuned


@dataclass(frozen=True)
class Options:
    """How a run is carried out."""

    root: Path | None = None  # of the raw files
    device: str = "auto"
    executor: str = "processes"
    workers: int = 0  # 0: one per core on a CPU, one on a GPU
    rerun: str = ""
    argv: str = ""  # for the records' command: the options that matter


class Runner:
    """One run over some cells."""

    def __init__(self, methods: Mapping[str, Entry], store: Store, options: Options, console: Console) -> None:
        self.methods, self.store, self.options, self.console = methods, store, options, console
        if options.executor not in EXECUTORS:
            raise UserError(f"--executor takes {' or '.join(EXECUTORS)}, not {options.executor!r}")
        if options.workers < 0:
            raise UserError(f"--workers {options.workers}: 1 or more, or 0 for one per core")
        if options.rerun not in RERUNS:
            raise UserError(f"--rerun takes missing, stale, failed or all, not {options.rerun!r}")
        if options.device not in ("auto", "cpu", "cuda"):
            raise UserError(f"--device takes auto, cpu or cuda, not {options.device!r}")
        if options.device == "cuda" and not has_gpu():
            raise UserError("--device cuda: no NVIDIA driver is at work here; leave --device away to run on the CPU")
        self.device = ("cuda" if has_gpu() else "cpu") if options.device == "auto" else options.device
        self.workers = options.workers or (cores() if self.device == "cpu" else 1)
        self.execute: Executor = EXECUTORS[options.executor]

    def run(self, cells: list[Cell]) -> Survey:
        """Run what is missing or stale of these cells (see Options.rerun). Returns the survey as it stood before.

        Raises UserError where the data are bad, none of the datasets is there, or a record cannot be written.
        """
        with self.store.lock():
            found = survey(cells, self.methods, self.store, self.options.root)
            present = self.present(found)
            settled = self._settled(present, found.expected)
            standings = {cell: found.expected.standing(cell, self.store.read(cell)) for cell in settled}
            todo = set(wanted(standings, self.options.rerun))
            # every planned seed trains, so that a group always has its planned width; recorded ones are ghosts
            groups = [group for group in grouped(settled) if todo & set(group.cells)]
            groups.sort(key=lambda group: present.index(group.cells[0]))
            self._train(groups, todo, found.expected)
            return found

    def _settled(self, cells: list[Cell], expected: Expected) -> list[Cell]:
        """The cells whose settings are known; says whose study has no choice, as where its method was edited since."""
        unknown = {cell: settings for cell in cells if isinstance(settings := expected.settings(cell), str)}
        for group in grouped(unknown):
            line = f"{group} is left out: {unknown[group.cells[0]]}; run again"
            self.console.print(line, highlight=False, soft_wrap=True, markup=False)
        return [cell for cell in cells if cell not in unknown]

    def present(self, found: Survey) -> list[Cell]:
        """The cells whose data are there, their tables prepared; says which are not. Raises UserError where none is."""
        self._prepare(found)
        for name, why in found.unavailable.items():
            self.console.print(f"{name}: not available. {why}", highlight=False, soft_wrap=True)
        present = [cell for cell in found.cells if cell.dataset not in found.unavailable]
        if found.cells and not present:
            raise UserError(
                "none of the datasets asked for is available; `python -m benchmark data` says how to get them"
            )
        return present

    def _prepare(self, found: Survey) -> None:
        """Prepare the tables that are not kept yet, and learn their fingerprints or that they are too small to use."""
        fingerprints = found.expected.fingerprints
        lacking = [name for name, known in fingerprints.items() if known is None and name not in found.unavailable]
        for event in self.execute([Task(name, root=self.options.root) for name in lacking], self.workers):
            name = event.task.dataset
            if event.kind == "started":
                self.console.print(f"preparing {name}", highlight=False)
            elif event.kind == "done":
                fingerprints[name] = event.what["fingerprint"]
            elif event.kind == "failed" and event.what["fault"] == "few":
                found.unavailable[name] = event.what["error"]
            elif event.kind == "failed":
                raise UserError(event.what["error"])

    def _task(self, group: Group, expected: Expected) -> Task:
        cell = group.cells[0]
        settings = expected.settings(cell)
        assert not isinstance(settings, str), f"{cell}: {settings}"
        asked = Group(group.dataset, group.method, "default", ()) if is_tuned(group.variant) else group
        return Task(
            dataset=group.dataset,
            group=group,
            module=self.methods[group.method].module,
            config=dict(settings),
            tuned=expected.tuned(cell),
            code=expected.code(group.method),
            config_hash=expected.config(cell),
            files=expected.files(group.method),
            root=self.options.root,
            device=self.device,
            command=f"python -m benchmark run --only {asked} {self.options.argv}".strip(),
            environment=environment(),
        )

    def _train(self, groups: list[Group], todo: set[Cell], expected: Expected) -> None:
        if not groups:
            self.console.print("nothing to run: every record is fresh", highlight=False)
            return
        tasks = [self._task(group, expected) for group in groups]
        with Display(sum(len(group.seeds) for group in groups), self.console) as display:
            for event in self.execute(tasks, self.workers):
                assert event.task.group is not None
                if event.kind == "started":
                    display.start(event.task.group)
                elif event.kind == "again":
                    display.say(f"{event.task.group}: {event.what['error']}; trying once more")
                elif event.kind == "epoch":
                    display.epoch(event.task.group, **event.what)
                else:
                    self._keep(event, todo, expected, display)

    def _keep(self, event: Event, todo: set[Cell], expected: Expected, display: Display) -> None:
        """Write the records of a finished or failed group, those that were asked for."""
        group = event.task.group
        assert group is not None
        if event.kind == "failed" and event.what["fault"]:
            raise UserError(event.what["error"])
        if event.kind == "failed":
            records = [self._failed(event.task, cell, event.what["error"], expected) for cell in group.cells]
        else:
            records = [decode(raw) for raw in event.what["records"]]
        arrays = event.what.get("arrays", {})
        for record in records:
            if record.cell in todo:
                self.store.write(record, arrays.get(record.seed))
        outcomes = {record.outcome: record for record in records}
        worst = outcomes.get("failed") or outcomes.get("skipped")
        display.finish(group, "ok" if worst is None else f"{worst.outcome}: {worst.error}")

    def _failed(self, task: Task, cell: Cell, error: str, expected: Expected) -> Record:
        return Record(
            dataset=cell.dataset,
            method=cell.method,
            title=self.methods[cell.method].title,
            variant=cell.variant,
            seed=cell.seed,
            outcome="failed",
            error=error,
            config=task.config or {},
            tuned=task.tuned or msgspec.UNSET,
            protocol=expected.protocols[cell.dataset],
            identity=Identity(
                task.code,
                task.files or {},
                task.config_hash,
                expected.fingerprints[cell.dataset] or "",
                task.environment or {},
            ),
            command=task.command,
        )
