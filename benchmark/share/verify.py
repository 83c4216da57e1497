"""Trains cells again and compares: the same bits, the same within rounding, or different."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import stdev

import numpy as np

from benchmark.files.errors import UserError
from benchmark.plan.catalog import Entry
from benchmark.plan.survey import survey
from benchmark.records.cell import Cell, Group
from benchmark.records.identity import environment
from benchmark.records.record import Record
from benchmark.records.stamp import Verdict, Verified, write
from benchmark.records.store import Store
from benchmark.share.submission import hardware

# Another processor or library sums in another order. The last bits differ, thousands of steps make more of them, and
# the choice of an epoch may fall on another one. So a run is the same but for rounding where it begins alike (what it
# stops on differs by at most BEGINS after the first epoch) and ends no further from the recorded one than seeds do from
# each other: SPREADS standard deviations over the row's seeds, or ENDS of the metric if that is more.
BEGINS = 1e-3
ENDS = 1e-3
SPREADS = 3.0
_COMPARED = ("mae", "rmse", "xauc", "xgauc", "spearman", "gini", "auc")


def chosen(store: Store, names: Sequence[str], sample: int, seed: int = 0) -> list[Cell]:
    """The finished cells of these names ("kuairand/tr/default/0", or a part of it from the left), or so many drawn from
    all. Raises UserError where a name matches none."""
    records = [record for record in store.all() if record.outcome == "ok"]
    if not names:
        order = np.random.default_rng(seed).permutation(len(records))[:sample]
        return sorted(records[place].cell for place in order)
    found: dict[Cell, None] = {}
    for name in names:
        wanted = name.strip("/").split("/")
        hits = [r.cell for r in records if str(r.cell).split("/")[: len(wanted)] == wanted]
        if not hits:
            raise UserError(f"no finished record of {name} in {store.folder}: say DATASET/METHOD/VARIANT/SEED")
        found |= dict.fromkeys(hits)
    order = np.random.default_rng(seed).permutation(len(found))[: sample or len(found)]
    return sorted(list(found)[place] for place in order)


def verify(
    cells: Sequence[Cell], store: Store, methods: Mapping[str, Entry], root: Path | None, *, stamp: bool = True
) -> Iterator[tuple[Cell, Verified | str]]:
    """Each cell with what training it again has shown, or why it could not be. stamp: write it beside the record."""
    found = survey(list(cells), methods, store, root)
    for cell in cells:
        standing = found.standings[cell]
        if standing.state != "fresh":
            yield cell, f"it is {standing.state}: {standing.why}"
        elif cell.dataset in found.unavailable:
            yield cell, found.unavailable[cell.dataset]
        else:
            record = store.read(cell)
            assert record is not None
            yield cell, _again(record, store, methods[cell.method], root, stamp=stamp)


def _again(record: Record, store: Store, entry: Entry, root: Path | None, *, stamp: bool) -> Verified | str:
    from benchmark.execute.task import Origin, TrainGroup

    group = Group(record.dataset, record.method, record.variant, (record.seed,))
    job = TrainGroup(group, record.config, Origin(entry.module, entry.files(), root))
    try:
        trained = job.serve(lambda event: None)
    except Exception as error:  # a method may raise anything; the next cell is another one
        return f"it fails here: {' '.join(str(error).split())[:200]}"
    (now,) = trained.records
    if now.outcome != "ok":
        return f"it is {now.outcome} here: {now.error}"
    if now.identity.data != record.identity.data:
        return f"the data here are other ones ({now.identity.data[:12]}, recorded {record.identity.data[:12]})"
    verified = compared(record, now, _row(record, store))
    if stamp:
        write(store.folder, record.cell, verified=verified)
    return verified


def _row(record: Record, store: Store) -> list[Record]:
    """The finished seeds of the record's row."""
    row = (record.method, record.variant)
    return [r for r in store.of(record.dataset) if (r.method, r.variant) == row and r.outcome == "ok"]


def compared(then: Record, now: Record, row: Sequence[Record] = ()) -> Verified:
    """What two runs of one cell have in common. row: all its seeds, whose spread says how much is little."""
    known = dict(environment())
    verdict, metric, difference = _verdict(then, now, row)
    return Verified(
        verdict=verdict,
        metric=metric,
        difference=difference,
        hardware=hardware(known),
        commit=known.get("commit", ""),
        when=f"{datetime.now(UTC):%Y-%m-%d}",
    )


def _verdict(then: Record, now: Record, row: Sequence[Record]) -> tuple[Verdict, str, float]:
    """With the metric that differs most, in units of what it may differ by, and its relative difference. Metrics that
    one of them lacks are passed over: a later version may keep more."""
    shared = {(s, n) for s in then.metrics.keys() & now.metrics.keys() for n in then.metrics[s].keys() & now.metrics[s]}
    if all(then.metrics[split][name] == now.metrics[split][name] for split, name in shared):
        return "same bits", "", 0.0
    if (first := _first(then, now)) > BEGINS:
        return "different", "first epoch", _short(first)
    worst, most, difference = "", -1.0, 0.0
    for name in _COMPARED:
        one, two = then.metrics["test"].get(name), now.metrics["test"].get(name)
        if (one is None) != (two is None):
            return "different", name, 1.0
        if one is None or two is None:
            continue
        away, scale = abs(one - two), max(abs(one), 1e-12)
        values = [value for r in row if (value := r.metrics["test"].get(name)) is not None]
        allowed = max(ENDS * scale, SPREADS * stdev(values) if len(values) > 2 else 0.0)
        if away / allowed > most:
            worst, most, difference = name, away / allowed, away / scale
    return ("within rounding" if most <= 1 else "different"), worst, _short(difference)


def _first(then: Record, now: Record) -> float:
    """The relative difference of the stopping metric after the first epoch; 0 where nothing is trained by epochs."""
    if then.curve is None or now.curve is None:
        return 0.0 if then.curve is now.curve else 1.0
    one, two = (next(iter(curve.valid), None) for curve in (then.curve, now.curve))
    if one is None or two is None:
        return 0.0 if one is two else 1.0
    return abs(one - two) / max(abs(one), 1e-12)


def _short(value: float) -> float:
    return float(f"{value:.3g}")
