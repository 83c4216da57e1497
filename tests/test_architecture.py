"""The rooms of the house and what they import, held against the table of docs/architecture.md."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from benchmark import ROOT

PACKAGES = ("benchmark", "datasets", "methods", "reports")
MOST_FILES = 14  # Python files of a folder, beside the one that says what it is
PLUGINS = ("datasets", "methods")  # folders that users add files to
NO_ROOM = ""  # of the packages' faces and of `python -m benchmark`


@cache
def sources() -> dict[str, Path]:
    """Module -> file, of the whole repository but its tests."""
    found = {}
    for path in sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(module: str) -> Iterator[str]:
    """Every module of the repository that a module imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(sources()[module].read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in sources())
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in inner if name in sources())
            if not all(name in sources() for name in inner):
                yield node.module


@cache
def table() -> dict[str, tuple[str, ...]]:
    """Room -> the rooms it may import, from the top of the house down, as the page has them."""
    text = (ROOT / "docs" / "architecture.md").read_text().split("## Floors and rooms")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([\w.]+)` \|[^|]*\|([^|]*)\|$", text, re.M)
    return {room: tuple(name.strip() for name in allowed.split(",") if name.strip()) for room, allowed in rows}


def room_of(module: str) -> str:
    """The longest room that holds the module; a package's face is in none."""
    if module in PACKAGES:
        return NO_ROOM
    return max((room for room in table() if module == room or module.startswith(f"{room}.")), key=len, default=NO_ROOM)


@cache
def arrows() -> dict[str, dict[str, list[str]]]:
    """Room -> imported room -> the imports that tie them."""
    found: dict[str, dict[str, list[str]]] = {}
    for module in sources():
        for other in imported(module):
            here, there = room_of(module), room_of(other)
            if here != there and NO_ROOM not in (here, there):
                found.setdefault(here, {}).setdefault(there, []).append(f"{module} imports {other}")
    return found


def test_every_module_stands_in_a_room_of_the_page():
    homeless = {module for module in sources() if room_of(module) == NO_ROOM}
    assert homeless == {*PACKAGES, "benchmark.__main__"}


@pytest.mark.parametrize("room", table())
def test_a_room_imports_what_the_page_allows_and_no_more(room):
    surplus = {why for other, why in arrows().get(room, {}).items() if other not in table()[room] for why in why}
    assert not surplus
    assert set(table()[room]) <= set(arrows().get(room, {})), "the page allows what nothing needs"


def test_rooms_import_downwards_alone():
    order = list(table())
    for room, allowed in table().items():
        assert all(order.index(other) > order.index(room) for other in allowed), room


def test_modules_import_in_no_circle():
    """Depth first: a module that is met again while its own imports are being followed closes a circle."""
    state: dict[str, str] = {}

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert state.get(module) != "open", f"circle: {' -> '.join((*way[way.index(module) :], module))}"
        if module in state:
            return
        state[module] = "open"
        for other in sorted(set(imported(module)) - {module}):
            visit(other, (*way, module))
        state[module] = "closed"

    for module in sources():
        visit(module, ())


def test_methods_know_of_datasets_the_schema_alone():
    known = {other for module in sources() if module.startswith("methods") for other in imported(module)}
    assert {name for name in known if name.startswith("datasets")} == {"datasets.schema"}


def test_a_folder_can_be_taken_in_at_a_glance():
    folders = {path.parent for path in sources().values()} - {ROOT / name for name in PLUGINS}
    crowded = {str(f.relative_to(ROOT)): n for f in folders if (n := len(list(f.glob("[!_]*.py")))) > MOST_FILES}
    assert not crowded


def test_the_walk_names_files_that_are_there():
    walk = (ROOT / "docs" / "architecture.md").read_text().split("## The way of one batch")[1].split("\n## ")[0]
    named = re.findall(r"`((?:benchmark|datasets|methods|reports)/[\w/]+\.py)`", walk)
    assert len(named) >= 10
    assert [name for name in named if not (ROOT / name).is_file()] == []
