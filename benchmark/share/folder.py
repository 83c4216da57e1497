"""A submitted folder as it lies there: nothing but the files that its manifest names, each what its place says.

A submission is somebody else's. A file is read where the manifest and its own content say that it must lie, below the
folder; links are refused, and nothing of it is run.
"""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from benchmark.files.errors import UNREADABLE, UserError
from benchmark.records.cell import Cell
from benchmark.records.record import Record, decode, encode
from benchmark.records.trial import Trial
from benchmark.records.trial import encode as encode_trial
from benchmark.share.submission import FILE, Place, Submission

_LARGEST = {".json": 1 << 20, ".npy": 64 << 20}  # bytes of a record; of the predictions of sixteen million rows
_FORMAT = 1
_LONGEST = {"by": 80, "hardware": 200, "note": 500}  # characters


def refused(what: object, why: str) -> UserError:
    return UserError(f"refused, nothing is filed: {what}: {why}")


def manifest(folder: Path) -> Submission:
    if not folder.is_dir() or folder.is_symlink():
        raise UserError(f"{folder} is no folder: say the one that `python -m benchmark submit` has written")
    path = folder / FILE
    if path.is_symlink() or not path.is_file():
        raise refused(FILE, f"it is not in {folder}; `python -m benchmark submit FOLDER` writes it")
    try:
        raw = path.read_bytes()
        number = msgspec.json.decode(raw).get("format")
        if number != _FORMAT:
            raise refused(FILE, f"it is of format {number}, and this version reads {_FORMAT}")
        found = msgspec.json.decode(raw, type=Submission)
    except (*UNREADABLE, AttributeError, OSError) as error:
        raise refused(FILE, f"it is not a submission ({error})") from None
    for field, most in _LONGEST.items():
        text = getattr(found, field)
        if len(text) > most or not text.isprintable() or (field == "by" and not text.strip()):
            raise refused(FILE, f"`{field}` is one line of at most {most} characters that can be printed")
    return found


def files(folder: Path, submission: Submission) -> Iterator[tuple[str, bytes]]:
    """Every file of the folder but the manifest, each with the bytes that the manifest names."""
    there = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise refused(name, "it is a link; a submission is plain files")
        if path.is_dir():
            continue
        if not path.is_file():
            raise refused(name, "it is no plain file")
        if name != FILE:
            there.append(name)
    for name in there:
        if name not in submission.files:
            raise refused(name, f"{FILE} does not name it; a submission holds records and predictions, nothing else")
        named(name)
    for name, sha256 in submission.files.items():
        if name not in there:
            raise refused(name, f"{FILE} names it, and it is not there")
        path = folder / name
        most = _LARGEST[path.suffix]
        if path.stat().st_size > most:
            raise refused(name, f"it is larger than {most >> 20} MB")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise refused(name, f"its bytes are not those that {FILE} names: it was changed since")
        yield name, data


def named(path: str) -> Place:
    if (found := Place.of(path)) is None:
        raise refused(path, "it is neither a record nor predictions; a submission holds nothing else")
    return found


def record_of(path: str, data: bytes, cell: Cell) -> Record:
    try:
        record = decode(data)
    except UNREADABLE as error:
        raise refused(path, f"it is not a record ({error})") from None
    if record.format != _FORMAT:
        raise refused(path, f"it is of format {record.format}, and this version reads {_FORMAT}")
    if record.cell != cell:
        raise refused(path, f"it holds {record.cell}")
    if encode(record) != data:
        raise refused(path, "it holds more than a record, or was written by something else")
    if record.outcome != "ok":
        raise refused(path, f"it is {record.outcome}: only finished cells are submitted")
    return record


def trial_of(path: str, data: bytes, place: Place) -> Trial:
    """A trial of the search that chose a variant's settings."""
    try:
        trial = msgspec.json.decode(data, type=Trial)
    except UNREADABLE as error:
        raise refused(path, f"it is not a trial ({error})") from None
    if trial.format != _FORMAT:
        raise refused(path, f"it is of format {trial.format}, and this version reads {_FORMAT}")
    if Cell(trial.dataset, trial.method, trial.variant, trial.number) != place.cell:
        raise refused(path, f"it holds trial {trial.number} of {trial.dataset}/{trial.method}/{trial.variant}")
    if encode_trial(trial) != data:
        raise refused(path, "it holds more than a trial, or was written by something else")
    return trial


def prediction_of(path: str, data: bytes) -> bytes:
    try:
        values = np.load(io.BytesIO(data), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise refused(path, f"it is no array ({error})") from None
    if values.dtype != np.float32 or values.ndim != 1 or not np.isfinite(values).all():
        raise refused(path, f"it is {values.dtype} {list(values.shape)}, not finite float32 [test rows]")
    return data
