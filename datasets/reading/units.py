"""Whether a column of times is in the unit that its reader takes it to be: a factor of 1000 is found, no more."""

from pathlib import Path

import numpy as np

from datasets.base import BadData
from datasets.schema import Array

_FEWEST = 30  # values: less say nothing
_VIDEO = (0.5, 7200.0)  # seconds: the median duration of videos
_SHARE = (0.003, 30.0)  # the median of play / duration where both are positive
_YEAR = 365.25 * 86_400
_ENOUGH = 200_000  # values, from all over the column


def check_videos(path: Path, name: str, seconds: Array, unit: str) -> None:
    """Raises BadData where the median duration is not that of videos. `seconds` [n] as read, `unit` as expected."""
    check_quantile(path, name, seconds, 0.5, *_VIDEO, unit)


def check_plays(path: Path, name: str, seconds: Array, durations: Array, unit: str) -> None:
    """Raises BadData where the median play is far from its duration; both in seconds, [n]."""
    every = 1 + len(seconds) // _ENOUGH
    seconds, durations = seconds[::every], durations[::every]
    both = (seconds > 0) & (durations > 0)
    check_quantile(path, name, seconds[both] / durations[both], 0.5, *_SHARE, unit, words="of the duration")


def check_clock(path: Path, name: str, seconds: Array, unit: str, years: tuple[int, int] = (2000, 2040)) -> None:
    """Raises BadData where the median of the times, seconds since 1970 [n], lies outside these years."""
    low, high = ((year - 1970) * _YEAR for year in years)
    check_quantile(path, name, seconds, 0.5, low, high, unit, words="s since 1970")


def check_quantile(
    path: Path, name: str, values: Array, level: float, low: float, high: float, unit: str, *, words: str = "s"
) -> None:
    """Raises BadData where that quantile of the positive values [n] is outside low..high, which is in `words`."""
    some = values[:: 1 + len(values) // _ENOUGH]
    positive = some[some > 0]
    if len(positive) < _FEWEST:
        return
    if not low <= (found := float(np.quantile(positive, level))) <= high:
        which = "median" if level == 0.5 else f"{level:g} quantile"
        raise BadData(
            f"{path}: the {which} of column {name!r} comes out as {found:.3g} {words}, where {low:.3g} to {high:.3g} "
            f"would be plausible; check the units: {unit} are expected"
        )
