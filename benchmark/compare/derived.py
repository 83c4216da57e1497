"""Files that `python -m benchmark compare` derives from a dataset's records and keeps beside them."""

from pathlib import Path
from typing import TypeVar

from benchmark.files.atomic import get
from benchmark.files.errors import UserError
from datasets.common.files import put

T = TypeVar("T")


def read(path: Path, kind: type[T]) -> T | None:
    """None where there is no file. Raises UserError on one that holds something else."""
    return get(path, kind, what="what `python -m benchmark compare` writes", cure="delete it")


def write(path: Path, data: bytes) -> None:
    """Put it in place: whole or not at all. Raises UserError."""
    try:
        put(path, data)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}): choose another --runs FOLDER") from None
