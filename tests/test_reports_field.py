"""The whole field: races, skill, the rows that stand for methods, the pooled standing and the picture."""

import re
from itertools import product
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from reports.evidence.estimand import Rho, rho
from reports.evidence.standing import standings
from reports.plots.field import colour, figure
from tests.fake_records import record
from tests.front_world import board, field, row

FILES: dict = {"slice": "made up", "rows": 9, "files": []}

THREE = (
    row("kuairand", "d2q", mae=20.0, rmse=43.0, xauc=0.63),
    row("kuairand", "tr", mae=23.0, rmse=40.0, xauc=0.61),
    row("kuairand", "boosting", mae=21.0, rmse=39.0, xauc=0.62),
    row("kuairand", "median", mae=22.0, rmse=45.0, xauc=0.5),
    row("kuairand", "mean", mae=26.0, rmse=42.0, xauc=0.5),
)


def skills(dataset: str, metric: str, here) -> dict[str, float | None]:
    race = here.race(dataset, metric)
    return {e.method: race.skill(e) for e in race.rows}


def test_skill_is_the_way_from_the_best_constant_to_the_best_row():
    here = field(*THREE)
    assert skills("kuairand", "mae", here) == {"d2q": 1.0, "boosting": 0.5, "median": 0.0, "tr": -0.5, "mean": -2.0}
    rmse = {"boosting": 1.0, "tr": pytest.approx(2 / 3), "mean": 0.0, "d2q": pytest.approx(-1 / 3), "median": -1.0}
    assert skills("kuairand", "rmse", here) == rmse
    assert here.race("kuairand", "mae").gain == pytest.approx(100 * (20 / 22 - 1))


def test_a_ranking_starts_where_any_constant_is():
    assert skills("kuairand", "xauc", field(*THREE))["boosting"] == pytest.approx(0.12 / 0.13)


def test_an_oracle_is_what_can_be_reached_and_takes_no_part():
    here = field(*THREE, row("kuairand", "oracle", mae=12.0))
    assert skills("kuairand", "mae", here)["d2q"] == pytest.approx(0.2) and "oracle" not in skills(
        "kuairand", "mae", here
    )
    assert ("oracle", "default") not in here.shown and here.race("kuairand", "mae").best.method == "d2q"


def test_without_a_constant_there_is_no_skill():
    here = field(row("kuairand", "tr", mae=20.0), row("kuairand", "d2q", mae=21.0))
    assert skills("kuairand", "mae", here) == {"tr": None, "d2q": None} and here.race("kuairand", "mae").gain is None


def test_where_the_constant_is_the_best_there_is_no_way_between():
    here = field(row("cdnow", "tr", mae=9.0), row("cdnow", "median", mae=5.0))
    assert skills("cdnow", "mae", here) == {"median": None, "tr": None} and here.race("cdnow", "mae").gain == 0


def test_the_first_group_is_what_noise_leaves_level_with_the_best():
    close = (row("kuairand", "d2q", mae=20.0), row("kuairand", "tpm", mae=20.1), row("kuairand", "tr", mae=21.0))
    assert [e.method for e in field(*close, pairs=0.2).race("kuairand", "mae").first] == ["d2q", "tpm"]
    assert [e.method for e in field(*close, pairs=0.01).race("kuairand", "mae").first] == ["d2q"]
    assert [e.method for e in field(*close, without=("kuairand",)).race("kuairand", "mae").first] == ["d2q"]


def test_boards_of_real_rows_come_first_and_count_alone():
    here = field(row("aaa", "tr", mae=1.0, facts=FILES), *THREE)
    assert here.datasets == ("kuairand", "aaa") and here.real == ("kuairand",)
    assert field(row("aaa", "tr", mae=1.0, facts=FILES)).real == ("aaa",)


