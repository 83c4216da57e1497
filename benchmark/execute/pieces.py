"""Groups in pieces: where fewer are left than workers, a group's seeds are shared out.

A replica's numbers do not depend on who trains beside it, so the pieces' results together are the group's, to the bit.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, Self, TypeVar

from benchmark.execute.events import Done, Epoch, Event, Failed, Started
from benchmark.execute.pool import Executor, queue_of
from benchmark.execute.task import GroupJob, Job


class Divisible(Job, Protocol):
    """A job whose work can be shared out."""

    def parts(self, most: int) -> Sequence[Self]:
        """Returns at most so many jobs that are this one together; itself, where it is better done in one."""

    def joined(self, results: Sequence[Any]) -> object:
        """Returns this job's result from those of its parts, in their order."""


class DivisibleGroup(Divisible, GroupJob, Protocol):
    """A job that a user sees at work, whose work can be shared out."""


J = TypeVar("J", bound=Divisible)


@dataclass
class _Whole(Generic[J]):
    """A job in pieces and what is known of each."""

    job: J
    parts: Sequence[J]
    ends: dict[int, Done | Failed] = field(default_factory=dict)  # by the place of the piece
    epochs: dict[int, Epoch] = field(default_factory=dict)
    begun: bool = False

    def hear(self, part: J, event: Event) -> Event | None:
        """Returns what a piece's event means for the whole; None where that is nothing yet."""
        place = next(p for p, mine in enumerate(self.parts) if mine is part)
        match event:
            case Started():
                first, self.begun = not self.begun, True
                return event if first else None
            case Epoch():
                self.epochs[place] = event
                least = min(one.epoch for one in self.epochs.values())
                active = sum(one.active for one in self.epochs.values())
                return replace(event, epoch=least if len(self.epochs) == len(self.parts) else 0, active=active)
            case Done() | Failed():
                self.ends[place] = event
                return self._end()
        return event

    def _end(self) -> Done | Failed | None:
        """Returns how the whole has ended, once all pieces have."""
        if len(self.ends) < len(self.parts):
            return None
        ends = [self.ends[place] for place in range(len(self.parts))]
        lost = [end for end in ends if isinstance(end, Failed)]
        return lost[0] if lost else Done(self.job.joined([end.result for end in ends if isinstance(end, Done)]))


def in_pieces(
    execute: Executor, jobs: Iterable[J], workers: int, width: Callable[[], int] | None = None
) -> Iterator[tuple[J, Event]]:
    """Runs the jobs as `execute` does, and yields what happens to them as if each were done in one. width: says how
    many workers there are now, where that changes."""
    waiting, given = queue_of(jobs), deque[J]()
    at_work: dict[int, _Whole[J]] = {}  # by the identity of a piece, which the executor hands back as it is

    def feed(first: bool = False) -> None:
        """Give the executor so much that no worker has to wait. first: all workers are idle, and where each gets a job
        of its own, none is in need of pieces; later the last jobs are, for who is at work now has no other to come."""
        there = width() if width else workers
        room = there - len(at_work)
        while waiting and room > 0:
            share = -(-(room if first else there) // len(waiting))  # workers to each job
            job = waiting.popleft()
            parts = job.parts(share) if share > 1 else [job]
            whole = _Whole(job, parts)
            at_work.update({id(part): whole for part in parts})
            given.extend(parts)
            room -= len(parts)

    feed(first=True)
    for part, event in execute(given, workers):
        whole = at_work[id(part)]
        if isinstance(event, Done | Failed):
            del at_work[id(part)]
        told = whole.hear(part, event)
        if told is not None:
            yield whole.job, told
        feed()
