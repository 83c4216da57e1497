"""Jobs and their workers: who is at fault, who tries again, and that a job runs on the code that its record names."""

import errno
import importlib
import os
import sys
from collections import deque
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.execute import code, pool
from benchmark.execute.code import CodeMoved, exactly, watch
from benchmark.execute.engine import Options
from benchmark.execute.events import Again, Done, Event, Failed, Started
from benchmark.execute.faults import failed, fault
from benchmark.execute.task import Job
from benchmark.files.errors import UserError
from benchmark.plan.catalog import catalog
from benchmark.records.cell import Cell
from benchmark.records.identity import digest
from benchmark.records.store import Store
from benchmark.records.trial import Attempt
from benchmark.tuning.task import Tried, TryTrials
from benchmark.tuning.tuner import Tuner, asked
from datasets.base import BadData, CacheError, TooFew
from tests import jobs


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool.worker, "main", jobs.light)


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def test_a_worker_that_was_killed_while_idle_costs_nothing() -> None:
    queue, events = deque[Job]([jobs.Pid()]), list[Event]()
    for _, event in pool.processes(queue, 1):
        events.append(event)
        if isinstance(event, Done) and len(events) == 2:
            (child,) = (child for child in active_children() if child.pid == event.result)
            child.kill()
            child.join()
            queue.append(jobs.Pid())
    assert kinds(events) == [Started, Done] * 2
    assert isinstance(events[1], Done) and isinstance(events[3], Done) and events[1].result != events[3].result


def test_a_worker_that_dies_at_its_start_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(jobs.BORN, str(tmp_path / "born"))
    monkeypatch.setattr(pool.worker, "main", jobs.born_late)
    assert kinds([event for _, event in pool.processes([jobs.Pid()], 1)]) == [Started, Done]
    assert (tmp_path / "born").exists()


def test_where_no_worker_stays_alive_the_run_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool.worker, "main", jobs.never_born)
    with pytest.raises(UserError, match="no worker process stays alive: the worker process ended with code 9"):
        list(pool.processes([jobs.Pid()], 2))


def test_where_no_worker_can_be_started_the_run_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(gpu: str) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(pool, "_Worker", refuse)
    with pytest.raises(UserError, match="no worker process can be started"):
        list(pool.processes([jobs.Pid()], 2))


def test_after_a_lack_of_memory_a_fresh_worker_tries_once_more(tmp_path: Path) -> None:
    events = [event for _, event in pool.processes([jobs.Greedy(tmp_path / "first")], 1)]
    assert kinds(events) == [Started, Again, Started, Done]
    assert isinstance(events[1], Again) and "MemoryError: no room for an array" in events[1].error
    assert isinstance(events[3], Done) and isinstance(events[3].result, tuple)
    first, second = events[3].result
    assert first != second


def test_what_the_machine_lacks_twice_is_no_methods_failure_and_the_next_job_has_a_fresh_worker() -> None:
    events = [event for _, event in pool.processes([jobs.Handleless(), jobs.Pid()], 1)]
    assert kinds(events) == [Started, Again, Started, Failed, Started, Done]
    (lost,) = (event for event in events if isinstance(event, Failed))
    assert lost.fault == "environment" and os.strerror(errno.EMFILE) in lost.error


