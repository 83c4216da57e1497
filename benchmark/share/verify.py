"""Trains cells again and compares: the same bits, the same within rounding, or different."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmark.files.errors import UserError
from benchmark.plan.catalog import Entry
from benchmark.plan.survey import survey
from benchmark.records.cell import Cell, Group
from benchmark.records.identity import environment
from benchmark.records.record import Metrics, Record
from benchmark.records.stamp import Verdict, Verified, write
from benchmark.records.store import Store
from benchmark.share.submission import hardware

# Another processor or library sums in another order. One sum differs in its last bits; thousands of steps, each from
# where the last one ended, and a choice among epochs make more of it: up to this share of a metric, called rounding.
BOUND = 0.01
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
    verified = compared(record, now)
    if stamp:
        write(store.folder, record.cell, verified=verified)
    return verified


def compared(then: Record, now: Record) -> Verified:
    """What two runs of one cell have in common."""
    known = dict(environment())
    verdict, metric, difference = _verdict(then.metrics, now.metrics)
    return Verified(
        verdict=verdict,
        metric=metric,
        difference=difference,
        hardware=hardware(known),
        commit=known.get("commit", ""),
        when=f"{datetime.now(UTC):%Y-%m-%d}",
    )


def _verdict(then: Mapping[str, Metrics], now: Mapping[str, Metrics]) -> tuple[Verdict, str, float]:
    """Over the metrics that both have: a later version may keep more."""
    shared = {(split, name) for split in then.keys() & now.keys() for name in then[split].keys() & now[split].keys()}
    if all(then[split][name] == now[split][name] for split, name in shared):
        return "same bits", "", 0.0
    worst, most = "", 0.0
    for name in _COMPARED:
        one, two = then.get("test", {}).get(name), now.get("test", {}).get(name)
        if (one is None) != (two is None):
            return "different", name, 1.0
        if one is not None and two is not None and (away := abs(one - two) / max(abs(one), 1e-12)) > most:
            worst, most = name, away
    return ("within rounding" if most <= BOUND else "different"), worst, float(f"{most:.3g}")
