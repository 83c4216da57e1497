"""One method beside its rivals for a paper: a short page, and one LaTeX table as wide as a two-column page at most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.files.errors import UserError, unknown
from reports.evidence.contest import contest
from reports.evidence.differences import Pair, behind, judged
from reports.evidence.stats import apart
from reports.markup.document import Page, Part, Section, slug
from reports.markup.latex import as_wide_tex
from reports.markup.markdown import page as as_markdown
from reports.markup.table import Entry, Table, by_columns, marked, text_column
from reports.markup.text import plain, sentence_list
from reports.model.board import Board, Result
from reports.model.metrics import METRICS
from reports.render import Report, places, save

METRICS_SHOWN = ("mae", "rmse", "xauc")  # where nobody asks for others
TIE = "†"
_SAYS = {  # a word -> how it is said
    "better": "beats",
    "not told apart": "is not told apart from",
    "worse": "loses to",
    "one seed only": "has one seed only against",
}
Name = tuple[str, str]  # method, variant


@dataclass(frozen=True)
class Focus:
    """A method, its rivals, metrics and datasets, all known to the board."""

    mine: Name
    rivals: tuple[Name, ...]
    metrics: tuple[str, ...]
    datasets: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the files."""
        method, variant = self.mine
        return slug("focus", method, "" if variant == "default" else variant)


def parse(board: Board, mine: str, rivals: Sequence[str], metrics: Sequence[str], datasets: Sequence[str]) -> Focus:
    """Names as the command line has them, METHOD or METHOD/VARIANT; without datasets, those that the method shares with
    a rival. Raises UserError with the nearest name for one that has no numbers."""
    focus = _known(board, mine)
    others = tuple(_known(board, rival) for rival in rivals)
    if not others:
        raise UserError("--focus needs its rivals: pass --methods NAME,NAME")
    for metric in metrics:
        if metric not in METRICS:
            raise unknown("column", metric, METRICS, "--columns takes these.")
    for dataset in datasets:
        if dataset not in board.datasets:
            raise unknown("dataset", dataset, board.datasets, "They have records.")
    shared = [
        dataset
        for dataset in datasets or board.datasets
        if board.numbers(dataset, *focus) and any(board.numbers(dataset, *other) for other in others)
    ]
    if not shared:
        where = f" on {', '.join(datasets)}" if datasets else ""
        raise UserError(f"{mine} shares no dataset with {', '.join(rivals)}{where}: run the missing ones")
    return Focus(focus, others, tuple(metrics) or METRICS_SHOWN, tuple(shared))


def _known(board: Board, text: str) -> Name:
    """Raises UserError where no dataset has its numbers."""
    method, _, variant = text.partition("/")
    name = method, variant or "default"
    known = {result.key[1:] for result in board.results.values() if result.ok}
    if name not in known:
        raise unknown("method", text, sorted({_text(other) for other in known}), "They have numbers here.")
    return name


def _text(name: Name) -> str:
    return name[0] if name[1] == "default" else "/".join(name)


def write(report: Report, focus: Focus, runs: Path) -> list[Path]:
    """Write the page and the table; returns their paths. Raises UserError where they cannot be written, or the table is
    too wide."""
    folder = places(runs).figures.with_name("focus")
    found = table(report.board, focus)
    said = page(report.board, focus, found)
    texts = {
        folder / f"{focus.name}.md": as_markdown(said, digest=report.digest, link=lambda *_: "", figures=""),
        folder / f"{focus.name}.tex": as_wide_tex(found, report.digest, groups=len(focus.metrics), own=TIE),
    }
    for path, text in texts.items():
        save(path, text)
    return list(texts)


def _alone(board: Board, focus: Focus) -> Board:
    """The board of these rows: the noise of a comparison is corrected for its own pairs."""
    return board.only(lambda result: result.key[1:] in (focus.mine, *focus.rivals))


def table(board: Board, focus: Focus) -> Table:
    """Rivals first, the method last; a group of columns for each dataset. The dagger marks what noise does not tell
    from the best of its column."""
    board, names = _alone(board, focus), (*focus.rivals, focus.mine)
    labels = [next(r.full for r in board.results.values() if r.key[1:] == name) for name in names]
    columns, cells = [text_column("method", "method")], [[Entry(text=plain(label)) for label in labels]]
    for dataset in focus.datasets:
        results = [board.numbers(dataset, *name) for name in names]
        for metric in focus.metrics:
            head = METRICS[metric].column(board.unit(dataset), key=f"{slug(dataset)}_{metric}")
            entries = marked(head, [result.entry(metric) if result else Entry() for result in results])
            ties = _ties(board, dataset, metric, [result for result in results if result])
            columns.append(replace(head, group=plain(dataset)))
            cells.append([
                replace(entry, tie=TIE) if result in ties and entry.value is not None else entry
                for result, entry in zip(results, entries, strict=True)
            ])  # fmt: skip
    mine = plain(labels[-1])
    datasets = sentence_list([plain(dataset) for dataset in focus.datasets])
    caption = (
        f"{mine} beside {sentence_list([plain(label) for label in labels[:-1]])} on {datasets}: mean ± standard "
        f"deviation over seeds; best bold, second underlined; {TIE} not told apart from the best of its column beyond "
        "the noise of test rows and seeds (Holm over the pairs of the table)."
    )
    return Table(focus.name, caption, tuple(columns), by_columns(cells))


def _ties(board: Board, dataset: str, metric: str, results: Sequence[Result]) -> set[Result | None]:
    """Those that noise does not tell from the best; by the spread of seeds where the rows were not resampled."""
    tested = contest(board, dataset, metric)
    if tested and set(results) <= tested.places.keys():
        return {result for result in results if result is not tested.best and not tested.beats(tested.best, result)}
    known = [(summary, result) for result in results if (summary := result.metric(metric))]
    if not known or METRICS[metric].better is None:
        return set()
    sign = 1 if METRICS[metric].low else -1
    best, first = min(known, key=lambda item: sign * item[0].mean)
    return {result for summary, result in known if result is not first and apart(summary, best) is not True}


def page(board: Board, focus: Focus, found: Table) -> Page:
    """The table, and what it says dataset by dataset."""
    board = _alone(board, focus)
    parts = (Part(tables=(found,)), *(_part(board, focus, dataset) for dataset in focus.datasets))
    title = next(r.full for r in board.results.values() if r.key[1:] == focus.mine)
    return Page(focus.name, f"{plain(title)} and its rivals", (found.caption,), (Section("table", "Table", (), parts),))


def _part(board: Board, focus: Focus, dataset: str) -> Part:
    return Part(plain(dataset), lines=tuple(_told(board, focus, dataset)))


def _told(board: Board, focus: Focus, dataset: str) -> Iterator[str]:
    mine = board.numbers(dataset, *focus.mine)
    others = [result for name in focus.rivals if (result := board.numbers(dataset, *name))]
    if mine is None:
        return
    gaps = []
    for metric in focus.metrics:
        pairs = [Pair(mine.full, mine, other.full, other) for other in others if other is not mine]
        found = judged(board, dataset, pairs, metric)
        gaps += [gap for gap, _ in found]
        said = [
            f"{says} {sentence_list(names)}"
            for word, says in _SAYS.items()
            if (names := [plain(gap.pair.other_name) for gap, told in found if told == word])
        ]
        if said:
            yield f"{METRICS[metric].name}: {plain(mine.full)} {', '.join(said)}."
    if gaps:
        yield behind(gaps)
    for result in (*others, mine):
        if result.remarks:
            yield f"{result.label}: {result.remarks}."
