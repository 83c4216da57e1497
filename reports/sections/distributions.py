"""Methods that predict a distribution, not a value alone: how well it fits."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from math import sqrt
from typing import TYPE_CHECKING

from reports.evidence.stats import LEVEL, Estimate, best_two, estimate, holm
from reports.markup.block import Block, Section, Titled
from reports.markup.markdown import Sheet, marked, number, plain, sentence_list, table
from reports.markup.picture import Picture, named, slug
from reports.model.board import Board, Entry
from reports.model.metrics import digits
from reports.model.summary import plus_minus
from reports.plots.drawing import COLOURS, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COVERAGE = {"coverage_50": 0.5, "coverage_80": 0.8, "coverage_90": 0.9}
_MARKS = "osD^vPX"


def section(board: Board) -> Section | None:
    """A part for each dataset with such records; None where there is none."""
    blocks = []
    for dataset in board.datasets:
        shown = [e for e in board.of(dataset) if e.ok and e.mean("pinball") is not None]
        if shown:
            blocks.append(_block(board, dataset, shown))
    if not blocks:
        return None
    about = (
        "Pinball loss is the mean over rows and the levels 0.05, 0.1, 0.25, 0.5, 0.75, 0.9 and 0.95, in the label's "
        "unit: less is better. Coverage is the share of labels between the quantiles that should hold 50, 80 and 90 % "
        "of them. Least loss first, variants apart."
    )
    return Section("Predicted distributions", about, tuple(blocks))


def _block(board: Board, dataset: str, shown: list[Entry]) -> Block:
    ordered = sorted(shown, key=lambda e: (e.mean("pinball") or 0.0, e.method, e.variant))
    defaults = [e for e in ordered if e.variant == "default"]
    variants = [e for e in ordered if e.variant != "default"]
    name, tables = plain(dataset), []
    for word, which, entries in (("", "predicted distributions", defaults), ("variants", "of variants", variants)):
        if entries:
            sheet = _sheet(board, entries)
            tables.append(Titled(slug("distributions", dataset, word), f"{name}: {which}", sheet))
    lines = [f"On {max(int(e.mean('pinball_rows') or 0) for e in shown):,} test rows, evenly spaced."]
    pictures = []
    if known := [e for e in defaults if all(e.mean(metric) is not None for metric in _COVERAGE)]:
        draw = partial(_figure, sorted(known, key=lambda e: e.method), f"{dataset}: coverage")
        pictures.append(Picture(named("coverage", dataset), f"Coverage less what it should be on {name}", draw))
    lines += [
        *_least(defaults, digits("mae", _unit(board, dataset))),
        *_held(defaults),
        *_held(variants, "Of variants"),
        *_apart(ordered),
    ]
    return Block(name, "", "", tuple(tables), tuple(pictures), tuple(lines))


def _unit(board: Board, dataset: str) -> str:
    return str(board.facts(dataset).get("unit", "s"))


def _sheet(board: Board, shown: list[Entry]) -> Sheet:
    unit = _unit(board, shown[0].dataset)
    places = digits("mae", unit)
    best, second = best_two([e.mean("pinball") for e in shown], low=True, digits=places)
    few = any(e.few for e in shown)
    rows = []
    for place, entry in enumerate(shown):
        pinball = marked(plus_minus(entry.metric("pinball"), places), place, best, second)
        seeds = [str(entry.seeds)] if few else []
        rows.append([entry.label, *seeds, pinball, *(plus_minus(entry.metric(name), 3) for name in _COVERAGE)])
    head = ["method", *["seeds"] * few, f"pinball loss ({unit})", "in 50 %", "in 80 %", "in 90 %"]
    return table(head, rows)


def _least(defaults: Sequence[Entry], places: int) -> Iterator[str]:
    """Who has the least loss beyond the spread of seeds. The best is known only from these very numbers, so the family
    is all pairs."""
    found = [(e, s) for e in defaults if (s := e.metric("pinball")) and s.std is not None]
    if len(found) < 2:
        return
    pairs = list(combinations(found, 2))
    parts = [[(s.std / sqrt(s.n), max(s.n - 1, 1)) for _, s in pair if s.std is not None] for pair in pairs]
    gaps = [estimate(a.mean - b.mean, both) for ((_, a), (_, b)), both in zip(pairs, parts, strict=True)]
    adjusted = holm([gap.p for gap in gaps])
    (best, value), *others = found
    alike = [b.label for ((a, _), (b, _)), p in zip(pairs, adjusted, strict=True) if a is best and p >= LEVEL]
    behind = [e.label for e, _ in others if e.label not in alike]
    texts = [f"beyond the spread of seeds better than {sentence_list(behind)}"] if behind else []
    texts += [f"not told apart from {sentence_list(alike)}"] if alike else []
    yield (
        f"{best.label} has the least pinball loss, {number(value.mean, places)}: {'; '.join(texts)} (p < 0.05, "
        "Holm over all pairs; the test rows were not drawn again)."
    )


def _off(entry: Entry, metric: str) -> Estimate | None:
    """Coverage less what it should be; all seeds have the same test rows, so their noise is not less for five."""
    summary, rows, aim = entry.metric(metric), entry.mean("pinball_rows"), _COVERAGE[metric]
    if summary is None or not rows:
        return None
    parts = [(sqrt(aim * (1 - aim) / rows), max(rows - 1, 1))]
    parts += [(summary.std / sqrt(summary.n), max(summary.n - 1, 1))] if summary.std is not None else []
    return estimate(summary.mean - aim, parts)


def _held(shown: Sequence[Entry], words: str = "Intervals") -> Iterator[str]:
    """Whose intervals hold too little or too much, beyond noise, by Holm over methods and intervals."""
    found = [(e, m, gap) for e in shown for m in _COVERAGE if (gap := _off(e, m))]
    adjusted = holm([gap.p for _, _, gap in found])
    off: dict[Entry, dict[str, list[str]]] = {e: {} for e, _, _ in found}
    for (entry, metric, gap), p in zip(found, adjusted, strict=True):
        if p < LEVEL:
            kind = "too narrow" if gap.value < 0 else "too wide"
            aim = _COVERAGE[metric]
            off[entry].setdefault(kind, []).append(f"{100 * (gap.value + aim):.1f} for {100 * aim:.0f}")
    texts = []
    for kind in ("too narrow", "too wide"):
        names = [f"{e.label} ({', '.join(texts_)})" for e, kinds in off.items() if (texts_ := kinds.get(kind))]
        texts += [f"{kind}: {sentence_list(names)}"] if names else []
    fitting = [e.label for e, kinds in off.items() if not kinds]
    texts += [f"as they should be, within noise: {sentence_list(fitting)}"] if fitting else []
    if texts:
        yield f"{words}, in % of the labels that they hold, {'; '.join(texts)}."


def _apart(shown: Sequence[Entry]) -> Iterator[str]:
    """Whose tokens do not know each other: GR's, where embedding mixup takes in the whole vocabulary."""
    if names := [entry.label for entry in shown if entry.ok[0].config.get("mixup") == "all"]:
        yield (
            "A sequence's tokens are drawn apart, as embedding mixup over the whole vocabulary lets no drawn token "
            f"reach the next step: {sentence_list(names)}."
        )


