"""The records folder: one JSON file per cell, written whole or not at all, and what each is worth today."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from benchmark.files.atomic import get
from benchmark.files.errors import UserError
from benchmark.records.cell import Cell
from benchmark.records.record import Record, encode
from benchmark.records.study import FOLDER, Study
from benchmark.records.trial import Trial
from datasets.common.files import put

_ROOM = 8 << 20  # bytes a run wants free before it starts


class Store:
    """Reads and writes records below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, cell: Cell) -> Record | None:
        """The cell's record, or None. Raises UserError on a file that is not one."""
        return self._read(self.folder / cell.path)

    def _read(self, path: Path) -> Record | None:
        return get(path, Record, what="a record", cure="delete it and run again")

    def all(self) -> list[Record]:
        """Every record below the folder, by path. Raises UserError where it is no folder."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder} is not a folder of records: choose another with --runs FOLDER")
        found = [self._read(path) for path in sorted(self.folder.glob("*/*/*/*.json"))]
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
        """Held by the one run that writes here; the system frees it when that process dies. Raises UserError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(
                f"another run is writing to {self.folder}: wait for it, or choose another folder with --runs"
            ) from None
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            if shutil.disk_usage(self.folder).free < _ROOM:
                raise self._unwritable(OSError(errno.ENOSPC, "no space left on device"))
            for left in ("*/*/*/.*.json.*", "*/*/*/.*.npz.*", f"*/*/*/{FOLDER}/.*.json.*"):  # by a run that was killed
                for scratch in self.folder.glob(left):
                    scratch.unlink(missing_ok=True)
            yield
        finally:
            lock.release()
