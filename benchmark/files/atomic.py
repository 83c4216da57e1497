"""JSON files as structs, with one line for what is wrong with one."""

import errno
import os
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmark.files.errors import UserError

T = TypeVar("T")


def get(path: Path, kind: type[T], *, what: str, cure: str) -> T | None:
    """The struct that a JSON file holds, None where there is no file. what: it should be; cure: what to do where it is
    not. Raises UserError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise UserError(f"{path} is not {what} ({error}): {cure}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None


def need(path: Path, kind: type[T], *, what: str, cure: str) -> T:
    """The same of a file that must be there. Raises UserError."""
    if (found := get(path, kind, what=what, cure=cure)) is None:
        raise UserError(f"{path} cannot be read ({os.strerror(errno.ENOENT)})")
    return found
