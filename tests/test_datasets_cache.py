"""The cache of prepared tables: opened when sound, mended when damaged, complete or absent."""

import errno
import json
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark import ROOT
from datasets import cache
from datasets.base import BadData, CacheError, Dataset
from datasets.common.imports import closure
from datasets.kuairec import KuaiRec
from datasets.preparing import fingerprint
from datasets.synthetic import Synthetic
from tests import fixtures

MATRIX = Path("KuaiRec 2.0", "data", "small_matrix.csv")


class Counting(KuaiRec):
    """KuaiRec that counts how often it is prepared."""

    def __init__(self) -> None:
        super().__init__()
        self.built = 0

    def build(self, root):
        self.built += 1
        return super().build(root)


@pytest.fixture
def root(tmp_path):
    fixtures.kuairec(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "cache"


def small() -> Dataset:
    return Synthetic(rows=3000, users=50, videos=40)


def equal(one, two) -> bool:
    a, b = cache.columns_of(one), cache.columns_of(two)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("dataset", [KuaiRec(), small()], ids=["files", "synthetic"])
def test_what_is_opened_is_what_was_prepared(root, place, dataset):
    built, opened = dataset.build(root), cache.load(dataset, root, place)
    assert equal(built, opened)
    assert opened.schema == built.schema
    assert opened.facts == json.loads(json.dumps(built.facts))
    assert len(opened.fingerprint) == 64
    assert all(isinstance(column, np.memmap) for column in (opened.rows.ids, opened.rows.label, opened.split["train"]))


def test_a_table_is_prepared_once(root, place):
    dataset = Counting()
    prints = {cache.load(dataset, root, place).fingerprint for _ in range(3)}
    assert dataset.built == 1
    assert prints == {cache.cached_fingerprint(dataset, root, place)}


def test_nothing_is_cached_before_the_first_load(root, place):
    assert cache.cached_fingerprint(KuaiRec(), root, place) is None


def test_the_folder_is_the_users_or_the_one_asked_for(root, tmp_path, monkeypatch):
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "asked"))
    cache.load(KuaiRec(), root)
    assert len(list((tmp_path / "asked" / "tables").glob("kuairec-*"))) == 1
    monkeypatch.delenv("CVP_CACHE")
    assert cache.cache_folder().name == "cvp-bench"


def test_other_bytes_or_another_protocol_are_another_entry(root, place):
    dataset = KuaiRec()
    before = cache.entry(dataset, root, place)
    os.utime(root / MATRIX)  # touched, same bytes
    assert cache.entry(dataset, root, place) == before
    other = KuaiRec(cap=60.0)
    assert cache.entry(other, root, place) != before
    text = (root / MATRIX).read_text().splitlines()
    (root / MATRIX).write_text("\n".join(text[:-1]) + "\n")
    assert cache.entry(dataset, root, place) != before


def test_an_edit_of_the_code_prepares_again_and_keeps_the_fingerprint(root, place, monkeypatch):
    dataset = Counting()
    before, old = cache.load(dataset, root, place), cache.entry(dataset, root, place)
    monkeypatch.setattr(fingerprint, "of_code", lambda module: "edited")
    assert cache.entry(dataset, root, place) != old
    assert cache.load(dataset, root, place).fingerprint == before.fingerprint
    assert dataset.built == 2


def test_the_code_behind_a_dataset_is_its_module_and_what_that_imports():
    behind = closure("datasets.kuairec", ROOT, ("datasets",))
    assert {
        f"datasets/{name}.py" for name in ("kuairec", "reading/ingest", "preparing/encode", "base", "schema")
    } <= behind.keys()
    assert "datasets/kuairand.py" not in behind


def test_the_fingerprint_moves_with_content_split_and_protocol(root, place):
    dataset = small()
    table = dataset.build(None)
    columns = cache.columns_of(table)
    prints = [fingerprint.of_table(table.schema, columns, dataset.protocol)]
    for name in ("label", "ids", "split.test"):
        moved = columns[name].copy()
        moved.flat[-1] += 1
        prints.append(fingerprint.of_table(table.schema, {**columns, name: moved}, dataset.protocol))
    prints.append(fingerprint.of_table(table.schema, columns, replace(dataset.protocol, batch=7)))
    assert len(set(prints)) == len(prints)
    assert fingerprint.of_table(table.schema, dict(reversed(columns.items())), dataset.protocol) == prints[0]


