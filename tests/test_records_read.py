"""Files of records, trials and noise: read exactly, passed over, or refused by name with what to do."""

import json
from pathlib import Path

import msgspec
import pytest

from benchmark.cli.app import main
from benchmark.compare import noise as noises
from benchmark.compare import portrait as portraits
from benchmark.files.errors import UserError
from benchmark.plan import suite, variants
from benchmark.records.store import Store
from benchmark.records.study import Study, studies
from tests import fake_noise, fake_records
from tests.fake_records import save, trial


def put(path: Path, **changes: object) -> Path:
    """Change keys of a JSON file; a dotted key goes deeper."""
    content = json.loads(path.read_bytes())
    for name, value in changes.items():
        *above, last = name.split("__")
        place = content
        for key in above:
            place = place[key]
        place[last] = value
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """The file of one sound record."""
    save(tmp_path, fake_records.record())
    (path,) = tmp_path.rglob("*.json")
    return path


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(UserError) as caught:
        Store(folder).all()
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "is a record of format 2, this version reads 1: use the version that wrote it, or"),
        ({"format": 2, "news": [1]}, "is a record of format 2, this version reads 1"),
        (
            {"metrics__test__mae": -5},
            "cannot be right (test: mae is -5, where it is 0 or more): delete it and run again",
        ),
        ({"metrics__test__xauc": 7}, "cannot be right (test: xauc is 7, where it is 0 to 1)"),
        ({"metrics__valid__spearman": -1.5}, "(valid: spearman is -1.5, where it is -1 to 1)"),
        ({"slices__bucket=3__rmse": -0.1}, "(bucket=3: rmse is -0.1"),
        ({"metrics": {}}, "(it has no metrics of the validation or test rows)"),
        ({"cost__seconds": -1}, "(its cost is -1 seconds)"),
        ({"curve__best_epoch": 99}, "(its best epoch is 99 of 3)"),
        ({"metrisc": {}}, "is not a record (Object contains unknown field `metrisc`)"),
        ({"seed": 3}, "holds the record of kuairand/tpm/default/3: move it back, or delete it"),
        ({"method": "../../up"}, "holds the record of kuairand/../../up/default/0"),
    ],
)
def test_a_record_that_cannot_be_right_is_refused_by_name(one: Path, changes: dict[str, object], words: str) -> None:
    put(one, **changes)
    refused(one.parents[3], str(one), words)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"format": "new"}', "null"])
def test_what_is_no_record_is_refused_by_name(one: Path, text: str) -> None:
    one.write_text(text)
    refused(one.parents[3], f"{one} is not a record", "delete it and run again")


def test_files_and_folders_whose_names_begin_with_a_dot_are_passed_over(one: Path, tmp_path: Path) -> None:
    junk = b"\0\5\26\7"
    Study("kuairand", "tpm").write(tmp_path, trial())
    for path in list(tmp_path.rglob("*.json")):
        path.with_name(f"._{path.name}").write_bytes(junk)
    for folder in (tmp_path / ".trash" / "tpm" / "default", tmp_path / "kuairand" / ".tpm" / "default"):
        folder.mkdir(parents=True)
        (folder / "0.json").write_bytes(junk)
    assert [record.cell.seed for record in Store(tmp_path).all()] == [0]
    assert list(studies(tmp_path)) == [Study("kuairand", "tpm")]


def test_suites_whose_names_begin_with_a_dot_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text('title = "Mine"\nseeds = 1\n[[grid]]\ndatasets = []\nmethods = []\n')
    (tmp_path / "._mine.toml").write_bytes(b"\0\5\26\7\xff")
    monkeypatch.setattr(suite, "FOLDER", tmp_path)
    assert suite.names() == ["mine"]
    assert list(variants.declared(tmp_path)) == []


