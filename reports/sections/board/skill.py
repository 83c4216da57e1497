"""Every metric of every row on one scale, from a constant (0) to the best (1)."""

from reports.evidence.contest import Contest, tied
from reports.evidence.skill import Scale, scales
from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import number, plain
from reports.model.board import Board, Result
from reports.model.metrics import METRICS, digits
from reports.sections.board.leaderboard import contests


def section(board: Board, dataset: str) -> Section | None:
    """None where no metric has both ends."""
    ranked = board.ranked
    found = [scale for scale in scales(ranked, dataset) if not scale.flat]
    if not found:
        return None
    unit = ranked.unit(dataset)
    ends = [
        f"{METRICS[s.metric].name} has no scale, for {s.floor} is the best"
        if s.flat
        else f"{METRICS[s.metric].name} {s.floor} {number(s.zero, digits(s.metric, unit))} to "
        f"{s.top} {number(s.one, digits(s.metric, unit))}"
        for s in scales(ranked, dataset)
    ]
    about = (f"Skill 0 and 1 are: {'; '.join(ends)}. In brackets the places that noise leaves open.",)
    return Section(
        "skill", "Skill, from a constant (0) to the best (1)", about, (Part(tables=(table(ranked, dataset),)),)
    )


def table(board: Board, dataset: str) -> Table:
    """Each metric of each result as its place between both ends, with its tied group in that metric."""
    found = [scale for scale in scales(board, dataset) if not scale.flat]
    tested = dict(contests(board, dataset))
    shown = sorted((e for e in board.of(dataset) if e.ok), key=lambda e: _first(e, found[0]))
    rows = tuple((Entry(text=e.label), *(_entry(e, scale, tested.get(scale.metric)) for scale in found)) for e in shown)
    columns = [Column(scale.metric, METRICS[scale.metric].name, digits=2) for scale in found]
    name = f"{plain(dataset)}: skill, from a constant (0) to the best (1)"
    return Table(slug("skill", dataset), name, (text_column("method", "method"), *columns), rows)


def _first(result: Result, scale: Scale) -> tuple[float, str, str]:
    value = result.mean(scale.metric)
    return (float("inf") if value is None else -scale.skill(value), result.method, result.variant)


def _entry(result: Result, scale: Scale, tested: Contest | None) -> Entry:
    summary = result.metric(scale.metric)
    if summary is None:
        return Entry()
    place = tied(tested, result) if tested and result in tested.places else ""
    return Entry(round(scale.skill(summary.mean), 2) + 0.0, n=summary.n, of=summary.of, tie=place)
