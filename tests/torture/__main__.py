"""`python -m tests.torture kills|together|resources|files|security|cluster|page`: see `tests.torture`."""

import argparse
import os
import shutil
import subprocess
import sys
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


def _inside(base: Path, asked: argparse.Namespace) -> list[Row]:
    """In the process whose packages are the copy's. Each part is imported where it is asked for."""
    place, times, seed = base / "world", asked.times, asked.seed
    if asked.part == "kills":
        from tests.torture import kills

        return kills.torture(base, place, times, seed)
    if asked.part == "together":
        from tests.torture import together

        return together.torture(base, place, times, seed, asked.only)
    if asked.part == "resources":
        from tests.torture import resources

        return resources.torture(base, place, times, seed, asked.only)
    if asked.part == "cluster":
        from tests.torture import cluster

        return cluster.torture(base, place, times, seed)
    import logging

    from tests.torture import files, raw, readers, security

    logging.disable(logging.WARNING)  # of every table that is made: thousands
    runs, cache = world.finished(place, base / "whole", *world.RUN, "--tune", "3")
    if asked.part == "security":
        return security.torture(place, runs, cache, base / "security", times, seed)
    few, some = max(1, times // 20), max(1, times * 2 // 5)  # verbs cost a hundred times as much as a reading
    rows = raw.torture(base / "raw", max(1, times - few - some), seed)
    rows += readers.torture(runs, cache, some, seed)
    return rows + files.torture(place, runs, cache, base / "files", few, seed)


def main() -> int:
    """Prints the table; returns 1 where something did not hold."""
    asked = _arguments()
    if asked.part == "page":
        print(f"wrote {page.write()}")
        return 0
    if inside := os.environ.get(_INSIDE):
        rows = _inside(Path(inside), asked)
        page.keep(Path(inside).parent, asked.part, asked.seed, rows)
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
