"""Files that `python -m benchmark compare` derives from a dataset's records and keeps beside them."""

from pathlib import Path
from typing import TypeVar

import msgspec

from benchmark.errors import UserError
from benchmark.whole import put

T = TypeVar("T")


def read(path: Path, kind: type[T]) -> T | None:
    """None where there is no file. Raises UserError on one that holds something else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise UserError(f"{path} is not what `python -m benchmark compare` writes ({error}): delete it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None


def write(path: Path, data: bytes) -> None:
    """Put it in place: whole or not at all. Raises UserError."""
    try:
        put(path, data)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}): choose another --runs FOLDER") from None