def test_a_job_under_which_two_workers_die_is_at_fault() -> None:
    events = [event for _, event in pool.processes([jobs.Dies()], 1)]
    assert kinds(events) == [Started, Again, Started, Failed]
    assert events[-1] == Failed("the worker process ended with code 7, 2 times", "method")


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "whose"),
    [
        (ValueError("a setting"), "method"),
        (FileNotFoundError(errno.ENOENT, "no such file"), "method"),  # a path in the method's code
        (OSError("could not get source code"), "method"),  # raised by a library, not by the system
        (RuntimeError("shapes differ"), "method"),
        (MemoryError(), "environment"),
        (OSError(errno.EMFILE, "Too many open files"), "environment"),
        (PermissionError(errno.EACCES, "Permission denied"), "environment"),
        (_caused(ValueError("while reading"), MemoryError()), "environment"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"), "environment"),
        (RuntimeError("can't start new thread"), "environment"),
        (ImportError("libx.so: cannot open shared object file: Too many open files"), "environment"),
        (BadData("line 3"), "data"),
        (CacheError("full"), "data"),
        (TooFew("a sample"), "few"),
        (CodeMoved("methods/tr.py"), "code"),
    ],
)
def test_whose_fault_an_error_is(error: Exception, whose: str) -> None:
    assert fault(error) == whose
    assert failed(error, "kuairand").fault == whose
    assert "\n" not in failed(error, "kuairand").error


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A watched package in the place of methods/, with one file."""
    (tmp_path / "made_up").mkdir()
    (tmp_path / "made_up/__init__.py").write_text("")
    (tmp_path / "made_up/one.py").write_text("value = 1\n")
    monkeypatch.setattr(code, "ROOT", tmp_path)
    monkeypatch.setattr(code, "_WATCHED", ("made_up",))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def hashes(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): digest(path.read_bytes()) for path in sorted(root.rglob("*.py"))}


def test_code_that_was_edited_before_its_import_and_put_back_after_it_is_refused(package: Path) -> None:
    files, text = hashes(package), (package / "made_up/one.py").read_text()
    watch()

    def edited() -> None:
        (package / "made_up/one.py").write_text("value = 2\n")
        assert importlib.import_module("made_up.one").value == 2
        (package / "made_up/one.py").write_text(text)

    with pytest.raises(CodeMoved, match=r"made_up/one\.py changed since the run began"), exactly(files):
        edited()


def test_code_that_is_edited_after_its_import_is_what_was_imported(package: Path) -> None:
    files = hashes(package)
    watch()
    with exactly(files):
        importlib.import_module("made_up.one")
        (package / "made_up/one.py").write_text("value = 2\n")


def test_a_half_saved_file_is_no_failure_of_the_method(package: Path) -> None:
    files = hashes(package)
    watch()

    def half_saved() -> None:
        (package / "made_up/one.py").write_text("value = (\n")
        importlib.import_module("made_up.one")

    with pytest.raises(CodeMoved), exactly(files):
        half_saved()


def test_nothing_runs_where_a_file_is_another_or_gone_before(package: Path) -> None:
    files = hashes(package)
    (package / "made_up/one.py").unlink()
    with pytest.raises(CodeMoved), exactly(files):
        pytest.fail("it ran")


def test_an_error_of_the_right_code_stays_what_it_is(package: Path) -> None:
    with pytest.raises(ZeroDivisionError), exactly(hashes(package)):
        raise ZeroDivisionError


def test_a_compiled_file_that_only_seems_to_be_of_the_source_is_not_believed(package: Path) -> None:
    """Python takes a compiled file by the source's time in seconds and its size."""
    source = package / "made_up/one.py"
    seconds = int(source.stat().st_mtime)
    os.utime(source, (seconds, seconds))
    assert importlib.import_module("made_up.one").value == 1  # writes the compiled file
    assert list(package.rglob("one.*.pyc")) or sys.dont_write_bytecode
    sys.modules.pop("made_up.one")
    source.write_text("value = 2\n")
    os.utime(source, (seconds, seconds))
    watch()
    with exactly(hashes(package)):
        assert importlib.import_module("made_up.one").value == 2


def test_a_stack_without_room_is_tried_one_by_one_and_what_finds_none_is_no_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods, _ = catalog()
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))
    wanted, _ = asked([Cell("synthetic", "tr", "default", 0)], methods, budget=4)
    tuner = Tuner(methods, Store(tmp_path / "runs"), Options(executor="inline"), Console(quiet=True))
    tried: list[tuple[int, ...]] = []

    def little_room(queue: deque[TryTrials], workers: int) -> Iterator[tuple[TryTrials, Event]]:
        while queue:
            job = queue.popleft()
            tried.append(job.numbers)
            yield job, Started()
            if job.numbers == (2,) or len(job.numbers) > 1:
                yield job, Failed("MemoryError: no room", "environment")
            else:
                trial = job.trial(job.proposals[0], Attempt("ok", objective=1.0), {}, "da7a")
                yield job, Done(Tried((trial,)))

    monkeypatch.setattr(tuner.engine, "present", lambda found: found.cells)
    monkeypatch.setattr(tuner.engine, "execute", little_room)
    monkeypatch.setattr(tuner.engine, "workers", 1)
    with pytest.raises(UserError, match=r"no result of synthetic/tr/tuned trial 2 \(MemoryError: no room\); no method"):
        tuner.run(wanted)
    assert tried == [(0, 1, 2, 3), (0,), (1,), (2,), (3,)]
    assert [trial.number for trial in wanted[0].study.read(tmp_path / "runs")] == [0, 1, 3]
