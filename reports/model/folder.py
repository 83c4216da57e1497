"""A folder of records, each file read once: records, what was derived of them, searches, arrays, one digest of all."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.compare import ceiling as ceilings
from benchmark.compare import marginal as marginals_of
from benchmark.compare import noise as noises
from benchmark.compare import portrait as portraying
from benchmark.compare.ceiling import Ceiling
from benchmark.compare.derived import D, Kind
from benchmark.compare.marginal import Marginal
from benchmark.compare.noise import Noise
from benchmark.compare.portrait import Portrait
from benchmark.files.listing import below
from benchmark.records import estimand as estimands_of
from benchmark.records.cell import Cell
from benchmark.records.estimand import Estimand
from benchmark.records.record import Record
from benchmark.records.stamp import SUFFIX, Stamp, all_below
from benchmark.records.store import files, record_of
from benchmark.records.study import GLOB, Study, studies
from benchmark.records.trial import Trial


@dataclass(frozen=True)
class Folder:
    """Everything below a folder of records."""

    runs: Path | None = None
    records: Sequence[Record] = ()
    noise: Mapping[str, Noise] = field(default_factory=dict)  # by dataset
    portraits: Mapping[str, Portrait] = field(default_factory=dict)  # by dataset
    ceilings: Mapping[str, Ceiling] = field(default_factory=dict)  # by dataset
    marginals: Mapping[str, Marginal] = field(default_factory=dict)  # by dataset
    estimands: Mapping[str, Estimand] = field(default_factory=dict)  # by method
    searches: Mapping[Study, Sequence[Trial]] = field(default_factory=dict)
    stamps: Mapping[Cell, Stamp] = field(default_factory=dict)  # of the records as they are
    hashes: Mapping[str, str] = field(default_factory=dict)  # file, relative -> its SHA-256
    digest: str = ""  # over all of it


def read(runs: Path) -> Folder:
    """Everything below the folder. Raises UserError on a file that is something else than its name says."""
    raw = _raw(runs)
    records = sorted((record_of(path, raw[path]) for path in files(runs)), key=lambda record: record.cell)
    hashes = {path.relative_to(runs).as_posix(): hashlib.sha256(data).hexdigest() for path, data in raw.items()}
    return Folder(
        runs=runs,
        records=records,
        noise=resampled(runs),
        portraits=_derived(raw, portraying.KIND),
        ceilings=_derived(raw, ceilings.KIND),
        marginals=_derived(raw, marginals_of.KIND),
        estimands=estimands_of.read(runs),
        searches=studies(runs),
        stamps=all_below(runs),
        hashes=hashes,
        digest=_total(runs, raw),
    )


def _derived(raw: Iterable[Path], kind: Kind[D]) -> dict[str, D]:
    """The files of that kind, by dataset."""
    found = {path.parent.name: kind.read(path.parent) for path in raw if path.name == kind.file}
    return {dataset: one for dataset, one in found.items() if one is not None}


def resampled(runs: Path, dataset: str = "*") -> dict[str, Noise]:
    """Reads the noise files below the folder, of all datasets or one, by dataset. Raises UserError on a file that is
    something else."""
    found = {path.parent.name: noises.read(path.parent) for path in below(runs, f"{dataset}/{noises.FILE}")}
    return {dataset: noise for dataset, noise in found.items() if noise is not None}


def digest(runs: Path) -> str:
    """SHA-256, hexadecimal, over the relative path and the bytes of every record, its arrays and stamp, every trial,
    and what was computed of every dataset."""
    return _total(runs, _raw(runs))


def _raw(runs: Path) -> dict[Path, bytes]:
    """The bytes of every file that the pages are made from, in order."""
    names = (noises.FILE, portraying.KIND.file, ceilings.KIND.file, marginals_of.KIND.file)
    beside = ("*/*/*/*.npz", f"*/*/*/[0-9]*{SUFFIX}", GLOB, *(f"*/{name}" for name in names), estimands_of.FILE)
    found = [path for pattern in beside for path in below(runs, pattern)]
    return {path: path.read_bytes() for path in sorted([*files(runs), *found])}


def _total(runs: Path, raw: Mapping[Path, bytes]) -> str:
    total = hashlib.sha256()
    for path, data in raw.items():
        total.update(f"{path.relative_to(runs).as_posix()}\0{len(data)}\0".encode())
        total.update(data)
    return total.hexdigest()
