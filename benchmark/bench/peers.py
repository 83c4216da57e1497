"""Peers: the same network on the same rows, trained by this trainer and as others train it, side by side in one run.

Each is given what it likes: one core, batches of 512, Adam at 1e-3, no regularisation. The floor is what the step's
matrix products take alone. DeepCTR-Torch is optional (`pip install --no-deps deepctr-torch tqdm`): its own `fit`
is called as it is, for whole epochs of few batches.
"""

import contextlib
import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from unittest import mock

import msgspec
import numpy as np

from benchmark.bench.common import (
    BATCH,
    ROUNDS,
    SEEDS,
    SIZES,
    Asked,
    apart,
    held,
    interleaved,
    made_up,
    median,
    one_core,
    peak,
    ratio,
    steps_of,
    taken,
    trainer,
)  # fmt: skip
from benchmark.bench.kept import Machine, keep
from benchmark.bench.training import WIDTH, least_of, network, plain_loop, products, several
from benchmark.execute.machine import reset_peak_memory
from benchmark.files.errors import UserError

ROWS, STEPS, FEW = 60_000, 40, 10  # FEW steps of what sweeps a large table
Made = Callable[[np.ndarray, np.ndarray, tuple[int, ...]], Callable[[int], Any]]  # rows in; out: takes so many steps

OURS, ALONE, FLOOR = "this trainer, five seeds together", "this trainer, one seed", "matrix products alone"
DENSE, SPARSE, DEEPCTR = "plain PyTorch loop", "PyTorch, sparse embeddings and SparseAdam", "DeepCTR-Torch"


class Row(msgspec.Struct, frozen=True):
    """One trainer on one vocabulary."""

    what: str
    ids: int  # of all fields
    milliseconds: float  # of a step of one seed, process time
    rows_per_second: float  # of one seed
    floors: float  # how many times longer than the floor
    gib: float | None  # of memory of one seed, beyond libraries and rows; None for the floor


class Peers(msgspec.Struct, frozen=True):
    """What `bench peers` found."""

    machine: Machine
    rows: tuple[Row, ...]
    skipped: Mapping[str, str]  # name -> why


def ours(seeds: int) -> Made:
    """This trainer, past its first steps."""

    def made(ids: np.ndarray, label: np.ndarray, vocabulary: tuple[int, ...]) -> Callable[[int], Any]:
        from methods.backbone import BackboneConfig

        return partial(taken, steps_of(trainer(ids, label, vocabulary, range(seeds), [BackboneConfig()] * seeds)))

    return made


def plain(ids: np.ndarray, label: np.ndarray, vocabulary: tuple[int, ...]) -> Callable[[int], Any]:
    """What people write: DataLoader, dense gradients, torch's Adam."""
    return partial(taken, plain_loop(ids, label, vocabulary, "cpu"))


def sparse(ids: np.ndarray, label: np.ndarray, vocabulary: tuple[int, ...]) -> Callable[[int], Any]:
    """What people write who have read about it: resident tensors, sparse gradients, SparseAdam, fused Adam."""
    return partial(taken, sparse_loop(ids, label, vocabulary))


def sparse_loop(ids: np.ndarray, label: np.ndarray, vocabulary: tuple[int, ...]) -> Iterator[None]:
    """Each `next` is one step. Rows without a gradient stand still, which is not what Adam does to them."""
    import torch

    torch.manual_seed(0)
    net = network(vocabulary, sparse=True)
    tables = torch.optim.SparseAdam(list(net.embed.parameters()), lr=1e-3)
    adam = torch.optim.Adam(net.mlp.parameters(), lr=1e-3, fused=True)
    x, y = torch.from_numpy(ids).long(), torch.from_numpy(label)
    while True:
        order = torch.randperm(len(y))
        xs, ys = x[order], y[order]
        for start in range(0, len(y) - BATCH + 1, BATCH):
            tables.zero_grad()
            adam.zero_grad()
            batch = slice(start, start + BATCH)
            (net(xs[batch]) - ys[batch]).square().mean().backward()
            tables.step()
            adam.step()
            yield


def deepctr(ids: np.ndarray, label: np.ndarray, vocabulary: tuple[int, ...]) -> Callable[[int], Any]:
    """DeepCTR-Torch's Wide & Deep without a wide part, by its own `fit`. Raises UserError where it is not there."""
    import torch

    others = set(threading.enumerate())
    try:  # as it is imported it asks PyPI, in a thread, whether there is a later one: not here
        with _quiet(), mock.patch("requests.get", side_effect=OSError("no questions")):
            from deepctr_torch.inputs import SparseFeat
            from deepctr_torch.models import WDL

            for thread in set(threading.enumerate()) - others:
                thread.join()
    except ImportError as error:
        raise UserError(f"not installed ({error}): pip install --no-deps deepctr-torch tqdm") from None

    names = [f"field{place}" for place in range(len(vocabulary))]
    columns = [SparseFeat(n, size, embedding_dim=WIDTH) for n, size in zip(names, vocabulary, strict=True)]
    hidden = {"dnn_hidden_units": (WIDTH,) * 3, "dnn_dropout": 0.2}
    model = WDL([], columns, **hidden, l2_reg_linear=0, l2_reg_embedding=0, task="regression")
    model.compile(torch.optim.Adam(model.parameters(), lr=1e-3), "mse")

    def fit(steps: int) -> None:
        some = steps * BATCH
        x = {name: ids[:some, place].astype(np.int64) for place, name in enumerate(names)}
        with _quiet():
            model.fit(x, label[:some], batch_size=BATCH, epochs=1, verbose=0)

    return fit


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()):
        yield


