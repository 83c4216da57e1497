"""Axes of the page's own figures: from values to pixels, with round ticks and labels that do not overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from statistics import quantiles


@dataclass(frozen=True)
class Axis:
    """Values from the first to the last mark lie from `start` to `end` in pixels; what is outside, at the edge."""

    marks: Sequence[float]
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        first, last, here = (log10(v) if self.log else v for v in (self.marks[0], self.marks[-1], value))
        share = min(max((here - first) / (last - first), 0.0), 1.0)
        return round(self.start + (self.end - self.start) * share, 1)

    def outside(self, value: float) -> bool:
        return value > self.marks[-1]

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        """The marks' places and texts, with as many decimals as they need."""
        least = self.marks[0] if self.log else self.marks[1] - self.marks[0]
        decimals = max(0, -floor(log10(least) + 1e-9))
        if self.log:
            return tuple((self.place(m), f"{m:,.{max(0, -floor(log10(m) + 1e-9))}f}") for m in self.marks)
        return tuple((self.place(m), f"{m:,.{decimals}f}") for m in self.marks)


def rounds(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from below `low` to above `high`, 1, 2 or 5 apart."""
    width = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(width / about))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * about >= width)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(mark * step, 12) for mark in range(first, max(last, first + 1) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten from below `low` to above `high`."""
    first, last = floor(log10(low) + 1e-9), ceil(log10(high) - 1e-9)
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def most(values: Sequence[float]) -> float:
    """The greatest value that is not far out: three quartile ranges above the third quartile (Tukey's outer fence)."""
    if len(values) < 4:
        return max(values)
    first, _, third = quantiles(values, method="inclusive")
    return max(v for v in values if v <= third + 3 * (third - first))


def spread(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The values moved so that neighbours lie at least `gap` apart between `low` and `high`, where there is room."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    moved = [min(max(values[i], low), high) for i in order]
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    for i in range(len(moved) - 1, -1, -1):
        moved[i] = min(moved[i], high if i == len(moved) - 1 else moved[i + 1] - gap)
    found = [0.0] * len(values)
    for i, value in zip(order, moved, strict=True):
        found[i] = round(value, 1)
    return found
