"""The folder in which records are sent: `submission.json` with who, hardware, commit and the hash of every file, then
`records/` as below a runs folder, and `predictions/` where they come along."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from benchmark.files.errors import UserError
from benchmark.plan.catalog import Entry
from benchmark.plan.survey import survey
from benchmark.records.cell import Cell, Group
from benchmark.records.identity import environment
from benchmark.records.predictions import path_of, tag
from benchmark.records.record import Record, encode
from benchmark.records.store import Store
from benchmark.records.study import FOLDER, Study, is_tuned
from benchmark.records.trial import encode as encode_trial
from benchmark.share.commit import files_at, head
from datasets.common.files import put

FILE = "submission.json"
Kind = Literal["record", "trial", "predictions"]
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_@.-]*")  # of a dataset, a method, a variant: one part of a path, never ".."
_ROW = r"([^/]+)/([^/]+)/([^/]+)"
_PLACES: Mapping[Kind, re.Pattern[str]] = {
    "record": re.compile(rf"records/{_ROW}/(0|[1-9]\d{{0,5}})\.json"),
    "trial": re.compile(rf"records/{_ROW}/{FOLDER}/(\d{{3,6}})\.json"),
    "predictions": re.compile(rf"predictions/{_ROW}/(0|[1-9]\d{{0,5}})-([0-9a-f]{{16}})\.npy"),
}


class Submission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a submitted folder says of itself."""

    format: int = 1
    by: str
    note: str = ""
    commit: str  # 40 hexadecimal digits, of this repository
    hardware: str
    environment: dict[str, str]
    created: str  # UTC, ISO 8601
    files: dict[str, str]  # path below the folder -> SHA-256


@dataclass(frozen=True)
class Place:
    """What a path below the folder stands for."""

    kind: Kind
    cell: Cell  # of a trial: its number in the place of a seed
    tag: str = ""  # of the identity that predictions belong to

    @staticmethod
    def of(path: str) -> "Place | None":
        """None where it stands for nothing that a submission holds."""
        for kind, pattern in _PLACES.items():
            if (found := pattern.fullmatch(path)) and all(NAME.fullmatch(part) for part in found.groups()[:3]):
                dataset, method, variant, number = found.groups()[:4]
                return Place(kind, Cell(dataset, method, variant, int(number)), "".join(found.groups()[4:]))
        return None


def hardware(environment: Mapping[str, str]) -> str:
    """In a few words."""
    parts = [environment.get("processor", ""), environment.get("cores", "") and f"{environment['cores']} cores"]
    return ", ".join(part for part in parts if part) or "unknown"


def pack(
    store: Store,
    methods: Mapping[str, Entry],
    out: Path,
    *,
    by: str,
    note: str = "",
    only: Collection[str] = (),
    predictions: bool = False,
    root: Path | None = None,
) -> tuple[Submission, list[str]]:
    """Write the folder of a store's fresh finished records. only: datasets, all where empty. Returns what it says of
    itself, and what was left out with its reason.

    Raises UserError where OUT is not empty, nothing is there to be sent, or a method's file is not as committed."""
    if not by.strip():
        raise UserError("say who reports these records: `--by 'Name, place'`")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already: choose a folder that is empty or not there yet")
    records = [r for r in store.all() if r.outcome == "ok" and (not only or r.dataset in only)]
    if not records:
        raise UserError(f"no finished records in {store.folder}: `python -m benchmark run` makes them")
    standings = survey([r.cell for r in records], methods, store, root, records).standings
    fresh = [r for r in records if standings[r.cell].state == "fresh"]
    left = [f"{r.cell}: {standings[r.cell].why}" for r in records if standings[r.cell].state != "fresh"]
    commit = head()
    if not fresh:
        raise UserError(f"no record in {store.folder} is fresh; `python -m benchmark status` tells why")
    for record in fresh:
        _as_committed(record, commit)
    files = {}
    for path, data in _files(store, fresh, left, predictions=predictions):
        _write(out / path, data)
        files[path] = hashlib.sha256(data).hexdigest()
    known = dict(environment())
    submission = Submission(
        by=by.strip(),
        note=note,
        commit=commit,
        hardware=hardware(known),
        environment=known,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        files=dict(sorted(files.items())),
    )
    _write(
        out / FILE, msgspec.json.format(msgspec.json.encode(submission), indent=1) + b"\n"
    )  # last: it makes it whole
    return submission, left


def _as_committed(record: Record, commit: str) -> None:
    if moved := [file for file, known in record.identity.files.items() if files_at(commit, file) != known]:
        raise UserError(
            f"{record.cell} was made by files that are not those of commit {commit[:12]} ({', '.join(moved)}): "
            "commit them first, so that others can read what made these numbers"
        )


def _files(
    store: Store, records: Collection[Record], left: list[str], *, predictions: bool
) -> Iterator[tuple[str, bytes]]:
    searched = sorted({Study(r.dataset, r.method, r.variant) for r in records if is_tuned(r.variant)})
    for study in searched:
        for trial in study.read(store.folder):
            yield f"records/{study}/{FOLDER}/{trial.number:03d}.json", encode_trial(trial)
    for record in records:
        yield f"records/{record.cell.path.as_posix()}", encode(record)
        if not predictions:
            continue
        group = Group(record.dataset, record.method, record.variant, (record.seed,))
        try:
            data = path_of(group, record.seed, record.identity).read_bytes()
        except OSError:
            left.append(f"{record.cell}: its predictions are not on this machine")
            continue
        yield f"predictions/{group}/{record.seed}-{tag(record.identity)}.npy", data


def _write(path: Path, data: bytes) -> None:
    try:
        put(path, data)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error})") from None
