"""What identifies raw files, the code that reads them and a prepared table. Standard library and NumPy only."""

import ast
import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import Dataset, Protocol
from datasets.schema import Array, Schema

_PACKAGE = Path(__file__).parent


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
    """A hash of the bytes of a module of this package and of all of this package's modules that it imports."""
    digest = hashlib.sha256()
    for name in sorted(_closure(module)):
        path = _source(name)
        digest.update(name.encode() + b"\0" + (path.read_bytes() if path else b""))
    return digest.hexdigest()


def _closure(module: str) -> set[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            path = _source(name)
            waiting += _imports(path.read_bytes()) if path else []
    return seen


def _source(module: str) -> Path | None:
    """The file of a module of this package; None for modules defined elsewhere (in tests)."""
    package, _, name = module.partition(".")
    path = _PACKAGE / f"{name.replace('.', '/')}.py"
    return path if package == _PACKAGE.name and path.is_file() else None


def _imports(source: bytes) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_PACKAGE.name}."):
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith(f"{_PACKAGE.name}."))


def of_files(files: Iterable[Path], hashes: Path) -> list[tuple[Path, str]]:
    """The SHA-256 of each file's bytes. `hashes` remembers those whose size and time of change have not moved."""
    try:
        known = json.loads(hashes.read_bytes())
    except (OSError, ValueError):
        known = {}
    if not isinstance(known, dict):
        known = {}
    result, fresh = [], False
    for path in files:
        name, stat = str(path.resolve()), path.stat()
        mark = [stat.st_size, stat.st_mtime_ns]
        entry = known.get(name)
        if not (isinstance(entry, list) and len(entry) == 3 and entry[:2] == mark):
            with path.open("rb") as stream:
                entry = [*mark, hashlib.file_digest(stream, "sha256").hexdigest()]
            known[name], fresh = entry, True
        result.append((path, str(entry[2])))
    if fresh:
        with contextlib.suppress(OSError):  # only a memory: without it the files are read again next time
            write_atomically(hashes, canonical(known))
    return result


def write_atomically(path: Path, content: bytes) -> None:
    """The file has either its old content or all of the new, whatever happens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
