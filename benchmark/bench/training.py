"""Training: our trainer with five seeds together against a plain PyTorch loop with one, the same network on the same
rows, and against the step's own matrix products: what no arrangement of the rest can undercut.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmark.bench.common import (
    BATCH,
    ROUNDS,
    SEEDS,
    SIZES,
    Asked,
    interleaved,
    made_up,
    median,
    one_core,
    ratio,
    steps_of,
    taken,
    trainer,
)  # fmt: skip

ROWS, WIDTH, STEPS = 120_000, 64, 40


def network(vocabulary: tuple[int, ...], *, sparse: bool = False) -> Any:
    """The network as people write it, one nn.Embedding a field. sparse: its gradients."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.ModuleList([nn.Embedding(size, WIDTH, sparse=sparse) for size in vocabulary])
            layers: list[nn.Module] = []
            for width in (WIDTH * len(vocabulary), WIDTH, WIDTH):
                layers += [nn.Linear(width, WIDTH), nn.ReLU(), nn.Dropout(0.2)]
            self.mlp = nn.Sequential(*layers, nn.Linear(WIDTH, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.mlp(torch.cat([e(x[:, i]) for i, e in enumerate(self.embed)], 1))[:, 0]

    return Net()


def plain_loop(ids: np.ndarray, label: np.ndarray, vocabulary: tuple[int, ...], device: str) -> Iterator[None]:
    """What people write (DataLoader, one nn.Embedding a field, default Adam): each `next` is one training step."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    net = network(vocabulary).to(device)
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


def products(fields: int, seeds: int, device: str) -> list[list[Callable[[], Any]]]:
    """The matrix products of one step of these seeds, forward and backward, each in the layouts that it can have."""
    import torch

    calls: list[list[Callable[[], Any]]] = []
    for inputs, outputs in ((WIDTH * fields, WIDTH), (WIDTH, WIDTH), (WIDTH, WIDTH), (WIDTH, 1)):
        x = torch.randn(seeds, BATCH, inputs, device=device)
        dy = torch.randn(seeds, BATCH, outputs, device=device)
        rows = torch.randn(seeds, outputs, inputs, device=device)  # the weight as nn.Linear keeps it
        columns = rows.mT.contiguous()
        calls += [
            [partial(torch.bmm, x, columns), partial(torch.bmm, x, rows.mT), partial(torch.bmm, rows, x.mT)],
            [partial(torch.bmm, dy, columns.mT), partial(torch.bmm, dy, rows)],
            [partial(torch.bmm, x.mT, dy), partial(torch.bmm, dy.mT, x)],
        ]
    return calls


def main(asked: Asked) -> None:
    """Milliseconds per seed-step on one core (or the GPU), medians of interleaved rounds. Ours is past its first steps,
    in which the closed form of a row's gap is cut in pieces (`lazy_adam`). The larger of two pieces of the group says
    how much sooner two cores are done with it."""
    from benchmark.train.adam.lazy_adam import EARLY
    from methods.backbone import BackboneConfig

    one_core()
    for name, vocabulary in SIZES.items():
        ids, label = made_up(vocabulary, ROWS)

        def ours(seeds: int) -> Iterator[None]:
            made = trainer(ids, label, vocabulary, range(seeds), [BackboneConfig()] * seeds, device=asked.device)  # noqa: B023
            taken(steps := steps_of(made), EARLY)
            return steps

        few = 10 if sum(vocabulary) > 500_000 else STEPS
        floor = products(len(vocabulary), SEEDS, asked.device)
        calls = [partial(taken, plain_loop(ids, label, vocabulary, asked.device), few)]
        calls += [partial(taken, ours(seeds), STEPS) for seeds in (SEEDS, -(-SEEDS // 2))]
        calls += [partial(several, call, STEPS) for layouts in floor for call in layouts]
        plain, whole, piece, *alone = interleaved(calls, ROUNDS, asked.device)
        least = least_of(alone, [len(layouts) for layouts in floor])
        each = {"plain loop": median(plain) / few, "ours": median(whole) / STEPS / SEEDS}
        words = "   ".join(f"{what} {seconds * 1e3:6.2f} ms" for what, seconds in each.items())
        arithmetic = f"matrix products {median(least) / STEPS / SEEDS * 1e3:5.2f} ms"
        versus = f"{ratio(plain, whole) * STEPS * SEEDS / few:5.1f}x the plain loop"
        asked.say(f"training  {name:<26} a seed-step: {words}   {arithmetic}")
        asked.say(f"training  {'':<26} {versus}   {ratio(whole, least):4.2f} times its own matrix products")
        if asked.device == "cpu":
            asked.say(f"training  {'':<26} in two pieces on two cores {ratio(whole, piece):4.2f}x")


def several(call: Callable[[], Any], count: int) -> None:
    for _ in range(count):
        call()


def least_of(times: Sequence[Sequence[float]], layouts: Sequence[int]) -> list[float]:
    """The products' time in each round, each in the layout that was fastest over all rounds."""
    chosen, start = [], 0
    for count in layouts:
        chosen.append(min(times[start : start + count], key=median))
        start += count
    return [sum(round_) for round_ in zip(*chosen, strict=True)]
