"""The code that a record names: a job runs on the files that it was sent out with, or not at all.

A run hashes a method's files when it begins; its workers import them later, and a file may be edited in between. So a
worker hashes the very bytes that it compiles, and a job is refused where they are not those of the run.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from benchmark import ROOT
from benchmark.records.identity import digest

_WATCHED = ("methods", "datasets")


class CodeMoved(Exception):
    """A file of the method is not the one that the run began with."""


class _Loader(SourceFileLoader):
    """Compiles the bytes that it has hashed, whatever compiled file lies beside the source."""

    def __init__(self, name: str, path: str, hashes: dict[str, str]) -> None:
        super().__init__(name, path)
        self.hashes = hashes

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        source = self.get_data(path)
        self.hashes[path] = digest(source)
        return self.source_to_code(source, path)


class _Watch(MetaPathFinder):
    """Finds the modules of methods/ and datasets/ and keeps the hashes of what is imported, by path."""

    def __init__(self) -> None:
        self.hashes: dict[str, str] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in _WATCHED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path, self.hashes)
        return spec


def watch() -> None:
    """Hash from now on what this process imports of methods/ and datasets/."""
    sys.meta_path.insert(0, _Watch())


def check(files: Mapping[str, str]) -> None:
    """Raises CodeMoved where a file, as imported or else as it lies on the disk, has another hash.

    files: path below the repository -> hash.
    """
    imported = next((finder.hashes for finder in sys.meta_path if isinstance(finder, _Watch)), {})
    moved = [file for file, known in files.items() if (imported.get(str(ROOT / file)) or _kept(ROOT / file)) != known]
    if moved:
        raise CodeMoved(f"{', '.join(moved)} changed since the run began")


def _kept(path: Path) -> str:
    try:
        return digest(path.read_bytes())
    except FileNotFoundError:
        return ""


@contextmanager
def exactly(files: Mapping[str, str]) -> Iterator[None]:
    """Import and run inside: raises CodeMoved before anything runs on other files than these, and in the place of
    whatever other files have raised."""
    check(files)
    try:
        yield
    except Exception:
        check(files)
        raise
    check(files)
