"""The command line as a user meets it: exit codes, one-line errors that say what to type, and nothing half-written."""

import contextlib
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli.app import main
from benchmark.plan.expected import Expected
from benchmark.records import predictions
from benchmark.records.cell import Cell
from benchmark.records.store import Store
from methods.constants import Mean
from tests import fixtures
from tests.copies import copy_sources
from tests.fake_records import record, save
from tests.tuning_world import World

CHEAP = "mean,median,bucket_mean"


@pytest.fixture(autouse=True, scope="module")
def _one_cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    """One cache for the module: the synthetic table is prepared once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def run(*arguments: str) -> int:
    return main(["run", "--executor", "inline", *arguments])


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    return lines[0]


def test_a_run_writes_records_and_a_report_and_then_has_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--only", CHEAP, "--runs", str(tmp_path))
    assert run(*arguments) == 0
    paths = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.glob("*/*/*/*.json"))
    assert paths == [f"synthetic/{m}/default/0.json" for m in ("bucket_mean", "mean", "median")]
    assert "Bucket mean" in (tmp_path / "RESULTS.md").read_text()
    before = {path: (tmp_path / path).read_bytes() for path in paths}
    assert run(*arguments) == 0
    assert "nothing to run" in capsys.readouterr().out
    assert before == {path: (tmp_path / path).read_bytes() for path in paths}


def test_a_record_says_what_its_numbers_depend_on(tmp_path: Path) -> None:
    assert run("--only", "mean", "--runs", str(tmp_path)) == 0
    record = json.loads((tmp_path / "synthetic/mean/default/0.json").read_text())
    assert record["outcome"] == "ok"
    assert set(record["identity"]["files"]) >= {"methods/constants.py", "methods/base.py", "datasets/schema.py"}
    assert record["identity"]["data"] and record["identity"]["environment"]["numpy"]
    assert record["command"] == "python -m benchmark run --only synthetic/mean/default --suite quick"
    assert record["metrics"]["test"]["xauc"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--suite", "quik"], "did you mean 'quick'?"),
        (["--only", "medain"], "did you mean 'median'?"),
        (["--dataset", "sinthetic"], "did you mean 'synthetic'?"),
        (["--seeds", "0"], "is not a whole number from 1 to 10,000"),
        (["--data", "/no/such/folder"], "no such folder"),
        (["--rerun", "some"], "missing, stale, failed, unpredicted, all"),
        (["--executor", "magic"], "processes, inline or ray"),
        (["--workers", "-3"], "is not a whole number from 0 to 10,000"),
        (["--dataset", "kuairand"], "the suite quick has no dataset"),
        (["--device", "tpu"], "auto, cpu or cuda"),
        (["--sede", "3"], "--help"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--runs", str(tmp_path / "runs"), "--only", "mean", *arguments]) == 2
    assert words in error_of(capsys)
    assert not list(tmp_path.rglob("*.json"))


def test_no_data_at_all_is_said_with_where_to_get_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert run("--suite", "wtp", "--data", str(tmp_path / "empty"), "--runs", str(tmp_path / "runs")) == 2
    assert "python -m benchmark data" in error_of(capsys)


def test_a_file_in_the_place_of_the_records_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").write_text("")
    assert run("--only", "mean", "--runs", str(tmp_path / "runs")) == 2
    assert "--runs" in error_of(capsys)


def test_a_record_that_is_no_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "synthetic/mean/default/0.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"torn": ')
    assert run("--only", "mean", "--runs", str(tmp_path)) == 2
    assert f"{path} is not a record" in (line := error_of(capsys)) and "delete it" in line
    assert path.read_text() == '{"torn": '


def test_a_full_disk_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("--only", "mean", "--runs", str(tmp_path)) == 0

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        assert run("--only", "mean,median", "--runs", str(tmp_path)) == 2
    assert "finished cells are kept" in error_of(capsys)
    records = [str(p.relative_to(tmp_path)) for p in tmp_path.glob("*/*/*/*json*")]
    assert records == ["synthetic/mean/default/0.json"]


def usual() -> None:
    """Ctrl-C as a terminal has it: tests in the background ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_says_that_nothing_is_lost(tmp_path: Path) -> None:
    """As a terminal sends it, to the run and its workers: twice, and once more when it is answered."""
    command = [
        sys.executable, "-m", "benchmark", "run", "--only", "mean,tr", "--workers", "1", "--runs", str(tmp_path)
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=usual,
    )
    assert process.stdout is not None
    next(line for line in process.stdout if line.startswith("synthetic/mean/default"))  # and now another trains
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stderr is not None
    said = process.stderr.readline()
    assert said == "interrupted: finished cells are kept; the same command goes on from there\n"
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    assert process.communicate()[1] == ""
    assert process.returncode == 130
    assert [path.parts[-3] for path in tmp_path.glob("*/*/*/*.json")] == ["mean"]


