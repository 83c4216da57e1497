"""The figures of a search: its history, and what its parameters decide."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import ceil, inf, isfinite
from typing import TYPE_CHECKING, Any

from benchmark.records.trial import Trial
from reports.plots.drawing import COLOURS, literal, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ACROSS = 3  # panels


def history(studies: Mapping[str, Sequence[Trial]], *, title: str, unit: str) -> str:
    """A panel per method: every trial's validation error, and the best so far as steps; a cross at the top for one
    without a number."""

    from matplotlib.ticker import MaxNLocator

    def panel(axes: "Axes", trials: Sequence[Trial]) -> None:
        known = [(t.number, t.objective) for t in trials if t.objective is not None]
        axes.plot(*zip(*known, strict=True) if known else ([], []), "o", color=COLOURS[0], markersize=3)
        least = list(accumulate((inf if t.objective is None else t.objective for t in trials), min))
        steps = [(t.number, value) for t, value in zip(trials, least, strict=True) if isfinite(value)]
        if steps:
            axes.step(*zip(*steps, strict=True), where="post", color=COLOURS[1], linewidth=1)
        lost = [t.number for t in trials if t.objective is None]
        if lost:
            top = axes.get_ylim()[1] if known else 1.0
            axes.plot(lost, [top] * len(lost), "x", color=COLOURS[4], markersize=4)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("trial")
        axes.set_ylabel(f"validation MAE ({unit})")

    return _panels(studies, panel, title=title)


def importances(weights: Mapping[str, Mapping[str, float]], *, title: str) -> str:
    """A panel per method: a bar for each parameter."""

    def panel(axes: "Axes", found: Mapping[str, float]) -> None:
        names = sorted(found, key=lambda name: (found[name], name))
        axes.barh([literal(name) for name in names], [found[name] for name in names], color=COLOURS[0], height=0.6)
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of the variance of ranks")

    return _panels(weights, panel, title=title)


def _panels(found: Mapping[str, Any], panel: "Callable[[Axes, Any], None]", *, title: str) -> str:
    def draw(picture: "Figure") -> None:
        grid = picture.subplots(ceil(len(found) / _ACROSS), min(_ACROSS, len(found)), squeeze=False).ravel()
        for axes, (name, what) in zip(grid, found.items(), strict=False):
            panel(axes, what)
            axes.set_title(literal(name), fontsize=8)
            axes.grid(color="#eeeeee")
            axes.set_axisbelow(True)
        for axes in grid[len(found) :]:
            axes.set_visible(False)

    rows = ceil(len(found) / _ACROSS)
    return svg(draw, title=title, size=(3.2 * min(_ACROSS, len(found)), 2.1 * rows))
