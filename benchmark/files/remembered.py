"""Many small files as structs, remembered: what they hold is kept in the cache, each until it changes.

To open and check thousands of files takes longer than what most verbs do with them. There is one file for a folder and
a kind of struct. In it values stand field by field, each that repeats once, so that structs share dicts and lists.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from benchmark.files.errors import UNREADABLE
from datasets.common.files import cache_folder, recall, remember

T = TypeVar("T", bound=msgspec.Struct)
Mark = tuple[int, int, int, int]  # size, when the bytes changed, when anything about the file did (ns), its number

FEW = 500  # so many files are read as fast as what is kept of them
_YOUNG = 2 * 10**9  # ns: a file that has just changed may change again within one tick of the clock
_UNSET = b""  # of a field that is left away


class _Column(msgspec.Struct, array_like=True):
    """One field of all structs."""

    distinct: list[bytes]
    at: list[int]  # which of them each struct has


class _Kept(msgspec.Struct, array_like=True):
    names: list[str]  # of the files, below their folder
    marks: list[Mark]
    columns: dict[str, _Column]


def all_of(folder: Path, paths: Sequence[Path], kind: type[T], read: Callable[[Path], T | None], code: str) -> list[T]:
    """Returns what each of these files below a folder holds, without those that `read` finds gone. code: a hash of what
    `read` does and checks; what other code has kept counts for nothing. Raises what `read` raises."""
    if len(paths) <= FEW:
        return [held for path in paths if (held := read(path)) is not None]
    place, before = place_of(folder, kind), time.time_ns() - _YOUNG
    known = _kept(place, kind, code)
    every: list[T] = []
    settled: dict[str, tuple[Mark, T]] = {}
    for path in paths:
        name, mark = "/".join(path.parts[len(folder.parts) :]), _mark(path)
        entry = known.get(name)
        if mark is not None and entry is not None and entry[0] == mark:
            settled[name] = entry
            every.append(entry[1])
        elif (found := read(path)) is not None:
            every.append(found)
            if mark is not None and max(mark[1:3]) < before:
                settled[name] = (mark, found)
    if len(settled) < len(known) or any(known.get(name) is not entry for name, entry in settled.items()):
        _keep(place, kind, settled, code)
    return every


def place_of(folder: Path, kind: type[msgspec.Struct]) -> Path:
    """Where it is kept what the files below a folder hold."""
    key = hashlib.sha256(os.fsencode(folder.resolve()) + b"\0" + kind.__name__.encode()).hexdigest()
    return cache_folder() / "read" / key[:20]


def _mark(path: Path) -> Mark | None:
    """What moves when a file does; None where it cannot be told."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def _kept(place: Path, kind: type[T], code: str) -> dict[str, tuple[Mark, T]]:
    if (body := recall(place, code)) is None:
        return {}
    try:
        kept = msgspec.msgpack.decode(body, type=_Kept)
        fields = msgspec.structs.fields(kind)
        columns = [_values(kept.columns[field.name], field.type) for field in fields]
    except (KeyError, IndexError, *UNREADABLE):  # of another version
        return {}
    names = [field.name for field in fields]
    structs = (kind(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True))
    return dict(zip(kept.names, zip(kept.marks, structs, strict=True), strict=True))


def _values(column: _Column, kind: Any) -> list[object]:
    decode = msgspec.msgpack.Decoder(kind).decode
    distinct = [msgspec.UNSET if raw == _UNSET else decode(raw) for raw in column.distinct]
    return [distinct[at] for at in column.at]


def _keep(place: Path, kind: type[T], entries: Mapping[str, tuple[Mark, T]], code: str) -> None:
    held = [struct for _, struct in entries.values()]
    with contextlib.suppress(OverflowError, *UNREADABLE):  # numbers and names that JSON has and MessagePack has not
        columns = {name: _column([getattr(one, name) for one in held]) for name in kind.__struct_fields__}
        kept = _Kept(list(entries), [mark for mark, _ in entries.values()], columns)
        remember(place, msgspec.msgpack.encode(kept), code)


def _column(values: Sequence[object]) -> _Column:
    found: dict[bytes, int] = {}
    raw = (_UNSET if value is msgspec.UNSET else msgspec.msgpack.encode(value) for value in values)
    at = [found.setdefault(one, len(found)) for one in raw]
    return _Column(list(found), at)
