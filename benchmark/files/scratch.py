"""Scratch files of processes that were killed: swept by whoever starts next.

A file that is written whole or not at all is first `.NAME.PID` beside its place (`datasets.common.files.put`).
"""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from benchmark.files.paths import figures_of, report_of
from datasets.common.files import cache_folder

_PID = re.compile(r"\..+\.(\d+)")
_YOUNG = 5.0  # seconds: of a process on another machine, perhaps, that shares the folder


def sweep(runs: Path) -> None:
    """Delete what killed processes have left beside the pages of a records folder, among its figures, and in the
    cache. What cannot be deleted stays."""
    for path in _candidates(runs):
        with contextlib.suppress(OSError):
            if _orphaned(path):
                path.unlink()


def _orphaned(path: Path) -> bool:
    """Returns whether a scratch file belongs to nobody any more. Raises OSError."""
    pid = _PID.fullmatch(path.name)
    if path.suffix != ".part" and (pid is None or _alive(int(pid[1]))):
        return False
    return time.time() - path.stat().st_mtime > _YOUNG


def _candidates(runs: Path) -> Iterator[Path]:
    page = report_of(runs)
    for name in (page.name, "board.html"):
        yield from page.parent.glob(f".{name}.*")
    yield from runs.glob(".*.json.*")  # what is told of all records
    yield from figures_of(runs).glob("**/.*.*")
    cache = cache_folder()
    yield from (cache / "predictions").glob("**/.*.*")
    yield from (cache / "predictions").glob("**/*.part")  # resampled draws
    for folder in ("catalog", "read", "too-few"):
        yield from (cache / folder).glob(".*.*")
    yield from cache.glob(".*.*")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
