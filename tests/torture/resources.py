"""Full disks, folders that cannot be written or read, another user, few file handles, little memory.

A case held where the run ends with a result or one line, nothing is torn, and the same command, with room again, ends
with the records of a run left alone.
"""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.torture import world
from tests.torture.table import Row

_NOBODY = 65534


@contextlib.contextmanager
def _disk(place: Path, size: str) -> Iterator[Path]:
    """A small file system of its own. Raises OSError where this user may not mount one."""
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        raise OSError("this user may not mount a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _fill(place: Path, leave: int) -> Path:
    """Fills a file system up to so many bytes."""
    filler = place / "filler"
    room = shutil.disk_usage(place).free - leave
    handle = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while room > 0:
            room -= os.write(handle, b"\0" * min(room, 1 << 16))
    os.close(handle)
    return filler


def _warm(whole_cache: Path, place: Path) -> Path:
    """A cache with the table and the catalog, without predictions."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(whole_cache, place, copy_function=shutil.copy2)
    shutil.rmtree(place / "predictions", ignore_errors=True)
    return place


class Bench:
    """The sources, the finished run to compare with, and a folder for each case."""

    def __init__(self, base: Path) -> None:
        self.base, self.place = base, world.make(base / "world")
        self.runs, self.cache = world.finished(self.place, base / "whole")
        self.whole = world.everything(self.runs)

    def judge(self, row: Row, what: str, code: int, said: str, runs: Path, cache: Path, *, again: bool = True) -> None:
        """Adds the verdict on an ended run; then lets it end with room."""
        fault = "traceback" if "Traceback" in said else "" if code in (0, 1, 2) else f"exit {code}"
        errors = [line for line in said.splitlines() if line.startswith("error:")]
        fault = fault or ("not one line" if code == 2 and len(errors) != 1 else "")
        example = f"{what}: {' '.join(said.split())[-220:]}"
        if not fault and runs.exists() and (bad := world.torn(runs)):
            fault, example = "torn", f"{what}: {bad[:2]}"
        if not fault and again:
            ended = world.run(self.place, cache, *world.RUN, "--runs", str(runs))
            found = (
                world.differences(self.whole, world.everything(runs)) if not ended.returncode else [ended.stderr[-200:]]
            )
            if found:
                fault, example = "other records afterwards", f"{what}: {found[:3]}"
        row.add(fault or ("one line" if code == 2 else "went on"), held=not fault, example=example)

    def limited(self, row: Row, what: str, kind: int, value: int) -> None:
        """A run under a limit of the system, in a session of its own, ended after five minutes."""
        runs, cache, log = self.base / "runs", _warm(self.cache, self.base / "cache"), self.base / "log"
        shutil.rmtree(runs, ignore_errors=True)
        command = [sys.executable, "-m", "benchmark", *world.RUN, "--runs", str(runs)]
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=self.place, env=world.environment(cache), stdout=out,
                                       stderr=subprocess.STDOUT, start_new_session=True,
                                       preexec_fn=lambda: resource.setrlimit(kind, (value, value)))  # fmt: skip
            try:
                process.wait(timeout=300)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        said = log.read_text(errors="replace")
        if world.orphans(process.pid, 3.0):
            row.add("orphans", held=False, example=what)
        elif _never_ours(said):
            row.add("below what Python needs", held=True)
        else:
            self.judge(row, what, process.returncode, said, runs, cache)


def _never_ours(said: str) -> bool:
    """Whether Python or a library gave up before the first line of the program."""
    ours = "benchmark/cli/app.py" in said and "in main" in said
    return not ours and ("Traceback" in said or "Fatal Python error" in said or "error while loading" in said)


def full_records(bench: Bench, rng: random.Random) -> Row:
    """The disk of the records is full after a moment of chance."""
    row = Row("the records' disk is full")
    marks = ("*/*/*/0.json", "*/looked/*/0.npz", "*/noise.json", "*/wlr/*/1.json", "RESULTS.md")
    for _ in range(2):
        leave, mark = rng.choice([0, 5000, 50_000]), rng.choice(marks)
        cache, log = _warm(bench.cache, bench.base / "cache"), bench.base / "log"
        log.write_text("")
        with _disk(bench.base / "disk", "30m") as disk:
            runs = disk / "runs"
            process = world.start(bench.place, cache, *world.RUN, "--runs", str(runs), log=log)
            until = time.monotonic() + 300
            while process.poll() is None and not list(runs.glob(mark)) and time.monotonic() < until:
                time.sleep(0.002)
            filler = _fill(disk, leave)
            try:
                process.wait(timeout=300)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            said = log.read_text(errors="replace")
            filler.unlink()
            code = process.returncode if process.returncode is not None else 99
            bench.judge(row, f"{leave} bytes left after {mark}", code, said, runs, cache)
    return row


def full_cache(bench: Bench, rng: random.Random) -> Row:
    """The disk of the cache has room for the table or not, and none for predictions."""
    row = Row("the cache's disk is full")
    for leave in rng.sample([0, 2000, 60_000, 300_000], 2):
        with _disk(bench.base / "disk", "90m") as disk:
            cache, runs = _warm(bench.cache, disk / "cache"), bench.base / "runs"
            shutil.rmtree(runs, ignore_errors=True)
            filler = _fill(disk, leave)
            done = world.run(bench.place, cache, *world.RUN, "--runs", str(runs))
            filler.unlink()
            bench.judge(row, f"{leave} bytes left", done.returncode, done.stdout + done.stderr, runs, cache)
    return row


def few_handles(bench: Bench, rng: random.Random) -> Row:
    row = Row("few file handles")
    for value in rng.sample([12, 16, 20, 24, 32, 48], 2):
        bench.limited(row, f"{value} handles", resource.RLIMIT_NOFILE, value)
    return row


def little_memory(bench: Bench, rng: random.Random) -> Row:
    row = Row("little memory")
    for value in rng.sample([300, 900, 1400, 2000, 2600], 2):
        bench.limited(row, f"{value} MiB", resource.RLIMIT_AS, value << 20)
    return row


_CLOSED = {
    "records read-only": ("runs", 0o555), "records not to be entered": ("runs", 0o600),
    "a dataset's folder unreadable": ("runs/synthetic", 0), "a method's folder unreadable": ("runs/synthetic/tr", 0),
    "a record unreadable": ("runs/synthetic/tr/default/0.json", 0),
    "noise.json unreadable": ("runs/synthetic/noise.json", 0),
    "cache read-only": ("cache", 0o555), "cache not to be entered": ("cache", 0o600),
    "tables unreadable": ("cache/tables", 0), "predictions unreadable": ("cache/predictions", 0),
}  # fmt: skip


def closed(bench: Bench, rng: random.Random) -> Row:
    """Folders and files that another user may not read or write; as root the verbs run as nobody."""
    row, root = Row("closed folders, another user"), os.geteuid() == 0
    before = (
        ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--inh-caps=-all"] if root else []
    )
    if root and (
        not shutil.which("setpriv")
        or subprocess.run(
            [*before, sys.executable, "-c", "import benchmark"], cwd=bench.place, capture_output=True
        ).returncode
    ):
        row.skipped = "nobody may not run this Python here"
        return row
    home = {"HOME": "/nonexistent"} if root else {}
    for what, (name, mode) in _CLOSED.items():
        folder = bench.base / "closed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(bench.runs, folder / "runs")
        shutil.copytree(bench.cache, folder / "cache", copy_function=shutil.copy2)
        for one in (folder, *folder.rglob("*")) if root else ():
            os.chown(one, _NOBODY, _NOBODY)
        runs, cache, target = folder / "runs", folder / "cache", folder / name
        verb = rng.choice([("status",), ("report",), (*world.RUN, "--rerun", "all", "--only", "mean")])
        kept = target.stat().st_mode
        target.chmod(mode)
        done = world.run(bench.place, cache, *verb, "--runs", str(runs), before=before, env=home)
        target.chmod(kept)
        said = done.stdout + done.stderr
        bench.judge(row, f"{what}, `{verb[0]}`", done.returncode, said, runs, cache, again=False)
        if (
            mode == 0
            and name.startswith("runs/")
            and verb[0] != "run"
            and not done.returncode
            and name.rpartition("/")[2] not in said
        ):
            row.add("vanished in silence", held=False, example=f"{what}, `{verb[0]}`: {said[-200:]}")
    return row


CHECKS: dict[str, Callable[[Bench, random.Random], Row]] = {
    "the records' disk is full": full_records,
    "the cache's disk is full": full_cache,
    "few file handles": few_handles,
    "little memory": little_memory,
    "closed folders, another user": closed,
}


def torture(base: Path, times: int, seed: int) -> list[Row]:
    """Every check so many times; what this machine does not allow is skipped by name."""
    bench, rng, rows = Bench(base), random.Random(seed), dict[str, Any]()
    for _ in range(times):
        for name, check in CHECKS.items():
            try:
                row = check(bench, rng)
            except OSError as error:
                row = Row(name, skipped=str(error))
            if name in rows:
                _merge(rows[name], row)
            else:
                rows[name] = row
    return list(rows.values())


def _merge(into: Row, other: Row) -> None:
    into.tried, into.held = into.tried + other.tried, into.held + other.held
    for verdict, count in other.verdicts.items():
        into.verdicts[verdict] = into.verdicts.get(verdict, 0) + count
    into.examples = other.examples | into.examples
    into.skipped = into.skipped or other.skipped