def test_an_interrupt_before_anything_is_up_is_one_line_too(tmp_path: Path) -> None:
    """While the command line is imported, and again while that is answered."""
    code = """
import os, runpy, signal, sys

class Early:
    def find_spec(self, name, path=None, target=None):
        if name == "cyclopts":
            os.kill(os.getpid(), signal.SIGINT)

class Late:
    def write(self, text):
        os.kill(os.getpid(), signal.SIGINT)
        return sys.__stderr__.write(text)

    def flush(self):
        sys.__stderr__.flush()

sys.meta_path.insert(0, Early())
sys.stderr = Late()
runpy.run_module("benchmark", run_name="__main__", alter_sys=True)
"""
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True, preexec_fn=usual)
    assert done.returncode == 130
    assert done.stderr.splitlines() == ["interrupted: finished cells are kept; the same command goes on from there"]


def test_a_reader_that_goes_is_no_error(tmp_path: Path) -> None:
    """`| head`: the pipe is closed before the first line. The work goes on."""
    for arguments in (["list"], ["run", "--executor", "inline", "--only", "mean", "--runs", str(tmp_path)]):
        command = [sys.executable, "-m", "benchmark", *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.close()
            assert "rror" not in process.stderr.read()
        assert process.returncode == 0
    assert (tmp_path / "RESULTS.md").exists()


def test_an_output_without_room_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "benchmark", "list"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (2, "error: [Errno 28] No space left on device\n")


def test_what_the_machine_lacks_is_no_failure_of_a_method(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(self: Mean, y: object) -> float:
        raise MemoryError("no room for 8 GiB")

    with monkeypatch.context() as patch:
        patch.setattr(Mean, "statistic", no_room)
        assert run("--only", "mean,bucket_mean", "--runs", str(tmp_path)) == 2
    said = error_of(capsys)
    assert "no result of synthetic/mean/default (MemoryError: no room for 8 GiB" in said and "tries again" in said
    assert [path.parts[-3] for path in tmp_path.glob("*/*/*/*.json")] == ["bucket_mean"]
    assert run("--only", "mean,bucket_mean", "--runs", str(tmp_path)) == 0
    assert Store(tmp_path).read(Cell("synthetic", "mean", "default", 0)).outcome == "ok"  # type: ignore[union-attr]


def test_a_method_that_is_edited_while_the_run_is_at_work_has_no_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run has hashed its files; what a worker imports then is something else."""
    files = Expected.files

    def before(self: Expected, method: str) -> dict[str, str]:
        return files(self, method) | ({"methods/constants.py": "0" * 16} if method == "mean" else {})

    monkeypatch.setattr(Expected, "files", before)
    assert run("--only", "mean,bucket_mean", "--runs", str(tmp_path)) == 2
    assert "synthetic/mean/default (methods/constants.py changed since the run began)" in error_of(capsys)
    assert [path.parts[-3] for path in tmp_path.glob("*/*/*/*.json")] == ["bucket_mean"]


def test_predictions_that_found_no_room_are_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--only", "mean", "--runs", str(tmp_path / "runs"))
    table = next((Path(os.environ["CVP_CACHE"]) / "tables").glob("synthetic-*"))
    shutil.copytree(table, tmp_path / "cache/tables" / table.name, copy_function=shutil.copy2)
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache/predictions").write_text("a file in the place of the folder")
    assert run(*arguments) == 0
    assert "its predictions are lost" in " ".join(capsys.readouterr().out.split())
    record = (tmp_path / "runs/synthetic/mean/default/0.json").read_bytes()
    (tmp_path / "cache/predictions").unlink()
    assert run(*arguments) == 0
    assert "its predictions found no room in the cache; it runs again" in capsys.readouterr().out
    assert list((tmp_path / "cache/predictions").rglob("0-*.npy"))
    again = (tmp_path / "runs/synthetic/mean/default/0.json").read_bytes()
    assert json.loads(record)["metrics"] == json.loads(again)["metrics"]
    shutil.rmtree(tmp_path / "cache/predictions")  # as on a machine that has only the records
    assert run(*arguments) == 0
    made = tmp_path / "cache/predictions/synthetic/mean/default"
    assert not made.exists(), "nobody asked for them"
    assert run(*arguments, "--rerun", "unpredicted") == 0
    assert "its predictions are not on this machine; it runs again" in capsys.readouterr().out
    (there,) = made.glob("0-*.npy")
    there.write_bytes(there.read_bytes()[:-1])  # damaged is as good as gone
    assert run(*arguments, "--rerun", "unpredicted") == 0 and predictions.kept(there)
    assert run(*arguments, "--rerun", "unpredicted") == 0
    assert "nothing to run" in capsys.readouterr().out.rpartition("it runs again")[2]
    assert run(*arguments) == 0
    assert "nothing to run" in capsys.readouterr().out


def test_a_folder_without_records_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--runs", str(tmp_path / "none")]) == 2
    assert "no records in" in error_of(capsys)
    (tmp_path / "file").write_text("")
    assert main(["status", "--runs", str(tmp_path / "file")]) == 2
    assert "not a folder of records" in error_of(capsys)


def test_data_lists_what_is_bad_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fixtures.kuairand(tmp_path)
    log = next(tmp_path.rglob("log_standard_*"))
    log.write_bytes(log.read_bytes()[:-200])
    assert main(["data", "--data", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "unusable" in out and log.name in out and "cdnow" in out


def test_two_runs_at_once_on_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(tmp_path).lock():
        assert run("--only", "mean", "--runs", str(tmp_path)) == 2
    assert "another run" in error_of(capsys)


def test_an_incomplete_dataset_names_the_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "data"
    fixtures.kuairand(root)
    missing = next(root.rglob("video_features_basic_pure.csv"))
    missing.unlink()
    assert run("--suite", "wtp", "--dataset", "kuairand", "--data", str(root), "--runs", str(tmp_path / "runs")) == 2
    assert missing.name in error_of(capsys)


def test_bad_rows_stop_the_run_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "data"
    fixtures.kuairand(root)
    log = next(root.rglob("log_standard_*"))
    log.write_bytes(gzip.compress(gzip.decompress(log.read_bytes()).replace(b"play_time_ms", b"play_ms")))
    assert (
        run(
            "--suite",
            "wtp",
            "--dataset",
            "kuairand",
            "--only",
            CHEAP,
            "--data",
            str(root),
            "--runs",
            str(tmp_path / "runs"),
        )
        == 2
    )
    assert "play_time_ms" in error_of(capsys)
    assert not list((tmp_path / "runs").rglob("*.json"))


def test_editing_a_method_makes_its_records_stale_and_the_report_refuses_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--only", CHEAP, "--runs", str(tmp_path)) == 0
    path = tmp_path / "synthetic/mean/default/0.json"
    record = json.loads(path.read_text())
    record["identity"]["code"] = "0" * 16
    record["identity"]["files"]["methods/constants.py"] = "0" * 16
    path.write_text(json.dumps(record))
    capsys.readouterr()
    assert main(["status", "--runs", str(tmp_path)]) == 0
    assert "synthetic/mean/default" in (out := capsys.readouterr().out) and "code moved: methods/constants.py" in out
    assert main(["report", "--runs", str(tmp_path)]) == 0
    assert "1 stale ones left out" in capsys.readouterr().out
    assert run("--only", CHEAP, "--runs", str(tmp_path)) == 0
    assert json.loads(path.read_text())["identity"]["code"] != "0" * 16


def test_help_list_and_status_answer_quickly_and_without_torch(tmp_path: Path) -> None:
    for verb in (["--help"], ["list"], ["status", "--runs", str(tmp_path)], ["plan"], ["data"]):
        call = (
            f"from benchmark.cli import app; import sys; assert not app.main({verb!r}) and 'torch' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", call], check=True, capture_output=True)


_METHOD = '''"""{title}, dropped in."""

import os

from methods.constants import Mean


class {title}(Mean):
    """{title}, dropped in."""

    name = "{name}"

    def statistic(self, y):
        {body}
'''


def test_dropped_in_methods_are_listed_run_and_ranked_and_failures_are_rows(tmp_path: Path) -> None:
    """In a copy of the sources: one good file, one that raises, one whose process dies, one that cannot be imported."""
    copy_sources(tmp_path)
    bodies = {"Half": "return 0.5 * super().statistic(y)", "Fails": "return 1 / 0", "Dies": "os.kill(os.getpid(), 9)"}
    for title, body in bodies.items():
        (tmp_path / "methods" / f"{title.lower()}.py").write_text(
            _METHOD.format(title=title, name=title.lower(), body=body)
        )
    (tmp_path / "methods" / "broken.py").write_text("import no_such_library\n")

    def ours(*arguments: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "benchmark", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stdout

    listed = ours("list")
    assert all(title.lower() in listed for title in bodies)
    assert "methods.broken is left out: ModuleNotFoundError" in listed
    said = ours("run", "--only", "half,fails,dies,mean", "--runs", "runs", code=1)
    assert "2 of 4 cells failed, synthetic/dies/default/0 for one: the worker process was ended by SIGKILL" in said
    assert "`python -m benchmark status --runs runs`; to try again: the same command with --rerun failed" in said
    again = ours("run", "--only", "half,fails,dies,mean", "--runs", "runs", code=1)
    assert "nothing to run: 2 failed, 2 fresh; --rerun failed tries those that failed again" in again
    assert "2 of 4 cells failed" in again
    records = {p.parts[-3]: json.loads(p.read_text()) for p in (tmp_path / "runs").rglob("[0-9].json")}
    assert {name: r["outcome"] for name, r in records.items()} == {
        "half": "ok", "mean": "ok", "fails": "failed", "dies": "failed",
    }  # fmt: skip
    assert "ZeroDivisionError" in records["fails"]["error"] and "fails.py" in records["fails"]["error"]
    assert "SIGKILL" in records["dies"]["error"]
    report = (tmp_path / "runs" / "RESULTS.md").read_text()
    assert all(title in report for title in bodies)
    assert "ZeroDivisionError" in report


def wait_for(there: Callable[[], bool], seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)


def _comparable(runs: Path) -> dict[str, object]:
    """The records without their timings."""
    found = {}
    for path in runs.glob("*/*/*/*.json"):
        record = json.loads(path.read_text())
        record.pop("cost"), record.pop("finished")
        found[str(path.relative_to(runs))] = record
    return found


def test_a_run_killed_again_and_again_ends_like_an_uninterrupted_one(tmp_path: Path) -> None:
    """kill -9 again and again, then once to the end: the same records, none torn, none lost."""
    world, killed, whole = World(tmp_path / "world"), tmp_path / "killed", tmp_path / "whole"
    arguments = ("run", "--suite", "made_up", "--only", "tiny,shift", "--workers", "1", "--runs")
    for landed in (0, 1, 3):  # when it begins, and when so many records are there
        process = world.start(*arguments, str(killed))
        wait_for(lambda n=landed: len(_comparable(killed)) >= n if n else (killed / ".lock").exists())  # type: ignore[misc]
        assert process.poll() is None
        process.kill()
        process.wait()
    for runs in (killed, whole):
        world.run(*arguments, str(runs))
    assert _comparable(killed) == _comparable(whole)
    assert len(_comparable(whole)) == 4


def test_names_of_a_paper_s_table_are_checked(tmp_path, capsys):
    """The records are made up, so stale: none has a number."""
    runs = save(tmp_path / "mine", *(record(method=m) for m in ("tr", "gr")))
    assert main(["report", "--runs", str(runs), "--focus", "gr", "--methods", "tr,", "--columns", "mae"]) == 2
    assert "empty name" in error_of(capsys)
    assert main(["report", "--runs", str(runs), "--focus", "gr", "--methods", "tr"]) == 2
    assert "'gr'" in error_of(capsys)
    assert main(["report", "--runs", str(runs), "--columns", "mae"]) == 2 and "--focus" in error_of(capsys)
