"""The noise of a dataset's numbers, from resampling: one small JSON file beside its records, complete or absent."""

from math import inf
from pathlib import Path

import msgspec

from benchmark.compare import derived
from benchmark.files.errors import UserError
from benchmark.records.possible import wrong_metric

FILE = "noise.json"
_ROUNDING = 1e-9  # of a value
_OF_SLICE = ("mae", "rmse", "xauc")
Values = list[float | None]  # None where a metric is undefined, or its noise unknown


class Compared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A method's variant that was resampled: the mean over its seeds."""

    method: str
    variant: str
    tags: dict[str, str]  # seed -> tag of the identity whose predictions were read, see benchmark.records.predictions


class Spread(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric. Every list but `pairs` has a place for each of the entries, in the metric's unit."""

    value: Values  # over all rows, of the predictions as they are kept
    users: Values = []  # standard error of the mean over these seeds, from drawing users
    seeds: Values = []  # what the choice of the seeds adds; 0 for what has no seed, None where one seed hides it
    pairs: list[Values] = []  # [i][j], j < i: like `users`, of the difference between entries i and j


class Slice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some of the test rows."""

    rows: int
    mae: Spread
    rmse: Spread
    xauc: Spread


class Noise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset's test set, resampled."""

    format: int = 1
    dataset: str
    code: str  # hash of what computed it
    table: str  # fingerprint of the prepared table
    seed: int
    rows: int
    clusters: int
    drawn: str  # what a cluster is: "users" or "rows"
    draws: int
    ranking_draws: int  # of the metrics that rank
    entries: list[Compared]
    missing: dict[str, str]  # "method/variant" with numbers that was left out -> why
    metrics: dict[str, Spread]
    slices: dict[str, Slice]

    @property
    def tags(self) -> dict[tuple[str, str], dict[str, str]]:
        """Returns the tags of each entry: which predictions were read."""
        return {(entry.method, entry.variant): entry.tags for entry in self.entries}


def encode(noise: Noise) -> bytes:
    """Canonical bytes."""
    return derived.encode(noise)


def read(folder: Path) -> Noise | None:
    """A dataset's noise below its folder of records, None where there is none. Raises UserError on another file."""
    if (found := derived.read(folder / FILE, Noise)) is not None and (why := _wrong(found)):
        raise UserError(f"{folder / FILE} cannot be right ({why}): delete it")
    return None if found is None else _drawn(found)


def write(folder: Path, noise: Noise) -> None:
    """Put it in place: whole or not at all. Raises UserError."""
    derived.write(folder / FILE, encode(_drawn(noise)))


def _drawn(noise: Noise) -> Noise:
    """The noise, without errors of the whole and of slices that are one cluster: every draw of one is itself, which
    tells nothing."""

    def bare(spread: Spread) -> Spread:
        return Spread(value=spread.value)

    metrics = noise.metrics if noise.clusters > 1 else {name: bare(spread) for name, spread in noise.metrics.items()}
    slices = {
        name: msgspec.structs.replace(part, **{metric: bare(getattr(part, metric)) for metric in _OF_SLICE})
        if noise.clusters < 2 or _unmoved(part.mae)
        else part
        for name, part in noise.slices.items()
    }
    return msgspec.structs.replace(noise, metrics=metrics, slices=slices)


def _unmoved(mae: Spread) -> bool:
    """Whether no draw has changed any entry's error, but for rounding, though there is one."""
    errors = [(error or 0.0, value or 0.0) for error, value in zip(mae.users, mae.value, strict=False)]
    return any(value for _, value in errors) and all(error <= _ROUNDING * value for error, value in errors)


def _wrong(noise: Noise) -> str:
    """What in it cannot be, in words; "" where there is nothing."""
    every = dict(noise.metrics) | {
        f"{name}, {metric}": getattr(part, metric) for name, part in noise.slices.items() for metric in _OF_SLICE
    }
    for name, spread in every.items():
        metric = name.split(", ")[-1]
        lists = {"value": spread.value, "users": spread.users, "seeds": spread.seeds}
        if any(len(values) not in (0, len(noise.entries)) for values in lists.values()):
            return f"{name} has another number of values than there are entries"
        if [len(row) for row in spread.pairs] not in ([], list(range(len(noise.entries)))):
            return f"{name} has other pairs than there are entries"
        for value in spread.value:
            if why := wrong_metric({metric: value}):
                return f"{name}: {why}" if name != metric else why
        for error in (*spread.users, *spread.seeds, *(one for row in spread.pairs for one in row)):
            if error is not None and not 0 <= error < inf:
                return f"{name} has the standard error {error:g}"
    return ""
