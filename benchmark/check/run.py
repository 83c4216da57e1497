"""Checks a method by name: what it says, what it does on a small world, and whether it learns there."""

import warnings
from contextlib import suppress
from typing import Any

import numpy as np

from benchmark.check import declared, estimator, gradient
from benchmark.check.outcome import Outcome, Stop
from benchmark.check.worlds import MAKERS, World
from methods.base import Estimator, Method, MethodBase

_UNIT = 2.0  # the most by which the mean prediction may differ from the mean label, either way


def check(cls: type[MethodBase], outcome: Outcome, *, coupled: bool = False, config: Any = None) -> None:
    """Notes in `outcome` what holds of the method and what does not. coupled: see gradient.check. config: its default
    where None."""
    with warnings.catch_warnings(), suppress(Stop):
        warnings.simplefilter("ignore")  # what they warn of is told in the check's own words
        with outcome.step("it says what it needs to"):
            declared.needs(cls, outcome)
        with outcome.step("its Config takes its defaults, its variants and every value of its space"):
            declared.settings(cls, outcome)
        if outcome.faults:
            return
        world = _world(cls, outcome)
        settings = cls.Config() if config is None else config
        if issubclass(cls, Method):
            values = gradient.check(cls, settings, world, outcome, coupled=coupled)
        else:
            assert issubclass(cls, Estimator)
            values = estimator.check(cls, settings, world, outcome)
        _judged(cls, values, world, outcome)


def _world(cls: type[MethodBase], outcome: Outcome) -> World:
    """The first small world of its tasks that it supports. Raises Stop where it supports none."""
    reasons = []
    for make in (make for task in cls.tasks for make in MAKERS[task]):
        world = make()
        with outcome.during("`supports`"):
            reason = cls.supports(world.schema)
        if reason is None:
            return world
        if not isinstance(reason, str):
            outcome.fault("supports", f"`supports` returns {reason!r}: return None, or the reason why not as a text")
            raise Stop
        reasons.append(f"{make.__name__}: {reason}")
    outcome.remarks.append(f"it runs on no small world, so nothing else is checked ({'; '.join(reasons)})")
    raise Stop


def _judged(cls: type[MethodBase], values: np.ndarray, world: World, outcome: Outcome) -> None:
    """Whether predictions are in the label's unit, not negative, and better than what the bucket alone tells."""
    truth, plain = world.truth, world.plain
    unit, ratio = world.schema.unit, float(values.mean() / truth.mean())
    baseline = issubclass(cls, Estimator) and len(np.unique(values)) <= max(world.schema.buckets, 1)
    with outcome.step("its predictions are in the label's unit and not negative"):
        if below := int((values < 0).sum()):
            cure = "end `predict` with .clamp_min(0)" if issubclass(cls, Method) else "cut them at 0"
            outcome.fault("negative", f"{below} of {len(values)} predictions are negative: {cure}")
        if not baseline and not 1 / _UNIT <= ratio <= _UNIT:
            outcome.fault(
                "unit",
                f"predictions are {values.mean():.4g} on average where labels are {truth.mean():.4g} {unit} "
                f"({ratio:.2g} times): `predict` returns the value in the label's unit",
            )
    if baseline:
        outcome.remarks.append("it predicts one value, or one for each duration bucket: a baseline")
        return
    ours, theirs = float(np.abs(values - truth).mean()), float(np.abs(plain - truth).mean())
    word = "bucket mean" if world.schema.buckets else "mean"
    told = f"its error on a small world with known truth is {ours:.3g} {unit}, that of the {word} {theirs:.3g} {unit}"
    with outcome.step(told):
        if ours >= theirs:
            outcome.fault("learns", f"{told}: it has not learned; a larger lr, another unit of the label?")
