"""What files import, and the memory of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark import ROOT
from datasets.common import imports

_SOURCES = {
    "one/__init__.py": "",
    "one/a.py": "from one import b\nimport json\n",
    "one/b.py": "import two.c as c\n",
    "one/d.py": "def later():\n    from .b import name\n",
    "two/__init__.py": "from two import e\n",
    "two/c.py": "",
    "two/e.py": "from three import f\n",
    "three/f.py": "",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, source in _SOURCES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    return tmp_path


def closure(root: Path, module: str) -> list[str]:
    return list(imports.closure(module, root, ("one", "two")))


def test_a_closure_holds_what_is_imported_and_the_parents_of_all(root: Path) -> None:
    assert closure(root, "one.b") == ["one/__init__.py", "one/b.py", "two/__init__.py", "two/c.py", "two/e.py"]
    assert closure(root, "one.a") == sorted([*closure(root, "one.b"), "one/a.py"])
    assert closure(root, "one.d") == sorted([*closure(root, "one.b"), "one/d.py"])


def elsewhere(root: Path, cache: Path, module: str = "one.a") -> tuple[list[str], int]:
    """The closure as a process of its own finds it, and how many files it had to parse."""
    code = (
        "import ast, json, sys; from pathlib import Path; parse, count = ast.parse, []\n"
        "ast.parse = lambda source: count.append(1) or parse(source)\n"
        "from datasets.common.imports import closure\n"
        f"print(json.dumps([list(closure({module!r}, Path({str(root)!r}), ('one', 'two'))), len(count)]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"CVP_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    found, count = json.loads(said.stdout)
    return found, count


def test_what_has_been_parsed_once_is_not_parsed_again_until_it_moves(root: Path, tmp_path: Path) -> None:
    cache, expected = tmp_path / "cache", closure(root, "one.a")
    assert elsewhere(root, cache) == (expected, 6)
    assert elsewhere(root, cache) == (expected, 0)
    (root / "two/e.py").write_text("from two import g\n")
    (root / "two/g.py").write_text("")
    assert elsewhere(root, cache)[0] == sorted([*expected, "two/g.py"])


@pytest.mark.parametrize("damage", ["cut", "edited", "other"])
def test_a_memory_that_is_not_what_was_written_is_no_memory(root: Path, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    expected, _ = elsewhere(root, cache)
    kept = cache / "imports.json"
    raw = kept.read_bytes()
    kept.write_bytes({"cut": raw[:-9], "edited": raw.replace(b"two.c", b"two.x"), "other": b"[1]"}[damage])
    assert elsewhere(root, cache)[0] == expected
    assert kept.read_bytes() == raw  # and it is written again


def test_what_modules_share_is_looked_up_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(module: str, below: Path) -> Path | None:
        asked.append(module)
        return source_of(module, below)

    source_of, asked = imports.source_of, list[str]()
    monkeypatch.setattr(imports, "source_of", noted)
    sources = imports.Sources(root, ("one", "two"))
    found = {module: list(sources.closure(module)) for module in ("one.a", "one.d", "one.b")}
    assert len(asked) == len(set(asked))
    assert found == {module: closure(root, module) for module in found}
