"""Several runs and verbs at once, signals, a reader that goes, workers killed while idle, a method edited during a run.

A case held where nothing is lost or torn, no process stays behind, whoever had to give way said so in one line, and the
records are, in the end, those of a run left alone.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.torture import warm, world
from tests.torture.bench import Bench, complaint, ended
from tests.torture.table import Row


def _left(*folders: Path) -> list[str]:
    return [name for folder in folders for name in world.scratch(folder)]


def _add_end(row: Row, bench: Bench, code: int | None, runs: Path, log: Path, scratch: Sequence[str] = ()) -> None:
    """Adds how a run ended that should have made the records of one left alone. scratch: what it left behind."""
    said = log.read_text()
    fault = complaint(code, said, codes=(0,))
    found = [] if fault else [*world.differences(bench.whole, world.everything(runs)), *scratch]
    row.add(fault or ("other records" if found else "same to the bit"), held=not (fault or found),
            example=f"the run: {found[:3]} {said[-200:]}")  # fmt: skip


def two_runs(bench: Bench, rng: random.Random) -> Row:
    """Two runs of one folder: the later one waits for nothing and says so, or finds everything done."""
    row = Row("two runs of one folder at once")
    runs, cache, log = bench.fresh("two")
    other = log.with_name("other")
    one = bench.start(cache, runs, log)
    time.sleep(rng.choice([0, 0, 0.02, 0.1, 0.3, 0.6, 0.9]) * bench.length)
    two = bench.start(cache, runs, other)
    codes, said = [ended(one), ended(two)], [log.read_text(), other.read_text()]
    fault = complaint(codes[0], said[0]) or complaint(codes[1], said[1])
    if not fault and any(
        code == 2 and "another run is writing" not in text for code, text in zip(codes, said, strict=True)
    ):
        fault = "refused otherwise"
    if not fault and sorted(codes) not in ([0, 0], [0, 2]):
        fault = f"exit {codes}"
    if not fault and (found := world.differences(bench.whole, world.everything(runs)) + _left(runs, cache)):
        fault = f"other records or scratch: {found[:3]}"
    row.add(fault or ("refused" if 2 in codes else "both went on"), held=not fault, example=f"{codes} {said}"[-300:])
    return row


def two_folders(bench: Bench, rng: random.Random) -> Row:
    """Two folders of records, one cache that knows nothing yet: table, predictions and catalog are shared."""
    row = Row("two runs of one cache at once")
    runs, cache, log = bench.fresh("shared")
    world.fresh_cache(cache, bench.cache)
    both = []
    for name in ("one", "two"):
        both.append((runs / name, log.with_name(name), bench.start(cache, runs / name, log.with_name(name))))
        time.sleep(rng.choice([0, 0.05, 0.2]))
    for folder, said, process in both:
        _add_end(row, bench, ended(process), folder, said, scratch=_left(folder))
    return row


def readers(bench: Bench, rng: random.Random) -> Row:
    """report, compare and status again and again while a run is at work."""
    row = Row("report, compare and status during a run")
    runs, cache, log = bench.fresh("readers")
    process, other = bench.start(cache, runs, log), log.with_name("verbs")
    while process.poll() is None:
        verb = rng.choice(["report", "compare", "status"])
        code, said = bench.call(cache, verb, "--runs", str(runs), log=other)
        fault = complaint(code, said) or ("torn" if runs.exists() and world.torn(runs) else "")
        row.add(fault or ("one line" if code == 2 else "answered"), held=not fault, example=f"{verb}: {said[-250:]}")
    _add_end(row, bench, process.returncode, runs, log)
    return row


def compares(bench: Bench, rng: random.Random) -> Row:
    """Three compares of one folder, nothing of which is resampled yet."""
    row = Row("three compares at once")
    runs, cache, log = bench.fresh("compares")
    world.shutil.copytree(bench.runs, runs)
    world.shutil.rmtree(cache)
    world.shutil.copytree(bench.cache, cache, copy_function=world.shutil.copy2)
    (runs / "synthetic/noise.json").unlink()
    for one in cache.rglob("*draws*"):
        one.unlink()
    logs = [log.with_name(f"log{k}") for k in range(3)]
    for process, said in [
        (warm.start(bench.place, cache, "compare", "--runs", str(runs), log=one), one) for one in logs
    ]:
        fault = complaint(ended(process), said.read_text(), codes=(0,))
        row.add(fault or "answered", held=not fault, example=said.read_text()[-250:])
    found = world.differences(bench.whole, world.everything(runs)) + _left(runs, cache)
    row.add("other numbers" if found else "same to the bit", held=not found, example=f"{found[:3]}")
    return row


_SIGNALS = {  # what is sent -> the exit code
    "SIGTERM": -signal.SIGTERM, "SIGHUP": -signal.SIGHUP, "SIGQUIT": -signal.SIGQUIT, "SIGINT": 130,
    "SIGINT to all": 130, "SIGINT twice": 130,
}  # fmt: skip


def signals(bench: Bench, rng: random.Random) -> Row:
    """Signals at random moments; then the same command."""
    row = Row("signals")
    for name, expected in _SIGNALS.items():
        runs, cache, log = bench.fresh("signals")
        process = bench.start(cache, runs, log)
        time.sleep(rng.uniform(0.02, 1) * bench.length)
        number = getattr(signal, name.split()[0])
        if process.poll() is None:
            (os.killpg if name.endswith("all") else os.kill)(process.pid, number)
            if name.endswith("twice"):
                time.sleep(rng.uniform(0, 0.3))
                process.send_signal(number)
        code, said = ended(process, 120), log.read_text()
        fault = complaint(code, said, codes=(0, expected))
        if not fault and (left := world.orphans(process.pid, 3.0)):
            fault, said = "orphans", f"{left}"
        if not fault and runs.exists() and (bad := world.torn(runs)):
            fault, said = "torn", f"{bad[:2]}"
        if not fault and (found := bench.other(runs, cache)):
            fault, said = "other records afterwards", f"{found[:3]}"
        row.add(fault or "ended", held=not fault, example=f"{name}: {said[-250:]}")
    return row


def closed(bench: Bench, rng: random.Random) -> Row:
    """Whoever reads the standard output goes after some lines, or there never was one: the work goes on."""
    row = Row("a reader that goes")
    for lines in (0, 1, 4):
        runs, cache, log = bench.fresh("closed")
        log.write_text("")
        theirs, ours = os.pipe()
        process = bench.start(cache, runs, log, out=ours)
        os.close(ours)
        with os.fdopen(theirs, "rb") as reader:
            for _ in range(lines):
                reader.readline()
        code, said = ended(process), log.read_text()
        fault = complaint(code, said, codes=(0,))
        found = [] if fault else world.differences(bench.whole, world.everything(runs))
        row.add(fault or ("other records" if found else "same to the bit"), held=not (fault or found),
                example=f"after {lines} lines: {found[:3]} {said[-200:]}")  # fmt: skip
    return row


def idle(bench: Bench, rng: random.Random) -> Row:
    """The run is stopped until its worker has nothing to do; the worker is killed; the run goes on."""
    row = Row("a worker killed while it waits")
    for mark in rng.sample(["bucket_median/default/0.json", "looked/default/1.json", "tr/default/1.json"], 2):
        runs, cache, log = bench.fresh("idle")
        process = bench.start(cache, runs, log)
        while process.poll() is None and not (runs / "synthetic" / mark).exists():
            time.sleep(0.002)
        process.send_signal(signal.SIGSTOP)
        found = [pid for pid in world.members(process.pid) if pid != process.pid]
        quiet, before = 0, ""
        while found and quiet < 10:
            time.sleep(0.1)
            now = " ".join(_times(pid) for pid in found)
            quiet, before = (quiet + 1 if now == before else 0), now
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        process.send_signal(signal.SIGCONT)
        code, said = ended(process), log.read_text()
        fault = complaint(code, said) or ("orphans" if world.orphans(process.pid, 3.0) else "")
        other = [] if fault else bench.other(runs, cache)
        row.add(fault or ("other records" if other else "same to the bit" if found else "nobody to kill"),
                held=not (fault or other), example=f"after {mark}: {other[:3]} {said[-200:]}")  # fmt: skip
    return row


def _times(pid: int) -> str:
    """What a process has used of the processor, as the system writes it."""
    try:
        return " ".join(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
    except OSError:
        return ""


_TARGET, _LINE = "methods/wlr.py", "        return odds if module.plain"
_EDITS: dict[str, Callable[[str], str | None]] = {
    "a number": lambda text: text.replace(_LINE, f"        odds = 3.0 * odds\n{_LINE}"),
    "a number, and back": lambda text: text.replace(_LINE, f"        odds = 3.0 * odds\n{_LINE}"),
    "half saved": lambda text: text + "\nthis is (",
    "an error": lambda text: text + "\nraise RuntimeError('half-way')\n",
    "gone": lambda text: None,
    "another class": lambda text: text.replace("class WLR", "class WLRX"),
}


def edited(bench: Bench, rng: random.Random) -> Row:
    """A method's file changes after the run has begun and before its worker imports it: no number of the changed file
    is recorded as one of the file that the run began with, and nothing of it is booked as that file's failure."""
    row = Row("a method's file edited during a run")
    target = bench.place / _TARGET
    text = target.read_text()
    if _LINE not in text or "class WLR" not in text:
        raise AssertionError(f"{_TARGET} reads otherwise: mend tests/torture/together.py")
    for name, edit in _EDITS.items():
        runs, cache, log = bench.fresh("edited")
        process = world.start(bench.place, cache, *world.RUN, "--runs", str(runs), log=log)
        try:
            while process.poll() is None and not (runs / "synthetic/bucket_median/default/0.json").exists():
                time.sleep(0.005)
            changed = edit(text)
            target.unlink() if changed is None else target.write_text(changed)
            while process.poll() is None and not (runs / "synthetic/wlr/default/1.json").exists():
                if name.endswith("back") and "synthetic/tr" in log.read_text(errors="replace"):
                    target.write_text(text)
                time.sleep(0.005)
            code = ended(process)
        finally:
            target.write_text(text)
        said = log.read_text(errors="replace")
        fault = complaint(code, said)
        wrong = [] if fault else [
            path for path, value in world.everything(runs).items() if "wlr" in path and value != bench.whole.get(path)
        ]  # fmt: skip
        other = [] if fault or wrong else bench.other(runs, cache)
        row.add(fault or ("wrong numbers" if wrong else "other records afterwards" if other else
                          "refused" if code else "as the run began"), held=not (fault or wrong or other),
                example=f"{name}: {wrong[:2]} {other[:2]} {said[-200:]}")  # fmt: skip
    return row


CHECKS: tuple[Callable[[Bench, random.Random], Row], ...] = (
    two_runs, two_folders, readers, compares, signals, closed, idle, edited,
)  # fmt: skip
_COLD = (edited,)  # once, whatever is asked: each of its cases starts a fresh interpreter


def torture(base: Path, place: Path, times: int, seed: int, only: str = "") -> Iterator[list[Row]]:
    """Every check so many times. Runs in a process whose `benchmark` is that of `place`."""
    bench, rng, rows = Bench(base, place), random.Random(seed), dict[str, Row]()
    for turn in range(times):
        for check in CHECKS:
            if only in check.__name__ and not (turn and check in _COLD):
                row = check(bench, rng)
                print(row, flush=True)
                rows[row.name] = rows[row.name].plus(row) if row.name in rows else row
                yield list(rows.values())
