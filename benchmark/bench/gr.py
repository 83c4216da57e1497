"""GR's speed on one core.

step     a training step of five seeds against VR's on the same rows, for the number of steps T that the labels give:
         6 (whole seconds), 10 (milliseconds), and 23 as on the KuaiRec subset, whose tail is long
encode   ten million labels to tokens and back, with the memory each call adds, in a process of its own

`full` rows take all T steps, the worst that the labels' vocabulary allows. Beside GR stands what no arrangement of the
rest can undercut while its encoder and optimiser are VR's: VR's step, and the decoder's own matrix products.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.bench.common import SEEDS, SIZES, Asked, Say, apart, interleaved, median, one_core, peak, ratio
from benchmark.bench.run import PARTS
from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Bag, Field, Rows, Schema
from methods.base import Fitted, Method
from methods.gr.method import GR
from methods.gr.vocabulary import SPECIAL, dynamic_quantile
from methods.tr import TR

ROUNDS, PASS, ROWS = 7, 4, 20_000  # PASS: steps of one measurement
LABELS = 10_000_000


def lognormal(n: int, digits: int, largest: float = 999.639, seed: int = 0) -> np.ndarray:
    """About like KuaiRec's watch times but for their tail, to so many digits of a second."""
    return np.round(np.random.default_rng(seed).lognormal(np.log(8), 1, n).clip(0, largest), digits)


def long_tailed(n: int, seed: int = 1) -> np.ndarray:
    """The quantiles of the KuaiRec subset's labels, to the millisecond: one in a thousand is above 100 s."""
    u = np.random.default_rng(seed).random(n)
    u[:2] = 0, 1
    share = [0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1]
    return np.round(np.interp(u, share, [0, 0.5, 3.7, 5.8, 7.6, 9.9, 12.8, 31.0, 115, 641, 917]), 3)


class Full(GR):
    """Every training row takes all T steps: EOS and padding are filled up with the token of one unit."""

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        tokens = super().targets(fitted, rows)["tokens"]
        return {"tokens": torch.where(tokens < SPECIAL, len(fitted["vocabulary"]) - 1, tokens).to(torch.int16)}


@dataclass(frozen=True)
class World:
    """A table to be made: its labels, the sizes of its fields, its bags, and the batch it is trained in."""

    label: np.ndarray
    sizes: tuple[int, ...] = SIZES["KuaiRand-Pure's 45 k ids"]
    bags: tuple[Bag, ...] = ()
    batch: int = 512


def trainer(cls: type[Method], world: World, **changes: Any) -> Trainer:
    rng, n = np.random.default_rng(0), len(world.label)
    ids = np.stack([rng.integers(1, size, n) for size in world.sizes], 1).astype(np.int32)
    members = {bag.name: rng.integers(0, bag.size, (n, bag.length)).astype(np.int32) for bag in world.bags}
    fields = tuple(Field(f"f{i}", size) for i, size in enumerate(world.sizes))
    schema = Schema("watch_time", "s", fields, bags=world.bags)
    rows = Rows(ids=ids, bags=members, label=world.label.astype(np.float32))
    plan, config = Plan(world.batch, 50, 50), cls.Config(**changes)
    made = Trainer(cls, schema, rows, rows.take(np.arange(8)), plan, range(SEEDS), [config] * SEEDS)
    made.begin(0)
    return made


def steps(t: Trainer, count: int) -> None:
    """So many steps from the epoch's beginning."""
    t.order.cursor.zero_()
    for _ in range(count):
        t.advance()


def products(t: Trainer, count: int, *, own: bool) -> None:
    """The decoder's matrix products of so many steps, forward and backward, as its compiled loops have them: over the
    rows that have a token at each step. own: every input is a mixture that the decoder has made, else a true token,
    which needs no product."""
    tokens = t.targets.columns["tokens"][: t.plan.batch].numpy()
    sizes = [int((tokens[:, step] > 0).sum()) for step in range(tokens.shape[1])]
    B, R, wide, width = len(tokens), sum(sizes), t.stack.configs[0].hidden[-1], t.stack.configs[0].width
    C, gates = len(t.stack.fitted[0]["vocabulary"].units) + 1, 4 * width
    shapes = [(B, wide), (gates, wide), (gates, width), (C, width), (C, gates), (R, width), (R, gates), (R, C)]
    h, context, hidden, out, table, H, G, Z = (np.ones(shape, np.float32) for shape in shapes)
    ends = np.cumsum(sizes)
    for _ in range(count * SEEDS):
        constant = h @ context.T
        constant @ context, constant.T @ h
        for n, end in zip(sizes, ends, strict=True):
            here = slice(end - n, end)
            H[here] @ hidden.T, H[here] @ out.T  # forward
            Z[here] @ out, G[here] @ hidden  # and back
            if own and end > B:
                Z[here] @ table, G[here] @ table.T
        G.T @ H, Z.T @ H
        if own:
            Z[B:].T @ G[B:]


Case = tuple[str, type[GR], Mapping[str, Any], float]  # name, class, changed fields, target


