"""What identifies raw files, the code that reads them and a prepared table. Standard library and NumPy only."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import Dataset, Protocol
from datasets.common.files import put
from datasets.common.imports import closure
from datasets.reading.delimited import unreadable
from datasets.schema import Array, Schema

_PACKAGE = Path(__file__).parents[1]


def canonical(value: Any) -> bytes:
    """JSON with keys in order and no spaces: equal values have equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=dict).encode()


def protocol_dict(protocol: Protocol) -> dict[str, Any]:
    return {**asdict(protocol), "options": dict(protocol.options)}


def of_table(schema: Schema, columns: Mapping[str, Array], protocol: Protocol) -> str:
    """The fingerprint of a prepared table: its columns' content (split included), its schema and its protocol."""
    digest = hashlib.sha256(canonical({"schema": asdict(schema), "protocol": protocol_dict(protocol)}))
    for name in sorted(columns):
        column = columns[name]
        digest.update(canonical([name, column.dtype.str, list(column.shape)]))
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def of_key(dataset: Dataset, files: Iterable[Path], hashes: Path) -> str:
    """Under which name a prepared table is kept: raw files, protocol and the source code that prepares it."""
    raw = [[path.name, digest] for path, digest in of_files(files, hashes)]
    parts = [dataset.name, raw, protocol_dict(dataset.protocol), of_code(type(dataset).__module__)]
    return hashlib.sha256(canonical(parts)).hexdigest()


@cache
def of_code(module: str) -> str:
    """A hash of the bytes of a module and of all modules of this package that it imports."""
    digest = hashlib.sha256()
    for name, source in closure(module, _PACKAGE.parent, (_PACKAGE.name,)).items():
        digest.update(name.encode() + b"\0" + source)
    return digest.hexdigest()


def of_files(files: Iterable[Path], hashes: Path) -> list[tuple[Path, str]]:
    """The SHA-256 of each file's bytes. `hashes` remembers those whose size and time of change have not moved.

    Raises Unreadable.
    """
    try:
        known = json.loads(hashes.read_bytes())
    except (OSError, ValueError, RecursionError):
        known = {}
    if not isinstance(known, dict):
        known = {}
    result, fresh = [], False
    for path in files:
        try:
            name, stat = str(path.resolve()), path.stat()
        except OSError as error:
            raise unreadable(path, error) from error
        mark = [stat.st_size, stat.st_mtime_ns]
        entry = known.get(name)
        if not (isinstance(entry, list) and len(entry) == 3 and entry[:2] == mark):
            try:
                with path.open("rb") as stream:
                    entry = [*mark, hashlib.file_digest(stream, "sha256").hexdigest()]
            except OSError as error:
                raise unreadable(path, error) from error
            known[name], fresh = entry, True
        result.append((path, str(entry[2])))
    if fresh:
        with contextlib.suppress(OSError):  # only a memory: without it the files are read again next time
            put(hashes, canonical(known))
    return result
