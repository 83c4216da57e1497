"""What trained replicas answer about rows, and the stopping metric that is made of it."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.train.draws import DeviceWords, HostWords
from benchmark.train.resident import Columns, gather, resident
from benchmark.train.stack import Asked, Given, Stack
from datasets.schema import Rows

CHUNK = 8192  # rows of a prediction pass
_FEWEST = 64  # rows of a pass: fewer, and products of matrices may have other last bits


def read(weight: Tensor, index: Tensor) -> Tensor:
    """Embeddings of the same rows for all replicas, [S, B, columns, D]. weight: [S, V, D]; index: [B, columns]."""
    return weight.index_select(1, index.reshape(-1)).view(len(weight), *index.shape, weight.shape[2])


def answer(stack: Stack, what: Asked, columns: Columns, weights: Sequence[Tensor], step: Tensor) -> Tensor:
    """What every replica answers about rows given once for all, [S, rows, ...]."""
    rows = tuple(read(w, e) for w, e in zip(weights, columns.embedded, strict=True))
    zero = torch.zeros((), dtype=stack.dtype, device=stack.device)
    with torch.no_grad():
        return stack.call(what, stack.flat, Given(rows, columns, {}, None, step, zero), shared=True)


def chunks(rows: int, size: int, device: torch.device) -> Iterator[Tensor]:
    """Row numbers, so many at a time."""
    for start in range(0, rows, size):
        yield torch.arange(start, min(start + size, rows), device=device)


class Predictor:
    """The replicas of a stack that is trained."""

    def __init__(self, stack: Stack, rows: Sequence[Tensor], step: Tensor, asked: int) -> None:
        """rows: the embeddings, [S, V, D] each; step: 0-d, of the optimiser, at the end; asked: the first so many
        replicas answer."""
        self.stack, self.rows, self.step, self.asked = stack, tuple(rows), step, asked

    def predict(self, rows: Rows) -> np.ndarray:
        """The predictions, float64 [S, n] in the label's unit."""
        return self._of_rows("predict", rows, CHUNK)

    def quantiles(self, rows: Rows, levels: Sequence[float]) -> np.ndarray:
        """The quantiles that a method's distribution has at these levels, float64 [S, n, levels]."""

        def quantiles(method: Any) -> Callable[[Any, Any], Any]:
            return partial(method.quantiles, levels=tuple(levels))

        return self._of_rows(quantiles, rows, CHUNK // 32)  # a method may sample a hundred values of every row

    def resident(self, rows: Rows) -> Columns:
        """The rows on the device, content in place."""
        stack = self.stack
        return resident(rows, stack.schema, stack.tables, stack.device, stack.dtype, gathered=True)

    def _of_rows(self, what: Asked, rows: Rows, size: int) -> np.ndarray:
        """What every asked replica answers, so many rows at a time, float64 [S, n, ...]. A row's answer has the same
        bits whatever rows are asked for beside it."""
        self.stack.module.eval()
        out = []
        for index, wanted in parts(len(rows), size):
            columns = self.resident(rows.take(index).without_label())
            found = answer(self.stack, what, columns, self.rows, self.step)
            out.append(found[: self.asked, :wanted].double().cpu())
        return torch.cat(out, 1).numpy()


def parts(rows: int, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Row numbers, so many at a time, and how many of them are wanted: a few rows that are left over are filled up with
    the last one."""
    for start in range(0, rows, size):
        wanted = min(size, rows - start)
        yield np.minimum(np.arange(start, start + max(wanted, min(_FEWEST, size))), rows - 1), wanted


class Validation:
    """The validation rows on the device and the metric by which replicas stop: the absolute error, or the method's own
    loss."""

    def __init__(self, stack: Stack, rows: Rows, batch: int, words: HostWords | DeviceWords, *, own_loss: bool) -> None:
        """batch, words: of a training step, for the loss."""
        self.stack, self.batch, self.words, self.own_loss = stack, batch, words, own_loss
        self.columns = resident(rows, stack.schema, stack.tables, stack.device, stack.dtype)
        self.targets = [
            stack.method(config).targets(fitted, rows)
            for config, fitted in zip(stack.configs if own_loss else (), stack.fitted if own_loss else (), strict=True)
        ]
        self.n = len(rows)

    def metric(self, weights: Sequence[Tensor], active: Sequence[int], keys: Tensor, step: Tensor) -> Tensor:
        """Of each replica in the stack, float64 [S]. weights: their embeddings, [S, V, D] each; active: which replicas
        they are; keys: of their draws, [S]; step: int [1]."""
        self.stack.module.eval()
        return self._loss(weights, active, keys, step) if self.own_loss else self._mae(weights, step)

    def _mae(self, weights: Sequence[Tensor], step: Tensor) -> Tensor:
        total = torch.zeros(len(self.stack), dtype=torch.float64, device=self.stack.device)
        for index in chunks(self.n, CHUNK, self.stack.device):
            columns = gather(self.columns, index)
            assert columns.label is not None
            predicted = answer(self.stack, "predict", columns, weights, step[0])
            total += (predicted - columns.label).abs().double().sum(1)
        return total / self.n

    def _loss(self, weights: Sequence[Tensor], active: Sequence[int], keys: Tensor, step: Tensor) -> Tensor:
        """The method's own loss: no dropout, draws keyed by their place, schedules at their end (progress 1), so that
        epochs compare."""
        stack = self.stack
        total = torch.zeros(len(stack), dtype=torch.float64, device=stack.device)
        end = torch.ones((), dtype=stack.dtype, device=stack.device)
        for index in chunks(self.n, self.batch, stack.device):
            columns = gather(self.columns, index.expand(len(active), -1))
            targets = {
                name: torch.stack([self.targets[replica][name].to(stack.device)[index] for replica in active])
                for name in self.targets[0]
            }
            targets = {k: t.to(stack.dtype) if t.is_floating_point() else t for k, t in targets.items()}
            words = self.words.fill(keys, -1 - index[:1])
            rows = tuple(read(w, e[0]) for w, e in zip(weights, columns.embedded, strict=True))
            with torch.no_grad():
                loss = stack.call("loss", stack.flat, Given(rows, columns, targets, words, step[0], end))
            total += loss.double() * len(index)
        return total / self.n
