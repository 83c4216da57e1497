"""Trains the trials of one stack together on the training rows and scores them on the validation rows. Test rows are
not read."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from benchmark.execute.cells import config_of, curve_of, fit, only_label, told_of
from benchmark.execute.faults import fault, one_line
from benchmark.metrics.pairs import mae
from benchmark.records.trial import SEED, Attempt
from benchmark.train.rehearsal import rehearse
from benchmark.train.trainer import History, Plan, Trainer
from datasets.base import Protocol
from datasets.schema import Rows, Schema
from methods.base import Estimator, Method, MethodBase

Progress = Callable[[int, int], None]  # (epoch, replicas still training)


@dataclass(frozen=True)
class Bench:
    """Where settings are tried: a method, the rows that a study may see, and the dataset's protocol."""

    method: type[MethodBase]
    schema: Schema
    train: Rows
    valid: Rows
    protocol: Protocol
    device: str = "cpu"


def attempts(bench: Bench, settings: Sequence[Mapping[str, Any]], progress: Progress) -> list[Attempt]:
    """Returns what became of each of the settings, configurations as JSON has them; what goes wrong with one costs the
    others nothing.

    Those that the Config takes train as one stack. Where that raises (fitted shapes that differ, a setting that fails
    in training), each trains alone, so that only the guilty one fails. Raises what is not the method's fault.
    """
    value = only_label(bench.train.label)
    made: dict[int, Attempt] = {}
    configs: dict[int, Any] = {}
    for place, setting in enumerate(settings):
        try:
            configs[place] = config_of(bench.method, setting)
        except Exception as error:  # whatever a Config raises is its answer to this setting
            made[place] = Attempt("failed", _told(error))
    if value is not None:  # as the cells of this table
        flat = _scored(bench, np.full(len(bench.valid), value), told_of(value))
        made |= dict.fromkeys(configs, flat)
    elif configs:
        made |= dict(zip(configs, _together(bench, list(configs.values()), progress), strict=True))
    return [made[place] for place in range(len(settings))]


def _told(error: Exception) -> str:
    """Returns a setting's failure in one line; raises the error where it is not the setting's."""
    if fault(error) != "method":
        raise error
    return one_line(error)


def _together(bench: Bench, configs: list[Any], progress: Progress) -> list[Attempt]:
    if not issubclass(bench.method, Method):
        made = []
        for count, config in enumerate(configs, start=1):
            made.append(_estimated(bench, config))
            progress(count, 1)
        return made
    began = time.perf_counter()
    try:
        return _trained(bench, bench.method, configs, progress)
    except Exception as error:
        why, spent = _told(error), (time.perf_counter() - began) / len(configs)
        if len(configs) == 1:
            return [Attempt("failed", why, seconds=spent)]
    alone = [attempt for config in configs for attempt in _together(bench, [config], progress)]
    return [replace(attempt, seconds=attempt.seconds + spent) for attempt in alone]


def _trained(bench: Bench, method: type[Method], configs: list[Any], progress: Progress) -> list[Attempt]:
    began, protocol = time.perf_counter(), bench.protocol
    plan = Plan(protocol.batch, protocol.epochs, protocol.patience, protocol.stop)
    seeds = [SEED] * len(configs)
    rehearse(method, bench.schema, bench.train, bench.valid, configs, bench.device)
    trainer = Trainer(method, bench.schema, bench.train, bench.valid, plan, seeds, configs, device=bench.device)
    histories = trainer.fit(progress, abandon=True)
    values = trainer.predict(bench.valid) if protocol.stop == "loss" else [None] * len(configs)
    seconds = (time.perf_counter() - began) / len(configs)
    return [
        replace(_judged(bench, history, value), curve=curve_of(history), seconds=seconds, together=len(configs))
        for history, value in zip(histories, values, strict=True)
    ]


def _judged(bench: Bench, history: History, prediction: np.ndarray | None) -> Attempt:
    """Returns the outcome and the objective of what has trained: the stopping metric at the best epoch. Where a
    method's own loss stops it, which its settings weigh differently and so does not compare them, the error of the
    same epoch's predictions."""
    words = "" if all(map(isfinite, history.valid)) else f"epoch {len(history.valid)} has no finite validation metric"
    if not history.best_epoch:
        return Attempt("diverged", words)
    if words:  # as a cell is worth what its best epoch is
        words += f": it ends there, and epoch {history.best_epoch} counts"
    if prediction is None:
        return Attempt("ok", words, objective=history.valid[history.best_epoch - 1])
    return _scored(bench, prediction, words)


def _scored(bench: Bench, prediction: np.ndarray, words: str = "") -> Attempt:
    if bench.valid.label is None:
        raise ValueError("validation rows without labels cannot be scored")
    if not np.isfinite(prediction).all():
        count = int((~np.isfinite(prediction)).sum())
        return Attempt("diverged", f"{count:,} of {len(prediction):,} validation predictions are not finite")
    return Attempt("ok", words, objective=float(mae(bench.valid.label, prediction)))


def _estimated(bench: Bench, config: Any) -> Attempt:
    """Returns an estimator's attempt, with the generator that its cell of this seed has."""
    began = time.perf_counter()
    try:
        method = bench.method(config)
        if not isinstance(method, Estimator):
            raise TypeError(f"{bench.method.__name__} is neither a Method nor an Estimator")
        fitted = fit(method, SEED, bench.train, bench.valid, bench.schema)
        prediction = np.asarray(method.predict(fitted, bench.valid.without_label()), np.float64)
        attempt = _scored(bench, prediction)
    except Exception as error:  # the setting's fault, as far as anyone can tell
        attempt = Attempt("failed", _told(error))
    return replace(attempt, seconds=time.perf_counter() - began)
