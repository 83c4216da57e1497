"""The papers' numbers: `reports/published/*.toml`, as printed."""

from collections.abc import Iterator
from functools import cache
from typing import Literal

import msgspec

from benchmark.records.cell import Group
from reports import FOLDER
from reports.markup.document import slug

PUBLISHED = FOLDER / "published"
CHECKLIST = "checklist.toml"  # beside the papers' numbers: which cells reproduce what


class Printed(msgspec.Struct, frozen=True):
    """One number of a paper: its text, and what the text says."""

    text: str
    value: float
    std: float | None = None

    @property
    def digits(self) -> int:
        """Decimals printed."""
        return len(self.text.split("±")[0].rstrip("%").partition(".")[2])


class PaperData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dataset as a paper names it, ours beside it, and the reason why there may be no records of it."""

    name: str
    reason: str
    ours: str = ""  # empty: it cannot exist here
    size: str = ""  # the paper's counts, in words
    rows: int = 0  # the paper's; 0 where it does not say
    differs: str = ""  # what is known of the paper's protocol that ours does otherwise, as a clause
    code: str = ""  # what its released code does otherwise than its text, as a clause


class PaperRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a table: the values of each column as one string, in the order of the table's metrics."""

    name: str
    values: list[str]
    method: str = ""  # of the records that it stands beside
    variant: str = "default"
    slice: str = ""
    parameters: str = ""
    copied: list[str] = []  # columns whose numbers another paper prints too, so that they seem copied from it


class PaperTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a paper."""

    number: str
    caption: str
    metrics: list[str]
    columns: list[str]  # names of datasets where the table has one column group for each
    rows: list[PaperRow]
    form: Literal["comparison", "buckets", "counts", "values"] = "comparison"
    main: bool = False  # compares methods, not the variants of one
    about: str = ""  # Markdown
    constants: bool = False  # the best label-only constants stand beside it
    also: str = ""  # a table that prints the same numbers: told of with this one, not shown
    rows_of: str = ""  # of a table of buckets: the table whose methods are shown
    beyond: list[str] = []  # methods that are shown besides
    reason: str = ""  # why it cannot be had here
    notes: list[str] = []
    elsewhere: list[str] = []  # datasets that it is not printed for: ours on them stand beside its first column

    @property
    def ablation(self) -> bool:
        """Whether it compares variants of a method, and could be had here."""
        return self.form == "comparison" and not self.main and not self.reason

    @property
    def shown(self) -> list[str]:
        """The columns that ours can stand beside, and the datasets that stand beside its first one."""
        return [*self.columns, *self.elsewhere]

    def printed(self, row: PaperRow, column: str) -> dict[str, Printed]:
        """A cell's numbers by metric; what the paper leaves out is left out. Raises KeyError on an unknown column."""
        column = self.columns[0] if column in self.elsewhere else column
        if column not in self.columns:
            raise KeyError(f"table {self.number} has no column {column!r}; it has {', '.join(self.columns)}")
        words = row.values[self.columns.index(column)].split()
        return {metric: _number(word) for metric, word in zip(self.metrics, words, strict=True) if word != "-"}


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A paper's tables and what must be known to read them."""

    key: str
    own: str  # its method, of the records
    title: str
    datasets: list[PaperData]
    tables: list[PaperTable]
    notes: list[str] = []
    without: str = ""  # method/variant: the same without what the paper proposes, or some of it, where it prints that
    without_says: str = "what it proposes"  # what is left out there

    def table(self, number: str) -> PaperTable:
        return next(table for table in self.tables if table.number == number)

    @property
    def ours(self) -> list[PaperTable]:
        """Its tables that are shown, those that compare methods first."""
        told = {table.also for table in self.tables}
        kept = [table for table in self.tables if not table.reason and table.number not in told]
        return sorted(kept, key=lambda table: not table.main)

    @property
    def slug(self) -> str:
        return slug(self.key)

    def source(self, name: str) -> PaperData | None:
        return next((source for source in self.datasets if source.name == name), None)


def _number(word: str) -> Printed:
    """ "40.4508±0.0015", "4.167%", "7,210,290" """
    value, _, std = word.replace(",", "").rstrip("%").partition("±")
    return Printed(word, float(value), float(std) if std else None)


@cache
def papers() -> dict[str, Paper]:
    """Every paper by key, in the order of the files' names."""
    files = (path for path in sorted(PUBLISHED.glob("*.toml")) if path.name != CHECKLIST)
    found = [msgspec.toml.decode(path.read_bytes(), type=Paper) for path in files]
    return {paper.key: paper for paper in found}


# --- the cells that reproduce them


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table or figure, and the groups of cells behind it."""

    paper: str
    what: str
    says: str
    datasets: list[str] = []
    cells: list[str] = []  # method, or method/variant
    reason: str = ""  # why it cannot exist here

    @property
    def groups(self) -> Iterator[Group]:
        """Without seeds: which and how many they are is the suite's to say."""
        for dataset in self.datasets:
            for cell in self.cells:
                method, _, variant = cell.partition("/")
                yield Group(dataset, method, variant or "default", ())


class _Checklist(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: list[Item]


@cache
def items() -> list[Item]:
    """In the papers' order. Raises msgspec.DecodeError on a file that is not a checklist."""
    return msgspec.toml.decode((PUBLISHED / CHECKLIST).read_bytes(), type=_Checklist).items
