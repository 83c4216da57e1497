"""Cells whose predictions found no room in the cache: noted beside the records, so that the next run makes them again.

Predictions that are on no machine but the one that made them are another matter: their cells are left alone.
"""

from collections.abc import Iterable
from pathlib import Path

from benchmark.records.cell import Cell
from datasets.common.files import put

_FILE = ".unkept"  # below the records folder; one cell a line


def unkept(runs: Path) -> set[str]:
    """Returns the cells by name; none where nothing is noted. Raises OSError."""
    path = runs / _FILE
    return set(path.read_text(encoding="utf-8").split()) if path.exists() else set()


def note(runs: Path, cells: Iterable[Cell], *, kept: bool) -> None:
    """Note that the predictions of these cells are kept, or are not. Raises OSError."""
    before, names = unkept(runs), {str(cell) for cell in cells}
    after = before - names if kept else before | names
    if not after:
        (runs / _FILE).unlink(missing_ok=True)
    elif after != before:
        put(runs / _FILE, "".join(f"{name}\n" for name in sorted(after)).encode())
