"""Executors: where groups of work run. Each yields events as they happen; the caller keeps the records.

`processes` gives every core a worker of its own, spawned fresh, replaced when it dies; `inline` runs in this
process, for debuggers. One group is one task that returns records, so an engine for many machines fits the same seam.
Given a deque, they work until it is empty, and whoever takes their events may add to it.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from benchmark.execute import worker
from benchmark.execute.worker import Task

_ATTEMPTS = 2  # a worker may die once under a task (killed from outside); twice is the task's fault


@dataclass(frozen=True)
class Event:
    """Something a task did: "started", "again" (its worker died), "epoch", "done" or "failed"."""

    task: Task
    kind: str
    what: dict[str, Any]


Executor = Callable[[Iterable[Task], int], Iterator[Event]]


def inline(tasks: Iterable[Task], workers: int) -> Iterator[Event]:
    """Run the tasks one after the other in this process. A method's error propagates: a debugger stops where it is."""
    todo = _queue(tasks)
    while todo:
        task = todo.popleft()
        yield Event(task, "started", {})
        try:
            yield Event(task, "done", worker.serve(task, lambda kind, **what: None))
        except Exception as error:
            if not worker.fault(error):
                raise
            yield Event(task, "failed", {"error": worker.one_line(error, task), "fault": worker.fault(error)})


def _queue(tasks: Iterable[Task]) -> deque[Task]:
    return tasks if isinstance(tasks, deque) else deque(tasks)


class _Worker:
    """A spawned process and the task it works on."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=worker.main, args=(theirs, 1), daemon=True)
        self.process.start()
        theirs.close()
        self.task: Task | None = None
        self.attempt = 0

    def give(self, task: Task, attempt: int) -> None:
        self.task, self.attempt = task, attempt
        self.pipe.send(task)

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


def _death(process: BaseProcess) -> str:
    process.join(5)
    code = process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        reason = ", most often because memory ran out" if name == "SIGKILL" else ""
        return f"the worker process was ended by {name}{reason}"
    return f"the worker process ended with code {code}"


def processes(tasks: Iterable[Task], workers: int) -> Iterator[Event]:
    """Run the tasks on this many spawned workers, one thread each."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # inherited by the workers before any library reads it
    todo = _queue(tasks)
    again: deque[tuple[Task, int]] = deque()  # whose worker died
    staff: list[_Worker] = []
    try:
        while todo or again or any(w.task for w in staff):
            idle = sum(w.task is None for w in staff)
            staff += [_Worker() for _ in range(min(workers - len(staff), len(todo) + len(again) - idle))]
            for w in staff:
                if w.task is None and (todo or again):
                    task, attempt = again.popleft() if again else (todo.popleft(), 1)
                    w.give(task, attempt)
                    yield Event(task, "started", {})
            busy = {w.pipe: w for w in staff if w.task is not None}
            for pipe in wait(list(busy)):
                w = busy[pipe]  # type: ignore[index]
                assert w.task is not None
                try:
                    kind, what = w.pipe.recv()
                except (EOFError, OSError):
                    why = _death(w.process)
                    if w.attempt < _ATTEMPTS:
                        again.append((w.task, w.attempt + 1))
                        yield Event(w.task, "again", {"error": why})
                    else:
                        yield Event(w.task, "failed", {"error": f"{why}, {_ATTEMPTS} times", "fault": ""})
                    w.end()
                    staff[staff.index(w)] = _Worker()
                    continue
                task = w.task
                if kind in ("done", "failed"):
                    w.task = None
                yield Event(task, kind, what)
    finally:
        for w in staff:
            w.end()


EXECUTORS: dict[str, Executor] = {"processes": processes, "inline": inline}
