"""What a worker does with the trials of one stack: train them together on the training rows, score them on the
validation rows. Test rows are not read."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import msgspec
import numpy as np

from benchmark.execute.worker import Report, Task, config_of, curve_of, fault, now, one_line
from benchmark.metrics.pairs import mae
from benchmark.records.record import Curve
from benchmark.records.trial import SEED, Result, encode, trial_of
from benchmark.train.draws import seed_of
from benchmark.train.trainer import History, Plan, Trainer
from datasets.base import Protocol
from datasets.schema import Rows, Schema
from methods.base import Method, MethodBase

Progress = Callable[[int, int], None]
Explain = Callable[[Exception], str]


@dataclass(frozen=True)
class Attempt:
    """What became of a setting."""

    outcome: Result
    error: str = ""
    objective: float | None = None
    curve: Curve | None = None
    seconds: float = 0.0
    together: int = 1


@dataclass(frozen=True)
class Bench:
    """Where settings are tried: a method, the rows that a study may see, and the dataset's protocol."""

    method: type[MethodBase]
    schema: Schema
    train: Rows
    valid: Rows
    protocol: Protocol
    device: str = "cpu"


def serve(task: Task, report: Report) -> dict[str, Any]:
    """The trials of a task, encoded; or, under "skipped", why its method cannot run on the dataset."""
    from datasets.cache import load
    from datasets.registry import get
    from methods.registry import classes

    assert task.group is not None
    dataset, name = get(task.dataset), task.group.method
    table = load(dataset, task.root)
    cls = next(c for c in classes(task.module) if c.name == name)
    if reason := cls.supports(table.schema):
        return {"trials": [], "skipped": reason}
    bench = Bench(cls, table.schema, table.view("train"), table.view("valid"), dataset.protocol, task.device)
    rows = len(bench.train)

    def progress(epoch: int, active: int) -> None:
        epochs = dataset.protocol.epochs if issubclass(cls, Method) else len(task.trials)
        report("epoch", epoch=epoch, epochs=epochs, active=active, rows=rows * max(active, 1))

    found = attempts(bench, [p.config for p in task.trials], progress, explain=lambda error: one_line(error, task))
    protocol = msgspec.to_builtins(dataset.protocol)
    trials = [
        trial_of(
            task,
            proposal,
            protocol,
            table.fingerprint,
            outcome=attempt.outcome,
            error=attempt.error,
            objective=attempt.objective,
            curve=attempt.curve,
            seconds=round(attempt.seconds, 3),
            together=attempt.together,
            finished=now(),
        )
        for proposal, attempt in zip(task.trials, found, strict=True)
    ]
    return {"trials": [encode(trial) for trial in trials]}


def attempts(
    bench: Bench, settings: Sequence[Any], progress: Progress, *, explain: Explain = lambda error: str(error)
) -> list[Attempt]:
    """Try each of the settings, configurations as JSON has them; what goes wrong with one costs the others nothing.

    Those that the Config takes train as one stack. Where that raises (fitted shapes that differ, a setting that fails
    in training), each trains alone, so that only the guilty one fails.
    """
    found: dict[int, Attempt] = {}
    configs: dict[int, Any] = {}
    for place, setting in enumerate(settings):
        try:
            configs[place] = config_of(bench.method, setting)
        except Exception as error:  # whatever a Config raises is its answer to this setting
            found[place] = Attempt("failed", explain(error))
    if configs:
        found |= dict(zip(configs, _together(bench, list(configs.values()), progress, explain), strict=True))
    return [found[place] for place in range(len(settings))]


def _together(bench: Bench, configs: list[Any], progress: Progress, explain: Explain) -> list[Attempt]:
    if not issubclass(bench.method, Method):
        found = []
        for count, config in enumerate(configs, start=1):
            found.append(_estimated(bench, config, explain))
            progress(count, 1)
        return found
    began = time.perf_counter()
    try:
        return _trained(bench, configs, progress)
    except Exception as error:
        if fault(error):
            raise
        spent = (time.perf_counter() - began) / len(configs)
        if len(configs) == 1:
            return [Attempt("failed", explain(error), seconds=spent)]
    alone = [attempt for config in configs for attempt in _together(bench, [config], progress, explain)]
    return [replace(attempt, seconds=attempt.seconds + spent) for attempt in alone]


def _trained(bench: Bench, configs: list[Any], progress: Progress) -> list[Attempt]:
    began, protocol = time.perf_counter(), bench.protocol
    plan = Plan(protocol.batch, protocol.epochs, protocol.patience, protocol.stop)
    assert issubclass(bench.method, Method)
    trainer = Trainer(
        bench.method, bench.schema, bench.train, bench.valid, plan, [SEED] * len(configs), configs, device=bench.device
    )
    histories = trainer.fit(progress, abandon=True)
    values = trainer.predict(bench.valid) if protocol.stop == "loss" else [None] * len(configs)
    seconds = (time.perf_counter() - began) / len(configs)
    return [
        _judged(bench, history, value, seconds=seconds, together=len(configs))
        for history, value in zip(histories, values, strict=True)
    ]


def _judged(bench: Bench, history: History, prediction: np.ndarray | None, *, seconds: float, together: int) -> Attempt:
    """The objective of what has trained: the stopping metric at the best epoch. Where a method's own loss stops it,
    which its settings weigh differently and so does not compare them, the error of the same epoch's predictions."""
    cost: dict[str, Any] = {"curve": curve_of(history), "seconds": seconds, "together": together}
    words = "" if all(map(isfinite, history.valid)) else f"epoch {len(history.valid)} has no finite validation metric"
    if not history.best_epoch:
        return Attempt("diverged", words, **cost)
    if words:  # as a cell is worth what its best epoch is
        words += f": it ends there, and epoch {history.best_epoch} counts"
    if prediction is None:
        return Attempt("ok", words, objective=history.valid[history.best_epoch - 1], **cost)
    return _scored(bench, prediction, words, **cost)


def _scored(bench: Bench, prediction: np.ndarray, words: str = "", **cost: Any) -> Attempt:
    assert bench.valid.label is not None
    if not np.isfinite(prediction).all():
        count = int((~np.isfinite(prediction)).sum())
        return Attempt("diverged", f"{count:,} of {len(prediction):,} validation predictions are not finite", **cost)
    return Attempt("ok", words, objective=mae(bench.valid.label, prediction), **cost)


def _estimated(bench: Bench, config: Any, explain: Explain) -> Attempt:
    """An estimator's attempt, with the generator that its cell of this seed has."""
    began, method = time.perf_counter(), bench.method(config)
    try:
        rng = np.random.default_rng(seed_of(SEED, 5))
        fitted = method.fit(bench.train, bench.valid, bench.schema, rng)  # type: ignore[attr-defined]
        prediction = method.predict(fitted, bench.valid.without_label())  # type: ignore[attr-defined]
        return _scored(bench, np.asarray(prediction, np.float64), seconds=time.perf_counter() - began)
    except Exception as error:  # the setting's fault, as far as anyone can tell
        return Attempt("failed", explain(error), seconds=time.perf_counter() - began)
