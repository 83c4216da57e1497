"""`new`: from a name to a rank, as docs/your-method.md says."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark import ROOT
from benchmark.cli.app import main
from benchmark.cli.authors import write
from benchmark.files.errors import UserError
from tests.copies import copy_sources
from tests.pages import html_tables, markdown_tables, unpacked

DOCUMENT = ROOT / "docs" / "your-method.md"


def test_the_file_is_short_and_says_all_five_things(tmp_path):
    text = write("my_net2", {}, tmp_path).read_text()
    (cls,) = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    functions = [node.name for node in cls.body if isinstance(node, ast.FunctionDef)]
    assert (cls.name, functions) == ("MyNet2", ["fit", "build", "loss", "predict"])
    assert ast.get_docstring(cls) and 'title = "MyNet2"' in text
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 27


def test_the_file_is_clean_to_the_linters(tmp_path):
    write("my_net", {}, tmp_path)
    for command in (["check", "--config", str(ROOT / "pyproject.toml")], ["format", "--check", "--line-length", "120"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["Tpm", "my-method", "2fast", "class", "_mine", "", "a b", "methods/x", "../x"])
def test_a_name_that_cannot_be_a_modules_is_refused(name, tmp_path):
    with pytest.raises(UserError, match="cannot name a method"):
        write(name, {}, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["tr", "median", "base", "backbone"])
def test_what_is_there_is_not_overwritten(name, capsys):
    before = {path: path.read_bytes() for path in (ROOT / "methods").rglob("*.py")}
    assert main(["new", name]) == 2
    assert re.search(r"^error: .*already.*take another name$", capsys.readouterr().err, flags=re.M)
    assert before == {path: path.read_bytes() for path in (ROOT / "methods").rglob("*.py")}


@pytest.mark.slow
def test_the_document_leads_from_new_to_a_rank(tmp_path):
    """Its blocks, run one after the other in a copy of the sources."""
    copy_sources(tmp_path, "tests", "docs")
    for path in ROOT.iterdir():
        if path.suffix in (".toml", ".md", ".txt", ".cff", ".yml"):
            shutil.copy(path, tmp_path)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "CVP_CACHE": str(tmp_path / "cache")}
    said = []
    for block in re.findall(r"^```bash\n(.*?)^```", DOCUMENT.read_text(), flags=re.M | re.S):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    assert "python -m pytest tests/test_contract.py -k my_huber" in said[0] and "nothing to add" in said[0]
    ours = tmp_path / "build" / "mine"
    table, *_ = markdown_tables((ours / "pages" / "board-synthetic.md").read_text())
    rows = {row[table[0].index("method")]: row for row in table[1:]}
    assert re.match(r"\d", rows["MyHuber"][0])
    assert html_tables(unpacked((ours / "board.html").read_text()))["leaderboard-synthetic"] == table
    assert rows["MyHuber"][table[0].index("MAE ↓")].split(" ± ")[0] in said[-1]
