"""ProWTP's speed, side by side in one run: `python -m tests.bench_prowtp [plan | step]`, on one core.

plan   one SUOT plan, ours to a certified 1e-6 against a general QP solver (Clarabel) at the paper's 512 x 80, and
       against POT's regularisation path at 128 x 16 (at 512 x 80 it wants 13 GB at every step)
step   a training step and a prediction of five seeds, on ids as KuaiRand-Pure's: TR, D2Q and ProWTP with each alignment

Ratios are what counts; absolute times are noise on a shared machine.
"""

import math
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: no solver gets a second core

import numpy as np
import torch

from benchmark.bench.training import SIZES
from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Field, Rows, Schema
from methods.base import Method
from methods.d2q import D2Q
from methods.prowtp import transport
from methods.prowtp.method import ProWTP
from methods.tr import TR
from tests.test_prowtp_transport import by_clarabel, cosine, curve, random, unit

ROUNDS, SEEDS, BATCH = 5, 5, 512
LAM = 0.1


def seconds(calls: Sequence[Callable[[], Any]], rounds: int = ROUNDS) -> list[float]:
    """The median process time of each call over interleaved rounds, after one for warmth."""
    for call in calls:
        call()
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, times in zip(calls, found, strict=True):
            began = time.process_time()
            call()
            times.append(time.process_time() - began)
    return [statistics.median(times) for times in found]


def costs(n: int, m: int) -> dict[str, torch.Tensor]:
    """Instances apart, around prototypes, and on a line as a one-dimensional label's."""
    p = unit(random(m, 64, seed=1))
    near = p[torch.from_numpy(np.random.default_rng(0).zipf(1.3, n) % m)] + 0.08 * random(n, 64, seed=2)
    t = [torch.from_numpy(np.random.default_rng(3).random(size)) for size in (n, m)]
    return {
        "random": 1 - unit(random(n, 64)) @ p.T,
        "clustered": 1 - unit(near) @ p.T,
        "a line": 1 - curve(t[0]) @ curve(t[1]).T,
    }


def certified(C: torch.Tensor, lam: float, tolerance: float) -> float:
    return float(transport.gap(C, transport.solve(C, math.inf, lam, tolerance=tolerance), math.inf, lam))


def plan() -> None:
    for name, C in costs(512, 80).items():
        lam = LAM * 80
        tolerance = next(t for t in (1e-6, 1e-8, 1e-10) if certified(C, lam, t) < 1e-6)
        calls = [
            partial(transport.solve, C, math.inf, lam, tolerance=tolerance),
            partial(by_clarabel, C, math.inf, lam, 1e-6),
        ]
        ours, theirs = seconds(calls, 3)
        _say("plan 512 x 80", name, ours, "Clarabel", theirs)
    C, lam = cosine(128, 16), LAM * 16

    def path() -> Any:
        import ot as pot

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            share = [np.full(size, 1 / size) for size in (16, 128)]
            return pot.regpath.regularization_path(*share, C.T.numpy(), reg=1 / (2 * lam), semi_relaxed=True)

    ours, theirs = seconds([lambda: transport.suot(C, lam), path], 3)
    _say("plan 128 x 16", "random", ours, "POT's path", theirs)


def _say(what: str, name: str, ours: float, other: str, theirs: float) -> None:
    print(
        f"{what:<14} {name:<10} ours {ours * 1e3:8.2f} ms   {other} {theirs * 1e3:9.1f} ms   {theirs / ours:7.1f}x",
        flush=True,
    )


def trainer(cls: type[Method], **changes: Any) -> Trainer:
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
    made.final_rows = [t.weight.view(t.replicas, t.vocabulary, -1) for t in made.tables]
    made.test = rows.take(np.arange(8192))  # type: ignore[attr-defined]
    return made


def step() -> None:
    torch.set_num_threads(1)
    made = {
        "TR": trainer(TR),
        "D2Q": trainer(D2Q),
        "ProWTP": trainer(ProWTP),
        "ProWTP, all rows": trainer(ProWTP, percent=100),
        "ProWTP, OT": trainer(ProWTP, alignment="ot"),
        "ProWTP, none": trainer(ProWTP, alignment="none"),
    }

    def steps(t: Trainer) -> None:
        t.cursor.zero_()
        for _ in range(8):
            t.advance()

    training = [s / 8 / SEEDS for s in seconds([lambda t=t: steps(t) for t in made.values()])]
    predicting = [s / SEEDS for s in seconds([lambda t=t: t.predict(t.test) for t in made.values()])]  # type: ignore[misc]
    for place, name in enumerate(made):
        train, predict = training[place], predicting[place]
        print(
            f"step {name:<17} training {train * 1e3:7.2f} ms a seed-step, {train / training[0]:5.2f} of TR's   "
            f"prediction {predict / 8.192 * 1e6:7.1f} us per 1000 rows, {predict / predicting[0]:5.2f} of TR's",
            flush=True,
        )


if __name__ == "__main__":
    for what in sys.argv[1:] or ("plan", "step"):
        {"plan": plan, "step": step}[what]()
