"""The geometry of the page's own figures; `templates/html` draws them in the page's colours, dark and light."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.evidence.contest import Contest, contest
from reports.markup.inline import bare
from reports.markup.text import number, short
from reports.model.board import Board, Result
from reports.model.calibrated import DECILES, calibrated
from reports.model.metrics import HEADLINE, METRICS, digits
from reports.model.summary import Summary, plus_minus
from reports.plots.axes import Axis, decades, most, rounds, spread
from reports.plots.pareto import COSTS, front

_ROW = 26  # a row of the dots' figure, in pixels
_LINE = 13  # a label of the planes' figure
_LEAST = 1e-3  # seconds: what is faster stands at the edge
_TITLE = METRICS[HEADLINE].name


@dataclass(frozen=True)
class Dot:
    """A row of the figure: the mean at x, its bar from `low` to `high`, in the figure's pixels."""

    label: str
    text: str
    kind: str  # "learned" by gradients, "trees" and the like, "label" alone, or "oracle"
    x: float
    low: float
    high: float
    y: float
    outside: bool  # too far out for the axis


@dataclass(frozen=True)
class Dots:
    """Means with their noise on one axis; `guide` is the best label-only constant's place."""

    name: str
    title: str
    dots: tuple[Dot, ...]
    ticks: tuple[tuple[float, str], ...]  # place, text
    guide: float | None
    height: float


def dots(board: Board, dataset: str, name: str) -> Dots | None:
    """The headline error of each row of a leaderboard; None where fewer than two have a number."""
    unit = board.unit(dataset)
    found = [(e, s) for e in board.of(dataset) if e.ok and (s := e.metric(HEADLINE))]
    found.sort(key=lambda item: (item[1].mean, item[0].method, item[0].variant))
    if len(found) < 2:
        return None
    tested = contest(board, dataset, HEADLINE)
    reach = [_reach(e, s, tested) for e, s in found]
    fence = most([summary.mean for _, summary in found])
    inside = [ends for (_, summary), ends in zip(found, reach, strict=True) if summary.mean <= fence]
    axis = Axis(rounds(min(low for low, _ in inside), max(high for _, high in inside)), 200, 580)
    constant = board.best(dataset, HEADLINE, "constant")
    value = constant.mean(HEADLINE) if constant else None
    bar = "95 % interval, users and seeds drawn again" if tested else "± one standard deviation over seeds"
    return Dots(
        name=name,
        title=f"{_TITLE} ({unit}); bar: {bar}",
        dots=tuple(
            Dot(
                label=bare(result.label),
                text=plus_minus(summary, digits(HEADLINE, unit)),
                kind=_kind(result),
                x=axis.place(summary.mean),
                low=axis.place(low),
                high=axis.place(high),
                y=34 + _ROW * (row + 0.5),
                outside=axis.outside(summary.mean),
            )
            for row, ((result, summary), (low, high)) in enumerate(zip(found, reach, strict=True))
        ),
        ticks=axis.ticks,
        guide=None if value is None else axis.place(value),
        height=34 + _ROW * len(found) + 40,
    )


def _reach(result: Result, summary: Summary, tested: Contest | None) -> tuple[float, float]:
    """From where to where an result's bar goes."""
    if tested is None:
        return summary.mean - (summary.std or 0.0), summary.mean + (summary.std or 0.0)
    return tested.mean(result).interval if result in tested.places else (summary.mean, summary.mean)


def _kind(result: Result) -> str:
    return "oracle" if result.oracle else "label" if result.label_only else "learned" if result.gradient else "trees"


# --- error against cost


@dataclass(frozen=True)
class Point:
    """A method in the plane of error and cost, in the figure's pixels."""

    label: str  # empty where the figure does not name it
    told: str  # the numbers, for who points at it
    kind: str
    front: bool  # nothing cheaper is as good
    x: float
    y: float
    label_x: float
    label_y: float


