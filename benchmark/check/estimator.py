"""The checks of a method without gradients."""

from typing import Any

import numpy as np

from benchmark.check.outcome import Outcome, Stop
from benchmark.check.worlds import World
from methods.base import Estimator


def check(cls: type[Estimator], config: Any, world: World, outcome: Outcome) -> np.ndarray:
    """Predictions of the world's test rows, float64 [n]. Raises Stop where there are none."""
    asked = world.test.without_label()
    values = _predict(cls, config, world, asked, 0, outcome)
    with outcome.step("its prediction is one finite number for each row, whatever other rows are asked"):
        if values.shape != (len(asked),):
            told = f"`predict` returns {list(values.shape)} for {len(asked)} rows"
            outcome.fault("prediction", f"{told}, not [{len(asked)}]")
            raise Stop
        if bad := len(values) - int(np.isfinite(values).sum()):
            outcome.fault("prediction", f"`predict` returns {bad} values of {len(values)} that are not finite")
            raise Stop
        few = _predict(cls, config, world, asked.take(np.arange(40)), 0, outcome)
        if not np.allclose(few, values[:40], rtol=1e-6):
            told = "`predict` of a row depends on which other rows are asked"
            outcome.fault("rows", f"{told}, or `fit` draws from something else than its rng")
    if cls.deterministic and not np.array_equal(values, _predict(cls, config, world, asked, 1, outcome)):
        outcome.fault("deterministic", "it says `deterministic = True`, and another seed predicts otherwise")
    return values


def _predict(cls: type[Estimator], config: Any, world: World, rows: Any, seed: int, outcome: Outcome) -> np.ndarray:
    method = cls(config)
    with outcome.during("`fit`"):
        fitted = method.fit(world.train, world.valid, world.schema, np.random.default_rng(seed))
    with outcome.during("`predict`"):
        return np.asarray(method.predict(fitted, rows), np.float64)
