"""A model's folder: every file of it under a hash, complete or absent."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmark.files.errors import UserError

SUMS = "SHA256SUMS"


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files and their hashes: the folder is moved into place when all are there; an older one makes room.
    Raises UserError."""
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    scratch = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        for name, data in {**files, SUMS: sums.encode()}.items():
            (scratch / name).write_bytes(data)
        if folder.exists():
            if not (folder / SUMS).is_file():
                raise UserError(f"{folder} is there and is no kept model: choose another folder")
            old = folder.with_name(f".{folder.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
            scratch.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            scratch.rename(folder)
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"the model cannot be kept in {folder} ({why}): make room or choose another folder") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def read(folder: Path) -> dict[str, bytes]:
    """Every file by its name. Raises UserError where the folder is no kept model or a byte of it has changed."""
    cure = "keep the model again with `run --table T.toml --keep-model`"
    if not folder.is_dir():
        raise UserError(f"--model {folder}: no such folder; {cure}")
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        files = {}
        for name, digest in expected.items():
            if "/" in name or name.startswith("."):
                raise UserError(f"--model {folder}: {SUMS} names {name!r}, which is no file of a model; {cure}")
            data = (folder / name).read_bytes()
            if hashlib.sha256(data).hexdigest() != digest:
                raise UserError(f"--model {folder}: {name} is not what was written; {cure}")
            files[name] = data
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name
        raise UserError(f"--model {folder}: {missing} is missing; {cure}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--model {folder}: cannot be read ({error}); {cure}") from None
    if "model.json" not in files:
        raise UserError(f"--model {folder}: is no kept model; {cure}")
    return files