@dataclass(frozen=True)
class Plane:
    """Error against a cost on a logarithmic axis; `front` is the path along the methods that nothing cheaper beats."""

    name: str
    title: str
    words: str
    points: tuple[Point, ...]
    front: str
    xticks: tuple[tuple[float, str], ...]
    yticks: tuple[tuple[float, str], ...]
    height: float


def planes(board: Board, dataset: str, name: str) -> list[Plane]:
    """The headline error against each cost; empty where fewer than two results have both."""
    shown = [e for e in board.of(dataset) if not e.oracle and e.mean(HEADLINE) is not None and e.cost("seconds")]
    unit = board.unit(dataset)
    if len(shown) < 2:
        return []
    return [_plane(shown, cost, words, unit, f"{name}-{i}") for i, (cost, words) in enumerate(COSTS.items())]


def _plane(shown: Sequence[Result], cost: str, words: str, unit: str, name: str) -> Plane:
    values = [(max(e.cost(cost) or 0.0, _LEAST), e.mean(HEADLINE) or 0.0) for e in shown]
    best = front(values)
    height = max(300.0, 40.0 + _LINE * len(shown))
    across = Axis(decades(min(c for c, _ in values), max(c for c, _ in values)), 52, 360, log=True)
    errors = [error for _, error in values]
    up = Axis(rounds(min(errors), most(errors)), height - 12, 16)
    places = [(across.place(c), up.place(error)) for c, error in values]
    labels = _labels(places, best, [_kind(e) for e in shown], height)
    path = "".join(
        f"M{places[p][0]} {places[p][1]}" if i == 0 else f"H{places[p][0]}V{places[p][1]}" for i, p in enumerate(best)
    )
    points = []
    for place, (result, (price, error), (x, y)) in enumerate(zip(shown, values, places, strict=True)):
        value = number(error, digits(HEADLINE, unit))
        label_x, label_y = labels.get(place, (x, y))
        label = bare(result.label) + (f" ↑ {value}" if up.outside(error) else "")
        told = f"{bare(result.label)}: {_TITLE} {value}, {short(price)} s"
        points.append(
            Point(label * (place in labels), told, _kind(result), place in best, x, y, round(label_x, 1), label_y)
        )
    title = f"{_TITLE} ({unit}) against {words}"
    return Plane(name, title, words, tuple(points), path, across.ticks, up.ticks, height)


def _labels(
    places: Sequence[tuple[float, float]], best: Sequence[int], kinds: Sequence[str], height: float
) -> dict[int, tuple[float, float]]:
    """Where each label stands: beside its point in the left half, else in one column at the right. What sees the label
    alone is named where nothing cheaper beats it."""
    beside = [i for i in best if places[i][0] < 206]
    column = [i for i, kind in enumerate(kinds) if i not in beside and (kind != "label" or i in best)]
    near = spread([places[i][1] for i in beside], _LINE, 12, height)
    right = spread([places[i][1] for i in column], _LINE, 12, height)
    return {i: (places[i][0] + 16, y) for i, y in zip(beside, near, strict=True)} | {
        i: (384.0, y) for i, y in zip(column, right, strict=True)
    }


# --- calibration, decile by decile

SIDE = 150  # of a panel, in pixels
_FLOOR = 1e-2  # of the label's unit: what is less stands at the edge


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
    values = [max(value, _FLOOR) for pairs in means for pair in pairs for value in pair]
    if not values:
        return None
    axis = Axis(decades(min(values), max(values)), 0, SIDE, log=True)
    unit = board.unit(dataset)
    found = []
    for result, pairs in zip(shown, means, strict=True):
        points = tuple(
            (
                axis.place(max(predicted, _FLOOR)),
                round(SIDE - axis.place(max(actual, _FLOOR)), 1),
                f"{place}: predicted {short(predicted)} {unit}, came {short(actual)} {unit}",
            )
            for place, (predicted, actual) in enumerate(pairs, 1)
        )
        found.append(Panel(bare(result.label), points, "M" + "L".join(f"{x} {y}" for x, y, _ in points)))
    title = f"Mean label against mean prediction by decile of the predictions ({unit})"
    return Panels(name, title, tuple(found), axis.ticks)
