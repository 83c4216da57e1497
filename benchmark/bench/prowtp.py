"""ProWTP's speed on one core.

plan   one SUOT plan, ours to a certified 1e-6 against a general QP solver (Clarabel) at the paper's 512 x 80, and
       against POT's regularisation path at 128 x 16 (at 512 x 80 it wants 13 GB at every step)
step   a training step and a prediction of five seeds, on ids as KuaiRand-Pure's: TR, D2Q and ProWTP with each alignment
"""

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmark.bench.common import BATCH, SEEDS, SIZES, Asked, Say, interleaved, median, one_core, ratio
from benchmark.bench.run import PARTS
from benchmark.bench.solvers import by_clarabel
from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Field, Rows, Schema
from methods.base import Method
from methods.d2q import D2Q
from methods.prowtp import transport
from methods.prowtp.method import ProWTP
from methods.tr import TR

LAM, PASS = 0.1, 8  # PASS: steps of one measurement


def _normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def _curve(t: torch.Tensor) -> torch.Tensor:
    """Points near a line, as the prototypes of a one-dimensional label are."""
    return _unit(torch.stack([torch.cos(t * k) for k in range(1, 9)], -1))


def costs(n: int, m: int) -> dict[str, torch.Tensor]:
    """Instances apart, around prototypes, and on a line as a one-dimensional label's."""
    p = _unit(_normal(m, 64, seed=1))
    near = p[torch.from_numpy(np.random.default_rng(0).zipf(1.3, n) % m)] + 0.08 * _normal(n, 64, seed=2)
    t = [torch.from_numpy(np.random.default_rng(3).random(size)) for size in (n, m)]
    return {
        "random": 1 - _unit(_normal(n, 64)) @ p.T,
        "clustered": 1 - _unit(near) @ p.T,
        "a line": 1 - _curve(t[0]) @ _curve(t[1]).T,
    }


def certified(C: torch.Tensor, lam: float, tolerance: float) -> float:
    return float(transport.gap(C, transport.solve(C, math.inf, lam, tolerance=tolerance), math.inf, lam))


def plan(say: Say) -> None:
    """Milliseconds of one plan, ours and others'."""
    for name, C in costs(512, 80).items():
        lam = LAM * 80
        tolerance = next(t for t in (1e-6, 1e-8, 1e-10) if certified(C, lam, t) < 1e-6)
        calls: list[Callable[[], Any]] = [
            partial(transport.solve, C, math.inf, lam, tolerance=tolerance),
            partial(by_clarabel, C, math.inf, lam, 1e-6),
        ]
        _versus(say, "512 x 80", name, "Clarabel", interleaved(calls, 3))
    C, lam = 1 - _unit(_normal(128, 8)) @ _unit(_normal(16, 8, seed=1)).T, LAM * 16

    def path() -> Any:
        import ot as pot

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            share = [np.full(size, 1 / size) for size in (16, 128)]
            return pot.regpath.regularization_path(*share, C.T.numpy(), reg=1 / (2 * lam), semi_relaxed=True)

    _versus(say, "128 x 16", "random", "POT's path", interleaved([lambda: transport.suot(C, lam), path], 3))


def _versus(say: Say, size: str, name: str, other: str, times: list[list[float]]) -> None:
    ours, theirs = (median(each) * 1e3 for each in times)
    more = ratio(times[1], times[0])
    say(f"prowtp    plan {size} {name:<10} ours {ours:8.2f} ms   {other} {theirs:9.1f} ms   {more:7.1f}x")


def trainer(cls: type[Method], **changes: Any) -> tuple[Trainer, Rows]:
    """A trainer in its first epoch, and rows to predict."""
    vocabulary, n = SIZES["KuaiRand-Pure's 45 k ids"], 20_000
    rng = np.random.default_rng(0)
    ids = np.stack([rng.integers(1, size, n) for size in vocabulary], 1).astype(np.int32)
    duration = rng.lognormal(4, 0.8, n).clip(5, 400).astype(np.float32)
    label = (duration * rng.choice([0.05, 0.5, 1.0, 2.0], n) * rng.lognormal(0, 0.3, n)).astype(np.float32)
    schema = Schema("watch_time", "s", tuple(Field(f"f{i}", size) for i, size in enumerate(vocabulary)), buckets=5)
    rows = Rows(ids=ids, label=label, duration=duration, bucket=np.zeros(n, np.int32))
    config = cls.Config(**changes)
    made = Trainer(cls, schema, rows, rows.take(np.arange(8)), Plan(BATCH, 50, 50), range(SEEDS), [config] * SEEDS)
    made.begin(0)
    made.final_rows = tuple(made.optimiser.weights())
    return made, rows.take(np.arange(8192))


def _steps(made: Trainer) -> None:
    made.order.cursor.zero_()
    for _ in range(PASS):
        made.advance()


def step(say: Say) -> None:
    """Milliseconds per seed-step and microseconds per 1,000 predictions, and their ratio to TR's."""
    made = {
        "TR": trainer(TR),
        "D2Q": trainer(D2Q),
        "ProWTP": trainer(ProWTP),
        "ProWTP, all rows": trainer(ProWTP, percent=100),
        "ProWTP, OT": trainer(ProWTP, alignment="ot"),
        "ProWTP, none": trainer(ProWTP, alignment="none"),
    }
    training = interleaved([partial(_steps, t) for t, _ in made.values()])
    predicting = interleaved([partial(t.predict, rows) for t, rows in made.values()])
    for name, train, predict in zip(made, training, predicting, strict=True):
        say(
            f"prowtp    {name:<17} training {median(train) / PASS / SEEDS * 1e3:7.2f} ms a seed-step, "
            f"{ratio(train, training[0]):5.2f} of TR's   prediction {median(predict) / SEEDS / 8.192 * 1e6:7.1f} us "
            f"per 1000 rows, {ratio(predict, predicting[0]):5.2f} of TR's"
        )


def main(asked: Asked) -> None:
    """Run the parts asked for."""
    one_core()
    for part in asked.parts or PARTS["prowtp"]:
        {"plan": plan, "step": step}[part](asked.say)
