"""From a group of seeds to its records: trained by gradients together, or fitted one after the other."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from benchmark.execute.events import Epoch, Report
from benchmark.execute.inside import Inside, parameters_of
from benchmark.execute.machine import peak_memory_mb, reset_peak_memory
from benchmark.records.cell import Group
from benchmark.records.predictions import encode, path_of
from benchmark.records.record import NOTHING_TO_LEARN, Cost, Curve, Identity, Metrics, Outcome, Record, Tuned
from datasets.common.files import put

if TYPE_CHECKING:
    from benchmark.metrics.pairs import Array
    from benchmark.train.trainer import History
    from datasets.base import Protocol, Table
    from datasets.schema import Rows, Schema
    from methods.base import Estimator, Method, MethodBase

    Predicted = tuple[Rows, Array]  # some rows, and the values predicted for them


@dataclass(frozen=True)
class Trained:
    """The records of a group, and what lies beside them."""

    records: tuple[Record, ...]  # one per seed, in the group's order
    arrays: Mapping[int, bytes] = field(default_factory=dict)  # seed -> the .npz file beside its record
    unkept: str = ""  # why the cache does not hold its predictions; empty where it does


@dataclass(frozen=True)
class Common:
    """Common parts of a group's records."""

    group: Group
    title: str  # of the method
    config: Any  # the method's Config
    table: "Table"
    protocol: "Protocol"
    identity: Identity
    tuned: Tuned | None = None
    device: str = "cpu"
    command: str = ""

    def record(
        self,
        seed: int,
        outcome: Outcome,
        *,
        error: str = "",
        metrics: Mapping[str, Metrics] | None = None,
        slices: Mapping[str, Metrics] | None = None,
        curve: Curve | None = None,
        cost: Cost | None = None,
    ) -> Record:
        """Returns a seed's record."""
        facts = dict(self.table.facts) | {"unit": self.table.schema.unit, "fingerprint": self.table.fingerprint}
        return Record(
            dataset=self.group.dataset,
            method=self.group.method,
            title=self.title,
            variant=self.group.variant,
            seed=seed,
            outcome=outcome,
            error=error,
            config=asdict(self.config),
            protocol=asdict(self.protocol),
            facts=facts,
            metrics=dict(metrics or {}),
            slices=dict(slices or {}),
            curve=curve,
            cost=cost,
            tuned=self.tuned or msgspec.UNSET,
            identity=self.identity,
            command=self.command,
            finished=now(),
        )

    def scored(
        self, seed: int, valid: "Predicted", test: "Predicted", cost: Cost, curve: Curve | None = None
    ) -> Record:
        """Returns the record of a finished seed; metrics see the labels, the method never did. A seed fails, alone,
        where its predictions are not finite."""
        if why := "; ".join(filter(None, (_not_finite(*valid, "validation"), _not_finite(*test, "test")))):
            return self.record(seed, "failed", error=why, curve=curve, cost=cost)
        on_valid, _ = self._evaluated(valid)
        on_test, slices = self._evaluated(test)
        metrics = {"valid": on_valid, "test": on_test}
        return self.record(seed, "ok", metrics=metrics, slices=slices, curve=curve, cost=cost)

    def _evaluated(self, predicted: "Predicted") -> tuple[Metrics, dict[str, Metrics]]:
        from benchmark.metrics.evaluate import evaluate

        rows, values = predicted
        if rows.label is None:
            raise ValueError("rows without labels cannot be evaluated")
        return evaluate(self.table.schema.task, rows.label, values, user=rows.user, bucket=rows.bucket)

    def keep(self, seed: int, prediction: "Array") -> str:
        """Keep a seed's test predictions in the cache, for paired tests. Returns why they could not be kept: not
        having them is no error."""
        path = path_of(self.group, seed, self.identity)
        try:
            put(path, encode(prediction))
        except OSError as error:
            return f"{path.parent} cannot be written ({error.strerror or error})"
        return ""


def _not_finite(rows: "Rows", values: "Array", split: str) -> str:
    """Of how many rows the prediction is no finite number, in words; "" where of none. Raises ValueError where there
    is not one prediction for each row."""
    import numpy as np

    if values.shape != (len(rows),):
        raise ValueError(f"predictions of {len(rows):,} {split} rows have the shape {list(values.shape)}")
    wrong = int((~np.isfinite(values)).sum())
    return f"{wrong:,} of {len(rows):,} {split} predictions are not finite" if wrong else ""


def now() -> str:
    """Returns the time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def config_of(method: "type[MethodBase]", settings: Mapping[str, Any]) -> Any:
    """Returns a method's Config of the settings as JSON has them. Raises what the Config raises."""
    return method.Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})


def curve_of(history: "History") -> Curve:
    """Returns a replica's training in brief, in enough digits to draw it."""

    def short(values: list[float]) -> list[float | None]:
        return [float(f"{value:.7g}") if isfinite(value) else None for value in values]

    end = history.schedule_end or msgspec.UNSET
    return Curve(short(history.valid), short(history.loss), history.best_epoch, history.stopped_early, end)


def only_label(labels: "Array | None") -> float | None:
    """Returns the label that all training rows have, None where they differ: there is nothing to learn, and a
    deviation of 0 is no unit."""
    if labels is None or not len(labels) or (labels != labels[0]).any():
        return None
    return float(labels[0])


def told_of(label: float) -> str:
    """Returns what a record or trial says of rows that all have this label."""
    return f"{NOTHING_TO_LEARN}: every training label is {label:g}, which is predicted for every row, untrained"


