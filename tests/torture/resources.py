"""Full disks, folders that cannot be written or read, another user, few file handles, little memory.

A case held where the run ends with a result or one line, nothing is torn, and the same command, with room again, ends
with the records of a run left alone.
"""

import contextlib
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.torture import world
from tests.torture.bench import Bench, ended, warmed
from tests.torture.table import Row

_NOBODY = 65534


class NotHere(Exception):
    """This machine does not allow a check."""


@contextlib.contextmanager
def _disk(place: Path, size: str, inodes: int = 0) -> Iterator[Path]:
    """A small file system of its own, with so many files at most. Raises NotHere where this user may not mount one."""
    place.mkdir(parents=True, exist_ok=True)
    options = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        raise NotHere("this user may not mount a small file system")
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


def limited(bench: Bench, row: Row, what: str, kind: int, value: int) -> None:
    """A run under a limit of the system, in a fresh interpreter and a session of its own, ended after five minutes."""
    runs, cache, log = bench.fresh("limited")
    command = [sys.executable, "-m", "benchmark", *world.RUN, "--runs", str(runs)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=bench.place, env=world.environment(cache), stdout=out,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   preexec_fn=lambda: resource.setrlimit(kind, (value, value)))  # fmt: skip
    code, said = ended(process, 300), log.read_text(errors="replace")
    if world.orphans(process.pid, 3.0):
        row.add("orphans", held=False, example=what)
    elif _never_ours(said):
        row.add("below what Python needs", held=True)
    else:
        bench.judge(row, what, code, said, runs, cache)


def _never_ours(said: str) -> bool:
    """Whether Python or a library gave up before the first line of the program."""
    ours = "benchmark/cli/app.py" in said and "in main" in said
    return not ours and ("Traceback" in said or "Fatal Python error" in said or "error while loading" in said)


def full_records(bench: Bench, rng: random.Random) -> Row:
    """The disk of the records is full after a moment of chance."""
    row = Row("the records' disk is full")
    marks = ("*/*/*/0.json", "*/looked/*/0.npz", "*/noise.json", "*/wlr/*/1.json", "RESULTS.md")
    for _ in range(3):
        leave, mark = rng.choice([0, 5000, 50_000]), rng.choice(marks)
        _, cache, log = bench.fresh("full")
        with _disk(bench.base / "disk", "30m") as disk:
            runs = disk / "runs"
            process = bench.start(cache, runs, log)
            until = time.monotonic() + 300
            while process.poll() is None and not list(runs.glob(mark)) and time.monotonic() < until:
                time.sleep(0.002)
            filler = _fill(disk, leave)
            code, said = ended(process, 300), log.read_text(errors="replace")
            filler.unlink()
            bench.judge(row, f"{leave} bytes left after {mark}", code, said, runs, cache)
    return row


def full_cache(bench: Bench, rng: random.Random) -> Row:
    """The disk of the cache has room for the table or not, and none for predictions."""
    row = Row("the cache's disk is full")
    for leave in rng.sample([0, 2000, 60_000, 300_000], 3):
        runs, _, log = bench.fresh("full")
        with _disk(bench.base / "disk", "90m") as disk:
            cache = warmed(bench.cache, disk / "cache")
            filler = _fill(disk, leave)
            code, said = bench.call(cache, *world.RUN, "--runs", str(runs), log=log)
            filler.unlink()
            bench.judge(row, f"{leave} bytes left", code, said, runs, cache)
    return row


def few_inodes(bench: Bench, rng: random.Random) -> Row:
    """The disk of the records, or of the cache, has room for a few files alone."""
    row = Row("few inodes")
    for inodes in rng.sample([12, 20, 25, 32, 40, 60, 80], 3):
        _, cache, log = bench.fresh("inodes")
        with _disk(bench.base / "disk", "200m", inodes) as disk:
            runs = disk / "runs"
            code, said = bench.call(cache, *world.RUN, "--runs", str(runs), log=log)
            world.shutil.copytree(runs, there := log.with_name("runs"), dirs_exist_ok=True)
        bench.judge(row, f"{inodes} inodes for the records", code, said, there, cache)
    runs, _, log = bench.fresh("inodes")
    known = len(list((bench.cache / "catalog").iterdir()))
    with _disk(bench.base / "disk", "200m", known + 12) as disk:
        cache = world.fresh_cache(disk / "cache", bench.cache)
        code, said = bench.call(cache, *world.RUN, "--runs", str(runs), log=log)
    bench.judge(row, "12 inodes for the cache", code, said, runs, warmed(bench.cache, log.with_name("cache")))
    return row


