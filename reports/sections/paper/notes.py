"""Notes on a paper: how its numbers were made, and what it reports that no record here speaks of."""

from collections.abc import Collection, Iterator

from reports.markup.document import Part, Section
from reports.markup.text import plain
from reports.model.board import Board
from reports.model.papers import Paper
from reports.model.rows import why_missing
from reports.model.supplements import supplements
from reports.sections.paper import ablation


def section(board: Board, paper: Paper) -> Section | None:
    """None where nothing is known of it."""
    lines = tuple(" ".join(note.split()) for note in paper.notes)
    return Section("made", "How its numbers were made", (), (Part(lines=lines),), listed=True) if lines else None


def absent(board: Board, paper: Paper, shown: Collection[str]) -> Section | None:
    """Lists what is not here, with the reason. shown: keys of the supplements that have a section."""
    lines = tuple(_absent(board, paper, shown))
    return Section("missing", "What is missing", (), (Part(lines=lines),), listed=True) if lines else None


def _absent(board: Board, paper: Paper, shown: Collection[str]) -> Iterator[str]:
    for source in paper.datasets:
        tables = [t.number for t in paper.tables if source.name in t.columns]
        if tables and not board.has(source.ours):
            why = why_missing(board, source.ours, source.reason)
            yield f"**{plain(source.name)}** ({_tables(tables)}): {why}."
    for printed in paper.tables:
        if printed.reason:
            yield f"**Table {printed.number}** ({printed.caption}): {printed.reason}."
    lacking = [t.number for t in paper.ours if t.ablation and not any(ablation.there(board, paper, t))]
    if lacking:
        they = "they compare" if len(lacking) > 1 else "it compares"
        yield f"**{_tables(lacking)}**: none of the variants that {they} has records yet."
    titles = [plain(s.title.partition(":")[0]) for s in supplements(paper) if s.key not in shown]
    if titles:
        yield f"**Beside its tables** ({'; '.join(titles)}): most of the records that they need are not there yet."


def _tables(numbers: list[str]) -> str:
    return f"Table{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
