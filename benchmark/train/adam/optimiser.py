"""The optimiser of a stack: Adam for the dense parameters, exact lazy Adam for the rows of its embeddings."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from benchmark.train.adam.device import DenseTable, DeviceAdam, DeviceTable, early_flushes
from benchmark.train.adam.host_adam import HostAdam
from benchmark.train.adam.host_table import HostTable
from benchmark.train.stack import Stack


class Table(Protocol):
    """The embedding rows of S replicas and how they are trained."""

    replicas: int
    vocabulary: int  # V, of one replica

    @property
    def weight(self) -> Tensor:
        """[S * V, D], as of the last flush."""

    def gather(self, index: Tensor) -> Tensor:
        """The rows of index (int64 [...]) as of now, [..., D], a leaf that takes a gradient."""

    def update(self, grad: Tensor) -> None:
        """One step on the rows gathered last; grad [..., D]."""

    def flush(self) -> None:
        """Bring every row up to the present step."""

    def keep(self, replicas: list[int]) -> None:
        """Go on with these replicas alone."""


class Adam(Protocol):
    """Adam for the dense parameters [S, P]."""

    def update(self, flat: Tensor, grad: Tensor) -> None:
        """One step, in place."""

    def keep(self, replicas: list[int]) -> None:
        """Go on with these replicas alone."""


class Optimiser:
    """The tables of a stack's banks and the Adam of its dense parameters."""

    def __init__(self, stack: Stack, steps: int, *, on_host: bool) -> None:
        """steps: of the longest possible run. on_host: with the compiled loops."""
        lr, decay, count = stack.hyper["lr"], stack.hyper["weight_decay"], len(stack)
        dense = bool((decay > 0).any())
        lazy = HostTable if on_host else DeviceTable
        self.tables: list[Table] = [
            DenseTable(stack.initial_rows(bank), count, lr, decay)
            if dense
            else lazy(stack.initial_rows(bank), count, lr, steps)
            for bank in stack.banks
        ]
        self.adam: Adam = (HostAdam if on_host else DeviceAdam)(stack.flat, lr, decay)
        # the device's tables cannot cut early gaps as the host's do: they are flushed instead
        self._flushes = early_flushes() if not on_host and not dense else frozenset()

    def gather(self, embedded: Sequence[Tensor]) -> list[Tensor]:
        """The batch's embeddings of each bank, [S, B, columns, D], leaves that take gradients. embedded: row numbers
        within a replica, [S, B, columns] each."""
        out = []
        for table, rows in zip(self.tables, embedded, strict=True):
            offset = torch.arange(len(rows), device=rows.device).view(-1, 1, 1) * table.vocabulary
            out.append(table.gather(rows + offset))
        return out

    def update(self, flat: Tensor, grad: Tensor, row_grads: Sequence[Tensor]) -> None:
        """One step of everything: dense parameters [S, P] in place, and the rows gathered last."""
        self.adam.update(flat, grad)
        for table, row_grad in zip(self.tables, row_grads, strict=True):
            table.update(row_grad)

    def settle(self, step: int) -> None:
        """What is due after this many steps: the host knows when."""
        if step in self._flushes:
            self.flush()

    def flush(self) -> None:
        """Bring every row up to the present step."""
        for table in self.tables:
            table.flush()

    def weights(self) -> list[Tensor]:
        """The rows of each bank, [S, V, D], as of the last flush."""
        return [table.weight.view(table.replicas, table.vocabulary, -1) for table in self.tables]

    def keep(self, places: list[int]) -> None:
        """Go on with the replicas at these places alone."""
        self.adam.keep(places)
        for table in self.tables:
            table.keep(places)
