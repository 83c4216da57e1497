"""A log's watch ratios over time: sentences on its portrait, and the figure."""

from collections.abc import Iterator
from math import log, sqrt
from statistics import median
from typing import TYPE_CHECKING

from benchmark.compare.portrait import LEVEL, Portrait
from reports.plots.drawing import COLOURS, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def told(portrait: Portrait) -> Iterator[str]:
    """Says how many tests see a shift, how large it is, and what the tests could see."""
    p = [value for bucket in portrait.buckets for value in bucket.p if value is not None]
    distances = [value for bucket in portrait.buckets for value in bucket.wasserstein if value is not None]
    statistics = [value for bucket in portrait.buckets for value in bucket.statistic if value is not None]
    if not p:
        yield "No duration bucket has rows to compare."
        return
    parts = len(portrait.buckets[0].rows)
    rejected, chance = sum(value < LEVEL for value in p), LEVEL * len(p)
    yield (
        f"Of {len(p)} two-sample Kolmogorov-Smirnov tests ({len(portrait.buckets)} duration buckets, {parts - 1} parts "
        f"against the last of {parts}) {rejected} reject at p < {LEVEL:g} that nothing has moved, where chance alone "
        f"would let {chance:.0f} reject."
    )
    yield (
        f"The Wasserstein distance between watch ratios is {median(distances):.3f} in the median and "
        f"{max(distances):.3f} at most; the distance between distribution functions {median(statistics):.3f} and "
        f"{max(statistics):.3f}."
    )
    rows = round(median([count for bucket in portrait.buckets for count in bucket.rows]))
    yield (
        f"With about {rows:,} rows in a part of a bucket the test rejects from a distance between distribution "
        f"functions of {_least(rows, rows):.3f} on, so that it rejects tiny shifts too: read the distances."
    )


def _least(n: int, m: int) -> float:
    """The least statistic that is rejected, from the first term of the asymptotic distribution:
    sqrt(-ln(p / 2) / 2 (n + m) / (n m))."""
    return sqrt(-log(LEVEL / 2) / 2 * (n + m) / max(n * m, 1))


def figure(portrait: Portrait) -> str:
    """Both distances of each part from the last, a line per duration bucket; crosses where the test rejects."""

    def draw(picture: "Figure") -> None:
        left, right = picture.subplots(1, 2, sharex=True)
        for place, bucket in enumerate(portrait.buckets):
            colour = COLOURS[place % len(COLOURS)]
            for axes, values in ((left, bucket.wasserstein), (right, bucket.statistic)):
                known = [(part, value) for part, value in enumerate(values, 1) if value is not None]
                axes.plot(
                    [part for part, _ in known],
                    [value for _, value in known],
                    "o-",
                    color=colour,
                    markersize=2.5,
                    linewidth=0.9,
                    label=f"duration bucket {place}",
                )
            marked = [
                (part, value)
                for part, (value, p) in enumerate(zip(bucket.statistic, bucket.p, strict=True), 1)
                if value is not None and p is not None and p < LEVEL
            ]
            right.plot([part for part, _ in marked], [value for _, value in marked], "x", color=colour, markersize=6)
        left.set_title("Wasserstein distance to the last part, in watch ratios", fontsize=8)
        right.set_title(f"Kolmogorov-Smirnov distance (× where p < {LEVEL:g})", fontsize=8)
        for axes in (left, right):
            axes.set_xlabel("part of the log, the oldest first")
            axes.set_ylim(0, None)
            axes.grid(color="#eeeeee")
        picture.legend(
            *left.get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False, fontsize=7
        )

    return svg(draw, title=f"{portrait.dataset}: watch ratios over time", size=(10, 3.0))
