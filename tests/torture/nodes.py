"""Nodes of a local Ray cluster, processes of this machine, and drivers on them: started, watched, killed."""

import contextlib
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
_WORKERS = (_TASK, b"ray::IDLE")


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


def _lose(node: "subprocess.Popen[bytes]") -> None:
    """Kills a process and all below it at once."""
    for pid in [node.pid, *below(node.pid)]:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    node.wait()


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
            "RAY_worker_niceness": "0",  # a core of one's own
            # a machine whose cores others use too is slow, not dead
            "RAY_agent_register_timeout_ms": "600000",
            "RAY_health_check_failure_threshold": "60",
        }
        self.nodes: list[subprocess.Popen[bytes]] = []
        self.head = self._up("head", "--head", f"--port={self.port}", "--num-cpus=0", "--include-dashboard=false",
                             f"--temp-dir={self.scratch}")  # fmt: skip

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def join(self) -> None:
        """Adds a node."""
        name = f"node-{len(self.nodes)}"
        self.nodes.append(
            self._up(name, f"--address={self.address}", "--num-cpus=1", "--object-store-memory=100000000")
        )

    def _up(self, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Starts Ray with a cache of its own; returns once the cluster has it. Ray gives itself half a minute: on a
        machine that others use too it is asked several times."""
        env = world.environment(world.fresh_cache(self.base / f"{name}-cache"), **self.secret)
        command = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--node-ip-address=127.0.0.1"]
        log, until = self.base / f"{name}-log", time.monotonic() + 1500
        while time.monotonic() < until:
            with log.open("wb") as out:
                node = subprocess.Popen([*command, *arguments], env=env, stdout=out, stderr=out, start_new_session=True,
                                        cwd=self.base)  # fmt: skip
            while node.poll() is None and time.monotonic() < until:
                if b"Ray runtime started" in log.read_bytes():
                    return node
                time.sleep(0.5)
            _lose(node)
        raise AssertionError(f"Ray does not start: {log.read_text(errors='replace')[-500:]}")

    def kill(self, place: int) -> None:
        """A node is lost, with all its processes."""
        _lose(self.nodes[place])

    def alive(self) -> "list[subprocess.Popen[bytes]]":
        return [node for node in self.nodes if node.poll() is None]

    def tasks(self, node: "subprocess.Popen[bytes]") -> list[int]:
        """Returns the processes of a node that work on a job."""
        return [pid for pid in below(node.pid) if _title(pid).startswith(_TASK)]

    def end(self) -> None:
        for node in [*self.nodes, self.head]:
            _lose(node)
        shutil.rmtree(self.scratch, ignore_errors=True)


@dataclass(frozen=True)
class Speed:
    """What the tasks of one run took, by Ray's own account: seconds."""

    nodes: int
    wall: float  # from the first task's begin to the last one's end
    busy: float  # of tasks at work, summed over nodes
    imports: float  # of that, before their first line: once for each node's process
    spent: float  # of processor time, of the processes that worked on them

    @property
    def idle(self) -> float:
        """Of a node without a task, summed over nodes: waiting for the next one, and at the end for the other node."""
        return self.nodes * self.wall - self.busy

    @property
    def gain(self) -> float:
        """How many times as long one node would be at work on the same: its tasks one after the other, imports once,
        and no time at all between two tasks. Whatever else the machine does slows all tasks alike."""
        return (self.busy - self.imports * (1 - 1 / self.nodes)) / self.wall

    def __str__(self) -> str:
        return (
            f"{self.wall:.0f} s of wall time, in which {self.nodes} nodes were at work for {self.busy:.0f} s "
            f"({self.imports:.0f} s of them imports) on {self.spent:.0f} s of processor time, and without a task for "
            f"{self.idle:.1f} s"
        )


_TIMELINE = """
import json, sys, ray
ray.init(address=sys.argv[1], logging_level="ERROR", log_to_driver=False)
print(json.dumps([[e["cat"], e["ts"] / 1e6, e["dur"] / 1e6] for e in ray.timeline()]))
"""


def _events(nodes: Nodes) -> list[tuple[str, float, float]]:
    """Returns kind, begin and length of all that workers did, by Ray's own account."""
    time.sleep(3)  # workers tell of their tasks every second
    done = subprocess.run([sys.executable, "-c", _TIMELINE, nodes.address], env=os.environ | nodes.secret, check=True,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    return [tuple(event) for event in json.loads(done.stdout.splitlines()[-1])]


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
        began = time.time()
        process, runs, log = self.start(name, plan)
        spent: dict[int, float] = {}
        while process.poll() is None:
            for node in self.nodes.alive():
                for pid in below(node.pid):
                    if _title(pid).startswith(_WORKERS):
                        spent[pid] = max(spent.get(pid, 0.0), _spent(pid))
            time.sleep(0.5)
        fault = complaint(process.returncode, log.read_text(errors="replace"), codes=(0,))
        events = [event for event in _events(self.nodes) if event[1] >= began]
        tasks = [(begin, length) for kind, begin, length in events if kind == "task::_serve"]
        imports = sum(length for kind, _, length in events if kind == "task:deserialize_arguments")
        wall = max(begin + length for begin, length in tasks) - min(begin for begin, _ in tasks)
        speed = Speed(len(self.nodes.alive()), wall, sum(length for _, length in tasks), imports, sum(spent.values()))
        return runs, fault, speed
