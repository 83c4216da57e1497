"""Where each table and figure of a paper stands: its records are here, some are, none is, or it is impossible here."""

from reports.markup.document import Part, Section, slug
from reports.markup.table import Entry, Table, text_column
from reports.markup.text import plain
from reports.model.board import Board
from reports.model.papers import Item, Paper, items

ABOUT = (
    "Of how many of the groups of cells behind it there are records here; `python -m benchmark plan --suite full` "
    "lists the cells.",
)


def section(board: Board, paper: Paper) -> Section | None:
    """Every table and figure of the paper."""
    found = table(board, paper)
    return Section("checklist", "Every table and figure", ABOUT, (Part(tables=(found,)),)) if found.rows else None


def table(board: Board, paper: Paper) -> Table:
    """One row per item: of how many of its groups there are records, by dataset."""
    rows = []
    for item in items():
        if item.paper != paper.key:
            continue
        if item.reason:
            state = f"cannot exist here: {plain(item.reason)}"
        else:
            state = "; ".join(_state(board, item, dataset) for dataset in item.datasets)
        rows.append((Entry(text=plain(item.what)), Entry(text=plain(item.says)), Entry(text=state)))
    columns = (text_column("what", "what"), text_column("of", "of"), text_column("here", "here"))
    return Table(slug("checklist", paper.key), f"{paper.key}: every table and figure", columns, tuple(rows))


def _state(board: Board, item: Item, dataset: str) -> str:
    groups = [group for group in item.groups if group.dataset == dataset]
    done = sum(board.numbers(dataset, group.method, group.variant) is not None for group in groups)
    told = "all" if done == len(groups) else f"{done} of {len(groups)}" if done else "none"
    return f"{plain(dataset)}: {told}"
