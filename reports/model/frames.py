"""The records folder as records, as a pandas frame and as one digest."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmark.compare import noise as noises
from benchmark.compare import portrait as portraying
from benchmark.compare.noise import Noise
from benchmark.compare.portrait import Portrait
from benchmark.files.atomic import need
from benchmark.files.errors import UserError
from benchmark.records.record import Record
from benchmark.records.study import GLOB

if TYPE_CHECKING:
    import pandas as pd


def files(runs: Path) -> list[Path]:
    """Every record's file `<dataset>/<method>/<variant>/<seed>.json` below the folder, in order."""
    return sorted(path for path in runs.glob("*/*/*/*.json") if not path.name.startswith("."))


def load(runs: Path) -> list[Record]:
    """Every record below the folder, by cell. Raises UserError on a file that is no record, or not this place's."""
    records = []
    for path in files(runs):
        record = need(path, Record, what="a record", cure="delete it and run again")
        if record.cell.path != path.relative_to(runs):
            raise UserError(
                f"{path} holds the record of {record.cell}, which belongs in {runs / record.cell.path}: move it"
            )
        records.append(record)
    return sorted(records, key=lambda record: record.cell)


def resampled(runs: Path) -> dict[str, Noise]:
    """What was resampled below the folder, by dataset. Raises UserError on a file that is something else."""
    found = {path.parent.name: noises.read(path.parent) for path in sorted(runs.glob(f"*/{noises.FILE}"))}
    return {dataset: noise for dataset, noise in found.items() if noise is not None}


def portraits(runs: Path, trusted: Iterable[Record]) -> dict[str, Portrait]:
    """How the logs below the folder move over time, by dataset, of the very tables behind these records. Raises
    UserError on a file that is something else."""
    tables = {(record.dataset, record.identity.data) for record in trusted}
    folders = sorted({path.parent for path in runs.glob(f"*/{portraying.FILE}")})
    found = {folder.name: portrait for folder in folders if (portrait := portraying.read(folder))}
    return {dataset: portrait for dataset, portrait in found.items() if (dataset, portrait.table) in tables}


def digest(runs: Path) -> str:
    """SHA-256, hexadecimal, over the relative path and the bytes of every record, its arrays, every trial, and what
    was computed of every dataset."""
    total = hashlib.sha256()
    arrays = (path for glob in ("*/*/*/*.npz", GLOB) for path in runs.glob(glob) if not path.name.startswith("."))
    datasets = (path for name in (noises.FILE, portraying.FILE) for path in runs.glob(f"*/{name}"))
    for path in sorted([*files(runs), *arrays, *datasets]):
        data = path.read_bytes()
        total.update(f"{path.relative_to(runs).as_posix()}\0{len(data)}\0".encode())
        total.update(data)
    return total.hexdigest()


def frame(records: Iterable[Record]) -> "pd.DataFrame":
    """One row per cell: dataset, method, title, variant, seed, outcome, error, the test metrics by name and the cost as
    `cost_seconds`, ...; NaN where a record has none."""
    import pandas as pd

    rows = []
    for r in records:
        names = {
            name: getattr(r, name) for name in ("dataset", "method", "title", "variant", "seed", "outcome", "error")
        }
        cost = {} if r.cost is None else {f"cost_{key}": value for key, value in msgspec.structs.asdict(r.cost).items()}
        rows.append(names | r.metrics.get("test", {}) | cost)
    return pd.DataFrame(rows)
