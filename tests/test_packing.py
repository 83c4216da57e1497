"""Predictions as packed files: the same file for the same predictions, and nothing believed that has another hash."""

import hashlib
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.cli.app import main
from benchmark.compare import packing
from benchmark.files.errors import UserError
from benchmark.records.cell import Group
from benchmark.records.predictions import encode, path_of
from benchmark.records.record import Record
from benchmark.records.store import Store
from tests.fake_records import seeds


def place(record: Record) -> Path:
    return path_of(Group(record.dataset, record.method, record.variant, (record.seed,)), record.seed, record.identity)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Made-up records of two seeds with their predictions in a cache."""
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))
    found = Store(tmp_path / "runs")
    for record in seeds(method="tr")[:2]:
        found.write(record)
        place(record).parent.mkdir(parents=True, exist_ok=True)
        place(record).write_bytes(encode(np.full(5, record.seed, np.float32)))
    return found


def test_what_was_packed_is_fetched_to_the_byte(store, tmp_path):
    packed = packing.pack(store, "kuairand", tmp_path / "out")
    assert packing.read(store, "kuairand") == packed and set(packed.members) == {"tr/default/0", "tr/default/1"}
    before = {place(r): place(r).read_bytes() for r in store.all()}
    for path in before:
        path.unlink()
    assert packing.fetch(store, "kuairand", str(tmp_path / "out")) == (2, 0)
    assert {path: path.read_bytes() for path in before} == before
    assert packing.pack(store, "kuairand", tmp_path / "more").sha256 == packed.sha256, "the same file again"


def test_predictions_of_a_record_that_was_made_again_are_left_out(store, tmp_path):
    packing.pack(store, "kuairand", tmp_path / "out")
    one = store.all()[0]
    store.write(msgspec.structs.replace(one, identity=msgspec.structs.replace(one.identity, code="another")))
    assert packing.fetch(store, "kuairand", str(tmp_path / "out")) == (1, 1)


def test_another_file_is_not_believed(store, tmp_path):
    packed = packing.pack(store, "kuairand", tmp_path / "out")
    path = tmp_path / "out" / packed.file
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(UserError, match="its hash differs"):
        packing.fetch(store, "kuairand", str(tmp_path / "out"))


def test_nothing_is_unpacked_by_the_archives_own_names(store, tmp_path):
    """Whoever also changes the hash of the file still cannot write elsewhere, nor other bytes."""
    packed = packing.pack(store, "kuairand", tmp_path / "out")
    path = tmp_path / "out" / packed.file
    for members, told in (({"../../x.npy": b"x"}, "is not whole"), ({"tr/default/0.npy": b"x"}, "its hash differs")):
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        changed = msgspec.structs.replace(packed, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        (store.folder / "kuairand" / packing.FILE).write_bytes(msgspec.json.encode(changed))
        with pytest.raises(UserError, match=told):
            packing.fetch(store, "kuairand", str(tmp_path / "out"))
    assert not list(tmp_path.rglob("x.npy"))


def test_without_a_release_or_predictions_one_line_says_what_to_do(store, tmp_path, capsys):
    runs = ["--runs", str(store.folder), "--dataset", "kuairand"]
    assert main(["predictions", "--fetch", *runs]) == 2
    assert "so nothing of it has been packed" in capsys.readouterr().err
    assert main(["predictions", "--pack", "--out", str(tmp_path / "out"), *runs]) == 0
    assert "2 predictions" in capsys.readouterr().out
    assert main(["predictions", "--fetch", *runs]) == 2
    assert "no release holds predictions yet" in capsys.readouterr().err
    assert main(["predictions", "--fetch", "--source", "http://example.org", *runs]) == 2
    assert "is not an https:// address" in capsys.readouterr().err
    assert main(["predictions", "--fetch", "--source", str(tmp_path / "out"), *runs]) == 0
    assert "kuairand: 2 predictions fetched" in capsys.readouterr().out
    for record in store.all():
        place(record).unlink()
    assert main(["predictions", "--pack", *runs]) == 2
    assert "no record in" in capsys.readouterr().err
