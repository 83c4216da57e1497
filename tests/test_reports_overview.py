"""One line for each board, and what cannot be said."""

import re
from typing import Any

import pytest

from benchmark.records.record import Record
from datasets import registry
from reports.evidence import overview as overviews_of
from reports.evidence.overview import Overview, overviews
from reports.model.board import Board
from reports.model.front import Front, Official, front
from reports.model.papers import papers
from reports.sections.front import datasets as boards_of
from reports.sections.front.unsaid import section, unsaid
from tests import front_world
from tests.fake_records import FACTS, record
from tests.front_world import row

LOG = {"name": "log_4_22.csv.gz", "bytes": 1}
FACTS_ = FACTS["kuairand"] | {"rows": 150, "rows_raw": 200, "files": [LOG, {"name": "users.csv", "bytes": 1}]}
KNOWN = Front(plain={}, official=[Official("kuairand", "Logs", {"log_4": 1000, "log_5": 9000})])


@pytest.fixture
def official(monkeypatch):
    """The official file of one log has 1,000 rows."""
    monkeypatch.setattr(overviews_of, "front", lambda: KNOWN)


def overview(*rows: list[Record], **how: Any) -> Overview:
    (found,) = overviews(front_world.board(*rows, **how))
    return found


def lines(*rows: list[Record], **how: Any) -> list[str]:
    return list(unsaid(front_world.board(*rows, **how)))


def line(start: str, *rows: list[Record], **how: Any) -> str:
    return next((text for text in lines(*rows, **how) if text.startswith(f"**{start}")), "")


# --- a board in one line


def test_a_board_names_its_best_rows_with_how_many_are_level():
    rows = (row("kuairand", "d2q", mae=20.0, rmse=43.0), row("kuairand", "tr", mae=20.1, rmse=40.0))
    found = overview(*rows, row("kuairand", "median", mae=22.0, rmse=45.0), pairs=0.5)
    leader = found.leaders["MAE"]
    assert (leader.result.method, leader.value, leader.level) == ("d2q", 20.0, 1)
    assert (found.leaders["RMSE"].result.method, found.leaders["RMSE"].level) == ("tr", 0)
    assert found.leaders["ranking"].metric == "xauc"
    assert found.constants == {"mae": 22.0, "rmse": 45.0} and found.ranked == 3
    assert overview(*rows, pairs=0.01).leaders["MAE"].level == 0


def test_the_papers_methods_have_the_places_that_noise_leaves_open():
    rows = (row("kuairand", "d2q", mae=20.0), row("kuairand", "prowtp", mae=21.0), row("kuairand", "tr", mae=21.1))
    assert overview(*rows, pairs=0.2).places["ProWTP"]["MAE"] == (2, 3)
    assert overview(*rows, pairs=0.001).places["ProWTP"]["MAE"] == (2, 2)
    assert overview(*rows, without=("kuairand",)).places["ProWTP"]["MAE"] == (2, 2)
    assert "GR" not in overview(*rows).places
    lonely = row("kuairand", "gr", mae=20.5, count=1)
    assert overview(*rows, lonely).places["GR"] == {}  # one seed: no place


@pytest.mark.usefixtures("official")
def test_the_share_is_of_the_official_files_that_were_read():
    found = overview(row("kuairand", "tr", mae=20.0, facts=FACTS_))
    assert (found.rows, found.official, found.share) == (150, 1000, 0.2)
    assert overview(row("kuairec", "tr", mae=20.0, facts=FACTS_)).share is None  # no official count is known
    assert overview(row("kuairand", "tr", mae=20.0)).share is None  # the records name no file
    assert overview(row("kuairand@time", "tr", mae=20.0, facts=FACTS_)).share == 0.2


def test_the_official_counts_are_those_of_the_datasets_own_sources():
    told = {official.data: official.files.values() for official in front().official}
    for name in registry.names():
        source = registry.get(name).source
        if name in told:
            assert source.official_rows in told[name]
        elif "@" not in name and source.official_rows:
            assert name not in {"kuairand", "kuairec", "cdnow"}  # those with committed records
    assert told.keys() <= set(registry.names())