@pytest.mark.parametrize(
    "content",
    [
        b'title = "\xc5\x00"',
        b'title = "M"\nseeds = 1\ngrid = ["tr"]\n',
        b'title = "M"\nseeds = inf\ngrid = []\n',
        b"title = " + b"[" * 5000,
        b"",
    ],
)
def test_what_is_no_suite_is_refused_by_name_and_costs_no_other_suite(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    monkeypatch.setattr(suite, "FOLDER", tmp_path)
    assert list(variants.declared(tmp_path)) == []
    with pytest.raises(UserError, match=r"mine\.toml is not a suite"):
        suite.load("mine")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 3}, "is a trial of format 3, this version reads 1"),
        ({"objective": -1.0}, "cannot be right (mae is -1, where it is 0 or more)"),
        ({"seconds": -2.0}, "cannot be right (it took -2 seconds)"),
        ({"objectiv": 1.0}, "is not a trial (Object contains unknown field `objectiv`)"),
    ],
)
def test_a_trial_that_cannot_be_right_is_refused_by_name(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    study = Study("kuairand", "tpm")
    study.write(tmp_path, trial())
    path = put(study.path(tmp_path, 0), **changes)
    with pytest.raises(UserError) as caught:
        study.read(tmp_path)
    assert f"{path} {words}" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "of format 2, this version reads 1"),
        ({"drawz": 9}, "Object contains unknown field `drawz`"),
        ({"metrics__mae__userz": [1.0]}, "Object contains unknown field `userz`"),
        ({"metrics__mae__value": [-1.0, 2.0]}, "cannot be right (mae is -1, where it is 0 or more): delete it"),
        ({"metrics__xauc__value": [0.5, 7.0]}, "cannot be right (xauc is 7, where it is 0 to 1)"),
        ({"metrics__mae__users": [0.1, -0.1]}, "(mae has the standard error -0.1)"),
        ({"metrics__mae__users": [0.1]}, "(mae has another number of values than there are entries)"),
        ({"metrics__mae__pairs": [[], []]}, "(mae has other pairs than there are entries)"),
    ],
)
def test_noise_that_cannot_be_right_is_refused_by_name(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    records = [*fake_records.seeds(2), *fake_records.seeds(2, method="wlr")]
    noises.write(tmp_path, fake_noise.resampled(records))
    assert noises.read(tmp_path) is not None
    put(tmp_path / noises.FILE, **changes)
    with pytest.raises(UserError) as caught:
        noises.read(tmp_path)
    assert f"{tmp_path / noises.FILE} " in str(caught.value)
    assert words in str(caught.value)


def test_a_portrait_of_another_format_is_refused_by_name(tmp_path: Path) -> None:
    found = portraits.Portrait(dataset="kuairand@time", code="c0de", table="da7a", buckets=[])
    portraits.KIND.write(tmp_path, msgspec.structs.replace(found, format=2))
    with pytest.raises(UserError, match="of format 2, this version reads 1"):
        portraits.KIND.read(tmp_path)


def test_the_command_line_refuses_a_record_of_another_format_in_one_line(
    one: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(one, format=2)
    assert main(["report", "--runs", str(one.parents[3])]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {one} is a record of format 2")
    assert error.count("\n") == 1


def test_letters_that_are_no_utf8_are_refused_wherever_they_stand(one: Path, tmp_path: Path) -> None:
    """In a key, in a value, in the name of an unknown key: msgspec raises another error for each."""
    raw, folder = one.read_bytes(), one.parents[3]
    places = [place for place in range(0, len(raw), 7) if raw[place : place + 1].isalpha()]
    for place in places:
        one.write_bytes(raw[:place] + b"\xf3" + raw[place + 1 :])
        refused(folder, str(one), "delete it and run again")
    assert len(places) > 50


def test_a_value_of_a_hundred_thousand_letters_is_not_repeated(one: Path) -> None:
    put(one, outcome="x" * 100_000)
    with pytest.raises(UserError) as caught:
        Store(one.parents[3]).all()
    said = str(caught.value)
    assert said.startswith(f"{one} is not a record") and said.endswith("delete it and run again") and len(said) < 1500
