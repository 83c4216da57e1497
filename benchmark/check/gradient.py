"""The checks of a method trained by gradients: first one replica by itself, then a short training."""

import math
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.check import across
from benchmark.check.alone import Alone
from benchmark.check.outcome import Outcome, Stop
from benchmark.check.watch import Seen, drawing_on_the_host, watched
from benchmark.check.worlds import World
from benchmark.train.trainer import Plan, Trainer
from methods.base import Fitted, Method
from methods.capabilities import Distribution

_PLAN = Plan(batch=50, epochs=6, patience=6)
_FASTER = 5.0  # the second replica's learning rate, in the default's: the better one is judged
_LEVELS = (0.1, 0.5, 0.9)
_ROWS = "its prediction is one finite number for each row, whatever other rows are asked"
_DRAWS = "randomness comes from `batch.draws` alone, or a replica's result depends on who trains beside it"
_VALUES = "shapes are fixed and no tensor is asked for its value, or seeds cannot train together: `torch.where` chooses"


def check(cls: type[Method], config: Any, world: World, outcome: Outcome, *, coupled: bool) -> np.ndarray:
    """Predictions of the world's test rows after a short training, float64 [n]. coupled: the loss may look across the
    batch without saying so. Raises Stop where a fault leaves nothing to train."""
    fitted, targets = _learned(cls, config, world, outcome)
    with outcome.during("`build`"):
        alone = Alone.of(cls, world.schema, world.train, config, fitted, targets)
    index = np.arange(_batch(alone))
    with suppress(Stop):
        _loss(alone, index, outcome)
        across.check(cls, alone, index, outcome, coupled=coupled)
        _gradients(alone, index, outcome)
    with suppress(Stop):
        _predict(alone, world, len(index), outcome)
    if issubclass(cls, Distribution):
        with suppress(Stop), outcome.during("`quantiles`"):
            _shape(alone.quantiles(world.test.take(index), _LEVELS), len(index), outcome)
    if outcome.faults:
        raise Stop  # what fails alone fails in training too
    return _train(cls, config, world, fitted, targets, outcome)


def _learned(cls: type[Method], config: Any, world: World, outcome: Outcome) -> tuple[Fitted, Mapping[str, Tensor]]:
    """What `fit` and `targets` return. Raises Stop where they do not."""
    method, rng = cls(config), np.random.default_rng(0)
    before = rng.bit_generator.state
    with outcome.during("`fit`"), drawing_on_the_host(outcome.author) as seen:
        fitted = method.fit(world.train, rng)
    for line, name in seen.drawn.items():
        outcome.fault("draws", f"`fit` draws from {name}: its `rng` is there for that, and is the seed's own", line)
    if rng.bit_generator.state != before and not cls.fit_per_seed:
        told = "`fit` draws from its rng, and all seeds would share what it learns"
        outcome.fault("fit", f"{told}: say `fit_per_seed = True` in the class")
    if not isinstance(fitted, Mapping):
        outcome.fault("fit", f"`fit` returns {_kind(fitted)}: return a dictionary, {{}} where nothing is learned")
        raise Stop
    with outcome.during("`targets`"):
        targets = method.targets(fitted, world.train)
    with outcome.step("targets have one row for each row of the data"):
        n = len(world.train)
        for name, column in targets.items():
            told = f"`targets` gives {name!r} as {_kind(column)}"
            if not isinstance(column, Tensor):
                outcome.fault("targets", f"{told}: make it a tensor, torch.from_numpy(...)")
            elif column.dim() == 0 or len(column) != n:
                outcome.fault("targets", f"{told} for {n} rows: one row for each is needed, [{n}, ...]")
    if outcome.faults:
        raise Stop
    return fitted, targets


