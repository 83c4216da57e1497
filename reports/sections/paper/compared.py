"""A supplement's table of variants, and what stands below it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reports.evidence import learned
from reports.evidence.differences import Pair, told
from reports.evidence.printed.order import ordered
from reports.markup.document import slug
from reports.markup.table import Column, Entry, Table, by_columns, marked, text_column
from reports.markup.text import plain
from reports.model.board import Board, Result
from reports.model.metrics import METRICS
from reports.model.papers import Paper
from reports.model.rows import most, results, swept
from reports.model.summary import entry
from reports.model.supplements import CostColumn, InsideColumn, Supplement, SupplementRow
from reports.sections.paper import complexity
from reports.sections.paper.comparison import seeds, state


def comparison(board: Board, paper: Paper, dataset: str, supplement: Supplement, name: str) -> Table | None:
    """A row for each variant with its metrics, then what it tells of its inside and what it costs; None where too few
    have numbers."""
    asked = supplement.metrics or supplement.valid or supplement.inside or supplement.costs
    if supplement.rivals or supplement.parts or not asked:
        return None
    there = results(board, dataset, supplement)
    told_of = {row: result for row, result in there.items() if _tells(result, supplement)}
    if not most(len(told_of), supplement):
        return None
    rows = supplement.rows if supplement.metrics or supplement.valid or supplement.costs else list(told_of)
    shown = [there.get(row) for row in rows]
    columns = [
        (text_column("variant", plain(supplement.sweep) or "variant"), [Entry(text=plain(row.name)) for row in rows])
    ]
    if any(result and result.few for result in shown):
        columns.append((Column("seeds", "seeds", digits=0), [seeds(result) for result in shown]))
    if supplement.printed:
        columns.append((text_column("printed", supplement.printed), [Entry(text=plain(row.printed)) for row in rows]))
    for place, metric in enumerate(supplement.valid):
        head = METRICS[metric].column(board.unit(dataset), key=f"valid_{metric}")
        head = replace(head, label=f"{head.label} on validation rows")
        columns.append((head, marked(head, [_valid(result, metric, first=place == 0) for result in shown])))
    for place, metric in enumerate(supplement.metrics):
        head = METRICS[metric].column(board.unit(dataset))
        columns.append((head, marked(head, [_metric(result, metric, first=place == 0) for result in shown])))
    for inside in supplement.inside:
        head = Column(inside.key, inside.title, "%" * inside.percent, digits=None if inside.worst else inside.digits)
        columns.append((head, [_inside(result, inside) for result in shown]))
    for place, price in enumerate(supplement.costs):
        first = place == 0 and not supplement.metrics
        head = Column(price.key, price.title, digits=0 if price.key == "parameters" else None)
        columns.append((head, [_cost(result, price, first=first) for result in shown]))
        if price.times:
            columns.append(
                (Column(f"{price.key}_times", f"× {plain(price.times)}", digits=1), _times(there, rows, price))
            )
    if supplement.differs:
        texts = [_differs(board, row, result) for row, result in zip(rows, shown, strict=True)]
        columns.append((text_column("differs", "differs from the default in"), [Entry(text=text) for text in texts]))
    heads, entries = tuple(head for head, _ in columns), [entries for _, entries in columns]
    caption = f"{paper.key}, {supplement.title}, {name}"
    return Table(slug(paper.key, supplement.key, dataset), caption, heads, by_columns(entries))


def _tells(result: Result, supplement: Supplement) -> bool:
    """Whether the result has something for the supplement's columns."""
    if supplement.metrics or supplement.valid:
        return True
    inside = any(result.inside(column.key) for column in supplement.inside)
    return inside or any(result.cost(price.key) is not None for price in supplement.costs)


def _metric(result: Result | None, metric: str, *, first: bool) -> Entry:
    return result.entry(metric) if result else Entry(text=state(result) if first else "")


def _valid(result: Result | None, metric: str, *, first: bool) -> Entry:
    return entry(result.valid(metric)) if result else Entry(text=state(result) if first else "")


def _inside(result: Result | None, column: InsideColumn) -> Entry:
    if result is None or (summary := result.inside(column.key)) is None:
        return Entry()
    if column.worst:
        return Entry(max(value for r in result.ok if (value := r.inside.get(column.key)) is not None))
    scale = 100 if column.percent else 1
    std = None if summary.std is None else scale * summary.std
    return Entry(scale * summary.mean, std, summary.n, summary.of)


def _cost(result: Result | None, price: CostColumn, *, first: bool) -> Entry:
    if result is None:
        return Entry(text=state(result) if first else "")
    return Entry(result.cost(price.key))


def _times(there: Mapping[SupplementRow, Result], rows: Sequence[SupplementRow], price: CostColumn) -> list[Entry]:
    """Divides each row's cost by that of one row."""
    base = next((result.cost(price.key) for row, result in there.items() if row.name == price.times), None)
    values = [there[row].cost(price.key) if row in there else None for row in rows]
    return [Entry(None if value is None or not base else value / base) for value in values]


def _differs(board: Board, row: SupplementRow, result: Result | None) -> str:
    """The hyper-parameters, as the records hold them."""
    default = board.get(result.dataset, result.method) if result else None
    if result is None or default is None or not default.ok or row.variant == "default":
        return ""
    mine, usual = result.ok[0].config, default.ok[0].config
    return plain(", ".join(f"{key} {_text(mine[key])}" for key in mine if mine[key] != usual.get(key)))


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def below(board: Board, dataset: str, supplement: Supplement) -> Iterator[str]:
    """Sentences under the table: which rows differ beyond noise, whether a sweep leads anywhere, what costs are."""
    there = results(board, dataset, supplement)
    pairs = list(_pairs(there, supplement))
    yield from told(board, dataset, pairs, supplement.metrics)
    if supplement.sweep and (words := _trend(board, dataset, supplement)):
        yield words
    named = {row.name: result for row, result in there.items()}
    if supplement.metrics:
        yield from learned.lines(board, dataset, named)
    if supplement.printed:
        base = next((price.times for price in supplement.costs if price.times), "")
        yield from complexity.lines(named, base)
    for row in supplement.rows:
        result = board.get(dataset, row.method or supplement.method, row.variant)
        if supplement.metrics and result and result.remarks:
            yield f"{plain(row.name)}: {result.remarks}."


def _pairs(there: Mapping[SupplementRow, Result], supplement: Supplement) -> Iterator[Pair]:
    """Each row with the one that it is compared with, where both have numbers."""
    default = next((row for row in there if row.variant == "default" and not row.method), None)
    named = {row.name: row for row in there}
    explicit = any(row.against for row in supplement.rows)
    for row, result in there.items():
        other = named.get(row.against) if explicit else default
        if other is not None and other is not row:
            yield Pair(row.name, result, other.name, there[other])


def _trend(board: Board, dataset: str, supplement: Supplement) -> str:
    """Kendall's tau between the swept values and each metric."""
    values = {result: value for value, result in swept(board, dataset, supplement)}
    found = {metric: ordered(board, dataset, values, metric) for metric in supplement.metrics}
    texts = [f"{METRICS[metric].name} {one}" for metric, one in found.items() if one]
    sense = "Kendall's τ between {} and the metric (above 0: it rises) [95 % interval]: {}."
    return sense.format(plain(supplement.sweep), ", ".join(texts)) if texts else ""
