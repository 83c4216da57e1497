"""`python -m tests.torture kills|together|resources|files|security|cluster|page`: see `tests.torture`."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.torture import page, world
from tests.torture.table import Row, held, shown

_TIMES = {"kills": 100, "together": 3, "resources": 1, "files": 2000, "security": 200, "cluster": 1}
_INSIDE = "TORTURE_INSIDE"  # the folder of the harness, in the process that runs in the copy of the sources


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("part", choices=[*_TIMES, "page"], help="what is done to the program; page: write it down")
    parser.add_argument("--times", type=int, help=f"how many cases, of some parts rounds; by default {_TIMES}")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same cases")
    parser.add_argument("--only", default="", help="of together and resources: the checks whose names hold this")
    found = parser.parse_args()
    found.times = _TIMES.get(found.part, 1) if found.times is None else found.times
    if found.times < 1:
        parser.error("--times is 1 or more")
    return found


def _inside(base: Path, asked: argparse.Namespace) -> Iterator[list[Row]]:
    """In the process whose packages are the copy's: yields the rows as far as they are. Each part is imported where it
    is asked for."""
    place, times, seed = base / "world", asked.times, asked.seed
    if asked.part == "kills":
        from tests.torture import kills

        yield from kills.torture(base, place, times, seed)
    if asked.part == "together":
        from tests.torture import together

        yield from together.torture(base, place, times, seed, asked.only)
    if asked.part == "resources":
        from tests.torture import resources

        yield from resources.torture(base, place, times, seed, asked.only)
    if asked.part == "cluster":
        from tests.torture import cluster

        yield from cluster.torture(base, place, times, seed)
    if asked.part == "files":
        yield from _files(base, times, seed)
    if asked.part == "security":
        from tests.torture import security

        _hush()
        yield security.torture(place, *_searched(base), base / "security", times, seed)


def _files(base: Path, times: int, seed: int) -> Iterator[list[Row]]:
    """Readings cost milliseconds, verbs a hundred times as much: one case in fifty."""
    from tests.torture import files, raw, readers

    _hush()
    runs, cache = _searched(base)
    few, some = max(1, times // 50), max(1, times * 2 // 5)
    rows = readers.torture(runs, cache, some, seed)
    yield rows
    rows += raw.torture(base / "raw", max(1, times - few - some), seed)
    yield rows
    yield rows + files.torture(base / "world", runs, cache, base / "files", few, seed)


def _searched(base: Path) -> tuple[Path, Path]:
    """The records and the cache of a finished run with a search."""
    return world.finished(base / "world", base / "whole", *world.RUN, "--tune", "3")


def _hush() -> None:
    """Logs nothing of every table that is made: thousands."""
    import logging

    logging.disable(logging.WARNING)


def main() -> int:
    """Prints the table; returns 1 where something did not hold."""
    asked = _arguments()
    if asked.part == "page":
        print(f"wrote {page.write()}")
        return 0
    if inside := os.environ.get(_INSIDE):
        rows: list[Row] = []
        for rows in _inside(Path(inside), asked):
            page.keep(Path(inside).parent, asked.part, asked.seed, rows, some=bool(asked.only))
        print(shown(rows), flush=True)
        return 0 if held(rows) else 1
    base = world.WORK / asked.part
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    place = world.make(base / "world")
    command = [sys.executable, "-m", "tests.torture", *sys.argv[1:]]
    return subprocess.run(command, cwd=place, env={**os.environ, _INSIDE: str(base), "OMP_NUM_THREADS": "1"}).returncode


if __name__ == "__main__":
    sys.exit(main())
