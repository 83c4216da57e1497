"""What trained replicas answer about rows, and the stopping metric that is made of it."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from benchmark.train.device import DeviceWords
from benchmark.train.draws import step_keys
from benchmark.train.lazy_adam import HostWords
from benchmark.train.resident import Columns, gather, resident
from benchmark.train.stack import Asked, Given, Stack
from datasets.schema import Rows

CHUNK = 8192  # rows of a prediction pass


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
            words = self.words.fill(step_keys(keys, -1 - index[:1]))
            rows = tuple(read(w, e[0]) for w, e in zip(weights, columns.embedded, strict=True))
            with torch.no_grad():
                loss = stack.call("loss", stack.flat, Given(rows, columns, targets, words, step[0], end))
            total += loss.double() * len(index)
        return total / self.n
