"""What RESULTS.md says beyond single numbers: tied groups, intervals, skill, slices."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from benchmark.records.record import Identity
from reports.evidence.contest import contest, covered
from reports.evidence.skill import scale_of
from reports.evidence.stats import Estimate, discoveries, holm, kendall, kendall_interval, smallest
from reports.markup.table import best_two
from reports.model.board import Board
from reports.model.folder import digest, resampled
from reports.render import gather
from reports.sections.board import leaderboard, noise, skill, slices
from tests import fake_noise
from tests.fake_noise import RECORDS, SLICES, board, save_noise
from tests.fake_records import record, save, seeds, world
from tests.pages import by, keys, rows

# --- the statistics


def test_holm_is_the_hand_computed_one():
    """Four p-values: 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.04 x 1, none below the one before."""
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_discoveries_are_those_of_the_step_up_procedure():
    """Rejected at q are the i least p-values of the greatest i with p_(i) <= q i / m, and none else."""
    rng = np.random.default_rng(0)
    for m in (1, 2, 7, 40):
        p = np.where(rng.random(m) < 0.5, rng.random(m) / 20, rng.random(m))
        adjusted = np.array(discoveries(p.tolist()))
        for q in (0.01, 0.05, 0.2):
            passed = [i for i, value in enumerate(sorted(p), 1) if value <= q * i / m]
            bound = sorted(p)[max(passed) - 1] if passed else -1.0
            assert ((adjusted <= q) == (p <= bound)).all()
    assert discoveries([]) == []


def test_kendalls_tau_is_scipys():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 6, 9).tolist(), rng.normal(size=9).tolist()
        assert kendall(a, b) == pytest.approx(kendalltau(a, b).statistic)
    assert kendall([1, 1, 1], [1, 2, 3]) is None


def test_kendalls_interval_follows_the_noise():
    theirs, ours = [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]
    still = np.zeros((4, 4)).tolist()
    assert kendall_interval(theirs, ours, still) == (1.0, 1.0)
    low, high = kendall_interval(theirs, ours, np.eye(4).tolist())
    assert low < 0.4 and high == 1.0
    # what moves all alike moves no order
    assert kendall_interval(theirs, ours, (9 * np.ones((4, 4))).tolist()) == (1.0, 1.0)
    drawn = np.random.default_rng(1).normal(size=(4000, 4)) + ours
    taus = [kendalltau(theirs, row).statistic for row in drawn]
    assert (low, high) == pytest.approx(np.quantile(taus, [0.025, 0.975]), abs=0.34)  # one step of tau is 1/3


def test_an_interval_is_students():
    assert Estimate(1.0, 0.5, 4).interval == pytest.approx((1 - 2.776445 * 0.5, 1 + 2.776445 * 0.5))
    assert Estimate(1.0, 0.5).interval == pytest.approx((1 - 1.959964 * 0.5, 1 + 1.959964 * 0.5))
    assert Estimate(0.98, 0.5).p == pytest.approx(0.05, abs=1e-4)


def test_the_smallest_difference_is_two_point_eight_typical_errors():
    assert smallest([0.1, 0.3, 0.2]) == pytest.approx(2.8 * 0.2, rel=1e-3)
    assert smallest([]) is None


# --- tied groups


def test_a_pair_that_noise_cannot_tell_apart_shares_its_ranks():
    here = contest(board(), "kuairand", "mae")
    assert [e.method for e in here.results] == ["d2q", "tpm", "boosting", "tr", "median", "mean"]
    assert [here.ranks(e) for e in here.results] == [(1, 2), (1, 2), (3, 3), (4, 4), (5, 5), (6, 6)]
    rmse = contest(board(), "kuairand", "rmse")
    assert {e.method: rmse.ranks(e) for e in rmse.results}["tpm"] == (2, 3)


def test_the_leaderboard_shows_tied_groups_and_the_verdicts_follow_them():
    found = rows(leaderboard.table(board(), "kuairand"))
    assert [row["# by MAE"] for row in found] == ["1–2", "1–2", "3", "4", "5", "6"]
    line = next(s for s in leaderboard.verdicts(board(), "kuairand") if s.startswith("Against gradient boosting, MAE"))
    assert re.search(r"better: D2Q \(-2.4 %\) and TPM \(-2.3 %\); worse: TR / VR \(\+2.[45] %\)", line)
    wide = leaderboard.verdicts(board(pairs=5.0), "kuairand")[2]
    assert "better: none; not told apart: D2Q" in wide


def test_a_wider_noise_ties_more():
    found = rows(leaderboard.table(board(pairs=0.4), "kuairand"))
    assert [row["# by MAE"] for row in found][:3] == ["1–4", "1–4", "1–4"]
    found = rows(leaderboard.table(board(pairs=100.0), "kuairand"))
    assert {row["# by MAE"] for row in found} == {"1–6"}


def test_ranks_that_overlap_without_being_equal_are_ranges():
    """a and b are tied, b and c are tied, a and c are not."""
    found = [*seeds(method="d2q", mae=20.0, noise=0), *seeds(method="tpm", mae=20.1, noise=0)]
    found += seeds(method="tr", mae=20.2, noise=0)
    here = contest(board(found, slices={}, pairs=0.06, seeds=0.0), "kuairand", "mae")
    assert [here.ranks(e) for e in here.results] == [(1, 2), (1, 3), (2, 3)]


def test_the_oracle_takes_no_place_and_a_single_seed_no_rank():
    found = [*RECORDS, record(method="oracle", mae=10.0, noise=0), record(method="wlr", mae=20.3)]
    here = board(found, slices={})
    ranks = {row["method"]: row["# by MAE"] for row in rows(leaderboard.table(here, "kuairand"))}
    assert ranks["*Oracle*"] == "–" and ranks["WLR"] == "?" and ranks["D2Q"] == "1–2"
    assert "One seed, so without a rank: WLR." in list(leaderboard.trust(here, "kuairand"))


def test_a_record_that_moved_is_not_what_was_resampled():
    moved = [record(method="tr", seed=s, identity=Identity("m0ved", {}, "c0f1", "da7a", {})) for s in range(5)]
    made = fake_noise.resampled(RECORDS, users=0.2)
    here = Board([r for r in RECORDS if r.method != "tr"] + moved, noise={"kuairand": made})
    assert {e.method for e in covered(here, "kuairand")} == set({e.method for e in board().of("kuairand")}) - {"tr"}
    ranks = {row["method"]: row["# by MAE"] for row in rows(leaderboard.table(here, "kuairand"))}
    assert ranks["TR / VR"] == "?"
    assert any("Not resampled" in line and "TR / VR" in line for line in leaderboard.trust(here, "kuairand"))
    # a sixth seed makes another mean
    here = Board([*RECORDS, record(method="tr", seed=5)], noise={"kuairand": made})
    assert "tr" not in {e.method for e in covered(here, "kuairand")}


def test_stale_cells_leave_the_contest():
    made = fake_noise.resampled(RECORDS, users=0.2, pairs=0.03)
    here = Board(RECORDS, {f"kuairand/d2q/default/{s}": "code moved" for s in range(5)}, {"kuairand": made})
    assert contest(here, "kuairand", "mae").best.method == "tpm"
    ranks = {row["method"]: row["# by MAE"] for row in rows(leaderboard.table(here, "kuairand"))}
    assert ranks["TPM"] == "1" and ranks["D2Q"] == "–"


def test_without_resampling_the_seeds_speak():
    here = Board(RECORDS)
    assert contest(here, "kuairand", "mae") is None
    assert noise.table(here, "kuairand") is None
    assert "No paired test yet" in next(leaderboard.trust(here, "kuairand"))
    assert slices.values(here, "kuairand") is None and slices.orders(here, "kuairand") is None


def test_the_covariance_gives_back_the_errors_of_differences():
    here = contest(board(), "kuairand", "mae")
    a, b = here.results[:2]
    matrix = np.array(here.covariance([a, b]))
    assert math.sqrt(matrix[0, 0]) == pytest.approx(here.mean(a).error)
    assert np.array([1, -1]) @ matrix @ [1, -1] == pytest.approx(here.difference(a, b).error ** 2)


# --- what stands under a leaderboard


def test_intervals_and_differences_stand_in_a_table():
    found = rows(noise.table(board(), "kuairand"))
    first, second, *_, last = found
    assert (first["# by MAE"], first["less the best's"], first["p (Holm)"]) == ("1–2", "–", "–")
    assert last["p (Holm)"] == "< 0.001"
    here = contest(board(), "kuairand", "mae")
    gap = here.difference(here.results[1], here.best)
    assert gap.error == pytest.approx(math.sqrt(0.03**2 + 2 * 0.01**2))
    assert second["95 % interval of it"] == f"[{gap.interval[0]:+.3f}, {gap.interval[1]:+.3f}]"
    assert second["method"] == "TPM"


def test_what_the_test_set_can_show_is_printed():
    lines = list(leaderboard.trust(board(), "kuairand"))
    assert lines[0] == (
        "Resampled: the 16,000 users of the 40,000 test rows, 1,023 times, 511 for metrics that rank, the same for "
        "every method, and the seeds."
    )
    error = math.sqrt(0.03**2 + 2 * 0.01**2)
    assert f"MAE {2.8016 * error:.3f}" in lines[1] and "XAUC" in lines[1] and "ratio" not in lines[1]


def test_skill_runs_from_the_best_constant_to_the_best():
    section = skill.section(board(), "kuairand")
    assert section is not None
    found = by(section.parts[0].tables[0], "method")
    assert found["D2Q"]["MAE"] == "1.00 (1–2)"
    assert found["*Constant median*"]["MAE"] == "0.00 (5)"
    mae = {e.method: e.mean("mae") for e in board().of("kuairand")}
    assert found["TR / VR"]["MAE"].split()[0] == f"{(mae['tr'] - 22) / (mae['d2q'] - 22):.2f}"
    assert found["*Constant mean*"]["RMSE"].startswith("0.00")
    assert "MAE *Constant median* 22.000 to D2Q" in section.about[0]
    assert "XAUC any constant 0.5000 to" in section.about[0]


def test_an_oracle_is_the_one_that_skill_is_measured_by():
    here = Board([*RECORDS, record(method="oracle", mae=18.0, rmse=30.0, noise=0)])
    scale = scale_of(here, "kuairand", "mae")
    assert scale is not None and (scale.zero, scale.one, scale.top) == (22.0, 18.0, "*Oracle*")
    assert scale.skill(20.0) == pytest.approx(0.5)
    assert skill.section(Board([]), "kuairand") is None


# --- slices


def test_slices_say_who_wins_where_and_what_turns_round():
    found = by(slices.orders(board(), "kuairand"), "slice")
    turned = found["duration bucket 0"]
    assert turned["least MAE"] == "TR / VR"
    assert "TR / VR ahead of Boosted trees" in turned["reversed beyond noise"]
    assert (
        turned["τ with all rows"] == f"{kendalltau([20.5, 20.0, 26.0, 22.0, 20.02, 21.0], SLICES['bucket=0'])[0]:.2f}"
    )
    same = found["unseen users"]
    assert (same["least MAE"], same["τ with all rows"], same["reversed beyond noise"]) == (
        "D2Q and 1 tied with it",
        "1.00",
        "none",
    )
    assert rows(slices.orders(board(pairs=9.0), "kuairand"))[0]["reversed beyond noise"] == "none"
    values = by(slices.values(board(), "kuairand"), "MAE ↓")
    assert values["TR / VR"]["duration bucket 0"] == "**3.000**"
    assert values["TPM"]["duration bucket 0"] == "<u>4.000</u>"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bucket=3", "duration bucket 3"),
        ("item=unseen", "unseen items"),
        ("activity=2-4", "users with 2–4 training rows"),
        ("zero", "y = 0"),
        ("whatever", "whatever"),
    ],
)
def test_slices_have_plain_names(name, expected):
    assert slices.name_of(name) == expected


# --- the file among the records


def test_the_digest_covers_the_noise(tmp_path):
    runs = save(tmp_path / "runs", *RECORDS)
    before = digest(runs)
    save_noise(runs, fake_noise.resampled(RECORDS, users=0.2))
    after = digest(runs)
    assert after != before
    assert set(resampled(runs)) == {"kuairand"}
    save_noise(runs, fake_noise.resampled(RECORDS, users=0.3))
    assert digest(runs) not in (before, after)


def test_the_page_of_a_board_has_all_of_it(tmp_path: Path):
    records = world()
    made = fake_noise.resampled(
        [r for r in records if r.dataset == "kuairand"], users=0.2, seeds=0.01, pairs=0.03,
        slices={"bucket=0": [6.0 + i / 10 for i in range(len({(r.method, r.variant) for r in records
                                                               if r.dataset == "kuairand" and r.outcome == "ok"}))]},
    )  # fmt: skip
    runs = save_noise(save(tmp_path / "runs", *records), made)
    assert keys(gather(runs), "board-kuairand") == ["leaderboard", "label", "noise", "skill", "slices", "provenance"]
    assert keys(gather(runs), "board-synthetic") == ["leaderboard", "skill", "provenance"]


def test_best_two_is_untouched_by_undefined_values():
    assert best_two([None, 2.0], low=True, digits=1) == ({1}, set())
