"""The boards, a row each: how many rows, who is best, and where the papers' methods stand."""

from collections.abc import Iterator

from reports.evidence.contest import contest
from reports.evidence.estimand import OWN, like
from reports.evidence.field import PANELS, Field, field
from reports.evidence.overview import Leader, Overview, overviews
from reports.markup.document import Part, Section
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import NONE, number, plain
from reports.model.board import Board
from reports.model.metrics import ERRORS, METRICS, digits
from reports.model.papers import papers
from reports.sections.board import label
from reports.sections.board.matched import ordered

ABOUT = (
    "In brackets behind the rows: the share of the official files' rows that were read. Behind a best row: how many "
    "others noise leaves level with it, ? where its noise is unknown; among rows that estimate the same, of how many. "
    "A place is what noise leaves open; –: none, for want of a number or of seeds.",
)


def section(board: Board) -> Section | None:
    """None where no board has a number."""
    found, there = overviews(board), field(board)
    if not found:
        return None
    keys = [key for key in papers() if any(key in one.places for one in found)]
    alike = matched(there)
    tables = (best(there, found), *([alike] if alike else []), standing(there, found, keys))
    return Section("boards", "The boards, one row each", ABOUT, (Part(tables=tables, lines=tuple(_leads(there))),))


def _leads(there: Field) -> Iterator[str]:
    """Which board leads rows with several labels, and what the others can and cannot show."""
    for dataset in there.datasets:
        if leader := there.leader(dataset):
            shows = label.told(there.board, dataset)
            yield f"The headline of {plain(dataset)}'s rows is {plain(leader)}.{f' {shows}' if shows else ''}"


def best(there: Field, found: list[Overview]) -> Table:
    """The best row by each error and by ranking."""
    ranking = sorted({METRICS[one.leaders[PANELS[2]].metric].name for one in found if PANELS[2] in one.leaders})
    columns = (
        text_column("dataset", "board"),
        *(text_column(f"best_{panel.lower()}", f"least {panel}") for panel in PANELS[:2]),
        text_column("best_ranking", f"best {' or '.join(ranking) or PANELS[2]}"),
    )
    rows = tuple(
        (
            Entry(text=plain(one.dataset)),
            *(_leader(there, one, one.leaders.get(panel)) for panel in PANELS),
        )
        for one in found
    )
    return Table("boards-best", "Who is best", columns, rows)


def matched(there: Field) -> Table | None:
    """Who is first among rows that estimate the same, by the error that these have least of; None where no board has
    two rows of a kind."""
    found = {d: [_first(there, d, kind) for kind in OWN] for d in there.datasets}
    if not any(text for texts in found.values() for text in texts):
        return None
    columns = (
        text_column("dataset", "board"),
        *(text_column(kind, f"least {METRICS[own].name} of those that estimate a {kind}") for kind, own in OWN.items()),
    )
    rows = tuple((Entry(text=plain(d)), *(Entry(text=text) for text in texts)) for d, texts in found.items())
    return Table("boards-like", "Like with like: who is best among rows that estimate the same", columns, rows)


def _first(there: Field, dataset: str, kind: str) -> str:
    """ "A 20.042 (+1 of 5)": the best mean, and how many of how many rows noise leaves level with it."""
    alike, metric = like(there.board, kind), OWN[kind]
    found = [e for e in ordered(alike, dataset, metric) if not e.oracle]
    if len(found) < 2:
        return ""
    tested = contest(alike, dataset, metric)
    first = sum(tested.ranks(e)[0] == 1 for e in tested.results) - 1 if tested and found[0] in tested.places else None
    value = number(found[0].mean(metric), digits(metric, there.board.unit(dataset)))
    return f"{found[0].label} {value} ({'?' if first is None else f'+{first}'} of {len(found) - 1})"


def _leader(there: Field, one: Overview, leader: Leader | None) -> Entry:
    if leader is None:
        return Entry()
    value = number(leader.value, digits(leader.metric, there.board.unit(one.dataset)))
    level = " (?)" if leader.level is None else f" (+{leader.level})" * (leader.level > 0)
    return Entry(text=f"{leader.result.label} {value}{level}")


def _constant(there: Field, one: Overview, metric: str) -> str:
    return number(one.constants.get(metric), digits(metric, there.board.unit(one.dataset)))


def standing(there: Field, found: list[Overview], keys: list[str]) -> Table:
    """The best label-only constant, and the places of each paper's method, of how many rows."""
    columns = (
        text_column("dataset", "board"),
        Column("rows", "rows", digits=0),
        text_column("constant", "constants: MAE / RMSE"),
        Column("ranked", "of", digits=0),
        *(text_column(f"{key.lower()}_{panel.lower()}", f"{key}, {panel}") for key in keys for panel in PANELS),
    )
    rows = tuple(
        (
            Entry(text=plain(one.dataset)),
            Entry(one.rows, note="" if one.share is None else f"{100 * one.share:.3g} %"),
            Entry(
                text=f"{' / '.join(_constant(there, one, m) for m in ERRORS)} {plain(there.board.unit(one.dataset))}"
            ),
            Entry(one.ranked),
            *(Entry(text=_place(one, key, panel)) for key in keys for panel in PANELS),
        )
        for one in found
    )
    return Table(
        "boards-places",
        "How many rows, the best label-only constants, and the places of the papers' methods",
        columns,
        rows,
    )


def _place(one: Overview, key: str, panel: str) -> str:
    """ "2–4" """
    where = one.places.get(key, {}).get(panel)
    return NONE if where is None else "–".join(map(str, dict.fromkeys(where)))
