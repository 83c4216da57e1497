"""The jobs that workers are sent. A job serves itself, so that a worker and a pool need to know none of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from benchmark.execute.cells import Common, Trained, config_of, train_seeds
from benchmark.execute.code import exactly
from benchmark.execute.events import Report
from benchmark.execute.machine import reset_peak_memory
from benchmark.records.cell import Group
from benchmark.records.identity import of_config, of_files
from benchmark.records.record import Identity, Record, Tuned

if TYPE_CHECKING:
    from methods.base import MethodBase


class Job(Protocol):
    """Some work on a dataset, sent to a worker as it is."""

    @property
    def dataset(self) -> str: ...

    def serve(self, report: Report) -> object:
        """Does it in this process; returns what `Done` carries."""


class GroupJob(Job, Protocol):
    """A job that a user sees at work."""

    @property
    def group(self) -> Group:
        """Returns what trains together: its name, and how many replicas it has."""


@dataclass(frozen=True)
class Origin:
    """Where the numbers of a method's jobs come from."""

    module: str  # of the method
    files: Mapping[str, str]  # its import closure: file -> hash
    root: Path | None = None  # of the raw files
    device: str = "cpu"
    command: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def identity(self, config: Mapping[str, Any], protocol: Mapping[str, Any], data: str) -> Identity:
        """Returns the identity of what is made of these settings. data: the prepared table's fingerprint."""
        environment = dict(self.environment)
        return Identity(of_files(self.files), dict(self.files), of_config(config, protocol), data, environment)

    def method(self, name: str) -> "type[MethodBase]":
        """Returns the module's method of this name, imported now."""
        from methods.registry import classes

        return next(cls for cls in classes(self.module) if cls.name == name)


@dataclass(frozen=True)
class Prepared:
    """Facts of a prepared table."""

    fingerprint: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Prepare:
    """Prepare a dataset's table."""

    dataset: str
    root: Path | None = None  # of the raw files

    def serve(self, report: Report) -> Prepared:
        """Returns the table's fingerprint and facts."""
        from datasets.cache import load
        from datasets.registry import get

        table = load(get(self.dataset, self.root), self.root)
        return Prepared(table.fingerprint, dict(table.facts))


@dataclass(frozen=True)
class TrainGroup:
    """Train the seeds of a method's variant on a dataset."""

    group: Group
    config: Mapping[str, Any]  # as JSON has it
    origin: Origin
    tuned: Tuned | None = None  # where the configuration comes from, if it was searched for

    @property
    def dataset(self) -> str:
        return self.group.dataset

    def parts(self, most: int) -> "Sequence[TrainGroup]":
        """Returns the group's seeds shared out, two at least to each: a lone one would train as a pair of itself."""
        seeds = self.group.seeds
        count = min(most, len(seeds) // 2)
        if count < 2:
            return (self,)
        ends = [-(-len(seeds) * place // count) for place in range(count + 1)]
        shares = [seeds[start:end] for start, end in pairwise(ends)]
        return [replace(self, group=replace(self.group, seeds=share)) for share in shares]

    def joined(self, results: Sequence[Trained]) -> Trained:
        """Returns what the parts have made as if it were made in one; of the arrays, those of the first seed alone."""
        records = tuple(record for one in results for record in one.records)
        arrays = next((one.arrays for one in results if one.arrays), {})
        return Trained(records, arrays, next((one.unkept for one in results if one.unkept), ""))

    def serve(self, report: Report) -> Trained:
        """Returns the group's records. Raises CodeMoved where the method is no longer the one that was asked for."""
        from datasets.cache import load
        from datasets.registry import get

        reset_peak_memory()
        dataset = get(self.dataset, self.origin.root)
        table = load(dataset, self.origin.root)
        with exactly(self.origin.files):
            method = self.origin.method(self.group.method)
            common = Common(
                group=self.group,
                title=method.title,
                config=config_of(method, self.config),
                table=table,
                protocol=dataset.protocol,
                identity=self.origin.identity(self.config, msgspec.to_builtins(dataset.protocol), table.fingerprint),
                tuned=self.tuned,
                device=self.origin.device,
                command=self.origin.command,
            )
            trained = train_seeds(method, common, report)
        # the arrays behind figures show single rows, as a map of embeddings with their labels does
        return replace(trained, arrays={}) if dataset.private else trained

    def failed(self, seed: int, title: str, error: str, protocol: dict[str, Any], data: str) -> Record:
        """Returns the record of a seed whose job has failed. title: of the method; data: the table's fingerprint."""
        return Record(
            dataset=self.group.dataset,
            method=self.group.method,
            title=title,
            variant=self.group.variant,
            seed=seed,
            outcome="failed",
            error=error,
            config=dict(self.config),
            tuned=self.tuned or msgspec.UNSET,
            protocol=protocol,
            identity=self.origin.identity(self.config, protocol, data),
            command=self.origin.command,
        )
