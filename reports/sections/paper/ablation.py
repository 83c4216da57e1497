"""Sentences under a table of variants: whether the paper's order holds, what exceeds noise, what a batch costs."""

from collections import Counter
from collections.abc import Iterator, Mapping

from reports.evidence.differences import Pair, pairwise, told
from reports.markup.text import plain
from reports.model.board import Board, Result
from reports.model.cost import PER_BATCH, shares
from reports.model.metrics import METRICS
from reports.model.papers import Paper, PaperRow, PaperTable


def lines(board: Board, paper: Paper, printed: PaperTable, column: str) -> Iterator[str]:
    """Markdown, a line each."""
    source = paper.source(column)
    assert source is not None, f"{paper.key} describes no dataset {column!r}"
    rows = {row.name: board.numbers(source.ours, row.method, row.variant) for row in printed.rows}
    found = {name: result for name, result in rows.items() if result}
    yield from _order(board, source.ours, printed, column, found)
    base = reference(printed).name
    if base in found:
        pairs = [Pair(name, result, base, found[base]) for name, result in found.items() if name != base]
        yield from told(board, source.ours, pairs, printed.metrics)
    if set(PER_BATCH) & set(printed.metrics):
        yield from filter(None, [shares(list(found.values()))])
    yield from map(plain, printed.notes)


def reference(printed: PaperTable) -> PaperRow:
    """The row that the others are compared with: the default of the method that most rows are of, else the first."""
    method = Counter(row.method for row in printed.rows).most_common(1)[0][0]
    defaults = (row for row in printed.rows if (row.method, row.variant) == (method, "default"))
    return next(defaults, printed.rows[0])


def _order(board: Board, dataset: str, printed: PaperTable, column: str, there: Mapping[str, Result]) -> Iterator[str]:
    """Whether every two rows are in the paper's order."""
    texts = []
    for metric in printed.metrics:
        theirs = {there[r.name]: t.value for r in printed.rows if r.name in there
                  if (t := printed.printed(r, column).get(metric))}  # fmt: skip
        if metric in METRICS and (words := pairwise(board, dataset, theirs, metric)):
            texts.append(f"{METRICS[metric].name} {words}")
    if texts:
        yield f"The paper's order, pair by pair and beyond noise (Holm over the pairs): {'; '.join(texts)}."


def there(board: Board, paper: Paper, printed: PaperTable) -> Iterator[str]:
    """The columns of a table of variants for which some row other than its method's default has a number."""
    plain_rows = all(row.variant == "default" for row in printed.rows)
    for column in printed.shown:
        source = paper.source(column)
        rows = [row for row in printed.rows if row.variant != "default" or plain_rows]
        if source and any(board.numbers(source.ours, row.method, row.variant) for row in rows):
            yield column
