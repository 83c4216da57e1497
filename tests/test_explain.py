"""`explain`: everything behind a number or a page, and what moved since."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark import ROOT
from benchmark.cli.app import main
from reports.explain import Wanted, parse
from reports.model.folder import digest
from tests.fake_records import save, seeds, world


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A real run of two constants and its pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVP_CACHE", str(tmp_path_factory.mktemp("cache")))
        runs = tmp_path_factory.mktemp("made")
        assert main(["run", "--executor", "inline", "--only", "mean,median", "--runs", str(runs)]) == 0
        yield runs


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(made, tmp_path / "runs")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["explain", *arguments]) == code
    return capsys.readouterr().out if code == 0 else capsys.readouterr().err


def _record(runs: Path) -> dict:
    return json.loads((runs / "synthetic/mean/default/0.json").read_text())


def test_a_number_has_its_records_data_configuration_code_and_command(runs, capsys):
    text, record = told(capsys, "synthetic/mean/mae", "--runs", str(runs)), _record(runs)
    mae = record["metrics"]["test"]["mae"]
    assert f"mae                {mae:.3f}" in text and f"seed 0    {mae:<14.8g} fresh" in text
    assert f"{mae:.3f}" in (runs / "RESULTS.md").read_text()
    assert f"command      {record['command']}" in text
    assert f"fingerprint {record['identity']['data']}: same today" in text
    assert (
        f"code         {record['identity']['code']}" in text and f"config       {record['identity']['config']}" in text
    )
    assert "split random 6:2:2 by row, split seed 0" in text
    for name, value in record["identity"]["files"].items():
        assert re.search(rf"{name} +{value} same", text)
    assert f"numpy {record['identity']['environment']['numpy']}" in text


def test_without_a_metric_all_are_told_and_a_slice_has_its_own(runs, capsys):
    text = told(capsys, "synthetic/mean", "--runs", str(runs))
    assert all(re.search(rf"^  {name} +\d", text, flags=re.M) for name in ("mae", "rmse", "xauc", "ratio"))
    text = told(capsys, "synthetic/mean/default/MAE/bucket=0", "--runs", str(runs))
    assert f"{_record(runs)['slices']['bucket=0']['mae']:.3f}" in text and "slice bucket=0" in text


def test_what_moved_since_is_named_and_the_number_is_refused(runs, capsys):
    path = runs / "synthetic/mean/default/0.json"
    record = _record(runs)
    record["identity"] |= {"code": "0" * 16, "data": "f" * 64}
    record["identity"]["files"] |= {"methods/constants.py": "0" * 16, "methods/gone.py": "1" * 16}
    path.write_text(json.dumps(record))
    text = told(capsys, "synthetic/mean/mae", "--runs", str(runs))
    assert "not on the board; its refused records say" in text
    assert "code moved: methods/constants.py, methods/gone.py" in text
    assert re.search(r"methods/constants\.py +0{16} moved, now [0-9a-f]{16}", text)
    assert re.search(r"methods/gone\.py +1{16} gone", text)
    assert re.search(r"methods/base\.py +[0-9a-f]{16} same", text)
    assert "moved, now" in text.split("fingerprint")[1].splitlines()[0]


def test_a_moved_setting_is_named(runs, capsys):
    path = runs / "synthetic/mean/default/0.json"
    record = _record(runs)
    record["protocol"]["patience"] = 77
    record["identity"]["config"] = "0" * 16
    path.write_text(json.dumps(record))
    assert "configuration moved: patience 77 -> 3" in told(capsys, "synthetic/mean/mae", "--runs", str(runs))


def test_records_of_different_origin_are_told_apart(tmp_path, capsys):
    save(tmp_path, *seeds(3, command="python -m benchmark run"), *seeds(1, command="python -m benchmark run --seeds 1"))
    text = told(capsys, "kuairand/tpm/rmse", "--runs", str(tmp_path))
    assert "\nseeds 1, 2\n" in text and "\nseed 0\n" in text
    assert text.count("command      ") == 2


def test_a_page_is_that_of_its_records_with_every_cell_behind_it(runs, capsys):
    assert main(["report", "--runs", str(runs)]) == 0  # the pages name their folder
    for name in ("RESULTS.md", "board.html", "pages/board-synthetic.md"):
        text = told(capsys, str(runs / name))
        assert f"sha256 {digest(runs)}" in text and f"they are the 2 records in {runs} today" in text
        assert "its text is what they give today" in text
        assert re.search(r"synthetic/median/default +1 fresh", text) and "2 cells: 2 fresh" in text


def test_a_page_edited_by_hand_is_found_out(runs, capsys):
    assert main(["report", "--runs", str(runs)]) == 0
    page = runs / "RESULTS.md"
    lines = page.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("| 1 "))
    lines[place] = lines[place].replace("1", "2", 1)
    page.write_text("\n".join(lines) + "\n")
    assert f"NOT what they give today, from line {place + 1} on" in told(capsys, str(page))


def test_a_page_of_other_records_is_found_out(runs, capsys):
    (runs / "synthetic/mean/default/0.json").unlink()
    text = told(capsys, str(runs / "RESULTS.md"))
    assert f"NOT those in {runs} today, whose sha256 is {digest(runs)}" in text
    assert "1 cell: 1 fresh" in text


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("kuairnd/tr/mae", "no dataset named 'kuairnd'; did you mean 'kuairand'?"),
        ("kuairand/tmp/mae", "no method named 'tmp'; did you mean 'tpm'?"),
        ("kuairand", "'kuairand' names no number"),
        ("kuairand/tpm/mea", "did you mean 'mae'?"),
        ("kuairand/boosting/absolut", "did you mean 'absolute'?"),
        ("nowhere.md", "cannot be read"),
    ],
)
def test_a_wrong_word_is_one_line_with_the_nearest_name(what, words, tmp_path, capsys):
    save(tmp_path, *world())
    error = told(capsys, what, "--runs", str(tmp_path), code=2)
    assert words in error and len([line for line in error.splitlines() if line.startswith("error:")]) == 1


def test_no_records_and_no_digest_are_said(tmp_path, capsys):
    assert "python -m benchmark run" in told(capsys, "kuairand/tr", "--runs", str(tmp_path), code=2)
    (tmp_path / "NOTES.md").write_text("# Notes\n")
    assert "no digest of records" in told(capsys, str(tmp_path / "NOTES.md"), code=2)


def test_names_are_read_in_any_order_after_the_method():
    records = world()
    assert parse("kuairand/boosting/absolute/rmse", records) == Wanted("kuairand", "boosting", "absolute", "rmse")
    assert parse("/kuairand/boosting/RMSE/", records) == Wanted("kuairand", "boosting", "default", "rmse")
    assert parse("kuairand/tpm/xauc/bucket=3", records) == Wanted("kuairand", "tpm", "default", "xauc", "bucket=3")


def test_it_answers_without_torch(made):
    call = (
        "import sys; from benchmark.cli.app import main; "
        f"assert not main(['explain', 'synthetic/mean/mae', '--runs', {str(made)!r}]); "
        "assert not {'torch', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, cwd=ROOT)
