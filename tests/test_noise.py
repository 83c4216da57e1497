"""What the noise says is true: intervals hold, false alarms are rare, what differs is told apart and copies are not."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from msgspec import structs

from benchmark.compare.lanes import LANES
from benchmark.compare.noise import Noise
from benchmark.compare.refresh import spread
from benchmark.compare.resample import Resampler, multiplicities
from reports.evidence.contest import Contest
from reports.evidence.stats import LEVEL, estimate
from reports.model.board import Result

USERS, METHODS, SEEDS, DRAWS = 200, 6, 5, 8 * LANES
WORLDS = {
    # spread of: users for all methods alike, users for each method, seeds, users for each seed
    "users": (1.0, 1.0, 0.0, 0.0),
    "seeds": (1.0, 0.1, 1.0, 0.0),
    "each seed's own users": (1.0, 0.0, 0.0, 1.0),
    "everything": (1.0, 1.0, 0.15, 1.0),
}


def contest(draws: np.ndarray, *, clusters: int, seeds: int = SEEDS) -> Contest:
    """float64 [methods * seeds, draws] as a contest of the least value, method by method."""
    methods = len(draws) // seeds
    owner = np.repeat(np.arange(methods), seeds)
    found = spread(draws, owner, [False] * methods, clusters)
    entries = [Result("made-up", f"m{m}", "default", f"m{m}", ok=(None,) * seeds) for m in range(methods)]
    means = {e: draws[owner == m, 0].mean() for m, e in enumerate(entries)}
    return Contest(
        tuple(sorted(entries, key=lambda e: means[e])), True, file(clusters, draws.shape[1] - 1), found,
        draws.shape[1] - 1, {e: m for m, e in enumerate(entries)}, means,
    )  # fmt: skip


def file(clusters: int, draws: int) -> Noise:
    return Noise(
        dataset="made-up", code="", table="", seed=0, rows=clusters, clusters=clusters, drawn="rows", draws=draws,
        ranking_draws=draws, entries=[], missing={}, metrics={}, slices={},
    )  # fmt: skip


@dataclass
class Tally:
    """Shares over simulations."""

    means: list[bool]
    pairs: list[bool]
    alarms: list[bool]
    alarms_by_the_best: list[bool]


def simulate(world: str, times: int) -> Tally:
    """Methods that are all equal in truth: the mean of each user's error is 0 for everybody."""
    common, own, seeds, rest = WORLDS[world]
    rng = np.random.default_rng(11)
    weight = multiplicities(USERS, DRAWS, 5).transpose(0, 2, 1).reshape(DRAWS, USERS) / USERS
    tally = Tally([], [], [], [])
    for _ in range(times):
        error = common * rng.normal(size=(1, 1, USERS)) + own * rng.normal(size=(METHODS, 1, USERS))
        error = error + seeds * rng.normal(size=(METHODS, SEEDS, 1)) + rest * rng.normal(size=(METHODS, SEEDS, USERS))
        found = contest(error.reshape(-1, USERS) @ weight.T, clusters=USERS)
        tally.means += [low <= 0 <= high for low, high in [found.mean(e).interval for e in found.results]]
        by_name = sorted(found.results, key=lambda e: e.method)
        pairs = [(a, b) for i, a in enumerate(by_name) for b in by_name[:i]]
        tally.pairs += [low <= 0 <= high for low, high in [found.difference(a, b).interval for a, b in pairs]]
        tally.alarms.append(min(found.p.values()) < LEVEL)
        alone = min(found.difference(e, found.best).p for e in found.results[1:]) * (METHODS - 1)
        tally.alarms_by_the_best.append(alone < LEVEL)
    return tally


@pytest.fixture(scope="module", params=WORLDS)
def tally(request) -> Tally:
    return simulate(request.param, 1500)


def test_intervals_hold_as_often_as_they_say(tally):
    """9,000 means and 22,500 differences per world, in 1,500 simulations."""
    assert 0.93 < np.mean(tally.means) < 0.97
    assert 0.93 < np.mean(tally.pairs) < 0.97


def test_false_alarms_are_rare_among_all_methods(tally):
    """The chance that any of six equal methods is told apart from another, and so from the best: at most 5 %; the
    simulation's own error is 0.6 %."""
    assert np.mean(tally.alarms) <= 0.05 + 0.01


def test_a_family_of_the_comparisons_with_the_best_alone_would_cry_wolf():
    """Why Holm goes over all pairs: the best is picked by the same numbers."""
    assert np.mean(simulate("users", 600).alarms_by_the_best) > 0.08


