"""Jobs on many GPUs and many machines: the same records, tables that travel, and one line where something lacks."""

import json
import os
import subprocess
import sys
from collections import Counter, deque
from pathlib import Path

import numpy as np
import pytest

from benchmark import ROOT
from benchmark.execute import pool, worker
from benchmark.execute.machine import visible_gpus
from benchmark.files.errors import UserError
from benchmark.plan.shard import Shard
from benchmark.records.cell import Cell
from benchmark.records.store import Store
from datasets import cache
from datasets.base import CacheError, NotAvailable
from datasets.kuairec import KuaiRec
from tests import fixtures


class Still:
    """A process that is never started."""

    pid = 0

    def __init__(self, target, args, daemon) -> None:
        self.args = args

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def join(self, timeout=None) -> None: ...


def staff_of(monkeypatch, jobs: int, workers: int, gpus: list[str]) -> list[str]:
    """What each worker is told to see."""
    told: list[str] = []

    class Context:
        Pipe = staticmethod(lambda: __import__("multiprocessing").Pipe())

        @staticmethod
        def Process(target, args, daemon):
            told.append(args[2])
            return Still(target, args, daemon)

    monkeypatch.setattr(pool, "get_context", lambda method: Context)
    staff = pool._Staff(deque(range(jobs)), workers, gpus)
    staff.assign()
    staff.end()
    return told


def test_each_gpu_has_a_worker_that_sees_it_alone(monkeypatch):
    assert sorted(staff_of(monkeypatch, jobs=9, workers=4, gpus=["0", "1", "2", "3"])) == ["0", "1", "2", "3"]


def test_several_workers_share_gpus_evenly(monkeypatch):
    assert Counter(staff_of(monkeypatch, jobs=9, workers=6, gpus=["2", "5"])) == {"2": 3, "5": 3}


def test_without_gpus_nothing_is_hidden(monkeypatch):
    assert staff_of(monkeypatch, jobs=2, workers=2, gpus=[]) == ["", ""]


def test_a_worker_hides_the_other_gpus_before_it_imports_anything(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")

    class Closed:
        def recv(self):
            seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
            raise EOFError

    seen: list[str] = []
    for name in ("_die_with_parent", "keep_freed_memory", "watch"):
        monkeypatch.setattr(worker, name, lambda: None)
    monkeypatch.setattr(worker.signal, "signal", lambda *what: None)
    worker.main(Closed(), 1, "1")
    assert seen == ["1"]


def test_the_visible_gpus_are_those_that_the_user_names(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-8a,")
    assert visible_gpus() == ["3", "GPU-8a"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert visible_gpus() == []


# --- tables that travel


@pytest.fixture
def sent(tmp_path):
    """A table as another machine has prepared it: its fingerprint, its columns, and its files."""
    fixtures.kuairec(tmp_path / "data")
    table = cache.load(KuaiRec(), tmp_path / "data", tmp_path / "theirs")
    place = cache.entry(KuaiRec(), tmp_path / "data", tmp_path / "theirs")
    return table, {path.name: path.read_bytes() for path in place.iterdir()}


def test_a_table_that_travelled_is_loaded_without_raw_files(sent, tmp_path):
    table, files = sent
    root = cache.deliver(KuaiRec(), table.fingerprint, files, tmp_path / "ours")
    here = cache.load(KuaiRec(), root, tmp_path / "ours")
    assert here.fingerprint == table.fingerprint
    theirs, ours = cache.columns_of(table), cache.columns_of(here)
    assert theirs.keys() == ours.keys() and all(np.array_equal(theirs[name], ours[name]) for name in theirs)
    assert cache.deliver(KuaiRec(), table.fingerprint, {}, tmp_path / "ours") == root  # it is there: nothing is written


def test_a_table_that_changed_on_the_way_is_refused_and_not_kept(sent, tmp_path):
    table, files = sent
    with pytest.raises(CacheError, match=f"not {'0' * 12}"):
        cache.deliver(KuaiRec(), "0" * 64, files, tmp_path / "ours")
    torn = files | {"label.npy": files["label.npy"][:-1]}
    with pytest.raises(CacheError, match=r"label\.npy"):
        cache.deliver(KuaiRec(), table.fingerprint, torn, tmp_path / "ours")
    with pytest.raises(NotAvailable):
        cache.load(KuaiRec(), tmp_path / "ours" / "delivered" / table.fingerprint[:20], tmp_path / "ours")


# --- Ray


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    from benchmark.execute.cluster import Cluster

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="-r constraints-cluster"):
        Cluster("local", "cpu")


@pytest.mark.slow
def test_a_cluster_makes_the_records_of_one_machine(tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install -r constraints.txt -r constraints-cluster.txt")

    def records(*how: str) -> dict[str, object]:
        runs = tmp_path / how[0].strip("-")
        call = ["run", "--suite", "quick", "--only", "mean,bucket_median,tr/default", "--seeds", "2", "--workers", "2"]
        subprocess.run([sys.executable, "-m", "benchmark", *call, "--runs", runs, *how], cwd=ROOT, check=True)
        found = {
            path.relative_to(runs).as_posix(): json.loads(path.read_bytes()) for path in Path(runs).glob("*/*/*/*.json")
        }
        for record in found.values():
            for moving in ("cost", "finished", "command"):
                record.pop(moving)
        return found

    one = records("--executor", "processes")
    assert one and records("--address", "local", "--executor", "ray") == one


# --- shards


def cells(methods: int = 7, variants: int = 2, seeds: int = 3) -> list[Cell]:
    names = [f"m{place}" for place in range(methods)]
    return [
        Cell(dataset, name, f"v{variant}", seed)
        for dataset in ("one", "two")
        for name in names
        for variant in range(variants)
        for seed in range(seeds)
    ]


@pytest.mark.parametrize("of", [1, 2, 3, 5, 20])
def test_shards_together_are_the_run_and_no_cell_is_in_two(of):
    parts = [Shard(number, of).part(cells()) for number in range(1, of + 1)]
    assert sorted(cell for part in parts for cell in part) == sorted(cells())
    sizes = [len({(cell.dataset, cell.method) for cell in part}) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    for part in parts:  # a method's variants stay together: one of them may be chosen by a search over another
        theirs = {(cell.dataset, cell.method) for cell in part}
        assert [cell for cell in cells() if (cell.dataset, cell.method) in theirs] == part


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "-1/4", "a/b", "1/4/2", "1.5/4"])
def test_a_part_that_is_none_is_refused(text):
    with pytest.raises(UserError, match="--shard 2/8"):
        Shard.parse(text)


def test_shards_share_a_folder_and_a_whole_run_has_it_alone(tmp_path):
    one, two, whole = Store(tmp_path, "1-of-2"), Store(tmp_path, "2-of-2"), Store(tmp_path)
    with one.lock(), two.lock():
        for other in (Store(tmp_path, "1-of-2"), whole):
            with pytest.raises(UserError, match="another run is writing"), other.lock():
                raise AssertionError
    with whole.lock():
        for other in (one, Store(tmp_path)):
            with pytest.raises(UserError, match="another run is writing"), other.lock():
                raise AssertionError
    with one.lock():
        pass


def test_a_shard_leaves_the_half_written_files_of_its_brothers(tmp_path):
    scratch = tmp_path / "d" / "m" / "v" / ".0.json.123"
    scratch.parent.mkdir(parents=True)
    scratch.write_text("{")
    with Store(tmp_path, "1-of-2").lock():
        assert scratch.exists()
    with Store(tmp_path).lock():
        assert not scratch.exists()
