"""A described table as a `Dataset`, like any other: fingerprint, cache, split, records."""

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from datasets.base import BadData, Dataset, NotAvailable, Protocol, Source, Table
from datasets.common.files import cache_folder
from datasets.described import purchases
from datasets.described.customers import customers, raw_of
from datasets.described.description import Common, Description, Keep, Role, check, convert, filled, parse
from datasets.described.fitted import assembled
from datasets.described.orders import Orders, is_orders, orders
from datasets.described.purchases import read_purchases
from datasets.described.raw import read_raw, wanted
from datasets.preparing.fingerprint import canonical
from datasets.schema import Task
from datasets.tabular.dialect import Dialect
from datasets.tabular.found import find
from datasets.tabular.opened import Block, opened


def described(path: Path) -> Dataset:
    """The dataset that a TOML file describes. Raises NotAvailable where there is none, BadData where it cannot hold."""
    content = parse(path)
    filled(path, content)
    if is_orders(content):
        return DescribedOrders(path, orders(path, content))
    it: Description = convert(path, content, Description)
    check(path, it)
    return (DescribedValues if it.task == "ltv" else DescribedLog)(path, it)


class _Described(Dataset):
    """What every described table has in common."""

    private: ClassVar[bool] = True

    def __init__(
        self, path: Path, it: Common, options: dict[str, object], split: str, source: Source | None = None
    ) -> None:
        """path: of the description; source: where the table is from, where it is not the user's own."""
        self.path, self.described = path, it
        training = it.training
        stop: Literal["mae", "loss"] = "loss" if self.task == "ltv" else "mae"
        protocol = Protocol(split, training.batch, training.epochs, training.patience, stop, options=options)
        super().__init__(it.name, source or Source(it.name, "your own table", "yours", ""), protocol)

    def place(self, root: Path | None) -> Path:
        """Where the table lies: seen from the description's own folder, wherever the data root is."""
        return self.path.parent / self.described.files

    def files(self, root: Path | None) -> list[Path]:
        """The table's files."""
        try:
            return list(find(self.place(root)).paths)
        except NotAvailable as error:
            raise NotAvailable(f"{error}; {self.path.name} says files = {self.described.files!r}") from None

    def blocks(self, root: Path | None, wanted: Sequence[str]) -> Iterator[Block]:
        """The rows of these columns. Raises BadData where the table lacks a column that the description names."""
        it, place = self.described, self.place(root)
        table = opened(place, dialect_of(it))
        named = [*it.columns, *(rule.column for rule in it.keep)]
        if lacking := [name for name in named if name not in table.names]:
            raise BadData(f"{table.found.paths[0]}: no column {lacking[0]!r}, which {self.path.name} names; it has "
                          f"{', '.join(map(repr, table.names[:30]))}")  # fmt: skip
        return table.blocks(wanted)

    def build(self, root: Path | None) -> Table:
        """Read and encode the table in bounded memory."""
        place = self.place(root)
        try:
            return self._built(root, cache_folder() / "scratch")
        except BadData as error:
            raise error if str(place) in str(error) else BadData(f"{place}: {error}") from None

    @abstractmethod
    def _built(self, root: Path | None, scratch: Path) -> Table:
        """The table. scratch: a folder for what is too long for memory."""


class DescribedLog(_Described):
    """A log of your own: one row, one label."""

    def __init__(self, path: Path, it: Description, source: Source | None = None) -> None:
        self.it = it
        unit = "user" if it.split.kind == "user" else "row"
        super().__init__(path, it, options(it), split_in_words(it, it.one("time"), unit), source)

    def _built(self, root: Path | None, scratch: Path) -> Table:
        return assembled(read_raw(self.blocks(root, wanted(self.it)), self.it, scratch), self.it, scratch)


class DescribedValues(DescribedLog):
    """Customers of your own: one row, what one of them was worth."""

    task: ClassVar[Task] = "ltv"


class DescribedOrders(_Described):
    """Purchases of your own: one row of the table is a customer, reduced from the purchases."""

    task: ClassVar[Task] = "ltv"

    def __init__(self, path: Path, it: Orders) -> None:
        self.it = it
        found = _said_of(it) | {"window": {name: str(getattr(it.window, name)) for name in it.window.__struct_fields__}}
        super().__init__(path, it, found, split_in_words(it, "the first purchase", "customer"))

    def _built(self, root: Path | None, scratch: Path) -> Table:
        log = read_purchases(self.blocks(root, purchases.wanted(self.it)), self.it, scratch)
        them = customers(log, self.it)
        table = assembled(*raw_of(them, self.it), scratch)
        more = {
            "rows_raw": log.rows,
            "users": len(them.start),
            "dropped": {**log.dropped, **them.counts},
            "refunds": log.refunds,
            "refunds above purchases": them.found.refunded,
        }
        if them.beside:
            more["repeat_buyers"] = int((them.found.frequency > 0).sum())
        return replace(
            table,
            schema=replace(table.schema, truth=tuple(them.beside)),
            rows=replace(table.rows, user=np.arange(len(them.start), dtype=np.int32), truth=them.beside),
            facts={**table.facts, **more},
        )


def split_in_words(it: Common, time: str, unit: str) -> str:
    """The split as a record says it."""
    shares = ":".join(f"{share:g}" for share in it.split.shares)
    if it.split.kind == "chronological":
        return f"chronological {shares} by {time}"
    return f"random {shares} by {unit}, split seed {it.split.seed}"


def options(it: Description) -> dict[str, object]:
    """Everything else that decides the rows and what is known of them."""
    found = _said_of(it)
    if it.duration is not None and it.one("duration"):
        found |= {"duration_unit": it.duration.unit, "buckets": it.duration.buckets}
    return found


def _said_of(it: Common) -> dict[str, object]:
    import msgspec

    used = {name: it.role(name) for name in it.columns if it.role(name).role != "leave out"}
    found: dict[str, object] = {
        "columns": {name: _said(role) for name, role in used.items()},
        "label_unit": it.label.unit,
        "label_cap": it.label.cap,
    }
    if it.keep:
        found["keep"] = [_rule(rule) for rule in it.keep]
    if it.csv is not None:
        found["csv"] = msgspec.to_builtins(it.csv)
    return found


def _rule(rule: Keep) -> str:
    """The rule in words; of values that it lists, ids perhaps, a hash."""
    listed = [rule.among, rule.but]
    if listed == [None, None]:
        return str(rule)
    return f"{rule} ({hashlib.sha256(canonical(listed)).hexdigest()[:16]})"


def _said(role: Role) -> str:
    if role.role == "list":
        return f"list, the first {role.length}, cut at {role.separator!r}"
    if role.among:
        return f"{role.role}, {', '.join(role.among)}"
    return f"{role.role}, {role.form}" if role.form else role.role


def dialect_of(it: Common) -> Dialect | None:
    """How the text files of a described table are written; None where it does not say."""
    csv = it.csv
    return None if csv is None else Dialect(csv.delimiter, csv.header, csv.decimal, csv.encoding)