TRAINERS: dict[str, tuple[Made, int]] = {  # what makes it, and how many seeds it trains at a time
    OURS: (ours(SEEDS), SEEDS),
    ALONE: (ours(1), 1),
    DENSE: (plain, 1),
    SPARSE: (sparse, 1),
    DEEPCTR: (deepctr, 1),
}


def memory(what: str, vocabulary: tuple[int, ...]) -> float:
    """GiB that training takes at most beyond libraries and rows, in a process of its own."""
    one_core()
    made, _ = TRAINERS[what]
    ids, label = made_up(vocabulary, BATCH * FEW)
    made(ids[:, :1] * 0, label, (1,))(2)  # libraries are there, and what they compile
    reset_peak_memory()
    before = held()
    made(ids, label, vocabulary)(3)
    return peak() - before


def compared(vocabulary: tuple[int, ...], skipped: dict[str, str]) -> list[Row]:
    """All trainers on one vocabulary, in interleaved rounds; says in `skipped` what is not there."""
    from benchmark.train.adam.lazy_adam import EARLY

    ids, label = made_up(vocabulary, ROWS)
    ready: dict[str, tuple[Callable[[int], Any], int, int]] = {}
    for what, (made, seeds) in TRAINERS.items():
        try:
            take = made(ids, label, vocabulary)
        except UserError as error:
            skipped[what] = str(error)
            continue
        if what in (OURS, ALONE):
            take(EARLY)
        sweeps = what in (DENSE, DEEPCTR) and sum(vocabulary) > 500_000
        ready[what] = (take, FEW if sweeps else STEPS, seeds)
    floor = products(len(vocabulary), SEEDS, "cpu")
    calls = [partial(take, steps) for take, steps, _ in ready.values()]
    calls += [partial(several, call, STEPS) for layouts in floor for call in layouts]
    times = interleaved(calls, ROUNDS)
    least = [t / STEPS / SEEDS for t in least_of(times[len(ready) :], [len(layouts) for layouts in floor])]
    found = [_row(FLOOR, vocabulary, least, least, None)]
    for (what, (_, steps, seeds)), mine in zip(ready.items(), times, strict=False):
        gib = apart(memory, what, vocabulary) / seeds
        found.append(_row(what, vocabulary, [t / steps / seeds for t in mine], least, gib))
    return found


def _row(
    what: str, vocabulary: Sequence[int], times: Sequence[float], least: Sequence[float], gib: float | None
) -> Row:
    """times: seconds of a seed-step in each round; least: the floor's."""
    seconds, floors = median(times), round(ratio(times, least), 2)
    memory = None if gib is None else round(gib, 3)
    return Row(what, sum(vocabulary), round(seconds * 1e3, 3), round(BATCH / seconds), floors, memory)


def main(asked: Asked) -> None:
    """Prints the table; with --out also keeps the numbers, which `table` makes README's of."""
    if asked.device != "cpu":
        raise UserError("bench peers compares on one core of a CPU: leave --device away")
    one_core()
    skipped: dict[str, str] = {}
    rows = [row for vocabulary in SIZES.values() for row in compared(vocabulary, skipped)]
    found = Peers(Machine.here(deepctr_torch=_version("deepctr-torch")), tuple(rows), skipped)
    for line in table(found).splitlines():
        asked.say(line)
    for what, why in skipped.items():
        asked.say(f"peers     {what} is left out: {why}")
    keep(found, asked)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def table(found: Peers) -> str:
    """The numbers as a table in Markdown, a row for each trainer."""
    sizes = list(dict.fromkeys(row.ids for row in found.rows))
    names = list(dict.fromkeys(row.what for row in found.rows))
    at = {(row.what, row.ids): row for row in found.rows}
    head = ["rows a second and seed (GiB)", *(f"{ids:,} ids" for ids in sizes), f"times the floor, {sizes[0]:,} ids"]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for what in names:
        cells = [_cell(at.get((what, ids))) for ids in sizes]
        first = at.get((what, sizes[0]))
        lines.append("| " + " | ".join([what, *cells, "" if first is None else f"{first.floors:.1f}"]) + " |")
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    return f"{row.rows_per_second:,.0f}" + ("" if row.gib is None else f" ({row.gib:.2f})")
