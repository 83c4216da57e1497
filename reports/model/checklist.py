"""Every table and figure of the papers, and the cells that reproduce it: `reports/published/checklist.toml`."""

from collections.abc import Iterator
from functools import cache

import msgspec

from benchmark.records.cell import Group
from reports.model.papers import CHECKLIST, PUBLISHED


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
