"""The calibration figure of a lifetime-value dataset: mean label against mean prediction, decile by decile."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from reports.markup.document import Picture, named
from reports.markup.text import plain
from reports.model.board import Board, Result
from reports.model.calibrated import DECILES, calibrated
from reports.plots.drawing import literal, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 4
_LEAST = 1e-2  # of the label's unit: smaller means stand at the edge of the logarithmic axes


def figure(board: Board, dataset: str) -> str:
    """An SVG, one small plot per default method: on the diagonal what is predicted is what is spent."""
    shown = _shown(board, dataset)
    height = -(-len(shown) // _COLUMNS)
    unit = board.unit(dataset)

    def draw(picture: "Figure") -> None:
        axes = picture.subplots(height, _COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
        for place, result in enumerate(shown):
            _draw(axes[place], result)
        for spare in axes[len(shown) :]:
            spare.set_visible(False)
        picture.supxlabel(f"mean prediction of the decile ({unit})", fontsize=8)
        picture.supylabel(f"mean label ({unit})", fontsize=8)

    return svg(draw, title=f"{dataset}: deciles", size=(10, 2.5 * height + 0.4))


def _draw(axes: "Axes", result: Result) -> None:
    from matplotlib.ticker import LogLocator

    def means(name: str) -> Sequence[float]:
        return [max(result.mean(name, decile) or 0.0, _LEAST) for decile in DECILES]

    predicted, actual = means("prediction"), means("label")
    ends = (min(*predicted, *actual), max(*predicted, *actual))
    axes.plot(ends, ends, color="#bbbbbb", linewidth=0.8, zorder=1)
    axes.plot(predicted, actual, "o-", color="#3465a4", markersize=3.5, linewidth=0.8, zorder=2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.set_major_formatter("{x:g}")
    axes.set_title(literal(result.title), fontsize=8)


def _shown(board: Board, dataset: str) -> list[Result]:
    return [e for e in calibrated(board, dataset) if e.variant == "default"]


def pictures(board: Board, dataset: str) -> tuple[Picture, ...]:
    """The figure, where there is something to draw."""
    shown = _shown(board, dataset)
    if not shown:
        return ()
    alt = f"Mean label against mean prediction by decile on {plain(dataset)}"
    return (Picture(named("deciles", dataset), alt, partial(figure, board, dataset), (board.stamp(shown),)),)
