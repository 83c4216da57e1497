"""The modules of this repository that a source file imports, read without running it."""

import ast
from collections.abc import Collection
from functools import cache
from pathlib import Path


def source_of(module: str, root: Path) -> Path | None:
    """The file of a module below `root`, None where there is none."""
    path = root.joinpath(*module.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


@cache
def _named(source: bytes, package: tuple[str, ...]) -> frozenset[str]:
    """Every module that a source file of this package names in an import; what may be a module or a name in one stands
    for both."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(part for part in (base, node.module) if part)
            found |= {name} | {f"{name}.{alias.name}" for alias in node.names}
    return frozenset(found)


def closure(module: str, root: Path, packages: Collection[str]) -> dict[str, bytes]:
    """A module and all that it imports of these packages, parents included: path below `root` -> bytes, in order.

    Raises SyntaxError, which names the file, on a broken one."""
    todo, seen, files = {module}, set[str](), dict[str, bytes]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if (path := source_of(name, root)) is None:
            continue
        source = path.read_bytes()
        files[path.relative_to(root).as_posix()] = source
        try:
            imported = _named(source, path.parent.relative_to(root).parts)
        except SyntaxError as error:
            error.filename = str(path)
            raise
        parts = name.split(".")
        todo |= {other for other in imported if other.split(".")[0] in packages}
        todo |= {".".join(parts[:place]) for place in range(1, len(parts))}
    return dict(sorted(files.items()))
