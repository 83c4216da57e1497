"""Prepares the data, sends jobs to workers, shows what happens to them: for every run, of cells or of trials."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from benchmark.execute.events import Again, Done, Epoch, Event, Failed, Started
from benchmark.execute.machine import cores, has_gpu, visible_gpus
from benchmark.execute.pieces import DivisibleGroup, in_pieces
from benchmark.execute.pool import EXECUTORS, Executor, processes
from benchmark.execute.progress import Display
from benchmark.execute.task import GroupJob, Origin, Prepare, Prepared
from benchmark.files.errors import UserError
from benchmark.plan.catalog import Entry
from benchmark.plan.expected import RERUNS, Expected
from benchmark.plan.survey import Survey
from benchmark.records.cell import Cell, Group
from benchmark.records.identity import environment

G = TypeVar("G", bound=GroupJob)
D = TypeVar("D", bound=DivisibleGroup)
RAY = "ray"  # an executor that is imported where it is asked for
_TOLD = 3  # jobs without a result that the last line names


@dataclass(frozen=True)
class Options:
    """Options of a run: how it is carried out."""

    root: Path | None = None  # of the raw files
    device: str = "auto"
    executor: str = "processes"
    workers: int = 0  # 0: one per core, GPU (see workers_per_gpu), or as many as a cluster takes
    workers_per_gpu: int = 1
    address: str = "auto"  # of a Ray cluster
    rerun: str = ""
    argv: str = ""  # for the records' command: the options that matter


class Engine:
    """Carries out the jobs of one run."""

    def __init__(self, options: Options, console: Console, memory: Mapping[str, float] | None = None) -> None:
        """memory: megabytes of a GPU that a method is known to need, by name. Raises UserError on an option that cannot
        be."""
        self.options, self.console = options, console
        if options.executor not in (*EXECUTORS, RAY):
            raise UserError(f"--executor takes {', '.join(EXECUTORS)} or {RAY}, not {options.executor!r}")
        if options.workers < 0 or options.workers_per_gpu < 1:
            raise UserError(
                f"--workers {options.workers}: 1 or more, or 0 for one per core; --workers-per-gpu: 1 or more"
            )
        if options.rerun not in RERUNS:
            raise UserError(f"--rerun takes {', '.join(filter(None, RERUNS))}, not {options.rerun!r}")
        if options.device not in ("auto", "cpu", "cuda"):
            raise UserError(f"--device takes auto, cpu or cuda, not {options.device!r}")
        if options.device == "cuda" and not has_gpu() and options.executor != RAY:
            raise UserError("--device cuda: no NVIDIA driver is at work here; leave --device away to run on the CPU")
        self.device = ("cuda" if has_gpu() else "cpu") if options.device == "auto" else options.device
        self.workers, self.execute = self._executor(memory or {})
        self.lost: list[str] = []  # what has no result, with the reason

    def _executor(self, memory: Mapping[str, float]) -> tuple[int, Executor]:
        """Returns how many jobs run at a time, and what runs them."""
        options = self.options
        if options.executor == RAY:
            from benchmark.execute.cluster import Cluster

            cluster = Cluster(options.address, self.device, options.workers, memory)
            return cluster.width, cluster
        if self.device == "cpu" or options.executor != "processes":
            return options.workers or (cores() if self.device == "cpu" else 1), EXECUTORS[options.executor]
        gpus = visible_gpus()
        return options.workers or max(1, len(gpus)) * options.workers_per_gpu, partial(processes, gpus=gpus)

    def say(self, line: str) -> None:
        """Print a line as it is: it may hold brackets."""
        self.console.print(line, highlight=False, soft_wrap=True, markup=False)

    def present(self, found: Survey) -> list[Cell]:
        """Returns the cells whose data are there, their tables prepared; says which are not. Raises UserError where
        none is, or where data are bad."""
        self._prepare(found)
        for name, why in found.unavailable.items():
            self.say(f"{name}: not available. {why}")
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
        for job, event in self.execute([Prepare(name, self.options.root) for name in lacking], self.workers):
            match event:
                case Started():
                    self.say(f"preparing {job.dataset}")
                case Again(error):
                    self.say(f"{job.dataset}: {error}; trying once more")
                case Done(Prepared() as prepared):
                    fingerprints[job.dataset] = prepared.fingerprint
                case Failed(error, "few"):
                    found.unavailable[job.dataset] = error
                case Failed(error, "data"):
                    raise UserError(error)
                case Failed(error):
                    raise UserError(f"{job.dataset} is not prepared: {error}; the same command tries again")

    def origin(self, entry: Entry, expected: Expected, only: Group) -> Origin:
        """Returns where the numbers of a method's jobs come from. only: what a user would ask for to have them
        again."""
        return Origin(
            module=entry.module,
            files=expected.files(entry.name),
            root=self.options.root,
            device=self.device,
            command=f"python -m benchmark run --only {only} {self.options.argv}".strip(),
            environment=environment(),
        )

    def work(self, jobs: Iterable[G], display: Display) -> Iterator[tuple[G, Done | Failed]]:
        """Run the jobs and show them at work; yields how each has ended. Raises UserError where the data are bad."""
        return self._shown(self.execute(jobs, self.workers), display)

    def share_out(self, jobs: Iterable[D], display: Display) -> Iterator[tuple[D, Done | Failed]]:
        """The same, the last jobs in pieces where that keeps the cores of this machine, or of a cluster, busy. A GPU
        likes a job whole."""
        if self.device == "cpu" and (self.execute is processes or self.options.executor == RAY):
            width = partial(getattr, self.execute, "width", self.workers)  # of a cluster that grows
            return self._shown(in_pieces(self.execute, jobs, self.workers, width), display)
        return self.work(jobs, display)

    def _shown(self, events: Iterable[tuple[G, Event]], display: Display) -> Iterator[tuple[G, Done | Failed]]:
        for job, event in events:
            match event:
                case Started():
                    display.start(job.group)
                case Again(error):
                    display.say(f"{job.group}: {error}; trying once more")
                case Epoch():
                    display.epoch(job.group, event)
                case Failed(error, "data" | "few"):
                    raise UserError(error)
                case Done() | Failed():
                    yield job, event

    def lose(self, job: GroupJob, error: str, display: Display) -> None:
        """Go on without a job that has no result, through no fault of its method."""
        display.say(f"{job.group}: no result: {error}")
        display.drop(job.group)
        self.lost.append(f"{job.group} ({error})")

    def conclude(self) -> None:
        """Raises UserError where a job had no result through no fault of its method."""
        if self.lost:
            more = f" and {len(self.lost) - _TOLD} more" if len(self.lost) > _TOLD else ""
            raise UserError(
                f"no result of {', '.join(self.lost[:_TOLD])}{more}; no method is at fault, so nothing is recorded: "
                "the same command tries again"
            )
