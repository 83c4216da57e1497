"""Positive controls: small worlds in which a method's assumption holds, or does not, at four numbers of training rows.

`controls-peaks` is the world `peaks` of `datasets/worlds` with 20,000 training rows, `controls-peaks@5k` the same with
5,000. The people, the validation
rows and the test rows of a world are the same at every size, and the training rows of a size are the first ones of the
next; every row carries the mean and the median of its label, for the oracle.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from datasets.base import Dataset, Protocol, Source, Split, Table
from datasets.preparing.assemble import assemble
from datasets.preparing.ltv import assemble_ltv
from datasets.schema import Array, Task
from datasets.worlds.cast import Cast
from datasets.worlds.spend import SPEND
from datasets.worlds.watch import WATCH
from datasets.worlds.world import World, drawn

# training rows -> epochs at most and epochs without improvement: a small size has few steps in an epoch. Both are far
# above what rows need in most worlds: a limit that ends training favours the fastest learner, and little patience
# whoever starts without standing still
SIZES = {1_000: (200, 60), 2_000: (150, 50), 5_000: (120, 40), 20_000: (120, 30)}
MOST = max(SIZES)
REST: dict[Split, int] = {"valid": 1_000, "test": 5_000}
_TIMES: dict[Split, tuple[float, float]] = {
    "train": (0.0, 0.7),
    "valid": (0.7, 0.8),
    "test": (0.8, 1.0),
}  # of the chronological worlds


class Control(Dataset):
    """One world at one size. One stream of random numbers: people, then the rows of training, validation and test."""

    def __init__(self, world: World, size: int, *, seed: int = 0) -> None:
        """`size`: training rows, one of SIZES."""
        target = "watch time (s)" if self.task == "watch_time" else "spend (EUR)"
        source = Source(f"control world, {world.title}", "generated", "none needed", "this project")
        options = {**asdict(world), "world": world.key, "size": size, "seed": seed, "target": target}
        order = "by time" if world.chronological else "drawn apart"
        words = f"{order}: {size:,} training, {REST['valid']:,} validation, {REST['test']:,} test rows, seed {seed}"
        epochs, patience = SIZES[size]
        stop: Literal["mae", "loss"] = "mae" if self.task == "watch_time" else "loss"
        protocol = Protocol(words, 256, epochs, patience, stop=stop, options=options)
        super().__init__(f"controls-{world.key}" + f"@{size // 1000}k" * (size < MOST), source, protocol)
        self.world, self.size, self.seed = world, size, seed

    def files(self, root: Path | None) -> list[Path]:
        """None: the rows are drawn."""
        return []

    def build(self, root: Path | None) -> Table:
        made = Made.of(self.world, self.seed)
        kept = np.concatenate([np.arange(self.size), np.arange(MOST, len(made.label))])
        ends = np.cumsum([self.size, *REST.values()])
        parts = np.split(np.arange(ends[-1], dtype=np.int32), ends[:-1])
        facts = {"slice": self.source.title, "files": [], "rows_raw": len(kept), "dropped": {}, "seed": self.seed}
        return self.assembled(made.at(kept), {"train": parts[0], "valid": parts[1], "test": parts[2]}, facts)

    def assembled(self, made: "Made", split: dict[Split, Array], facts: dict[str, Any]) -> Table:
        """The table of these rows."""
        raise NotImplementedError


class Watched(Control):
    """Views of videos."""

    task: ClassVar[Task] = "watch_time"

    def assembled(self, made: "Made", split: dict[Split, Array], facts: dict[str, Any]) -> Table:
        raw, truth = {"user_id": made.user, "video_id": made.thing}, {"mean": made.mean, "median": made.median}
        return assemble(
            raw, split=split, unit="s", label=made.label, duration=made.seconds, buckets=3, facts=facts, truth=truth
        )


class Spent(Control):
    """Customers of partners."""

    task: ClassVar[Task] = "ltv"

    def assembled(self, made: "Made", split: dict[Split, Array], facts: dict[str, Any]) -> Table:
        raw, truth = {"user_id": made.user, "partner_id": made.thing}, {"mean": made.mean, "median": made.median}
        return assemble_ltv(
            raw, numeric={}, split=split, unit="EUR", label=made.label, user=made.user, facts=facts, truth=truth
        )


@dataclass(frozen=True)
class Made:
    """Rows of a world with their truth, [n] each: MOST for training, then those of REST."""

    user: Array
    thing: Array
    seconds: Array  # of the video
    label: Array
    mean: Array
    median: Array

    @staticmethod
    def of(world: World, seed: int) -> "Made":
        """The whole world, the same at every size."""
        rng = np.random.default_rng([seed, *world.key.encode()])
        cast = Cast.of(rng, world.scores)
        counts = {"train": MOST, **REST}
        time = np.concatenate([rng.uniform(*_TIMES[part], size=count) for part, count in counts.items()])
        rows, law, label = drawn(world, cast, time, rng)
        # whole thousandths: the last bits of exp differ between processors, the table must not
        label, mean, median = (np.round(values, 3) for values in (label, law.mean(), law.median()))
        return Made(
            rows.user.astype(np.int32), rows.thing.astype(np.int32), cast.seconds[rows.thing], label, mean, median
        )

    def at(self, index: Array) -> "Made":
        return Made(*(getattr(self, column.name)[index] for column in fields(self)))


DATASETS = (
    *(Watched(world, size) for world in WATCH for size in sorted(SIZES, reverse=True)),
    *(Spent(world, size) for world in SPEND for size in sorted(SIZES, reverse=True)),
)
