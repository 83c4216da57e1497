"""The sources, a finished run to compare with, and how a run that something was done to is judged."""

import shutil
from pathlib import Path
from typing import Any

from tests.torture import warm, world
from tests.torture.table import Row


def warmed(whole_cache: Path, place: Path) -> Path:
    """Makes a cache with the table and the catalog, without predictions; returns it."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(whole_cache, place, copy_function=shutil.copy2)
    shutil.rmtree(place / "predictions", ignore_errors=True)
    return place


class Bench:
    """What the checks of one part share."""

    def __init__(self, base: Path, place: Path) -> None:
        """place: the sources, those of this process."""
        self.base, self.place = base, place
        self.runs, self.cache = world.finished(place, base / "whole")
        self.whole = world.everything(self.runs)
        cache = world.fresh_cache(base / "first-cache", self.cache)
        self.length = warm.prepare(place, cache, base / "first", base / "first-log", *world.RUN)
        if found := world.differences(self.whole, world.everything(base / "first")):
            raise AssertionError(f"a fork makes other records than a fresh interpreter: {found[:3]}")

    def fresh(self, name: str) -> tuple[Path, Path, Path]:
        """Returns a place for records, a cache with the table alone, and a log."""
        folder = self.base / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder / "runs", warmed(self.cache, folder / "cache"), folder / "log"

    def start(self, cache: Path, runs: Path, log: Path, **more: Any) -> warm.Process:
        """Starts the run that the finished one was."""
        return warm.start(self.place, cache, *world.RUN, "--runs", str(runs), log=log, **more)

    def call(self, cache: Path, *arguments: str, log: Path) -> tuple[int, str]:
        """Carries out a verb; returns its exit code and what it said."""
        at = log.stat().st_size if log.exists() else 0
        process = warm.start(self.place, cache, *arguments, log=log)
        code = ended(process)
        return code, log.read_bytes()[at:].decode(errors="replace")

    def other(self, runs: Path, cache: Path) -> list[str]:
        """Returns in what the same command, now that nothing is in its way, ends otherwise than the finished run."""
        code, said = self.call(cache, *world.RUN, "--runs", str(runs), log=self.base / "again-log")
        return [f"exit {code}: {said[-200:]}"] if code else world.differences(self.whole, world.everything(runs))

    def judge(self, row: Row, what: str, code: int, said: str, runs: Path, cache: Path, *, again: bool = True) -> None:
        """Adds the verdict on an ended run; then lets it end with room."""
        fault = complaint(code, said)
        example = f"{what}: {' '.join(said.split())[-220:]}"
        if not fault and runs.exists() and (bad := world.torn(runs)):
            fault, example = "torn", f"{what}: {bad[:2]}"
        if not fault and again and (found := self.other(runs, cache)):
            fault, example = "other records afterwards", f"{what}: {found[:3]}"
        row.add(fault or ("one line" if code == 2 else "went on"), held=not fault, example=example)


def complaint(code: int | None, said: str, *, codes: tuple[int, ...] = (0, 1, 2)) -> str:
    """Returns "" for a run that ended with one of the codes, in one line where that is 2; else what is wrong."""
    if "Traceback" in said or "Exception ignored" in said:
        return "traceback"
    if code not in codes:
        return "hang" if code == HANG else f"exit {code}"
    errors = [line for line in said.splitlines() if line.startswith("error:")]
    return "not one line" if code == 2 and len(errors) != 1 else ""


HANG = -1000  # an exit code that none has


def ended(process: Any, seconds: float = 600) -> int:
    """Waits for the end of a process; returns its exit code, or HANG of one that had to be killed with its session."""
    try:
        return int(process.wait(timeout=seconds))
    except world.subprocess.TimeoutExpired:
        world.orphans(process.pid, 0)
        process.wait()
        return HANG
