"""Resampling a test set: every draw is what copying its rows would give, and its spread is what theory says."""

from time import process_time

import numpy as np
import pytest

from benchmark.compare.lanes import LANES
from benchmark.compare.resample import DRAWS, Resampler, multiplicities, ranking_draws
from benchmark.metrics import pairs as metrics


def copied(resampler: Resampler, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a draw, each as often as it counts, and a user number that differs between copies of a user."""
    times = resampler.weight[draw // LANES, :, draw % LANES][resampler.cluster].astype(int)
    rows = np.repeat(np.arange(len(times)), times)
    copy = np.concatenate([np.arange(count) for count in times])
    return rows, resampler.cluster[rows] * 1000 + copy


WORLDS = {
    "few labels, few predictions": (lambda rng, n: rng.integers(0, 4, n), 0),
    "few labels, free predictions": (lambda rng, n: rng.integers(0, 4, n), 6),
    "free labels, few predictions": (lambda rng, n: rng.lognormal(size=n), 0),
    "more distinct labels than one pass holds": (lambda rng, n: rng.lognormal(size=n) - 0.3, 6),
}


@pytest.mark.parametrize("name", WORLDS)
def test_every_draw_is_what_copies_of_its_rows_give(name):
    labels, decimals = WORLDS[name]
    rng = np.random.default_rng(3)
    n = 260
    user, y = rng.integers(0, 50, n), labels(rng, n).astype(float)
    p = np.round(0.5 * y + rng.normal(size=n), decimals)
    part = rng.random(n) < 0.4
    resampler = Resampler.build("ltv", y, user=user, slices={"part": part}, draws=LANES)
    found = resampler.of(p)
    assert {len(values) for values in found.values()} == {LANES}
    for draw in (0, 1, 17, LANES - 1):
        rows, owner = copied(resampler, draw)
        a, b, inside = y[rows], p[rows], part[rows]
        expected = {
            "mae": metrics.mae(a, b),
            "rmse": metrics.rmse(a, b),
            "ratio": metrics.ratio(a, b),
            "xauc": metrics.xauc(a, b),
            "xgauc": metrics.xgauc(a, b, owner),
            "spearman": metrics.spearman(a, b),
            "gini": metrics.normalized_gini(a, b),
            "auc": metrics.auc(a, b),
            "part/mae": metrics.mae(a[inside], b[inside]),
        }
        assert found.keys() == expected.keys()
        for metric, value in expected.items():
            assert found[metric][draw] == pytest.approx(value, rel=1e-12, nan_ok=True), (metric, draw)


def test_draw_0_is_the_test_set_and_a_constant_orders_nothing():
    y = np.random.default_rng(0).lognormal(size=300)
    found = Resampler.build("watch_time", y, draws=LANES).of(np.full(300, 2.0))
    assert found["mae"][0] == pytest.approx(metrics.mae(y, np.full(300, 2.0)), rel=1e-14)
    assert (found["xauc"] == 0.5).all()
    assert np.isnan(found["spearman"]).all()
    assert "xgauc" not in found  # no users


def test_a_draw_takes_as_many_users_as_there_are_and_depends_on_its_number_alone():
    weight = multiplicities(500, 4 * LANES, seed=7)
    drawn = weight.transpose(0, 2, 1).reshape(4 * LANES, 500)
    assert (drawn.sum(1, dtype=int) == 500).all()
    assert (drawn[0] == 1).all()
    assert (multiplicities(500, LANES, seed=7) == weight[:1]).all()
    assert not (multiplicities(500, LANES, seed=8) == weight[:1]).all()
    # Poisson-like: about e^-1 of the users stay away
    assert (drawn[1:] == 0).mean() == pytest.approx(np.exp(-1), abs=0.005)


def test_the_spread_of_a_mean_is_that_of_the_formula():
    rng = np.random.default_rng(1)
    n = 2000
    y, p = rng.exponential(size=n), np.zeros(n)
    found = Resampler.build("watch_time", y, draws=DRAWS).of(p)
    assert found["mae"][1:].std() == pytest.approx(y.std() / np.sqrt(n), rel=0.06)  # a standard deviation of 1023: 2 %
    # sqrt(mean square): the delta method
    error = np.std(y**2) / np.sqrt(n) / (2 * np.sqrt(np.mean(y**2)))
    assert found["rmse"][1:].std() == pytest.approx(error, rel=0.06)


def test_the_spread_of_a_mean_over_clustered_users_is_that_of_their_sums():
    rng = np.random.default_rng(2)
    users, rows = 400, 25
    user = np.repeat(np.arange(users), rows)
    y = np.abs(rng.normal(size=users))[user] + 0.3 * rng.random(users * rows)
    p = np.zeros(len(y))
    by_user = Resampler.build("watch_time", y, user=user, draws=DRAWS).of(p)["mae"][1:].std()
    by_row = Resampler.build("watch_time", y, draws=DRAWS).of(p)["mae"][1:].std()
    means = y.reshape(users, rows).mean(1)
    assert by_user == pytest.approx(means.std() / np.sqrt(users), rel=0.06)
    assert by_user > 4 * by_row  # what calling rows independent would hide


def test_rankings_get_the_first_draws_where_rows_are_many():
    assert [ranking_draws(n) for n in (200_000, 200_001, 1_000_001)] == [DRAWS, DRAWS // 2, DRAWS // 4]
    rng = np.random.default_rng(0)
    y = rng.random(400)
    p = y + rng.normal(size=400)
    few = Resampler.build("watch_time", y, draws=4 * LANES, ranking=LANES).of(p)
    all_ = Resampler.build("watch_time", y, draws=4 * LANES).of(p)
    assert len(few["mae"]) == 4 * LANES and len(few["xauc"]) == LANES
    assert (few["xauc"] == all_["xauc"][:LANES]).all()


def test_what_cannot_be_resampled_is_refused():
    with pytest.raises(ValueError, match="multiples of 64"):
        Resampler.build("watch_time", [1.0, 2.0], draws=100)
    with pytest.raises(ValueError, match="1 of 2 predictions are not finite"):
        Resampler.build("watch_time", [1.0, 2.0], draws=LANES).of([1.0, np.nan])
    with pytest.raises(ValueError, match="equally long"):
        Resampler.build("watch_time", [1.0, 2.0], draws=LANES).of([1.0])


def test_rows_by_the_hundred_thousand_are_no_matter():
    """8 s of one 2.6 GHz core for all metrics of a million rows on a thousand draws; here five times that will do."""
    rng = np.random.default_rng(0)
    n = 100_000
    y, user = rng.lognormal(size=n).round(3), rng.integers(0, 5_000, n)
    p = (y**0.3 + rng.normal(size=n)).astype(np.float32)
    resampler = Resampler.build("watch_time", y, user=user, draws=2 * LANES)
    resampler.of(p)
    started = process_time()
    resampler.of(p)
    assert process_time() - started < 40 * n / 1e6 * 2 * LANES / 1000
