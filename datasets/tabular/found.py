"""Finds the files of a table: one file, or all of one kind in a folder."""

import contextlib
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from datasets.base import BadData, NotAvailable

Kind = Literal["csv", "parquet", "feather"]

_TEXT = (".csv", ".tsv", ".txt", ".psv", ".dat", ".tab")
_PACKED = (".gz", ".zst", ".bz2")
_BINARY: dict[str, Kind] = {
    ".parquet": "parquet", ".pq": "parquet", ".parq": "parquet",
    ".feather": "feather", ".arrow": "feather", ".ipc": "feather",
}  # fmt: skip
_MAGIC: dict[bytes, Kind] = {b"PAR1": "parquet", b"ARRO": "feather"}
_KNOWN = "CSV (also .gz, .zst), Parquet and Feather files are read"


@dataclass(frozen=True)
class Found:
    """The files of one table, in the order of their names, and what else lay in their folder."""

    kind: Kind
    paths: tuple[Path, ...]
    passed_over: tuple[str, ...] = ()


def find(place: Path) -> Found:
    """The table at `place`, a file or a folder (with its subfolders). Raises NotAvailable and BadData."""
    if place.is_file():
        return Found(_kind(place), (place,))
    if not place.exists():
        raise NotAvailable(f"{place}: no such file or folder; give the path of a table: {_KNOWN}")
    try:
        inside = sorted(p for p in place.rglob("*") if p.is_file())
    except OSError as error:
        raise BadData(f"{place}: cannot be read ({error.strerror or error}); allow reading it or copy it") from error
    kinds: dict[Path, Kind] = {}
    strays = []
    for path in inside:
        name = path.relative_to(place)
        if any(part.startswith((".", "_")) for part in name.parts):  # of the system, or of who wrote the folder
            continue
        if (kind := by_name(path)) is not None:
            kinds[path] = kind
        else:
            strays.append(str(name))
    if not kinds:
        seen = f"; it holds {', '.join(strays[:3])}" if strays else ""
        raise NotAvailable(f"{place}: no table in this folder{seen}; {_KNOWN}")
    counts = Counter(kinds.values())
    if len(counts) > 1:
        one = {kind: next(p for p, k in kinds.items() if k == kind).relative_to(place) for kind in counts}
        shown = " and ".join(f"{path} ({kind})" for kind, path in one.items())
        raise BadData(f"{place}: holds tables of more than one kind, {shown}; keep one kind, or name a single file")
    paths = tuple(kinds)
    for path in paths:
        _kind(path)
    return Found(counts.most_common(1)[0][0], paths, tuple(strays))


def by_name(path: Path) -> Kind | None:
    """The kind that a file's name says, or None."""
    suffix = path.suffix.lower()
    if suffix in _PACKED:
        return "csv" if Path(path.stem).suffix.lower() in _TEXT else None
    return "csv" if suffix in _TEXT else _BINARY.get(suffix)


def _kind(path: Path) -> Kind:
    """The kind of a file by its first bytes, which outweigh its name. Raises BadData."""
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror or error}); allow reading it or copy it") from error
    named = by_name(path)
    if not start:
        raise BadData(f"{path}: the file is empty; get it again")
    if (kind := _MAGIC.get(start[:4])) is not None:
        return kind
    if start.startswith(b"FEA1"):
        raise BadData(f"{path}: is a Feather file of version 1, which is no longer read; write it again as version 2")
    if named in ("parquet", "feather"):
        raise BadData(f"{path}: is no {named.capitalize()} file, whatever its name; write it again")
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise BadData(f"{path}: is a workbook or an archive; save the sheet as CSV or Parquet. {_KNOWN}")
    if named is None:
        raise BadData(f"{path}: is a file of no known kind; {_KNOWN}")
    return named


def _packing(path: Path) -> str | None:
    return {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}.get(path.suffix.lower())


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Any]:
    """The bytes of a text file, packed or not, as a stream."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as raw:
        kind = _packing(path)
        yield pa.CompressedInputStream(raw, kind) if kind else raw


def first_bytes(path: Path, size: int) -> bytes:
    """The first bytes of a text file, unpacked. Raises BadData where they cannot be had."""
    try:
        with unpacked(path) as stream:
            parts, length = [], 0
            while length < size and (part := stream.read(size - length)):
                parts.append(part)
                length += len(part)
            return b"".join(parts)
    except (OSError, zlib.error, EOFError) as error:
        what = "a truncated or damaged compressed file" if _packing(path) else "unreadable"
        raise BadData(f"{path}: {what} ({' '.join(str(error).split())[:120]}); get the file again") from error
