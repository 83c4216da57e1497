"""Dimensions that a method says may be tuned: each a finite list of choices, or a range."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

_KINDS = ("log", "linear")
_DECAY = "weight_decay"
_DIGITS = 4  # of a proposed number: more would only be noise to read


@dataclass(frozen=True)
class Choices:
    """Finitely many values of a field; numbers in ascending order."""

    field: str
    values: tuple[Any, ...]

    @property
    def ordered(self) -> bool:
        """Returns whether neighbours are alike, because the values are numbers."""
        return all(_is_number(value) for value in self.values)

    def holds(self, value: Any) -> bool:
        return value in self.values


@dataclass(frozen=True)
class Range:
    """Every number from `low` to `high`, whole ones alone where the field holds such."""

    field: str
    low: float
    high: float
    log: bool
    whole: bool

    def holds(self, value: Any) -> bool:
        return _is_number(value) and self.low <= value <= self.high

    def rounded(self, value: float) -> float | int:
        """Returns the value in as many digits as a reader wants, still inside."""
        if self.whole:
            return int(value)
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)


Dimension = Choices | Range
Space = tuple[Dimension, ...]


# The same for every gradient method, in the place of its own choices: files name the learning rates of their papers,
# three mostly, and a search with three settings beside one with hundreds would be no equal one.
COMMON: Mapping[str, Sequence[Any]] = {"lr": ("log", 1e-4, 1e-2), "dropout": ("linear", 0.0, 0.5)}


def common(space: Mapping[str, Sequence[Any]], default: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Returns a gradient method's space with what all of them share, as far as its Config has it as a number; none
    stays none."""
    return {**space, **{f: what for f, what in COMMON.items() if isinstance(default.get(f), float)}} if space else {}


def parse(space: Mapping[str, Sequence[Any]], default: Mapping[str, Any]) -> Space:
    """Returns a method's `space` as dimensions. default: its default configuration, as the catalog has it.

    Raises ValueError on an unknown field, no choice at all, or a range that is none.
    """
    return tuple(_dimension(field, list(what), default) for field, what in space.items())


def _dimension(field: str, what: list[Any], default: Mapping[str, Any]) -> Dimension:
    if field not in default:
        raise ValueError(f"its space tunes {field!r}, which its Config does not have")
    if not what:
        raise ValueError(f"its space offers no value for {field!r}")
    if len(what) == 3 and what[0] in _KINDS and all(map(_is_number, what[1:])):
        low, high = what[1:]
        if not (math.isfinite(low) and math.isfinite(high) and low < high and (low > 0 or what[0] != "log")):
            raise ValueError(f"its space has no numbers between {low} and {high} for {field!r} ({what[0]})")
        whole = isinstance(default[field], int)
        if whole and not all(isinstance(bound, int) for bound in (low, high)):
            raise ValueError(f"its space has numbers between {low} and {high} for {field!r}, whose default is whole")
        return Range(field, low, high, log=what[0] == "log", whole=whole)
    # a 0 among the choices of a float field is a float, or the trial would be of another structure
    values = [float(v) if isinstance(default[field], float) and _is_number(v) else v for v in what]
    if all(map(_is_number, values)):
        values = sorted(set(values))
    return Choices(field, tuple(values))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def described(space: Space) -> dict[str, list[Any]]:
    """Returns the space as a file of JSON has it: field -> its choices, or `log` or `linear` and the two ends."""
    return {d.field: msgspec.to_builtins(_spelt(d)) for d in space}


def _spelt(d: Dimension) -> list[Any]:
    return list(d.values) if isinstance(d, Choices) else [_KINDS[not d.log], d.low, d.high]


def size(space: Space) -> float:
    """Returns how many settings there are; infinite with a range of floats."""
    return math.prod(
        len(d.values) if isinstance(d, Choices) else d.high - d.low + 1 if d.whole else math.inf for d in space
    )


def inside(space: Space, config: Mapping[str, Any]) -> bool:
    """Returns whether every tuned field of a configuration has a value of the space."""
    return all(d.holds(config[d.field]) for d in space)


def structure(config: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Returns what must be equal for two configurations to train in one stack: every field that is no float, and
    whether weights decay, for then a step touches the embeddings of all values, not of its rows'."""
    fields = {name: repr(value) for name, value in config.items() if not isinstance(value, float)}
    return (*sorted(fields.items()), (_DECAY, repr(bool(config.get(_DECAY)))))
