"""Jobs on the nodes of a Ray cluster: `run --executor ray --address auto`.

A job is one task that streams what becomes of it; the driver, which is the process that was asked to run, alone writes
records. The code travels with the run. Data lie below a root that every node sees, or else the prepared table goes
through the object store, once to each node, whose cache keeps it under its fingerprint. Test predictions come back
beside the records, so that `compare` works at the driver.
"""

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from benchmark import ROOT
from benchmark.execute.cells import Trained
from benchmark.execute.code import watch
from benchmark.execute.events import Again, Done, Event, Failed, Started
from benchmark.execute.faults import failed
from benchmark.execute.machine import keep_freed_memory
from benchmark.execute.pool import ATTEMPTS, inline, queue_of
from benchmark.execute.task import Job
from benchmark.files.errors import UserError
from benchmark.records.predictions import path_of
from datasets.common.files import cache_folder, put

J = TypeVar("J", bound=Job)

INSTALL = "pip install -r constraints.txt -r constraints-cluster.txt"
_LEFT_HERE = ("/reports", "/build", "/tests", "/docs", "/RESULTS.md", "/board.html", ".git", ".venv", "__pycache__")
_GPU_SHARE = 0.9  # of a GPU's memory that groups may fill together


@dataclass(frozen=True)
class _Parcel:
    """A message from a node: an event, and the files that its cache holds because of it."""

    event: Event
    files: Mapping[str, bytes] = field(default_factory=dict)  # path below the cache -> content
    lacks_data: bool = False  # the node sees no raw files: it wants the prepared table


@dataclass
class _Sent:
    """A job that a node has."""

    job: Any
    attempt: int


class Cluster:
    """An executor that gives jobs to a cluster's nodes, as many at a time as there are cores or GPUs."""

    def __init__(
        self, address: str, device: str, workers: int = 0, megabytes: Mapping[str, float] | None = None
    ) -> None:
        """address: "auto" (a cluster at work here), "HOST:PORT", or "local" (a cluster of this machine alone).
        workers: jobs at a time, 0 for as many as the cluster has room for. megabytes: of GPU memory that a method is
        known to need, by its name. Raises UserError without Ray, or where no cluster answers."""
        try:
            import ray
        except ImportError:
            raise UserError(f"--executor ray needs Ray, which is not installed: `{INSTALL}`") from None
        self.ray, self.device, self.most, self.megabytes = ray, device, workers, dict(megabytes or {})
        self.tables: dict[str, Any] = {}  # dataset -> a reference to its packed table, once a node wanted it
        how: dict[str, Any] = {
            "runtime_env": {"working_dir": str(ROOT), "excludes": list(_LEFT_HERE)},
            "logging_level": logging.ERROR,
            "log_to_driver": False,
        }
        if address == "local":
            how |= {"num_cpus": workers or None, "include_dashboard": False}
        else:
            how["address"] = address
            if "RAY_AUTH_TOKEN" in os.environ or (Path.home() / ".ray" / "auth_token").is_file():
                os.environ.setdefault("RAY_AUTH_MODE", "token")  # as `ray start --head` sets it up
        try:
            if not ray.is_initialized():
                ray.init(**how)
        except (ConnectionError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())[:200]
            raise UserError(
                f"--address {address}: no Ray cluster answers there ({why}); start one with `ray start --head`, or say "
                "--address local"
            ) from None

    @property
    def width(self) -> int:
        """How many jobs the cluster takes at a time, now."""
        if self.most:
            return self.most
        found = self.ray.cluster_resources()
        return max(1, int(found.get("CPU" if self.device == "cpu" else "GPU", 1)))

    def __call__(self, jobs: Iterable[J], workers: int) -> Iterator[tuple[J, Event]]:
        """Run the jobs; those that prepare a table run here, where the raw files are."""
        todo: deque[tuple[J, int]] = deque()
        fresh = queue_of(jobs)
        at_work: dict[Any, _Sent] = {}
        while fresh or todo or at_work:
            while (fresh or todo) and len(at_work) < self.width:
                job, attempt = todo.popleft() if todo else (fresh.popleft(), 1)
                if not hasattr(job, "group"):
                    yield from inline([job], 1)
                    continue
                at_work[self._send(job)] = _Sent(job, attempt)
            if at_work:
                ready, _ = self.ray.wait(list(at_work), num_returns=1, fetch_local=False)
                for stream in ready:
                    yield from self._heard(stream, at_work, todo)

    def _send(self, job: Any) -> Any:
        """Give the job to a node; returns the stream of its parcels."""
        share: dict[str, float] = {"num_cpus": 1}
        if self.device != "cpu":
            share = {"num_cpus": 0, "num_gpus": self._share(job.group.method)}
        serve = self.ray.remote(_serve).options(num_returns="streaming", max_retries=0, **share)
        return serve.remote(job, [self.tables[job.dataset]] if job.dataset in self.tables else [])

    def _share(self, method: str) -> float:
        """The part of a GPU that a group of this method is known to need; a whole one where nothing is known."""
        import torch

        whole = torch.cuda.get_device_properties(0).total_memory / 2**20 if torch.cuda.is_available() else 0.0
        known = self.megabytes.get(method, 0.0)
        return min(1.0, max(0.05, round(known / (_GPU_SHARE * whole), 2))) if known and whole else 1.0

    def _heard(
        self, stream: Any, at_work: dict[Any, _Sent], todo: deque[tuple[Any, int]]
    ) -> Iterator[tuple[Any, Event]]:
        """Take the next parcel of a stream: keep its files, pass its event on; a lost node's job begins again."""
        sent = at_work[stream]
        try:
            parcel: _Parcel = self.ray.get(next(stream))
        except StopIteration:
            del at_work[stream]
            return
        except self.ray.exceptions.RayTaskError as error:  # before the job began: the node cannot even import it
            raise UserError(
                f"a node cannot run this code: {' '.join(str(error.cause or error).split())[:300]}"
            ) from None
        except self.ray.exceptions.RayError as error:
            del at_work[stream]
            why = f"its node or worker was lost ({type(error).__name__})"
            if sent.attempt < ATTEMPTS:
                todo.append((sent.job, sent.attempt + 1))
                yield sent.job, Again(why)
            else:
                yield sent.job, Failed(f"{why}, {ATTEMPTS} times", "method")
            return
        if parcel.lacks_data:
            del at_work[stream]
            if sent.job.dataset not in self.tables:
                self.tables[sent.job.dataset] = self.ray.put(_packed(sent.job))
            todo.appendleft((sent.job, sent.attempt))
            return
        for name, content in parcel.files.items():
            with contextlib.suppress(OSError):  # not having predictions is no error
                put(cache_folder() / name, content)
        if isinstance(parcel.event, Done | Failed):
            del at_work[stream]
        yield sent.job, parcel.event


