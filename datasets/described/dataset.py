"""A described table as a `Dataset`, like any other: fingerprint, cache, split, records."""

import hashlib
from pathlib import Path
from typing import ClassVar

from datasets.base import BadData, Dataset, NotAvailable, Protocol, Source, Table
from datasets.described.description import Csv, Description, Keep, Role, read
from datasets.described.fitted import assembled
from datasets.described.raw import read_raw, wanted
from datasets.fingerprint import canonical
from datasets.schema import Task
from datasets.tabular.dialect import Dialect
from datasets.tabular.found import find
from datasets.tabular.opened import Opened, opened


def described(path: Path) -> Dataset:
    """The dataset that a TOML file describes. Raises NotAvailable where there is none, BadData where it cannot hold."""
    it = read(path)
    return (DescribedValues if it.task == "ltv" else DescribedLog)(path, it)


class DescribedLog(Dataset):
    """A log of your own: one row, one label."""

    def __init__(self, path: Path, it: Description) -> None:
        self.path, self.it = path, it
        source = Source(it.name, "your own table", "yours", "")
        protocol = Protocol(
            split_in_words(it),
            it.training.batch,
            it.training.epochs,
            it.training.patience,
            "loss" if it.task == "ltv" else "mae",
            options=options(it),
        )
        super().__init__(it.name, source, protocol)

    @property
    def place(self) -> Path:
        """Where the table lies: seen from the description's own folder."""
        return self.path.parent / self.it.files

    def files(self, root: Path | None = None) -> list[Path]:
        """The table's files; `root` does not matter, for the description knows where they are."""
        try:
            return list(find(self.place).paths)
        except NotAvailable as error:
            raise NotAvailable(f"{error}; {self.path.name} says files = {self.it.files!r}") from None

    def opened(self) -> Opened:
        """The table with its columns known. Raises BadData for a column that it lacks."""
        csv = self.it.csv
        table = opened(self.place, None if csv is None else _dialect(csv))
        named = [*self.it.columns, *(rule.column for rule in self.it.keep)]
        if lacking := [name for name in named if name not in table.names]:
            has = ", ".join(map(repr, table.names[:30]))
            raise BadData(
                f"{table.found.paths[0]}: no column {lacking[0]!r}, which {self.path.name} names; it has {has}"
            )
        return table

    def build(self, root: Path | None = None) -> Table:
        """Read and encode the table in bounded memory."""
        from datasets.common.files import cache_folder

        scratch = cache_folder() / "scratch"
        try:
            return assembled(read_raw(self.opened().blocks(wanted(self.it)), self.it, scratch), self.it, scratch)
        except BadData as error:
            raise error if str(self.place) in str(error) else BadData(f"{self.place}: {error}") from None


class DescribedValues(DescribedLog):
    """Customers of your own: one row, what one of them was worth."""

    task: ClassVar[Task] = "ltv"


def split_in_words(it: Description) -> str:
    """The split as a record says it."""
    shares = ":".join(f"{share:g}" for share in it.split.shares)
    if it.split.kind == "chronological":
        return f"chronological {shares} by {it.one('time')}"
    return f"random {shares} by {'user' if it.split.kind == 'user' else 'row'}, split seed {it.split.seed}"


def options(it: Description) -> dict[str, object]:
    """Everything else that decides the rows and what is known of them."""
    import msgspec

    used = {name: it.role(name) for name in it.columns if it.role(name).role != "leave out"}
    found: dict[str, object] = {
        "columns": {name: _said(role) for name, role in used.items()},
        "label_unit": it.label.unit,
        "label_cap": it.label.cap,
    }
    if it.duration is not None and it.one("duration"):
        found |= {"duration_unit": it.duration.unit, "buckets": it.duration.buckets}
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
    return f"time, {role.form}" if role.form else role.role


def _dialect(csv: Csv) -> Dialect:
    return Dialect(csv.delimiter, csv.header, csv.decimal, csv.encoding)
