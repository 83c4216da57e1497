"""The sections beside a paper's tables: each study that has records or arrays behind it, dataset by dataset."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmark.compare.portrait import Portrait
from reports.markup.block import Block, Section, Titled
from reports.markup.markdown import plain, sentence_list
from reports.markup.picture import Picture, named, slug
from reports.model import studies
from reports.model.arrays import beside
from reports.model.board import BESIDE, Board, Entry
from reports.model.metrics import METRICS
from reports.model.papers import Paper
from reports.model.studies import Study
from reports.plots import stability, sweep
from reports.plots.insides import KINDS
from reports.plots.kind import Kind, Shown
from reports.sections.paper import compared, rivals
from reports.sections.paper.comparison import edges, whose


def sections(
    board: Board, paper: Paper, runs: Path, portraits: Mapping[str, Portrait]
) -> Iterator[tuple[str, Section]]:
    """The paper's studies that have something to show, by key. Raises UserError on damaged arrays."""
    for study in studies.studies(paper):
        suffix = f"@{study.protocol}" if study.protocol else ""
        datasets = [f"{dataset}{suffix}" for dataset in board.datasets]
        found = (_block(board, paper, study, dataset, runs, portraits.get(dataset)) for dataset in datasets)
        if blocks := tuple(block for block in found if block):
            yield study.key, Section(f"{paper.key}, {study.title}", " ".join(study.about.split()), blocks)


def _block(
    board: Board, paper: Paper, study: Study, dataset: str, runs: Path, portrait: Portrait | None
) -> Block | None:
    """What a study shows of a dataset; None where there is nothing."""
    base = BESIDE.get(dataset, dataset)
    name = next((source.name for source in paper.datasets if source.ours == base), plain(dataset))
    tables: list[Titled] = []
    pictures: list[Picture] = []
    lines: list[str] = []

    def add(word: str, alt: str, draw: Callable[[], str]) -> None:
        pictures.append(Picture(named(paper.key, word, dataset), f"{alt} on {name}", draw))

    if sheet := compared.comparison(board, dataset, study) or rivals.verdicts(board, dataset, study):
        tables.append(Titled(slug(paper.key, study.key, dataset), f"{paper.key}, {study.title}, {name}", sheet))
        below = rivals.answers if study.rivals else compared.below
        lines += below(board, dataset, study)
        if study.sweep or study.chart:
            add(study.key, *_swept(board, dataset, study))
    rows = {row.name: entry for row, entry in studies.entries(board, dataset, study).items()}
    for word in study.pictures:
        kind, found = KINDS[word], _left(runs, rows, KINDS[word])
        if studies.most(len(found), study):
            add(word, kind.alt, partial(kind.draw, found, f"{dataset}: {kind.alt}"))
            lines += [*kind.tell(found), *kind.beside(found, rows)]
    if tables:
        for word in study.beside:
            lines += KINDS[word].beside(_left(runs, rows, KINDS[word]), rows)
    if study.portrait and portrait:
        add(study.key, "Watch ratios over time", partial(stability.figure, portrait))
        lines += [*filter(None, [edges(board, dataset)]), *stability.told(portrait)]
    if not tables and not pictures:
        return None
    return Block(name, "", f"Ours: {whose(board, dataset)}.", tuple(tables), tuple(pictures), tuple(lines))


def _left(runs: Path, rows: Mapping[str, Entry], kind: Kind) -> Shown:
    """The arrays that a kind needs, of each row that left them."""
    kept = ((title, beside(runs, entry, kind.needs, kind.more)) for title, entry in rows.items())
    return {title: arrays for title, arrays in kept if arrays}


def _swept(board: Board, dataset: str, study: Study) -> tuple[str, Callable[[], str]]:
    """The figure of a sweep, or of rows side by side: what it shows, and how it is drawn."""
    found = studies.entries(board, dataset, study)
    values = (
        [(float(i), e) for i, e in enumerate(found.values())] if study.chart else studies.swept(board, dataset, study)
    )
    others = [(row.name, e) for row, e in found.items() if e not in {entry for _, entry in values}]
    draw = partial(
        sweep.figure,
        values,
        study.metrics,
        swept=study.sweep,
        beside=others[0] if others else None,
        names=[row.name for row in found] if study.chart else [],
        unit=str(board.facts(dataset).get("unit", "s")),
        title=f"{dataset}: {study.sweep or study.title}",
    )
    what = study.sweep or "the variant"
    return f"{sentence_list([METRICS[m].title.split()[0] for m in study.metrics])} against {what}", draw
