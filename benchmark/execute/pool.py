"""Executors: where jobs run. Each yields what happens to them as it happens; the caller keeps the results.

`processes` gives every core a worker of its own, spawned fresh, replaced when it dies or the machine fails under it;
`inline` runs in this process, for debuggers. A job needs nothing but itself, so an engine for many machines fits the
same seam. Given a deque, they work until it is empty, and whoever takes their events may add to it.
"""

import contextlib
import os
import signal
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, Protocol, TypeVar

from benchmark.execute import worker
from benchmark.execute.events import Again, Done, Event, Failed, Started, unheard
from benchmark.execute.faults import failed, fault
from benchmark.execute.task import Job
from benchmark.files.errors import UserError

J = TypeVar("J", bound=Job)

ATTEMPTS = 2  # a worker may die once under a job (killed from outside); twice is the job's fault
_BIRTHS = 3  # workers lost one after the other before they began anything: no more are started


class Executor(Protocol):
    """Runs jobs, so many at a time."""

    def __call__(self, jobs: Iterable[J], workers: int) -> Iterator[tuple[J, Event]]: ...


def inline(jobs: Iterable[J], workers: int) -> Iterator[tuple[J, Event]]:
    """Run the jobs one after the other in this process. A method's error propagates: a debugger stops where it is."""
    todo = queue_of(jobs)
    while todo:
        job = todo.popleft()
        yield job, Started()
        try:
            event: Event = Done(job.serve(unheard))
        except Exception as error:
            if fault(error) == "method":
                raise
            event = failed(error, job.dataset)
        yield job, event


def queue_of(jobs: Iterable[J]) -> deque[J]:
    """Returns the jobs as a queue: the very one that was given, which may grow meanwhile."""
    return jobs if isinstance(jobs, deque) else deque(jobs)


class _Worker(Generic[J]):
    """A spawned process and the job it works on."""

    def __init__(self, gpu: str = "") -> None:
        """gpu: the only one that the process is to see."""
        self.gpu = gpu
        context = get_context("spawn")
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=worker.main, args=(theirs, 1, gpu), daemon=True)
        try:
            with _uninterrupted():
                self.process.start()
        except BaseException:
            self.pipe.close()
            raise
        finally:
            theirs.close()
        self.job: J | None = None
        self.attempt = 0
        self.began = False

    def give(self, job: J, attempt: int) -> None:
        """Send the job. A worker that has died meanwhile is noticed where its answer is read."""
        self.job, self.attempt, self.began = job, attempt, False
        with contextlib.suppress(OSError):
            self.pipe.send(job)

    def answer(self) -> Event | str:
        """Returns its next event, or how it died."""
        try:
            event: Event = self.pipe.recv()
        except (EOFError, OSError):
            return _death(self.process)
        self.began = True
        return event

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait: it reaches a child too, which has nothing to say to it before it is up."""
    resource_tracker.ensure_running()  # it starts with the first child, and would let Ctrl-C through again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _death(process: BaseProcess) -> str:
    process.join(5)
    code = process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        reason = ", most often because memory ran out" if name == "SIGKILL" else ""
        return f"the worker process was ended by {name}{reason}"
    return f"the worker process ended with code {code}"


class _Staff(Generic[J]):
    """The workers, and the jobs that wait for one."""

    def __init__(self, todo: deque[J], most: int, gpus: Sequence[str] = ()) -> None:
        """most: workers at a time; gpus: dealt out to them, as evenly as can be."""
        self.todo, self.most, self.gpus = todo, most, gpus
        self.again: deque[tuple[J, int]] = deque()  # with the attempt that it will be
        self.workers: list[_Worker[J]] = []
        self.unborn = 0  # workers lost in a row before they began anything

    def at_work(self) -> bool:
        """Returns whether anything is left to wait for."""
        return bool(self.todo or self.again or any(w.job is not None for w in self.workers))

    def assign(self) -> None:
        """Give every waiting job a worker, as far as there are; starts those that are lacking."""
        waiting = len(self.todo) + len(self.again)
        idle = [w for w in self.workers if w.job is None]
        for _ in range(min(self.most - len(self.workers), waiting - len(idle))):
            if (new := self._hired()) is None:
                break
            idle.append(new)
        for w in idle[:waiting]:
            w.give(*(self.again.popleft() if self.again else (self.todo.popleft(), 1)))

    def _hired(self) -> _Worker[J] | None:
        """Returns one more worker, None where this machine has no room for more than there are."""
        try:
            held = Counter(w.gpu for w in self.workers)
            self.workers.append(_Worker(min(self.gpus, key=held.__getitem__, default="")))
        except OSError as error:
            if not self.workers:
                raise UserError(f"no worker process can be started ({error.strerror or error})") from None
            self.most = len(self.workers)
            return None
        return self.workers[-1]

    def answers(self) -> Iterator[tuple[J, Event]]:
        """Waits for some of the busy workers and yields what they say."""
        busy = {w.pipe: w for w in self.workers if w.job is not None}
        for pipe in wait(list(busy)):
            w = busy[pipe]  # type: ignore[index]
            if (job := w.job) is not None and (event := self._read(w, job)) is not None:
                yield job, event

    def _read(self, w: _Worker[J], job: J) -> Event | None:
        """Returns what has become of a worker's job; None where the worker was lost before it began with it."""
        answer = w.answer()
        if isinstance(answer, str):
            self._dismiss(w)
            if not w.began:
                self.unborn += 1
                if self.unborn >= _BIRTHS:
                    raise UserError(f"no worker process stays alive: {answer}")
                self.again.appendleft((job, w.attempt))
                return None
            return self._once_more(w, job, answer) or Failed(f"{answer}, {ATTEMPTS} times", "method")
        self.unborn = 0
        if isinstance(answer, Done | Failed):
            w.job = None
        if isinstance(answer, Failed) and answer.fault in ("environment", "code"):
            self._dismiss(w)  # what it has in memory is no good
            return (self._once_more(w, job, answer.error) if answer.fault == "environment" else None) or answer
        return answer

    def _once_more(self, w: _Worker[J], job: J, why: str) -> Again | None:
        if w.attempt >= ATTEMPTS:
            return None
        self.again.append((job, w.attempt + 1))
        return Again(why)

    def _dismiss(self, w: _Worker[J]) -> None:
        self.workers.remove(w)
        w.end()

    def end(self) -> None:
        for w in self.workers:
            w.end()


def processes(jobs: Iterable[J], workers: int, gpus: Sequence[str] = ()) -> Iterator[tuple[J, Event]]:
    """Run the jobs on this many spawned workers, one thread each. Raises UserError where none can be started.

    gpus: as CUDA_VISIBLE_DEVICES names them; each worker sees one, dealt out evenly.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # inherited by the workers before any library reads it
    staff = _Staff(queue_of(jobs), workers, gpus)
    try:
        while staff.at_work():
            staff.assign()
            yield from staff.answers()
    finally:
        staff.end()


EXECUTORS: dict[str, Executor] = {"processes": processes, "inline": inline}
