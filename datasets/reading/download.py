"""Getting the raw files: a resumable download, checked by hash, unpacked in one step to the official layout."""

import contextlib
import os
import shutil
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from datasets.base import Dataset, NotAvailable
from datasets.reading.places import get_it

Progress = Callable[[int, int], None]  # bytes had, bytes in all (0 where the server does not say)

_BLOCK = 1 << 16  # bytes written at a time; what a broken transfer loses at most
_TRIES = 5  # transfers begun, each from where the last one broke off
_PATIENCE = (10.0, 60.0)  # seconds to connect, seconds without a byte


class DownloadError(Exception):
    """The files could not be had: one sentence that says why, what is kept, and what to do."""


def fetch(dataset: Dataset, root: Path, progress: Progress | None = None) -> list[Path]:
    """Download and unpack a dataset's official files below the data root, and return those that it reads.

    What is there already is left alone. A broken transfer keeps its bytes in a .part file and goes on from there the
    next time; a wrong hash discards them. The files appear below the root all at once, after the hash is checked.
    Raises DownloadError.
    """
    with contextlib.suppress(NotAvailable):
        return dataset.files(root)
    source = dataset.source
    if not source.archive:
        raise DownloadError(f"{source.title} cannot be downloaded from here: {get_it(dataset.name, source, root)}")
    archive = Path(root) / ".downloads" / source.archive.rsplit("/", 1)[-1].partition("?")[0]
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with _alone(archive.with_name(f"{archive.name}.lock")):
            _download(source.archive, f"md5:{source.md5}", archive, progress)
            _unpack(archive, Path(root))
            archive.unlink()
    except OSError as error:
        raise DownloadError(f"{source.title} cannot be written below {root} ({error.strerror or error}): "
                            "make room or pass another --data, then type the same again") from error  # fmt: skip
    with contextlib.suppress(OSError):
        archive.with_name(f"{archive.name}.lock").unlink(missing_ok=True)
        archive.parent.rmdir()
    try:
        return dataset.files(root)
    except NotAvailable as error:
        raise DownloadError(f"the archive of {source.title} has another layout than expected: {error}") from error


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One download of an archive at a time: two would write the same .part file."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock, timeout=0.1):
            yield
    except Timeout as error:
        raise DownloadError(f"another process is downloading to {lock.parent}: wait for it") from error


def _download(url: str, known_hash: str, archive: Path, progress: Progress | None) -> None:
    """The archive, complete and of the right hash; pooch checks it and moves it into place."""
    import pooch

    part = archive.with_name(f"{archive.name}.part")

    def transfer(url: str, output_file: str, _: Any) -> None:
        _resume(url, part, progress)
        os.replace(part, output_file)

    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(url, known_hash, fname=archive.name, path=archive.parent, downloader=transfer)
    except ValueError as error:  # pooch's word for a hash that does not match; it has removed the file
        raise DownloadError(f"{url} did not have the expected bytes ({known_hash}) and was discarded: type the same "
                            "again; if it happens twice, the file at that address has changed") from error  # fmt: skip


def _resume(url: str, part: Path, progress: Progress | None) -> None:
    """Fill the .part file to the end, going on from what it holds."""
    import requests

    reason = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(min(0.2 * 2**attempt, 5.0))
        try:
            if _transfer(url, part, progress):
                return
            reason = "the server closed the connection early"
        except requests.RequestException as error:
            status = getattr(error.response, "status_code", None)
            reason = f"the server answered {status}" if status else type(error).__name__
            if status is not None and 400 <= status < 500:
                break
    had = part.stat().st_size if part.exists() else 0
    kept = f"; {had:,} bytes are kept in {part}" if had else ""
    raise DownloadError(f"{url} cannot be downloaded ({reason}){kept}: type the same again to go on, or get it by hand")


def _transfer(url: str, part: Path, progress: Progress | None) -> bool:
    """One connection. True where the file is complete."""
    import requests

    had = part.stat().st_size if part.exists() else 0
    # "identity": a server that compresses on the way would make byte ranges meaningless
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
    with requests.get(url, headers=headers, stream=True, timeout=_PATIENCE) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if whole == str(had):  # everything was there already
                return True
            part.unlink()  # more bytes than the file has: not this file's
            return False
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            had = 0  # the server starts from the beginning, so do we
        length = int(answer.headers.get("Content-Length", 0))
        if length and shutil.disk_usage(part.parent).free < length:
            raise OSError(f"the disk is full: {length / 2**20:,.0f} MiB are still needed")
        with part.open("ab" if had else "wb") as stream:
            got = had
            for block in answer.iter_content(_BLOCK):
                stream.write(block)
                got += len(block)
                if progress is not None:
                    progress(got, had + length if length else 0)
    return not length or got == had + length


def _unpack(archive: Path, root: Path) -> None:
    """The archive's top folder below the root, all of it or nothing."""
    scratch = root / ".downloads" / "unpacking"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        with _opened(archive) as (names, size, extract):
            tops = sorted({PurePosixPath(name).parts[0] for name in names if PurePosixPath(name).parts})
            for name in names:
                if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                    raise DownloadError(f"{archive.name} wants to write outside its folder ({name}): not unpacked")
            if taken := [str(root / top) for top in tops if (root / top).exists()]:
                raise DownloadError(f"{', '.join(taken)} is there already but incomplete: move it away, "
                                    "then type the same again; the download is kept")  # fmt: skip
            if shutil.disk_usage(root).free < size:
                raise OSError(f"the disk is full: {size / 2**20:,.0f} MiB are needed to unpack")
            extract(scratch)
        for top in tops:
            os.rename(scratch / top, root / top)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise DownloadError(f"{archive} cannot be unpacked ({error}): delete it and type the same again") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tuple[list[str], int, Callable[[Path], None]]]:
    """A .zip or .tar.* archive: its members' names, their size unpacked, and how to unpack it to a folder."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as pack:
            infos = pack.infolist()
            yield [i.filename for i in infos], sum(i.file_size for i in infos), pack.extractall
    else:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            yield [m.name for m in members], sum(m.size for m in members), lambda to: tar.extractall(to, filter="data")
