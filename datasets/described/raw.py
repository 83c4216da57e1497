"""The first pass over a described table: the rows that stay, their values as numbers and codes, in bounded memory."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import BadData
from datasets.described.description import Description, Keep
from datasets.described.encoder import in_seconds
from datasets.schema import Array
from datasets.tabular.cells import keys, lists, numbers, times
from datasets.tabular.coder import EMPTY, Coder
from datasets.tabular.opened import Block
from datasets.tabular.spool import Spool

_LARGEST = 1e15  # in the column's own unit; a label of that size is a mistake


@dataclass(frozen=True)
class Coded:
    """A column of ids: what its codes stand for, and the code of each row."""

    values: Any  # pyarrow Array of the distinct values, int64 or text
    codes: Array  # int32 [n], or [n, length] of a list; EMPTY where a cell is empty or a list has ended


@dataclass(frozen=True)
class Raw:
    """The n rows that stay, in the order of the files."""

    label: Array  # float32 [n], in the label's unit
    duration: Array | None  # float64 [n], seconds
    time: Array | None  # int64 or float64 [n]
    coded: dict[str, Coded]  # users, items, categories and lists by column
    numbers: dict[str, Array]  # float64 [n] each, NaN where empty
    rows: int  # read
    capped: int  # labels that were set to the cap
    dropped: dict[str, int] = field(default_factory=dict)  # rule in words -> rows that broke it first


def read_raw(blocks: Iterator[Block], it: Description, folder: Path) -> Raw:
    """Read a table's blocks. folder: for what is too long for memory; its files vanish by themselves.

    Raises BadData at the first cell that cannot be right.
    """
    reader = _Reader(it, folder)
    with ThreadPoolExecutor(cores()) as pool, ThreadPoolExecutor(1) as ahead:
        block = next(blocks, None)
        while block is not None:
            following = ahead.submit(next, blocks, None)  # read while this one is taken apart
            reader.add(block, pool)
            block = following.result()
    return reader.done()


def wanted(it: Description) -> list[str]:
    """The columns that have to be read."""
    used = it.having("user", "item", "label", "duration", "category", "number", "list")
    used += it.having("time") if it.split.kind == "chronological" else []
    return list(dict.fromkeys([*used, *(rule.column for rule in it.keep)]))


class _Reader:
    def __init__(self, it: Description, folder: Path) -> None:
        self.it, self.decimal = it, it.csv.decimal if it.csv else "."
        self.rows = self.capped = 0
        self.dropped = {str(rule): 0 for rule in it.keep}
        ids = it.having("user", "item", "category", "list")
        self.coders = {name: Coder() for name in ids}
        width = {name: it.role(name).length if it.role(name).role == "list" else 0 for name in ids}
        self.codes = {name: Spool(folder, np.int32, width[name]) for name in ids}
        self.numbers = {name: Spool(folder, np.float64) for name in it.having("number", "duration")}
        self.label = Spool(folder, np.float32)
        self.folder, self.ordered = folder, it.split.kind == "chronological"
        self.time: Spool | None = None  # whole numbers or decimals, as the first block has them

    def add(self, block: Block, pool: ThreadPoolExecutor) -> None:
        """Take a block's rows, its columns side by side."""
        self.rows += block.batch.num_rows
        keep = self._kept(block)
        if not keep.any():
            return
        tasks: list[Callable[[], None]] = [lambda: self.label.add(self._labels(block, keep))]
        tasks += [lambda n=name: self._add_number(block, n, keep) for name in self.numbers]  # type: ignore[misc]
        tasks += [lambda n=name: self._add_ids(block, n, keep) for name in self.coders]  # type: ignore[misc]
        if self.ordered:
            tasks.append(lambda: self._add_time(block, keep))
        for done in [pool.submit(task) for task in tasks]:
            done.result()

    def done(self) -> Raw:
        coded = {name: Coded(coder.values, self.codes[name].array()) for name, coder in self.coders.items()}
        others = {name: spool.array() for name, spool in self.numbers.items()}
        duration = others.pop(self.it.one("duration"), None)
        time = None if self.time is None else self.time.array()
        return Raw(self.label.array(), duration, time, coded, others, self.rows, self.capped, self.dropped)

    def _kept(self, block: Block) -> Array:
        """Which rows pass every rule; a row counts for the first that it breaks."""
        keep = np.ones(block.batch.num_rows, bool)
        for rule in self.it.keep:
            right = passes(rule, block, self.decimal)
            self.dropped[str(rule)] += int((keep & ~right).sum())
            keep &= right
        return keep

    def _labels(self, block: Block, keep: Array) -> Array:
        name, cap = self.it.one("label"), self.it.label.cap
        values = self._checked(block, name, keep, low=0)
        if not isinstance(cap, str):
            self.capped += int((values > cap).sum())
            values = np.minimum(values, cap)
        return in_seconds(values, self.it.label.unit)

    def _checked(self, block: Block, name: str, keep: Array, *, low: float, above: bool = False) -> Array:
        """The numbers of the rows that stay; raises BadData where one is empty, too small or too large."""
        values = numbers(block, name, self.decimal)
        sign = f"above = {low:g}" if above else f"from = {low:g}"
        cure = f"mend that row, or drop such rows with [[keep]] column = {name!r}, {sign}"
        small = values <= low if above else values < low
        for broken, what in (
            (np.isnan(values), "is empty"),
            (small, "is too small"),
            (values > _LARGEST, "is too large"),
        ):
            if (broken := broken & keep).any():
                at = int(broken.argmax())
                shown = "" if what == "is empty" else f" ({values[at]:g})"
                raise block.bad(name, at, what + shown, cure)
        return values[keep]

    def _add_number(self, block: Block, name: str, keep: Array) -> None:
        if name != self.it.one("duration"):
            self.numbers[name].add(numbers(block, name, self.decimal)[keep])
            return
        assert self.it.duration is not None
        self.numbers[name].add(in_seconds(self._checked(block, name, keep, low=0, above=True), self.it.duration.unit))

    def _add_ids(self, block: Block, name: str, keep: Array) -> None:
        import pyarrow as pa

        coder, role = self.coders[name], self.it.role(name)
        if role.role != "list":
            column = keys(block, name)
            self.codes[name].add(coder.add(column if keep.all() else column.filter(pa.array(keep))))
            return
        kept = block if keep.all() else block._replace(batch=block.batch.filter(pa.array(keep)))
        counts, members = lists(kept, name, role.length, role.separator)
        self.codes[name].add(padded(counts, coder.add(members), role.length))

    def _add_time(self, block: Block, keep: Array) -> None:
        name = self.it.one("time")
        found = times(block, name, self.it.role(name).form)[keep]
        if self.time is None:
            self.time = Spool(self.folder, found.dtype)
        if found.dtype != self.time.dtype:
            raise BadData(f"{block.path}: column {name!r} has whole numbers in some places and decimals in others; "
                          "write its times in one way")  # fmt: skip
        self.time.add(found)


