"""From a file that nobody has explained to what there is to see in it and a description to correct."""

from dataclasses import dataclass
from pathlib import Path

from datasets.base import BadData
from datasets.look.columns import Column, described
from datasets.look.findings import Line, findings
from datasets.look.roles import Proposal, propose
from datasets.look.sample import Sample, sample
from datasets.look.template import template
from datasets.tabular.opened import Opened, opened

FEW = 1000  # rows: with less, roles are guesses and a run says little


@dataclass(frozen=True)
class Looked:
    """What a look at a table finds."""

    lines: list[Line]  # what there is to see: what it is about, and what there is to say
    proposals: list[Proposal]
    toml: str  # the description, units and cap to be filled in


def look(place: Path, out: Path, label: str = "") -> Looked:
    """Look at the table at a place. out: where its description will be written; label: the column, where it is known.

    Raises NotAvailable and BadData.
    """
    table = opened(place)
    if label and label not in table.names:
        raise BadData(f"{place}: no column {label!r}; it has {', '.join(map(repr, table.names[:30]))}")
    rows = sample(table)
    columns = columns_of(table, rows)
    proposals = propose(list(columns.values()), label)
    lines = [("file", about(table)), *findings(rows, columns, proposals)]
    lines += [("", remark) for remark in remarks(rows)]
    lines += [("look at", f"{p.name}: {p.look}") for p in proposals if p.look]
    return Looked(lines, proposals, template(place, out, rows, columns, proposals, table.dialect))


def columns_of(table: Opened, rows: Sample) -> dict[str, Column]:
    """Every column of the rows that are looked at."""
    decimal = table.dialect.decimal if table.dialect else "."
    return {name: described(rows.block, name, decimal) for name in table.names}


def about(table: Opened) -> str:
    """The files in words."""
    paths, dialect = table.found.paths, table.dialect
    names = paths[0].name if len(paths) == 1 else f"{len(paths)} files, {paths[0].name} to {paths[-1].name}"
    kind = {"csv": "CSV", "parquet": "Parquet", "feather": "Feather"}[table.found.kind]
    if dialect is not None:
        kind += f", cut at {dialect.delimiter!r}, {'with' if dialect.header else 'WITHOUT'} a header"
        kind += f", decimal {dialect.decimal!r}" if dialect.decimal != "." else ""
        kind += f", {dialect.encoding}" if dialect.encoding != "utf-8" else ""
    over = table.found.passed_over
    passed = f"; passed over: {', '.join(over[:5])}{', ...' if len(over) > 5 else ''}" if over else ""
    return f"{names} ({kind}){passed}"


def remarks(rows: Sample) -> list[str]:
    """What the number of rows says."""
    return (
        [f"with so few rows ({rows.total:,}) the roles are guesses and a run says little"] if rows.total < FEW else []
    )
