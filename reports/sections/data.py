"""The data behind our numbers: what the records say of them, what was left out of the raw files, what is missing."""

from collections.abc import Iterator
from typing import Any

from reports.markup.document import Part, Section
from reports.markup.table import Column, Entry, Table, count, text_column
from reports.markup.text import code, number, plain
from reports.model.board import Board


def section(board: Board) -> Section | None:
    """None where there are no records."""
    if not board.datasets:
        return None
    about = ("A slice's numbers are the slice's: a difference to a paper's number also compares different rows.",)
    return Section(
        "data", "The data behind our numbers", about, (Part(tables=(table(board),), lines=tuple(mixed(board))),)
    )


def table(board: Board) -> Table:
    """One row per dataset: what its records say of its data."""
    columns = (
        text_column("dataset", "dataset"),
        text_column("data", "data"),
        Column("rows", "rows", digits=0),
        text_column("sizes", "train / valid / test"),
        Column("users", "users", digits=0),
        Column("items", "items", digits=0),
        text_column("label", "label mean / median / p99"),
        text_column("split", "split"),
        text_column("fingerprint", "fingerprint"),
    )
    rows = tuple(_row(board, dataset) for dataset in board.datasets)
    return Table("datasets", "The data behind our numbers", columns, rows)


def _row(board: Board, dataset: str) -> tuple[Entry, ...]:
    facts = board.facts(dataset)
    sizes, label = facts.get("split_sizes", {}), facts.get("label", {})
    unit = f" {plain(facts['unit'])}" if "unit" in facts else ""
    protocol: dict[str, Any] = next((r.protocol for r in board.records if r.dataset == dataset), {})
    return (
        Entry(text=plain(dataset)),
        Entry(text=plain(str(facts.get("slice", "")))),
        count(facts.get("rows")),
        Entry(text=" / ".join(number(sizes.get(part), 0) for part in ("train", "valid", "test"))),
        count(facts.get("users")),
        count(facts.get("items")),
        Entry(text=" / ".join(number(label.get(name), 2) for name in ("mean", "median", "p99")) + unit),
        Entry(text=plain(str(protocol.get("split", "")))),
        Entry(text=code(str(facts.get("fingerprint", ""))[:12])),
    )


def mixed(board: Board) -> Iterator[str]:
    """Datasets whose records do not all come from the same data."""
    for dataset in board.datasets:
        if len({record.identity.data for record in board.trusted(dataset)}) > 1:
            yield (
                f"The records of {plain(dataset)} come from more than one state of its data: do not compare its rows "
                "until they are run again."
            )


# --- what the raw files held


def left_out(board: Board) -> Section | None:
    """Counts what became of the raw rows; None where no record says."""
    found = raw_table(board)
    if found is None:
        return None
    about = (
        "Raw rows are those of the files at hand. Duplicates are rows that repeat another one's user, item and time; "
        "they are kept unless a reason names them. Censored customers are those whose last days the log does not "
        "reach.",
    )
    return Section("left-out", "What was left out of the files", about, (Part(tables=(found,)),))


def raw_table(board: Board) -> Table | None:
    """One row per dataset whose facts count what was read."""
    rows = []
    for dataset in board.datasets:
        facts = board.facts(dataset)
        if not {"rows_raw", "dropped", "duplicates", "censored"} & facts.keys():
            continue
        dropped = "; ".join(f"{plain(why)} {found:,}" for why, found in facts.get("dropped", {}).items() if found)
        rows.append(
            (
                Entry(text=plain(dataset)),
                count(facts.get("rows_raw")),
                count(facts.get("rows")),
                count(facts.get("duplicates")),
                count(facts.get("censored")),
                Entry(text=dropped),
            )
        )
    columns = (
        text_column("dataset", "dataset"),
        Column("rows_raw", "raw rows", digits=0),
        Column("rows", "rows", digits=0),
        Column("duplicates", "duplicates", digits=0),
        Column("censored", "censored", digits=0),
        text_column("dropped", "dropped, and why"),
    )
    return Table("left-out", "What was left out of the files", columns, tuple(rows)) if rows else None
