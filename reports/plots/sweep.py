"""The figure of a sweep, or of variants side by side: each metric with the spread of its seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.model.board import Result
from reports.model.metrics import METRICS
from reports.plots.drawing import COLOURS, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
