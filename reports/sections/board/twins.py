"""A board under one other choice of protocol: each row beside itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from reports.evidence.differences import Gap, Pair, judged, told
from reports.evidence.estimand import told as estimand
from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, by_columns, text_column
from reports.markup.text import plain, signed
from reports.model.board import Board, Result
from reports.model.methods import Twin, twins
from reports.model.metrics import ERRORS, METRICS, digits

SAME = "the row on this board"
READ = (
    "In brackets the difference from the row of this board's own protocol. Better and worse are beyond the spread of "
    "seeds; the test rows are not drawn again for it.",
)


@dataclass(frozen=True)
class Beside:
    """The rows of a board that have numbers under another protocol."""

    twin: Twin
    dataset: str  # the board
    pairs: tuple[Pair, ...]  # the row under the other protocol against the row of the board

    def judged(self, board: Board, metric: str) -> list[tuple[Gap, str]]:
        """Each difference with its word: better, worse, not told apart, one seed only."""
        return judged(board, self.dataset, self.pairs, metric)


def beside(board: Board, dataset: str) -> Iterator[Beside]:
    """Of each twin of a board with numbers. board: what leaderboards rank."""
    for twin in twins():
        other = twin.boards.get(dataset, "")
        found = [(e, base) for e in board.of(other) if e.ok and (base := board.numbers(dataset, e.method, e.variant))]
        if found:
            yield Beside(twin, dataset, tuple(Pair(e.full, e, SAME, base) for e, base in found))


def section(board: Board, dataset: str) -> Section | None:
    """None where no other protocol has numbers."""
    parts = tuple(_part(board.ranked, one) for one in beside(board.ranked, dataset))
    return Section("twins", "Under another choice of protocol", READ, parts) if parts else None


def _part(board: Board, one: Beside) -> Part:
    lines = told(board, one.dataset, one.pairs, metrics(board, one.dataset))[:-1]
    about = " ".join(one.twin.about.split())
    return Part(one.twin.title, about=about, tables=(table(board, one),), lines=tuple(lines))


def metrics(board: Board, dataset: str) -> list[str]:
    """Both errors and the first metric that ranks."""
    ranking = next((name for name in board.metrics(dataset) if METRICS[name].better == "high"), "")
    return [*ERRORS, *filter(None, [ranking])]


def table(board: Board, one: Beside) -> Table:
    """Each row's numbers under both protocols, by its own name; predicted / actual beside them."""
    unit = board.unit(one.dataset)
    pairs = sorted(one.pairs, key=lambda pair: (pair.other.mean(ERRORS[0]) or 0.0, pair.name))
    heads = [text_column("method", "method"), text_column("estimates", "estimates")]
    columns = [
        [Entry(text=pair.other.label) for pair in pairs],
        [Entry(text=estimand(board, pair.other)) for pair in pairs],
    ]
    for metric in (*metrics(board, one.dataset), "ratio"):
        name, places = METRICS[metric].title, digits(metric, unit)
        heads += [
            Column(metric, name, digits=places),
            Column(f"{metric}_{slug(one.twin.key)}", "the other", digits=places),
        ]
        columns += [
            [pair.other.entry(metric) for pair in pairs],
            [_moved(pair.result, pair.other, metric, places) for pair in pairs],
        ]
    caption = f"{plain(one.dataset)}: {one.twin.says}"
    return Table(slug("twin", one.dataset, one.twin.key), caption, tuple(heads), by_columns(columns))


def _moved(result: Result, base: Result, metric: str, places: int) -> Entry:
    mine, theirs = result.metric(metric), base.mean(metric)
    if mine is None:
        return Entry()
    return mine.entry(note="" if theirs is None else signed(mine.mean - theirs, places))
