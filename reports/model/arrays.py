"""The arrays that a trained method left beside its first record: what figures are drawn from."""

import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from benchmark.files.errors import UserError
from reports.model.board import Entry

Arrays = Mapping[str, Any]  # name -> a numpy array


def beside(runs: Path, entry: Entry, needs: Collection[str], more: Collection[str] = ()) -> Arrays | None:
    """The arrays of these names beside the first trusted record that has any; None where there are none, or not all
    that are needed. more: taken where they are there.

    Raises UserError on a file that is damaged."""
    owner = next((r for r in entry.ok if (runs / r.cell.arrays).is_file()), None)
    if owner is None:
        return None
    path = runs / owner.cell.arrays
    import numpy as np

    try:
        with path.open("rb") as raw, np.load(raw) as kept:
            there = set(kept.files)
            return {n: kept[n] for n in (*needs, *more) if n in there} if set(needs) <= there else None
    except (OSError, ValueError, EOFError, KeyError, TypeError, BadZipFile, zlib.error) as error:
        again = f"{owner.command} --rerun all"
        raise UserError(
            f"{path} cannot be read as arrays ({error}): delete it to go without its figures, or make it again with "
            f"`{again}`"
        ) from None
