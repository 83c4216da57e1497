"""Sections beside a paper's tables without a printed counterpart: its figures, and what it leaves open.

`reports/beyond/` lists them, a paper a file; a supplement is a section once there are records behind it.
"""

from functools import cache

import msgspec

from reports.model.methods import BEYOND
from reports.model.papers import Paper


class SupplementRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row: a method's variant by a name of its own."""

    name: str
    variant: str = "default"
    method: str = ""  # the supplement's where empty
    against: str = ""  # the row that it is compared with; by default the first that is the method's default
    printed: str = ""  # what the paper prints beside it


class InsideColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number that a method tells of its trained model, as a column."""

    key: str
    title: str
    digits: int = 2
    percent: bool = False
    worst: bool = False  # the greatest over seeds, not the mean


class CostColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the records' cost, as a column."""

    key: str
    title: str
    times: str = ""  # the row whose multiples stand in a second column


class PartRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two rows, by their names, that differ in one part of the method."""

    part: str
    more: str  # with it
    less: str  # without it


class Supplement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section: a table of variants, figures from what they left, or both."""

    key: str
    title: str  # "Figure 3: ..."
    about: str = ""  # Markdown
    method: str = ""
    rows: list[SupplementRow] = []
    metrics: list[str] = []
    valid: list[str] = []  # metrics of the validation rows, by which defaults are chosen
    chosen: list[str] = []  # the datasets by whose validation rows the method's default was chosen
    inside: list[InsideColumn] = []
    costs: list[CostColumn] = []
    printed: str = ""  # the title of the rows' printed texts
    differs: bool = False  # a column with the hyper-parameters in which a row is not its method's default
    rivals: list[SupplementRow] = []  # each row against each of these, beyond noise
    parts: list[PartRow] = []  # what each part contributes, instead of a table of the rows
    sweep: str = ""  # what the rows' names are values of
    chart: bool = False  # each metric as a figure, a dot for each row
    pictures: list[str] = []  # kinds of `reports.plots.insides`, drawn where most of its rows left arrays
    beside: list[str] = []  # kinds of which only what the rows' records add to their arrays is told
    portrait: bool = False  # shows how a log moves over time
    protocol: str = ""  # its records are those of "<dataset>@<protocol>", where that stands beside a dataset


class _Supplements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    supplements: list[Supplement]


def supplements(paper: Paper) -> list[Supplement]:
    """The paper's, in order."""
    return _supplements(paper.slug)


def chosen_on(paper: Paper) -> set[str]:
    """The datasets by whose validation rows the default of the paper's method was chosen."""
    return {dataset for supplement in supplements(paper) for dataset in supplement.chosen}


@cache
def _supplements(name: str) -> list[Supplement]:
    path = BEYOND / f"{name}.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_Supplements).supplements if path.exists() else []