def test_drawing_users_and_seeds_at_once_would_count_their_interaction_three_times():
    """Why seeds are no part of the draws: the plain double bootstrap is too wide by sqrt(3) where each seed's errors
    are its own."""
    rng = np.random.default_rng(0)
    weight = multiplicities(USERS, DRAWS, 5).transpose(0, 2, 1).reshape(DRAWS, USERS) / USERS
    drawn = rng.multinomial(SEEDS - 1, np.full(SEEDS, 1 / SEEDS), size=DRAWS) / (SEEDS - 1)  # unbiased for the mean
    ours, naive = [], []
    for _ in range(100):
        draws = rng.normal(size=(SEEDS, USERS)) @ weight.T
        found = contest(np.concatenate([draws, draws]), clusters=USERS)
        ours.append(found.mean(found.best).error ** 2)
        naive.append((drawn.T * draws).sum(0).var())
    truth = 1 / (SEEDS * USERS)
    assert 0.95 < np.mean(ours) / truth < 1.4  # above 1, because the seeds' part is never negative
    assert np.mean(naive) / truth == pytest.approx(3, rel=0.1)


def world(methods: list[float], *, seeds: int = 3, users: int = 600, rows: int = 4):
    """Labels, users and predictions [methods, seeds, n] whose noise around the label has these spreads."""
    rng = np.random.default_rng(4)
    user = np.repeat(np.arange(users), rows)
    y = np.exp(rng.normal(size=users)[user] + rng.normal(size=users * rows))
    p = [[y * np.exp(rng.normal(size=len(y)) * scale) for _ in range(seeds)] for scale in methods]
    return y, user, np.array(p)


@pytest.mark.parametrize(("metric", "low"), [("mae", True), ("rmse", True), ("xauc", False), ("spearman", False)])
def test_what_differs_is_told_apart_and_two_copies_are_tied(metric, low):
    y, user, p = world([0.8, 0.8, 1.2])
    p[1] = p[0]
    resampler = Resampler.build("watch_time", y, user=user, draws=4 * LANES)
    draws = np.stack([resampler.of(one)[metric] for method in p for one in method])
    found = contest(draws if low else -draws, clusters=600, seeds=3)
    ranks = {e.method: found.ranks(e) for e in found.results}
    assert ranks == {"m0": (1, 2), "m1": (1, 2), "m2": (3, 3)}
    same = found.difference(*found.results[:2])
    assert (same.value, same.p) == (0, 1)


def test_the_smallest_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(1)
    weight = multiplicities(USERS, DRAWS, 5).transpose(0, 2, 1).reshape(DRAWS, USERS) / USERS
    found, times = 0, 300
    shift = (1.959964 + 0.841621) * np.sqrt(2 / USERS)  # of two methods with independent unit errors
    for _ in range(times):
        error = rng.normal(size=(2, 1, USERS)) + np.array([0, shift])[:, None, None]
        tested = contest(error.reshape(2, USERS) @ weight.T, clusters=USERS, seeds=1)
        tested = replace(tested, spread=structs.replace(tested.spread, seeds=[0.0, 0.0]))
        found += tested.difference(*tested.results).p < LEVEL
        assert tested.smallest == pytest.approx(shift, rel=0.25)
    assert found / times == pytest.approx(0.8, abs=0.06)


def test_seeds_widen_what_they_should_and_only_that():
    rng = np.random.default_rng(0)
    steady = np.repeat(rng.normal(size=(1, DRAWS)), 3, axis=0)
    shaken = steady + np.array([[0.0], [3.0], [6.0]])
    found = spread(np.concatenate([steady, shaken, steady[:1], steady[:1]]), np.array([0, 0, 0, 1, 1, 1, 2, 3]),
                   [False, False, True, False], 1000)  # fmt: skip
    assert found.seeds == [0.0, pytest.approx(3 / np.sqrt(3), rel=1e-3), 0.0, None]
    assert found.pairs[1] == [pytest.approx(0, abs=1e-12)]
    assert len(set(found.users)) == 1


def test_a_metric_that_a_draw_leaves_undefined_is_compared_on_the_others():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(3, DRAWS))
    draws[0, 5] = np.nan
    draws[2] = np.nan  # undefined on the test set itself: out of the contest
    found = spread(draws, np.arange(3), [True] * 3, 1000)
    keep = np.delete(draws, 5, axis=1)
    scale = np.sqrt(1000 / 999)
    assert found.users[:2] == pytest.approx(list(scale * keep[:2, 1:].std(1, ddof=1)), rel=1e-3)
    assert found.users[2] is None and found.value[2] is None and found.pairs[2] == [None, None]


def test_degrees_of_freedom_are_welchs():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=5), rng.normal(0.8, 3, size=4)
    theirs = ttest_ind(a, b, equal_var=False)
    parts = [(a.std(ddof=1) / np.sqrt(5), 4), (b.std(ddof=1) / np.sqrt(4), 3)]
    ours = estimate(a.mean() - b.mean(), parts)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert ours.freedom == pytest.approx(theirs.df)
    assert ours.interval == pytest.approx(tuple(theirs.confidence_interval()))
    assert estimate(1.0, []).p == 0 and estimate(0.0, []).p == 1
