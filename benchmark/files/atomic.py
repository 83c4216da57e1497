"""JSON files as structs, with one line for what is wrong with one."""

import errno
import os
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmark.files.errors import UNREADABLE, UserError

T = TypeVar("T")

FORMAT = 1  # of every kind of file that is read here


class _Versioned(msgspec.Struct):
    format: int = FORMAT


def get(path: Path, kind: type[T], *, what: str, cure: str) -> T | None:
    """Returns the struct that a JSON file holds, None where there is no file. what: it should be; cure: what to do
    where it is not. Raises UserError, also for a file of another format."""
    return None if (raw := content(path)) is None else parsed(raw, path, kind, what=what, cure=cure)


def content(path: Path) -> bytes | None:
    """Returns a file's bytes, None where there is no file. Raises UserError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None


def parsed(raw: bytes, path: Path, kind: type[T], *, what: str, cure: str) -> T:
    """Returns the struct that the bytes of a file hold, as `get`. Raises UserError."""
    try:
        found = msgspec.json.decode(raw, type=kind)
    except UNREADABLE as error:
        _check_format(path, raw, what, cure)
        raise UserError(f"{path} is not {what} ({error}): {cure}") from None
    if getattr(found, "format", FORMAT) != FORMAT:
        _check_format(path, raw, what, cure)
    return found


def need(path: Path, kind: type[T], *, what: str, cure: str) -> T:
    """Returns the same of a file that must be there. Raises UserError."""
    if (found := get(path, kind, what=what, cure=cure)) is None:
        raise UserError(f"{path} cannot be read ({os.strerror(errno.ENOENT)})")
    return found


def _check_format(path: Path, raw: bytes, what: str, cure: str) -> None:
    """Raises UserError where the file says that it is of another format."""
    try:
        theirs = msgspec.json.decode(raw, type=_Versioned).format
    except UNREADABLE:
        return
    if theirs != FORMAT:
        raise UserError(
            f"{path} is {what} of format {theirs}, this version reads {FORMAT}: use the version that wrote it, or "
            f"{cure}"
        )
