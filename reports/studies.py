"""What stands beside a paper's tables without a printed counterpart: its figures, and what it leaves open.

`reports/beyond/*.toml` lists them, a paper a file; a study is a section of the pages once there are records behind it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from reports.board import Board, Entry
from reports.differences import Pair, told
from reports.leaderboard import COLUMNS, digits
from reports.markdown import NONE, Sheet, marked, number, plain, plus_minus, short, table
from reports.papers import Paper
from reports.reproduced import ordered
from reports.stats import best_two
from reports.tables import seeds, state

FOLDER = Path(__file__).parent / "beyond"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row: a method's variant by a name of its own."""

    name: str
    variant: str = "default"
    method: str = ""  # the study's where empty
    against: str = ""  # the row that it is compared with; by default the first that is the method's default


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number that a method tells of its trained model, as a column."""

    key: str
    title: str
    digits: int = 2
    percent: bool = False
    worst: bool = False  # the greatest over seeds, not the mean


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section: a table of variants, figures from what they left, or both."""

    key: str
    title: str  # "Figure 3: ..."
    about: str = ""  # Markdown
    method: str = ""
    rows: list[Row] = []
    metrics: list[str] = []
    inside: list[Number] = []
    sweep: str = ""  # what the rows' names are values of
    pictures: list[str] = []  # kinds of `reports.insides`
    portrait: bool = False  # shows how a log moves over time


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    studies: list[Study]


def studies(paper: Paper) -> list[Study]:
    """The paper's, in order."""
    path = FOLDER / f"{paper.key.lower()}.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_File).studies if path.exists() else []


def entries(board: Board, dataset: str, study: Study) -> dict[Row, Entry]:
    """Its rows that have numbers on a dataset."""
    found = {row: board.get(dataset, row.method or study.method, row.variant) for row in study.rows}
    return {row: entry for row, entry in found.items() if entry and entry.ok}


def most(count: int, study: Study) -> bool:
    """Whether so many are more than half of its rows: enough of it to be shown."""
    return 2 * count > len(study.rows)


def comparison(board: Board, dataset: str, study: Study) -> Sheet | None:
    """A row for each variant with its metrics, then what it tells of its inside; None where too few have numbers."""
    there = entries(board, dataset, study)
    told_of = {row: e for row, e in there.items() if any(e.inside(column.key) for column in study.inside)}
    if not (study.metrics or study.inside) or not most(len(there if study.metrics else told_of), study):
        return None
    rows = study.rows if study.metrics else list(told_of)
    shown = [there.get(row) for row in rows]
    head = [study.sweep or "variant"]
    columns = [[plain(row.name) for row in rows]]
    if any(entry and entry.few for entry in shown):
        head.append("seeds")
        columns.append([seeds(entry) for entry in shown])
    unit = str(board.facts(dataset).get("unit", "s"))
    for place, metric in enumerate(study.metrics):
        head.append(COLUMNS[metric].title)
        columns.append(_metric(shown, metric, unit, first=place == 0))
    for column in study.inside:
        head.append(column.title)
        columns.append([_inside(entry, column) for entry in shown])
    return table(head, [list(row) for row in zip(*columns, strict=True)])


def _metric(shown: list[Entry | None], metric: str, unit: str, *, first: bool) -> list[str]:
    """A column, best bold, second underlined."""
    means, places = [e.mean(metric) if e else None for e in shown], digits(metric, unit)
    best, second = best_two(means, low=bool(COLUMNS[metric].low), digits=places)
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


def below(board: Board, dataset: str, study: Study) -> Iterator[str]:
    """What stands under the table: which rows differ beyond noise, and whether a sweep leads anywhere."""
    there = entries(board, dataset, study)
    pairs = list(_pairs(there, study))
    yield from told(board, dataset, pairs, study.metrics)
    if study.sweep and (words := _trend(board, dataset, study)):
        yield words
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


def swept(board: Board, dataset: str, study: Study) -> list[tuple[float, Entry]]:
    """Value and entry of each row whose name is a number, ascending."""
    found = [(float(row.name), e) for row, e in entries(board, dataset, study).items() if _numeric(row.name)]
    return sorted(found, key=lambda item: item[0])


def _numeric(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _trend(board: Board, dataset: str, study: Study) -> str:
    """Kendall's tau between the swept values and each metric."""
    values = {entry: value for value, entry in swept(board, dataset, study)}
    found = {metric: ordered(board, dataset, values, metric) for metric in study.metrics}
    texts = [f"{COLUMNS[metric].title.split()[0]} {one}" for metric, one in found.items() if one]
    sense = "Kendall's τ between {} and the metric (above 0: it rises) [95 % interval]: {}."
    return sense.format(plain(study.sweep), ", ".join(texts)) if texts else ""
