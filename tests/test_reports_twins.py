"""A board under one other choice of protocol: each row beside itself, and what moves in a sentence."""

import statistics

import pytest

from benchmark.records.estimand import Estimand
from datasets import registry
from reports.model.board import Board
from reports.model.folder import Folder
from reports.model.methods import bases, twins
from reports.sections.board import twins as section_of
from reports.sections.findings.twins import protocols
from reports.sections.pages import pages
from tests.fake_records import seeds
from tests.pages import by, lines

SAID = {"tr": Estimand("mean"), "wlr": Estimand("mean"), "d2q": Estimand("median")}


def row(dataset: str, method: str, mae: float, rmse: float, noise: float = 0.02):
    return seeds(dataset=dataset, method=method, mae=mae, rmse=rmse, noise=noise)


def board(*more) -> Board:
    """TR gains by its own loss, WLR does not, D2Q loses; DVR has numbers there alone."""
    records = [
        *row("kuairand", "tr", 23.0, 40.5, noise=0.2), *row("kuairand@own-loss", "tr", 23.5, 39.5),
        *row("kuairand", "wlr", 22.0, 40.5, noise=0.2), *row("kuairand@own-loss", "wlr", 22.0, 40.5),
        *row("kuairand", "d2q", 20.0, 44.0), *row("kuairand@own-loss", "d2q", 20.4, 44.0),
        *row("kuairand@own-loss", "dvr", 20.4, 44.0),
        *[r for made in more for r in made],
    ]  # fmt: skip
    return Board(records, folder=Folder(estimands=SAID))


def test_twins_are_datasets_beside_their_boards():
    known = set(registry.names())
    for twin in twins():
        for dataset, other in twin.boards.items():
            assert {dataset, other} <= known and bases()[other] == dataset


def test_a_twin_has_no_board_of_its_own_but_a_table_on_its_boards_page():
    here = board()
    assert here.datasets == ["kuairand"] and {p.name for p in pages(here)} >= {"board-kuairand"}
    found = section_of.section(here, "kuairand")
    (part,) = found.parts
    shown = by(part.tables[0], "method")
    assert list(shown) == ["D2Q", "WLR", "TR / VR"] and shown["TR / VR"]["estimates"] == "mean"
    tr = part.tables[0].rows[2]
    texts = {c.key: e for c, e in zip(part.tables[0].columns, tr, strict=True)}
    assert texts["rmse"].value == pytest.approx(40.5, abs=0.3)
    assert texts["rmse_own-loss"].value == pytest.approx(39.5, abs=0.05)
    change = texts["rmse_own-loss"].value - texts["rmse"].value
    assert texts["rmse_own-loss"].note == f"{change:+.3f}"
    assert "Against the row on this board, RMSE: better: TR / VR (-" in lines(found)
    assert "MAE: worse: TR / VR (+0." in lines(found) and "D2Q (+0.4" in lines(found)


def test_without_the_other_protocol_there_is_nothing():
    alone = Board([r for r in board().records if r.dataset == "kuairand"])
    assert section_of.section(alone, "kuairand") is None and list(protocols(alone)) == []
    other = Board([r for r in board().records if r.dataset != "kuairand"])
    assert other.datasets == ["kuairand@own-loss"], "without its base a twin stands alone"


def test_the_finding_counts_what_moves_and_for_whom():
    (found,) = protocols(board())
    assert found.key == "twin-own-loss"
    assert found.text.startswith("**Stopped by the method's own loss, 3 of 6 errors move beyond the spread of seeds.**")
    assert "RMSE of 2 that estimate a mean: 1 better, 0 worse" in found.text
    assert "MAE of 1 that estimate a median: 0 better, 1 worse" in found.text
    before, after = (
        statistics.median(
            statistics.stdev(r.metrics["test"]["rmse"] for r in board().records if (r.dataset, r.method) == (name, one))
            for one in ("tr", "wlr")
        )
        for name in ("kuairand", "kuairand@own-loss")
    )
    assert f"lower in all 2 on kuairand, whose seeds lie {after:.3g} s apart for {before:.3g} s" in found.text


def test_two_twins_of_one_board_are_told_apart():
    here = board(row("kuairand@distinct", "tr", 23.0, 40.5))
    assert [part.title for part in section_of.section(here, "kuairand").parts] == [twin.title for twin in twins()]
    assert [found.key for found in protocols(here)] == ["twin-own-loss", "twin-distinct"]
