"""docs/your-data.md, typed as it stands: from two made-up files to answers, kept models and predictions."""

import gzip
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets
from benchmark import ROOT
from benchmark.cli.app import main
from datasets import cache, registry
from tests import own_logs

PAGE = (ROOT / "docs" / "your-data.md").read_text()
EXAMPLES = ROOT / "docs" / "examples"


def commands() -> list[list[str]]:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    return [shlex.split(line.split("-m benchmark ", 1)[1]) for block in blocks for line in block.strip().splitlines()]


def edit(path: Path, block: str) -> None:
    """Set what a block of the page sets, in the sections that it names."""
    text = path.read_text()
    for section, body in re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", block, re.MULTILINE | re.DOTALL):
        start = text.index(f"[{section}]")
        end = text.find("\n[", start + 1)
        part = text[start:end]
        for line in body.strip().splitlines():
            key = line.split(" = ")[0]
            part = re.sub(rf"^(# )?{key} = .*$", line, part, count=1, flags=re.MULTILINE)
        text = text[:start] + part + text[end:]
    path.write_text(text.replace("epochs = 20", "epochs = 2"))


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every command of the page, one after the other, in an empty folder that has the examples."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(EXAMPLES, folder / "docs" / "examples")
    clicks, orders = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    edits = {"run --table build/own/clicks.toml": clicks, "run --table build/own/orders.toml": orders}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVP_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        for command in commands():
            begin = " ".join(command[:3])
            if begin in edits:
                edit(Path(command[2]), edits[begin])
                command += ["--executor", "inline"]
            assert main(command) == 0, command
    return folder


def test_the_page_answers_what_to_use_and_predicts_every_row(typed):
    for name in ("clicks", "orders"):
        page = (typed / "build" / "own" / f"{name}-board" / "RESULTS.md").read_text()
        assert re.search(r"^(Use \*\*|Use no model yet)", page, re.MULTILINE)
    found = pd.read_parquet(typed / "build" / "own" / "predictions.parquet")
    frame = pd.read_csv(EXAMPLES / "clicks.csv.gz")
    assert found.viewer.tolist() == frame.viewer.tolist() and found.value.notna().all()
    people = pd.read_csv(typed / "build" / "own" / "customers.csv")
    orders = pd.read_csv(EXAMPLES / "orders.csv.gz")
    assert set(people.client_id) == set(orders.client_id[orders.status != "refunded"])


def test_the_page_says_what_the_look_says(typed, capsys, monkeypatch):
    monkeypatch.chdir(typed)
    assert main(["describe", "docs/examples/clicks.csv.gz", "--out", "again.toml"]) == 0
    (shown,) = re.findall(r"^look at .*$", PAGE, re.MULTILINE)
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(("name", "made"), [("clicks", own_logs.example_clicks), ("orders", own_logs.example_orders)])
def test_the_examples_are_the_generated_ones(name, made):
    assert gzip.decompress((EXAMPLES / f"{name}.csv.gz").read_bytes()).decode() == made().to_csv(index=False)


def test_a_dataset_in_code_takes_25_lines_and_registers_itself(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(code.strip().splitlines()) <= 25
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "radio.py").write_text(code)
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(tmp_path / "code")])
    registry._found.cache_clear()
    try:
        radio = registry.get("radio")
        line = next(line for line in registry.overview(tmp_path) if line.name == "radio")
        assert "plays.csv" in line.state or "the folder" in line.state
        rng = np.random.default_rng(0)
        plays = pd.DataFrame({"listener": rng.integers(0, 20, 300), "programme": rng.integers(0, 9, 300)})
        plays["heard"] = rng.integers(0, 900, 300)
        programmes = pd.DataFrame({"programme": range(9), "station": list("abcabcabc"), "length": 900})
        (tmp_path / "radio").mkdir()
        plays.to_csv(tmp_path / "radio" / "plays.csv", index=False)
        programmes.to_csv(tmp_path / "radio" / "programmes.csv", index=False)
        table = cache.load(radio, tmp_path, tmp_path / "cache")
        np.testing.assert_array_equal(table.rows.label, plays.heard.astype(np.float32))
        assert table.facts["split_sizes"] == {"train": 180, "valid": 60, "test": 60}
        assert [f.name for f in table.schema.fields] == ["user_id", "item_id", "station", "duration_level"]
    finally:
        registry._found.cache_clear()
        sys.modules.pop("datasets.radio", None)
