"""The user's cache folder, and files that are complete or absent, whatever happens while they are written."""

import contextlib
import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """The folder for what can be made again: prepared tables, predictions. CVP_CACHE moves it."""
    return Path(os.environ.get("CVP_CACHE") or user_cache_path("cvp-bench"))


def put(path: Path, data: bytes) -> None:
    """Write beside `path`, flush to the disk, rename. Raises OSError and then leaves nothing behind."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise
