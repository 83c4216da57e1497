"""The noise of users and seeds: each row's interval, and its difference from the best."""

from reports.evidence.contest import Contest, contest, tied
from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import number, plain, signed
from reports.model.board import Board, Result
from reports.model.metrics import HEADLINE, METRICS, digits


def section(board: Board, dataset: str) -> Section | None:
    """None where nothing was resampled."""
    found = table(board.ranked, dataset)
    return Section("noise", "What the noise leaves open", (), (Part(tables=(found,)),)) if found else None


def table(board: Board, dataset: str) -> Table | None:
    """The headline metric of each result with its interval, and its difference from the best one's."""
    tested = contest(board, dataset, HEADLINE)
    if tested is None:
        return None
    places = digits(HEADLINE, board.unit(dataset))
    columns = (
        text_column("rank", f"# by {METRICS[HEADLINE].name}"),
        text_column("method", "method"),
        METRICS[HEADLINE].column(board.unit(dataset)),
        Column("interval", "95 % interval", digits=places),
        Column("gap", "less the best's", digits=places, signed=True),
        Column("gap_interval", "95 % interval of it", digits=places),
        Column("p", "p (Holm)"),
    )
    rows = tuple(_row(tested, result, places) for result in tested.results)
    return Table(slug("noise", dataset), f"{plain(dataset)}: what the noise leaves open", columns, rows)


def _row(tested: Contest, result: Result, places: int) -> tuple[Entry, ...]:
    mean = tested.mean(result)
    first = (
        Entry(tested.ranks(result)[0], text=tied(tested, result)),
        Entry(text=result.label),
        Entry(mean.value),
        Entry(text="[" + ", ".join(number(v, places) for v in mean.interval) + "]"),
    )
    if result is tested.best:
        return (*first, Entry(), Entry(), Entry())
    gap = tested.difference(result, tested.best)
    low, high = gap.interval
    p = tested.p[frozenset((result, tested.best))]
    return (
        *first,
        Entry(gap.value),
        Entry(text=f"[{signed(low, places)}, {signed(high, places)}]"),
        Entry(p, text=probability(p)),
    )


def probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else "1" if p > 0.9995 else f"{p:.3f}"
