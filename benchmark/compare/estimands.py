"""Puts what each method estimates beside the records: one small JSON file at the top of their folder, complete or
absent, so that pages can tell means from medians without the methods."""

from collections.abc import Mapping

from benchmark.compare import derived
from benchmark.plan.catalog import Entry
from benchmark.records import estimand
from benchmark.records.estimand import FILE, Estimand
from benchmark.records.store import Store, files


def known(store: Store, methods: Mapping[str, Entry]) -> dict[str, Estimand]:
    """What is said of the methods with records; of one that is no longer there, what was said before. Raises
    UserError."""
    before = estimand.read(store.folder)
    said = before | {name: entry.estimand for name, entry in methods.items() if entry.estimand}
    recorded = {path.parts[-3] for path in files(store.folder)}
    return {name: said[name] for name in sorted(recorded) if name in said}


def refresh(store: Store, methods: Mapping[str, Entry]) -> None:
    """Bring the file up to date. Raises UserError where it cannot be read or written."""
    found = known(store, methods)
    if found != estimand.read(store.folder):
        derived.write(store.folder / FILE, estimand.encode(found))
