"""What a run ends with: its rows among those that are known on the same test rows, in the terminal."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from benchmark.compare import noise as noises
from benchmark.compare.noise import Noise
from benchmark.compare.placing import Placing, Row, place, rows_of, spelt
from benchmark.files.paths import RUNS
from benchmark.plan.catalog import Entry
from benchmark.plan.survey import survey
from benchmark.records.cell import Cell, Group
from benchmark.records.health import health, level, words
from benchmark.records.record import Record
from benchmark.records.store import Store

_TITLES = {"mae": "MAE", "rmse": "RMSE", "xauc": "XAUC", "xgauc": "XGAUC", "gini": "Gini", "spearman": "Spearman"}
_WATCH_TIME, _LIFETIME_VALUE = ("mae", "rmse", "xauc", "xgauc"), ("mae", "rmse", "spearman", "gini")


def ranking(
    cells: Collection[Cell], store: Store, methods: Mapping[str, Entry], root: Path | None, committed: Path = RUNS
) -> Iterator[str]:
    """For each dataset of these cells the rows that are finished, among the committed ones on the same rows.

    Raises UserError where a file cannot be read."""
    for dataset in dict.fromkeys(cell.dataset for cell in cells):
        here = {record.cell: record for record in store.of(dataset)}
        own = [here[cell] for cell in cells if cell.dataset == dataset and cell in here]
        ok = [record for record in own if record.outcome == "ok"]
        if not ok:
            continue
        others, elsewhere = _others(dataset, ok, Store(committed), methods, root)
        found = [noise for noise in _noises(dataset, store, ok, others, methods, root, committed) if noise is not None]
        rows = rows_of(others, own=False)
        if (placing := place(dataset, "mae", rows_of(ok, own=True), rows, found)) is not None:
            yield ""
            yield from lines(placing, own + others, elsewhere)


def _others(
    dataset: str, own: Sequence[Record], committed: Store, methods: Mapping[str, Entry], root: Path | None
) -> tuple[list[Record], str]:
    """The committed records of default variants on the very same rows that are not among the own; and the fingerprint
    of the committed ones where all are of other rows."""
    mine = {(record.method, record.variant) for record in own}
    known = [
        record
        for record in committed.of(dataset)
        if record.outcome == "ok" and record.variant == "default" and (record.method, record.variant) not in mine
    ]
    data = own[0].identity.data
    same = [record for record in known if record.identity.data == data]
    if not same:
        return [], known[0].identity.data[:12] if known else ""
    standings = survey([record.cell for record in same], methods, committed, root, same).standings
    return [record for record in same if standings[record.cell].state == "fresh"], ""


def _noises(
    dataset: str,
    store: Store,
    own: Sequence[Record],
    others: Sequence[Record],
    methods: Mapping[str, Entry],
    root: Path | None,
    committed: Path,
) -> Iterator[Noise | None]:
    """What resampling says, the most trusted first: of own and other rows together where the others' predictions are on
    this machine, then of each by itself."""
    if store.folder.resolve() != committed.resolve() and others:
        yield _together(dataset, own, others, methods, root)
    yield noises.read(store.folder / dataset)
    yield noises.read(committed / dataset)


def _together(
    dataset: str, own: Sequence[Record], others: Sequence[Record], methods: Mapping[str, Entry], root: Path | None
) -> Noise | None:
    """A resampling of the own rows with those of the others whose predictions are at hand, or can be made at once; None
    where there are none."""
    from benchmark.compare.refresh import compare, predicted
    from datasets import cache, registry
    from datasets.base import BadData, CacheError, NotAvailable

    if dataset not in registry.names():
        return None
    try:
        table = cache.load(registry.get(dataset), root)
    except (BadData, CacheError, NotAvailable):
        return None
    _make_constants(others, methods, root)
    there = {one.name for one in predicted(others)[0]}
    if not there:
        return None
    together = [*own, *(record for record in others if (record.method, record.variant) in there)]
    seedless = {name for name, entry in methods.items() if entry.deterministic}
    return compare(dataset, table, together, seedless)


def _make_constants(others: Sequence[Record], methods: Mapping[str, Entry], root: Path | None) -> None:
    """Predict anew what constants predict, and whatever else has neither seeds nor gradients: rows between own and
    committed ones, by way of which these compare."""
    from benchmark.compare.refresh import predicted
    from benchmark.execute.task import Origin, TrainGroup

    there = {one.name for one in predicted(others)[0]}
    for record in others:
        entry = methods.get(record.method)
        if entry is None or not entry.deterministic or entry.kind != "estimator":
            continue
        if (record.method, record.variant) not in there:
            group = Group(record.dataset, record.method, record.variant, (record.seed,))
            TrainGroup(group, record.config, Origin(entry.module, entry.files(), root)).serve(lambda event: None)


def lines(placing: Placing, records: Sequence[Record], elsewhere: str = "") -> Iterator[str]:
    """A table in columns of text. records: of all its rows. elsewhere: fingerprint of committed rows that do not
    compare."""
    own = [row for row in placing.rows if row.own]
    metrics = _LIFETIME_VALUE if any(row.values("gini") for row in placing.rows) else _WATCH_TIME
    shown = [metric for metric in metrics if any(row.values(metric) for row in placing.rows)]
    least = level(records)
    table = [("", "place", "method", *(_TITLES[metric] for metric in shown), "unwell")]
    for row in placing.rows:
        mark, where = (">", _places(placing, row)) if row.own else ("", "")
        numbers = [spelt(row, metric, 3 if metric in ("mae", "rmse") else 4) for metric in shown]
        everything = [r for r in records if (r.method, r.variant) == row.key]
        table.append((mark, where, row.name, *numbers, words(health(everything, least))))
    published = len(placing.rows) - len(own)
    beside = f"; {published} published on the same rows" if published else ""
    yield f"{placing.dataset}, by {_TITLES[placing.metric]}: {len(own)} of this run (>){beside}"
    widths = [max(len(line[place]) for line in table) for place in range(len(table[0]))]
    for line in table:
        texts = [
            text.ljust(width) if place in (0, 2, len(line) - 1) else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield f"  {'  '.join(texts)}".rstrip()
    yield from _trust(placing, own, elsewhere)


def _places(placing: Placing, row: Row) -> str:
    paired, unpaired = placing.paired(row)
    if not paired + unpaired:
        return "?" if len(placing.rows) > 1 else "1"
    first, last = placing.places(row)
    return f"{first}" if first == last else f"{first}-{last}"


def _trust(placing: Placing, own: Sequence[Row], elsewhere: str) -> Iterator[str]:
    """How the places were found, and what is not known."""
    counts = [placing.paired(row) for row in own]
    paired, unpaired = (sum(count[k] for count in counts) for k in (0, 1))
    if paired or unpaired:
        ways = [f"{n} {word}" for n, word in ((paired, "paired"), (unpaired, "unpaired")) if n]
        yield f"  places that noise leaves open, at 5 % over {paired + unpaired} comparisons: {' and '.join(ways)}"
    if unpaired:
        yield "  unpaired: those predictions are not on this machine; committed errors bound the noise from above"
    missing = len(own) * (len(placing.rows) - 1) - paired - unpaired
    if missing and len(placing.rows) > 1:
        yield f"  {missing} comparisons have no known noise: one seed, or no predictions to resample"
    if elsewhere:
        yield f"  the committed rows are of other data ({elsewhere}) and do not compare"