def _figure(shown: Sequence[Entry], title: str) -> str:
    """Percentage points above or below each interval's share, a mark for each method with the spread of its seeds."""

    def draw(picture: "Figure") -> None:
        axes = picture.subplots()
        step = min(0.12, 0.8 / len(shown))
        for place, entry in enumerate(shown):
            gaps = [(s.mean - aim, s.std or 0.0) for m, aim in _COVERAGE.items() if (s := entry.metric(m))]
            axes.errorbar(
                [i + (place - (len(shown) - 1) / 2) * step for i in range(len(gaps))],
                [100 * gap for gap, _ in gaps],
                [100 * spread for _, spread in gaps],
                fmt=_MARKS[place % len(_MARKS)],
                color=COLOURS[place % len(COLOURS)],
                markersize=4,
                linewidth=1,
                capsize=2,
                label=entry.title,
            )
        axes.axhline(0, color="#444444", linewidth=0.8)
        axes.set_xticks(range(len(_COVERAGE)), [f"{100 * aim:.0f} % interval" for aim in _COVERAGE.values()])
        axes.set_ylabel("percentage points too much held")
        axes.grid(axis="y", color="#eeeeee")
        axes.set_axisbelow(True)
        picture.legend(loc="outside right upper", frameon=False, fontsize=7)

    return svg(draw, title=title, size=(7, 2.6))
