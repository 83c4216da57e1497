"""Many files read through the cache hold what the same files hold read one by one, whatever happens to either."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from benchmark.files import remembered
from benchmark.files.errors import UserError
from benchmark.files.paths import RUNS
from benchmark.records.record import Record, Tuned, decode
from benchmark.records.store import Store, files
from benchmark.records.study import GLOB, studies
from benchmark.records.trial import Trial
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


def test_a_file_that_has_just_changed_is_not_kept(
    runs: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_YOUNG", 10**12)
    for count in (6, 12):
        Store(runs).all()
        assert len(opened) == count


@pytest.mark.parametrize("damage", [b"", b"0", b"\xff" * 99])
def test_a_cache_that_is_not_what_was_written_counts_for_nothing(runs: Path, opened: list[str], damage: bytes) -> None:
    expected = Store(runs).all()
    raw = kept(runs).read_bytes()
    kept(runs).write_bytes(raw[: len(raw) // 2] + damage)
    assert Store(runs).all() == expected
    assert len(opened) == 12
    assert kept(runs).read_bytes() == raw  # and it is written again


def test_what_other_code_has_read_counts_for_nothing(runs: Path) -> None:
    def read(path: Path) -> Record:
        opened.append(path)
        return decode(path.read_bytes())

    opened: list[Path] = []
    for code, count in (("a", 6), ("a", 6), ("b", 12), ("b", 12)):
        remembered.all_of(runs, files(runs), Record, read, code)
        assert len(opened) == count


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
