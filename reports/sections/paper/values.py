"""A paper's table of lifetime values in its own form, ours as columns beside, and the constants to be read before
it."""

from collections.abc import Iterator

from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, by_columns, marked, text_column
from reports.markup.text import number, plain
from reports.model.board import Board
from reports.model.calibrated import datasets
from reports.model.metrics import ERRORS, METRICS
from reports.model.papers import Paper, PaperTable
from reports.sections.paper.comparison import state


def section(board: Board, paper: Paper, printed: PaperTable) -> Section | None:
    """None where no lifetime-value dataset has a number. Numbers of different datasets do not compare."""
    found = table(board, paper, printed)
    if found is None:
        return None
    about = (" ".join(printed.about.split()), *constants(board))
    title = f"Table {printed.number}: {printed.caption}"
    return Section(f"table-{printed.number}", title, about, (Part(tables=(found,)),))


def table(board: Board, paper: Paper, printed: PaperTable) -> Table | None:
    """The paper's rows, then ours beyond it: the paper's columns as reported, and ours on what is there."""
    ours = datasets(board)
    if not ours:
        return None
    names = {row.method: row.name for row in printed.rows}
    methods = [*names, *(m for m in printed.beyond if any(board.get(d, m) for d in ours))]
    titles = {m: names.get(m) or next(e.title for d in ours if (e := board.get(d, m))) for m in methods}
    columns, cells = [text_column("method", "method")], [[Entry(text=plain(titles[m])) for m in methods]]
    for column in printed.columns:
        for metric in printed.metrics:
            theirs = [printed.printed(row, column)[metric] for row in printed.rows]
            title = f"{column}, paper: {_label(metric)}"
            columns.append(Column(slug(column, metric), title, better=METRICS[metric].better))
            entries = [Entry(their.value, text=their.text) for their in theirs]
            cells.append([*entries, *[Entry()] * (len(methods) - len(theirs))])
    for dataset in ours:
        for metric in printed.metrics:
            digits = 3 if metric in ERRORS else 4
            title = f"{plain(dataset)}, ours: {_label(metric)}"
            head = Column(slug(dataset, metric), title, better=METRICS[metric].better, digits=digits)
            results = [board.get(dataset, m) for m in methods]
            found = [e.entry(metric) if e and e.ok else Entry(text=state(e)) for e in results]
            columns.append(head)
            cells.append(marked(head, found))
    caption = f"{paper.key}, Table {printed.number}: lifetime value"
    return Table(slug(paper.key, printed.number), caption, tuple(columns), by_columns(cells))


def _label(metric: str) -> str:
    return "Spearman's ρ" if metric == "spearman" else METRICS[metric].name


def constants(board: Board) -> Iterator[str]:
    """Says what predictors that see no feature reach: to be read before the table."""
    for dataset in datasets(board):
        unit = plain(board.unit(dataset))
        found = [e for e in board.of(dataset) if e.ok and e.flat]
        found.sort(key=lambda e: (e.mean("mae") or 0.0, e.title))
        told = ", ".join(f"{e.name} {number(e.mean('mae'), 3)}" for e in found)
        least = min((m for e in found if (m := e.mean("mae")) is not None), default=None)
        learned = [e for e in board.of(dataset) if e.gradient and (e.mean("mae") is not None)]
        if least is None or not learned:
            continue
        below = [e for e in learned if (e.mean("mae") or 0.0) < least]
        share = board.facts(dataset).get("positive")
        positives = f", {100 * share:.1f} % of its labels are above 0" if isinstance(share, float) else ""
        who = "none" if not below else f"only {len(below)} ({', '.join(e.label for e in below)})"
        yield (
            f"**{plain(dataset)}**{positives}: MAE of {told} {unit}. "
            f"Trained rows below the best of these constants: {who} of {len(learned)}."
        )
