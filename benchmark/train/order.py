"""The order of rows: an epoch is ceil(n / B) full batches, the last filled from the next epoch's permutation."""

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.train.draws import Stream, seed_of


class Order:
    """Every replica's row numbers of the epoch that has begun, on the device, and the place in it."""

    def __init__(self, rows: int, batch: int, replicas: int, device: torch.device) -> None:
        self.n, self.batch = rows, min(batch, rows)
        self.steps = -(-self.n // self.batch)  # of an epoch
        self.rows = torch.zeros(replicas, self.steps * self.batch, dtype=torch.long, device=device)  # [S, steps * B]
        self.cursor = torch.zeros(1, dtype=torch.long, device=device)  # the batch that is next
        self.lane = torch.arange(self.batch, device=device)
        self._next: list[Tensor] | None = None

    def begin(self, epoch: int, seeds: Sequence[int]) -> None:
        """Start an epoch for replicas of these seeds."""
        self.cursor.zero_()
        now = self._next if self._next is not None else self._permutations(seeds, epoch)
        self._next = self._permutations(seeds, epoch + 1)
        short = self.steps * self.batch - self.n
        for place, (order, after) in enumerate(zip(now, self._next, strict=True)):
            self.rows[place] = torch.cat([order, after[:short]]).to(self.rows.device)

    def _permutations(self, seeds: Sequence[int], epoch: int) -> list[Tensor]:
        """Of each of the seeds, [n]; trials share theirs."""
        found = {}
        for seed in dict.fromkeys(seeds):
            generator = torch.Generator().manual_seed(seed_of(seed, Stream.ORDER, epoch))
            found[seed] = torch.randperm(self.n, generator=generator)
        return [found[seed] for seed in seeds]

    def upcoming(self) -> Tensor:
        """The next batch's row numbers, [S, B]."""
        if self.rows.device.type == "cpu":
            return self.rows.narrow(1, int(self.cursor) * self.batch, self.batch)
        return self.rows.index_select(1, self.cursor * self.batch + self.lane)

    def keep(self, places: list[int]) -> None:
        """Go on with the replicas at these places alone."""
        self.rows = self.rows[places]
        if self._next is not None:
            self._next = [self._next[place] for place in places]
