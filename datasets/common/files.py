"""The user's cache folder, and files that are complete or absent, whatever happens while they are written."""

import contextlib
import os
import zlib
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


def remember(path: Path, body: bytes, mark: str = "") -> None:
    """Keep what can be made again, for `recall`. mark: what it was made of. Where it cannot be written it costs time,
    nothing else."""
    with contextlib.suppress(OSError):
        put(path, _head(body, mark) + b"\n" + body)


def recall(path: Path, mark: str = "") -> bytes | None:
    """What was kept, None where there is nothing, not what was written, or what has another mark."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return body if head == _head(body, mark) else None


def _head(body: bytes, mark: str) -> bytes:
    return f"{zlib.crc32(body):08x} {mark!a}".encode()
