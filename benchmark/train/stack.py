"""S replicas of one method as one stacked model: the author's loss, mapped over the replicas' parameters.

`Stack.call` is a pure function of the replicas' parameters and of `Given`, what they are shown; torch.func.vmap is one
way to run it for all replicas, a Python loop (`Method.stack = False`) the other, with the same result.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from benchmark.train.adapt import Tower, adapt
from benchmark.train.draws import Stream, Tape, seed_of
from benchmark.train.host.beneath import over_replicas
from benchmark.train.parameters import Layout, Places
from benchmark.train.reads import alike
from benchmark.train.resident import Bank, Columns, banks_of
from datasets.schema import Schema
from methods.base import Batch, Dropout, EmbeddingTable, Fitted, Method

_READ = ("ids", "numeric", "content", "duration", "bucket", "label")  # the columns of a batch, but for bags
Asked = str | Callable[[Any], Callable[[Any, Batch], Any]]  # a method's function: its name, or picked of the method


@dataclass(frozen=True)
class Given:
    """What a method's function is shown of a batch, beside the replica that it runs on.

    For all replicas at once the leading axis of every tensor but the last two is theirs; columns and targets lack it
    where all replicas are shown the same rows.
    """

    banks: tuple[Tensor, ...]  # embeddings [S, B, columns, dim], one of each bank
    columns: Columns  # [S, B, ...]
    targets: Mapping[str, Tensor]  # [S, B, ...]
    words: Tensor | None  # random bits for the draws, int32 [S, n]; None: nothing may be drawn
    step: Tensor  # 0-d
    progress: Tensor  # 0-d


@dataclass(frozen=True)
class Replicas:
    """The numbers of one replica, or of all, stacked on a leading axis."""

    parameters: Mapping[str, Tensor]  # every dense one, in its own shape
    buffers: Mapping[str, Tensor]
    hyper: Mapping[str, Tensor]  # float hyper-parameters, [S] each


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


class Stack:
    """Replicas that share structure, shapes and non-float configuration.

    `flat` [S, P] holds every dense parameter, `buffers` the stacked buffers, `hyper` the float hyper-parameters,
    `banks` the layout of the embeddings.
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
        *,
        compiled: bool = True,
    ) -> None:
        """configs, seeds, fitted: of each replica. compiled: with the loops for a CPU. Raises Unlike for replicas that
        cannot be one stack."""
        self.method, self.schema, self.configs, self.seeds, self.fitted = method, schema, configs, seeds, fitted
        self.device, self.dtype = device, dtype
        template = configs[0]
        self._floats = float_fields(template)
        fixed = {tuple((f.name, getattr(c, f.name)) for f in fields(c) if f.name not in self._floats) for c in configs}
        if len(fixed) > 1:
            raise Unlike("replicas of one stack may differ in float hyper-parameters alone")
        self.hyper = self.hyper_of(configs)
        modules = []
        for config, seed, learned in zip(configs, seeds, fitted, strict=True):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed_of(seed, Stream.BUILD))
                made = adapt(method(config).build(schema, learned), compiled=compiled)
                modules.append(made.to(device, dtype))
        if len({tuple((k, v.shape) for k, v in m.state_dict().items()) for m in modules}) > 1:
            raise Unlike("replicas of one stack must have parameters and buffers of equal shape")
        if not alike([_numbers(module) for module in modules]):
            raise Unlike("replicas of one stack must have modules of equal numbers: only buffers may differ")
        self.module = modules[0]
        self._places = Places(self.module)
        self.tables = [m for m in self.module.modules() if isinstance(m, EmbeddingTable)]
        self.dropouts = [m for m in self.module.modules() if isinstance(m, Dropout)]
        self.towers = [m for m in self.module.modules() if isinstance(m, Tower)]
        self.banks: tuple[Bank, ...] = banks_of(self.tables)
        parameters, buffers = stack_module_state(modules)
        self.layout = Layout.of(self.module)
        self.flat = self.layout.flat({name: p.detach() for name, p in parameters.items()}, count=len(modules))
        self.flat = self.flat.to(device, dtype)
        self.buffers = {name: b.detach() for name, b in buffers.items()}

    def __len__(self) -> int:
        return self.flat.shape[0]

    def hyper_of(self, configs: Sequence[Any]) -> dict[str, Tensor]:
        """The float hyper-parameters of these configurations, [S] each."""
        return {
            name: torch.tensor([getattr(c, name) for c in configs], dtype=self.dtype, device=self.device)
            for name in self._floats
        }

    def initial_rows(self, bank: Bank) -> Tensor:
        """The embeddings of all replicas at the start, [S * rows, dim]: normal, each replica under its own
        generator."""
        made, start = torch.empty(len(self.seeds) * bank.rows, bank.dim), 0
        for seed in self.seeds:
            generator = torch.Generator().manual_seed(seed_of(seed, Stream.EMBEDDINGS, bank.dim))
            for rows, std in bank.std:
                made[start : start + rows].normal_(0, std, generator=generator)
                start += rows
        return made.to(self.device, self.dtype)

    def parameter_count(self) -> int:
        """Trained numbers of one replica."""
        return self.flat.shape[1] + sum(bank.rows * bank.dim for bank in self.banks)

    def single(
        self, what: Asked, replica: Replicas, given: Given, recorder: Tape | None = None, *, mapped: int = 0
    ) -> Any:
        """One replica's loss or prediction, or what the method's function that `what` picks returns. recorder: counts
        the draws in the place of `given.words`. mapped: how many replicas the map over
        them has that this is inside of."""
        tape = recorder or (None if given.words is None else Tape(self.dtype, self.device, given.words))
        for dropout in self.dropouts:
            vars(dropout)["draws"] = tape if what == "loss" and self.module.training else None
        for tower in self.towers:
            vars(tower)["replicas"] = mapped  # a module's own way to set it first asks what it might be
        rows = dict[int, Tensor]()
        for bank, gathered in zip(self.banks, given.banks, strict=True):
            parts = gathered.split([length for _, _, length in bank.slots], 1) if len(bank.slots) > 1 else (gathered,)
            for (slot, _, _), part in zip(bank.slots, parts, strict=True):
                rows[slot] = part
        columns = given.columns
        batch = Batch(
            ids=columns.ids, bags=columns.bags, numeric=columns.numeric, content=columns.content,
            duration=columns.duration, bucket=columns.bucket, label=columns.label, targets=given.targets,
            rows=tuple(rows[slot] for slot in range(len(rows))), draws=tape, step=given.step, progress=given.progress,
        )  # fmt: skip
        method = self.method(with_values(self.configs[0], replica.hyper))
        function = what(method) if callable(what) else getattr(method, what)
        with self._places.hold({**replica.parameters, **replica.buffers}):
            return function(self.module, batch)

    def call(self, what: Asked, flat: Tensor, given: Given, *, shared: bool = False) -> Tensor:
        """What is asked of all replicas: `loss` [S], `predict` [S, B], or a picked function's answers, stacked.

        flat: their parameters [S, P], which a gradient may be wanted of. shared: all are shown the same rows, so
        columns and targets have no axis of replicas.
        """
        parameters = self.layout.named(flat)  # before the map: inside of it a view costs many times as much
        leaves = [*parameters.values(), *self.buffers.values(), *self.hyper.values(), *given.banks]
        words = [] if given.words is None else [given.words]
        columns = {name: column for name in _READ if (column := getattr(given.columns, name)) is not None}
        rows = [*columns.values(), *given.columns.bags.values(), *given.targets.values()]

        def one(*tensors: Tensor) -> Any:
            rest = iter(tensors)

            def named(names: Iterable[str]) -> dict[str, Any]:
                return {name: next(rest) for name in names}

            replica = Replicas(named(parameters), named(self.buffers), named(self.hyper))
            banks = tuple(next(rest) for _ in given.banks)
            drawn = next(rest) if words else None
            seen = replace(given.columns, **named(columns), bags=named(given.columns.bags))
            shown = Given(banks, seen, named(given.targets), drawn, given.step, given.progress)
            return self.single(what, replica, shown, mapped=len(self) if self.method.stack else 0)

        if self.method.stack:
            dims = (0,) * len(leaves + words) + (None if shared else 0,) * len(rows)
            return over_replicas(one, len(self), [*leaves, *words, *rows], dims)

        def at(s: int) -> list[Tensor]:
            return [tensor[s] for tensor in leaves + words] + [row if shared else row[s] for row in rows]

        return torch.stack([one(*at(s)) for s in range(len(self))])

    def look(self, s: int, what: Asked, given: Given) -> Any:
        """What a function of replica s's own module and some rows returns, outside of any mapping. given: without an
        axis of replicas."""
        return self.single(what, self._replica(s), given)

    def words_per_loss(self, columns: Columns, targets: Mapping[str, Tensor]) -> int:
        """How many 32-bit words a loss on these B rows draws. columns, targets: [B, ...]."""
        recorder, zero = Tape(self.dtype, self.device), torch.zeros((), dtype=self.dtype, device=self.device)
        banks = tuple(
            self.flat.new_zeros(len(columns.ids), block.shape[1], bank.dim)
            for bank, block in zip(self.banks, columns.embedded, strict=True)
        )
        with torch.no_grad():
            self.single("loss", self._replica(0), Given(banks, columns, targets, None, zero.long(), zero), recorder)
        return recorder.at

    def _replica(self, s: int) -> Replicas:
        return Replicas(self.layout.named(self.flat[s]), _at(self.buffers, s), _at(self.hyper, s))

    def keep(self, replicas: list[int]) -> None:
        """Go on with these replicas alone."""
        self.flat = self.flat[replicas]
        self.buffers = {name: b[replicas] for name, b in self.buffers.items()}
        self.hyper = {name: h[replicas] for name, h in self.hyper.items()}


def _at(tensors: Mapping[str, Tensor], s: int) -> dict[str, Tensor]:
    """Replica s of stacked tensors."""
    return {name: tensor[s] for name, tensor in tensors.items()}
