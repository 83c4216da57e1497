"""What stands under a table of variants: whether the paper's order holds, what exceeds noise, what a batch costs."""

from collections import Counter
from collections.abc import Iterator, Mapping

from reports.evidence.differences import Pair, pairwise, told
from reports.markup.markdown import plain
from reports.model.board import Board, Entry
from reports.model.cost import PER_BATCH, per_batch, shares
from reports.model.metrics import METRICS
from reports.model.papers import Paper, Row, Table
from reports.sections.paper.comparison import with_numbers


def lines(board: Board, paper: Paper, printed: Table, column: str) -> Iterator[str]:
    """Markdown, a line each."""
    source = paper.source(column)
    assert source is not None, f"{paper.key} describes no dataset {column!r}"
    there = with_numbers(board, source.ours, printed)
    yield from _order(board, source.ours, printed, column, there)
    base = reference(printed).name
    if base in there:
        pairs = [Pair(name, entry, base, there[base]) for name, entry in there.items() if name != base]
        yield from told(board, source.ours, pairs, printed.metrics)
    if set(PER_BATCH) & set(printed.metrics):
        yield from _costs(printed, column, there)
    yield from map(plain, printed.notes)


def reference(printed: Table) -> Row:
    """The row that the others are compared with: the default of the method that most rows are of, else the first."""
    method = Counter(row.method for row in printed.rows).most_common(1)[0][0]
    defaults = (row for row in printed.rows if (row.method, row.variant) == (method, "default"))
    return next(defaults, printed.rows[0])


def _order(board: Board, dataset: str, printed: Table, column: str, there: Mapping[str, Entry]) -> Iterator[str]:
    """Whether every two rows are in the paper's order."""
    texts = []
    for metric in printed.metrics:
        theirs = {there[r.name]: t.value for r in printed.rows if r.name in there
                  if (t := printed.printed(r, column).get(metric))}  # fmt: skip
        if metric in METRICS and (words := pairwise(board, dataset, theirs, metric)):
            texts.append(f"{METRICS[metric].title.split()[0]} {words}")
    if texts:
        yield f"The paper's order, pair by pair and beyond noise (Holm over the pairs): {'; '.join(texts)}."


def _costs(printed: Table, column: str, there: Mapping[str, Entry]) -> Iterator[str]:
    """How many times what the first row costs the reference does, here and there."""
    base, first = reference(printed), printed.rows[0]
    for metric in PER_BATCH:
        ours, theirs = [], []
        for row in (base, first):
            entry, their = there.get(row.name), printed.printed(row, column).get(metric)
            ours.append(per_batch(entry, metric) if entry else None)
            theirs.append(their.value if their else None)
        if base != first and ours[0] and ours[1] and theirs[0] and theirs[1]:
            yield (
                f"A batch in {'training' if metric.startswith('train') else 'prediction'}: {plain(base.name)} takes "
                f"{ours[0] / ours[1]:.1f} times as long as {plain(first.name)} here, in the paper "
                f"{theirs[0] / theirs[1]:.1f} times."
            )
    if sentence := shares(list(there.values())):
        yield sentence
