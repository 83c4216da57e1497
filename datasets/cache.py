"""Prepared tables on disk: one folder per table, one memory-mapped .npy per column, complete or absent.

The folder's name holds a hash of the raw files, the protocol and the code that prepared them, so nothing here ever goes
stale. Damage is noticed when a table is opened and mended by preparing it again.
"""

import contextlib
import json
import logging
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from datasets.base import CacheError, Dataset, Split, Table
from datasets.common.files import cache_folder
from datasets.preparing import fingerprint
from datasets.preparing.encode import SPLITS
from datasets.schema import Array, Bag, Field, Rows, Schema

log = logging.getLogger(__name__)

_FORMAT = 2
_DELIVERED = ".table"  # ends the name of a prepared table that lies below a data root
_SPARE = 64 << 20  # bytes of the disk left free
_ROW_COLUMNS = ("ids", "numeric", "content", "content_row", "label", "duration", "bucket", "user")


class Damaged(Exception):
    """A kept table is not what was written; the sentence says in what."""


def load(dataset: Dataset, root: Path | None, cache_dir: Path | None = None) -> Table:
    """The dataset's table with its columns memory-mapped, prepared first where it is not kept yet.

    Raises NotAvailable or BadData for the raw files and CacheError where the table cannot be written.
    """
    place = entry(dataset, root, cache_dir)
    if place.is_dir():
        with contextlib.suppress(Damaged):  # looked at again, and reported, under the lock
            return read(place)
    with _lock(place):
        if place.is_dir():  # another process was faster, or damage
            try:
                return read(place)
            except Damaged as damage:
                log.warning("the prepared table of %s is damaged (%s): preparing it again", dataset.name, damage)
        started = time.perf_counter()
        table = dataset.build(root)
        write(table, place, dataset)
        log.info("prepared %s in %.1f s", dataset.name, time.perf_counter() - started)
        del table
        return read(place)


def entry(dataset: Dataset, root: Path | None, cache_dir: Path | None = None) -> Path:
    """The folder of a dataset's prepared table, there or not. Raises NotAvailable where the raw files are not."""
    if root is not None and (delivered := Path(root) / f"{dataset.name}{_DELIVERED}").is_dir():
        return delivered
    base = cache_folder() if cache_dir is None else Path(cache_dir)
    return base / "tables" / key(dataset, root, base)


def key(dataset: Dataset, root: Path | None, base: Path) -> str:
    """What a table that is prepared of these raw files is kept as. base: the cache. Raises NotAvailable."""
    known = fingerprint.of_key(dataset, dataset.files(root), base / "hashes.json")
    return f"{dataset.name}-{known[:20]}"


