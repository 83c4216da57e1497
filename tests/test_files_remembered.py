"""Many files read through the cache hold what the same files hold read one by one, whatever happens to either."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from benchmark.files import remembered
from benchmark.files.errors import UserError
from benchmark.files.paths import RUNS
from benchmark.records import store, study
from benchmark.records.identity import closure, of_files
from benchmark.records.record import Record, Tuned, decode
from benchmark.records.store import Store, files
from benchmark.records.study import GLOB, studies
from benchmark.records.trial import Trial
from datasets.common.files import recall, remember
from tests import fake_records
from tests.fake_records import save

TUNED = Tuned("kuairand/tpm/tuned", 3, {"bins": 7}, "mae", 20.5, 16, 9.0)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some records, as if there were many and all of them old."""
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remembered, "FEW", 0)
    monkeypatch.setattr(remembered, "_YOUNG", -(10**12))
    for seed in range(4):
        save(tmp_path / "runs", fake_records.record(seed=seed))
    save(tmp_path / "runs", fake_records.record(variant="tuned", tuned=TUNED))
    save(tmp_path / "runs", fake_records.record("kuairec", "mean", outcome="failed", error="no memory"))
    return tmp_path / "runs"


def one_by_one(runs: Path) -> list[Record]:
    return [decode(path.read_bytes()) for path in files(runs)]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of records that a store opens."""
    found: list[str] = []
    read: Callable[[Store, Path], Record | None] = Store._read

    def noted(self: Store, path: Path) -> Record | None:
        found.append("/".join(path.parts[-4:]))
        return read(self, path)

    monkeypatch.setattr(Store, "_read", noted)
    return found


def kept(runs: Path) -> Path:
    (place,) = (runs.parent / "cache/read").iterdir()
    return place


def test_nothing_is_opened_twice_and_all_is_the_same(runs: Path, opened: list[str]) -> None:
    expected = one_by_one(runs)
    assert Store(runs).all() == expected
    assert len(opened) == len(expected) == 6
    again = Store(runs).all()
    assert len(opened) == 6
    assert again == expected
    assert repr(again) == repr(expected)  # 1 is no 1.0
    assert [one.tuned is msgspec.UNSET for one in again] == [one.variant != "tuned" for one in again]


@pytest.mark.parametrize("how", ["edited", "same size and time", "put in its place", "gone", "new"])
def test_what_moves_is_read_again(runs: Path, opened: list[str], how: str) -> None:
    Store(runs).all()
    opened.clear()
    path = runs / "kuairand/tpm/default/2.json"
    stat, old = path.stat(), path.read_bytes()
    new = old.replace(b'"title": "TPM"', b'"title": "MPT"')
    assert len(new) == len(old) and new != old
    if how == "edited":
        path.write_bytes(new + b"\n")
    elif how == "same size and time":
        path.write_bytes(new)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif how == "put in its place":
        path.with_name("other").write_bytes(new)
        os.utime(path.with_name("other"), ns=(stat.st_atime_ns, stat.st_mtime_ns))
        path.with_name("other").replace(path)
    elif how == "gone":
        path.unlink()
    else:
        save(runs, fake_records.record(seed=4))
    expected = one_by_one(runs)
    assert Store(runs).all() == expected
    assert opened == {"gone": [], "new": ["kuairand/tpm/default/4.json"]}.get(how, ["kuairand/tpm/default/2.json"])
    opened.clear()
    assert Store(runs).all() == expected
    assert not opened


def test_a_file_that_turns_bad_is_refused_by_name(runs: Path) -> None:
    Store(runs).all()
    path = runs / "kuairand/tpm/default/2.json"
    path.write_bytes(path.read_bytes().replace(b'"seed": 2', b'"seed": 7'))
    for _ in range(2):
        with pytest.raises(UserError, match=r"default/2\.json holds the record of kuairand/tpm/default/7"):
            Store(runs).all()


def test_a_file_that_has_just_changed_is_not_kept_and_the_others_are(
    runs: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    young = runs / "kuairand/tpm/default/2.json"
    future = time.time_ns() + 10**14
    os.utime(young, ns=(future, future))
    monkeypatch.setattr(remembered, "_YOUNG", -(10**13))
    Store(runs).all()
    opened.clear()
    raw = kept(runs).stat().st_mtime_ns
    for _ in range(2):
        Store(runs).all()
    assert opened == ["kuairand/tpm/default/2.json"] * 2
    assert kept(runs).stat().st_mtime_ns == raw, "nothing new is worth writing"


@pytest.mark.parametrize("damage", [b"", b"0", b"\xff" * 99])
def test_a_cache_that_is_not_what_was_written_counts_for_nothing(runs: Path, opened: list[str], damage: bytes) -> None:
    expected = Store(runs).all()
    raw = kept(runs).read_bytes()
    kept(runs).write_bytes(raw[: len(raw) // 2] + damage)
    assert Store(runs).all() == expected
    assert len(opened) == 12
    assert kept(runs).read_bytes() == raw  # and it is written again


@pytest.mark.parametrize("what", ["records", "trials"])
def test_what_other_code_has_read_counts_for_nothing(runs: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    module = {"records": store, "trials": study}[what]
    assert of_files(closure(module.__name__)) == module._CODE
    place = remembered.place_of(runs, {"records": Record, "trials": Trial}[what])
    study.Study("kuairand", "tpm").write(runs, fake_records.trial())
    Store(runs).all(), studies(runs)
    before = recall(place, module._CODE)
    assert before
    monkeypatch.setattr(module, "_CODE", "other code")
    Store(runs).all(), studies(runs)
    assert recall(place, "other code") == before


def test_what_another_version_has_kept_counts_for_nothing(runs: Path, opened: list[str]) -> None:
    expected = Store(runs).all()
    for body in ([], [["a"], [], {}], [[], [], {"format": [[], [3]]}]):
        remember(kept(runs), msgspec.msgpack.encode(body), store._CODE)
        opened.clear()
        assert Store(runs).all() == expected
        assert len(opened) == 6


def test_what_the_cache_cannot_hold_is_read_as_ever(runs: Path) -> None:
    """A number that JSON has and the cache's form has not, and a folder whose name is no text."""
    save(runs, fake_records.record(seed=9, config={"lr": 2**70}))
    odd = runs.with_name("\udcff")
    runs.rename(odd)
    for _ in range(2):
        assert Store(odd).all() == one_by_one(odd)


