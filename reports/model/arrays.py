"""The arrays that a trained method left beside its first record: what figures are drawn from."""

import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from benchmark.files.errors import UserError
from benchmark.records.record import Record
from reports.model.board import Result
from reports.model.folder import Folder

Arrays = Mapping[str, Any]  # name -> a numpy array


def _owner(folder: Folder, result: Result) -> tuple[Record, Path] | None:
    """The first trusted record that has arrays, and their file."""
    if folder.runs is None:
        return None
    files = ((record, folder.runs / record.cell.arrays) for record in result.ok)
    return next(((record, path) for record, path in files if path.is_file()), None)


def hash_of(folder: Folder, result: Result) -> str:
    """The SHA-256 of the file of arrays; empty where there is none."""
    found = _owner(folder, result)
    return folder.hashes.get(found[0].cell.arrays.as_posix(), "") if found else ""


def beside(folder: Folder, result: Result, needs: Collection[str], more: Collection[str] = ()) -> Arrays | None:
    """The arrays of these names; None where there are none, or not all that are needed. more: taken where they are
    there.

    Raises UserError on a file that is damaged."""
    found = _owner(folder, result)
    if found is None:
        return None
    owner, path = found
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
