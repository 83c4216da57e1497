"""The records folder: one JSON file per cell, written whole or not at all, and what each is worth today."""

import contextlib
import errno
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from benchmark.catalog import Entry
from benchmark.cell import Cell
from benchmark.errors import UserError
from benchmark.fingerprint import of_config, of_files
from benchmark.record import Record, Tuned, encode
from benchmark.tuning.study import FOLDER, Choice, Study, choose, is_tuned, stale
from benchmark.tuning.trial import Trial
from benchmark.whole import get, put

State = Literal["fresh", "stale", "missing", "failed", "skipped"]
_ROOM = 8 << 20  # bytes a run wants free before it starts


RERUNS: Mapping[str, Iterable[State]] = {  # what --rerun says -> which cells run
    "": ("missing", "stale"),
    "missing": ("missing",),
    "stale": ("stale",),
    "failed": ("failed",),
    "all": ("fresh", "stale", "missing", "failed", "skipped"),
}


@dataclass(frozen=True)
class Standing:
    """A cell's state and, where it is not fresh, why."""

    state: State
    why: str = ""


class Expected:
    """What a fresh record's identity would be today."""

    def __init__(
        self,
        methods: Mapping[str, Entry],
        protocols: Mapping[str, dict[str, Any]],
        fingerprints: dict[str, str | None],
    ) -> None:
        """fingerprints: of the prepared tables, None where a dataset is not at hand and its data cannot be checked."""
        self.methods, self.protocols, self.fingerprints = methods, protocols, fingerprints
        self.chosen: dict[Study, Choice | str] = {}  # of the variants that studies choose; or why there is no choice
        self._files = {name: entry.files() for name, entry in methods.items()}

    def files(self, method: str) -> dict[str, str]:
        return self._files[method]

    def code(self, method: str) -> str:
        return of_files(self._files[method])

    def settings(self, cell: Cell) -> Mapping[str, Any] | str:
        """The cell's whole configuration: its method's, or what a study chose; or why there is none."""
        if is_tuned(cell.variant):
            choice = self.chosen.get(Study(cell.dataset, cell.method, cell.variant), "its study has no trials")
            return choice.config if isinstance(choice, Choice) else choice
        entry = self.methods.get(cell.method)
        if entry is None or cell.variant not in entry.configs:
            return "the method or its variant is no longer there"
        return entry.configs[cell.variant]

    def tuned(self, cell: Cell) -> Tuned | None:
        """Where the cell's configuration comes from, if a study chose it."""
        choice = self.chosen.get(Study(cell.dataset, cell.method, cell.variant))
        return choice.tuned if isinstance(choice, Choice) else None

    def learn(self, cells: Iterable[Cell], runs: Path) -> None:
        """Read what the studies behind these cells have chosen. Raises UserError on a damaged trial."""
        for study in sorted({Study(c.dataset, c.method, c.variant) for c in cells if is_tuned(c.variant)}):
            trials = study.read(runs)
            moved = stale(study, trials, self)
            why = f"its study is stale: {moved}" if moved else "no trial of its study has a number"
            self.chosen[study] = (None if moved else choose(study, trials)) or (why if trials else "its study is gone")

    def config(self, cell: Cell) -> str:
        """Raises KeyError where there is no configuration."""
        settings = self.settings(cell)
        if isinstance(settings, str):
            raise KeyError(f"{cell}: {settings}")
        return of_config(settings, self.protocols[cell.dataset])

    def standing(self, cell: Cell, record: Record | None) -> Standing:
        """fresh, stale (with what moved), failed, skipped or missing."""
        if record is None:
            return Standing("missing")
        settings = self.settings(cell)
        if isinstance(settings, str):
            return Standing("stale", settings)
        if cell.dataset not in self.protocols:
            return Standing("stale", "the dataset is no longer there")
        if record.identity.code != self.code(cell.method):
            now, then = self._files[cell.method], record.identity.files
            moved = sorted(f for f in now.keys() | then.keys() if now.get(f) != then.get(f))
            return Standing("stale", f"code moved: {', '.join(moved) or 'import closure'}")
        if record.identity.config != self.config(cell):
            return Standing(
                "stale", "configuration moved: " + _differences(record, settings, self.protocols[cell.dataset])
            )
        data = self.fingerprints.get(cell.dataset)
        if data is not None and record.identity.data not in ("", data):
            return Standing("stale", f"data moved: recorded on {record.identity.data[:12]}, here {data[:12]}")
        if record.outcome != "ok":
            return Standing(record.outcome, record.error)
        return Standing("fresh")


def _differences(record: Record, settings: Mapping[str, Any], protocol: Mapping[str, Any]) -> str:
    moved = []
    for then, now in ((record.config, settings), (record.protocol, protocol)):
        moved += [
            f"{name} {then.get(name)!r} -> {now.get(name)!r}"
            for name in sorted({*then, *now})
            if then.get(name) != now.get(name)
        ]
    return "; ".join(moved) or "fields"


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


def wanted(standings: Mapping[Cell, Standing], rerun: str) -> list[Cell]:
    """The cells to run: missing and stale ones by default; `rerun`, one of RERUNS, narrows or widens that."""
    return [cell for cell, standing in standings.items() if standing.state in RERUNS[rerun]]
