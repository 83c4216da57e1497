"""From a submitted folder to filed records: everything is checked first, and only then anything is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from benchmark.plan import suite as suites
from benchmark.plan.catalog import Entry
from benchmark.plan.expected import Expected
from benchmark.plan.survey import survey
from benchmark.records.cell import Cell, Group
from benchmark.records.predictions import path_of, tag
from benchmark.records.record import Record
from benchmark.records.stamp import Reporter, write
from benchmark.records.store import Store
from benchmark.records.study import Study, is_tuned
from benchmark.records.trial import Trial
from benchmark.share import rows
from benchmark.share.commit import files_at, known
from benchmark.share.folder import files, manifest, named, prediction_of, record_of, refused, trial_of
from benchmark.share.sane import faults
from benchmark.share.submission import FILE, Submission
from datasets import registry
from datasets.common.files import put

_SEEDS = 5  # of what no suite asks for


@dataclass
class Accepted:
    """What a submission holds, checked."""

    submission: Submission
    records: list[Record] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    predictions: dict[Cell, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)  # what was found out, in lines

    @property
    def origin(self) -> Reporter:
        one = self.submission
        return Reporter(by=one.by, hardware=one.hardware, commit=one.commit, received=f"{datetime.now(UTC):%Y-%m-%d}")


def check(folder: Path, store: Store, methods: Mapping[str, Entry], root: Path | None = None) -> Accepted:
    """Everything that can be checked of a submitted folder. Raises UserError with the name of the file that is refused,
    and why."""
    submission = manifest(folder)
    accepted = Accepted(submission)
    for path, data in files(folder, submission):
        place = named(path)
        match place.kind:
            case "record":
                accepted.records.append(record_of(path, data, place.cell))
            case "trial":
                accepted.trials.append(trial_of(path, data, place))
            case "predictions":
                accepted.predictions[place.cell] = prediction_of(path, data)
    if not accepted.records:
        raise refused(FILE, "it names no records")
    for record in accepted.records:
        _alone(record, submission)
    _stray(accepted)
    _known(accepted, store, methods)
    _today(accepted, Store(folder / "records"), methods, root)
    _seeds(accepted.records, methods)
    accepted.told += rows.data(accepted.records, store)
    accepted.told += rows.recomputed(accepted.records, accepted.predictions, root)
    return accepted


def file(accepted: Accepted, store: Store) -> int:
    """Write the records with their origin, and their predictions into the cache. Returns how many records."""
    with store.lock():
        for trial in accepted.trials:
            store.write_trial(Study(trial.dataset, trial.method, trial.variant), trial)
        for record in accepted.records:
            store.write(record)
            write(store.folder, record.cell, origin=accepted.origin)
            if (data := accepted.predictions.get(record.cell)) is not None:
                group = Group(record.dataset, record.method, record.variant, (record.seed,))
                put(path_of(group, record.seed, record.identity), data)
    return len(accepted.records)


def _alone(record: Record, submission: Submission) -> None:
    """What a record says of itself, and the code that it names."""
    if (fault := next(faults(record), None)) is not None:
        raise refused(record.cell, fault)
    if not known(submission.commit):
        raise refused(FILE, f"commit {submission.commit[:12]} is not in this repository: fetch it, or it is not ours")
    for file, hashed in record.identity.files.items():
        if files_at(submission.commit, file) != hashed:
            raise refused(record.cell, f"its {file} is not that of commit {submission.commit[:12]}")


def _stray(accepted: Accepted) -> None:
    """Predictions belong to a record that came along, in the state that it is in, and trials to a row of them."""
    records = {record.cell: record for record in accepted.records}
    rows = {(r.dataset, r.method, r.variant) for r in accepted.records if is_tuned(r.variant)}
    for path in accepted.submission.files:
        place = named(path)
        record = records.get(place.cell)
        if place.kind == "predictions" and (record is None or tag(record.identity) != place.tag):
            raise refused(path, "its record did not come along, or is another one")
        if place.kind == "trial" and (place.cell.dataset, place.cell.method, place.cell.variant) not in rows:
            raise refused(path, "no record of the settings that it helped to choose came along")


def _known(accepted: Accepted, store: Store, methods: Mapping[str, Entry]) -> None:
    """Datasets, protocols and methods are those of this repository, and no cell and no search is here already."""
    for record in accepted.records:
        if record.dataset not in registry.names():
            raise refused(record.cell, f"there is no dataset named {record.dataset} here")
        if record.method not in methods:
            raise refused(record.cell, f"there is no method named {record.method} here: its file comes first")
        if record.title != methods[record.method].title:
            raise refused(record.cell, f"its title is {record.title!r}, its method's {methods[record.method].title!r}")
        protocol: Any = msgspec.to_builtins(registry.get(record.dataset).protocol)
        if msgspec.json.decode(msgspec.json.encode(protocol)) != record.protocol:
            raise refused(record.cell, f"its protocol is not that of {record.dataset}")
        if store.read(record.cell) is not None:
            raise refused(record.cell, f"{store.folder} holds it already")
    for study in sorted({Study(t.dataset, t.method, t.variant) for t in accepted.trials}):
        if study.read(store.folder):
            raise refused(study, f"{store.folder} holds trials of it already")


def _today(accepted: Accepted, sent: Store, methods: Mapping[str, Entry], root: Path | None) -> None:
    """Code and settings are what they would be today, those that a search chose by the trials that came along."""
    found = survey([r.cell for r in accepted.records], methods, sent, root, accepted.records)
    for record in accepted.records:
        if why := _moved(record, found.expected):
            raise refused(record.cell, why)


def _moved(record: Record, expected: Expected) -> str:
    """Why the record would be stale here, the data apart."""
    standing = expected.standing(record.cell, record)
    return standing.why if standing.state == "stale" and not standing.why.startswith("data moved") else ""


def _seeds(records: Iterable[Record], methods: Mapping[str, Entry]) -> None:
    """All seeds that a suite asks for, so that none can have been picked, and no two alike."""
    wanted = _planned(methods)
    for row, group in groupby(sorted(records, key=lambda r: r.cell), key=lambda r: (r.dataset, r.method, r.variant)):
        members = list(group)
        have, name = [record.seed for record in members], "/".join(row)
        asked = range(1) if methods[row[1]].deterministic else range(wanted.get(row, _SEEDS))
        if missing := [seed for seed in asked if seed not in have]:
            raise refused(
                name, f"seed{'s' * (len(missing) > 1)} {', '.join(map(str, missing))} missing of {len(asked)}"
            )
        if methods[row[1]].kind == "gradient":
            seen: dict[bytes, int] = {}
            for record in members:
                numbers = msgspec.json.encode((record.metrics, record.curve), order="sorted")
                if numbers in seen:
                    raise refused(record.cell, f"it holds the very numbers of seed {seen[numbers]}")
                seen[numbers] = record.seed


def _planned(methods: Mapping[str, Entry]) -> dict[tuple[str, str, str], int]:
    """(dataset, method, variant) -> how many seeds the suites ask for, the most of them."""
    found: dict[tuple[str, str, str], int] = {}
    for name in suites.names():
        for cell in suites.cells(suites.load(name), methods):
            row = (cell.dataset, cell.method, cell.variant)
            found[row] = max(found.get(row, 0), cell.seed + 1)
    return found
