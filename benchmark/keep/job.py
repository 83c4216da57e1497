"""The job that trains the one replica whose model is taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmark.execute.cells import config_of, fit
from benchmark.execute.code import exactly
from benchmark.execute.events import Epoch, Report
from benchmark.execute.task import Origin
from benchmark.files.errors import UserError
from benchmark.keep.model import About, keep_fitted, keep_trained, opened, schema_dict
from benchmark.records.cell import Group
from benchmark.records.predictions import path_of, read
from benchmark.records.record import Record

if TYPE_CHECKING:
    from datasets.base import Protocol, Table

_LIBRARIES = ("torch", "numpy", "scikit-learn", "safetensors", "skops")


@dataclass(frozen=True)
class Kept:
    """What became of the model: whether it predicts the test rows as its record's run did."""

    same: bool | None  # to the bit; None where the run's predictions are not on this machine
    apart: float = 0.0  # the largest difference, in the label's unit


@dataclass(frozen=True)
class KeepModel:
    """Train the seed of a record once more, and keep the model in a folder."""

    record: Record
    config: Mapping[str, Any]
    origin: Origin
    place: Path

    @property
    def dataset(self) -> str:
        return self.record.dataset

    @property
    def group(self) -> Group:
        return Group(self.record.dataset, self.record.method, self.record.variant, (self.record.seed,))

    def serve(self, report: Report) -> Kept:
        """Returns whether the opened folder predicts what the record's run predicted. Raises UserError where the model
        cannot be kept, CodeMoved where the method is no longer the one that was asked for."""
        from datasets.cache import load
        from datasets.registry import get
        from methods.base import Estimator, Method

        dataset = get(self.dataset, self.origin.root)
        table = load(dataset, self.origin.root)
        if table.encoder is None:
            raise UserError(f"{self.dataset} keeps no vocabularies, so a model of it cannot meet new rows; "
                            "describe the table and use --table")  # fmt: skip
        with exactly(self.origin.files):
            method = self.origin.method(self.record.method)
            about, encoder = self._about(table, _description(dataset)), bytes(table.encoder)
            config, seed = config_of(method, self.config), self.record.seed
            train, valid = table.view("train"), table.view("valid")
            if issubclass(method, Method):
                self._by_gradients(method, config, table, dataset.protocol, about, encoder, report)
            elif issubclass(method, Estimator):
                learned = fit(method(config), seed, train, valid, table.schema)
                keep_fitted(self.place, about, encoder, learned)
        return self._compared(table)

    def _by_gradients(
        self, method: Any, config: Any, table: "Table", protocol: "Protocol", about: About, encoder: bytes,
        report: Report,
    ) -> None:  # fmt: skip
        from benchmark.train.rehearsal import rehearse
        from benchmark.train.trainer import Plan, Trainer

        train, valid = table.view("train"), table.view("valid")
        plan = Plan(protocol.batch, protocol.epochs, protocol.patience, protocol.stop)
        device = self.origin.device
        rehearse(method, table.schema, train, valid, [config], device)
        trainer = Trainer(method, table.schema, train, valid, plan, [self.record.seed], [config], device=device)
        trainer.fit(lambda epoch, active: report(Epoch(epoch, plan.epochs, active, rows=len(train))))
        keep_trained(self.place, about, encoder, trainer, 0)

    def _about(self, table: "Table", description: dict[str, Any]) -> About:
        record = self.record
        return About(
            dataset=record.dataset,
            method=record.method,
            module=self.origin.module,
            title=record.title,
            variant=record.variant,
            seed=record.seed,
            config=dict(self.config),
            schema=schema_dict(table.schema),
            learned=None,
            metrics=record.metrics,
            files=dict(self.origin.files),
            data=table.fingerprint,
            table=description,
            unit=table.schema.unit,
            versions={name: version(name) for name in _LIBRARIES},
        )

    def _compared(self, table: "Table") -> Kept:
        """The folder as it lies there, opened and asked about the test rows."""
        path = path_of(self.group, self.record.seed, self.record.identity)
        found = opened(self.place).predict(table.view("test"))
        try:
            then = read(path)
        except (OSError, ValueError):
            return Kept(None)
        same = np.array_equal(then, found, equal_nan=True)
        return Kept(same, 0.0 if same else float(np.nanmax(np.abs(then - found))))


def _description(dataset: Any) -> dict[str, Any]:
    """What a described table says of itself, as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(dataset.described) if hasattr(dataset, "described") else {}
    return found
