"""What a method learns before the training, and the target columns that it makes of the training rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.train.draws import Stream, seed_of
from benchmark.train.reads import Shared, alike
from benchmark.train.stack import Unlike
from datasets.schema import Rows
from methods.base import Fitted, Method

Columns = Mapping[str, Tensor]  # of targets, [n, ...] each


def learn(
    method: type[Method], train: Rows, configs: Sequence[Any], seeds: Sequence[int]
) -> tuple[list[Fitted], list[Columns]]:
    """Fitted tensors and target columns of each replica; replicas share one object where the configurations agree in
    all that `fit` and `targets` read, so trials of a learning rate fit once."""

    def of_seed(seed: int) -> Shared:
        def of_config(config: Any) -> tuple[Fitted, Columns]:
            made = method(config)
            fitted = made.fit(train, np.random.default_rng(seed_of(seed, Stream.FIT)))
            return fitted, made.targets(fitted, train)

        return Shared(of_config)

    owners = [seed if method.fit_per_seed else 0 for seed in seeds]
    known = {seed: of_seed(seed) for seed in dict.fromkeys(owners)}
    pairs = [known[seed].of(config) for seed, config in zip(owners, configs, strict=True)]
    return [fitted for fitted, _ in pairs], [targets for _, targets in pairs]


class Targets:
    """The target columns of all replicas on the device: [n, ...] where they share them, else [S, n, ...]."""

    def __init__(self, columns: Sequence[Columns], device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype
        self.shared = all(c is columns[0] for c in columns)
        if self.shared:
            self.columns = {name: self._cast(column) for name, column in columns[0].items()}
            return
        if not alike([{name: column.shape for name, column in c.items()} for c in columns]):
            raise Unlike("replicas of one stack must have target columns of equal shape")
        self.columns = {name: torch.stack([self._cast(c[name]) for c in columns]) for name in columns[0]}

    def _cast(self, column: Tensor) -> Tensor:
        return column.to(self.device, self.dtype if column.is_floating_point() else None)

    def at(self, index: Tensor) -> dict[str, Tensor]:
        """The rows at index [S, B] of each replica, [S, B, ...]."""
        out = {}
        for name, column in self.columns.items():
            if self.shared:
                out[name] = column.index_select(0, index.reshape(-1)).view(*index.shape, *column.shape[1:])
            else:
                offset = torch.arange(len(index), device=self.device).unsqueeze(1) * column.shape[1]
                flat = column.flatten(0, 1).index_select(0, (index + offset).reshape(-1))
                out[name] = flat.view(*index.shape, *column.shape[2:])
        return out

    def first(self, index: Tensor) -> dict[str, Tensor]:
        """The rows at index [B] of the first replica, [B, ...]."""
        return {name: column[0] for name, column in self.at(index.unsqueeze(0)).items()}

    def keep(self, places: list[int]) -> None:
        """Go on with the replicas at these places alone."""
        if not self.shared:
            self.columns = {name: column[places] for name, column in self.columns.items()}
