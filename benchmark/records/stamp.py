"""Where a record comes from and what came of training it again: a small file beside it, complete or absent.

A stamp names the bytes of the record that it speaks of, so that one that outlives them is worth nothing. It ends in
`.stamp`, not `.json`, for whoever reads all records.
"""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from benchmark.files.atomic import get
from benchmark.files.errors import UserError
from benchmark.files.listing import below
from benchmark.records.cell import Cell
from datasets.common.files import put

SUFFIX = ".stamp"
Verdict = Literal["same bits", "within rounding", "different"]


class Reporter(msgspec.Struct, frozen=True, kw_only=True):
    """Who reported a record that was not made here."""

    by: str
    hardware: str
    commit: str  # of this repository, whose code made it
    received: str  # UTC date


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What training the cell again has shown."""

    verdict: Verdict
    metric: str = ""  # of the test rows, the one that differs most; "" where none does
    difference: float = 0.0  # of it, relative
    hardware: str
    commit: str
    when: str  # UTC date


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a record beside itself."""

    format: int = 1
    record: str  # SHA-256 of the record's file
    origin: Reporter | None = None  # None: made by this project
    verified: Verified | None = None

    @property
    def words(self) -> str:
        """For a board: "reported by A. Author", "verified: same bits"."""
        if self.verified is not None and self.verified.verdict != "different":
            return f"verified: {self.verified.verdict}"
        told = [f"reported by {self.origin.by}"] if self.origin else []
        if self.verified is not None:
            told.append(f"trained again, {self.verified.metric} differs by {100 * self.verified.difference:.2g} %")
        return ", ".join(told)


def path_of(folder: Path, cell: Cell) -> Path:
    """Where a cell's stamp lies below a folder of records."""
    return (folder / cell.path).with_suffix(SUFFIX)


def hash_of(folder: Path, cell: Cell) -> str:
    """Of the record's file, "" where there is none."""
    try:
        return hashlib.sha256((folder / cell.path).read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def read(folder: Path, cell: Cell) -> Stamp | None:
    """The stamp of the cell's record as it is; None where there is none, or another record's. Raises UserError."""
    stamp = get(path_of(folder, cell), Stamp, what="a stamp", cure="delete it and verify again")
    return stamp if stamp is not None and stamp.record == hash_of(folder, cell) else None


def write(folder: Path, cell: Cell, *, origin: Reporter | None = None, verified: Verified | None = None) -> Stamp:
    """Stamp the cell's record; what an earlier stamp of the same record says and is not given stays. Raises
    UserError."""
    old = read(folder, cell)
    stamp = Stamp(
        record=hash_of(folder, cell),
        origin=origin or (old.origin if old else None),
        verified=verified or (old.verified if old else None),
    )
    path = path_of(folder, cell)
    try:
        put(path, msgspec.json.format(msgspec.json.encode(stamp), indent=1) + b"\n")
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error})") from None
    return stamp


def all_below(folder: Path) -> dict[Cell, Stamp]:
    """Every stamp below a folder of records that speaks of its record as it is. Raises UserError."""
    found = {}
    for path in below(folder, f"*/*/*/[0-9]*{SUFFIX}"):
        dataset, method, variant, name = path.relative_to(folder).parts
        if name.removesuffix(SUFFIX).isdigit():
            cell = Cell(dataset, method, variant, int(name.removesuffix(SUFFIX)))
            if (stamp := read(folder, cell)) is not None:
                found[cell] = stamp
    return found
