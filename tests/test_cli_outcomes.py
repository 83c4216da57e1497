"""What a run ends with: a failed cell is a row and exit code 1, what cannot be used is said alike, and nobody's trial
rewrites the committed pages."""

import re
import shutil
from pathlib import Path

import pytest

from benchmark import ROOT
from benchmark.cli import chosen, options
from benchmark.cli.app import main
from benchmark.plan.catalog import catalog
from benchmark.plan.usable import unusable
from benchmark.records.cell import Cell
from datasets import cache, registry
from datasets.base import BadData, Dataset, Table
from tests import fixtures


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own for the tables; the methods have been asked already."""
    found = catalog()
    monkeypatch.setattr(options, "catalog", lambda: found)
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("own_cache")
def test_plan_and_data_agree_on_what_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log, a sample too small to train on, and a damaged file."""
    fixtures.kuairand(tmp_path)
    fixtures.wechat(tmp_path, rows=20)
    fixtures.kuairec(tmp_path)
    (tmp_path / "KuaiRec 2.0" / "data" / "item_categories.csv").write_text('video_id,feat\n0,"""8"""\n')
    assert main(["data", "--data", str(tmp_path)]) == 0
    table = capsys.readouterr().out.split("\n\n")[0].splitlines()[1:]
    said = {line.split()[0]: line.split()[1] for line in table}
    assert (said["kuairand"], said["kuairec"], said["wechat"], said["cdnow"]) == ("yes", "unusable", "unusable", "no")
    arguments = ["--suite", "full", "--only", "mean", "--data", str(tmp_path), "--runs", str(tmp_path / "runs")]
    assert main(["plan", *arguments]) == 0
    out = capsys.readouterr().out
    planned = {line.split("/")[0]: "not available" in line for line in out.splitlines() if re.match(r"\S+/mean/", line)}
    assert all(planned[name] == (said[name.partition("@")[0]] not in ("yes", "made")) for name in planned)
    usable = sum(not away for away in planned.values())
    assert f"{usable} cells, {usable} to run" in out
    assert f"{len(planned) - usable} more cells are of data that cannot be used here:" in out
    assert "is not a list of numbers in line 2" in out
    assert "a sample too small to train and compare on" in out


@pytest.mark.usefixtures("own_cache")
def test_large_files_are_not_read_to_plan(tmp_path: Path) -> None:
    fixtures.wechat(tmp_path, rows=20)
    assert set(unusable(["wechat", "wechat@days"], tmp_path)) == {"wechat", "wechat@days"}
    assert unusable(["wechat"], tmp_path, most=100) == {}
    assert unusable(["synthetic"], None) == {}


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The roots that tables are prepared from."""

    def noted(dataset: Dataset, root: Path | None) -> Table:
        found.append(str(root))
        return load(dataset, root)

    load, found = cache.load, list[str]()
    monkeypatch.setattr(cache, "load", noted)
    return found


@pytest.mark.usefixtures("own_cache")
def test_files_that_are_too_small_are_read_once(tmp_path: Path, loads: list[str]) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    fixtures.wechat(here, rows=20)
    first = unusable(["wechat"], here)
    assert str(here) in first["wechat"]
    assert unusable(["wechat"], here) == first
    assert loads == [str(here)]
    here.rename(there)
    assert str(there) in unusable(["wechat"], there)["wechat"], "the sentence names the file that is there"
    (kept,) = (tmp_path / "cache/too-few").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])
    assert str(there) in unusable(["wechat"], there)["wechat"]
    assert loads == [str(here), str(there), str(there)]
    shutil.rmtree(there)
    fixtures.wechat(there)
    assert unusable(["wechat"], there) == {}


@pytest.mark.usefixtures("own_cache")
def test_a_table_that_is_damaged_says_nothing_of_files_that_come_later(tmp_path: Path) -> None:
    """A delivered table stands for whatever files there are: nothing is kept under its name."""
    (tmp_path / "wechat.table").mkdir()
    fixtures.wechat(tmp_path, rows=20)
    assert "too small" in unusable(["wechat"], tmp_path)["wechat"]
    fixtures.wechat(tmp_path)
    assert unusable(["wechat"], tmp_path) == {}


@pytest.mark.usefixtures("own_cache")
def test_what_else_is_wrong_with_files_may_pass(
    tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fixtures.kuairec(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "load", lambda *_: (_ for _ in ()).throw(BadData("too many open files")))
        assert unusable(["kuairec"], tmp_path) == {"kuairec": "too many open files"}
    assert unusable(["kuairec"], tmp_path) == {}
    assert loads == [str(tmp_path)]


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("verb", [["plan", "--only", "mean"], ["status", "--suite", "quick"]])
def test_a_record_that_cannot_be_read_is_not_taken_for_a_missing_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    (tmp_path / "synthetic").write_text("a file in the place of the folder")
    assert main([*verb, "--runs", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_method_that_git_does_not_know_has_a_folder_of_its_own(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    methods = catalog()[0]
    runs = ROOT / "reports" / "runs"
    known = {path.relative_to(ROOT).as_posix() for path in (ROOT / "methods").rglob("*.py")} - {"methods/tr.py"}

    def folder(*names: str) -> Path:
        return chosen.runs_for([Cell("synthetic", name, "default", 0) for name in names], methods, runs, said.append)

    monkeypatch.setattr(chosen, "tracked", lambda below: known)
    assert folder("wlr", "gr", "ziln") == runs
    assert not said
    monkeypatch.chdir(ROOT)
    assert folder("tr") == Path("build", "tr")
    assert said == ["tr is not committed, so the records go to build/tr; --runs FOLDER chooses another"]
    assert folder("tr", "wlr") == Path("build", "own")
    monkeypatch.setattr(chosen, "tracked", lambda below: None)  # no git
    assert folder("tr") == runs


def test_only_of_an_unfinished_class_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    methods, _ = catalog()
    why = "ValueError: Mine lacks predict, so it is no method yet"
    monkeypatch.setattr(options, "catalog", lambda: (methods, {"methods.mine": why}))
    assert main(["plan", "--suite", "wtp", "--only", "mine"]) == 2
    error = capsys.readouterr().err
    assert f"methods.mine gives no method that can run: {why}" in error
    assert main(["list"]) == 0
    assert f"methods.mine is left out: {why}" in capsys.readouterr().out


def test_every_dataset_stands_for_itself() -> None:
    assert {name.partition("@")[0] for name in registry.names()} <= set(registry.names())
