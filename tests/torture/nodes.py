"""Nodes of a local Ray cluster, processes of this machine, and drivers on them: started, watched, killed."""

import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture import world
from tests.torture.bench import complaint

_TICKS = os.sysconf("SC_CLK_TCK")
_TASK = b"ray::_serve"  # what Ray names a process that works on a job


def _parents() -> dict[int, int]:
    """Returns the parent of every process."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = int(Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError, IndexError):
                continue
    return found


def below(pid: int) -> list[int]:
    """Returns the descendants of a process."""
    parents, found = _parents(), [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _spent(pid: int) -> float:
    """Returns the seconds of processor time that a process has used."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    except (OSError, IndexError):
        return 0.0


class Nodes:
    """A head that runs no jobs, and nodes of one core each."""

    def __init__(self, base: Path) -> None:
        self.base, self.port = base, random.Random().randrange(20_000, 30_000)
        self.scratch = Path(tempfile.mkdtemp(prefix="cvp-ray-"))  # a socket's path is 107 bytes at most
        self.secret = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "NUMBA_CACHE_DIR": str(base / "numba"),
        }
        self.head = self._started("--head", f"--port={self.port}", "--num-cpus=0", "--include-dashboard=false",
                                  f"--temp-dir={self.scratch}", cache=base / "head-cache")  # fmt: skip
        self.nodes: list[subprocess.Popen[bytes]] = []
        time.sleep(5)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _started(self, *arguments: str, cache: Path) -> "subprocess.Popen[bytes]":
        command = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--node-ip-address=127.0.0.1"]
        with (self.base / "nodes-log").open("ab") as out:
            return subprocess.Popen([*command, *arguments], env=world.environment(cache, **self.secret), stdout=out,
                                    stderr=out, start_new_session=True, cwd=self.base)  # fmt: skip

    def join(self) -> None:
        """Adds a node; returns once the cluster has it."""
        cache = world.fresh_cache(self.base / f"node-cache-{len(self.nodes)}")
        before = len(self.known())
        self.nodes.append(self._started(f"--address={self.address}", "--num-cpus=1", "--object-store-memory=100000000",
                                        cache=cache))  # fmt: skip
        until = time.monotonic() + 300
        while len(self.known()) <= before:
            if time.monotonic() > until:
                raise AssertionError(f"no node joins: {(self.base / 'nodes-log').read_text(errors='replace')[-500:]}")
            time.sleep(1)

    def known(self) -> list[int]:
        """Returns the raylets that are at work, that of the head too."""
        every = [self.head, *self.alive()]
        return [pid for one in every for pid in below(one.pid) if b"raylet/raylet" in _title(pid).split(b"\0")[0]]

    def kill(self, place: int) -> None:
        """A node is lost, with all its processes."""
        node = self.nodes[place]
        for pid in [node.pid, *below(node.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        node.wait()

    def alive(self) -> "list[subprocess.Popen[bytes]]":
        return [node for node in self.nodes if node.poll() is None]

    def tasks(self, node: "subprocess.Popen[bytes]") -> list[int]:
        """Returns the processes of a node that work on a job."""
        return [pid for pid in below(node.pid) if _title(pid).startswith(_TASK)]

    def end(self) -> None:
        for node in [*self.nodes, self.head]:
            for pid in [node.pid, *below(node.pid)]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    continue
            node.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)


@dataclass(frozen=True)
class Speed:
    """What the tasks of one run took: seconds."""

    nodes: int
    wall: float  # from the first task's begin to the last one's end
    busy: float  # of tasks at work, summed over nodes
    spent: float  # of processor time, of the processes that worked on them, their imports too

    @property
    def idle(self) -> float:
        """Of a node without a task, summed over nodes: waiting for the next one, and at the end for the other node."""
        return self.nodes * self.wall - self.busy

    @property
    def share(self) -> float:
        """Of a core that a task had, where others are at work on the machine too."""
        return self.spent / self.busy

    @property
    def dedicated(self) -> float:
        """Seconds that the run would take were each node's core its own."""
        return self.wall * self.share

    def __str__(self) -> str:
        return (f"{self.nodes} node{'s' * (self.nodes > 1)}: {self.wall:.0f} s of wall time, tasks at work for "
                f"{self.busy:.0f} s with {self.spent:.0f} s of processor time, nodes without a task for "
                f"{self.idle:.1f} s")  # fmt: skip


_TIMELINE = """
import json, sys, ray
ray.init(address=sys.argv[1], logging_level="ERROR", log_to_driver=False)
print(json.dumps([[e["ts"] / 1e6, e["dur"] / 1e6] for e in ray.timeline() if e["cat"] == "task::_serve"]))
"""


def _tasks(nodes: Nodes) -> list[tuple[float, float]]:
    """Returns begin and length of every task that the cluster has ended, by Ray's own account."""
    time.sleep(3)  # workers tell of their tasks every second
    done = subprocess.run([sys.executable, "-c", _TIMELINE, nodes.address], env=os.environ | nodes.secret, check=True,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    return [tuple(pair) for pair in json.loads(done.stdout.splitlines()[-1])]


class Cluster:
    """The nodes, and runs of a driver on them."""

    def __init__(self, base: Path, place: Path) -> None:
        self.base, self.place, self.nodes = base, place, Nodes(base)
        self.cache = world.fresh_cache(base / "driver-cache")

    def start(self, name: str, plan: tuple[str, ...]) -> tuple[Any, Path, Path]:
        """Starts a driver with records and a cache of its own; returns it, its records and its log."""
        runs, log = self.base / name / "runs", self.base / name / "log"
        log.parent.mkdir(parents=True, exist_ok=True)
        self.cache = self.base / name / "cache"
        if not self.cache.exists():
            world.fresh_cache(self.cache, self.base / "whole/cache")
        command = (*plan, "--executor", "ray", "--address", self.nodes.address, "--runs", str(runs))
        return world.start(self.place, self.cache, *command, log=log, **self.nodes.secret), runs, log

    def whole(self, name: str, plan: tuple[str, ...]) -> tuple[Path, str, Speed]:
        """A run that nothing happens to: its records, what is wrong with it, and what its tasks took."""
        before = len(_tasks(self.nodes))
        process, runs, log = self.start(name, plan)
        spent: dict[int, float] = {}
        while process.poll() is None:
            for node in self.nodes.alive():
                for pid in below(node.pid):
                    if _title(pid).startswith(b"ray::"):
                        spent[pid] = max(spent.get(pid, 0.0), _spent(pid))
            time.sleep(0.5)
        fault = complaint(process.returncode, log.read_text(errors="replace"), codes=(0,))
        tasks = sorted(_tasks(self.nodes))[before:]
        wall = max(begin + length for begin, length in tasks) - tasks[0][0]
        return (
            runs,
            fault,
            Speed(len(self.nodes.alive()), wall, sum(length for _, length in tasks), sum(spent.values())),
        )