def few_handles(bench: Bench, rng: random.Random) -> Row:
    row = Row("few file handles")
    for value in rng.sample([12, 16, 20, 24, 32, 48], 2):
        limited(bench, row, f"{value} handles", resource.RLIMIT_NOFILE, value)
    return row


def small_stack(bench: Bench, rng: random.Random) -> Row:
    row = Row("a small stack, small files")
    limited(bench, row, "a stack of 256 KiB", resource.RLIMIT_STACK, 256 << 10)
    size = rng.choice([1, 4, 16, 200])
    limited(bench, row, f"{size} KiB a file", resource.RLIMIT_FSIZE, size << 10)
    return row


def little_memory(bench: Bench, rng: random.Random) -> Row:
    row = Row("little memory")
    for value in rng.sample([300, 900, 1400, 2000, 2600], 2):
        limited(bench, row, f"{value} MiB", resource.RLIMIT_AS, value << 20)
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


_NAMES = (
    "with spaces", "ümläut 时间 😀", "a'b\"c", "[bold]x[/bold]", "[/x]", "-dash", "new\nline", "%s{0}", "x" * 200,
    "*", "~", "$HOME", "\udcff\udcfe", "a\tb", "#", "?", "\x1b[31m",
)  # fmt: skip


def odd_paths(bench: Bench, rng: random.Random) -> Row:
    """Records and cache in folders that shells, consoles and encodings stumble over."""
    row = Row("odd paths")
    only = [name for name in bench.whole if "/looked/" in name or "/mean/" in name]
    for name in _NAMES:
        runs, cache, log = bench.fresh("paths")
        runs, kept = runs.parent / name / "r", cache.with_name(f"cache {name}")
        cache.rename(kept)
        verb = ("run", "--suite", "torture", "--workers", "1", "--only", "mean,looked", f"--runs={runs}")
        code, said = bench.call(kept, *verb, log=log)
        found = world.everything(runs) if runs.exists() else {}
        lost = [one for one in only if found.get(one) != bench.whole[one]] if code == 0 else []
        bench.judge(row, f"{name!r} {lost[:2]}", 99 if lost else code, said, runs, kept, again=False)
    return row


_LOCALES = (
    {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "tr_TR.UTF-8"}, {"TZ": "Pacific/Kiritimati"},
)  # fmt: skip


def locales(bench: Bench, rng: random.Random) -> Row:
    """Fresh interpreters under other locales: a run, and the verb that prints most."""
    row = Row("odd locales")
    for env in _LOCALES:
        runs, cache, _ = bench.fresh("locales")
        for verb in (("run", "--suite", "torture", "--executor", "inline", "--only", "mean"), ("status",)):
            done = world.run(bench.place, cache, *verb, "--runs", str(runs), env=env)
            bench.judge(
                row, f"{env}, `{verb[0]}`", done.returncode, done.stdout + done.stderr, runs, cache, again=False
            )
    return row


CHECKS: dict[str, Callable[[Bench, random.Random], Row]] = {
    "the records' disk is full": full_records,
    "the cache's disk is full": full_cache,
    "few inodes": few_inodes,
    "few file handles": few_handles,
    "a small stack, small files": small_stack,
    "little memory": little_memory,
    "closed folders, another user": closed,
    "odd paths": odd_paths,
    "odd locales": locales,
}


def torture(base: Path, place: Path, times: int, seed: int, only: str = "") -> Iterator[list[Row]]:
    """Every check so many times; what this machine does not allow is skipped by name. Runs in a process whose
    `benchmark` is that of `place`."""
    bench, rng, rows = Bench(base, place), random.Random(seed), dict[str, Row]()
    for _ in range(times):
        for name, check in CHECKS.items():
            if only not in name:
                continue
            try:
                row = check(bench, rng)
            except NotHere as error:
                row = Row(name, skipped=str(error))
            print(row, flush=True)
            rows[name] = rows[name].plus(row) if name in rows else row
            yield list(rows.values())
