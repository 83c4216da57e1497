"""Changed records, trials, noise files, arrays, suites, tables, predictions and catalogs, and a verb that reads them.

A case is clean (exit code 2 and one line), noticed (the page, the noise file or the records differ from the unchanged
folder's: stale, made again, left out), unseen (they do not), wrong (other numbers of a file that has a checksum, or
numbers that are impossible, shown as if nothing were), or a traceback, hang or lack of memory.
"""

import gzip
import json
import os
import random
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture import mutations as change
from tests.torture import world
from tests.torture.table import Row


@dataclass(frozen=True)
class Kind:
    """Files of one sort, the verbs that read them, and how they are changed."""

    name: str
    files: tuple[Path, ...]
    verbs: tuple[tuple[str, ...], ...]
    mutations: tuple[change.Mutation, ...]
    checked: bool = False  # by a checksum: no other number may come of it
    weight: int = 1


def kinds(place: Path, runs: Path, cache: Path) -> list[Kind]:
    """Returns the kinds there are files of. place: the sources."""
    on = ("--runs", str(runs))
    plan, status = ("plan", "--suite", "torture", *on), ("status", *on)
    report, compare = ("report", *on), ("compare", *on)
    again = ("run", "--suite", "torture", "--only", "mean", "--executor", "inline", "--rerun", "all", *on)
    every, inside = tuple(change.BYTES), (*change.BYTES, *[change.structured] * 24)

    def found(folder: Path, pattern: str) -> tuple[Path, ...]:
        return tuple(sorted(p for p in folder.glob(pattern) if p.is_file() and not p.name.startswith(".")))

    listed = [
        Kind("records", found(runs, "*/*/*/[0-9]*.json"), (status, status, report, plan), inside, weight=12),
        Kind("trials", found(runs, "*/*/*/trials/*.json"), (status, report, plan), inside, weight=5),
        Kind("noise files", found(runs, "*/noise.json"), (report,), inside, weight=3),
        Kind("arrays beside records", found(runs, "*/*/*/*.npz"), (report,), every),
        Kind("suites", found(place, "benchmark/suites/torture.toml"), (("list",), plan),
             (*change.BYTES, *[change.settings] * 24), weight=6),
        Kind("prepared tables", found(cache, "tables/synthetic-*/*"), (again,), every, checked=True, weight=2),
        Kind("predictions", found(cache, "predictions/*/*/*/*.npy"), (compare,), every, checked=True, weight=3),
        Kind("resampled draws", found(cache, "predictions/*/*/*/*draws*"), (compare,), every, checked=True),
        Kind("catalog", found(cache, "catalog/*.json"), (plan,), inside, checked=True),
        Kind("hashes of raw files", found(cache, "hashes.json"), (status,), inside),
        Kind("what files import", found(cache, "imports.json"), (status,), inside, checked=True),
    ]  # fmt: skip
    return [kind for kind in listed if kind.files]


_TIMES = re.compile(r"in \d+(\.\d+)? s|\d+\.\d s")
_ERRORS = ("mae", "rmse")


def _shown(runs: Path, said: str, verb: str) -> tuple[str, dict[str, Any]]:
    """What a user sees, and the numbers it stands for: times and sums of bytes apart."""
    page = runs / "RESULTS.md"
    text = said + (page.read_text() if page.is_file() and verb == "report" else "")
    numbers = world.everything(runs) if verb in ("run", "compare") else {}
    return _TIMES.sub("", text), numbers


