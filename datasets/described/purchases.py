"""Reads a described log of purchases: who bought when for how much, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import BadData
from datasets.described.orders import Orders
from datasets.described.raw import Coded, passes
from datasets.preparing.lifetime import LARGEST
from datasets.schema import Array
from datasets.tabular.cells import days, keys, numbers
from datasets.tabular.coder import EMPTY, Coder
from datasets.tabular.opened import Block
from datasets.tabular.spool import Spool

_YES = {"true", "yes", "y", "t", "1"}


@dataclass(frozen=True)
class Purchases:
    """The rows that stay, in the order of the files, [n] each."""

    customer: Coded
    day: Array  # int64, days since 1970
    amount: Array  # float64, in the currency; below 0 for a refund
    items: Array | None  # float64, how many were bought
    coded: dict[str, Coded]  # categories by column
    numbers: dict[str, Array]  # float64, NaN where empty
    rows: int  # read
    dropped: dict[str, int]  # rule in words -> rows that broke it first
    refunds: int  # rows, before they are netted or dropped


def read_purchases(blocks: Iterator[Block], it: Orders, folder: Path) -> Purchases:
    """Read a log's blocks. folder: for what is too long for memory. Raises BadData at the first cell that is none."""
    reader = _Reader(it, folder)
    for block in blocks:
        reader.add(block)
    return reader.done()


def wanted(it: Orders) -> list[str]:
    """The columns that have to be read."""
    used = [name for name in it.columns if it.role(name).role != "leave out"]
    return list(dict.fromkeys([*used, *(rule.column for rule in it.keep)]))


class _Reader:
    def __init__(self, it: Orders, folder: Path) -> None:
        self.it, self.decimal = it, it.csv.decimal if it.csv else "."
        self.rows = self.refunds = 0
        self.dropped = {str(rule): 0 for rule in it.keep}
        self.coders = {name: Coder() for name in it.having("customer", "category", "currency")}
        self.codes = {name: Spool(folder, np.int32) for name in self.coders}
        self.day, self.amount, self.items = (
            Spool(folder, np.int64),
            Spool(folder, np.float64),
            Spool(folder, np.float64),
        )
        self.numbers = {name: Spool(folder, np.float64) for name in it.having("number")}

    def add(self, block: Block) -> None:
        import pyarrow as pa

        self.rows += block.batch.num_rows
        keep = np.ones(block.batch.num_rows, bool)
        for rule in self.it.keep:
            right = passes(rule, block, self.decimal)
            self.dropped[str(rule)] += int((keep & ~right).sum())
            keep &= right
        if not keep.any():
            return
        amount, items = self._amounts(block, keep)
        refund = (amount < 0) & keep
        self.refunds += int(refund.sum())
        if name := self.it.one("refunded"):
            back = np.abs(np.nan_to_num(numbers(block, name, self.decimal)))
            self.refunds += int(((back > 0) & keep & ~refund).sum())
            if self.it.window.refunds == "net":
                amount = amount - back
        if self.it.window.refunds == "drop":
            keep &= ~refund
        for name, coder in self.coders.items():
            codes = coder.add(keys(block, name).filter(pa.array(keep)))
            if name == self.it.one("customer") and (codes == EMPTY).any():
                at = int(np.flatnonzero(keep)[(codes == EMPTY).argmax()])
                raise block.bad(name, at, "is empty", f"drop such rows with [[keep]] column = {name!r}")
            if name == self.it.one("currency") and len(coder) > 1:
                self._mixed(block, name)
            self.codes[name].add(codes)
        date = self.it.one("date")
        self.day.add(days(block, date, self.it.role(date).form)[keep])
        self.amount.add(amount[keep])
        self.items.add(items[keep])
        for name, spool in self.numbers.items():
            spool.add(numbers(block, name, self.decimal)[keep])

    def done(self) -> Purchases:
        coded = {name: Coded(coder.values, self.codes[name].array()) for name, coder in self.coders.items()}
        coded.pop(self.it.one("currency"), None)
        customer = coded.pop(self.it.one("customer"))
        items = self.items.array() if self.it.one("quantity") else None
        others = {name: spool.array() for name, spool in self.numbers.items()}
        return Purchases(
            customer, self.day.array(), self.amount.array(), items, coded, others, self.rows, self.dropped, self.refunds
        )

    def _mixed(self, block: Block, name: str) -> None:
        known = [str(value) for value in self.coders[name].values.to_pylist()[:4]]
        raise BadData(f"{block.path}: column {name!r} has more than one currency ({', '.join(known)}): amounts of two "
                      f"cannot be added; keep one with [[keep]] column = {name!r}, is = [{known[0]!r}]")  # fmt: skip

    def _amounts(self, block: Block, keep: Array) -> tuple[Array, Array]:
        """What was paid in each row, below 0 for a refund, and how many were bought, float64 [rows] each."""
        it, rows = self.it, block.batch.num_rows
        items = self._number(block, it.one("quantity"), keep) if it.one("quantity") else np.ones(rows)
        if it.one("price"):
            amount = self._number(block, it.one("price"), keep) * items
        else:
            amount = self._number(block, it.one("amount"), keep)
            amount = np.where((items < 0) & (amount > 0), -amount, amount)
        if name := it.one("refund"):
            amount = np.where(self._flagged(block, name), -np.abs(amount), amount)
        return amount, np.maximum(items, 0)

    def _number(self, block: Block, name: str, keep: Array) -> Array:
        values = numbers(block, name, self.decimal)
        for broken, what in ((np.isnan(values), "is empty"), (np.abs(values) > LARGEST, "is too large to be true")):
            if (broken := broken & keep).any():
                at = int(broken.argmax())
                shown = "" if what == "is empty" else f" ({values[at]:g})"
                raise block.bad(
                    name, at, what + shown, f"mend that row, or drop such rows with [[keep]] column = {name!r}"
                )
        return values

    def _flagged(self, block: Block, name: str) -> Array:
        """Which rows are refunds by the column that says so."""
        import pyarrow as pa
        import pyarrow.compute as pc

        text: Any = keys(block, name).cast(pa.string())
        meant = self.it.role(name).among
        known = pa.array(meant or sorted(_YES), pa.string())
        found = pc.is_in(text if meant else pc.utf8_lower(text), value_set=known)
        return found.to_numpy(zero_copy_only=False)
