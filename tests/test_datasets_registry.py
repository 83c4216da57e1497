"""The list of datasets: quick to ask, complete, and honest about what is there."""

import subprocess
import sys
from dataclasses import replace

import pytest

import datasets
from benchmark.cli.app import main
from datasets import cache, registry
from tests import fixtures

WATCH, VALUE = ["cikm16", "kuairand", "kuairec", "wechat"], ["cdnow", "criteo-ssc", "kaggle", "online-retail"]


def test_asking_needs_no_heavy_import():
    code = """
import sys, datasets.registry as r, datasets.cache as c
from pathlib import Path
r.names(); r.get("synthetic"); c.cached_fingerprint(r.get("synthetic"), None, Path("/nowhere")); r.overview(None)
print([m for m in ("torch", "pandas", "scipy", "pyarrow", "numba", "pooch", "requests") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_gives_the_dataset_of_that_name():
    protocols = ("kuairand@time", "kuairec@ratio", "kuairec@big-small", "wechat@days", "cikm16@longest")
    assert {*WATCH, *VALUE, *protocols, "synthetic"} <= set(registry.names())
    for name in registry.names():
        dataset = registry.get(name)
        assert dataset.name == name
        assert dataset.source.licence
        assert dataset.protocol.batch > 0


def test_an_unknown_name_gets_the_nearest_one_and_all_that_are_known():
    with pytest.raises(KeyError) as caught:
        registry.get("kuairnd")
    assert str(caught.value).startswith("no dataset named 'kuairnd'; did you mean 'kuairand'? Known: cikm16, ")


def test_protocols_are_those_of_the_design():
    numbers = {n: (p.batch, p.epochs, p.patience, p.stop) for n in registry.names() for p in [registry.get(n).protocol]}
    for name in ("kuairand", "kuairand@time", "wechat", "wechat@days"):
        assert numbers[name] == (512, 50, 10, "mae")
    for name in ("kuairec", "kuairec@big-small", "cikm16", "cikm16@longest"):
        assert numbers[name] == (1024, 20, 5, "mae")
    assert (numbers["kuairec@unstopped"], numbers["kuairec@last"]) == ((1024, 20, 20, "mae"), (1024, 20, 5, "last"))
    assert numbers["criteo-ssc"] == numbers["kaggle"] == (2048, 20, 5, "loss")
    assert numbers["cdnow"] == numbers["cdnow@holdout"] == (512, 20, 5, "loss")
    assert numbers["online-retail"] == numbers["online-retail@holdout"] == (128, 50, 10, "loss")
    assert numbers["synthetic"] == (512, 15, 3, "mae")
    assert numbers["synthetic-ltv"] == (512, 15, 3, "loss")


def test_every_protocol_that_stops_by_mae_has_a_twin_that_stops_by_the_methods_own_loss_and_differs_in_nothing_else():
    twins = {"kuairand": "kuairand@own-loss", "kuairand@time": "kuairand@time-own-loss",
             "kuairec@ratio": "kuairec@ratio-own-loss", "synthetic": "synthetic@own-loss"}  # fmt: skip
    for name, other in twins.items():
        one, two = registry.get(name), registry.get(other)
        assert (two.name, two.protocol) == (other, replace(one.protocol, stop="loss"))
        assert {**vars(two), "name": one.name, "protocol": one.protocol} == vars(one)
    by_mae = [name for name in registry.names() if registry.get(name).protocol.stop == "mae"]
    assert len([name for name in registry.names() if name.endswith("own-loss")]) == len(by_mae)
    assert not {"cdnow@own-loss", "kuairec@last-own-loss"} & set(registry.names())  # stopped so, or not at all


def test_the_overview_shows_every_source_once(tmp_path):
    lines = {line.name: line for line in registry.overview(tmp_path, tmp_path / "cache")}
    others = [name for name in lines if not name.startswith("controls-")]
    assert others == [*WATCH, *VALUE, "synthetic", "synthetic-ltv"]
    assert list(lines)[: len(WATCH) + len(VALUE)] == [*WATCH, *VALUE]
    for name in [*WATCH, *VALUE]:
        assert not lines[name].available
        assert lines[name].how_to_get
        assert lines[name].rows is None
    assert "--fetch kuairec" in lines["kuairec"].how_to_get
    assert "WTG-DVR" in lines["wechat"].how_to_get
    assert "register" in lines["cikm16"].how_to_get
    assert "310,302 rows, 122,991 items" in lines["cikm16"].official
    for name in ("synthetic", "synthetic-ltv"):
        assert lines[name].available
        assert lines[name].state == "synthetic"
    assert "ProWTP: 1,231,181 rows, 27,285 users, 7,551 videos" in lines["kuairand"].official
    assert sum(len(line.protocols) for line in lines.values()) == len(registry.names())


def test_the_overview_counts_what_is_prepared(tmp_path):
    fixtures.kuairand(tmp_path)
    before = next(line for line in registry.overview(tmp_path, tmp_path / "cache") if line.name == "kuairand")
    assert before.available
    assert (before.state, before.rows, before.fingerprint) == ("present, not prepared yet", None, None)
    table = cache.load(registry.get("kuairand"), tmp_path, tmp_path / "cache")
    line = next(line for line in registry.overview(tmp_path, tmp_path / "cache") if line.name == "kuairand")
    assert line.state == "present: KuaiRand-Pure, 8 Apr - 14 Apr"
    assert (line.rows, line.users, line.items) == tuple(table.facts[key] for key in ("rows", "users", "items"))
    assert line.fingerprint == table.fingerprint
    assert line.files[0].startswith("log_standard_4_22_to_5_08_pure.csv.gz (")


def test_an_overview_of_bad_files_says_what_is_wrong(tmp_path):
    fixtures.kuairand(tmp_path, logs=("log_standard_4_22_to_5_08_pure.csv", "log_standard_4_25_to_5_08_pure.csv"))
    line = next(line for line in registry.overview(tmp_path, tmp_path / "cache") if line.name == "kuairand")
    assert not line.available
    assert "share days" in line.state


@pytest.fixture
def own_files(tmp_path, monkeypatch):
    """A folder whose files count as files of `datasets/`."""
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(tmp_path)])
    registry._found.cache_clear()
    yield tmp_path
    registry._found.cache_clear()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"datasets.{path.stem}", None)


def test_a_file_registers_its_datasets_itself(own_files):
    (own_files / "mine.py").write_text(
        "from datasets.cdnow import CDNow\n\nDATASETS = (CDNow('mine', shares=(8, 1, 1)),)\n"
    )
    assert registry.get("mine").protocol.split == "random 8:1:1 by customer, split seed 0"
    assert [line.name for line in registry.overview(None)].count("mine") == 1
    assert not registry.broken()


def test_a_broken_file_costs_its_own_datasets_alone(own_files, capsys, monkeypatch, tmp_path):
    (own_files / "bad.py").write_text("import nowhere\n\nDATASETS = ()\n")
    (own_files / "odd.py").write_text("\nDATASETS = (3,)\n")
    (own_files / "exits.py").write_text("import sys\nsys.exit(3)\n\nDATASETS = ()\n")
    (own_files / "up.py").write_text("from datasets.cdnow import CDNow\n\nDATASETS = (CDNow('../../up'),)\n")
    (own_files / "twin.py").write_text("from datasets.cdnow import CDNow\n\nDATASETS = (CDNow('cdnow'),)\n")
    assert dict(registry.broken()) == {
        "bad.py": "ModuleNotFoundError: No module named 'nowhere'",
        "odd.py": "TypeError: DATASETS holds 3, which is no Dataset",
        "exits.py": "SystemExit: 3",
        "up.py": "ValueError: '../../up' cannot name a dataset: letters, digits and @ . _ -, a letter first",
        "twin.py": "ValueError: cdnow.py has a dataset named 'cdnow' already: choose another name",
    }
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))
    assert main(["data"]) == 0
    assert "warning: datasets/bad.py is left out: ModuleNotFoundError" in capsys.readouterr().out
    assert "kuairand" in registry.names()
    assert type(registry.get("cdnow")).__module__ == "datasets.cdnow"
