"""Runs that start at once: forks of this process, which has imported what a run imports.

A fresh interpreter spends seconds of importing before a run does anything that could be interrupted. A fork does the
same work from there on, in a session of its own, with the same files and signals; its workers are forks of it, where
the program spawns them. The harness has cold starts too, and the records of both must be the same to the bit.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from multiprocessing import get_context
from pathlib import Path

from benchmark import ROOT
from tests.torture import world

_ASK = 0.005  # seconds between two looks at a process


class Process:
    """A forked run, as far as `subprocess.Popen` is used of one."""

    def __init__(self, pid: int) -> None:
        self.pid, self.returncode = pid, None

    returncode: int | None

    def poll(self) -> int | None:
        """Returns its exit code, or the number of its signal below 0; None while it lives."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        until = time.monotonic() + timeout if timeout else float("inf")
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("a forked run", timeout or 0)
            time.sleep(_ASK)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def start(place: Path, cache: Path, *arguments: str, log: Path, out: int | None = None) -> Process:
    """Starts a verb, as `world.start`. place: the sources, which must be those of this process. out: a file handle for
    standard output in the place of the log."""
    if ROOT.resolve() != place.resolve():
        raise AssertionError(f"a fork of this process runs the sources of {ROOT}, not of {place}")
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return Process(pid)
    code = 70
    try:
        os.setsid()
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(handle if out is None else out, 1)
        os.dup2(handle, 2)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.environ.update(world.environment(cache))
        code = _run(place, arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _run(place: Path, arguments: tuple[str, ...]) -> int:
    from benchmark import __main__
    from benchmark.execute import pool

    os.chdir(place)
    pool.get_context = lambda method: get_context("fork")  # type: ignore[attr-defined, assignment]
    sys.argv = ["benchmark", *arguments]
    try:
        code = __main__._run_to_the_end()
    except SystemExit as error:
        code = int(error.code or 0)
    if told := os.environ.get("TORTURE_MODULES"):
        Path(told).write_text(json.dumps(sorted(sys.modules)))
    return code


def prepare(place: Path, cache: Path, runs: Path, log: Path, *arguments: str) -> float:
    """Imports here what a run of these arguments imports, asking a fork that carries them out; returns the seconds that
    a second one takes. The folder of its records is the first one's."""
    names = log.with_name("modules.json")
    os.environ["TORTURE_MODULES"] = str(names)
    try:
        process = start(place, cache, *arguments, "--runs", str(runs), "--executor", "inline", log=log)
        if process.wait(900):
            raise AssertionError(f"the uninterrupted run failed: {log.read_text(errors='replace')[-800:]}")
    finally:
        del os.environ["TORTURE_MODULES"]
    for name in json.loads(names.read_text()):
        with contextlib.suppress(Exception):  # of a few that only a run can import
            importlib.import_module(name)
    began = time.monotonic()
    start(place, cache, *arguments, "--runs", str(runs), "--rerun", "all", log=log).wait(900)
    return time.monotonic() - began
