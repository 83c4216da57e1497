"""What killed processes leave behind is swept, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.files import scratch


@pytest.fixture(scope="module")
def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_scratch_files_of_processes_that_are_gone_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: int
) -> None:
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))
    runs, seeds = tmp_path / "runs", tmp_path / "cache/predictions/kuairand/tr/default"
    ours, theirs = os.getpid(), gone
    left = [
        runs / f".RESULTS.md.{theirs}",
        runs / f".board.html.{theirs}",
        runs / f".estimands.json.{theirs}",
        runs / f"figures/.lanes.svg.{theirs}",
        seeds / f".0-cafe.npy.{theirs}",
        seeds / "0-cafe-draws-beef.part",
        tmp_path / f"cache/catalog/.a-methods.tr.json.{theirs}",
        tmp_path / f"cache/read/.cafe.{theirs}",
    ]
    kept = [
        runs / "RESULTS.md",
        runs / f".RESULTS.md.{ours}",
        runs / f".notes.{theirs}",  # nobody of ours writes it
        seeds / "0-cafe.npy",
        seeds / f".1-cafe.npy.{ours}",
        tmp_path / "cache/catalog/a-methods.tr.json",
    ]
    young = seeds / f".2-cafe.npy.{theirs}"  # of another machine, perhaps
    for path in (*left, *kept, young):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        if path != young:
            os.utime(path, (1e9, 1e9))
    scratch.sweep(runs)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in (*kept, young))


def test_nothing_to_sweep_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))
    scratch.sweep(tmp_path / "none")
    assert not list(tmp_path.iterdir())
