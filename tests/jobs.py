"""Jobs for workers that answer at once, die, or find no memory; in a module of their own, for workers import it."""

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

from benchmark.execute import worker
from benchmark.execute.events import Report

BORN = "CVP_TEST_BORN"  # the file that says that a worker has died at its start


@dataclass(frozen=True)
class Pid:
    """Tells its process."""

    dataset: str = "made-up"

    def serve(self, report: Report) -> int:
        return os.getpid()


@dataclass(frozen=True)
class Greedy:
    """Finds no memory the first time; tells its process, and that of the first time."""

    marker: Path
    dataset: str = "made-up"

    def serve(self, report: Report) -> tuple[int, int]:
        if not self.marker.exists():
            self.marker.write_text(str(os.getpid()))
            raise MemoryError("no room for an array")
        return int(self.marker.read_text()), os.getpid()


@dataclass(frozen=True)
class Handleless:
    """Never gets a file handle."""

    dataset: str = "made-up"

    def serve(self, report: Report) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@dataclass(frozen=True)
class Dies:
    """Ends its process."""

    dataset: str = "made-up"

    def serve(self, report: Report) -> None:
        os._exit(7)


@dataclass(frozen=True)
class Letters:
    """Its result is its letters, which may be shared out."""

    letters: str
    dataset: str = "made-up"

    def parts(self, most: int) -> "Sequence[Letters]":
        count = min(most, len(self.letters))
        ends = [len(self.letters) * place // count for place in range(count + 1)]
        return [replace(self, letters=self.letters[a:b]) for a, b in pairwise(ends)]

    def joined(self, results: Sequence[str]) -> str:
        return "".join(results)

    def serve(self, report: Report) -> str:
        return self.letters


def light(pipe: Connection, threads: int, gpu: str = "") -> None:
    """A worker without torch: these jobs need none, and its import takes seconds."""
    sys.modules["torch"] = SimpleNamespace(set_num_threads=lambda count: None)  # type: ignore[assignment]
    _MAIN(pipe, threads, gpu)


def born_late(pipe: Connection, threads: int, gpu: str = "") -> None:
    """A worker that dies at its start, once."""
    marker = Path(os.environ[BORN])
    if not marker.exists():
        marker.write_text("")
        os._exit(9)
    light(pipe, threads, gpu)


def never_born(pipe: Connection, threads: int, gpu: str = "") -> None:
    """A worker that dies at its start."""
    os._exit(9)


_MAIN = worker.main