def impossible(raw: bytes, known: Iterable[str]) -> str:
    """Returns what no record can hold: a key nobody knows, another format, a number outside its range. "" for none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return "no JSON"
    if not isinstance(value, dict) or set(value) - set(known):
        return "a key that nobody knows"
    if value.get("format", 1) != 1:
        return f"format {value['format']!r}"
    metrics = value.get("metrics")
    for at in change.paths(metrics):
        number = change.place(metrics, at)
        if at and isinstance(number, bool | str):
            return f"{at[-1]} is {number!r}"
        if isinstance(number, int | float) and at[-1:] != ("rows",):
            name = next((key for key in reversed(at) if isinstance(key, str)), "")
            if number != number or (name in _ERRORS and number < 0) or (name == "xauc" and not 0 <= number <= 1):
                return f"{name} is {number}"
    return ""


def case(kind: Kind, runs: Path, cache: Path, rng: random.Random, plain: dict[Any, Any], row: Row) -> None:
    """Changes one file, calls one verb, judges, and puts the file back. The folders are the caller's to restore."""
    verb, path, mutation = rng.choice(kind.verbs), rng.choice(kind.files), rng.choice(kind.mutations)
    if verb not in plain:
        code, said, why = world.call(*verb)
        if code != 0:
            raise AssertionError(f"{verb} fails on unchanged files: {said[-300:]} {why}")
        plain[verb] = _shown(runs, world.call(*verb)[1], verb[0])
    raw, stat = path.read_bytes(), path.stat()
    changed = change.applied(mutation, raw, rng)
    if changed in (None, raw):
        return
    path.write_bytes(changed)
    if kind.checked and rng.random() < 0.5:  # as if nobody had been there
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if verb[0] == "compare":  # else it is not made again
        for one in runs.glob("*/noise.json"):
            one.unlink()
        if kind.name == "predictions":
            for one in path.parent.glob("*draws*"):
                one.unlink()
    code, said, why = world.call(*verb)
    verdict = world.complaint(code, said, why) or ("clean" if code == 2 else "")
    example = f"{path.name}, {mutation.__name__}, `{verb[0]}`: {why or said[-200:]}"
    if not verdict:
        text, numbers = _shown(runs, said, verb[0])
        was_text, was = plain[verb]
        verdict = "unseen" if (text, numbers) == (was_text, was) else "noticed"
        if kind.checked and (other := _other_numbers(was, numbers)):
            verdict, example = "wrong", f"{example}: {other}"
        elif (
            kind.name in ("records", "noise files", "trials")
            and verb[0] != "plan"
            and (odd := impossible(changed, json.loads(raw)))
            and path.is_file()
            and path.read_bytes() == changed
        ):
            verdict, example = "wrong", f"{example}: {odd}, and exit code 0"
    row.add(verdict, held=verdict in ("clean", "noticed", "unseen"), example=example)
    if path.parent.is_dir():
        path.write_bytes(raw)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _other_numbers(was: dict[str, Any], now: dict[str, Any]) -> str:
    """A record with other numbers, or a noise file of the same entries with others."""
    for name, value in now.items():
        if name not in was or value == was[name]:
            continue
        if not isinstance(value, bytes):
            if value.get("metrics") != was[name].get("metrics"):
                return f"other metrics in {name}"
        elif name.endswith("noise.json"):
            one, two = json.loads(value), json.loads(was[name])
            if one["entries"] == two["entries"] and one["metrics"] != two["metrics"]:
                return f"other numbers in {name}"
    return ""


def _restore(whole: Path, runs: Path, cache: Path, kind: Kind, verb_writes: bool) -> None:
    shutil.rmtree(runs)
    shutil.copytree(whole / "runs", runs)
    if verb_writes:
        shutil.rmtree(cache)
        shutil.copytree(whole / "cache", cache, copy_function=shutil.copy2)


def torture(place: Path, runs0: Path, cache0: Path, base: Path, times: int, seed: int) -> list[Row]:
    """So many cases on a copy of a finished run. Runs in a process whose `benchmark` is that of `place`."""
    shutil.rmtree(base, ignore_errors=True)
    runs, cache = base / "runs", base / "cache"
    shutil.copytree(runs0, runs)
    shutil.copytree(cache0, cache, copy_function=shutil.copy2)
    os.environ["CVP_CACHE"] = str(cache)
    for verb in ("compare", "report"):
        code, said, why = world.call(verb, "--runs", str(runs))
        if code:
            raise AssertionError(f"`{verb}` fails on the finished run: {said[-300:]} {why}")
    shutil.copytree(runs, base / "whole/runs")
    shutil.copytree(cache, base / "whole/cache", copy_function=shutil.copy2)
    rng, plain = random.Random(seed), dict[Any, Any]()
    there = kinds(place, runs, cache)
    rows = {kind.name: Row(f"changed, and a verb: {kind.name}") for kind in there}
    for _ in range(times):
        (kind,) = rng.choices(there, [kind.weight for kind in there])
        case(kind, runs, cache, rng, plain, rows[kind.name])
        _restore(base / "whole", runs, cache, kind, kind.checked or kind.name == "hashes of raw files")
    return list(rows.values())


def unpacked(path: Path) -> bytes:
    """Returns what a raw file holds, gzipped or not."""
    raw = path.read_bytes()
    return gzip.decompress(raw) if path.suffix == ".gz" else raw
