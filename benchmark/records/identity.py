"""The identity of a record: which code, configuration and environment its numbers come from."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmark import ROOT
from datasets.common import imports

_PACKAGES = ("methods", "datasets", "benchmark", "reports")
_LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "numba")


def digest(data: bytes) -> str:
    """The first 16 hexadecimal digits of SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


class Closures:
    """The import closures of modules inside the repository; what they share is read and hashed once."""

    def __init__(self, root: Path = ROOT) -> None:
        self._sources = imports.Sources(root, _PACKAGES)
        self._digests: dict[str, str] = {}

    def of(self, module: str) -> dict[str, str]:
        """Returns file -> hash of its bytes. Raises SyntaxError on a broken file."""
        found = self._sources.closure(module)
        self._digests |= {name: digest(source) for name, source in found.items() if name not in self._digests}
        return {name: self._digests[name] for name in found}


def closure(module: str, root: Path = ROOT) -> dict[str, str]:
    """The import closure of one module: see `Closures`."""
    return Closures(root).of(module)


def of_files(files: Mapping[str, str]) -> str:
    """One hash for a closure."""
    return digest(json.dumps(files, sort_keys=True).encode())


def of_config(config: Mapping[str, Any], protocol: Mapping[str, Any]) -> str:
    """One hash for the resolved hyper-parameters and the dataset's protocol."""
    return digest(json.dumps([config, protocol], sort_keys=True).encode())


def engine() -> str:
    """A hash of the trainer and the metrics: recorded as a footnote, so that mending them does not outdate every
    record."""
    here = ROOT / "benchmark"
    sources = [
        *sorted((here / "train").rglob("*.py")),
        *(here / "metrics" / f"{name}.py" for name in ("pairs", "evaluate")),
    ]
    return digest(b"".join(path.read_bytes() for path in sources))


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def tracked(folder: str) -> set[str] | None:
    """The files below a folder of the repository that git knows, None where there is no git."""
    known = _git("ls-files", "-z", "--", folder)
    return set(known.split("\0")) - {""} if known else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


@cache
def environment() -> dict[str, str]:
    """Versions, processor and commit: footnotes of a record, never a reason to distrust it."""
    found = {"python": platform.python_version(), "system": platform.system(), "processor": _processor()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "missing"
    commit = _git("rev-parse", "--short=12", "HEAD")
    dirty = "+changes" if commit and _git("status", "--porcelain", "--", *_PACKAGES, ":!reports") else ""
    return found | {"cores": str(os.cpu_count()), "commit": commit + dirty, "engine": engine()}
