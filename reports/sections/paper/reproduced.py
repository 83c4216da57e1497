"""Counts a paper's numbers that were reproduced, table by table."""

from collections import Counter

from reports.evidence.printed.order import orders, told
from reports.evidence.printed.verdict import WORDS, of_column
from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import plain
from reports.model.board import Board
from reports.model.papers import Paper, PaperTable

ABOUT = (
    "Each number of the paper's tables that has one of ours beside it. On the paper's own rows (its count to 1 %), "
    "under its protocol as far as it is known: within noise, if the difference is less than two numbers with our "
    "standard error (over users and seeds) each would show, at 95 %; else ours is better or worse.",
    "On other rows under the same protocol: the number agrees on another sample, if our 95 % interval covers it; size "
    "could explain it, if the paper has more rows and the better number, or fewer and the worse; else it lies beyond "
    "what size explains, as one does that is better than endless rows are predicted to make it: XAUC as the means of "
    "users and items allow (on the page of the ceiling), and the errors that go with it. What more rows could teach of "
    "how a user and an item go together is not in that prediction, and the paper's own noise, which it does not print, "
    "in none of the three; other rows may be of other users and items, too. Not comparable: another protocol or other "
    "data, a number that other papers print too, or one seed of ours.",
    "τ is Kendall's, of the order of our rows with the paper's: 1 the same, 0 unrelated, -1 reversed. Where its "
    "interval reaches 1 and lies above 0 the order agrees, where it does neither the order differs; in part: above 0, "
    "but not to 1; open: to 1, but also to 0.",
)


def section(board: Board, paper: Paper) -> Section | None:
    """None where no number of the paper has one of ours beside it."""
    found = table(board, paper)
    return Section("reproduced", "Reproduced or not", ABOUT, (Part(tables=(found,)),)) if found else None


def table(board: Board, paper: Paper) -> Table | None:
    """One row for each table and dataset that has numbers here: how many were reproduced, and its order."""
    rows = [
        row
        for printed in paper.tables
        for column in printed.columns
        if (row := _counted(board, paper, printed, column))
    ]
    columns = (
        text_column("table", "table"),
        text_column("data", "data"),
        Column("numbers", "numbers", digits=0),
        *(Column(slug(word), word, digits=0) for word in WORDS),
        text_column("why", "because of"),
        text_column("order", "τ of the rows' order [95 % interval]"),
    )
    name = slug("reproduced", paper.key)
    return Table(name, f"{paper.key}: reproduced or not", columns, tuple(rows)) if rows else None


def _counted(board: Board, paper: Paper, printed: PaperTable, column: str) -> tuple[Entry, ...] | None:
    found = list(of_column(board, paper, printed, column))
    if not found:
        return None
    counts, why = Counter(one.word for one in found), Counter(reason for one in found for reason in one.why)
    return (
        Entry(text=f"Table {printed.number}"),
        Entry(text=plain(column)),
        Entry(len(found)),
        *(Entry(counts[word]) for word in WORDS),
        Entry(text=", ".join(why)),
        Entry(text=told(orders(board, paper, printed, column))),
    )
