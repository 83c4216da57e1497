"""A section beside a paper's tables: what `reports/beyond/` asks of the records and their arrays, dataset by
dataset."""

from collections.abc import Callable, Mapping
from functools import partial

from reports.markup.document import Part, Picture, Section, named
from reports.markup.table import Table
from reports.markup.text import plain, sentence_list
from reports.model.arrays import beside, hash_of
from reports.model.board import Board, Result
from reports.model.methods import bases
from reports.model.metrics import METRICS
from reports.model.papers import Paper
from reports.model.rows import most, results, swept
from reports.model.supplements import Supplement
from reports.plots import stability, sweep
from reports.plots.insides import KINDS
from reports.plots.kind import Kind, Shown
from reports.sections.paper import compared, parts, rivals
from reports.sections.paper.buckets import edges
from reports.sections.paper.comparison import whose


def section(board: Board, paper: Paper, supplement: Supplement) -> Section | None:
    """None where no dataset has something to show. Raises UserError on damaged arrays."""
    suffix = f"@{supplement.protocol}" if supplement.protocol else ""
    found = (_part(board, paper, supplement, f"{dataset}{suffix}") for dataset in board.datasets)
    parts = tuple(part for part in found if part)
    about = tuple(filter(None, [" ".join(supplement.about.split())]))
    return Section(supplement.key, _sentence(supplement.title), about, parts) if parts else None


def _sentence(title: str) -> str:
    return title[:1].upper() + title[1:]


def _part(board: Board, paper: Paper, supplement: Supplement, dataset: str) -> Part | None:
    """Makes what a supplement shows of a dataset; None where there is nothing."""
    base = bases().get(dataset, dataset)
    name = next((source.name for source in paper.datasets if source.ours == base), plain(dataset))
    rows = {row.name: result for row, result in results(board, dataset, supplement).items()}
    table = compared.comparison(board, paper, dataset, supplement, name)
    made = parts.contributions if supplement.parts else rivals.verdicts
    table = table or made(board, paper, dataset, supplement, name)
    pictures: list[Picture] = []
    lines: list[str] = []

    def add(word: str, alt: str, draw: Callable[[], str], *inputs: object) -> None:
        pictures.append(Picture(named(paper.key, word, dataset), f"{alt} on {name}", draw, inputs))

    if table:
        below = parts.told if supplement.parts else rivals.answers if supplement.rivals else compared.below
        lines += below(board, dataset, supplement)
        if supplement.sweep or supplement.chart:
            add(supplement.key, *_swept(board, dataset, supplement), board.stamp(rows.values()), tuple(rows))
    for word in supplement.pictures:
        kind, found = KINDS[word], _left(board, rows, KINDS[word])
        if most(len(found), supplement):
            hashes = [hash_of(board.folder, rows[row]) for row in found]
            add(word, kind.alt, partial(kind.draw, found, f"{dataset}: {kind.alt}"), tuple(found), *hashes)
            lines += [*kind.tell(found), *kind.beside(found, rows)]
    if table:
        for word in supplement.beside:
            lines += KINDS[word].beside(_left(board, rows, KINDS[word]), rows)
    portrait = board.folder.portraits.get(dataset) if supplement.portrait else None
    if portrait and any(record.identity.data == portrait.table for record in board.trusted(dataset)):
        add(supplement.key, "Watch ratios over time", partial(stability.figure, portrait), repr(portrait))
        lines += [*filter(None, [edges(board, dataset)]), *stability.told(portrait)]
    if not table and not pictures:
        return None
    tables: tuple[Table, ...] = (table,) if table else ()
    return Part(name, "", f"Ours: {whose(board, dataset)}.", tables, tuple(pictures), tuple(lines))


def _left(board: Board, rows: Mapping[str, Result], kind: Kind) -> Shown:
    """The arrays that a kind needs, of each row that left them."""
    kept = ((title, beside(board.folder, result, kind.needs, kind.more)) for title, result in rows.items())
    return {title: arrays for title, arrays in kept if arrays}


def _swept(board: Board, dataset: str, supplement: Supplement) -> tuple[str, Callable[[], str]]:
    """The figure of a sweep, or of rows side by side: what it shows, and how it is drawn."""
    found = results(board, dataset, supplement)
    numbered = [(float(place), e) for place, e in enumerate(found.values())]
    values = numbered if supplement.chart else swept(board, dataset, supplement)
    others = [(row.name, e) for row, e in found.items() if e not in {result for _, result in values}]
    draw = partial(
        sweep.figure,
        values,
        supplement.metrics,
        swept=supplement.sweep,
        beside=others[0] if others else None,
        names=[row.name for row in found] if supplement.chart else [],
        unit=board.unit(dataset),
        title=f"{dataset}: {supplement.sweep or supplement.title}",
    )
    what = supplement.sweep or "the variant"
    return f"{sentence_list([METRICS[m].name for m in supplement.metrics])} against {plain(what)}", draw
