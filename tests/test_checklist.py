"""Nothing of the papers is absent: every table and figure has cells in the suite `full`, or a reason."""

import re

import pytest

from benchmark.plan import suite as suites
from benchmark.plan.catalog import catalog
from benchmark.records.cell import Group, grouped
from reports.model.board import Board
from reports.model.papers import items, papers
from reports.sections.paper.checklist import table
from tests.fake_records import record
from tests.pages import by

METHODS, BROKEN = catalog()
PLANNED = {str(group) for group in grouped(suites.cells(suites.load("full"), METHODS))}
GROUPS = sorted({str(group) for item in items() for group in item.groups})


def test_every_method_can_be_imported() -> None:
    assert not BROKEN


@pytest.mark.parametrize("group", GROUPS)
def test_every_cell_of_the_checklist_is_planned(group: str) -> None:
    assert group in PLANNED


def test_every_item_has_cells_or_a_reason_and_not_both() -> None:
    for item in items():
        assert bool(item.reason) != bool(list(item.groups)), item.what


def test_every_table_of_both_papers_is_on_it() -> None:
    listed = {(item.paper, item.what) for item in items()}
    for paper in papers().values():
        for printed in paper.tables:
            assert (paper.key, f"Table {printed.number}") in listed


def test_every_row_of_every_printed_table_has_its_cell_in_the_plan() -> None:
    """Where the paper's dataset has a counterpart here."""
    for paper in papers().values():
        for printed in paper.tables:
            for column in printed.columns:
                source = paper.source(column)
                if printed.reason or source is None or not source.ours:
                    continue
                for row in printed.rows:
                    group = Group(source.ours, row.method, row.variant, ())
                    assert not row.method or str(group) in PLANNED, (paper.key, printed.number, row.name)


def test_figures_are_named_by_their_number_in_the_paper() -> None:
    assert all(re.match(r"(Tables?|Figures?) \d|A\.1|.* columns?$", item.what) for item in items())


def test_the_standing_says_what_has_records_and_what_cannot_exist() -> None:
    board = Board([record(method="tr"), record(method="d2q")])
    found = {key: by(table(board, paper), "what") for key, paper in papers().items()}
    assert found["ProWTP"]["Table 5"]["here"] == "wechat: none; kuairand: 2 of 8"
    assert found["GR"]["Table 3"]["here"].startswith("cannot exist here: ")
