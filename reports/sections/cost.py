"""The cost of the numbers, and the machines that made them."""

from collections import Counter

from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import plain
from reports.model.board import Board
from reports.model.cost import together
from reports.plots import pareto

ABOUT = (
    "Means over seeds. A group's seeds train together, so its time is shared; peak memory is the whole group's. Times "
    "are by the clock, of runs on different days with other work beside them: trust no ratio below two. In the "
    "figures a line joins the methods that nothing cheaper beats, their names in bold.",
)


def section(board: Board) -> Section | None:
    """A part for each dataset with costs; every variant has a row, the figures show what leaderboards rank."""
    parts = []
    for dataset in board.datasets:
        if found := table(board, dataset):
            pictures = pareto.pictures(board.ranked, dataset)
            parts.append(Part(plain(dataset), tables=(found,), pictures=pictures))
    return Section("cost", "Cost", ABOUT, tuple(parts)) if parts else None


def where(board: Board) -> Section | None:
    """The environments behind the numbers."""
    lines = tuple(environments(board))
    return Section("environments", "Environments", (), (Part(lines=lines),), listed=True) if lines else None


def table(board: Board, dataset: str) -> Table | None:
    """One row per method and variant: means over its seeds; None where no record has a cost."""
    rows = []
    for e in board.untuned.of(dataset):
        if not any(record.cost for record in e.ok):
            continue
        devices = sorted({r.cost.device for r in e.ok if r.cost})
        parameters = e.cost("parameters")
        rows.append(
            (
                Entry(text=e.label),
                Entry(e.cost("seconds")),
                Entry(e.cost("train_rows_per_second")),
                Entry(parameters or None),
                Entry(e.cost("peak_memory_mb")),
                Entry(e.cost("predict_seconds_per_million_rows")),
                Entry(text=together(e)),
                Entry(text=plain(", ".join(devices))),
            )
        )
    columns = (
        text_column("method", "method"),
        Column("seconds", "s per seed"),
        Column("train_rows_per_second", "training rows/s"),
        Column("parameters", "parameters", digits=0),
        Column("peak_memory_mb", "peak MB"),
        Column("predict_seconds_per_million_rows", "prediction s per 10⁶ rows"),
        text_column("replicas", "replicas together"),
        text_column("device", "device"),
    )
    return Table(slug("cost", dataset), f"{plain(dataset)}: cost", columns, tuple(rows)) if rows else None


def environments(board: Board) -> list[str]:
    """Each environment behind the numbers, with its number of records; the commonest first."""
    found = Counter(
        ", ".join(f"{name} {value}" for name, value in sorted(record.identity.environment.items()) if value)
        for dataset in board.datasets
        for record in board.trusted(dataset)
    )
    return [
        f"{count} record{'s' if count > 1 else ''}: {plain(text) or 'not said'}"
        for text, count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]
