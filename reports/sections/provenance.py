"""Where each row comes from: hashes, commit and command of its records."""

from collections.abc import Iterable

from reports.markup.markdown import NONE, Sheet, code, table
from reports.model.board import Board


def provenance(board: Board, dataset: str) -> Sheet | None:
    """One row per method and variant with numbers; None where the dataset has none."""
    rows = []
    for e in board.of(dataset):
        if not e.ok:
            continue
        identities = [record.identity for record in e.ok]
        rows.append(
            [
                e.label,
                ", ".join(str(record.seed) for record in e.ok),
                _one(i.code for i in identities),
                _one(i.config for i in identities),
                _one(i.data[:12] for i in identities),
                _one(i.environment.get("commit", "") for i in identities),
                max(record.finished for record in e.ok).partition("T")[0] or NONE,
                _one(record.command for record in e.ok),
            ]
        )
    head = ["method", "seeds", "code", "config", "data", "commit", "finished", "command"]
    return table(head, rows, left=len(head)) if rows else None


def _one(values: Iterable[str]) -> str:
    """The value all records share; else how many there are and the first."""
    found = list(dict.fromkeys(filter(None, values)))
    if not found:
        return NONE
    return code(found[0]) + (f" and {len(found) - 1} more" if len(found) > 1 else "")
