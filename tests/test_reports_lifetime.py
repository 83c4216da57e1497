"""Lifetime value in the report: Table 6's form, the constants before it, deciles and their figure."""

import msgspec
import numpy as np

from benchmark.metrics.evaluate import evaluate
from benchmark.records.record import Record
from reports.model.board import Board
from reports.model.papers import papers
from reports.plots import calibration as drawing
from reports.sections.board import calibration
from reports.sections.paper import values
from tests.fake_records import record
from tests.pages import by, rows

PAPER = papers()["GR"]
RNG = np.random.default_rng(0)
LABEL = RNG.lognormal(3, 1, 400) * (RNG.random(400) < 0.1)


def ltv(method: str, prediction: np.ndarray, seed: int = 0, title: str = "") -> Record:
    """A record whose metrics are those of this prediction."""
    overall, slices = evaluate("ltv", LABEL, prediction)
    made = record("cdnow", method, seed=seed)
    changed = {"metrics": {"valid": overall, "test": overall}, "slices": slices, "title": title or method}
    return msgspec.structs.replace(made, **changed)


def board() -> Board:
    records = [ltv("zero", np.zeros(400)), ltv("mean", np.full(400, LABEL.mean()))]
    records += [ltv("ziln", LABEL * 0.5 + RNG.random(400), seed, "ZILN") for seed in range(3)]
    records += [ltv("two_stage", RNG.random(400) * 9, seed, "Two-stage") for seed in range(3)]
    return Board(records)


def test_the_table_has_the_papers_columns_and_ours_with_the_best_in_bold() -> None:
    found = [list(row.values()) for row in rows(values.table(board(), PAPER, PAPER.table("6")))]
    by_name = {row[0]: row for row in found}
    assert list(by_name)[:7] == ["Two-stage", "MTL-MSE", "ZILN", "MDME", "MDAN", "OptDist", "GR"]
    assert by_name["GR"][1:5] == ["12.996", "0.3026", "67.035", "0.5334"]
    assert by_name["ZILN"][5].startswith("**") and by_name["Two-stage"][5].startswith("<u>")
    assert by_name["OptDist"][5] == "not run"


def test_the_constants_say_which_trained_rows_they_beat() -> None:
    (line,) = values.constants(board())
    assert "zero" in line and "of 2" in line


def test_deciles_are_the_records_own() -> None:
    found = by(calibration.table(board(), "cdnow"), "method")
    assert set(found) == {"ZILN", "Two-stage"}, "constants have no deciles to show"
    mean = np.mean([ltv("ziln", LABEL).slices["decile=10"]["label"]])
    assert found["ZILN"]["decile 10"].endswith(f"/ {mean:,.1f}")


def test_the_figure_is_the_same_bytes_twice() -> None:
    first, second = (drawing.figure(board_, "cdnow") for board_ in [board()] * 2)
    assert first == second and first.count("<svg") == 1


def test_a_board_without_lifetime_value_shows_nothing() -> None:
    empty = Board([record("kuairand", "tr")])
    assert values.section(empty, PAPER, PAPER.table("6")) is None
    assert calibration.section(empty, "kuairand") is None and not list(values.constants(empty))
