"""Where each row comes from: hashes, commit and command of its records."""

from collections.abc import Iterable

from reports.markup.document import Part, Section, slug
from reports.markup.table import Entry, Table, text_column
from reports.markup.text import NONE, code, plain
from reports.model.board import Board


def section(board: Board, dataset: str) -> Section | None:
    """None where the dataset has no numbers."""
    found = table(board, dataset)
    return Section("provenance", "Where the numbers come from", (), (Part(tables=(found,)),)) if found else None


def table(board: Board, dataset: str) -> Table | None:
    """One row per method and variant with numbers."""
    rows = []
    for e in board.of(dataset):
        if not e.ok:
            continue
        identities = [record.identity for record in e.ok]
        texts = [
            e.label,
            ", ".join(str(record.seed) for record in e.ok),
            _one(i.code for i in identities),
            _one(i.config for i in identities),
            _one(i.data[:12] for i in identities),
            _one(i.environment.get("commit", "") for i in identities),
            max(record.finished for record in e.ok).partition("T")[0] or NONE,
            _one(record.command for record in e.ok),
        ]
        rows.append(tuple(Entry(text=text) for text in texts))
    heads = ("method", "seeds", "code", "config", "data", "commit", "finished", "command")
    columns = tuple(text_column(head, head) for head in heads)
    return Table(slug("provenance", dataset), f"{plain(dataset)}: provenance", columns, tuple(rows)) if rows else None


def _one(values: Iterable[str]) -> str:
    """The value all records share; else how many there are and the first."""
    found = list(dict.fromkeys(filter(None, values)))
    if not found:
        return NONE
    return code(found[0]) + (f" and {len(found) - 1} more" if len(found) > 1 else "")