def step(say: Say) -> None:
    """Milliseconds per seed-step and their ratio to VR's."""
    wide: dict[str, Any] = {"width": 128}
    attention: dict[str, Any] = {"decoder": "transformer"}
    own: dict[str, Any] = {
        "schedule": "constant",
        "p": 0.0,
    }  # fed with its own mixtures alone, as behind the curriculum
    cases: list[Case] = [("GR", GR, {}, 8), ("GR, own input", GR, own, 8), ("GR, width 128", GR, wide, 15)]
    cases += [("GR, full", Full, {}, 0)]
    _steps(say, "B = 512, whole seconds", World(lognormal(ROWS, 0, 300)), cases)
    world = World(lognormal(ROWS, 3))
    _steps(say, "B = 512, milliseconds", world, cases)
    _steps(say, "the same", world, [("Transformer", GR, attention, 0)], 2, 1)
    # the subset's 23 steps come from a handful of rows; a sample of its quantiles has some that are longer still
    world = World(long_tailed(92_449), (1412, 1941, 6), (Bag("category", 32, 4),), 1024)
    cases = [(n, cls, {**c, "cap": 23}, 3.5 if n in ("GR", "GR, own input") else 0) for n, cls, c, _ in cases]
    _steps(say, "B = 1024, as the KuaiRec subset", world, cases)
    _steps(say, "the same", world, [("Transformer", GR, {**attention, "cap": 23}, 0)], 2, 1)


def _steps(say: Say, what: str, world: World, cases: Sequence[Case], rounds: int = ROUNDS, count: int = PASS) -> None:
    vr = trainer(TR, world)
    made = [trainer(cls, world, **changes) for _, cls, changes, _ in cases]
    fitted = made[0].stack.fitted[0]
    length, classes = len(fitted["survival"]), len(fitted["vocabulary"].units) + 1
    mean = float((made[0].targets.columns["tokens"] > 0).sum(1).double().mean())
    say(f"gr        {what}: T = {length}, {classes} classes, {mean:.2f} steps a row")
    calls = [partial(steps, t, count) for t in (vr, *made)]
    recurrent = [t for t, (_, _, changes, _) in zip(made, cases, strict=True) if "decoder" not in changes]
    inputs = {"true tokens": False, "its own input": True} if recurrent else {}
    calls += [partial(products, recurrent[0], count, own=own) for own in inputs.values()]
    base, *found = interleaved(calls, rounds)
    say(f"gr          {'VR':<20} {_ms(base, count):7.2f} ms a seed-step")
    for (name, _, _, target), times in zip(cases, found[: len(cases)], strict=True):
        more = ratio(times, base)
        wanted = "" if not target else f"   target {target:g}x: {'met' if more <= target else 'MISSED'}"
        say(f"gr          {name:<20} {_ms(times, count):7.2f} ms a seed-step, {more:6.2f}x VR's{wanted}")
    for words, times in zip(inputs, found[len(cases) :], strict=True):
        least = [one + two for one, two in zip(base, times, strict=True)]
        say(f"gr          VR's step and the decoder's products, {words:<14} {ratio(least, base):6.2f}x VR's")


def _ms(times: Sequence[float], count: int) -> float:
    return median(times) / count / SEEDS * 1e3


def _encoding(shortest: bool) -> tuple[float, float, float, float, int]:
    """Seconds to encode and to decode, the memory in MB that each adds, and T; labels restored or AssertionError."""
    one_core()
    vocabulary = dynamic_quantile(lognormal(100_000, 3))
    y = lognormal(LABELS, 3, seed=1)
    vocabulary.decode(vocabulary.encode(y[:2], shortest=shortest))  # compile
    start, began = peak(), time.process_time()
    tokens = vocabulary.encode(y, shortest=shortest)
    encoded, middle, again = time.process_time() - began, peak(), time.process_time()
    back = vocabulary.decode(tokens)
    decoded = time.process_time() - again
    grown = (middle - start) * 1024, (peak() - middle) * 1024
    assert all(np.array_equal(np.rint(1e3 * a), np.rint(1e3 * b)) for a, b in _parts(back, y))
    return encoded, decoded, *grown, tokens.shape[1]


def _parts(*columns: np.ndarray) -> Any:
    return zip(*(np.array_split(column, 100) for column in columns), strict=True)


def encode(say: Say) -> None:
    """Seconds and memory of ten million labels."""
    for name, shortest in (("greedy", False), ("shortest", True)):
        encoded, decoded, more, again, T = apart(_encoding, shortest)
        verdict = "met" if encoded < 10 else "MISSED"
        say(
            f"gr        encode 10 M labels, {name:<8} T = {T:2}: {encoded:6.2f} s, {more:5.0f} MB more   "
            f"decode {decoded:5.2f} s, {again:4.0f} MB more   target 10 s: {verdict}"
        )


def main(asked: Asked) -> None:
    """Run the parts asked for."""
    one_core()
    for part in asked.parts or PARTS["gr"]:
        {"step": step, "encode": encode}[part](asked.say)
