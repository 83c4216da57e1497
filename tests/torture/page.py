"""docs/torture.md, from the tables that the parts of the harness have left in build/torture."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

from benchmark import ROOT
from tests.torture import world
from tests.torture.table import HEAD, Row

PAGE = ROOT / "docs" / "torture.md"
_PARTS = {
    "kills": "SIGKILL at random moments, again and again, until the run is done",
    "together": "several runs and verbs at once, signals, a reader that goes, edits of a method during a run",
    "cluster": "a local Ray cluster of a head and two nodes",
    "resources": "disks, file handles, memory, other users, odd paths and locales",
    "files": "changed raw files, records, trials, noise files, arrays, suites, tables, predictions and catalogs",
    "security": "hostile text, names and archives",
}
_INTRODUCTION = """# What was done to it

The whole program, tortured: `python -m tests.torture {parts} [--times N] [--seed S]`.
A case *held* where no record was lost, torn or other than that of a run left alone, where no process stayed behind, and
where whatever could not be done was one line that says so. This page is written by `python -m tests.torture page` from
the last run of each part. Nothing here is in `make test`, which has a short form (`tests/test_torture.py`).

A failure stays in its table until its part has run again, mended or not; a class that is missing was not reached.
"""


def keep(folder: Path, part: str, seed: int, rows: list[Row], *, some: bool = False) -> None:
    """Leaves a part's rows for the page. some: they take the place of those of their names, beside the others."""
    path, names = folder / f"{part}.json", {row.name for row in rows}
    if some and path.is_file():
        before = [Row(**row) for row in json.loads(path.read_text())["rows"]]
        rows = [*(row for row in before if row.name not in names), *rows]
    found = {"part": part, "seed": seed, "date": date.today().isoformat(), "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(found, indent=2))


def write(folder: Path = world.WORK, page: Path = PAGE) -> Path:
    """Writes the page; returns its path."""
    lines = [_INTRODUCTION.format(parts="|".join(_PARTS))]
    for part, what in _PARTS.items():
        path = folder / f"{part}.json"
        if not path.is_file():
            continue
        found = json.loads(path.read_text())
        rows = [Row(**row) for row in found["rows"]]
        tried, held = sum(row.tried for row in rows), sum(row.held for row in rows)
        lines += [
            f"## {part.capitalize()}\n",
            f"{what[0].upper()}{what[1:]}. {held:,} of {tried:,} held; seed {found['seed']}, {found['date']}.\n",
            "\n".join([HEAD, *map(str, rows)]) + "\n",
        ]
    page.write_text("\n".join(lines).replace(f"{folder}/", ""))
    return page
