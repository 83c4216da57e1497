"""The modules of this repository that a source file imports, read without running it.

What a file names in its imports is kept in the cache, by its bytes, for to parse every file takes longer than what most
verbs do.
"""

import ast
import atexit
import hashlib
import json
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple

from datasets.common.files import cache_folder, recall, remember

_KEPT, _FORM = "imports.json", "hash -> names"
_MOST = 5000  # files that are remembered; more are of code that is long gone


def source_of(module: str, root: Path) -> Path | None:
    """The file of a module below `root`, None where there is none."""
    path = root.joinpath(*module.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


class _Memory:
    """What files name in their imports, by the hash of their bytes and their package, in a file that is written when
    the process ends."""

    def __init__(self, place: Path) -> None:
        self.place, self.known = place, _read(place)
        self.used: dict[str, list[str]] = {}
        atexit.register(self.keep)

    def named(self, source: bytes, package: tuple[str, ...]) -> list[str]:
        key = hashlib.sha256("\0".join(package).encode() + b"\0" + source).hexdigest()[:32]
        if (names := self.used.get(key, self.known.get(key))) is None:
            names = _parsed(source, package)
        self.used[key] = names
        return names

    def keep(self) -> None:
        if self.used.keys() <= self.known.keys():
            return
        together = _read(self.place) | self.used  # another process may have written meanwhile
        names = together if len(together) <= _MOST else self.used
        remember(self.place, json.dumps(names, sort_keys=True).encode(), _FORM)


def _read(place: Path) -> dict[str, list[str]]:
    """What is kept, nothing where there is none."""
    found: dict[str, list[str]] = json.loads(recall(place, _FORM) or b"{}")
    return found


@cache
def _memory(place: Path) -> _Memory:
    return _Memory(place)


def _parsed(source: bytes, package: tuple[str, ...]) -> list[str]:
    """Every module that a source file of this package names in an import; what may be a module or a name in one stands
    for both. Raises SyntaxError."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(part for part in (base, node.module) if part)
            found |= {name} | {f"{name}.{alias.name}" for alias in node.names}
    return sorted(found)


class _Source(NamedTuple):
    path: str  # below the root
    content: bytes
    needs: list[str]  # modules of the packages: what it names, and its parents


class Sources:
    """The source files of these packages below a root. Each is looked up and read once for as long as this lives: most
    of what modules import they share."""

    def __init__(self, root: Path, packages: Collection[str]) -> None:
        self.root, self.packages = root, packages
        self._memory = _memory(cache_folder() / _KEPT)
        self._read: dict[str, _Source | None] = {}  # by module; None where it has no file

    def closure(self, module: str) -> dict[str, bytes]:
        """A module and all that it imports of the packages, parents included: path below the root -> bytes, in order.

        Raises SyntaxError, which names the file, on a broken one."""
        todo, seen, files = {module}, set[str](), dict[str, bytes]()
        while todo:
            name = todo.pop()
            seen.add(name)
            if name not in self._read:
                self._read[name] = self._looked_up(name)
            if (found := self._read[name]) is not None:
                files[found.path] = found.content
                todo.update(other for other in found.needs if other not in seen)
        return dict(sorted(files.items()))

    def _looked_up(self, module: str) -> _Source | None:
        if (path := source_of(module, self.root)) is None:
            return None
        content, below = path.read_bytes(), path.relative_to(self.root)
        try:
            imported = self._memory.named(content, below.parts[:-1])
        except SyntaxError as error:
            error.filename = str(path)
            raise
        parts = module.split(".")
        parents = [".".join(parts[:place]) for place in range(1, len(parts))]
        ours = [name for name in imported if name.split(".")[0] in self.packages]
        return _Source(below.as_posix(), content, ours + parents)


def closure(module: str, root: Path, packages: Collection[str]) -> dict[str, bytes]:
    """The closure of one module: see `Sources`."""
    return Sources(root, packages).closure(module)