def train_seeds(method: "type[MethodBase]", common: Common, report: Report) -> Trained:
    """Returns the group's records; those of a method that cannot run on the dataset say why.

    Where every training label is the same, that label is the prediction of every method, and its records say so."""
    from methods.base import Estimator, Method

    if reason := method.supports(common.table.schema):
        return Trained(tuple(common.record(seed, "skipped", error=reason) for seed in common.group.seeds))
    labels = common.table.rows.label
    if (value := only_label(None if labels is None else labels[common.table.split["train"]])) is not None:
        return _by_the_only_label(value, common)
    if issubclass(method, Method):
        return _by_gradients(method, common, report)
    if issubclass(method, Estimator):
        return _by_estimator(method, common, report)
    raise TypeError(f"{method.__name__} is neither a Method nor an Estimator")


def _by_the_only_label(value: float, common: Common) -> Trained:
    import numpy as np

    records, unkept = [], ""
    valid, test = common.table.view("valid"), common.table.view("test")
    cost = Cost(0.0, 0.0, 0, round(peak_memory_mb("cpu"), 1), 0.0, "cpu", 1)
    for seed in common.group.seeds:
        prediction = np.full(len(test), value)
        unkept = common.keep(seed, prediction) or unkept
        record = common.scored(seed, (valid, np.full(len(valid), value)), (test, prediction), cost)
        records.append(msgspec.structs.replace(record, error=told_of(value)))
    return Trained(tuple(records), unkept=unkept)


def _by_gradients(method: "type[Method]", common: Common, report: Report) -> Trained:
    from benchmark.train.rehearsal import rehearse
    from benchmark.train.trainer import Plan, Trainer

    reset_peak_memory(common.device)
    started = time.perf_counter()
    seeds, protocol = common.group.seeds, common.protocol
    train, valid = common.table.view("train"), common.table.view("valid")
    plan = Plan(protocol.batch, protocol.epochs, protocol.patience, protocol.stop)
    configs = [common.config] * len(seeds)
    rehearse(method, common.table.schema, train, valid, configs, common.device)
    trainer = Trainer(method, common.table.schema, train, valid, plan, seeds, configs, device=common.device)

    def progress(epoch: int, active: int) -> None:
        report(Epoch(epoch, plan.epochs, active, rows=len(train) * max(active, 1)))

    began = time.perf_counter()
    histories = trainer.fit(progress)
    training = time.perf_counter() - began
    test = common.table.view("test")
    began = time.perf_counter()
    predictions = trainer.predict(test)
    predicting = time.perf_counter() - began
    on_valid = trainer.predict(valid)
    seconds = (time.perf_counter() - started) / len(seeds)
    rows_trained = sum(len(history.valid) for history in histories) * len(train)
    cost = Cost(
        seconds=round(seconds, 3),
        train_rows_per_second=round(rows_trained / training, 1),
        parameters=trainer.stack.parameter_count(),
        peak_memory_mb=round(peak_memory_mb(common.device), 1),
        predict_seconds_per_million_rows=round(predicting / len(test) / len(seeds) * 1e6, 3),
        device=common.device,
        replicas=len(seeds),
    )
    inside = Inside(method, trainer, valid, test)
    records, unkept = [], ""
    for place, (seed, history) in enumerate(zip(seeds, histories, strict=True)):
        curve = curve_of(history)
        if not history.best_epoch:
            error = "diverged: no epoch had a finite validation metric; a smaller lr may help"
            records.append(common.record(seed, "failed", error=error, curve=curve, cost=cost))
            continue
        scored = common.scored(seed, (valid, on_valid[place]), (test, predictions[place]), cost, curve)
        if scored.outcome == "ok":
            unkept = common.keep(seed, predictions[place]) or unkept
            scored = inside.add(scored, place)
        records.append(scored)
    return Trained(tuple(records), inside.arrays, unkept)


def _by_estimator(method: "type[Estimator]", common: Common, report: Report) -> Trained:
    import numpy as np

    records, unkept = [], ""
    table = common.table
    train, valid, test = table.view("train"), table.view("valid"), table.view("test")
    for seed in common.group.seeds:
        started = time.perf_counter()
        one = method(common.config)
        fitted = fit(one, seed, train, valid, table.schema)
        fitting = time.perf_counter() - started
        began = time.perf_counter()
        prediction = np.asarray(one.predict(fitted, test.without_label()), np.float64)
        predicting = time.perf_counter() - began
        on_valid = np.asarray(one.predict(fitted, valid.without_label()), np.float64)
        cost = Cost(
            seconds=round(time.perf_counter() - started, 3),
            train_rows_per_second=round(len(train) / max(fitting, 1e-9), 1),
            parameters=0,
            peak_memory_mb=round(peak_memory_mb("cpu"), 1),
            predict_seconds_per_million_rows=round(predicting / len(test) * 1e6, 3),
            device="cpu",
            replicas=1,
        )
        record = common.scored(seed, (valid, on_valid), (test, prediction), cost)
        if record.outcome == "ok":
            unkept = common.keep(seed, prediction) or unkept
            record = msgspec.structs.replace(record, inside=parameters_of(one, fitted))
        records.append(record)
        report(Epoch(len(records), len(common.group.seeds), active=1, rows=len(train)))
    return Trained(tuple(records), unkept=unkept)


def fit(method: "Estimator", seed: int, train: "Rows", valid: "Rows", schema: "Schema") -> Any:
    """Returns what an estimator has learned, with the generator that belongs to the seed."""
    import numpy as np

    from benchmark.train.draws import Stream, seed_of

    return method.fit(train, valid, schema, np.random.default_rng(seed_of(seed, Stream.ESTIMATOR)))