def deliver(dataset: Dataset, fingerprint_: str, files: Mapping[str, bytes], cache_dir: Path | None = None) -> Path:
    """Keep a table that another machine has prepared; returns the data root that has it, for `load`.

    files: of the table's folder there, by name. Raises CacheError where it cannot be written or is not the table of
    this fingerprint.
    """
    base = (cache_folder() if cache_dir is None else Path(cache_dir)) / "delivered" / fingerprint_[:20]
    place = base / f"{dataset.name}{_DELIVERED}"
    with _lock(place):
        if place.is_dir():
            return base
        temporary = place.with_name(f".{place.name}.new")
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir(parents=True)
            for name, content in files.items():
                (temporary / Path(name).name).write_bytes(content)
            table = read(temporary)
            found = fingerprint.of_table(table.schema, columns_of(table), dataset.protocol)
            if found != fingerprint_:
                raise CacheError(f"the table of {dataset.name} that was sent is {found[:12]}, not {fingerprint_[:12]}")
            temporary.replace(place)
        except (OSError, Damaged) as error:
            raise CacheError(f"the table of {dataset.name} that was sent cannot be kept in {base}: {error}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return base


def meta(dataset: Dataset, root: Path | None, cache_dir: Path | None = None) -> dict[str, Any] | None:
    """What is kept about a prepared table ("fingerprint", "facts", ...), or None. Opens no column."""
    try:
        return _meta(entry(dataset, root, cache_dir))
    except Damaged:
        return None


def cached_fingerprint(dataset: Dataset, root: Path | None, cache_dir: Path | None = None) -> str | None:
    """The fingerprint of a prepared table, or None where none is kept. Raises NotAvailable without raw files."""
    kept = meta(dataset, root, cache_dir)
    return None if kept is None else str(kept["fingerprint"])


def columns_of(table: Table) -> dict[str, Array]:
    """Every array of a table by the name of its file: "ids", "bag.category", "truth.mean", "split.train", ..."""
    rows = table.rows
    named = {name: getattr(rows, name) for name in _ROW_COLUMNS}
    found = {name: column for name, column in named.items() if column is not None}
    found |= {f"bag.{name}": column for name, column in rows.bags.items()}
    found |= {f"truth.{name}": column for name, column in rows.truth.items()}
    found |= {f"split.{name}": index for name, index in table.split.items()}
    found |= {} if table.encoder is None else {"encoder": table.encoder}
    return {name: np.ascontiguousarray(column) for name, column in found.items()}


def write(table: Table, place: Path, dataset: Dataset) -> None:
    """Keep a table: everything goes to a temporary folder that takes the final name at the end. Raises CacheError."""
    columns = columns_of(table)
    needed = sum(c.nbytes for c in columns.values())
    temporary = place.with_name(f".{place.name}.new")
    try:
        shutil.rmtree(temporary, ignore_errors=True)  # left by a process that was killed; the lock is ours
        temporary.mkdir(parents=True)
        if shutil.disk_usage(temporary).free < needed + _SPARE:
            raise _no_room(place, needed, "the disk is full")
        with ThreadPoolExecutor(1) as beside:  # the fingerprint takes as long as the writing
            found = beside.submit(fingerprint.of_table, table.schema, columns, dataset.protocol)
            described = {name: _write_column(temporary / f"{name}.npy", column) for name, column in columns.items()}
            known = found.result()
        content = {
            "format": _FORMAT,
            "dataset": dataset.name,
            "fingerprint": known,
            "schema": asdict(table.schema),
            "facts": dict(table.facts),
            "columns": described,
        }
        body = json.dumps(content, indent=1, allow_nan=False)
        check = zlib.crc32(body.encode())
        (temporary / "meta.json").write_text(f"{check}\n{body}", encoding="utf-8")
        if place.is_dir():  # damaged: out of the way in one step, readers keep their open maps
            old = place.with_name(f".{place.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            place.rename(old)
            shutil.rmtree(old, ignore_errors=True)
        temporary.rename(place)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise _no_room(place, needed, error.strerror or str(error)) from error
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read(place: Path) -> Table:
    """Open a kept table. Raises Damaged where a file is missing or is not what was written."""
    kept = _meta(place)
    arrays = {name: _open_column(place / f"{name}.npy", known) for name, known in kept["columns"].items()}

    def under(prefix: str) -> dict[str, Array]:
        return {name.removeprefix(prefix): column for name, column in arrays.items() if name.startswith(prefix)}

    rows = Rows(
        **{name: arrays[name] for name in _ROW_COLUMNS if name in arrays},
        bags=under("bag."),
        truth=under("truth."),
    )
    split: dict[Split, Array] = {name: arrays[f"split.{name}"] for name in SPLITS}
    return Table(_schema(kept["schema"]), rows, split, kept["facts"], kept["fingerprint"], arrays.get("encoder"))


def _schema(kept: dict[str, Any]) -> Schema:
    return replace(
        Schema(**{**kept, "fields": (), "bags": ()}),
        fields=tuple(Field(**f) for f in kept["fields"]),
        bags=tuple(Bag(**b) for b in kept["bags"]),
        numeric=tuple(kept["numeric"]),
        truth=tuple(kept["truth"]),
    )


def _meta(place: Path) -> dict[str, Any]:
    try:
        check, _, body = (place / "meta.json").read_text(encoding="utf-8").partition("\n")
        if str(zlib.crc32(body.encode())) != check:
            raise Damaged("meta.json has changed")
        kept: dict[str, Any] = json.loads(body)
    except (OSError, UnicodeDecodeError) as error:
        raise Damaged(f"meta.json cannot be read: {error}") from error
    if kept["format"] != _FORMAT:
        raise Damaged(f"format {kept['format']}, expected {_FORMAT}")
    return kept


def _write_column(path: Path, column: Array) -> dict[str, Any]:
    with path.open("wb") as stream:
        summed = _Summed(stream)
        np.save(summed, column)
        stream.flush()
        os.fsync(stream.fileno())  # the rename must not come before the bytes
    return {
        "dtype": column.dtype.str,
        "shape": list(column.shape),
        "bytes": path.stat().st_size,
        "crc32": summed.crc,
    }


class _Summed:
    """A stream that sums what is written: the sum is of what was meant, and the next opening holds the disk to it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.crc = stream, 0

    def write(self, data: bytes) -> int:
        self.crc = zlib.crc32(data, self.crc)
        return self.stream.write(data)


def _open_column(path: Path, known: dict[str, Any]) -> Array:
    try:
        stat = path.stat()
        if stat.st_size != known["bytes"]:
            raise Damaged(f"{path.name} has {stat.st_size:,} bytes, expected {known['bytes']:,}")
        if _sum(path, (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)) != known["crc32"]:
            raise Damaged(f"{path.name} has other content than was written")
        array: Array = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise Damaged(f"{path.name} cannot be read: {error}") from error
    if array.dtype.str != known["dtype"] or list(array.shape) != known["shape"]:
        raise Damaged(f"{path.name} is {array.dtype.str}{list(array.shape)}, expected {known['dtype']}{known['shape']}")
    return array


@cache
def _sum(path: Path, state: tuple[int, ...]) -> int:
    """The CRC-32 of a file, read once by each process for each state (number, times) that the file is found in."""
    value = 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 22):
            value = zlib.crc32(block, value)
    return value


@contextlib.contextmanager
def _lock(place: Path) -> Iterator[None]:
    """Held by the one process that prepares this table; the system frees it when that process dies."""
    from filelock import FileLock, Timeout

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place.with_name(f".{place.name}.lock"))
        try:
            lock.acquire(timeout=0.05)
        except Timeout:
            log.info("another process is preparing %s: waiting for it", place.name)
            lock.acquire()
    except OSError as error:
        raise CacheError(
            f"the cache folder {place.parent} cannot be written ({error.strerror or error}): "
            "set CVP_CACHE to another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _no_room(place: Path, needed: int, why: str) -> CacheError:
    return CacheError(
        f"the prepared table cannot be kept in {place.parent} ({why}): it needs {(needed + _SPARE) / 2**20:,.0f} MiB "
        "free; make room or set CVP_CACHE to another folder"
    )
