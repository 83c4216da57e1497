"""Changed records, trials, noise files and predictions, read as the program reads them, without a verb around it: a
case costs a millisecond. What a page then shows of them is the matter of `files`.

A case is refused (UserError, or ValueError for predictions, in one line), the same, or plausible (something else that
can be, of a file without a checksum); wrong, a traceback, a hang or a lack of memory did not hold.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmark.compare import noise
from benchmark.files.errors import UserError
from benchmark.records import predictions
from benchmark.records.cell import Cell
from benchmark.records.store import Store
from benchmark.records.study import Study
from tests.torture import mutations as change
from tests.torture import world
from tests.torture.files import impossible
from tests.torture.table import Row

_LIMIT = 10  # seconds to read one small file


@dataclass(frozen=True)
class Kind:
    """Files of one sort, and how the program reads one."""

    name: str
    pattern: str  # below the records, or the cache for predictions
    read: Callable[[Path, Path], Any]  # records folder, file -> what it holds
    mutations: tuple[change.Mutation, ...]
    weight: int
    checked: bool = False


def _record(runs: Path, path: Path) -> Any:
    dataset, method, variant, name = path.relative_to(runs).parts
    return Store(runs).read(Cell(dataset, method, variant, int(name.partition(".")[0])))


def _trial(runs: Path, path: Path) -> Any:
    return Study(*path.relative_to(runs).parts[:3]).read(runs)


_INSIDE = (*change.BYTES, *[change.structured] * 24)
KINDS = (
    Kind("records", "*/*/*/[0-9]*.json", _record, _INSIDE, 12),
    Kind("trials", "*/*/*/trials/*.json", _trial, _INSIDE, 6),
    Kind("noise files", "*/noise.json", lambda runs, path: noise.read(path.parent), _INSIDE, 4),
    Kind("predictions", "predictions/*/*/*/*.npy", lambda runs, path: predictions.read(path).tobytes(),
         tuple(change.BYTES), 6, checked=True),
)  # fmt: skip


def _plain(found: Any) -> Any:
    return found if isinstance(found, bytes) else msgspec.to_builtins(found)


def judge(kind: Kind, runs: Path, path: Path, known: set[str], whole: Any) -> tuple[str, str]:
    """Returns the verdict on a changed file, and an example."""
    try:
        with world.within(_LIMIT):
            found = _plain(kind.read(runs, path))
    except UserError as error:
        return world.refusal(str(error))
    except ValueError as error:  # which whoever reads predictions takes for a lack of them
        return ("refused", "") if kind.checked else ("traceback", f"ValueError: {error}")
    except (world.Hang, Exception) as error:
        return world.fault(error, _LIMIT)
    if found == whole:
        return "the same", ""
    if kind.checked:
        return "wrong", "other content than was written"
    odd = impossible(path.read_bytes(), known)
    return ("wrong", odd) if odd else ("plausible", "")


def torture(runs: Path, cache: Path, times: int, seed: int) -> list[Row]:
    """So many cases on files that are put back after each."""
    rng = random.Random(seed)
    files = {kind: sorted((cache if kind.checked else runs).glob(kind.pattern)) for kind in KINDS}
    files = {kind: [path for path in paths if not path.name.startswith(".")] for kind, paths in files.items()}
    there = [kind for kind in KINDS if files[kind]]
    rows = {kind.name: Row(f"changed and read: {kind.name}") for kind in there}
    wholes = {path: (path.read_bytes(), _plain(kind.read(runs, path))) for kind in there for path in files[kind]}
    for _ in range(times):
        (kind,) = rng.choices(there, [kind.weight for kind in there])
        path, mutation = rng.choice(files[kind]), rng.choice(kind.mutations)
        raw, whole = wholes[path]
        changed = change.applied(mutation, raw, rng)
        if changed in (None, raw):
            continue
        path.write_bytes(changed)
        try:
            known = set() if kind.checked else set(json.loads(raw))
            verdict, why = judge(kind, runs, path, known, whole)
        finally:
            path.write_bytes(raw)
        rows[kind.name].add(verdict, held=verdict in ("refused", "the same", "plausible"),
                            example=f"{path.name}, {mutation.__name__}: {why}")  # fmt: skip
    return list(rows.values())
