"""SIGKILL at random moments until the run is done, again and again; then the records are those of a run left alone."""

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.torture import warm, world
from tests.torture.table import Row

Start = Callable[..., Any]  # of `world.start` or `warm.start`: cold or warm
PLANS = {
    "a plain run": (*world.RUN, "--only", "mean,bucket_median,looked"),
    "a run with tuning": (*world.RUN, "--tune", "3", "--only", "looked/default"),
}
WAYS = ("tree", "parent", "worker", "writing")
_MOST = 6  # kills of one run, so that it comes to its end
_COLD = 2  # of fresh interpreters, each of which imports for seconds


def _writing(folders: list[Path]) -> bool:
    """Whether a scratch file is there now."""
    return any(
        (name.startswith(".") and "lock" not in name) or name.endswith(".part")
        for folder in folders
        for _, _, files in os.walk(folder)
        for name in files
    )


def _moment(process: Any, way: str, delay: float, folders: list[Path]) -> None:
    """Waits for the moment to kill, or for the end of the process."""
    until = time.monotonic() + delay
    while process.poll() is None:
        if time.monotonic() > until and (way != "writing" or _writing(folders)):
            return
        time.sleep(0.001 if way == "writing" else 0.01)


def _kill(pid: int, way: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        if way == "parent":
            os.kill(pid, signal.SIGKILL)
        elif way == "worker":
            for child in set(world.members(pid)) - {pid}:
                os.kill(child, signal.SIGKILL)
        else:
            os.killpg(pid, signal.SIGKILL)


def _ended(process: Any) -> None:
    """Waits for the end, ten minutes at most: then its tree is killed, and its exit code tells of it."""
    try:
        process.wait(timeout=600)
    except world.subprocess.TimeoutExpired:
        _kill(process.pid, "tree")
        process.wait()


def campaign(
    place: Path,
    base: Path,
    plan: tuple[str, ...],
    rng: random.Random,
    kills: int,
    rows: dict[str, Row],
    start: Start = world.start,
    length: float = 0.0,
) -> int:
    """One run, killed up to so many times and then left to end; returns how often it was killed. length: the seconds of
    a run left alone, where they are known."""
    whole_runs, whole_cache = world.finished(place, base / "whole", *plan)
    length = length or float((base / "whole/done").read_text())
    runs, cache, log = base / "killed", world.fresh_cache(base / "cache", whole_cache), base / "log"
    shutil.rmtree(runs, ignore_errors=True)
    log.write_text("")
    done, begin = 0, 0.2 if start is world.start else 0.02  # a fresh interpreter imports for a while
    while True:
        before = set(world.everything(runs)) if runs.exists() else set()
        process = start(place, cache, *plan, "--runs", str(runs), log=log)
        way = rng.choice(WAYS)
        if done < kills:
            _moment(process, way, rng.uniform(begin, rng.choice([0.3, 0.6, 1.0])) * length, [runs, cache])
        else:
            _ended(process)
        if process.poll() is None:
            _kill(process.pid, way)
            done += 1
            if way == "worker":  # the run is to go on with another worker
                _ended(process)
            else:
                process.wait()
            left = world.orphans(process.pid, 3.0)
            after = world.everything(runs) if not (bad := world.torn(runs)) and runs.exists() else {}
            lost = sorted(before - set(after)) if not bad else []
            said = log.read_text(errors="replace")
            fault = "orphans" if left else "torn" if bad else "lost" if lost else ""
            fault = fault or ("traceback" if "Traceback" in said else "")
            rows[way].add(fault or "whole", held=not fault, example=f"{left or bad or lost or said[-250:]}")
            if way != "worker" or process.returncode:
                continue
        break
    if process.returncode:
        rows["end"].add(f"exit {process.returncode}", held=False, example=log.read_text(errors="replace")[-250:])
        return done
    found = world.differences(world.everything(whole_runs), world.everything(runs))
    found += world.differences(_predictions(whole_cache), _predictions(cache))
    rows["end"].add("other records" if found else "same to the bit", held=not found, example=f"{found[:3]}")
    if _aged(runs) + _aged(cache):
        _ended(start(place, cache, *plan, "--runs", str(runs), log=log))
    left_over = world.scratch(runs) + world.scratch(cache)
    rows["scratch"].add("left" if left_over else "swept", held=not left_over, example=f"{left_over[:3]}")
    return done


def _aged(folder: Path) -> int:
    """Makes scratch files an hour old, for a young one may be of another machine and is not swept; returns how many."""
    found = world.scratch(folder)
    for name in found:
        os.utime(folder / name, (time.time() - 3600,) * 2)
    return len(found)


def _predictions(cache: Path) -> dict[str, bytes]:
    place = cache / "predictions"
    return {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*.npy") if not p.name.startswith(".")}


def torture(
    base: Path, place: Path, times: int, seed: int, *, plans: dict[str, tuple[str, ...]] = PLANS, cold: bool = False
) -> Iterator[list[Row]]:
    """Kills so many times, in campaigns that take turns among the plans: forks of this process, but for the last kills
    of each plan (all, where `cold`), which start a fresh interpreter every time. Yields the rows as far as they are."""
    rng, lengths = random.Random(seed), dict[str, float]()
    rows = {way: Row(f"SIGKILL: {way}") for way in WAYS}
    rows |= {
        "end": Row("killed runs that ended: records, trials, arrays, predictions"),
        "scratch": Row("scratch files after the end"),
    }
    done = turn = 0
    while done < times and turn < 2 * times + 2:
        name = list(plans)[turn % len(plans)]
        here, plan = base / name.replace(" ", "-"), plans[name]
        fresh = cold or done >= times - _COLD * len(plans)
        turn += 1
        if not fresh and name not in lengths:
            _, known = world.finished(place, here / "whole", *plan)
            cache = world.fresh_cache(here / "first-cache", known)
            lengths[name] = warm.prepare(place, cache, here / "first", here / "log", *plan)
        most, start = min(_COLD if fresh else _MOST, times - done), world.start if fresh else warm.start
        done += campaign(place, here, plan, rng, most, rows, start, lengths.get(name, 0.0))
        print(f"{done} of {times} kills", flush=True)
        yield list(rows.values())