def _batch(alone: Alone) -> int:
    """The size of a batch that no other dimension has, nor has its half."""
    return next(size for size in range(62, 200, 2) if not {size, size // 2} & alone.sizes())


def _loss(alone: Alone, index: np.ndarray, outcome: Outcome) -> None:
    """Its shape, its value, and what it does on the way. Raises Stop where it has no value."""
    with outcome.during("`loss`"), watched(outcome.author, len(index)) as seen:
        loss = alone.loss(index, drawing=True)
    _calls(seen, "loss", outcome)
    with outcome.step("its loss is one finite number"):
        if not isinstance(loss, Tensor) or loss.dim():
            cure = "take .mean()" if isinstance(loss, Tensor) else "return a tensor"
            outcome.fault("loss", f"`loss` returns {_kind(loss)}, not one number: {cure}")
            raise Stop
        if not torch.isfinite(loss):
            outcome.fault("loss", f"`loss` is {float(loss)} before any training: a logarithm of 0, a division by 0?")
            raise Stop
    if not seen.drawn and not torch.equal(loss, alone.loss(index, drawing=True)):
        outcome.fault("draws", f"`loss` differs when it is asked twice for the same batch and draws: {_DRAWS}")
    if not outcome.faults:
        outcome.passed.append("its loss draws nothing of its own and asks no tensor for its value")


def _calls(seen: Seen, what: str, outcome: Outcome) -> None:
    for line, name in seen.asked.items():
        outcome.fault("value", f"`{what}` uses {name}: {_VALUES}", line)
    for line, name in seen.drawn.items():
        rule = _DRAWS if what == "loss" else "`predict` draws nothing"
        outcome.fault("draws", f"`{what}` draws from {name}: {rule}", line)


def _gradients(alone: Alone, index: np.ndarray, outcome: Outcome) -> None:
    with outcome.during("the gradient of `loss`"):
        found = alone.gradients(index)
    known = [g for g in found or () if g is not None]
    with outcome.step("its gradient is finite and not zero"):
        if not known or not any(bool((g != 0).any()) for g in known):
            cure = "look for .detach(), .data, argmax, round or a comparison"
            outcome.fault("gradient", f"no gradient reaches the module: {cure}")
        elif not all(bool(torch.isfinite(g).all()) for g in known):
            cure = "look for sqrt or log at 0, also behind torch.where"
            outcome.fault("gradient", f"its gradient is not finite where its loss is: {cure}")


def _predict(alone: Alone, world: World, rows: int, outcome: Outcome) -> None:
    """Its shape, its values, and what it does on the way."""
    asked = world.test.take(np.arange(rows))
    with outcome.during("`predict`"), watched(outcome.author, rows) as seen:
        values = alone.predict(asked)
    _calls(seen, "predict", outcome)
    with outcome.step(_ROWS):
        if not isinstance(values, Tensor) or values.shape != (rows,):
            cure = ": take `[:, 0]`" if isinstance(values, Tensor) and values.shape == (rows, 1) else ""
            outcome.fault("prediction", f"`predict` returns {_kind(values)} for {rows} rows, not [{rows}]{cure}")
            return
        if bad := int((~torch.isfinite(values)).sum()):
            outcome.fault("prediction", f"`predict` returns {bad} values of {rows} that are not finite")
            return
        few = alone.predict(world.test.take(np.arange(rows // 2)))
        if not torch.allclose(few, values[: rows // 2], rtol=1e-6, atol=1e-9):
            outcome.fault("rows", "`predict` of a row depends on which other rows are asked: no row may see another")


def _shape(found: Any, rows: int, outcome: Outcome) -> None:
    wanted = [rows, len(_LEVELS)]
    if not isinstance(found, Tensor) or list(found.shape) != wanted:
        told = f"`quantiles` returns {_kind(found)} for {rows} rows and {len(_LEVELS)} levels"
        outcome.fault("quantiles", f"{told}, not {wanted}")


def _train(
    cls: type[Method], config: Any, world: World, fitted: Fitted, targets: Mapping[str, Tensor], outcome: Outcome
) -> np.ndarray:
    """Predictions of the test rows by the better of two learning rates. Raises Stop where it does not train."""
    configs = [config, replace(config, lr=min(config.lr * _FASTER, max(config.lr, 0.01)))]
    with outcome.during("training, several seeds at once,"), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        trainer = Trainer(_given(cls, fitted, targets), world.schema, world.train, world.valid, _PLAN, [0, 0], configs)
        histories = trainer.fit()
        best = min((0, 1), key=lambda r: min([v for v in histories[r].valid if math.isfinite(v)], default=math.inf))
        values = trainer.predict(world.test)[best]
    losses = histories[best].loss
    if not all(map(math.isfinite, losses)) or not np.isfinite(values).all():
        told = ", ".join(f"{value:.4g}" for value in losses)
        outcome.fault("diverged", f"training ends in values that are not finite; its loss by epoch: {told}")
        raise Stop
    outcome.passed.append("several seeds train together")
    if slow := {str(w.message).split("batching rule for ")[1].split(".")[0] for w in said if _falls_back(w)}:
        outcome.remarks.append(f"{', '.join(sorted(slow))} cannot be mapped over seeds: each takes its turn there")
    if issubclass(cls, Distribution):
        _rising(trainer.quantiles(world.test, _LEVELS)[best], outcome)
    return values


def _falls_back(warning: warnings.WarningMessage) -> bool:
    return "batching rule for " in str(warning.message)


def _rising(found: np.ndarray, outcome: Outcome) -> None:
    """found: quantiles of a trained replica [n, levels]."""
    with outcome.step("its quantiles have the shape asked for and do not fall"):
        falling = int((np.diff(found, axis=1) < -1e-6 * np.abs(found).max()).any(1).sum())
        if not np.isfinite(found).all():
            outcome.fault("quantiles", "`quantiles` returns values that are not finite")
        elif falling:
            cure = "sort them, or predict steps that are not negative"
            outcome.fault("quantiles", f"`quantiles` fall along the levels in {falling} of {len(found)} rows: {cure}")


def _given(cls: type[Method], fitted: Fitted, targets: Mapping[str, Tensor]) -> type[Method]:
    """The method with what it has learned already, which may have taken seconds."""

    def fit(self: Any, train: Any, rng: Any) -> Fitted:
        return fitted

    def columns(self: Any, fitted: Any, rows: Any) -> Mapping[str, Tensor]:
        return targets

    return type(cls.__name__, (cls,), {"fit": fit, "targets": columns, "__module__": cls.__module__, "name": cls.name})


def _kind(value: Any) -> str:
    """What came, in words."""
    return f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
