"""Events: a job begins, goes on, and ends in one of two ways."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Fault = Literal["method", "data", "few", "environment", "code"]
"""Who is at fault where a job fails.

method       the method's code or its setting: the failure is a result, and is recorded
data         the raw files or the prepared table
few          the same of a sample too small to run on, a normal state
environment  this machine: memory, file handles, the disk
code         a file of the method changed since the run began
"""


@dataclass(frozen=True)
class Started:
    """A worker has begun with the job."""


@dataclass(frozen=True)
class Again:
    """The job's worker died, or the machine failed under it: the job begins again in a fresh one."""

    error: str


@dataclass(frozen=True)
class Epoch:
    """An epoch is over."""

    epoch: int  # 1-based
    epochs: int  # at most
    active: int  # replicas still training
    rows: int  # that this epoch has trained on, over all replicas


@dataclass(frozen=True)
class Done:
    """The job's own result: `Prepared`, `Trained` or `Tried`."""

    result: object


@dataclass(frozen=True)
class Failed:
    """The job has no result."""

    error: str  # one line
    fault: Fault


Event = Started | Again | Epoch | Done | Failed
Report = Callable[[Event], None]  # from a job to whoever runs it


def unheard(event: Event) -> None:
    """Report to nobody."""
