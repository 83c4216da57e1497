"""Methods that predict a distribution, not a value alone: how well it fits."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from math import sqrt

from reports.evidence.stats import LEVEL, Estimate, estimate, holm
from reports.markup.document import Part, Picture, Section, named, slug
from reports.markup.table import Column, Entry, Table, by_columns, marked, text_column
from reports.markup.text import number, plain, sentence_list
from reports.model.board import Board, Result
from reports.model.methods import methods
from reports.model.metrics import digits
from reports.plots import coverage

_COVERAGE = {"coverage_50": 0.5, "coverage_80": 0.8, "coverage_90": 0.9}


ABOUT = (
    "Pinball loss is the mean over rows and the levels 0.05, 0.1, 0.25, 0.5, 0.75, 0.9 and 0.95, in the label's unit: "
    "less is better. Coverage is the share of labels between the quantiles that should hold 50, 80 and 90 % of them. "
    "Least loss first, variants apart.",
)


def section(board: Board) -> Section | None:
    """A part for each dataset with such records; None where there is none."""
    parts, board = [], board.untuned
    for dataset in board.datasets:
        shown = [e for e in board.of(dataset) if e.ok and e.mean("pinball") is not None]
        if shown:
            parts.append(_part(board, dataset, shown))
    return Section("distributions", "Predicted distributions", ABOUT, tuple(parts)) if parts else None


def _part(board: Board, dataset: str, shown: list[Result]) -> Part:
    ordered = sorted(shown, key=lambda e: (e.mean("pinball") or 0.0, e.method, e.variant))
    defaults = [e for e in ordered if e.variant == "default"]
    variants = [e for e in ordered if e.variant != "default"]
    tables = []
    for word, which, results in (("", "predicted distributions", defaults), ("variants", "of variants", variants)):
        if results:
            tables.append(_table(slug("distributions", dataset, word), f"{plain(dataset)}: {which}", board, results))
    lines = [f"On {max(int(e.mean('pinball_rows') or 0) for e in shown):,} test rows, evenly spaced."]
    lines += [
        *_least(defaults, digits("mae", board.unit(dataset))),
        *_held(defaults),
        *_held(variants, "Of variants"),
        *_remarks(ordered),
    ]
    known = [e for e in defaults if all(e.mean(metric) is not None for metric in _COVERAGE)]
    pictures = (_picture(board, dataset, sorted(known, key=lambda e: e.method)),) if known else ()
    return Part(plain(dataset), tables=tuple(tables), pictures=pictures, lines=tuple(lines))


def _picture(board: Board, dataset: str, known: Sequence[Result]) -> Picture:
    draw = partial(coverage.figure, known, _COVERAGE, f"{dataset}: coverage")
    alt = f"Coverage less what it should be on {plain(dataset)}"
    return Picture(named("coverage", dataset), alt, draw, (board.stamp(known),))


def _table(name: str, caption: str, board: Board, shown: list[Result]) -> Table:
    unit = board.unit(shown[0].dataset)
    loss = Column("pinball", "pinball loss", unit, "low", digits=digits("mae", unit))
    columns = [text_column("method", "method")]
    cells = [[Entry(text=e.label) for e in shown]]
    if any(e.few for e in shown):
        columns.append(Column("seeds", "seeds", digits=0))
        cells.append([Entry(e.seeds) for e in shown])
    columns.append(loss)
    cells.append(marked(loss, [e.entry("pinball") for e in shown]))
    for key, aim in _COVERAGE.items():
        columns.append(Column(key, f"in {100 * aim:.0f} %", digits=3))
        cells.append([e.entry(key) for e in shown])
    return Table(name, caption, tuple(columns), by_columns(cells))


def _least(defaults: Sequence[Result], places: int) -> Iterator[str]:
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


def _off(result: Result, metric: str) -> Estimate | None:
    """Coverage less what it should be; all seeds have the same test rows, so their noise is not less for five."""
    summary, rows, aim = result.metric(metric), result.mean("pinball_rows"), _COVERAGE[metric]
    if summary is None or not rows:
        return None
    parts = [(sqrt(aim * (1 - aim) / rows), max(rows - 1, 1))]
    parts += [(summary.std / sqrt(summary.n), max(summary.n - 1, 1))] if summary.std is not None else []
    return estimate(summary.mean - aim, parts)


def _held(shown: Sequence[Result], said: str = "Intervals") -> Iterator[str]:
    """Names those whose intervals hold too little or too much, beyond noise, by Holm over methods and intervals."""
    found = [(e, m, gap) for e in shown for m in _COVERAGE if (gap := _off(e, m))]
    adjusted = holm([gap.p for _, _, gap in found])
    off: dict[Result, dict[str, list[str]]] = {e: {} for e, _, _ in found}
    for (result, metric, gap), p in zip(found, adjusted, strict=True):
        if p < LEVEL:
            kind = "too narrow" if gap.value < 0 else "too wide"
            aim = _COVERAGE[metric]
            off[result].setdefault(kind, []).append(f"{100 * (gap.value + aim):.1f} for {100 * aim:.0f}")
    texts = []
    for kind in ("too narrow", "too wide"):
        names = [f"{e.label} ({', '.join(texts_)})" for e, kinds in off.items() if (texts_ := kinds.get(kind))]
        texts += [f"{kind}: {sentence_list(names)}"] if names else []
    fitting = [e.label for e, kinds in off.items() if not kinds]
    texts += [f"as they should be, within noise: {sentence_list(fitting)}"] if fitting else []
    if texts:
        yield f"{said}, in % of the labels that they hold, {'; '.join(texts)}."


def _remarks(shown: Sequence[Result]) -> Iterator[str]:
    """Repeats what `methods.toml` says of results with a value in their configuration."""
    for remark in methods().distributions:
        if names := [e.label for e in shown if e.ok[0].config.get(remark.option) == remark.value]:
            yield f"{remark.says}: {sentence_list(names)}."
