"""A user's method file costs no one else: what it prints, raises, names or lacks is that file's alone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmark import ROOT
from benchmark.plan import catalog as catalogs
from datasets.common.files import remember

_METHOD = '''
import os, sys
from methods.base import Method
from methods.constants import Mean

{before}

class {cls}(Mean):
    """{cls}, dropped in."""

    {body}
'''
FILES = {
    "zz_prints": _METHOD.format(
        cls="Prints", before='print("[]"); print("loading", flush=True); os.write(1, b"x")', body="name = 'prints'"
    ),
    "zz_slash": _METHOD.format(cls="Slash", before="", body="name = 'mix/2'"),
    "zz_up": _METHOD.format(cls="Up", before="", body="name = 'up'\n    variants = {'../../..': {}}"),
    "zz_default": _METHOD.format(cls="Default", before="", body="name = 'dflt'\n    variants = {'default': {}}"),
    "zz_number": _METHOD.format(cls="Number", before="", body="name = 5"),
    "zz_title": _METHOD.format(cls="Title", before="", body="name = 'titled'\n    title = 7"),
    "zz_taken": _METHOD.format(cls="Taken", before="", body="name = 'tr'"),
    "aa_taken": _METHOD.format(cls="TakenToo", before="", body="name = 'median'"),
    "zz_twins": _METHOD.format(cls="One", before="", body="") + _METHOD.format(cls="Two", before="", body=""),
    "zz_exits": "import sys\nsys.exit('no licence')\n",
    "zz_syntax": "class Zz(:\n",
    "zz_nul": "x = 1\0\n",
    "zz_unfinished": "from methods.base import Method\nclass Mine(Method):\n    '''Mine.'''\n"
    "    def build(self, schema, fitted): ...\n    def loss(self, module, batch): ...\n",
    "zz_base": "from abc import abstractmethod\nfrom methods.base import Method\nclass Base(Method):\n    '''It.'''\n"
    "    @abstractmethod\n    def head(self): ...\n",
    "zzz_dies": "import os\nos._exit(3)\n",
}  # fmt: skip
WHY = {
    "zz_slash": "ValueError: Slash is named 'mix/2': a name is letters, digits, _ and -",
    "zz_up": "ValueError: Up has a variant named '../../..': a name is letters",
    "zz_default": "Default has a variant named 'default'",
    "zz_number": "Number is named 5",
    "zz_title": "what it says of itself cannot be read",
    "zz_taken": "methods.tr has a method named 'tr' already: give the class another `name`",
    "aa_taken": "methods.constants has a method named 'median' already",
    "zz_twins": "One and Two are both named 'zz_twins'",
    "zz_exits": "SystemExit: no licence",
    "zz_syntax": "SyntaxError",
    "zz_nul": "Error",
    "zz_unfinished": "Mine lacks predict, so it is no method yet",
    "zzz_dies": "importing it ends the process with code 3",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a copy of the sources, with all these files, says of its methods."""
    root = tmp_path_factory.mktemp("copy")
    for package in ("benchmark", "methods", "datasets", "reports"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__", "runs"))
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    subprocess.run(["git", "add", "methods"], cwd=root, check=True)
    for name, text in FILES.items():
        (root / "methods" / f"{name}.py").write_bytes(text.encode())
    (root / "methods" / "._zz_prints.py").write_bytes(b"\0\5\26\7")
    call = (
        "import msgspec, sys; from benchmark.plan.catalog import catalog; "
        "sys.stderr.write(msgspec.json.encode([*map(dict, catalog())]).decode())"
    )
    done = subprocess.run([sys.executable, "-c", call], cwd=root, capture_output=True, text=True, check=True)
    entries, broken = json.loads(done.stderr)
    return {"entries": entries, "broken": broken, "printed": done.stdout}


def test_what_a_module_prints_is_no_answer(found: dict[str, Any]) -> None:
    assert found["entries"]["prints"]["module"] == "methods.zz_prints"
    assert found["printed"] == ""


@pytest.mark.parametrize("name", WHY)
def test_a_file_s_fault_is_its_own_and_says_what_it_is(found: dict[str, Any], name: str) -> None:
    assert WHY[name] in found["broken"][f"methods.{name}"]


def test_every_other_method_stays_as_it_was(found: dict[str, Any]) -> None:
    assert set(found["broken"]) == {f"methods.{name}" for name in WHY}
    ours = msgspec.json.decode(msgspec.json.encode(catalogs.catalog()[0]))
    assert found["entries"] == {**ours, "prints": found["entries"]["prints"]}
    assert found["entries"]["tr"]["module"] == "methods.tr"


def test_what_the_cache_holds_is_believed_only_as_it_was_written(tmp_path: Path) -> None:
    entry = catalogs.catalog()[0]["tr"]
    path = tmp_path / "kept.json"
    remember(path, msgspec.json.encode([entry]))
    assert catalogs._kept(path) == [entry]
    path.write_bytes(path.read_bytes().replace(b'"lr":0.001', b'"lr":0.999'))
    assert catalogs._kept(path) is None
