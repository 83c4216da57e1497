"""What stands beside a paper's tables without a printed counterpart: its figures, and what it leaves open.

`reports/beyond/*.toml` lists them, a paper a file; a study is a section of the pages once there are records behind it.
"""

from collections.abc import Iterable

import msgspec

from reports import FOLDER
from reports.model.board import Board, Entry
from reports.model.papers import Paper

BEYOND = FOLDER / "beyond"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row: a method's variant by a name of its own."""

    name: str
    variant: str = "default"
    method: str = ""  # the study's where empty
    against: str = ""  # the row that it is compared with; by default the first that is the method's default
    printed: str = ""  # what the paper prints beside it


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number that a method tells of its trained model, as a column."""

    key: str
    title: str
    digits: int = 2
    percent: bool = False
    worst: bool = False  # the greatest over seeds, not the mean


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the records' cost, as a column."""

    key: str
    title: str
    times: str = ""  # the row whose multiples stand in a second column


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section: a table of variants, figures from what they left, or both."""

    key: str
    title: str  # "Figure 3: ..."
    about: str = ""  # Markdown
    method: str = ""
    rows: list[Row] = []
    metrics: list[str] = []
    inside: list[Number] = []
    costs: list[Price] = []
    printed: str = ""  # the title of the rows' printed texts
    differs: bool = False  # a column with the hyper-parameters in which a row is not its method's default
    rivals: list[Row] = []  # each row against each of these, beyond noise
    sweep: str = ""  # what the rows' names are values of
    chart: bool = False  # each metric as a figure, a dot for each row
    pictures: list[str] = []  # kinds of `reports.plots.insides`, drawn where most of its rows left arrays
    beside: list[str] = []  # kinds of which only what the rows' records add to their arrays is told
    portrait: bool = False  # shows how a log moves over time
    protocol: str = ""  # its records are those of "<dataset>@<protocol>", where that stands beside a dataset


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    studies: list[Study]


def studies(paper: Paper) -> list[Study]:
    """The paper's, in order."""
    path = BEYOND / f"{paper.key.lower()}.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_File).studies if path.exists() else []


def entries(board: Board, dataset: str, study: Study) -> dict[Row, Entry]:
    """Its rows that have numbers on a dataset."""
    return numbers(board, dataset, study, study.rows)


def numbers(board: Board, dataset: str, study: Study, rows: Iterable[Row]) -> dict[Row, Entry]:
    """Of these rows, its own or its rivals, those that have numbers on a dataset."""
    return {row: e for row in rows if (e := board.numbers(dataset, row.method or study.method, row.variant))}


def most(count: int, study: Study) -> bool:
    """Whether so many are more than half of its rows: enough of it to be shown."""
    return 2 * count > len(study.rows)


def swept(board: Board, dataset: str, study: Study) -> list[tuple[float, Entry]]:
    """Value and entry of each row whose name is a number, ascending."""
    found = [(float(row.name), e) for row, e in entries(board, dataset, study).items() if _numeric(row.name)]
    return sorted(found, key=lambda item: item[0])


def _numeric(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
