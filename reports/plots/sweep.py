"""Figures of a sweep, with the spread of seeds: variants side by side by metric, methods by training rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.model.board import Result
from reports.model.metrics import METRICS
from reports.model.summary import Summary
from reports.plots.drawing import COLOURS, literal, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = "osD^vPX*"


def figure(
    values: Sequence[tuple[float, Result]],
    metrics: Sequence[str],
    *,
    swept: str,
    beside: tuple[str, Result] | None,
    unit: str,
    title: str,
    names: Sequence[str] = (),
) -> str:
    """A panel per metric: the mean over seeds with its standard deviation, and every seed as a dot. beside: an result
    without a value, by name, as a dashed line. names: of the values where they are variants, which no line joins."""

    def draw(picture: "Figure") -> None:
        axes = picture.subplots(1, len(metrics), squeeze=False).ravel()
        for place, metric in zip(axes, metrics, strict=True):
            _draw(place, values, metric, beside, line="none" if names else "-")
            word = METRICS[metric].title
            place.set_title(f"{word} ({unit})" if metric in ("mae", "rmse") else word, fontsize=8)
            place.set_xlabel(swept)
            place.set_xticks([value for value, _ in values], names or [f"{value:g}" for value, _ in values])
            if names:
                place.set_xlim(values[0][0] - 0.5, values[-1][0] + 0.5)
        if beside:
            axes[-1].legend(frameon=False, fontsize=7)

    return svg(draw, title=title, size=(10, 2.4))


def _draw(
    axes: "Axes", values: Sequence[tuple[float, Result]], metric: str, beside: tuple[str, Result] | None, *, line: str
) -> None:
    known = [(value, summary, result) for value, result in values if (summary := result.metric(metric))]
    x, means = [value for value, _, _ in known], [summary.mean for _, summary, _ in known]
    spread = [summary.std or 0.0 for _, summary, _ in known]
    axes.errorbar(
        x, means, spread, color=COLOURS[0], marker="o", markersize=3.5, linewidth=1, linestyle=line, capsize=2
    )
    for value, _, result in known:
        seeds = [v for r in result.ok if (v := r.metrics.get("test", {}).get(metric)) is not None]
        axes.plot([value] * len(seeds), seeds, "o", color=COLOURS[0], markersize=1.8, alpha=0.5)
    if beside and (level := beside[1].mean(metric)) is not None:
        axes.axhline(level, color=COLOURS[4], linestyle="--", linewidth=0.9, label=beside[0])
    axes.grid(color="#eeeeee")
    axes.set_axisbelow(True)


def curves(
    lines: Sequence[tuple[str, Sequence[tuple[float, Summary]]]],
    *,
    level: tuple[str, Sequence[tuple[float, float]]],
    label: str,
    title: str,
) -> str:
    """A line for each method over training rows, logarithmic, with the standard deviation of its seeds. level: what is
    predicted, by name, as a dashed line."""

    def draw(picture: "Figure") -> None:
        axes = picture.subplots()
        axes.set_xscale("log")
        axes.minorticks_off()
        counts = sorted({count for _, points in lines for count, _ in points})
        for place, (name, points) in enumerate(lines):
            axes.errorbar(
                [count for count, _ in points],
                [summary.mean for _, summary in points],
                [summary.std or 0.0 for _, summary in points],
                color=COLOURS[place % len(COLOURS)],
                marker=_MARKS[place % len(_MARKS)],
                linestyle="-" if place < len(COLOURS) else ":",
                markersize=3.5,
                linewidth=1,
                capsize=2,
                label=literal(name),
            )
        if level[1]:
            axes.plot(
                *zip(*level[1], strict=True), color="#444444", linestyle="--", linewidth=1, label=literal(level[0])
            )
        axes.set_xticks(counts, [f"{count:,.0f}" for count in counts])
        axes.set_xlabel("training rows")
        axes.set_ylabel(label)
        axes.grid(color="#eeeeee")
        axes.set_axisbelow(True)
        picture.legend(loc="outside right upper", frameon=False, fontsize=7)

    return svg(draw, title=title, size=(8, 3.4))
