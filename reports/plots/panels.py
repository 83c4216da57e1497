"""The geometry of the calibration panels: per method, mean labels against mean predictions, decile by decile."""

from dataclasses import dataclass

from reports.markup.inline import bare
from reports.markup.text import short
from reports.model.board import Board
from reports.model.calibrated import DECILES, calibrated
from reports.plots.axes import Axis, decades

SIDE = 150  # of a panel, in pixels
_LEAST = 1e-2  # of the label's unit: what is less stands at the edge


@dataclass(frozen=True)
class Panel:
    """A method's deciles; on the diagonal what is predicted is what came."""

    label: str
    points: tuple[tuple[float, float, str], ...]  # x, y and the numbers, lowest predictions first
    line: str  # the path through them


@dataclass(frozen=True)
class Panels:
    """The methods of a dataset on one pair of logarithmic axes."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    ticks: tuple[tuple[float, str], ...]  # the same on both axes; y runs upwards from SIDE


def panels(board: Board, dataset: str, name: str) -> Panels | None:
    """The default variants of what `reports.sections.lifetime.calibration` shows; None where there is none."""
    shown = [e for e in calibrated(board, dataset) if e.variant == "default"]
    means = [[(e.mean("prediction", d) or 0.0, e.mean("label", d) or 0.0) for d in DECILES] for e in shown]
    values = [max(value, _LEAST) for pairs in means for pair in pairs for value in pair]
    if not values:
        return None
    axis = Axis(decades(min(values), max(values)), 0, SIDE, log=True)
    unit = board.unit(dataset)
    found = []
    for result, pairs in zip(shown, means, strict=True):
        points = tuple(
            (
                axis.place(max(predicted, _LEAST)),
                round(SIDE - axis.place(max(actual, _LEAST)), 1),
                f"{place}: predicted {short(predicted)} {unit}, came {short(actual)} {unit}",
            )
            for place, (predicted, actual) in enumerate(pairs, 1)
        )
        found.append(Panel(bare(result.label), points, "M" + "L".join(f"{x} {y}" for x, y, _ in points)))
    title = f"Mean label against mean prediction by decile of the predictions ({unit})"
    return Panels(name, title, tuple(found), axis.ticks)
