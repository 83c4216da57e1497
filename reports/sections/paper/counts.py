"""A paper's table of its datasets' sizes, with those of the data behind our records."""

from reports.markup.document import Part, Section, slug
from reports.markup.table import Entry, Table, text_column
from reports.markup.text import NONE, plain
from reports.model.board import Board
from reports.model.papers import Paper, PaperTable

_TITLES = {"users": "users", "items": "videos", "rows": "interactions", "buckets": "duration buckets"}


def section(board: Board, paper: Paper, printed: PaperTable) -> Section | None:
    """None where none of its datasets has records."""
    if not any(board.has(source.ours) for source in paper.datasets if source.ours):
        return None
    part = Part(tables=(table(board, paper, printed),))
    return Section(f"table-{printed.number}", f"Table {printed.number}: {printed.caption}", (), (part,))


def table(board: Board, paper: Paper, printed: PaperTable) -> Table:
    """The paper's count / ours, a row for each dataset of the paper."""
    rows = []
    for row in printed.rows:
        source = paper.source(row.name)
        theirs, facts = printed.printed(row, ""), board.facts(source.ours if source else "")
        ours = {**facts, "buckets": len(facts["bucket_edges"]) + 1 if "bucket_edges" in facts else None}
        cells = [f"{theirs[m].text} / {_count(ours.get(m))}" for m in printed.metrics]
        about = plain(str(facts.get("slice", ""))) if facts else f"not run: {plain(source.reason)}" if source else ""
        rows.append(tuple(Entry(text=text) for text in (row.name, *cells, about)))
    columns = (
        text_column("dataset", "paper / ours"),
        *(text_column(metric, _TITLES[metric]) for metric in printed.metrics),
        text_column("data", "our data"),
    )
    caption = f"{paper.key}, Table {printed.number}: {printed.caption}"
    return Table(slug(paper.key, printed.number), caption, columns, tuple(rows))


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else NONE
