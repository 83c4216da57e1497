"""The figure of coverage: how much more of the labels predicted intervals hold than they should."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reports.model.board import Result
from reports.plots.drawing import COLOURS, literal, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKS = "osD^vPX"


def figure(shown: Sequence[Result], aims: Mapping[str, float], title: str) -> str:
    """Percentage points above or below each interval's share, a mark for each method with the spread of its seeds."""

    def draw(picture: "Figure") -> None:
        axes = picture.subplots()
        step = min(0.12, 0.8 / len(shown))
        for place, result in enumerate(shown):
            gaps = [(s.mean - aim, s.std or 0.0) for m, aim in aims.items() if (s := result.metric(m))]
            axes.errorbar(
                [i + (place - (len(shown) - 1) / 2) * step for i in range(len(gaps))],
                [100 * gap for gap, _ in gaps],
                [100 * spread for _, spread in gaps],
                fmt=_MARKS[place % len(_MARKS)],
                color=COLOURS[place % len(COLOURS)],
                markersize=4,
                linewidth=1,
                capsize=2,
                label=literal(result.title),
            )
        axes.axhline(0, color="#444444", linewidth=0.8)
        axes.set_xticks(range(len(aims)), [f"{100 * aim:.0f} % interval" for aim in aims.values()])
        axes.set_ylabel("percentage points too much held")
        axes.grid(axis="y", color="#eeeeee")
        axes.set_axisbelow(True)
        picture.legend(loc="outside right upper", frameon=False, fontsize=7)

    return svg(draw, title=title, size=(7, 2.6))
