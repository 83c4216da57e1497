"""A study's table of variants, and what stands below it."""

from collections.abc import Iterator, Mapping

from reports.evidence import learned
from reports.evidence.differences import Pair, told
from reports.evidence.reproduced import ordered
from reports.evidence.stats import best_two
from reports.markup.markdown import NONE, Sheet, marked, number, plain, short, table
from reports.model.board import Board, Entry
from reports.model.metrics import METRICS, digits
from reports.model.studies import Number, Price, Row, Study, entries, most, swept
from reports.model.summary import plus_minus
from reports.sections.paper import complexity
from reports.sections.paper.comparison import seeds, state


def comparison(board: Board, dataset: str, study: Study) -> Sheet | None:
    """A row for each variant with its metrics, then what it tells of its inside and what it costs; None where too few
    have numbers."""
    if study.rivals or not (study.metrics or study.inside or study.costs):
        return None
    there = entries(board, dataset, study)
    told_of = {row: entry for row, entry in there.items() if _tells(entry, study)}
    if not most(len(told_of), study):
        return None
    rows = study.rows if study.metrics or study.costs else list(told_of)
    shown = [there.get(row) for row in rows]
    head = [study.sweep or "variant"]
    columns = [[plain(row.name) for row in rows]]
    if any(entry and entry.few for entry in shown):
        head.append("seeds")
        columns.append([seeds(entry) for entry in shown])
    if study.printed:
        head.append(study.printed)
        columns.append([plain(row.printed) or NONE for row in rows])
    unit = str(board.facts(dataset).get("unit", "s"))
    for place, metric in enumerate(study.metrics):
        head.append(METRICS[metric].title)
        columns.append(_metric(shown, metric, unit, first=place == 0))
    for column in study.inside:
        head.append(column.title)
        columns.append([_inside(entry, column) for entry in shown])
    for place, price in enumerate(study.costs):
        head.append(price.title)
        columns.append([_cost(entry, price, first=place == 0 and not study.metrics) for entry in shown])
        if price.times:
            head.append(f"× {plain(price.times)}")
            columns.append(_times(there, rows, price))
    if study.differs:
        head.append("differs from the default in")
        columns.append([_differs(board, row, entry) for row, entry in zip(rows, shown, strict=True)])
    return table(head, [list(row) for row in zip(*columns, strict=True)], last=int(study.differs))


def _tells(entry: Entry, study: Study) -> bool:
    """Whether the entry has something for the study's columns."""
    if study.metrics:
        return True
    inside = any(entry.inside(column.key) for column in study.inside)
    return inside or any(entry.cost(price.key) is not None for price in study.costs)


def _metric(shown: list[Entry | None], metric: str, unit: str, *, first: bool) -> list[str]:
    """A column, best bold, second underlined."""
    means, places = [e.mean(metric) if e else None for e in shown], digits(metric, unit)
    best, second = best_two(means, low=bool(METRICS[metric].low), digits=places)
    texts = [plus_minus(e.metric(metric), places) if e else state(e) if first else NONE for e in shown]
    return [marked(text, i, best, second) for i, text in enumerate(texts)]


def _inside(entry: Entry | None, column: Number) -> str:
    if entry is None or (summary := entry.inside(column.key)) is None:
        return NONE
    if column.worst:
        return short(max(value for r in entry.ok if (value := r.inside.get(column.key)) is not None))
    scale = 100 if column.percent else 1
    text = number(scale * summary.mean, column.digits)
    spread = f" ± {scale * summary.std:.{column.digits}f}" if summary.std is not None and summary.n > 1 else ""
    return text + spread + " %" * column.percent


def _cost(entry: Entry | None, price: Price, *, first: bool) -> str:
    if entry is None:
        return state(entry) if first else NONE
    value = entry.cost(price.key)
    return number(value, 0) if price.key == "parameters" else short(value)


def _times(there: Mapping[Row, Entry], rows: list[Row], price: Price) -> list[str]:
    """How many times what one row costs each does."""
    base = next((entry.cost(price.key) for row, entry in there.items() if row.name == price.times), None)
    values = [there[row].cost(price.key) if row in there else None for row in rows]
    return [NONE if value is None or not base else number(value / base, 1) for value in values]


def _differs(board: Board, row: Row, entry: Entry | None) -> str:
    """The hyper-parameters, as the records hold them."""
    default = board.get(entry.dataset, entry.method) if entry else None
    if entry is None or default is None or not default.ok or row.variant == "default":
        return NONE
    mine, usual = entry.ok[0].config, default.ok[0].config
    return plain(", ".join(f"{key} {_text(mine[key])}" for key in mine if mine[key] != usual.get(key))) or NONE


def _text(value: object) -> str:
    return (
        " ".join(map(str, value))
        if isinstance(value, list)
        else f"{value:g}"
        if isinstance(value, float)
        else f"{value}"
    )


def below(board: Board, dataset: str, study: Study) -> Iterator[str]:
    """What stands under the table: which rows differ beyond noise, whether a sweep leads anywhere, what costs are."""
    there = entries(board, dataset, study)
    pairs = list(_pairs(there, study))
    yield from told(board, dataset, pairs, study.metrics)
    if study.sweep and (words := _trend(board, dataset, study)):
        yield words
    named = {row.name: entry for row, entry in there.items()}
    if study.metrics:
        yield from learned.lines(board, dataset, named)
    if study.printed:
        base = next((price.times for price in study.costs if price.times), "")
        yield from complexity.lines(named, base)
    for row in study.rows:
        entry = board.get(dataset, row.method or study.method, row.variant)
        if study.metrics and entry and entry.remarks:
            yield f"{plain(row.name)}: {entry.remarks}."


def _pairs(there: Mapping[Row, Entry], study: Study) -> Iterator[Pair]:
    """Each row with the one that it is compared with, where both have numbers."""
    default = next((row for row in there if row.variant == "default" and not row.method), None)
    named = {row.name: row for row in there}
    explicit = any(row.against for row in study.rows)
    for row, entry in there.items():
        other = named.get(row.against) if explicit else default
        if other is not None and other is not row:
            yield Pair(row.name, entry, other.name, there[other])


def _trend(board: Board, dataset: str, study: Study) -> str:
    """Kendall's tau between the swept values and each metric."""
    values = {entry: value for value, entry in swept(board, dataset, study)}
    found = {metric: ordered(board, dataset, values, metric) for metric in study.metrics}
    texts = [f"{METRICS[metric].title.split()[0]} {one}" for metric, one in found.items() if one]
    sense = "Kendall's τ between {} and the metric (above 0: it rises) [95 % interval]: {}."
    return sense.format(plain(study.sweep), ", ".join(texts)) if texts else ""