def _packed(job: Any) -> tuple[str, dict[str, bytes]]:
    """The fingerprint and the files of the dataset's prepared table, as this machine keeps it."""
    from datasets import cache, registry

    dataset, root = registry.get(job.dataset), job.origin.root
    table, place = cache.load(dataset, root), cache.entry(dataset, root)
    return table.fingerprint, {path.name: path.read_bytes() for path in sorted(place.iterdir()) if path.is_file()}


def _serve(job: Any, table: list[Any]) -> Iterator[_Parcel]:
    """Runs on a node: serves the job and yields what becomes of it. table: a reference to the packed table, or none."""
    import ray

    from datasets import registry
    from datasets.base import CacheError, NotAvailable

    keep_freed_memory()
    watch()
    try:
        registry.get(job.dataset).files(job.origin.root)
    except NotAvailable:
        if not table:
            yield _Parcel(Started(), lacks_data=True)
            return
        from datasets import cache

        try:
            root = cache.deliver(registry.get(job.dataset), *ray.get(table[0]))
        except CacheError as error:
            yield _Parcel(failed(error, job.dataset))
            return
        job = replace(job, origin=replace(job.origin, root=root))
    yield _Parcel(Started())
    said: SimpleQueue[Event] = SimpleQueue()

    def work() -> None:
        import torch

        torch.set_num_threads(1)
        try:
            said.put(Done(job.serve(said.put)))
        except Exception as error:
            said.put(failed(error, job.dataset))

    threading.Thread(target=work, daemon=True).start()
    while True:
        event = said.get()
        yield _Parcel(event, _predictions(event))
        if isinstance(event, Done | Failed):
            return


def _predictions(event: Event) -> dict[str, bytes]:
    """The test predictions behind a finished group's records, by their path below the cache."""
    from benchmark.records.cell import Group

    if not (isinstance(event, Done) and isinstance(event.result, Trained)):
        return {}
    found = {}
    for record in event.result.records:
        group = Group(record.dataset, record.method, record.variant, ())
        path = path_of(group, record.seed, record.identity)
        with contextlib.suppress(OSError):
            found[path.relative_to(cache_folder()).as_posix()] = path.read_bytes()
    return found
