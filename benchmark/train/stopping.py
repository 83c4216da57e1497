"""When a replica stops, and what is kept of it: its history and its best state."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.train.stack import Stack
from methods.base import Method
from methods.schedules import Scheduled


@dataclass(frozen=True)
class Plan:
    """The dataset's training protocol."""

    batch: int
    epochs: int  # at most
    patience: int
    stop: str = "mae"  # or "loss": the method's own, on the validation rows; "last": the last finite state


@dataclass(frozen=True)
class History:
    """One replica's training: the stopping metric and the mean loss after each of its epochs."""

    valid: list[float]
    loss: list[float]
    best_epoch: int  # 1-based; 0: no epoch had a finite metric, the replica diverged and predicts NaN
    stopped_early: bool
    schedule_end: int = 0  # the epoch at whose end the method's own schedule is over; 0: it has none


@dataclass(frozen=True)
class State:
    """What defines a replica, or all of them, stacked: dense parameters [P], buffers, and the rows [V, D] of each
    bank."""

    flat: Tensor
    buffers: tuple[Tensor, ...]
    rows: tuple[Tensor, ...]


def state_at(stack: Stack, weights: Sequence[Tensor], place: int) -> State:
    """A copy of the state at this place of a stack. weights: [S, V, D] each, flushed."""
    return State(
        stack.flat[place].clone(),
        tuple(buffer[place].clone() for buffer in stack.buffers.values()),
        tuple(weight[place].clone() for weight in weights),
    )


def stacked(states: Sequence[State]) -> State:
    """The states of all replicas as one."""

    def each(parts: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        return tuple(torch.stack(list(of_all)) for of_all in zip(*parts, strict=True))

    flat = torch.stack([state.flat for state in states])
    return State(flat, each([state.buffers for state in states]), each([state.rows for state in states]))


def schedule_end(method: Method, plan: Plan, steps: int) -> int:
    """The epoch at whose end the method's own schedule is over, 0 where it has none. steps: of an epoch."""
    if not isinstance(method, Scheduled):
        return 0
    part = method.schedule_end(steps * plan.epochs)
    return math.ceil(min(max(part, 0.0), 1.0) * plan.epochs - 1e-9)  # a product may be a last bit above a whole epoch


class Best:
    """Each replica's history and its best state so far."""

    def __init__(self, plan: Plan, ends: Sequence[int], *, abandon: bool) -> None:
        """ends: of each replica's schedule, before which patience does not count. abandon: a replica ends with its
        first validation metric that is not finite, the last of its history."""
        self.plan, self.ends, self.abandon = plan, ends, abandon
        replicas = len(ends)
        self.valid: list[list[float]] = [[] for _ in range(replicas)]
        self.loss: list[list[float]] = [[] for _ in range(replicas)]
        self.metric, self.epoch = [math.inf] * replicas, [0] * replicas
        self.states: dict[int, State] = {}
        self.stopped: set[int] = set()

    @property
    def running(self) -> int:
        """How many replicas train on."""
        return len(self.valid) - len(self.stopped)

    def add(self, replica: int, metric: float, loss: float) -> bool:
        """Note an epoch's metric and mean loss; whether its state is to be kept."""
        if replica in self.stopped:
            return False
        self.valid[replica].append(metric)
        self.loss[replica].append(loss)
        number = len(self.valid[replica])
        if metric < self.metric[replica] or (self.plan.stop == "last" and math.isfinite(metric)):
            self.metric[replica], self.epoch[replica] = metric, number
            return True
        waited = number - max(self.epoch[replica], self.ends[replica]) >= self.plan.patience
        if waited or (self.abandon and not math.isfinite(metric)):
            self.stopped.add(replica)
        return False

    def history(self, replica: int) -> History:
        return History(
            self.valid[replica], self.loss[replica], self.epoch[replica], replica in self.stopped, self.ends[replica]
        )

    def all_states(self, lost: State) -> State:
        """The best state of every replica, stacked. lost: of one that has none, for it diverged."""
        return stacked([self.states.get(replica, lost) for replica in range(len(self.valid))])
