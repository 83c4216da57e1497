"""Growth: seconds and memory of training against rows, ids, seeds and fields, one of them at a time.

Each point is a process of its own: it makes rows up, builds a trainer, takes some steps and reckons an epoch from them,
with what an epoch needs besides (the rows' order, every row of the embeddings brought up to date). An exponent of 1 is
growth as the work grows; what stays below has a part that does not.
"""

import math
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from benchmark.bench.common import Asked, apart, held, made_up, one_core, peak, steps_of, taken, trainer
from benchmark.bench.kept import Machine, keep
from benchmark.execute.machine import reset_peak_memory
from benchmark.files.errors import UserError
from datasets.common.files import put

AXES: dict[str, tuple[int, ...]] = {
    "rows": (100_000, 1_000_000, 10_000_000),
    "ids": (10_000, 100_000, 1_000_000, 10_000_000),
    "seeds": (2, 5, 10, 20),  # one trains as a pair of itself
    "fields": (5, 10, 20, 40),
}
USUAL = {"rows": 100_000, "ids": 45_000, "seeds": 2, "fields": 6}  # but for the axis that is looked at
DIM = 16  # of an embedding: ten million ids have their moments too
WARM, STEPS = 20, 30


class Point(msgspec.Struct, frozen=True):
    """Training at one place of an axis."""

    at: int
    setup: float  # seconds to build the trainer
    epoch: float  # seconds of an epoch
    gib: float  # beyond libraries and rows

    @property
    def seconds(self) -> float:
        return self.setup + self.epoch


class Growth(msgspec.Struct, frozen=True):
    """What `bench growth` found."""

    machine: Machine
    axes: dict[str, tuple[Point, ...]]


def measured(axis: str, at: int) -> Point:
    """One point, in this process."""
    one_core()
    _train({**USUAL, "rows": 1_000, "ids": 1_000})  # libraries are there, and what they compile
    return _train({**USUAL, axis: at}, at)


def _train(size: dict[str, int], at: int = 0) -> Point:
    from methods.backbone import BackboneConfig

    each = max(2, size["ids"] // size["fields"])
    vocabulary = (each,) * size["fields"]
    ids, label = made_up(vocabulary, size["rows"])
    configs = [BackboneConfig(dim=DIM)] * size["seeds"]
    reset_peak_memory()
    before, clock = held(), time.process_time
    began = clock()
    made = trainer(ids, label, vocabulary, range(size["seeds"]), configs)
    ready = clock()
    made.begin(0)
    around = clock() - ready
    steps = steps_of(made)
    taken(steps, WARM)
    first = clock()
    taken(steps, STEPS)
    step = (clock() - first) / STEPS
    first = clock()
    made.optimiser.flush()
    around += clock() - first
    epoch = around + step * made.order.steps
    return Point(at, round(ready - began, 4), round(epoch, 4), round(peak() - before, 4))


def exponent(at: Sequence[float], values: Sequence[float]) -> float:
    """The slope of log values over log places, by least squares."""
    return float(np.polyfit(np.log(at), np.log(np.maximum(values, 1e-9)), 1)[0])


def steepest(at: Sequence[float], values: Sequence[float]) -> float:
    """The greatest slope between neighbours: what a constant part cannot hide."""
    pairs = zip(pairwise(at), pairwise(values), strict=True)
    return max(math.log(v / u) / math.log(b / a) for (a, b), (u, v) in pairs)


def main(asked: Asked) -> None:
    """Prints the points and their exponents; with --out also keeps them, and draws them beside."""
    if asked.device != "cpu":
        raise UserError("bench growth measures one core of a CPU: leave --device away")
    axes: dict[str, tuple[Point, ...]] = {}
    for axis in asked.parts or AXES:
        points = list[Point]()
        for at in AXES[axis]:
            points.append(apart(measured, axis, at))
            p = points[-1]
            asked.say(
                f"growth    {at:>10,} {axis:<6}  set up {p.setup:7.2f} s  epoch {p.epoch:8.2f} s  {p.gib:6.3f} GiB"
            )
        axes[axis] = tuple(points)
        asked.say(f"growth    {axis:<17}  {words(points)}")
    found = Growth(Machine.here(), axes)
    keep(found, asked)
    if asked.out is not None:
        put(Path(asked.out).with_suffix(".svg"), drawn(found).encode())


def words(points: Sequence[Point]) -> str:
    """The exponents of an axis."""
    at = [p.at for p in points]
    seconds, gib = [p.seconds for p in points], [p.gib for p in points]
    told = f"seconds as the power {exponent(at, seconds):.2f}, memory {exponent(at, gib):.2f}"
    return f"{told} (steepest between neighbours: {steepest(at, seconds):.2f}, {steepest(at, gib):.2f})"


def drawn(found: Growth) -> str:
    """The curves as one SVG: multiples of each axis' first point; dotted what grows as the axis does."""
    import io

    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "growth", "font.size": 8, "svg.fonttype": "path"}):
        figure = Figure(figsize=(8.4, 2.4), layout="constrained")
        for place, (axis, points) in enumerate(found.axes.items()):
            ax = figure.add_subplot(1, len(found.axes), place + 1)
            at = [p.at for p in points]
            ax.plot(at, [x / at[0] for x in at], ":", color="0.6", linewidth=1)
            for name, values, color in (
                ("seconds", [p.seconds for p in points], "#0b6e69"),
                ("memory", [p.gib for p in points], "#b5541c"),
            ):
                label = f"{name}: {exponent(at, values):.2f}"
                ax.plot(at, [v / values[0] for v in values], "o-", color=color, markersize=3, label=label)
            ax.set(xscale="log", yscale="log", xlabel=axis, ylabel="" if place else "times the first point")
            ax.minorticks_off()
            if at[-1] < 1000:
                ax.set_xticks(at, [str(x) for x in at])
            ax.legend(frameon=False, fontsize=7, title="exponent", title_fontsize=7)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
