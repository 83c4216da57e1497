"""One replica, or several, of a gradient method in a small world: what the trainer does, by hand."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Field, Rows, Schema
from methods.base import Batch, EmbeddingTable, Method


def world(n: int = 600, seed: int = 0, **columns: Any) -> tuple[Schema, Rows]:
    """Users, videos and their duration levels; lognormal labels, or what `columns` says."""
    rng = np.random.default_rng(seed)
    user, video = rng.integers(1, 12, n), rng.integers(1, 9, n)
    duration = rng.lognormal(3, 0.7, n).astype(np.float32)
    bucket = np.searchsorted(np.quantile(duration, [0.25, 0.5, 0.75]), duration).astype(np.int32)
    label = (np.exp(0.2 * user - 0.3 * video) * duration * rng.lognormal(0, 0.5, n)).astype(np.float32)
    schema = Schema(
        task="watch_time",
        unit="s",
        fields=(Field("user", 12), Field("video", 9), Field("duration_level", 5)),
        buckets=4,
    )
    ids = np.stack([user, video, bucket + 1], 1).astype(np.int32)
    given = {name: np.asarray(column, np.float32) for name, column in columns.items()}
    return schema, replace(Rows(ids=ids, label=label, duration=duration, bucket=bucket), **given)


WORLDS: dict[str, Callable[[], tuple[Schema, Rows]]] = {
    "plain": world,
    "all labels equal": lambda: world(label=np.full(600, 7)),
    "all labels zero": lambda: world(label=np.zeros(600)),
    "forty rows": lambda: world(40),
    "whole numbers": lambda: world(label=np.random.default_rng(1).poisson(1.5, 600)),
    "nearly all zero": lambda: world(label=100 * (np.random.default_rng(1).random(600) < 0.05)),
    "one duration": lambda: world(duration=np.full(600, 30)),
    "two durations": lambda: world(duration=np.where(np.arange(600) < 590, 30, 60)),
}


def small(cls: type[Method], **changes: Any) -> Method:
    return cls(replace(cls.Config(), **{"dim": 4, "hidden": (8,), **changes}))  # type: ignore[arg-type]


def built(method: Method, schema: Schema, fitted: Mapping[str, Any], seed: int, dtype: torch.dtype) -> nn.Module:
    torch.manual_seed(seed)
    module = method.build(schema, fitted).to(dtype).eval()
    for slot, table in enumerate(m for m in module.modules() if isinstance(m, EmbeddingTable)):
        table.slot = slot
    return module


def batch_of(rows: Rows, targets: Mapping[str, Tensor], embedded: tuple[Tensor, ...], dtype: torch.dtype) -> Batch:
    def real(column: np.ndarray | None) -> Tensor | None:
        return None if column is None else torch.as_tensor(column).to(dtype)

    return Batch(
        ids=torch.as_tensor(rows.ids), bags={}, numeric=None, content=None,
        duration=real(rows.duration), bucket=None, label=real(rows.label),
        targets={k: v.to(dtype) if v.is_floating_point() else v for k, v in targets.items()},
        rows=embedded, draws=None, step=torch.tensor(0), progress=torch.tensor(0.0),
    )  # fmt: skip


def one(method: Method, schema: Schema, rows: Rows, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Batch]:
    """A module and a batch of all rows, with random embeddings."""
    fitted = method.fit(rows, np.random.default_rng(0))
    module = built(method, schema, fitted, 0, dtype)
    tables = sum(isinstance(m, EmbeddingTable) for m in module.modules())
    embedded = tuple(torch.randn(len(rows), len(schema.fields), 4, dtype=dtype) for _ in range(tables))
    return module, batch_of(rows, method.targets(fitted, rows), embedded, dtype)


class Call(nn.Module):
    """functional_call needs a forward: this one routes a method's loss or prediction through it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, function: Callable[..., Tensor], batch: Batch) -> Tensor:
        return function(self.module, batch)


class Fixed(nn.Module):
    """A network that has made up its mind: the given output, and the buffers of the real one."""

    def __init__(self, output: Any, **buffers: Any) -> None:
        super().__init__()
        self.output = torch.as_tensor(output, dtype=torch.float64)
        for name, value in buffers.items():
            setattr(self, name, value)

    def forward(self, batch: Any) -> Tensor:
        return self.output


def log_odds(phi: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(phi) - np.log1p(-phi)


def label_batch(y: Any) -> Any:
    return type("Labels", (), {"label": torch.as_tensor(y, dtype=torch.float64)})
