"""A submission's records against the rows that they were computed on."""

import io
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import numpy as np

from benchmark.records.cell import Cell
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.share.folder import refused
from datasets import registry

_ROUNDING = 1e-4  # relative: predictions travel in 32 bits, metrics were computed in 64


def data(records: Collection[Record], store: Store) -> Iterator[str]:
    """What each dataset's data are, in lines: new here, or the ones that are known. Raises UserError where they are of
    several states, or of another file than the one that is known."""
    for dataset, group in groupby(sorted(records, key=lambda r: r.cell), key=lambda r: r.dataset):
        prints = {record.identity.data for record in group}
        if len(prints) > 1:
            raise refused(dataset, "its records come from more than one state of the data")
        (mine,) = prints
        here = {record.identity.data for record in store.of(dataset) if record.outcome == "ok"}
        if not here:
            yield f"{dataset}: data {mine[:12]}, new here"
        elif mine in here:
            yield f"{dataset}: data {mine[:12]}, as known here"
        else:
            raise refused(
                dataset,
                f"its data are another file than the one we know ({mine[:12]}, here {sorted(here)[0][:12]}), and rows "
                "of both do not compare: file it into a folder of its own with --runs FOLDER",
            )


def recomputed(records: Collection[Record], predictions: Mapping[Cell, bytes], root: Path | None) -> Iterator[str]:
    """Metrics again from the predictions that came along, where the data are at hand; says in lines where. Raises
    UserError where a record has other ones."""
    from benchmark.metrics.evaluate import evaluate
    from datasets import cache
    from datasets.base import BadData, CacheError, NotAvailable

    with_rows = [record for record in records if record.cell in predictions]
    for dataset, group in groupby(sorted(with_rows, key=lambda r: r.cell), key=lambda r: r.dataset):
        members = list(group)
        for record in members:
            rows = record.metrics["test"].get("rows")
            if len(_array(predictions, record)) != rows:
                raise refused(record.cell, f"its predictions are not of {rows:g} rows")
        try:
            table = cache.load(registry.get(dataset), root)
        except (BadData, CacheError, NotAvailable):
            yield f"{dataset}: predictions came along, but no data to compute metrics from are here"
            continue
        if table.fingerprint != members[0].identity.data:
            yield f"{dataset}: predictions came along, and the data here are other ones"
            continue
        test = table.view("test")
        assert test.label is not None
        for record in members:
            values = _array(predictions, record)
            again, _ = evaluate(table.schema.task, test.label, values, user=test.user, bucket=test.bucket)
            for name, value in record.metrics["test"].items():
                if name in again and not _alike(value, again[name]):
                    raise refused(record.cell, f"its {name} is {value}, and its predictions give {again[name]}")
        yield f"{dataset}: metrics of {len(members)} cells recomputed from their predictions"


def _array(predictions: Mapping[Cell, bytes], record: Record) -> np.ndarray:
    return np.load(io.BytesIO(predictions[record.cell]), allow_pickle=False)


def _alike(one: float | None, two: float | None) -> bool:
    if one is None or two is None:
        return one is two
    return abs(one - two) <= _ROUNDING * max(abs(one), abs(two), 1e-3)
