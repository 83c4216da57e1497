"""Where each table and figure of both papers stands: reproduced, waiting for runs or data, or impossible here."""

from collections.abc import Iterator

import msgspec

from benchmark.records.cell import Group
from reports.markup.markdown import Sheet, plain, table
from reports.model.board import Board
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


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: list[Item]


def items() -> list[Item]:
    """In the papers' order. Raises msgspec.DecodeError on a file that is not a checklist."""
    return msgspec.toml.decode((PUBLISHED / CHECKLIST).read_bytes(), type=_File).items


def standing(board: Board) -> Sheet:
    """One row per item: of how many of its groups there are records, by dataset."""
    rows = []
    for item in items():
        if item.reason:
            state = f"cannot exist here: {item.reason}"
        else:
            state = "; ".join(_state(board, item, dataset) for dataset in item.datasets)
        rows.append([item.paper, plain(item.what), plain(item.says), state])
    return table(["paper", "what", "of", "here"], rows, left=4)


def _state(board: Board, item: Item, dataset: str) -> str:
    groups = [group for group in item.groups if group.dataset == dataset]
    entries = [board.get(dataset, group.method, group.variant) for group in groups]
    done = sum(entry is not None and bool(entry.ok) for entry in entries)
    words = "all" if done == len(groups) else f"{done} of {len(groups)}" if done else "none"
    return f"{plain(dataset)}: {words}"