def padded(counts: Array, codes: Array, length: int) -> Array:
    """One row of codes for each list, int32 [rows, length], EMPTY behind its end. codes: of all lists' members."""
    out = np.full((len(counts), length), EMPTY, np.int32)
    out[np.arange(length) < counts[:, None]] = codes
    return out


def passes(rule: Keep, block: Block, decimal: str) -> Array:
    """Which rows of a block pass a rule, bool [rows]."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if rule.among is None and rule.but is None and not any(v is not None for v in _bounds(rule)):
        return np.asarray(keys(block, rule.column).is_valid())
    passes = np.ones(block.batch.num_rows, bool)
    if any(v is not None for v in _bounds(rule)):
        values = numbers(block, rule.column, decimal)
        low, high, above, below = _bounds(rule)
        passes = ~np.isnan(values)
        passes &= (low is None) | (values >= (low or 0))
        passes &= (high is None) | (values <= (high or 0))
        passes &= (above is None) | (values > (above or 0))
        passes &= (below is None) | (values < (below or 0))
    for listed, yes in ((rule.among, True), (rule.but, False)):
        if listed is not None:
            text = keys(block, rule.column).cast(pa.string())
            words = [str(v).lower() if isinstance(v, bool) else str(v) for v in listed]
            inside = pc.is_in(text, value_set=pa.array(words, pa.string())).to_numpy(zero_copy_only=False)
            passes &= inside if yes else ~inside & text.is_valid().to_numpy(zero_copy_only=False)
    return passes


def _bounds(rule: Keep) -> tuple[float | None, ...]:
    return rule.low, rule.high, rule.above, rule.below


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
