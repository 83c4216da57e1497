"""CPU seconds of verbs on the committed records, each in a process of its own, and of a worker until it can train."""

import math
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark import ROOT
from benchmark.bench.common import ROUNDS, Asked, median
from benchmark.files.paths import RUNS
from benchmark.files.remembered import place_of
from benchmark.records.record import Record
from benchmark.records.trial import Trial

_WORKER = "import benchmark.execute.worker, benchmark.execute.cells, benchmark.train.trainer"


def commands(runs: Path, asked: Asked) -> dict[str, tuple[float, list[str]]]:
    """What is timed: the CPU seconds that it may take, and Python's arguments. runs: a copy of the records, which
    `report` writes beside."""
    data = [] if asked.root is None else ["--data", str(asked.root)]

    def verb(*arguments: str) -> list[str]:
        return ["-m", "benchmark", *arguments]

    return {
        "list": (1.0, verb("list")),
        "status": (1.0, verb("status", *data)),
        "plan": (1.0, verb("plan", "--suite", "full", *data)),
        "explain": (1.0, verb("explain", "synthetic/tr/mae", *data)),
        "report": (6.0, verb("report", "--runs", str(runs), *data)),
        "worker": (1.5, ["-c", _WORKER]),
        "torch": (math.inf, ["-c", "import torch"]),  # of the worker's
    }


def main(asked: Asked) -> None:
    """Medians of interleaved rounds, after one that fills the cache, as whoever works with a checkout has it."""
    with TemporaryDirectory() as folder:
        runs = Path(folder, "runs")
        shutil.copytree(RUNS, runs)
        calls = commands(runs, asked)
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(1 + ROUNDS):
            for name, (_, arguments) in calls.items():
                times[name].append(cpu_seconds(arguments))
        for kind in (Record, Trial):  # of a folder that goes
            place_of(runs, kind).unlink(missing_ok=True)
        for name, (most, _) in calls.items():
            took = median(times[name][1:])
            verdict = f"   target {most:.1f} s: {'met' if took <= most else 'MISSED'}" if most < math.inf else " alone"
            asked.say(f"verbs     {name:<8} {took:5.2f} s of CPU{verdict}")


def cpu_seconds(arguments: list[str]) -> float:
    """User and system time of one process and its own. Raises CalledProcessError where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
