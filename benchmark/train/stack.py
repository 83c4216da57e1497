"""S replicas of one method as one stacked model: the author's loss, mapped over the replicas' parameters.

`Stack.call` is a pure function of (parameters, buffers, hyper-parameters, embedding rows, columns, words);
torch.func.vmap is one way to run it for all replicas, a Python loop (`Method.stack = False`) the
other, with the same result.
"""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from benchmark.train.adapt import adapt
from benchmark.train.draws import Tape, seed_of
from benchmark.train.reads import alike
from benchmark.train.resident import Bank, Columns, banks_of
from datasets.schema import Schema
from methods.base import Batch, Dropout, EmbeddingTable, Fitted, Method


class _Call(nn.Module):
    """functional_call swaps parameters around a forward; this forward is any function of the module."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, function: Callable[[nn.Module, Batch], Tensor], batch: Batch) -> Tensor:
        return function(self.module, batch)


def float_fields(config: Any) -> list[str]:
    """The hyper-parameters that may differ between replicas of one stack."""
    return [f.name for f in fields(config) if isinstance(getattr(config, f.name), float)]


def with_values(config: Any, values: Mapping[str, Tensor]) -> Any:
    """A copy of a frozen config holding these tensors (its own validation is not run again)."""
    changed = copy.copy(config)
    for name, value in values.items():
        object.__setattr__(changed, name, value)
    return changed


class Unlike(ValueError):
    """Replicas that cannot be one stack: they must train apart."""


def _numbers(module: nn.Module) -> list[tuple[str, str, Any]]:
    """What the parts of a module hold beside tensors and parts. The first replica's module stands for all, so a number
    kept there, of a configuration or of what was fitted, must be everyone's."""
    return [
        (path, name, value)
        for path, part in module.named_modules()
        for name, value in sorted(vars(part).items())
        if not name.startswith("_") and (isinstance(value, bool | int | float | str | tuple) or is_dataclass(value))
    ]


Asked = str | Callable[[Any], Callable[[Any, Batch], Any]]  # a method's function: its name, or picked of the method


