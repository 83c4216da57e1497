"""A local Ray cluster of a head and two nodes of one core each: the records of one machine, whatever is killed.

Needs Ray (constraints-cluster.txt); without it the part says so and has no rows. Nodes are processes of this machine on
127.0.0.1, each with a cache of its own; a node that is killed loses all its processes at once, as a machine would.
"""

import importlib.util
import os
import signal
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tests.torture import world
from tests.torture.bench import complaint, ended
from tests.torture.nodes import Cluster
from tests.torture.table import Row

QUICK = ("run", "--suite", "quick")
LONG = ("prowtp",)  # takes nine tenths of the suite's time on the small world
FEW = ("mean", "median", "bucket_mean", "bucket_median", "tr", "wlr", "oracle", "d2q")  # for the kills
SEARCH = ("run", "--suite", "torture", "--only", "tr/default,bucket_median", "--tune", "4")


def _of(found: dict[str, Any], methods: Collection[str]) -> dict[str, Any]:
    """Returns the records of some methods; what is told of all together is another without the others."""
    return {name: value for name, value in found.items() if name.count("/") > 1 and name.split("/")[1] in methods}


def _only(methods: Collection[str]) -> tuple[str, ...]:
    return (*QUICK, "--only", ",".join(sorted(methods)))


def _records(row: Row, expected: dict[str, Any], runs: Path, fault: str) -> None:
    """Adds every record, trial and file of arrays as a case."""
    found, log = world.everything(runs) if runs.exists() else {}, runs.with_name("log")
    if all(name.count("/") > 1 for name in expected):
        found = _of(found, {path.name for path in runs.glob("*/*")})
    for name in sorted(expected.keys() | found.keys()):
        same = not fault and found.get(name) == expected.get(name)
        row.add("same to the bit" if same else fault or "other", held=same,
                example=f"{name}: {log.read_text(errors='replace')[-200:]}")  # fmt: skip


def _half(process: Any, runs: Path, count: int, row: Row) -> None:
    """Waits until half of the files are there, and the nodes are at work on the next ones."""
    while process.poll() is None and len(list(runs.glob("*/*/*/*.json"))) < count // 2:
        time.sleep(0.05)
    if process.poll() is not None:
        row.skipped = "the run had ended before"


def same(cluster: Cluster, expected: dict[str, Any], rounds: int) -> list[Row]:
    """The records of one machine, and how much of the time two nodes are at work."""
    row, speeds = Row(f"cluster: suite quick without {', '.join(LONG)} on two nodes, beside one process"), []
    for turn in range(rounds):
        runs, fault, speed = cluster.whole(f"two-nodes-{turn}", _only({name.split("/")[1] for name in expected}))
        _records(row, expected, runs, fault)
        speeds.append(speed)
        print(speed, flush=True)
    gain = Row(f"cluster: two nodes as fast as 1.7 ({'; '.join(map(str, speeds))})")
    for speed in speeds:
        gain.add(f"as fast as {speed.gain:.2f}", held=speed.gain >= 1.7, example=str(speed))
    return [row, gain]


def node_killed(cluster: Cluster, expected: dict[str, Any]) -> Row:
    row = Row("cluster: a node killed half-way")
    process, runs, log = cluster.start("node-killed", _only(FEW))
    _half(process, runs, len(expected), row)
    cluster.nodes.kill(max(k for k, n in enumerate(cluster.nodes.nodes) if n.poll() is None))
    fault = complaint(ended(process, 3000), log.read_text(errors="replace"), codes=(0,))
    _records(row, expected, runs, fault)
    cluster.nodes.join()
    return row


def driver_killed(cluster: Cluster, expected: dict[str, Any]) -> list[Row]:
    row, after = (
        Row("cluster: the driver killed half-way, and started again"),
        Row("cluster: when the driver is killed"),
    )
    process, runs, log = cluster.start("driver-killed", _only(FEW))
    _half(process, runs, len(expected), row)
    before = world.everything(runs)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    torn, now = world.torn(runs), world.everything(runs)
    lost = [name for name in before if name not in now]
    after.add(
        "torn" if torn else "lost" if lost else "whole", held=not (torn or lost), example=f"{torn[:2]} {lost[:2]}"
    )
    until = time.monotonic() + 120
    while (left := [pid for node in cluster.nodes.alive() for pid in cluster.nodes.tasks(node)]) and (
        time.monotonic() < until
    ):
        time.sleep(0.5)
    after.add("orphans" if left else "no task stays behind", held=not left, example=f"{left}")
    process, runs, log = cluster.start("driver-killed", _only(FEW))
    fault = complaint(ended(process, 3000), log.read_text(errors="replace"), codes=(0,))
    _records(row, expected, runs, fault)
    return [row, after]


def searched(cluster: Cluster, expected: dict[str, Any]) -> Row:
    row = Row("cluster: a search, beside one process")
    process, runs, log = cluster.start("search", SEARCH)
    fault = complaint(ended(process, 3000), log.read_text(errors="replace"), codes=(0,))
    _records(row, expected, runs, fault)
    return row


def torture(base: Path, place: Path, times: int, seed: int) -> Iterator[list[Row]]:
    """times: how often the whole suite runs on two nodes."""
    if importlib.util.find_spec("ray") is None:
        lacking = "Ray is not installed: pip install -r constraints.txt -r constraints-cluster.txt"
        yield [Row("cluster", skipped=lacking)]
        return
    expected = world.everything(world.finished(place, base / "whole", *QUICK, "--workers", "1")[0])
    search = world.everything(world.finished(place, base / "whole-search", *SEARCH, "--workers", "1")[0])
    most = _of(expected, {name.split("/")[1] for name in expected if name.count("/") > 1} - {*LONG})
    few, cluster, rows = _of(expected, FEW), Cluster(base, place), list[Row]()
    try:
        for _ in range(2):
            cluster.nodes.join()
        for made in (
            lambda: same(cluster, most, times),
            lambda: [node_killed(cluster, few)],
            lambda: driver_killed(cluster, few),
            lambda: [searched(cluster, search)],
        ):
            found = made()
            print(*found, sep="\n", flush=True)
            rows += found
            yield rows
    finally:
        cluster.nodes.end()
