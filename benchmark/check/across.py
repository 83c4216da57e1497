"""Whether the rows of a batch meet each other in a loss, and whether that looks meant.

Four things tell a mistake from a loss that looks across the batch on purpose (a transport, a mean over positive rows):

- A column [B, 1] of predictions beside a row [B] of labels pairs each with every other: it is seen as it happens.
- What such a pairing leaves of a loss does not change when labels are shuffled, as no loss does that learns from them.
- A sum in the place of a mean is the sum of its halves, where a mean is their mean.
- Whatever is left is meant, and the class says so: `across_batch = True`. A method whose records stand is believed
  without it, for a word more in its file would cost them all.
"""

import math
from dataclasses import dataclass

import numpy as np

from benchmark.check.alone import Alone
from benchmark.check.outcome import Outcome
from benchmark.check.watch import watched
from methods.base import Method

_ALIKE = 1e-6  # relative, of float64 sums in another order
_APART = "write `module(batch)[:, 0]`, or .squeeze(1) of the column"


@dataclass(frozen=True)
class Halves:
    """A loss on a batch, on each of its halves and with labels in another order; and whether it feels the rows' ids."""

    whole: float
    one: float
    two: float
    shuffled: float
    feels: bool

    @staticmethod
    def of(alone: Alone, index: np.ndarray) -> "Halves":
        half = len(index) // 2
        parts = (index, index[:half], index[half:])
        whole, one, two = (float(alone.loss(part)) for part in parts)
        shuffled = float(alone.loss(index, labels=np.random.default_rng(0).permutation(index)))
        _, *embeddings = alone.gradients(index) or [None]
        feels = any(g is not None and bool((g != 0).any()) for g in embeddings)
        return Halves(whole, one, two, shuffled, feels)

    @property
    def known(self) -> bool:
        return all(map(math.isfinite, (self.whole, self.one, self.two, self.shuffled)))

    @property
    def mean(self) -> bool:
        """Whether the loss is the mean of its halves'."""
        return self._close((self.one + self.two) / 2)

    @property
    def sum(self) -> bool:
        return self._close(self.one + self.two)

    def _close(self, value: float) -> bool:
        return abs(self.whole - value) <= _ALIKE * max(abs(self.whole), abs(self.one), abs(self.two))

    @property
    def unmoved(self) -> bool:
        """Whether it does not matter which row a label belongs to, though rows differ: a head that starts at 0 predicts
        the same for all of them."""
        return self.feels and abs(self.whole - self.shuffled) <= 1e-9 * abs(self.whole)

    def __str__(self) -> str:
        return f"{self.whole:.6g}; its halves {self.one:.6g} and {self.two:.6g}"


def check(cls: type[Method], alone: Alone, index: np.ndarray, outcome: Outcome, *, coupled: bool) -> None:
    """Notes what holds. coupled: the loss may look across the batch without saying so."""
    meant = bool(getattr(cls, "across_batch", False))
    with watched(outcome.author, len(index)) as seen:
        alone.loss(index)
    if seen.paired and not meant:
        line, shapes = next(iter(seen.paired.items()))
        outcome.fault("broadcast", f"`loss` pairs each row with every other: {shapes} become [B, B]; {_APART}", line)
        return
    known = [one for one in (Halves.of(state, index) for state in (alone.wide(), alone.wide(4), alone)) if one.known]
    if known and all(one.unmoved for one in known):
        if all(one.mean for one in known):
            outcome.fault("labels", "`loss` does not change when labels are shuffled: it learns nothing from them")
        else:
            outcome.fault("broadcast", f"`loss` does not care which row a label belongs to: [B, 1] meets [B]; {_APART}")
    elif all(one.mean for one in known):
        outcome.passed.append("the mean of its loss over two halves of a batch is that over the whole")
    elif all(one.sum for one in known):
        outcome.fault("sum", f"`loss` is a sum over the batch ({known[0]}): take the mean")
    elif meant:
        outcome.passed.append("its loss looks across the batch, as the class says")
    else:
        text = f"its loss looks across the batch ({next(one for one in known if not one.mean)})"
        if coupled:
            outcome.remarks.append(f"{text}; it has records that stand, so that is taken as meant")
        else:
            outcome.fault("across", f"{text}: if that is meant, say `across_batch = True` in the class")
