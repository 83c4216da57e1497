"""The benchmarks' own arithmetic, and that a wrong name is told from a right one."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from benchmark.bench import common, run, training, verbs
from benchmark.bench.common import Asked
from benchmark.files.errors import UserError


def test_calls_take_turns_and_are_timed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now, seen = itertools.count(), list[str]()
    ticks: Iterator[float] = (float(t * t) for t in now)
    monkeypatch.setattr(common.time, "process_time", lambda: next(ticks))
    times = common.interleaved([lambda: seen.append("a"), lambda: seen.append("b")], rounds=2)
    assert seen == ["a", "b"] * 3  # once to warm up, then two rounds
    assert times == [[1.0, 9.0], [5.0, 13.0]]


def test_the_ratio_is_the_median_of_the_rounds_own() -> None:
    assert common.ratio([2.0, 30.0, 8.0], [1.0, 10.0, 2.0]) == 3.0


def test_the_floor_takes_each_product_in_its_best_layout() -> None:
    assert training.least_of([[3.0, 3.0], [1.0, 2.0], [5.0, 4.0]], [2, 1]) == [6.0, 6.0]


def test_the_floor_has_all_products_of_a_step() -> None:
    calls = training.products(2, 3, "cpu")
    shapes = {tuple(sorted(layout().shape[1:])) for layouts in calls for layout in layouts}
    assert len(calls) == 12  # three of each of four layers
    assert {(64, 512), (128, 512), (64, 128), (64, 64), (1, 512), (1, 64)} == shapes


def test_a_benchmark_or_part_that_there_is_not_is_an_error() -> None:
    said = list[str]()
    with pytest.raises(UserError, match="training"):
        run.main("trainin", Asked(said.append))
    with pytest.raises(UserError, match="step, encode, not 'steps'"):
        run.main("gr", Asked(said.append, parts=("steps",)))
    assert not said


def test_the_time_of_a_process_is_its_own_and_its_childrens() -> None:
    """Against the clock of the process itself, which knows neither its start nor its end."""
    busy = "import time, sys\nwhile time.process_time() < {}: pass"
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy.format(0.4)!r}], check=True)"
    assert verbs.cpu_seconds(["-c", busy.format(0.3)]) >= 0.3
    assert verbs.cpu_seconds(["-c", inner]) >= 0.4
    with pytest.raises(CalledProcessError):
        verbs.cpu_seconds(["-c", "raise SystemExit(2)"])


def test_every_verb_that_is_timed_reads_what_it_is_given(tmp_path: Path) -> None:
    calls = verbs.commands(tmp_path / "runs", Asked(print, root=tmp_path))
    with_data = {name for name, (_, arguments) in calls.items() if arguments[-2:] == ["--data", str(tmp_path)]}
    assert with_data == {"status", "plan", "explain", "report"}
    assert [name for name, (_, arguments) in calls.items() if "--runs" in arguments] == ["report"]
