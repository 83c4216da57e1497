"""Eight trials of value regression that differ in their learning rate: together, one after the other in our own
trainer, and in a plain PyTorch loop. On the KuaiRand-Pure slice where its data are given, else on a table of its shape.

One after the other, a trial costs a pair of replicas, for that is what a lone one trains as, see benchmark.train.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.bench.common import (
    ROUNDS,
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
from benchmark.bench.training import plain_loop
from benchmark.execute.machine import cores

TRIALS = 8
RATES = tuple(float(f"{rate:.3g}") for rate in np.geomspace(1e-4, 1e-2, TRIALS))
_ROWS = 119_462  # training rows of the slice
_CHECKED, _EPOCHS = 4_096, 3  # rows and epochs behind the comparison of results
_COUNTS = (40, 40, 20)  # steps of one measurement: of the plain loop, a trial alone, all together
_STEPS = 100  # behind the comparison of workers
_barrier: Any = None  # of a worker: all of them begin at once


def main(asked: Asked) -> None:
    """Milliseconds per step of one trial on one core (or the GPU), medians of interleaved rounds; before that, that
    the results are equal. Raises RuntimeError where they are not."""
    one_core()
    name, ids, label, vocabulary = _table(asked.root)
    asked.say(f"tuning    {TRIALS} trials of VR on {name}, {len(ids):,} rows")
    asked.say(f"tuning    {_equal(ids, label, vocabulary, asked.device)}")
    steps = (
        plain_loop(ids, label, vocabulary, asked.device),
        _steps(ids, label, vocabulary, RATES[:1], asked.device),
        _steps(ids, label, vocabulary, RATES, asked.device),
    )
    calls = [partial(taken, step, count) for step, count in zip(steps, _COUNTS, strict=True)]
    shares = (*_COUNTS[:2], _COUNTS[2] * TRIALS)  # steps of a trial in each measurement
    measured = zip(interleaved(calls, ROUNDS, asked.device), shares, strict=True)
    plain, alone, eight = ([seconds / share for seconds in times] for times, share in measured)
    each = {"plain loop": plain, "one at a time": alone, "together": eight}
    times = "   ".join(f"{what} {median(seconds) * 1e3:6.2f} ms" for what, seconds in each.items())
    ratios = f"{ratio(alone, eight):4.2f}x one at a time, {ratio(plain, eight):4.1f}x the plain loop"
    asked.say(f"tuning    a step of one trial: {times}   {ratios}")
    if asked.device == "cpu" and cores() > 1:
        asked.say(f"tuning    {_on_all_cores(asked.root)}")


def _on_all_cores(root: Path | None) -> str:
    """The trials in one worker against two or more that share them, as `run --tune` has them, in words. It is wall
    time, so only an idle machine shows it."""
    workers = min(cores(), TRIALS // 2)  # a piece is a pair at least
    steps = {}
    for count in (1, workers):
        context = get_context("spawn")
        meeting = (context.Barrier(count),)
        pieces = [RATES[place::count] for place in range(count)]
        with ProcessPoolExecutor(count, mp_context=context, initializer=_meet, initargs=meeting) as pool:
            steps[count] = max(pool.map(_piece, [root] * count, pieces)) / TRIALS
    return (
        f"a step of one trial, wall time: one worker {steps[1]:.2f} ms   {workers} workers {steps[workers]:.2f} ms   "
        f"{steps[1] / steps[workers]:.2f}x of {workers} cores"
    )


def _meet(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


def _piece(root: Path | None, rates: Sequence[float]) -> float:
    """Milliseconds of a step of these trials, while the other workers take theirs."""
    one_core()
    _, ids, label, vocabulary = _table(root)
    step = _steps(ids, label, vocabulary, rates, "cpu")
    taken(step, 10)
    _barrier.wait()
    began = time.perf_counter()
    taken(step, _STEPS)
    return (time.perf_counter() - began) / _STEPS * 1e3


def _table(root: Path | None) -> tuple[str, np.ndarray, np.ndarray, tuple[int, ...]]:
    """Its name, ids [n, fields], the label in standard deviations [n], and the vocabularies."""
    if root is None:
        vocabulary = SIZES["KuaiRand-Pure's 45 k ids"]
        ids, label = made_up(vocabulary, _ROWS)
        return "a made-up table of KuaiRand-Pure's shape", ids, label / label.std(), vocabulary
    from datasets.cache import load
    from datasets.registry import get

    table = load(get("kuairand"), root)
    train = table.view("train")
    assert train.label is not None
    sizes = tuple(field.size for field in table.schema.fields)
    return str(table.facts["slice"]), train.ids, train.label / train.label.std(), sizes


def _trials(
    ids: np.ndarray, label: np.ndarray, vocabulary: Sequence[int], rates: Sequence[float], epochs: int = 50, **how: Any
) -> Any:
    """Our trainer with a replica for each learning rate, all of seed 0."""
    from methods.backbone import BackboneConfig

    configs = [BackboneConfig(lr=rate) for rate in rates]
    return trainer(ids, label, vocabulary, [0] * len(rates), configs, epochs, **how)


def _steps(
    ids: np.ndarray, label: np.ndarray, vocabulary: Sequence[int], rates: Sequence[float], device: str
) -> Iterator[None]:
    return steps_of(_trials(ids, label, vocabulary, rates, device=device))


def _equal(ids: np.ndarray, label: np.ndarray, vocabulary: Sequence[int], device: str) -> str:
    """What trials together and one at a time have in common, in words."""
    import torch

    few, some = ids[:_CHECKED], label[:_CHECKED]
    words = []
    for dtype in (torch.float64, torch.float32):
        how: dict[str, Any] = {"device": device, "dtype": dtype}
        together = [h.valid for h in _trials(few, some, vocabulary, RATES, _EPOCHS, **how).fit()]
        alone = [_trials(few, some, vocabulary, [rate], _EPOCHS, **how).fit()[0].valid for rate in RATES]
        gap = float(np.abs(np.array(together) - np.array(alone)).max())
        if gap > (1e-9 if dtype == torch.float64 else 0.0 if device == "cpu" else 1e-3):
            raise RuntimeError(f"trials together differ from trials one at a time by {gap:.2g} in {dtype}")
        words.append(f"{str(dtype).removeprefix('torch.')} {f'to {gap:.1g}' if gap else 'to the bit'}")
    return f"validation errors of {_EPOCHS} epochs, together and one at a time, are equal: {', '.join(words)}"
