"""The records folder: one JSON file per cell, written whole or not at all, and what each is worth today."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from benchmark.files.atomic import content, parsed
from benchmark.files.errors import UserError
from benchmark.files.listing import below
from benchmark.files.remembered import all_of
from benchmark.records.cell import Cell
from benchmark.records.identity import closure, of_files
from benchmark.records.possible import wrong_record
from benchmark.records.record import Record, encode
from benchmark.records.study import FOLDER, Study
from benchmark.records.trial import Trial
from datasets.common.files import put

_LOCK = ".lock"
_CURE = "delete it and run again"
_ROOM = 8 << 20  # bytes a run wants free before it starts
_CODE = of_files(closure(__name__))  # as this process has it, whatever becomes of the files


def files(folder: Path, dataset: str = "*") -> list[Path]:
    """Every record's file `<dataset>/<method>/<variant>/<seed>.json` below a folder, of all datasets or one, in
    order."""
    return below(folder, f"{dataset}/*/*/*.json")


def record_of(path: Path, raw: bytes) -> Record:
    """The record that a file of a folder of records holds. raw: its bytes. Raises UserError on one that is no record,
    not this place's, or says what cannot be."""
    record = parsed(raw, path, Record, what="a record", cure=_CURE)
    if path.parts[-4:] != record.cell.parts:
        raise UserError(f"{path} holds the record of {record.cell}: move it back, or {_CURE}")
    if why := wrong_record(record):
        raise UserError(f"{path} cannot be right ({why}): {_CURE}")
    return record


class Store:
    """Reads and writes records below one folder."""

    def __init__(self, folder: Path, shard: str = "") -> None:
        """shard: the name of this process's part of a run, "2-of-8", where several share the folder."""
        self.folder, self.shard = folder, shard

    def read(self, cell: Cell) -> Record | None:
        """The cell's record, or None. Raises UserError on a file that is not one."""
        return self._read(self.folder / cell.path)

    def _read(self, path: Path) -> Record | None:
        return None if (raw := content(path)) is None else record_of(path, raw)

    def all(self) -> list[Record]:
        """Every record below the folder, by path. Raises UserError where it is no folder, or cannot be read."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder} is not a folder of records: choose another with --runs FOLDER")
        return all_of(self.folder, files(self.folder), Record, self._read, _CODE)

    def of(self, dataset: str) -> list[Record]:
        """Every record of one dataset, by path. Raises UserError."""
        found = (self._read(path) for path in files(self.folder, dataset))
        return [record for record in found if record is not None]

    def write(self, record: Record, arrays: bytes | None = None) -> None:
        """Put the record in place, its arrays before it: a temporary file, flushed to the disk, then a rename. Raises
        UserError."""
        try:
            beside = self.folder / record.cell.arrays
            if arrays is not None:
                put(beside, arrays)
            else:
                beside.unlink(missing_ok=True)  # of a record that this one replaces
            put(self.folder / record.cell.path, encode(record))
        except OSError as error:
            raise self._unwritable(error) from None

    def write_trial(self, study: Study, trial: Trial) -> None:
        """Put a trial in place, as a record. Raises UserError."""
        try:
            study.write(self.folder, trial)
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> UserError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return UserError(f"the disk of {self.folder} is full: make room and run again; finished cells are kept")
        return UserError(
            f"the records folder {self.folder} cannot be written ({error.strerror or error}): "
            "choose another with --runs FOLDER"
        )

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one run that writes here, or by each of its shards; the system frees it when that process dies.
        Raises UserError."""
        with contextlib.ExitStack() as held:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                for name in self._locks():
                    held.enter_context(FileLock(self.folder / name).acquire(timeout=0))
                if self.shard:  # a whole run excludes every shard, a shard only such a run
                    FileLock(self.folder / _LOCK).acquire(timeout=0).lock.release()
                if shutil.disk_usage(self.folder).free < _ROOM:
                    raise OSError(errno.ENOSPC, "no space left on device")
                if not self.shard:
                    self._sweep()
            except Timeout:
                raise UserError(
                    f"another run is writing to {self.folder}: wait for it, or choose another folder with --runs"
                ) from None
            except OSError as error:
                raise self._unwritable(error) from None
            yield

    def _locks(self) -> list[str]:
        """The names of the locks to hold: a shard's own, or the whole run's and those of all shards there ever were."""
        if self.shard:
            return [f"{_LOCK}-{self.shard}"]
        return [_LOCK, *sorted(path.name for path in self.folder.glob(f"{_LOCK}-*-of-*"))]

    def _sweep(self) -> None:
        """Delete what a run that was killed has left half written."""
        for left in ("*/*/*/.*.json.*", "*/*/*/.*.npz.*", f"*/*/*/{FOLDER}/.*.json.*"):
            for scratch in self.folder.glob(left):
                scratch.unlink(missing_ok=True)
