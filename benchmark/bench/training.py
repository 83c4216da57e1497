"""Speed, side by side in one run on the same rows: ratios are what counts, absolute times are noise on a shared
machine.

training   our trainer (five seeds together) against a plain PyTorch loop (DataLoader, one nn.Embedding a field,
           default Adam, one seed), the same network: embeddings 64, MLP 64-64-64, ReLU, dropout 0.2, batch 512
tuning     eight trials that differ in their learning rate, see bench_tuning.py
metrics    exact XAUC and XGAUC on 2.5 M rows
"""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmark.files.errors import UserError

SIZES = {  # vocabulary of each field
    "KuaiRand-Pure's 45 k ids": (27_285, 7_551, 6_000, 4_000, 15, 5),
    "WeChat's 160 k ids": (20_000, 96_428, 18_789, 24_000, 2, 5),
    "1 M ids": (600_000, 300_000, 80_000, 20_000, 15, 5),
}
BATCH, SEEDS, ROUNDS = 512, 5, 3


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


def plain_loop(ids: np.ndarray, label: np.ndarray, vocabulary: tuple[int, ...], device: str) -> Iterator[None]:
    """What people write: each `next` is one training step."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.ModuleList([nn.Embedding(size, 64) for size in vocabulary])
            layers: list[nn.Module] = []
            for width in (64 * len(vocabulary), 64, 64):
                layers += [nn.Linear(width, 64), nn.ReLU(), nn.Dropout(0.2)]
            self.mlp = nn.Sequential(*layers, nn.Linear(64, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.mlp(torch.cat([e(x[:, i]) for i, e in enumerate(self.embed)], 1))[:, 0]

    torch.manual_seed(0)
    net = Net().to(device)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    data = TensorDataset(torch.from_numpy(ids).long(), torch.from_numpy(label))
    while True:
        for x, y in DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True):
            adam.zero_grad()
            loss = (net(x.to(device)) - y.to(device)).square().mean()
            loss.backward()
            adam.step()
            loss.item()
            yield


def regression() -> Any:
    """The plain loop's network and loss as a method."""
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


def _ours(ids: np.ndarray, label: np.ndarray, vocabulary: tuple[int, ...], device: str) -> Iterator[None]:
    """Each `next` is one step of five seeds."""
    from benchmark.train.trainer import Plan, Trainer
    from datasets.schema import Field, Rows, Schema
    from methods.backbone import BackboneConfig

    fields = tuple(Field(f"field{i}", size) for i, size in enumerate(vocabulary))
    schema = Schema(task="watch_time", unit="s", fields=fields)
    rows = Rows(ids=ids, label=label)
    configs = [BackboneConfig()] * SEEDS
    trainer = Trainer(
        regression(), schema, rows, rows.take(np.arange(8)), Plan(BATCH, 50, 50), range(SEEDS), configs, device=device
    )
    for epoch in range(50):
        trainer.begin(epoch)
        for _ in range(trainer.steps_per_epoch):
            trainer.advance()
            yield


def seconds_of(step: Iterator[None], count: int, device: str) -> float:
    """Process time of `count` steps (wall time on a GPU, whose work the process does not count)."""
    import torch

    clock: Callable[[], float] = time.process_time if device == "cpu" else time.perf_counter
    if device != "cpu":
        torch.cuda.synchronize()
    began = clock()
    for _ in range(count):
        next(step)
    if device != "cpu":
        torch.cuda.synchronize()
    return clock() - began


def training(console: Console, device: str) -> None:
    """Milliseconds per seed-step on one core (or the GPU), medians of interleaved rounds, after a warm-up."""
    import torch

    torch.set_num_threads(1)
    for name, vocabulary in SIZES.items():
        ids, label = made_up(vocabulary, 120_000)
        steps = (plain_loop(ids, label, vocabulary, device), _ours(ids, label, vocabulary, device))
        counts = (15 if sum(vocabulary) > 500_000 else 40, 60)
        for step in steps:
            seconds_of(step, 10, device)
        rounds = [
            [seconds_of(s, n, device) / n * 1e3 for s, n in zip(steps, counts, strict=True)] for _ in range(ROUNDS)
        ]
        plain = statistics.median(r[0] for r in rounds)
        ours = statistics.median(r[1] / SEEDS for r in rounds)
        console.print(
            f"training  {name:<26} plain loop {plain:8.2f} ms   ours {ours:6.2f} ms a seed-step   {plain / ours:6.1f}x",
            highlight=False,
            soft_wrap=True,
        )


def metrics(console: Console) -> None:
    """Seconds for the exact ranking metrics on 2.5 M rows of 7,176 users."""
    from benchmark.metrics.pairs import xauc, xgauc

    rng = np.random.default_rng(0)
    n = 2_500_000
    label = np.round(rng.lognormal(2, 1, n), 3)
    prediction, user = label * rng.lognormal(0, 1, n), rng.integers(0, 7_176, n)
    xauc(label[:10], prediction[:10])  # compiled or read from numba's cache
    xgauc(label[:10], prediction[:10], user[:10] * 0)
    for name, call in (("xauc", lambda: xauc(label, prediction)), ("xgauc", lambda: xgauc(label, prediction, user))):
        began = time.process_time()
        call()
        console.print(
            f"metrics   {name:<6} exact, 2.5 M rows   {time.process_time() - began:5.2f} s on one core",
            highlight=False,
            soft_wrap=True,
        )


def main(what: str, device: str, console: Console, root: Path | None = None) -> None:
    """Run one benchmark or all. root: of the raw files, for those that can use them. Raises UserError on an unknown
    name."""
    if what not in ("all", "training", "tuning", "metrics"):
        raise UserError(f"bench takes training, tuning, metrics or all, not {what!r}")
    if what in ("all", "training"):
        training(console, device)
    if what in ("all", "tuning"):
        from benchmark.bench.tuning import tuning

        tuning(console, device, root)
    if what in ("all", "metrics"):
        metrics(console)
