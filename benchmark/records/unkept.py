"""Seeds whose predictions found no room in the cache: noted beside their records, so that the next run makes them
again.

Predictions that are on no machine but the one that made them are another matter: their cells are left alone.
"""

from collections.abc import Collection
from pathlib import Path

from benchmark.records.cell import Group
from datasets.common.files import put

_FILE = ".unkept"  # in the folder of a group's records; one seed a line


def _path(runs: Path, group: Group) -> Path:
    return runs / group.dataset / group.method / group.variant / _FILE


def unkept(runs: Path, group: Group) -> list[int]:
    """Returns the seeds of the group that are noted. Raises OSError."""
    path = _path(runs, group)
    noted = set(path.read_text(encoding="utf-8").split()) if path.exists() else ()
    return [seed for seed in group.seeds if str(seed) in noted]


def note(runs: Path, group: Group, seeds: Collection[int]) -> None:
    """Note these seeds of the group, and no other of it. Raises OSError."""
    if seeds:
        put(_path(runs, group), "".join(f"{seed}\n" for seed in sorted(seeds)).encode())
    else:
        _path(runs, group).unlink(missing_ok=True)