class Stack:
    """Replicas that share structure, shapes and non-float configuration.

    `flat` [S, P] holds every dense parameter, `buffers` the stacked buffers, `banks` the layout of the embeddings.
    """

    def __init__(
        self,
        method: type[Method],
        schema: Schema,
        configs: Sequence[Any],
        seeds: Sequence[int],
        fitted: Sequence[Fitted],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.method, self.device, self.dtype = method, device, dtype
        self.template = configs[0]
        floats = float_fields(self.template)
        fixed = {tuple((f.name, getattr(c, f.name)) for f in fields(c) if f.name not in floats) for c in configs}
        if len(fixed) > 1:
            raise Unlike("replicas of one stack may differ in float hyper-parameters alone")
        self.hyper = {
            name: torch.tensor([getattr(c, name) for c in configs], dtype=dtype, device=device) for name in floats
        }
        modules = []
        for config, seed, learned in zip(configs, seeds, fitted, strict=True):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed_of(seed, 1))
                modules.append(adapt(method(config).build(schema, learned)).to(device, dtype))
        if len({tuple((k, v.shape) for k, v in m.state_dict().items()) for m in modules}) > 1:
            raise Unlike("replicas of one stack must have parameters and buffers of equal shape")
        if not alike([_numbers(module) for module in modules]):
            raise Unlike("replicas of one stack must have modules of equal numbers: only buffers may differ")
        self.module = modules[0]
        self._call = _Call(self.module)
        self.tables = [m for m in self.module.modules() if isinstance(m, EmbeddingTable)]
        self.dropouts = [m for m in self.module.modules() if isinstance(m, Dropout)]
        self.banks: tuple[Bank, ...] = banks_of(self.tables)
        parameters, buffers = stack_module_state(modules)
        self.shapes = {name: p.shape[1:] for name, p in parameters.items()}
        count = len(modules)
        pieces = [p.detach().reshape(count, -1) for p in parameters.values()]
        self.flat = torch.cat([torch.zeros(count, 0, device=device, dtype=dtype), *pieces], dim=1)
        self.buffers = {name: b.detach() for name, b in buffers.items()}

    def __len__(self) -> int:
        return len(self.flat)

    def initial_rows(self, bank: Bank, seeds: Sequence[int]) -> Tensor:
        """The embeddings of all replicas at the start, [S * rows, dim]: normal, each replica under its own
        generator."""
        blocks = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed_of(seed, 2, bank.dim))
            blocks += [torch.empty(rows, bank.dim).normal_(0, std, generator=generator) for rows, std in bank.std]
        return torch.cat(blocks).to(self.device, self.dtype)

    def parameter_count(self) -> int:
        """Trained numbers of one replica."""
        return self.flat.shape[1] + sum(bank.rows * bank.dim for bank in self.banks)

    def _single(
        self,
        what: Asked,
        flat: Tensor,
        buffers: Mapping[str, Tensor],
        hyper: Mapping[str, Tensor],
        banks: Sequence[Tensor],
        columns: Columns,
        targets: Mapping[str, Tensor],
        words: Tensor | None,
        step: Tensor,
        progress: Tensor,
        recorder: Tape | None = None,
    ) -> Any:
        """One replica's loss or prediction, or what the method's function that `what` picks returns; banks:
        [B, columns, dim] each, words: int32 [n] or None."""
        tape = recorder or (None if words is None else Tape(self.dtype, self.device, words))
        for dropout in self.dropouts:
            dropout.draws = tape if what == "loss" and self.module.training else None
        rows: list[Tensor] = [flat] * len(self.tables)
        for bank, gathered in zip(self.banks, banks, strict=True):
            for slot, start, length in bank.slots:
                rows[slot] = gathered.narrow(1, start, length)
        batch = Batch(
            ids=columns.ids, bags=columns.bags, numeric=columns.numeric, content=columns.content,
            duration=columns.duration, bucket=columns.bucket, label=columns.label, targets=targets,
            rows=tuple(rows), draws=tape, step=step, progress=progress,
        )  # fmt: skip
        pieces = flat.split([math.prod(shape) for shape in self.shapes.values()]) if self.shapes else ()
        state = {f"module.{k}": p.view(s) for (k, s), p in zip(self.shapes.items(), pieces, strict=True)}
        state |= {f"module.{k}": b for k, b in buffers.items()}
        method = self.method(with_values(self.template, hyper))
        function = what(method) if callable(what) else getattr(method, what)
        return functional_call(self._call, state, (function, batch))

    def call(
        self,
        what: Asked,
        flat: Tensor,
        banks: Sequence[Tensor],
        columns: Columns,
        targets: Mapping[str, Tensor],
        words: Tensor | None,
        step: Tensor,
        progress: Tensor,
        shared: bool = False,
    ) -> Tensor:
        """What is asked of all replicas: `loss` [S], `predict` [S, B], or a picked function's answers, stacked.

        flat: [S, P]; banks: [S, B, columns, dim] each; columns and targets: [S, B, ...], or [B, ...] where `shared`;
        words: int32 [S, n].
        """
        shape = _as_dict(columns)

        def one(flat: Any, buffers: Any, hyper: Any, banks: Any, cols: Any, targets: Any, words: Any) -> Tensor:
            return self._single(what, flat, buffers, hyper, banks, Columns(**cols), targets, words, step, progress)

        arguments: tuple[Any, ...] = (flat, self.buffers, self.hyper, tuple(banks), shape, dict(targets), words)
        across = None if shared else 0
        if self.method.stack:
            dims = (0, 0, 0, 0, _dims(shape, across), across, None if words is None else 0)
            return vmap(one, in_dims=dims)(*arguments)

        def replica(s: int) -> Tensor:
            picked = [_at(argument, s) for argument in arguments]
            if shared:
                picked[4:6] = arguments[4:6]
            return one(*picked)

        return torch.stack([replica(s) for s in range(len(self))])

    def look(
        self,
        s: int,
        what: Callable[[Any], Callable[[Any, Batch], Any]],
        banks: Sequence[Tensor],
        columns: Columns,
        steps: int,
    ) -> Any:
        """What a function of replica s's own module and some rows returns, outside of any mapping, at the end of a run
        of so many steps. what: method -> (module, batch) -> anything; banks: [B, columns, dim] each."""
        state = (self.flat[s], _at(self.buffers, s), _at(self.hyper, s))
        step = torch.tensor(steps, device=self.device)
        progress = torch.ones((), dtype=self.dtype, device=self.device)
        return self._single(what, *state, banks, columns, {}, None, step, progress)

    def words_per_loss(self, columns: Columns, targets: Mapping[str, Tensor]) -> int:
        """How many 32-bit words a loss on these B rows draws. columns, targets: [B, ...]."""
        recorder, zero = Tape(self.dtype, self.device), torch.zeros((), dtype=self.dtype, device=self.device)
        size = len(columns.ids)
        banks = [
            self.flat.new_zeros(size, block.shape[1], b.dim)
            for b, block in zip(self.banks, columns.embedded, strict=True)
        ]
        buffers, hyper = _at(self.buffers, 0), _at(self.hyper, 0)
        with torch.no_grad():
            self._single(
                "loss", self.flat[0], buffers, hyper, banks, columns, targets, None, zero.long(), zero, recorder
            )
        return recorder.at

    def keep(self, replicas: list[int]) -> None:
        """Go on with these replicas alone."""
        self.flat = self.flat[replicas]
        self.buffers = {name: b[replicas] for name, b in self.buffers.items()}
        self.hyper = {name: h[replicas] for name, h in self.hyper.items()}


def _as_dict(columns: Columns) -> dict[str, Any]:
    return {f.name: getattr(columns, f.name) for f in fields(columns)}


def _dims(tree: Any, dim: int | None) -> Any:
    """The in_dims of a tree that may hold None."""
    if isinstance(tree, dict):
        return {k: _dims(v, dim) for k, v in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_dims(v, dim) for v in tree)
    return None if tree is None else dim


def _at(tree: Any, s: int) -> Any:
    """Replica s of a tree of stacked tensors."""
    if isinstance(tree, dict):
        return {k: _at(v, s) for k, v in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_at(v, s) for v in tree)
    return None if tree is None else tree[s]
