"""What a file of this repository was at a commit."""

import subprocess
from functools import cache

from benchmark import ROOT
from benchmark.files.errors import UserError
from benchmark.records.identity import digest


def _git(*arguments: str) -> bytes | None:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def head() -> str:
    """The commit that is checked out. Raises UserError outside of a clone."""
    if (found := _git("rev-parse", "HEAD")) is None:
        raise UserError(f"{ROOT} is no clone of the repository with its history: records are sent from one")
    return found.decode().strip()


def author() -> str:
    """Whom git knows here, "" where it knows nobody."""
    return (_git("config", "user.name") or b"").decode(errors="replace").strip()


@cache
def known(commit: str) -> bool:
    """Whether this repository has the commit."""
    return len(commit) == 40 and _git("cat-file", "-e", f"{commit}^{{commit}}") is not None


@cache
def files_at(commit: str, path: str) -> str:
    """The hash of a file at a commit, as identities have it; "" where it was not there."""
    found = _git("cat-file", "blob", f"{commit}:{path}")
    return "" if found is None else digest(found)