def test_links_and_patterns_lead_to_no_other_records(runs: Path) -> None:
    Store(runs).all()
    (runs / "linked").symlink_to("kuairand")
    for _ in range(2):
        with pytest.raises(UserError, match=r"linked/tpm/default/0\.json holds the record of kuairand/tpm/default/0"):
            Store(runs).of("linked")
    (runs / "linked").unlink()
    assert [record.dataset for record in Store(runs).of("kuai*")] == ["kuairand"] * 5 + ["kuairec"]


def test_a_cache_that_cannot_be_written_loses_nothing(runs: Path) -> None:
    (runs.parent / "cache").write_text("a file in the place of the folder")
    assert Store(runs).all() == one_by_one(runs)


def test_few_files_are_not_kept(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "FEW", 6)
    assert Store(runs).all() == one_by_one(runs)
    assert not (runs.parent / "cache").exists()


def test_the_committed_ones_come_back_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All records and trials there are, which hold whatever a record can."""
    monkeypatch.setenv("CVP_CACHE", str(tmp_path))
    monkeypatch.setattr(remembered, "_YOUNG", -(10**12))
    records = one_by_one(RUNS)
    trials = [msgspec.json.decode(path.read_bytes(), type=Trial) for path in sorted(RUNS.glob(GLOB))]
    for _ in range(2):
        assert repr(Store(RUNS).all()) == repr(records)
        found = [trial for study in studies(RUNS).values() for trial in study]
        assert repr(sorted(found, key=place)) == repr(sorted(trials, key=place))
    assert len(list((tmp_path / "read").iterdir())) == 2


def place(trial: Trial) -> tuple[str, str, str, int]:
    return trial.dataset, trial.method, trial.variant, trial.number
