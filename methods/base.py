"""The interface `Method`: what the author of a method writes, as if there were one model and one seed.

The trainer runs many replicas (seeds, trials) of a method at once by mapping `loss` over them, so inside `loss` and
`predict`: shapes are fixed, randomness comes from `batch.draws`, and nothing asks a tensor for its value
(no `.item()`, no `if tensor`, no boolean-mask indexing).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Bag, Field, Rows, Schema, Task

Fitted = Mapping[str, Any]  # tensors and plain numbers learned from training labels before the main training


class Draws(Protocol):
    """Random numbers keyed by (seed, step, place in the program): a replica draws the same whoever trains beside it."""

    def keep(self, p: Tensor | float, shape: torch.Size | tuple[int, ...]) -> Tensor:
        """0 with probability p (to 2^-16), else 1 / (1 - p)."""

    def uniform(self, shape: torch.Size | tuple[int, ...]) -> Tensor:
        """Uniform in (0, 1), 24 bits."""

    def normal(self, shape: torch.Size | tuple[int, ...]) -> Tensor:
        """Standard normal."""


@dataclass(frozen=True)
class Batch:
    """One replica's batch of B rows: always full, never padded, never weighted. Columns a dataset lacks are None."""

    ids: Tensor  # int [B, fields]
    bags: Mapping[str, Tensor]  # int [B, length] each, 0 is padding
    numeric: Tensor | None  # float [B, numeric]
    content: Tensor | None  # float [B, width]
    duration: Tensor | None  # float [B], seconds
    bucket: Tensor | None  # int [B]
    label: Tensor | None  # float [B] in the schema's unit; None in predict
    targets: Mapping[str, Tensor]  # this batch's rows of Method.targets; empty in predict
    rows: tuple[Tensor, ...]  # gathered embeddings, one [B, columns, dim] per EmbeddingTable of the module
    draws: Draws | None  # None in predict
    step: Tensor  # 0-d, the optimiser's step
    progress: Tensor  # 0-d in [0, 1): step / the steps of the longest possible run


class EmbeddingTable(nn.Module):
    """Embeddings that the trainer owns: one row of width `dim` for every id of the named columns (all by default).

    The batch's rows are gathered before `loss` and updated after it with exact lazy Adam.

    It holds no parameter of its own. A plain nn.Embedding stays a dense parameter: right for small vocabularies.
    """

    def __init__(self, schema: Schema, dim: int, *, columns: tuple[str, ...] | None = None, std: float = 0.01) -> None:
        super().__init__()
        known = {c.name for c in schema.columns}
        if unknown := set(columns or ()) - known:
            raise ValueError(f"no such column: {', '.join(sorted(unknown))}; the schema has {', '.join(sorted(known))}")
        wanted = known if columns is None else set(columns)
        self.fields = tuple(f for f in schema.fields if f.name in wanted)
        self.bags = tuple(b for b in schema.bags if b.name in wanted)
        self.dim, self.std = dim, std
        self.slot = -1  # the place of this table's rows in Batch.rows; the trainer sets it

    @property
    def columns(self) -> tuple[Field | Bag, ...]:
        """The fields, then the bags."""
        return (*self.fields, *self.bags)

    @property
    def width(self) -> int:
        """The length of the output [B, columns, dim] flattened."""
        return len(self.columns) * self.dim

    def forward(self, batch: Batch) -> Tensor:
        rows = batch.rows[self.slot]  # [B, fields + sum of bag lengths, dim]
        if not self.bags:
            return rows
        single, *bags = rows.split([len(self.fields), *(b.length for b in self.bags)], dim=1)
        pooled = [single]
        for bag, members in zip(self.bags, bags, strict=True):
            mask = (batch.bags[bag.name] > 0).to(members.dtype).unsqueeze(-1)  # [B, length, 1]
            pooled.append((members * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp_min(1))
        return torch.cat(pooled, dim=1)  # [B, fields + bags, dim]


class Dropout(nn.Module):
    """Dropout whose masks are keyed draws and whose p may differ between replicas; it takes nn.Dropout's place."""

    p: Tensor

    def __init__(self, p: float) -> None:
        super().__init__()
        self.register_buffer("p", torch.tensor(float(p)))
        self.draws: Draws | None = None  # the trainer binds the batch's draws before each call

    def forward(self, h: Tensor) -> Tensor:
        return h if self.draws is None else h * self.draws.keep(self.p, h.shape)


class MethodBase:
    """What every method says of itself. `name` defaults to the file's name, `title` to the class's."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""  # as the papers' tables print it
    paper: ClassVar[str] = ""  # citation key or sentence: where the method comes from
    tasks: ClassVar[tuple[Task, ...]] = ("watch_time", "ltv")
    deterministic: ClassVar[bool] = False  # one cell instead of one per seed
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # name -> changed Config fields; "default" is implied
    space: ClassVar[
        Mapping[str, Any]
    ] = {}  # what Optuna may tune: field -> tuple of choices, or ("log" | "linear", low, high)

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters with their defaults."""

    def __init__(self, config: Any = None) -> None:
        self.config: Any = self.Config() if config is None else config

    def __init_subclass__(cls) -> None:
        parts = cls.__module__.split(".")
        cls.name = cls.__dict__.get("name") or parts[-1]
        cls.title = cls.__dict__.get("title") or cls.__name__

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        """None, or the reason why this method cannot run on such a dataset."""
        return (
            None if schema.task in cls.tasks else f"{cls.title} predicts {' and '.join(cls.tasks)}, not {schema.task}"
        )


class Method(MethodBase, ABC):
    """A method trained by gradients. Stateless: what is learned lives in `fitted` and in the module.

    Inside `loss` and `predict` the float fields of `self.config` are 0-d tensors, one value per replica; everywhere
    else they are plain numbers.
    """

    stack: ClassVar[bool] = True  # False: run replica by replica, for modules that cannot be mapped
    fit_per_seed: ClassVar[bool] = False  # True where `fit` uses its rng

    @dataclass(frozen=True)
    class Config:
        """The optimiser's part, shared by every gradient method; subclasses add their own fields."""

        lr: float = 1e-3  # Adam
        weight_decay: float = 0.0  # coupled L2 on every parameter; any positive value makes embedding updates dense

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        """Whatever is learned from the training rows' labels and durations before the main training."""
        return {}

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        """Columns computed once per training row, [n, ...] each; they come back in `batch.targets`."""
        return {}

    @abstractmethod
    def build(self, schema: Schema, fitted: Fitted) -> nn.Module:
        """The module of one replica; fitted tensors become its buffers. Called under the replica's own torch seed."""

    @abstractmethod
    def loss(self, module: Any, batch: Batch) -> Tensor:
        """A scalar: the mean over the batch."""

    @abstractmethod
    def predict(self, module: Any, batch: Batch) -> Tensor:
        """The value in the label's unit, [B]. Draws nothing."""


class Estimator(MethodBase, ABC):
    """A method without gradients: constants, gradient boosting."""

    @abstractmethod
    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Any:
        """Whatever `predict` needs."""

    @abstractmethod
    def predict(self, fitted: Any, rows: Rows) -> np.ndarray:
        """The value in the label's unit, [n]; `rows` carry no label."""
