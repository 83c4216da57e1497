"""Which seeds learned hardly more than a constant."""

from collections.abc import Mapping
from typing import Any

import pytest

from benchmark.records.record import Curve, Record
from reports.evidence.learned import lines
from reports.model.board import Board
from reports.sections.distributions import section
from tests.fake_records import record, seeds

ALL = {"epochs": 20, "patience": 20}
PROTOCOL: Mapping[str, Any] = {"split": "random", "epochs": 20, "patience": 5, "stop": "mae"}
MEDIAN = record("kuairec", "median", mae=4.0, noise=0)


def run(seed: int, *, mae: float, xauc: float, epoch: int = 1, method: str = "gr", **changes: Any) -> Record:
    curve = Curve([4.0] * 20, [1.0] * 20, epoch, True)
    made = record("kuairec", method, seed=seed, curve=curve, **({"protocol": PROTOCOL} | changes))
    made.metrics["test"].update(mae=mae, xauc=xauc)
    return made


def said(*records: Record, median: Record | None = MEDIAN) -> str:
    board = Board([*records, *([median] if median else [])])
    names = {entry.title: entry for entry in board.results.values() if entry.dataset == "kuairec"}
    return " ".join(lines(board, "kuairec", names))


def test_only_seeds_that_are_near_the_constant_in_error_and_in_ranking_count() -> None:
    found = said(
        run(0, mae=3.99, xauc=0.515, epoch=2),
        run(1, mae=3.99, xauc=0.56, epoch=7),  # ranks
        run(2, mae=3.97, xauc=0.51, epoch=9),  # errs less
        run(3, mae=4.3, xauc=0.49, epoch=1),
        run(0, mae=5.0, xauc=0.7, method="tr"),  # aims at the mean
    )
    assert "GR: 2 of 4 (2, 1). Training ends after 5 epochs" in found and "TR" not in found
    assert "@tweaks" not in found


def test_runs_without_the_early_stop_are_pointed_at() -> None:
    without = seeds(2, dataset="kuairec@unstopped", method="gr", protocol=ALL)
    assert "GR: 1 of 1 (1)" in (found := said(run(0, mae=4.0, xauc=0.5), *without)) and "(@tweaks)" in found
    assert "@tweaks" not in said(
        run(0, mae=4.0, xauc=0.5),
        *seeds(2, dataset="kuairec@unstopped", method="tr", protocol=ALL),
    )


def test_runs_that_had_all_their_epochs_are_said_to() -> None:
    found = said(run(0, mae=4.0, xauc=0.5, epoch=17, protocol={**PROTOCOL, "patience": 20}))
    assert "GR: 1 of 1 (17). All 20 epochs were run;" in found and "Training ends" not in found


@pytest.mark.parametrize("other", [
    {"median": None},
    {"median": record("kuairec", "median", outcome="failed", error="x")},
])  # fmt: skip
def test_nothing_is_said_where_no_constant_has_numbers(other: dict[str, Any]) -> None:
    assert said(run(0, mae=4.0, xauc=0.5), **other) == ""


def test_nothing_is_said_of_constants_failures_or_runs_that_stop_by_their_own_loss() -> None:
    assert said(run(0, mae=4.0, xauc=0.5, protocol={**PROTOCOL, "stop": "loss"})) == ""
    assert said(record("kuairec", "gr", outcome="failed", error="x")) == ""


def test_intervals_of_tokens_drawn_apart_say_so() -> None:
    kept = [record(method="gr", variant=v, config={"mixup": m}) for v, m in (("default", "window"), ("code", "all"))]
    for one in kept:
        one.metrics["test"].update(
            {"pinball": 5.0, "pinball_rows": 8192.0, "coverage_50": 0.5, "coverage_80": 0.8, "coverage_90": 0.9}
        )
    found = section(Board(kept))
    assert found is not None and found.parts[0].lines[-1].endswith(": GR (code).")
