"""Trains all replicas (seeds, trials) of a method at once, each to its own best epoch.

An epoch is ceil(n / B) full batches, the last filled from the next epoch's permutation; nothing waits for the device
inside it. On a GPU the whole step is captured in a CUDA graph and replayed; on a CPU the same step runs eagerly, with
compiled loops for the optimiser.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.train.adam.optimiser import Optimiser
from benchmark.train.capture import Captured
from benchmark.train.draws import DeviceWords, HostWords, key
from benchmark.train.learned import Targets, learn
from benchmark.train.order import Order
from benchmark.train.resident import gather, resident
from benchmark.train.stack import Given, Stack
from benchmark.train.stopping import Best, History, Plan, State, schedule_end, state_at
from benchmark.train.validation import Predictor, Validation
from datasets.schema import Rows, Schema
from methods.base import Method

__all__ = ["History", "Plan", "Trainer"]


class Trainer:
    """A group's replicas. A lone replica trains as a pair of itself: in float32 on a CPU any width of at least two
    gives the same bits, one does not."""

    def __init__(
        self,
        method: type[Method],
        schema: Schema,
        train: Rows,
        valid: Rows,
        plan: Plan,
        seeds: Sequence[int],
        configs: Sequence[Any],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        compiled: bool | None = None,
    ) -> None:
        """configs: one per seed, alike in all but float fields. compiled: use the compiled loops (default: on a
        CPU)."""
        self.plan, self.asked, device = plan, len(seeds), torch.device(device)
        seeds, configs = (list(seeds) * 2, list(configs) * 2) if len(seeds) == 1 else (list(seeds), list(configs))
        on_host = device.type == "cpu" if compiled is None else compiled

        fitted, targets = learn(method, train, configs, seeds)
        self.stack = Stack(method, schema, configs, seeds, fitted, device, dtype, compiled=on_host)
        self.columns = resident(train, schema, self.stack.tables, device, dtype)
        self.targets = Targets(targets, device, dtype)
        self.order = Order(len(train), plan.batch, len(self.stack), device)
        self.total_steps = self.order.steps * plan.epochs
        self.optimiser = Optimiser(self.stack, self.total_steps, on_host=on_host)

        self.keys = torch.tensor([key(seed) for seed in seeds], dtype=torch.int32, device=device)
        lane = self.order.lane
        count = self.stack.words_per_loss(gather(self.columns, lane), self.targets.first(lane))
        self.words = HostWords(count) if on_host else DeviceWords(count, device)
        self.validation = Validation(self.stack, valid, self.order.batch, self.words, own_loss=plan.stop == "loss")

        self.step_number = torch.zeros(1, dtype=torch.long, device=device)
        self.loss_sum = torch.zeros(len(self.stack), dtype=torch.float64, device=device)
        self.host_step = 0
        self.captured = Captured(self._step) if device.type == "cuda" else None
        self.active = list(range(len(self.stack)))  # the replica at each place of the stack
        self.can_shrink = self.captured is None  # a CUDA graph keeps its width

    # One step

    def _progress(self) -> Tensor:
        return (self.step_number[0].double() / self.total_steps).to(self.stack.dtype)

    def _step(self) -> None:
        """One optimiser step of every replica: gather, loss, one autograd of the summed losses, update."""
        index = self.order.upcoming()  # [S, B]
        columns = gather(self.columns, index)
        rows = self.optimiser.gather(columns.embedded)
        flat = self.stack.flat.detach().requires_grad_()
        words = self.words.fill(self.keys, self.step_number)
        given = Given(tuple(rows), columns, self.targets.at(index), words, self.step_number[0], self._progress())
        loss = self.stack.call("loss", flat, given)
        # replicas are independent, so the gradient of the sum holds every replica's own
        grad, *row_grads = torch.autograd.grad(loss.sum(), [flat, *rows])
        with torch.no_grad():
            self.optimiser.update(self.stack.flat, grad, row_grads)
            self.loss_sum += loss.detach()
            self.step_number += 1
            self.order.cursor += 1

    def advance(self) -> None:
        """One step of the epoch that has begun: replayed from the CUDA graph where there is one."""
        if self.captured is None:
            self._step()
        else:
            self.captured.run()
        self.host_step += 1
        self.optimiser.settle(self.host_step)

    # Epochs

    def begin(self, epoch: int) -> None:
        """Set this epoch's order of rows for every active replica."""
        self.stack.module.train()
        self.loss_sum.zero_()
        self.order.begin(epoch, [self.stack.seeds[replica] for replica in self.active])

    def epoch(self, number: int) -> Tensor:
        """Train one epoch; returns the mean loss of each active replica, float64 [S] on the device."""
        self.begin(number)
        for _ in range(self.order.steps):
            self.advance()
        return self.loss_sum / self.order.steps

    def validate(self) -> Tensor:
        """The stopping metric of each active replica, float64 [S] on the device."""
        self.optimiser.flush()
        return self.validation.metric(self.optimiser.weights(), self.active, self.keys, self.step_number)

    def fit(self, progress: Callable[[int, int], None] | None = None, *, abandon: bool = False) -> list[History]:
        """Train to each replica's best epoch and leave the stack there. progress(epoch, active replicas) after each
        epoch. abandon: a replica ends with its first validation metric that is not finite, the last of its history."""
        methods = [self.stack.method(config) for config in self.stack.configs]
        ends = [schedule_end(method, self.plan, self.order.steps) for method in methods]
        best = Best(self.plan, ends, abandon=abandon)
        for number in range(self.plan.epochs):
            losses = self.epoch(number).tolist()
            metrics = self.validate().tolist()
            for place, replica in enumerate(self.active):
                if best.add(replica, metrics[place], losses[place]):
                    best.states[replica] = self.state(place)
            if progress:
                progress(number + 1, best.running)
            if not best.running:
                break
            self._shrink(best.stopped)
        some = self.state(0)
        lost = State(torch.full_like(some.flat, torch.nan), some.buffers, some.rows)  # a diverged replica predicts NaN
        self.restore(best.all_states(lost))
        return [best.history(replica) for replica in range(self.asked)]

    def _shrink(self, stopped: set[int]) -> None:
        """Train on without the replicas that have stopped, never below a pair."""
        places = [p for p, r in enumerate(self.active) if r not in stopped]
        places += [p for p, r in enumerate(self.active) if r in stopped][: max(0, 2 - len(places))]
        places.sort()
        if not self.can_shrink or len(places) == len(self.active):
            return
        for part in (self.stack, self.optimiser, self.order, self.targets):
            part.keep(places)
        self.keys, self.loss_sum = self.keys[places], self.loss_sum[places]
        self.active = [self.active[p] for p in places]

    def state(self, place: int) -> State:
        """A copy of what defines the replica at this place, as of the last validation."""
        return state_at(self.stack, self.optimiser.weights(), place)

    def restore(self, states: State) -> None:
        """Put these states of all replicas, stacked, in the stack's place. Ends training."""
        stack = self.stack
        stack.flat = states.flat
        stack.buffers = dict(zip(stack.buffers, states.buffers, strict=True))
        stack.hyper = stack.hyper_of(stack.configs)
        self.final_rows = states.rows  # [S, V, D] each
        self.active = list(range(len(stack)))

    # Prediction, of every asked replica at its best epoch

    @property
    def predictor(self) -> Predictor:
        """What is left of the training."""
        return Predictor(self.stack, self.final_rows, self.step_number[0], self.asked)

    def predict(self, rows: Rows) -> np.ndarray:
        """The predictions, float64 [S, n] in the label's unit."""
        return self.predictor.predict(rows)

    def quantiles(self, rows: Rows, levels: Sequence[float]) -> np.ndarray:
        """The quantiles that a method's distribution has at these levels, float64 [S, n, levels]."""
        return self.predictor.quantiles(rows, levels)

    def examine(self, replica: int, rows: Rows) -> Mapping[str, Any]:
        """What a method that can be examined shows of one replica, on labelled rows."""
        stack, fitted = self.stack, self.stack.fitted[replica]
        stack.module.eval()
        columns = self.predictor.resident(rows)
        banks = tuple(w[replica][e] for w, e in zip(self.final_rows, columns.embedded, strict=True))

        def examine(method: Any) -> Callable[[Any, Any], Any]:
            return partial(method.examine, fitted=fitted)

        end = torch.ones((), dtype=stack.dtype, device=stack.device)
        step = torch.tensor(self.total_steps, device=stack.device)
        return stack.look(replica, examine, Given(banks, columns, {}, None, step, end))
