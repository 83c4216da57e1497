"""What more training rows are worth: each method's ordering with a share of the rows, beside what the log's variance
predicts."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from statistics import median_low

from reports.evidence.printed.size import known
from reports.markup.document import Part, Picture, Section, named
from reports.markup.table import Column, Entry, Table, by_columns, marked, text_column
from reports.markup.text import number, plain, signed
from reports.model.board import Board, Result
from reports.model.methods import sizes
from reports.model.metrics import METRICS, digits
from reports.plots import sweep

ABOUT = (
    "The same validation and test rows, less to learn from: shares of the training rows that lie inside each other, "
    "whatever the seed. Vocabularies and buckets are fitted on what is left, so a user or item without a training row "
    "is unknown; batches shrink too, though less than the rows, so that an epoch has fewer steps of fewer rows. "
    "Predicted is what shrunken user and item means reach by the [variance components](@ceiling) of all training rows, "
    "each user and item with its share of its rows.",
)

Curve = list[tuple[int, Result]]  # training rows, and what came of them


def section(board: Board) -> Section | None:
    """None until some method has numbers for two shares."""
    base, metric = sizes().base, sizes().metric
    board = board.untuned
    curves = {m: curve for m in sizes().methods if len(curve := _curve(board, m)) > 1}
    if not curves:
        return None
    rows = sorted({count for curve in curves.values() for count, _ in curve})
    predicted = _predicted(board, rows)
    shown = [result for curve in curves.values() for _, result in curve]
    picture = Picture(
        named("size", base),
        f"{METRICS[metric].name} against training rows on {plain(base)}",
        partial(_figure, list(curves.values()), metric, predicted, base),
        (board.stamp(shown), repr(sorted(predicted.items()))),
    )
    part = Part(
        plain(base),
        tables=(_table(curves, rows, predicted, board.unit(base)),),
        pictures=(picture,),
        lines=tuple(_told(curves, rows, predicted)),
    )
    return Section("size", "What more training rows are worth", ABOUT, (part,))


def _curve(board: Board, method: str) -> Curve:
    found = []
    for dataset in (*sizes().datasets, sizes().base):
        result = board.numbers(dataset, method)
        count = board.facts(dataset).get("split_sizes", {}).get("train")
        if result and count and result.metric(sizes().metric):
            found.append((int(count), result))
    return sorted(found, key=lambda point: point[0])


def _predicted(board: Board, rows: Sequence[int]) -> dict[int, float]:
    """XAUC by training rows, where the ceiling speaks of about so many."""
    ceiling = known(board, sizes().base) if sizes().metric == "xauc" else None
    points = [p for p in ceiling.by_share if p.rows is not None] if ceiling else []
    near = ((count, p) for count in rows for p in points if p.rows and abs(p.rows - count) <= 1)
    return {count: point.xauc for count, point in near}


def _figure(curves: Sequence[Curve], metric: str, predicted: Mapping[int, float], base: str) -> str:
    return sweep.curves(
        [(curve[-1][1].full, [(count, s) for count, e in curve if (s := e.metric(metric))]) for curve in curves],
        level=("predicted from users and items", sorted(predicted.items())),
        label=METRICS[metric].name,
        title=f"{base}: {METRICS[metric].name} against training rows",
    )


def _table(curves: Mapping[str, Curve], rows: Sequence[int], predicted: Mapping[int, float], unit: str) -> Table:
    metric = METRICS[sizes().metric]
    places = digits(metric.key, unit)
    columns = [
        text_column("method", f"{metric.title}, training rows"),
        *(Column(f"rows_{count}", f"{count:,}", better=metric.better, digits=places) for count in rows),
    ]
    at = [dict(curve) for curve in curves.values()]
    values = [[known[count].entry(metric.key) if count in known else Entry() for known in at] for count in rows]
    found = [[Entry(text=curve[-1][1].label) for curve in curves.values()], *map(marked, columns[1:], values)]
    if predicted:
        last = (Entry(text="*predicted*"), *(Entry(predicted.get(count)) for count in rows))
        found = [[*column, entry] for column, entry in zip(found, last, strict=True)]
    return Table("size", f"{metric.name} against training rows", tuple(columns), by_columns(found))


def _told(curves: Mapping[str, Curve], rows: Sequence[int], predicted: Mapping[int, float]) -> Iterator[str]:
    """Who leads at each size, what the last step gives against what was predicted, and what is not in the numbers."""
    metric = METRICS[sizes().metric]
    leaders = []
    for count in rows:
        there = [
            (at[count].mean(metric.key) or 0.0, at[count]) for curve in curves.values() if count in (at := dict(curve))
        ]
        value, leader = (min if metric.low else max)(there, key=lambda row: row[0])
        leaders.append(f"{count:,} {plain(leader.full)} ({number(value, 4)})")
    yield f"By the means, the best {metric.name} by training rows: {'; '.join(leaders)}."
    yield from _last_step(curves, rows, predicted)
    kept = {count: _kept([at[count] for c in curves.values() if count in (at := dict(c))]) for count in rows}
    if any(kept.values()):
        told = "; ".join(f"{count:,} {epochs}" for count, epochs in kept.items() if epochs)
        yield f"Epochs that were kept, over the networks and their seeds: {told}."
    for curve in curves.values():
        for count, result in curve:
            if result.remarks and result.gradient:
                yield f"{plain(result.title)}, {count:,} training rows: {result.remarks}."


def _kept(results: Sequence[Result]) -> str:
    """ "1 to 4 (2 in the middle)"; "" where nothing is trained in epochs."""
    epochs = sorted(r.curve.best_epoch for result in results for r in result.ok if r.curve)
    return f"{epochs[0]} to {epochs[-1]} ({median_low(epochs)} in the middle)" if epochs else ""


def _last_step(curves: Mapping[str, Curve], rows: Sequence[int], predicted: Mapping[int, float]) -> Iterator[str]:
    """What the most rows give over the next fewer: the least and the most of the methods, and the prediction."""
    metric, (before, last) = METRICS[sizes().metric], rows[-2:]
    gains = {
        at[last].full: (at[last].mean(metric.key) or 0.0) - (at[before].mean(metric.key) or 0.0)
        for curve in curves.values()
        if {before, last} <= (at := dict(curve)).keys()
    }
    if gains:
        (least, few), *_, (most, much) = sorted(gains.items(), key=lambda gain: gain[1]) * 2
        aims = [predicted[count] for count in (before, last) if count in predicted]
        yield (
            f"From {before:,} to {last:,} training rows {metric.name} moves by {signed(few, 4)} ({plain(least)}) to "
            f"{signed(much, 4)} ({plain(most)})" + (f"; predicted {signed(aims[1] - aims[0], 4)}." if aims[1:] else ".")
        )