def edit(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def resave(path, change):
    np.save(path, change(np.load(path)))


DAMAGES = {
    "a missing file": lambda at: (at / "label.npy").unlink(),
    "a truncated file": lambda at: os.truncate(at / "ids.npy", 300),
    "an empty file": lambda at: os.truncate(at / "split.train.npy", 0),
    "other values": lambda at: resave(at / "label.npy", lambda label: label + 1),
    "another dtype": lambda at: resave(at / "user.npy", lambda user: user.astype(np.float32)),
    "another shape": lambda at: resave(at / "bag.category.npy", lambda ids: ids.reshape(-1)),
    "no meta.json": lambda at: (at / "meta.json").unlink(),
    "half of meta.json": lambda at: os.truncate(at / "meta.json", 500),
    "an edited meta.json": lambda at: (at / "meta.json").write_text(
        (at / "meta.json").read_text().replace("bytes", "size")
    ),
    "no text": lambda at: (at / "meta.json").write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_noticed_and_mended_with_a_warning(root, place, caplog, damage):
    dataset = Counting()
    sound = dataset.build(root)
    first = cache.load(dataset, root, place).fingerprint
    damage(cache.entry(dataset, root, place))
    with caplog.at_level(logging.WARNING):
        mended = cache.load(dataset, root, place)
    assert dataset.built == 3
    assert equal(mended, sound)
    assert mended.fingerprint == first
    (record,) = [one for one in caplog.records if one.name == "datasets.cache"]
    assert "the prepared table of kuairec is damaged (" in record.getMessage()
    caplog.clear()
    cache.load(dataset, root, place)
    assert dataset.built == 3
    assert not caplog.records


def test_a_kept_table_is_read_through_once_by_each_process(root, place, tmp_path):
    dataset = Counting()
    cache.load(dataset, root, place)
    shutil.copytree(place, tmp_path / "copy", copy_function=shutil.copyfile)
    cache.load(dataset, root, tmp_path / "copy")
    assert dataset.built == 1
    before = cache._sum.cache_info()
    cache.load(dataset, root, tmp_path / "copy")
    after = cache._sum.cache_info()
    assert after.misses == before.misses and after.hits > before.hits


def test_other_bytes_of_the_same_size_and_time_are_damage(root, place):
    dataset = Counting()
    cache.load(dataset, root, place)
    column = next(place.glob("tables/kuairec-*/label.npy"))
    data, stat = bytearray(column.read_bytes()), column.stat()
    data[-1] ^= 1
    column.write_bytes(data)
    os.utime(column, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    cache.load(dataset, root, place)
    assert dataset.built == 2


def leftovers(place: Path) -> list[str]:
    return [p.name for p in (place / "tables").iterdir() if not p.name.endswith(".lock")]


def test_too_little_room_is_told_beforehand(place, monkeypatch):
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(CacheError, match=r"tables \(the disk is full\): it needs 64 MiB free; .*set CVP_CACHE"):
        cache.load(small(), None, place)
    assert leftovers(place) == []


def test_a_disk_that_fills_up_leaves_nothing_behind(place, monkeypatch):
    save = np.save

    def full(stream, column):
        if column.dtype == np.float32:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(stream, column)

    monkeypatch.setattr(cache.np, "save", full)
    with pytest.raises(CacheError, match="No space left on device"):
        cache.load(small(), None, place)
    assert leftovers(place) == []
    monkeypatch.undo()
    assert len(cache.load(small(), None, place).rows) == 3000


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match=r"cannot be written .*set CVP_CACHE"):
        cache.load(small(), None, tmp_path / "file" / "cache")


def test_bad_data_leaves_nothing_behind(root, place):
    (root / MATRIX).write_text("user_id,video_id\n1,2\n")
    with pytest.raises(BadData, match="no column"):
        cache.load(KuaiRec(), root, place)
    assert leftovers(place) == []


def test_what_a_killed_process_left_is_swept_away(place):
    entry = cache.entry(small(), None, place)
    half = entry.with_name(f".{entry.name}.new")
    half.mkdir(parents=True)
    (half / "ids.npy").write_bytes(b"half")
    cache.load(small(), None, place)
    assert leftovers(place) == [entry.name]


def test_two_processes_at_once_prepare_one_table(place, tmp_path):
    """The one that comes second waits and uses what the first has prepared, who is not done before it has come."""
    door = tmp_path / "door"
    code = f"""
import logging, sys, time
from pathlib import Path
from datasets import cache
from datasets.synthetic import Synthetic
def note(path):
    with open(path, "a") as log: log.write("x")
class Slow(Synthetic):
    def build(self, root):
        note({str(tmp_path / "built")!r})
        while len(Path({str(door)!r}).read_text()) < 2: time.sleep(0.01)
        return super().build(root)
note({str(door)!r})
print(cache.load(Slow(rows=3000, users=50, videos=40), None, Path({str(place)!r})).fingerprint)
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    prints = {process.communicate(timeout=60)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(prints) == 1
    assert (tmp_path / "built").read_text() == "x"


def test_hashes_of_raw_files_are_remembered_until_they_change(tmp_path, monkeypatch):
    file, memory = tmp_path / "raw.csv", tmp_path / "hashes.json"
    file.write_text("one")
    ((_, first),) = fingerprint.of_files([file], memory)
    with monkeypatch.context() as patch:
        patch.setattr(fingerprint.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
        assert fingerprint.of_files([file], memory) == [(file, first)]
    file.write_text("other")
    ((_, second),) = fingerprint.of_files([file], memory)
    assert first != second
    for broken in ("", "[]", '{"x": 1}'):
        memory.write_text(broken)
        assert fingerprint.of_files([file], memory) == [(file, second)]
