"""What is unwell, who reported a row and what came of verifying it stand among the leaderboard's notes."""

from pathlib import Path

import msgspec

from benchmark.records import stamp as stamps
from benchmark.records.estimand import Estimand
from benchmark.records.record import Curve
from benchmark.records.stamp import Reporter, Verified
from benchmark.records.store import Store
from reports.evidence.notes import ill, notes
from reports.model.board import Board
from reports.model.folder import Folder, digest, read
from reports.sections.board.leaderboard import table
from tests.fake_records import record, seeds
from tests.front_world import row as front_row

ORIGIN = Reporter(by="A. *Author*", hardware="one core", commit="0" * 40, received="2026-01-01")
VERIFIED = Verified(verdict="same bits", hardware="two cores", commit="1" * 40, when="2026-01-02")


def test_a_row_whose_loss_was_never_finite_is_marked_on_the_board():
    lost = [msgspec.structs.replace(r, curve=Curve([21.0], [None], 1, False)) for r in seeds(method="gr")]
    board = Board([*seeds(method="tr"), *lost])
    assert ill(board, board.results["kuairand", "tr", "default"]) == ""
    early = "unwell: no loss; 5 of 5 seeds kept from the first 2 epochs"
    assert notes(board, board.results["kuairand", "gr", "default"]) == early
    noted = {row[1].text: row[-1].text for row in table(board, "kuairand").rows}
    assert noted == {"GR": early, "TR / VR": ""}


def test_a_median_may_predict_less_than_half_of_the_total():
    """ "off" is no ailment of a row that says it estimates a median, as long as its total does not deny it; nor of one
    that estimates neither and predicts no less."""
    found = front_row("kuairand", "tr", mae=20.0, ratio=0.3)
    found += [
        *front_row("kuairand", "mean", mae=26.0, ratio=1.0),
        *front_row("kuairand", "median", mae=21.0, ratio=0.3),
    ]

    def noted(kind, **others):
        board = Board(found, folder=Folder(estimands={"tr": Estimand(kind)} | others))
        return ill(board, board.results["kuairand", "tr", "default"])

    assert noted("mean") == "unwell: off" and noted("median") == noted("") == ""
    found[:] = [*front_row("kuairand", "tr", mae=20.0, ratio=0.2), *found[len(found) - 2 :]]
    assert noted("") == "unwell: off" and noted("median") == ""


def test_failed_seeds_are_told_once():
    board = Board([*seeds(method="tr")[:4], record(method="tr", seed=4, outcome="failed", error="diverged")])
    assert notes(board, board.results["kuairand", "tr", "default"]) == "seed 4 failed: `diverged`"


def test_who_reported_a_row_is_told_until_it_is_verified(tmp_path: Path):
    store = Store(tmp_path)
    for one in seeds(method="tr"):
        store.write(one)
    before = digest(tmp_path)
    cells = [one.cell for one in store.all()]
    for cell in cells:
        stamps.write(tmp_path, cell, origin=ORIGIN)
    assert digest(tmp_path) != before, "a page is of the stamps that it shows, too"

    def noted() -> str:
        folder: Folder = read(tmp_path)
        board = Board(folder.records, folder=folder)
        return notes(board, board.results["kuairand", "tr", "default"])

    assert noted() == "reported by A. \\*Author\\*"
    stamps.write(tmp_path, cells[0], verified=VERIFIED)
    assert noted() == "reported by A. \\*Author\\*; 1 of 5 seeds trained again: same bits"
    for cell in cells:
        stamps.write(tmp_path, cell, verified=VERIFIED)
    assert noted() == "5 of 5 seeds trained again: same bits"


def test_a_stamp_of_another_record_says_nothing(tmp_path: Path):
    (one, *_) = seeds(method="tr")
    Store(tmp_path).write(one)
    stamps.write(tmp_path, one.cell, origin=ORIGIN)
    Store(tmp_path).write(msgspec.structs.replace(one, finished="later"))
    assert not read(tmp_path).stamps