def test_the_papers_methods_and_plain_networks_exist():
    from benchmark.plan.catalog import catalog
    from reports.model.front import row as parse

    methods, _ = catalog()
    named = [paper.own for paper in papers().values()] + [p.without for p in papers().values() if p.without]
    named += [text for found in front().plain.values() for text in found]
    for method, variant in map(parse, named):
        assert variant in methods[method].configs


# --- what cannot be said


def test_a_missing_dataset_has_its_reason_until_there_are_records():
    tr = row("kuairand", "tr", mae=20.0)
    assert "official site is reported as taken down" in line("WeChat", tr)
    assert line("KuaiRand-Pure", tr) == "" and line("CIKM16", tr)
    skipped = [record("cikm16", "tr", outcome="skipped", error="no")]
    assert "its leaderboard says why" in next(text for text in unsaid_of([*tr, *skipped]) if "CIKM16" in text)
    assert line("GR's Table 3 and ProWTP's Table 10", tr).endswith(": an online test on a private platform.")


def unsaid_of(records: list[Record]) -> list[str]:
    return list(unsaid(Board(records)))


def test_numbers_that_cannot_be_reproduced_are_counted():
    few = line("Reproduced or not", row("kuairand", "tr", mae=28.0945))
    assert re.search(r"of (\d+) printed numbers .* all \1 cannot be judged so: other rows \(\1\)", few)
    whole = FACTS["kuairand"] | {"rows": 1_231_181}
    assert line("Reproduced or not", row("kuairand", "tr", mae=28.0945, rmse=42.4085, facts=whole)) == ""
    assert line("Reproduced or not", row("synthetic", "tr", mae=1.0)) == ""


@pytest.mark.usefixtures("official")
def test_a_slice_is_named_with_its_share_and_a_whole_file_is_not():
    part, whole = FACTS_, FACTS_ | {"rows_raw": 1000}
    assert line("Whole files", row("kuairand", "tr", mae=20.0, facts=part)).startswith(
        "**Whole files**: kuairand read 20.0 % of 1,000 official rows."
    )
    assert line("Whole files", row("kuairand", "tr", mae=20.0, facts=whole)) == ""


def test_rows_and_boards_whose_noise_is_unknown_are_named():
    tr = row("kuairand", "tr", mae=20.0)
    assert "python -m benchmark compare" in line("Ties on kuairand", tr, without=("kuairand",))
    assert line("Ties on", tr, row("kuairand", "d2q", mae=21.0)) == ""
    lonely = (*[tr], row("kuairand", "d2q", mae=21.0), row("kuairand", "gr", mae=22.0, count=1))
    assert line("Places of GR on kuairand", *lonely)
    assert "1 of them one" in line("Small differences in 1 of 3 rows", *lonely)
    assert line("Small differences", tr) == ""


@pytest.mark.parametrize(("method", "named"), [("prowtp", True), ("oracle", False)])
def test_rows_without_numbers_have_their_reason(method, named):
    found = unsaid_of([*row("kuairand", "tr", mae=20.0), record(method=method, outcome="skipped", error="no ratio")])
    assert any("on kuairand**: `no ratio`" in text for text in found) is named


def test_how_far_intervals_reach_is_said():
    told = line("Other data", row("kuairand", "tr", mae=20.0), row("kuairand@time", "tr", mae=20.0))
    assert "From 1 source of rows (kuairand) nothing follows" in told


def test_without_a_number_nothing_is_left_unsaid():
    assert section(Board([])) is None and boards_of.section(Board([])) is None


def test_the_tables_say_what_the_boards_do():
    rows = (row("kuairand", "d2q", mae=20.0, rmse=43.0), row("kuairand", "prowtp", mae=20.1, rmse=40.0))
    made = boards_of.section(front_world.board(*rows, row("kuairand", "median", mae=22.0, rmse=45.0), pairs=0.5))
    assert made is not None
    best, places = made.parts[0].tables
    texts = [entry.text for entry in best.rows[0]]
    assert texts[:3] == ["kuairand", "D2Q 20.000 (+1)", "ProWTP 40.000"]
    assert best.columns[3].label == "best XAUC" and places.rows[0][2].text == "22.000 / 45.000 s"
    assert [column.label for column in places.columns[4:]] == ["ProWTP, MAE", "ProWTP, RMSE", "ProWTP, ranking"]
    assert [entry.text for entry in places.rows[0]][4:6] == ["1–2", "1"]
