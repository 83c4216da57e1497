"""Trains all replicas (seeds, trials) of a method at once, each to its own best epoch.

An epoch is ceil(n / B) full batches, the last filled from the next epoch's permutation; nothing waits for the device
inside it. On a GPU the whole step is captured in a CUDA graph and replayed; on a CPU the same step runs eagerly, with
compiled loops for the optimiser.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.train.device import DenseTable, DeviceAdam, DeviceTable, DeviceWords, early_flushes
from benchmark.train.draws import key, seed_of, step_keys
from benchmark.train.lazy_adam import HostAdam, HostTable, HostWords
from benchmark.train.reads import Shared, alike
from benchmark.train.resident import gather, resident
from benchmark.train.stack import Asked, Stack, Unlike
from datasets.schema import Rows, Schema
from methods.base import Fitted, Method

CHUNK = 8192  # rows of a prediction pass
_WARMUP = 3  # eager steps on a GPU before the capture
_FLUSHES = early_flushes()


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
        self.device, self.dtype, self.plan, self.asked = torch.device(device), dtype, plan, len(seeds)
        seeds, configs = (list(seeds) * 2, list(configs) * 2) if len(seeds) == 1 else (list(seeds), list(configs))
        self.method, self.seeds = method, seeds
        self.n = len(train)
        self.batch = min(plan.batch, self.n)
        self.steps_per_epoch = -(-self.n // self.batch)
        self.total_steps = self.steps_per_epoch * plan.epochs
        on_host = self.device.type == "cpu" if compiled is None else compiled

        fitted, targets = self._fit(train, configs)
        self.stack = Stack(method, schema, configs, seeds, fitted, self.device, dtype)
        self._schema, self._fitted, self._configs = schema, fitted, configs
        self.train_columns = resident(train, schema, self.stack.tables, self.device, dtype)
        self.valid_columns = resident(valid, schema, self.stack.tables, self.device, dtype)
        self.targets = self._targets_on_device(targets)
        self._valid_rows = valid

        count = len(self.stack)
        lr = self.stack.hyper["lr"]
        decay = self.stack.hyper["weight_decay"]
        dense = bool((decay > 0).any())
        table_type = HostTable if on_host else DeviceTable
        self.tables = [
            DenseTable(self.stack.initial_rows(bank, seeds), count, lr, decay)
            if dense
            else table_type(self.stack.initial_rows(bank, seeds), count, lr, self.total_steps)
            for bank in self.stack.banks
        ]
        self.adam = (HostAdam if on_host else DeviceAdam)(self.stack.flat, lr, decay)
        self._flushing = not on_host and not dense
        self.can_shrink = all(hasattr(table, "keep") for table in self.tables)

        self.keys = torch.tensor([key(seed) for seed in seeds], dtype=torch.int32, device=self.device)
        self.lane = torch.arange(self.batch, device=self.device)
        words = self.stack.words_per_loss(
            gather(self.train_columns, self.lane), self._targets_at(self.lane.unsqueeze(0), 1, first=True)
        )
        self.words = HostWords(words) if on_host else DeviceWords(words, self.device)

        self.host_step = 0
        self.step_number = torch.zeros(1, dtype=torch.long, device=self.device)
        self.cursor = torch.zeros(1, dtype=torch.long, device=self.device)
        self.loss_sum = torch.zeros(count, dtype=torch.float64, device=self.device)
        self.order = torch.zeros(count, self.steps_per_epoch * self.batch, dtype=torch.long, device=self.device)
        self._next: list[Tensor] | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self.active = list(range(count))

    # What is learned before the training

    def _fit(self, train: Rows, configs: Sequence[Any]) -> tuple[list[Fitted], list[Mapping[str, Tensor]]]:
        """Fitted tensors and target columns of each replica; replicas share one object where the configurations agree
        in all that `fit` and `targets` read, so trials of a learning rate fit once."""

        def learned(seed: int) -> Shared:
            def learn(config: Any) -> tuple[Fitted, Mapping[str, Tensor]]:
                method = self.method(config)
                fitted = method.fit(train, np.random.default_rng(seed_of(seed, 3)))
                return fitted, method.targets(fitted, train)

            return Shared(learn)

        owners = [seed if self.method.fit_per_seed else 0 for seed in self.seeds]
        known = {seed: learned(seed) for seed in dict.fromkeys(owners)}
        pairs = [known[seed].of(config) for seed, config in zip(owners, configs, strict=True)]
        return [fitted for fitted, _ in pairs], [targets for _, targets in pairs]

    def _targets_on_device(self, targets: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """[n, ...] where all replicas share the columns, else [S, n, ...] (told apart by `self.targets_shared`)."""
        self.targets_shared = all(t is targets[0] for t in targets)

        def cast(column: Tensor) -> Tensor:
            return column.to(self.device, self.dtype if column.is_floating_point() else None)

        if self.targets_shared:
            return {name: cast(column) for name, column in targets[0].items()}
        if not alike([{name: column.shape for name, column in t.items()} for t in targets]):
            raise Unlike("replicas of one stack must have target columns of equal shape")
        return {name: torch.stack([cast(t[name]) for t in targets]) for name in targets[0]}

    def _targets_at(self, index: Tensor, count: int, *, first: bool = False) -> dict[str, Tensor]:
        """The batch's target rows, [S, B, ...] (or [B, ...] of the first replica). index: [S, B]."""
        out = {}
        for name, column in self.targets.items():
            if self.targets_shared:
                picked = column.index_select(0, index.reshape(-1)).view(*index.shape, *column.shape[1:])
            else:
                offset = torch.arange(count, device=self.device).unsqueeze(1) * self.n
                flat = column.flatten(0, 1).index_select(0, (index + offset).reshape(-1))
                picked = flat.view(*index.shape, *column.shape[2:])
            out[name] = picked[0] if first else picked
        return out

    # One step

    def _progress(self) -> Tensor:
        return (self.step_number[0].double() / self.total_steps).to(self.dtype)

    def _bank_rows(self, index: Tensor, bank: int) -> Tensor:
        """Flat row numbers over all replicas. index: [S, B, columns] within a replica."""
        offset = torch.arange(len(index), device=self.device).view(-1, 1, 1) * self.stack.banks[bank].rows
        return (index + offset).reshape(-1)

    def _step(self) -> None:
        """One optimiser step of every replica: gather, loss, one autograd of the summed losses, update."""
        index = self.order.index_select(1, self.cursor * self.batch + self.lane)  # [S, B]
        columns = gather(self.train_columns, index)
        leaves = [
            t.gather(self._bank_rows(e, i)) for i, (t, e) in enumerate(zip(self.tables, columns.embedded, strict=True))
        ]
        rows = [leaf.view(*e.shape, -1) for leaf, e in zip(leaves, columns.embedded, strict=True)]
        flat = self.stack.flat.detach().requires_grad_()
        words = self.words.fill(step_keys(self.keys, self.step_number))
        targets = self._targets_at(index, len(index))
        loss = self.stack.call("loss", flat, rows, columns, targets, words, self.step_number[0], self._progress())
        # replicas are independent, so the gradient of the sum holds every replica's own
        grad, *row_grads = torch.autograd.grad(loss.sum(), [flat, *leaves])
        with torch.no_grad():
            self.adam.update(self.stack.flat, grad)
            for table, row_grad in zip(self.tables, row_grads, strict=True):
                table.update(row_grad)
            self.loss_sum += loss.detach()
            self.step_number += 1
            self.cursor += 1

    def advance(self) -> None:
        """One step of the epoch that has begun: replayed from the CUDA graph where there is one."""
        if self.device.type != "cuda":
            self._step()
        elif self._graph is not None:
            self._graph.replay()
        elif self.host_step < _WARMUP:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self._step()
            torch.cuda.current_stream().wait_stream(side)
        else:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._step()
            self._graph.replay()  # a capture does not run
        self.host_step += 1
        if self._flushing and self.host_step in _FLUSHES:
            for table in self.tables:
                table.flush()

    # Epochs

    def _permutation(self, seed: int, epoch: int) -> Tensor:
        return torch.randperm(self.n, generator=torch.Generator().manual_seed(seed_of(seed, 4, epoch)))

    def _permutations(self, seeds: Sequence[int], epoch: int) -> list[Tensor]:
        """Of each of the seeds; trials share theirs."""
        found = {seed: self._permutation(seed, epoch) for seed in dict.fromkeys(seeds)}
        return [found[seed] for seed in seeds]

    def begin(self, epoch: int) -> None:
        """Set this epoch's order of rows for every active replica, filled up from the next epoch's permutation."""
        self.stack.module.train()
        self.cursor.zero_()
        self.loss_sum.zero_()
        short = self.steps_per_epoch * self.batch - self.n
        seeds = [self.seeds[r] for r in self.active]
        now = self._next if self._next is not None else self._permutations(seeds, epoch)
        self._next = self._permutations(seeds, epoch + 1)
        for place, (order, after) in enumerate(zip(now, self._next, strict=True)):
            self.order[place] = torch.cat([order, after[:short]]).to(self.device)

    def epoch(self, number: int) -> Tensor:
        """Train one epoch; returns the mean loss of each active replica, float64 [S] on the device."""
        self.begin(number)
        for _ in range(self.steps_per_epoch):
            self.advance()
        return self.loss_sum / self.steps_per_epoch

    def fit(self, progress: Callable[[int, int], None] | None = None, *, abandon: bool = False) -> list[History]:
        """Train to each replica's best epoch and leave the stack there. progress(epoch, active replicas) after each
        epoch. abandon: a replica ends with its first validation metric that is not finite, the last of its history."""
        count = len(self.stack)
        valid: list[list[float]] = [[] for _ in range(count)]
        losses: list[list[float]] = [[] for _ in range(count)]
        best, best_epoch = [math.inf] * count, [0] * count
        kept: dict[int, list[Tensor]] = {}
        stopped: set[int] = set()
        for number in range(self.plan.epochs):
            mean_loss = self.epoch(number).tolist()
            for place, (replica, metric) in enumerate(zip(self.active, self._validate().tolist(), strict=True)):
                if replica in stopped:
                    continue
                valid[replica].append(metric)
                losses[replica].append(mean_loss[place])
                if metric < best[replica] or (self.plan.stop == "last" and math.isfinite(metric)):
                    best[replica], best_epoch[replica] = metric, number + 1
                    kept[replica] = self._state(place)
                elif number + 1 - best_epoch[replica] >= self.plan.patience or (abandon and not math.isfinite(metric)):
                    stopped.add(replica)
            if progress:
                progress(number + 1, count - len(stopped))
            if len(stopped) == count:
                break
            self._shrink(stopped)
        flat, *others = self._state(0)
        lost = [torch.full_like(flat, torch.nan), *others]  # a diverged replica predicts NaN
        self._restore([kept.get(r, lost) for r in range(count)])
        return [History(valid[r], losses[r], best_epoch[r], stopped_early=r in stopped) for r in range(self.asked)]

    # States

    def _state(self, place: int) -> list[Tensor]:
        """A copy of what defines the replica at this place: parameters, buffers, embeddings (flushed)."""
        tables = [t.weight.view(t.replicas, t.vocabulary, -1)[place] for t in self.tables]
        return [x.clone() for x in (self.stack.flat[place], *(b[place] for b in self.stack.buffers.values()), *tables)]

    def _restore(self, states: list[list[Tensor]]) -> None:
        """Put these replicas, all of them, in the stack's place. Ends training."""
        flat, *others = (torch.stack(parts) for parts in zip(*states, strict=True))
        self.stack.flat = flat
        names = list(self.stack.buffers)
        self.stack.buffers = dict(zip(names, others[: len(names)], strict=True))
        self.final_rows = others[len(names) :]  # [S, V, D] each
        self.stack.hyper = {
            name: torch.tensor([getattr(c, name) for c in self._configs], dtype=self.dtype, device=self.device)
            for name in self.stack.hyper
        }
        self.active = list(range(len(states)))

    def _shrink(self, stopped: set[int]) -> None:
        """Train on without the replicas that have stopped, never below a pair (a CUDA graph keeps its width)."""
        places = [p for p, r in enumerate(self.active) if r not in stopped]
        places += [p for p, r in enumerate(self.active) if r in stopped][: max(0, 2 - len(places))]
        places.sort()
        if not self.can_shrink or self._graph is not None or len(places) == len(self.active):
            return
        self.stack.keep(places)
        self.adam.keep(places)
        for table in self.tables:
            table.keep(places)  # type: ignore[union-attr]
        self.keys, self.loss_sum, self.order = self.keys[places], self.loss_sum[places], self.order[places]
        if not self.targets_shared:
            self.targets = {name: column[places] for name, column in self.targets.items()}
        if self._next is not None:
            self._next = [self._next[p] for p in places]
        self.active = [self.active[p] for p in places]

    # Prediction

    def _validate(self) -> Tensor:
        """The stopping metric of each active replica, [S]."""
        for table in self.tables:
            table.flush()
        weights = [t.weight.view(t.replicas, t.vocabulary, -1) for t in self.tables]
        self.stack.module.eval()
        if self.plan.stop == "loss":
            return self._validation_loss(weights)
        assert self.valid_columns.label is not None
        total = torch.zeros(len(self.active), dtype=torch.float64, device=self.device)
        for start in range(0, len(self._valid_rows), CHUNK):
            index = torch.arange(start, min(start + CHUNK, len(self._valid_rows)), device=self.device)
            columns = gather(self.valid_columns, index)
            assert columns.label is not None
            total += (self._predict(columns, weights) - columns.label).abs().double().sum(1)
        return total / len(self._valid_rows)

    def _validation_loss(self, weights: list[Tensor]) -> Tensor:
        """The method's own loss on the validation rows: no dropout, draws keyed by their place, schedules at their end
        (progress 1), so that epochs compare."""
        if not hasattr(self, "_valid_targets"):
            self._valid_targets = [
                self.method(c).targets(f, self._valid_rows) for c, f in zip(self._configs, self._fitted, strict=True)
            ]
        total = torch.zeros(len(self.active), dtype=torch.float64, device=self.device)
        n, end = len(self._valid_rows), torch.ones((), dtype=self.dtype, device=self.device)
        for start in range(0, n, self.batch):
            index = torch.arange(start, min(start + self.batch, n), device=self.device)
            columns = gather(self.valid_columns, index.expand(len(self.active), -1))
            targets = {
                name: torch.stack([self._valid_targets[r][name].to(self.device)[index] for r in self.active])
                for name in self._valid_targets[0]
            }
            targets = {k: t.to(self.dtype) if t.is_floating_point() else t for k, t in targets.items()}
            words = self.words.fill(step_keys(self.keys, torch.full_like(self.step_number, -1 - start)))
            rows = [_read(w, e) for w, e in zip(weights, gather(self.valid_columns, index).embedded, strict=True)]
            with torch.no_grad():
                loss = self.stack.call("loss", self.stack.flat, rows, columns, targets, words, self.step_number[0], end)
            total += loss.double() * len(index)
        return total / n

    def _predict(self, columns: Any, weights: list[Tensor], what: Asked = "predict") -> Tensor:
        """[S, rows, ...] for rows given once for all replicas."""
        rows = [_read(w, e) for w, e in zip(weights, columns.embedded, strict=True)]
        zero = torch.zeros((), dtype=self.dtype, device=self.device)
        with torch.no_grad():
            return self.stack.call(
                what, self.stack.flat, rows, columns, {}, None, self.step_number[0], zero, shared=True
            )

    def predict(self, rows: Rows) -> np.ndarray:
        """The prediction of every asked replica at its best epoch, float64 [S, n] in the label's unit."""
        return self._of_rows("predict", rows, CHUNK)

    def examine(self, replica: int, rows: Rows) -> Mapping[str, Any]:
        """What a method that can be examined shows of an asked replica at its best epoch, on labelled rows."""
        self.stack.module.eval()
        columns = resident(rows, self._schema, self.stack.tables, self.device, self.dtype, gathered=True)
        banks = [w[replica][e] for w, e in zip(self.final_rows, columns.embedded, strict=True)]
        fitted = self._fitted[replica]

        def examine(method: Any) -> Callable[[Any, Any], Any]:
            return partial(method.examine, fitted=fitted)

        return self.stack.look(replica, examine, banks, columns, self.total_steps)

    def quantiles(self, rows: Rows, levels: Sequence[float]) -> np.ndarray:
        """The quantiles that every asked replica predicts at its best epoch, float64 [S, n, levels]."""

        def quantiles(method: Any) -> Callable[[Any, Any], Any]:
            return partial(method.quantiles, levels=tuple(levels))

        return self._of_rows(quantiles, rows, CHUNK // 32)  # a method may sample a hundred values of every row

    def _of_rows(self, what: Asked, rows: Rows, size: int) -> np.ndarray:
        """What every asked replica answers at its best epoch, so many rows at a time, float64 [S, n, ...]."""
        self.stack.module.eval()
        out = []
        for start in range(0, len(rows), size):
            part = rows.take(np.arange(start, min(start + size, len(rows)))).without_label()
            columns = resident(part, self._schema, self.stack.tables, self.device, self.dtype, gathered=True)
            out.append(self._predict(columns, self.final_rows, what)[: self.asked].double().cpu())
        return torch.cat(out, 1).numpy()


def _read(weight: Tensor, index: Tensor) -> Tensor:
    """Embeddings of the same rows for all replicas, [S, B, columns, D]. weight: [S, V, D]; index: [B, columns]."""
    return weight.index_select(1, index.reshape(-1)).view(len(weight), *index.shape, weight.shape[2])
