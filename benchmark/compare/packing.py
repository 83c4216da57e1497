"""Per-row predictions as files to hand around: one a board, its hash in the repository, its bytes in a release.

Predictions lie in the cache and are not committed. `pack` puts those of a dataset's records into one compressed file
and notes its hash, and that of each prediction, in `predictions.json` beside the dataset's noise file; `fetch` takes
such a file from where it is published, and believes nothing that has another hash.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmark.compare import derived
from benchmark.files.errors import UserError
from benchmark.records.cell import Cell, Group
from benchmark.records.predictions import path_of, tag
from benchmark.records.record import Record
from benchmark.records.store import Store
from datasets.common.files import put

RELEASE = ""  # the address below which the packed files are published; empty until there is a release
FILE = "predictions.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same predictions give the same file


class Member(msgspec.Struct, frozen=True):
    """The predictions of one seed."""

    tag: str  # of the identity that they belong to, see benchmark.records.predictions
    sha256: str  # of the .npy file


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """What a packed file holds."""

    format: int = 1
    file: str  # its name, below RELEASE
    sha256: str
    bytes: int
    members: dict[str, Member]  # "method/variant/seed" -> what it must be


def read(store: Store, dataset: str) -> Packed | None:
    """What is committed of a dataset's packed file, None where nothing is. Raises UserError."""
    return derived.read(store.folder / dataset / FILE, Packed)


def pack(store: Store, dataset: str, out: Path) -> Packed:
    """Write OUT/<dataset>.zip and note its hashes beside the dataset's records. Raises UserError where no record's
    predictions are on this machine, or a file cannot be written."""
    found = [(r, path) for r in store.of(dataset) if r.outcome == "ok" and (path := _place(r)).is_file()]
    if not found:
        raise UserError(
            f"{dataset}: no record in {store.folder} has its predictions on this machine; "
            "`python -m benchmark run --rerun unpredicted` makes them again"
        )
    content, members = io.BytesIO(), {}
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for record, path in found:
            raw = path.read_bytes()
            name = _name(record.cell)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), raw, zipfile.ZIP_DEFLATED)
            members[name] = Member(tag(record.identity), hashlib.sha256(raw).hexdigest())
    data = content.getvalue()
    packed = Packed(
        file=f"{dataset}.zip",
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        members=dict(sorted(members.items())),
    )
    derived.write(out / packed.file, data)
    derived.write(store.folder / dataset / FILE, msgspec.json.format(msgspec.json.encode(packed), indent=1) + b"\n")
    return packed


def fetch(store: Store, dataset: str, source: str = "") -> tuple[int, int]:
    """Take a dataset's packed file from a folder or an address (RELEASE where empty) into the cache. Returns how many
    predictions belong to the records as they are, and how many to others and were left out.

    Raises UserError where nothing is published, or what is there is not what the repository says."""
    packed = read(store, dataset)
    if packed is None:
        raise UserError(f"{dataset}: {store.folder / dataset / FILE} is not there, so nothing of it has been packed")
    data = _bytes(packed, source or RELEASE, dataset)
    records = {_name(r.cell): r for r in store.of(dataset) if r.outcome == "ok"}
    kept = 0
    for name, member, raw in _members(packed, data, dataset):
        record = records.get(name)
        if record is None or tag(record.identity) != member.tag:
            continue  # the record has been made again since
        try:
            put(_place(record), raw)
        except OSError as error:
            raise UserError(f"{_place(record)} cannot be written ({error.strerror}): set CVP_CACHE") from None
        kept += 1
    return kept, len(packed.members) - kept


def _bytes(packed: Packed, source: str, dataset: str) -> bytes:
    """The packed file, checked. Raises UserError."""
    if not source:
        raise UserError(
            f"no release holds predictions yet; with a file {packed.file} at hand, say "
            f"`python -m benchmark predictions --fetch --dataset {dataset} --source FOLDER`"
        )
    if "://" in source:
        data = _download(f"{source.rstrip('/')}/{packed.file}", packed.sha256)
    else:
        try:
            data = (Path(source) / packed.file).read_bytes()
        except OSError as error:
            raise UserError(f"{Path(source) / packed.file} cannot be read ({error.strerror})") from None
    if hashlib.sha256(data).hexdigest() != packed.sha256:
        raise UserError(f"{packed.file} from {source} is not the file that {FILE} of {dataset} names: its hash differs")
    return data


def _download(address: str, sha256: str) -> bytes:
    import pooch

    if not address.startswith("https://"):
        raise UserError(f"{address} is not an https:// address")
    try:
        return Path(pooch.retrieve(address, known_hash=f"sha256:{sha256}", progressbar=False)).read_bytes()
    except Exception as error:  # of many libraries below
        raise UserError(f"{address} cannot be fetched ({' '.join(str(error).split())[:200]})") from None


def _members(packed: Packed, data: bytes, dataset: str) -> Iterator[tuple[str, Member, bytes]]:
    """Those that are named, each as its hash says; nothing is unpacked by the archive's own names."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name, member in packed.members.items():
                raw = archive.read(f"{name}.npy")
                if hashlib.sha256(raw).hexdigest() != member.sha256:
                    raise UserError(f"{packed.file}: {name} is not what {FILE} of {dataset} names: its hash differs")
                yield name, member, raw
    except (KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{packed.file} is not whole ({error})") from None


def _name(cell: Cell) -> str:
    return f"{cell.method}/{cell.variant}/{cell.seed}"


def _place(record: Record) -> Path:
    group = Group(record.dataset, record.method, record.variant, (record.seed,))
    return path_of(group, record.seed, record.identity)
