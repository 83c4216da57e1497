"""Surveys cells before anything runs: which data are there, and what each record is worth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from benchmark.files.errors import UserError
from benchmark.plan.catalog import Entry
from benchmark.plan.expected import Expected, Freshness
from benchmark.records.cell import Cell
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.records.study import Study
from benchmark.records.trial import Trial
from datasets import cache, registry
from datasets.base import Incomplete, NotAvailable


@dataclass
class Survey:
    """Cells with the data that lack and the standing of each record, and of the searches that were given."""

    cells: list[Cell]
    expected: Expected
    unavailable: dict[str, str] = field(default_factory=dict)  # dataset -> why
    standings: dict[Cell, Freshness] = field(default_factory=dict)
    searches: dict[Study, str] = field(default_factory=dict)  # why it is stale; empty where it is fresh


def _protocols(names: Sequence[str], root: Path | None) -> dict[str, dict[str, Any]]:
    """Each dataset's protocol as the records keep it."""
    return {name: msgspec.to_builtins(registry.get(name, root).protocol) for name in names}


def survey(
    cells: list[Cell],
    methods: Mapping[str, Entry],
    store: Store,
    root: Path | None,
    read: Iterable[Record] = (),
    tried: Mapping[Study, Sequence[Trial]] = MappingProxyType({}),
) -> Survey:
    """Finds out which data are there and what each cell's record is worth. Prepares nothing; data are checked where
    they are prepared. read, tried: records and trials that the caller has read already.

    Raises UserError for an incomplete dataset or an unreadable record.
    """
    names = list(dict.fromkeys([*(cell.dataset for cell in cells), *(study.dataset for study in tried)]))
    known = set(registry.names(root))
    unavailable: dict[str, str] = {}
    fingerprints: dict[str, str | None] = {}
    for name in names:
        if name not in known:
            continue
        try:
            fingerprints[name] = cache.cached_fingerprint(registry.get(name, root), root)
        except Incomplete as error:
            raise UserError(str(error)) from None
        except NotAvailable as error:
            unavailable[name], fingerprints[name] = str(error), None
    expected = Expected(methods, _protocols([n for n in names if n in known], root), fingerprints)
    moved = expected.learn(cells, store.folder, tried)
    found = Survey(cells, expected, unavailable, searches={study: moved[study] for study in tried})
    at_hand = {record.cell: record for record in read}
    found.standings = {cell: expected.standing(cell, at_hand.get(cell) or store.read(cell)) for cell in cells}
    return found
