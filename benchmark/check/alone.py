"""One replica of a method, outside of any mapping, in float64: what its functions return on some rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.train.draws import Tape, key, words
from benchmark.train.resident import resident
from benchmark.train.stack import Given, Replicas, Stack
from datasets.schema import Rows, Schema
from methods.base import Fitted, Method

_DTYPE, _DEVICE = torch.float64, torch.device("cpu")


@dataclass(frozen=True)
class Alone:
    """Replica 0 at its start, but for embeddings of size 1 instead of 0.01: rows should differ."""

    stack: Stack
    schema: Schema
    rows: Rows  # of the training
    targets: Mapping[str, Tensor]  # of them
    embeddings: tuple[Tensor, ...]  # [vocabulary, dim] of each bank
    flat: Tensor  # the parameters [P]

    @staticmethod
    def of(
        method: type[Method], schema: Schema, rows: Rows, config: Any, fitted: Fitted, targets: Mapping[str, Tensor]
    ) -> "Alone":
        """Builds the module. Raises whatever `build` does."""
        stack = Stack(method, schema, [config] * 2, [0, 1], [fitted] * 2, _DEVICE, _DTYPE, compiled=False)
        start = [stack.initial_rows(bank)[: bank.rows] for bank in stack.banks]
        return Alone(stack, schema, rows, targets, tuple(e / e.std().clamp_min(1e-9) for e in start), stack.flat[0])

    def wide(self, times: float = 2) -> "Alone":
        """With all parameters so many times as large: the outputs of several layers then lie on both sides of the
        labels, where an absolute error is no longer a plain sum of both."""
        return replace(self, flat=times * self.flat)

    def sizes(self) -> set[int]:
        """Every dimension that is not the batch's."""
        shapes = [*self.stack.layout.shapes.values(), *(b.shape[1:] for b in self.stack.buffers.values())]
        shapes += [e.shape for e in self.embeddings] + [t.shape[1:] for t in self.targets.values()]
        return {int(size) for shape in shapes for size in shape} | {bag.length for bag in self.schema.bags}

    def loss(self, index: np.ndarray, *, drawing: bool = False, labels: np.ndarray | None = None) -> Tensor:
        """Of the training rows at `index`, with the training's middle behind it. drawing: real draws and dropout, else
        constants. labels: of these rows instead."""
        flat, embeddings = self._leaves(grad=True)
        loss = self._loss(flat, embeddings, index, index if labels is None else labels, drawing)
        return loss.detach() if isinstance(loss, Tensor) else loss

    def gradients(self, index: np.ndarray) -> list[Tensor | None] | None:
        """Of the loss, for the parameters and each bank of embeddings; None where it has none at all."""
        flat, embeddings = self._leaves(grad=True)
        loss = self._loss(flat, embeddings, index, index, drawing=False)
        if not loss.requires_grad:
            return None
        return list(torch.autograd.grad(loss, [flat, *embeddings], allow_unused=True))

    def predict(self, rows: Rows) -> Tensor:
        """Of rows without labels, [n]."""
        return self._ask("predict", rows)

    def quantiles(self, rows: Rows, levels: Sequence[float]) -> Tensor:
        """Of rows without labels, [n, levels]."""

        def quantiles(method: Any) -> Callable[[Any, Any], Any]:
            return partial(method.quantiles, levels=tuple(levels))

        return self._ask(quantiles, rows)

    def _leaves(self, *, grad: bool) -> tuple[Tensor, list[Tensor]]:
        flat, embeddings = self.flat.detach().clone(), [e.clone() for e in self.embeddings]
        return flat.requires_grad_(grad), [e.requires_grad_(grad) for e in embeddings]

    def _columns(self, rows: Rows) -> Any:
        return resident(rows, self.schema, self.stack.tables, _DEVICE, _DTYPE, gathered=True)

    def _replica(self, flat: Tensor) -> Replicas:
        buffers, hyper = ({k: v[0] for k, v in d.items()} for d in (self.stack.buffers, self.stack.hyper))
        return Replicas(self.stack.layout.named(flat), buffers, hyper)

    def _loss(
        self, flat: Tensor, embeddings: list[Tensor], index: np.ndarray, labels: np.ndarray, drawing: bool
    ) -> Tensor:
        self.stack.module.train(drawing)
        columns = self._columns(self.rows.take(index))
        if labels is not index:
            other = self._columns(self.rows.take(labels))
            columns = replace(columns, label=other.label)
        at = torch.from_numpy(labels)
        targets = {k: t[at].to(_DTYPE if t.is_floating_point() else t.dtype) for k, t in self.targets.items()}
        banks = tuple(e[i] for e, i in zip(embeddings, columns.embedded, strict=True))
        zero = torch.zeros((), dtype=_DTYPE)
        recorder = Tape(_DTYPE, _DEVICE)

        def loss(drawn: Tensor | None, tape: Tape | None) -> Any:
            given = Given(banks, columns, targets, drawn, zero.long(), zero + 0.5)
            return self.stack.single("loss", self._replica(flat), given, tape)

        if not drawing:
            return loss(None, recorder)
        with torch.no_grad():
            loss(None, recorder)  # how many words it draws
        counter = torch.arange(recorder.at, dtype=torch.int32)
        return loss(words(torch.tensor([key(0, 0)], dtype=torch.int32), counter)[0], None)

    def _ask(self, what: Any, rows: Rows) -> Tensor:
        self.stack.module.eval()
        columns = self._columns(rows.without_label())
        banks = tuple(e[i] for e, i in zip(self.embeddings, columns.embedded, strict=True))
        zero = torch.zeros((), dtype=_DTYPE)
        with torch.no_grad():
            return self.stack.single(what, self._replica(self.flat), Given(banks, columns, {}, None, zero.long(), zero))
