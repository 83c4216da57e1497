"""Figures of error against cost: which methods nothing cheaper beats. The same records give the same bytes."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from reports.markup.document import Picture, named
from reports.markup.text import plain
from reports.model.board import Board, Result
from reports.model.metrics import HEADLINE, METRICS
from reports.plots.drawing import literal, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COSTS = {
    "seconds": "training and evaluation, s per seed",
    "predict_seconds_per_million_rows": "prediction, s per 10⁶ rows",
}
_STYLES = {"network": ("o", "#3465a4"), "trees": ("s", "#c4570a"), "constant": ("D", "#888888")}
_LEAST = 1e-3  # seconds: what is faster stands at the edge


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the points (cost, error) that no other beats in one without losing in the other, by cost."""
    found: list[int] = []
    for place in sorted(range(len(points)), key=lambda i: points[i]):
        if not found or points[place][1] < points[found[-1]][1]:
            found.append(place)
    return found


def figure(board: Board, dataset: str) -> str:
    """An SVG of the headline error against each cost."""
    shown = _shown(board, dataset)

    def draw(picture: "Figure") -> None:
        picture.subplots_adjust(left=0.06, right=0.88, top=0.98, bottom=0.12, wspace=0.2)
        axes = picture.subplots(1, len(COSTS), sharey=True)
        for place, (cost, label) in enumerate(COSTS.items()):
            _draw(axes[place], shown, cost)
            axes[place].set_xlabel(label)
        unit = board.unit(dataset)
        axes[0].set_ylabel(f"{METRICS[HEADLINE].name} ({unit})")

    return svg(draw, title=f"{dataset}: error against cost", size=(10, 4.2), layout=None)


def _draw(axes: "Axes", shown: Sequence[Result], cost: str) -> None:
    points = [(max(e.cost(cost) or 0.0, _LEAST), e.mean(HEADLINE) or 0.0) for e in shown]
    best = front(points)
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.step([points[i][0] for i in best], [points[i][1] for i in best], where="post", color="#bbbbbb", zorder=1)
    for result, (x, y) in zip(shown, points, strict=True):
        marker, colour = _STYLES[result.kind if result.kind in _STYLES else "trees"]
        axes.plot([x], [y], marker, color=colour, markersize=5, zorder=2)
    axes.margins(x=0.15, y=0.08)
    axes.grid(color="#eeeeee", zorder=0)
    low, high = axes.get_ylim()
    heights = apart([y for _, y in points], (high - low) / 28)
    for place, (result, (x, y), height) in enumerate(zip(shown, points, heights, strict=True)):
        axes.annotate(
            literal(result.full),
            (x, y),
            (x * 1.25, height),
            va="center",
            fontsize=7,
            fontweight="bold" if place in best else "normal",
            arrowprops={"arrowstyle": "-", "color": "#cccccc", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2},
        )


def apart(values: Sequence[float], gap: float) -> list[float]:
    """The values, moved by a few passes until neighbours lie about `gap` apart: places of labels."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    moved = [values[i] for i in order]
    for _ in range(200):
        close = [i for i in range(1, len(moved)) if moved[i] - moved[i - 1] < gap * 0.999]
        for i in close:
            push = (gap - (moved[i] - moved[i - 1])) / 2
            moved[i - 1], moved[i] = moved[i - 1] - push, moved[i] + push
        if not close:
            break
    found = [0.0] * len(values)
    for place, value in zip(order, moved, strict=True):
        found[place] = value
    return found


def _shown(board: Board, dataset: str) -> list[Result]:
    return [e for e in board.of(dataset) if e.mean(HEADLINE) is not None and e.cost("seconds") and not e.oracle]


def pictures(board: Board, dataset: str) -> tuple[Picture, ...]:
    """The figure, where at least two results have an error and a cost."""
    shown = _shown(board, dataset)
    if len(shown) < 2:
        return ()
    alt = f"Error against cost on {plain(dataset)}"
    return (Picture(named("cost", dataset), alt, partial(figure, board, dataset), (board.stamp(shown),)),)
