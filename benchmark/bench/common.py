"""What the benchmarks share: a made-up table, a clock that interleaves what it compares, a process of one's own."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

SIZES = {  # vocabulary of each field
    "KuaiRand-Pure's 45 k ids": (27_285, 7_551, 6_000, 4_000, 15, 5),
    "WeChat's 160 k ids": (20_000, 96_428, 18_789, 24_000, 2, 5),
    "1 M ids": (600_000, 300_000, 80_000, 20_000, 15, 5),
}
BATCH, SEEDS, ROUNDS = 512, 5, 5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What a benchmark is told on the command line."""

    say: Say  # prints a line
    parts: tuple[str, ...] = ()  # of the benchmark; none: its usual ones
    device: str = "cpu"
    root: Path | None = None  # of the raw files
    share: float = 1.0  # of the rows of a made-up file
    train: bool = False  # also train on the tables that were prepared
    out: Path | None = None  # a file for what was found


def one_core() -> None:
    """Make this process what a worker is: one core, whatever library is at work, and freed memory kept."""
    import threadpoolctl
    import torch

    from benchmark.execute.machine import keep_freed_memory

    keep_freed_memory()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of processes to come
    torch.set_num_threads(1)
    threadpoolctl.threadpool_limits(1)


def interleaved(
    calls: Sequence[Callable[[], Any]], rounds: int = ROUNDS, device: str = "cpu", *, warm: bool = True
) -> list[list[float]]:
    """The process times of each call in seconds, one of each round, so that a busy machine slows all alike; wall times
    on a GPU, whose work the process does not count. warm: call each once before."""
    clock = time.process_time if device == "cpu" else _wall
    if warm:
        for call in calls:
            call()
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, mine in zip(calls, times, strict=True):
            began = clock()
            call()
            mine.append(clock() - began)
    return times


def _wall() -> float:
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()


def median(times: Sequence[float]) -> float:
    return statistics.median(times)


def ratio(times: Sequence[float], base: Sequence[float]) -> float:
    """How many times longer, the median of the rounds' own ratios."""
    return statistics.median(t / b for t, b in zip(times, base, strict=True))


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak() -> float:
    """GiB that this process has held at most."""
    return _memory("VmHWM")


def held() -> float:
    """GiB that this process holds; elsewhere than on Linux, at most so far."""
    return _memory("VmRSS")


def _memory(what: str) -> float:
    import resource

    status = Path("/proc/self/status")
    if status.exists():  # getrusage would also count the process that started this one
        return int(status.read_text().split(f"{what}:")[1].split()[0]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def taken(steps: Iterator[Any], count: int) -> None:
    """Take so many steps."""
    for _ in range(count):
        next(steps)


def made_up(vocabulary: tuple[int, ...], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids [n, fields] of Zipf-like popularity and a label that depends on the first two."""
    rng = np.random.default_rng(0)
    ids = np.empty((n, len(vocabulary)), np.int32)
    for place, size in enumerate(vocabulary):
        share = np.cumsum(1 / np.arange(1, size + 1) ** (0.6 if size > 100 else 0.3))
        ids[:, place] = rng.permutation(size)[np.searchsorted(share / share[-1], rng.random(n)).clip(0, size - 1)]
    taste = [rng.normal(size=size) for size in vocabulary[:2]]
    label = np.exp(1 + 0.5 * taste[0][ids[:, 0]] + 0.5 * taste[1][ids[:, 1]] + 0.5 * rng.normal(size=n))
    return ids, label.clip(0, 60).astype(np.float32)


def regression() -> Any:
    """The plain loop's network and loss as a method: embeddings 64, MLP 64-64-64, ReLU, dropout 0.2."""
    import torch

    from datasets.schema import Schema
    from methods.backbone import BackboneConfig, Regressor
    from methods.base import Method

    class Regression(Method):
        """The same network and loss as the plain loop's."""

        Config = BackboneConfig

        def build(self, schema: Schema, fitted: Any) -> Regressor:
            return Regressor(schema, self.config)

        def predict(self, module: Any, batch: Any) -> torch.Tensor:
            return module(batch)[:, 0]

        def loss(self, module: Any, batch: Any) -> torch.Tensor:
            return (self.predict(module, batch) - batch.label).square().mean()

    return Regression


def trainer(
    ids: np.ndarray,
    label: np.ndarray,
    vocabulary: Sequence[int],
    seeds: Sequence[int],
    configs: Sequence[Any],
    epochs: int = 50,
    **how: Any,
) -> Any:
    """Our trainer on such a table, `regression` in it."""
    from benchmark.train.trainer import Plan, Trainer
    from datasets.schema import Field, Rows, Schema

    fields = tuple(Field(f"field{i}", size) for i, size in enumerate(vocabulary))
    schema = Schema(task="watch_time", unit="s", fields=fields)
    rows = Rows(ids=ids, label=label)
    valid = rows.take(np.arange(min(len(rows), 512)))
    return Trainer(regression(), schema, rows, valid, Plan(BATCH, epochs, epochs), seeds, configs, **how)


def steps_of(made: Any) -> Iterator[None]:
    """A trainer's steps, epoch after epoch: each `next` is one step of all its replicas."""
    for epoch in range(made.plan.epochs):
        made.begin(epoch)
        for _ in range(made.order.steps):
            made.advance()
            yield