def test_a_variant_stands_beside_its_default_where_it_is_better_beyond_noise():
    rows = (*THREE, row("kuairand", "boosting", "absolute", mae=20.5, rmse=39.5))
    assert ("boosting", "absolute") in field(*rows).shown
    assert ("boosting", "absolute") not in field(*rows, pairs=2.0).shown
    made_up = [
        [record(r.dataset, r.method, r.variant, r.seed, metrics=r.metrics, facts=FILES) for r in s] for s in rows
    ]
    renamed = [[record("aaa", r.method, r.variant, r.seed, metrics=r.metrics, facts=FILES) for r in s] for s in made_up]
    assert ("boosting", "absolute") not in field(*renamed, *THREE).shown


def test_rows_stand_by_skill_and_constants_last():
    (block,) = field(*THREE).blocks
    assert [method for method, _ in block.rows] == ["d2q", "boosting", "tr", "median", "mean"]
    assert (block.words, block.datasets) == ("watch time", ("kuairand",))


def test_values_of_another_kind_stand_in_a_block_of_their_own():
    value = [record("cdnow", "ziln", seed=s, metrics={"test": {"mae": 5.0, "rmse": 9.0, "gini": 0.3}}) for s in (0, 1)]
    both = [record("cdnow", "tr", seed=s, metrics={"test": {"mae": 6.0, "rmse": 8.0, "gini": 0.2}}) for s in (0, 1)]
    found = {block.words: block.rows for block in field(*THREE, value, both, without=("cdnow",)).blocks}
    assert list(found) == ["watch time", "lifetime value"]
    assert ("ziln", "default") not in found["watch time"] and ("tr", "default") in found["watch time"]
    assert set(found["lifetime value"]) == {("ziln", "default"), ("tr", "default")}


# --- the pooled standing


def brute_force(means: dict[str, dict[str, float]], error: float) -> dict[str, tuple[float, float, float]]:
    """Win rates from means by board and method: every pair tested by itself, and Holm's step-down spelled out."""
    rates: dict[str, list[tuple[float, float, float]]] = {}
    for here in means.values():
        pairs = [(a, b) for a, b in product(here, here) if a < b]
        p = sorted((2 * norm.sf(abs(here[a] - here[b]) / error), (a, b)) for a, b in pairs)
        decided = set()
        for place, (value, pair) in enumerate(p):
            if value * (len(p) - place) >= 0.05:
                break
            decided.add(pair)
        for method in here:
            rivals = [other for other in here if other != method]
            open_ = [r for r in rivals if (min(method, r), max(method, r)) not in decided]
            won = sum(here[method] < here[r] for r in rivals if r not in open_)
            low, high = won / len(rivals), (won + len(open_)) / len(rivals)
            rates.setdefault(method, []).append(((low + high) / 2, low, high))
    return {method: tuple(np.mean(found, axis=0)) for method, found in rates.items()}


@pytest.mark.parametrize("error", [1e-4, 0.05, 0.3, 50.0])
def test_the_standing_is_a_count_of_every_pair(error):
    rng = np.random.default_rng(3)
    methods = ["d2q", "tpm", "tr", "wlr", "cread"]
    means = {d: {m: round(20 + float(rng.normal(0, 0.4)), 3) for m in methods} for d in ("kuairand", "kuairec", "xyz")}
    del means["xyz"]["tr"]
    rows = [row(d, m, mae=mae) for d, found in means.items() for m, mae in found.items()]
    found = standings(field(*rows, pairs=error), list(means), ["mae"] * 3)
    expected = brute_force(means, error)
    assert {s.row[0]: (s.rate, s.low, s.high) for s in found} == {m: pytest.approx(e) for m, e in expected.items()}
    assert [s.rate for s in found] == sorted((s.rate for s in found), reverse=True)
    assert {s.row[0]: s.boards for s in found} == {m: 2 if m == "tr" else 3 for m in methods}
    assert all(s.wins + s.ties + s.losses == (8 if s.row[0] == "tr" else 11) for s in found)


