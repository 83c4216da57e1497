"""`python -m tests.torture kills|files|resources|security [--times N] [--seed S]`: see `tests.torture`."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.torture import world
from tests.torture.table import Row, held, shown

_TIMES = {"kills": 100, "files": 2000, "resources": 1, "security": 200}
_INSIDE = "TORTURE_INSIDE"  # the folder of the harness, in the process that runs in the copy of the sources


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("part", choices=_TIMES, help="what is done to the program")
    parser.add_argument("--times", type=int, help=f"how many cases; by default {_TIMES}")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same cases")
    found = parser.parse_args()
    found.times = _TIMES[found.part] if found.times is None else found.times
    if found.times < 1:
        parser.error("--times is 1 or more")
    return found


def _inside(base: Path, part: str, times: int, seed: int) -> list[Row]:
    """In the process whose packages are the copy's."""
    import logging

    from tests.torture import files, raw, security

    logging.disable(logging.WARNING)  # of every table that is made: thousands
    place = base / "world"
    runs, cache = base / "whole/runs", base / "whole/cache"
    if part == "security":
        return security.torture(place, runs, cache, base / "security", times, seed)
    own = max(1, times * 2 // 5)
    rows = raw.torture(base / "raw", max(1, times - own), seed)
    return rows + files.torture(place, runs, cache, base / "files", own, seed)


def main() -> int:
    """Prints the table; returns 1 where something did not hold."""
    asked = _arguments()
    if inside := os.environ.get(_INSIDE):
        rows = _inside(Path(inside), asked.part, asked.times, asked.seed)
    else:
        base = world.WORK / asked.part
        shutil.rmtree(base, ignore_errors=True)
        base.mkdir(parents=True)
        if asked.part == "kills":
            from tests.torture import kills

            rows = kills.torture(base, asked.times, asked.seed)
        elif asked.part == "resources":
            from tests.torture import resources

            rows = resources.torture(base, asked.times, asked.seed)
        else:
            place = world.make(base / "world")
            world.finished(place, base / "whole", *world.RUN, "--tune", "3")
            command = [
                sys.executable,
                "-m",
                "tests.torture",
                asked.part,
                "--times",
                str(asked.times),
                "--seed",
                str(asked.seed),
            ]
            return subprocess.run(command, cwd=place, env={**os.environ, _INSIDE: str(base)}).returncode
    print(shown(rows), flush=True)
    return 0 if held(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
