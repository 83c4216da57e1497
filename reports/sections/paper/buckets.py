"""A paper's table of one method by duration bucket, turned round: a table per metric, a row per method."""

from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, by_columns, marked, text_column
from reports.markup.text import plain
from reports.model.board import Board
from reports.model.metrics import METRICS
from reports.model.papers import Paper, PaperTable
from reports.model.rows import why_missing


def section(board: Board, paper: Paper, printed: PaperTable) -> Section | None:
    """A part for each of its datasets; None where none has numbers."""
    parts = tuple(_part(board, paper, printed, column) for column in printed.columns)
    if not any(part.tables for part in parts):
        return None
    about = (" ".join(printed.about.split()),)
    return Section(f"table-{printed.number}", f"Table {printed.number}: {printed.caption}", about, parts)


def _part(board: Board, paper: Paper, printed: PaperTable, column: str) -> Part:
    source = paper.source(column)
    assert source is not None, f"{paper.key} describes no dataset {column!r}"
    if not board.has(source.ours):
        return Part(plain(column), missing=why_missing(board, source.ours, source.reason))
    tables = tuple(table(board, paper, printed, column, metric) for metric in printed.metrics)
    return Part(plain(column), about=edges(board, source.ours), tables=tables)


def table(board: Board, paper: Paper, printed: PaperTable, column: str, metric: str) -> Table:
    """A row per method, a column per duration bucket, the paper's row last."""
    source = paper.source(column)
    dataset = source.ours if source else ""
    methods = [*(row.method for row in paper.table(printed.rows_of).rows), *printed.beyond]
    results = [e for method in methods if (e := board.numbers(dataset, method))]
    head = METRICS[metric].column(board.unit(dataset))
    columns = [text_column("method", METRICS[metric].title)]
    cells = [[*(Entry(text=e.label) for e in results), Entry(text=f"{paper.key} as printed")]]
    for row in printed.rows:
        columns.append(Column(f"bucket_{row.name}", f"bucket {row.name}", digits=head.digits))
        their = printed.printed(row, column).get(metric)
        ours = marked(head, [e.entry(metric, row.slice) for e in results])
        cells.append([*ours, Entry(their.value, text=their.text) if their else Entry()])
    caption = f"{plain(column)}: {METRICS[metric].name} by duration bucket"
    return Table(slug(paper.key, printed.number, column, metric), caption, tuple(columns), by_columns(cells))


def edges(board: Board, dataset: str) -> str:
    """The duration buckets in words, from the facts; empty where they do not say."""
    found = board.facts(dataset).get("bucket_edges")
    return f"Bucket edges: {', '.join(f'{edge:g}' for edge in found)} s." if found else ""