def test_ties_are_ties():
    rows = (row("kuairand", "d2q", mae=20.0), row("kuairand", "tr", mae=20.1), row("kuairand", "median", mae=30.0))
    found = {s.row[0]: s for s in standings(field(*rows, pairs=1.0), ["kuairand"], ["mae"])}
    assert (found["d2q"].wins, found["d2q"].ties, found["d2q"].rate) == (1, 1, 0.75)
    assert str(found["d2q"]) == str(found["tr"]) == "0.75 [0.50, 1.00]" and str(found["median"]) == "0.00 [0.00, 0.00]"


def test_more_is_better_where_the_metric_ranks():
    found = standings(field(*THREE, pairs=1e-5), ["kuairand"], ["xauc"])
    assert found[0].row == ("d2q", "default") and found[0].rate == 1.0


def test_a_board_without_resampling_decides_nothing():
    assert standings(field(*THREE, without=("kuairand",)), ["kuairand"], ["mae"]) == []


# --- what rows estimate


def test_the_correlation_is_scipys_and_its_interval_bonett_and_wrights():
    rng = np.random.default_rng(0)
    pairs = [(float(a), float(b)) for a, b in zip(rng.normal(20, 1, 12), rng.normal(0.8, 0.1, 12), strict=True)]
    names = ["d2q", "tpm", "tr", "wlr", "cread", "gr", "prowtp", "dvr", "cwm", "ndt", "pcr", "cqe"]
    here = board(*(row("kuairand", m, mae=a, ratio=b) for m, (a, b) in zip(names, pairs, strict=True)))
    found = rho(here.of("kuairand"), "mae", "ratio")
    value = spearmanr(*zip(*pairs, strict=True)).statistic
    half = 1.959964 * np.sqrt((1 + value**2 / 2) / 9)
    low, high = np.tanh(np.arctanh(value) - half), np.tanh(np.arctanh(value) + half)
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high))
    assert rho(here.of("kuairand")[:7], "mae", "ratio") is None  # too few rows
    assert rho(here.of("kuairand"), "mae", "rmse") is None  # all alike
    assert str(Rho(1.0, 1.0, 1.0, 9)) == "1.00 [1.00, 1.00]"


# --- the picture


def cells(svg: str) -> list[tuple[str, bool, str]]:
    """Fill, framed or not, and text of each cell, panel by panel and column by column."""
    found = re.findall(
        r'<rect x="[^"]*" y="[^"]*" width="28"[^>]*fill="([^"]+)"([^>]*)/>\n<text[^>]*>([^<]*)</text>', svg
    )
    return [(fill, "stroke" in rest, text) for fill, rest, text in found]


def test_the_picture_shows_every_row_on_every_board_and_frames_the_first_group():
    svg = figure(field(*THREE), "the field")
    ElementTree.fromstring(svg)
    mae = cells(svg)[:5]  # in the order of the rows: d2q, boosting, tr, median, mean
    assert [text for _, _, text in mae] == ["100", "50", "−50", "0", "−200"]
    assert [framed for _, framed, _ in mae] == [True, False, False, False, False]
    assert mae[0][0] == colour(1.0) and mae[4][0] == colour(-1.0) == colour(-7.0) and mae[3][0] == "#ffffff"
    assert len(cells(svg)) == 15 and "Constant median" in svg and ">Oracle" not in svg


def test_the_picture_says_where_the_constant_is_the_best():
    svg = figure(field(row("cdnow", "tr", mae=9.0), row("cdnow", "median", mae=5.0)), "x")
    assert [text for _, _, text in cells(svg)][:2] == ["&lt;0", "0"]


def test_the_picture_is_the_same_again_and_escapes_what_it_shows():
    rows = [record("kuairand", "tr", seed=s, title="<b> & $x$") for s in range(5)], *THREE[:1]
    assert figure(field(*rows), "a < b") == figure(field(*rows), "a < b")
    ElementTree.fromstring(figure(field(*rows), "a < b"))


def test_dark_text_reads_on_every_colour():
    """Contrast of WCAG: at least 4.5 with the ink."""

    def light(hexed: str) -> float:
        parts = [int(hexed[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for skill in np.linspace(-1, 1, 41):
        assert (light(colour(float(skill))) + 0.05) / (light("#1a1a1a") + 0.05) >= 4.5
