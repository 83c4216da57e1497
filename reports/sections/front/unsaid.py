"""What cannot be said and why: a line for each dataset that is missing and each kind of verdict that cannot be had."""

from collections import Counter
from collections.abc import Iterator, Sequence

from reports.evidence.field import Field, field
from reports.evidence.overview import Overview, overviews
from reports.evidence.printed.verdict import SAME_ROWS, every
from reports.markup.document import Part, Section
from reports.markup.text import code, plain, sentence_list
from reports.model.board import SEEDS, Board
from reports.model.metrics import HEADLINE
from reports.model.papers import papers
from reports.model.rows import why_missing
from reports.sections.findings.finding import listed, names, of

_WHOLE = 0.995  # of the official rows: what is more is the whole file


def section(board: Board) -> Section | None:
    """None where there is no number to say anything about."""
    lines = tuple(unsaid(board)) if field(board).datasets else ()
    return Section("unsaid", "What cannot be said, and why", (), (Part(lines=lines),), listed=True) if lines else None


def unsaid(board: Board) -> Iterator[str]:
    """Markdown, the missing datasets first."""
    untuned, there = board.untuned, field(board)
    if board.committed:
        yield from _missing(untuned)
        yield from _impossible()
    yield from _reproduced(untuned)
    yield from _slices(overviews(board))
    yield from _elsewhere(there)
    yield from _unranked(board, there)
    yield from _without(untuned)
    yield from _seeds(untuned)


def _missing(board: Board) -> Iterator[str]:
    """Datasets of the papers' tables."""
    for paper in papers().values():
        for source in paper.datasets:
            if any(source.name in t.columns for t in paper.tables) and not board.has(source.ours):
                why = why_missing(board, source.ours, source.reason)
                yield f"**{plain(source.name)}** ({plain(paper.key)}): {why}."


def _impossible() -> Iterator[str]:
    """Tables that nobody outside can make again, those with one reason together."""
    found: dict[str, list[str]] = {}
    for paper in papers().values():
        for printed in paper.tables:
            if printed.reason:
                found.setdefault(printed.reason, []).append(f"{plain(paper.key)}'s Table {printed.number}")
    for reason, tables in found.items():
        yield f"**{sentence_list(tables)}**: {reason}."


def _reproduced(board: Board) -> Iterator[str]:
    """How many printed numbers cannot be judged on the papers' rows, and what is in the way."""
    found = every(board)
    lacking = [one for one in found if one.word not in SAME_ROWS]
    if lacking:
        why = Counter(reason for one in lacking for reason in one.why)
        told = ", ".join(f"{reason} ({count})" for reason, count in why.most_common())
        yield (
            f"**Reproduced or not on the papers' own rows**: of {len(found)} printed numbers that have one of ours "
            f"beside them, {of(len(lacking), len(found))} cannot be judged so: {told}."
        )


def _slices(found: Sequence[Overview]) -> Iterator[str]:
    """Boards of a part of the official rows, those of one share together."""
    shares: dict[str, list[str]] = {}
    for one in found:
        if one.share is not None and one.share < _WHOLE:
            shares.setdefault(f"{100 * one.share:.1f} % of {one.official:,} official rows", []).append(one.dataset)
    if shares:
        told = "; ".join(f"{names(datasets)} read {share}" for share, datasets in shares.items())
        yield f"**Whole files**: {told}. On all rows methods may stand in another order."


def _elsewhere(there: Field) -> Iterator[str]:
    """Intervals are of these boards."""
    sources = {dataset.partition("@")[0] for dataset in there.real}
    if sources:
        few = f"{len(sources)} source{'s' if len(sources) > 1 else ''} of rows ({names(sorted(sources))})"
        reach = "intervals draw users and seeds again, not datasets"
        yield f"**Other data**: {reach}. From {few} nothing follows for another."


def _unranked(board: Board, there: Field) -> Iterator[str]:
    """Boards and rows whose noise is unknown."""
    races = [there.race(dataset, HEADLINE) for dataset in there.datasets]
    lacking = [race.dataset for race in races if race.contest is None]
    if lacking:
        yield f"**Ties on {names(lacking)}**: no paired test yet; {board.command('compare')} makes it."
    tested = [race for race in races if race.contest]
    alone = [f"{e.label} on {plain(race.dataset)}" for race in tested for e in race.rows if not race.knows(e)]
    if alone:
        yield f"**Places of {listed(alone)}**: one seed, or no predictions to resample."


def _without(board: Board) -> Iterator[str]:
    """Rows that failed, were skipped or are stale; an oracle of real rows is none."""
    found: dict[str, list[str]] = {}
    for dataset in board.datasets:
        for result in board.of(dataset):
            if not result.ok and not result.oracle:
                reasons = [*result.stale.values(), *(r.error for r in (*result.failed, *result.skipped))]
                found.setdefault(reasons[0], []).append(f"{plain(result.title)} on {plain(dataset)}")
    for reason, rows in found.items():
        yield f"**{listed(list(dict.fromkeys(rows)))}**: {code(reason)}."


def _seeds(board: Board) -> Iterator[str]:
    """Rows that fewer seeds than usual stand behind."""
    rows = [e for dataset in board.datasets for e in board.of(dataset) if e.ok and not e.seedless]
    few = [e for e in rows if e.few]
    if few:
        one = sum(e.seeds == 1 for e in few)
        alone = f", {one} of them one, whose noise nobody knows" if one else ""
        yield f"**Small differences in {len(few)} of {len(rows)} rows**: fewer than {SEEDS} seeds{alone}."
