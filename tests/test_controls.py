"""The control worlds: their truth against sampling, and whether each assumption holds where it should and fails where
it should not."""

import numpy as np
import pytest
from scipy import stats

from datasets import controls, registry
from datasets.controls import MOST, SIZES, Made
from datasets.worlds import laws
from datasets.worlds.cast import Cast
from datasets.worlds.spend import SPEND
from datasets.worlds.watch import WATCH
from datasets.worlds.world import Rows, drawn
from methods._bins import bin_of, equal_frequency
from methods.gr import vocabulary

WORLDS = {world.key: world for world in (*WATCH, *SPEND)}


def people(world, n, seed=0):
    """n rows of a world with their scores and labels."""
    rng = np.random.default_rng(seed)
    cast = Cast.of(rng, world.scores)
    rows, law, label = drawn(world, cast, rng.random(n), rng)
    return cast, rows, law, label


def one_row(name):
    """A row of each kind of law, with parameters written down here."""
    known = {
        "mixture": laws.LogNormals(np.array([[0.2, 0.5]]), np.log([[3.0, 40.0]]), np.array([[0.3, 0.8]])),
        "mostly zero": laws.LogNormals(np.array([[0.1, 0.2]]), np.log([[3.0, 40.0]]), np.array([[0.3, 0.8]])),
        "lognormal": laws.lognormal(np.log([7.0]), np.array([0.5])),
        "steps": laws.Steps(np.array([0.0, 2.0, 9.0]), np.array([[0.3, 0.4, 0.3]])),
        "pieces": laws.Pieces(np.array([0.0, 1.0, 4.0, 20.0]), np.array([[0.3, 0.3, 0.4]])),
        "capped": laws.Capped(np.log([30.0]), 0.6, np.array([35.0])),
        "cut": laws.CutNormal(np.array([10.0]), 25.0),
        "mostly cut": laws.CutNormal(np.array([-10.0]), 25.0),
    }
    return known[name]


@pytest.mark.parametrize(
    "name", ["mixture", "mostly zero", "lognormal", "steps", "pieces", "capped", "cut", "mostly cut"]
)
def test_mean_and_median_are_those_of_samples(name):
    law, n = one_row(name), 400_000
    repeated = type(law)(*(np.repeat(v, n, 0) if np.ndim(v) and len(v) == 1 else v for v in vars(law).values()))
    sample = repeated.sample(np.random.default_rng(1))
    assert abs(sample.mean() - law.mean()[0]) < 5 * sample.std() / np.sqrt(n)
    median, slack = law.median()[0], 5 / np.sqrt(4 * n)
    assert (sample <= median * (1 + 1e-9)).mean() >= 0.5 - slack
    assert (sample < median * (1 - 1e-9)).mean() <= 0.5 + slack


def test_means_and_medians_have_closed_forms_elsewhere():
    capped = stats.norm(np.log(30), 0.6)
    expected = capped.expect(lambda t: np.exp(min(t, np.log(35))), epsabs=1e-9)
    assert one_row("capped").mean()[0] == pytest.approx(expected, rel=1e-6)
    cut = stats.norm(10, 25).expect(lambda t: max(t, 0.0), epsabs=1e-9)
    assert one_row("cut").mean()[0] == pytest.approx(cut, rel=1e-6)
    assert one_row("lognormal").mean()[0] == pytest.approx(stats.lognorm(0.5, scale=7).mean())
    assert one_row("lognormal").median()[0] == pytest.approx(stats.lognorm(0.5, scale=7).median())
    assert one_row("pieces").median()[0] == pytest.approx(1 + 3 * (0.2 / 0.3))
    assert one_row("steps").median()[0] == 2


@pytest.mark.parametrize("name", WORLDS)
def test_labels_follow_the_truth_of_their_rows(name):
    """Over all rows, and over those above and below the middle of the mean: the labels' mean is the truth's."""
    made = Made.of(WORLDS[name], 0)
    high = made.mean > np.median(made.mean)
    for part in (high, ~high):
        error = made.label[part] - made.mean[part]
        assert abs(error.mean()) < 5 * error.std() / np.sqrt(part.sum())
    below, upto = (made.label < made.median - 1e-3).mean(), (made.label <= made.median + 1e-3).mean()
    assert below < 0.515
    assert upto > 0.485


@pytest.mark.parametrize("name", WORLDS)
def test_features_tell_much_of_the_label(name):
    made = Made.of(WORLDS[name], 0)
    test = slice(MOST, None)
    y = made.label[test]
    assert np.abs(y - made.median[test]).mean() < 0.85 * np.abs(y - np.median(y)).mean()
    assert stats.spearmanr(y, made.mean[test]).statistic > 0.4


# the assumptions, each where it holds and in the plain world


def ratios(world):
    cast, rows, _, label = people(world, 20_000)
    return cast.seconds[rows.thing], label / cast.seconds[rows.thing]


def peaks_of(seconds, ratio):
    """The mean and the spread of the log ratio at each of four peaks in each fifth of the videos, [5, 4] each."""
    videos = np.unique(seconds)
    group = np.searchsorted(videos, seconds) * 5 // len(videos)
    at = np.abs(np.log(ratio[:, None] / np.array([0.1, 0.5, 1.0, 2.0]))).argmin(1)
    parts = [[ratio[(group == g) & (at == k)] for k in range(4)] for g in range(5)]
    means = np.array([[part.mean() for part in row] for row in parts])
    return means, np.array([[np.log(part).std() for part in row] for row in parts])


def test_watch_ratios_crowd_at_peaks_of_like_means_and_unlike_spreads():
    seconds, ratio = ratios(WORLDS["peaks"])
    means, spreads = peaks_of(seconds, ratio)
    np.testing.assert_allclose(means, np.broadcast_to([0.1, 0.5, 1.0, 2.0], means.shape), rtol=0.03)
    assert (np.diff(spreads, axis=0) < 0).all()
    assert (spreads[0] > 3 * spreads[-1]).all()
    seconds, ratio = ratios(WORLDS["plain"])
    inner = peaks_of(seconds[ratio > 0], ratio[ratio > 0])[1][:, 1:3]  # with rows on both sides
    assert inner.min() > 0.16, "as wide as no peak at all"


def test_the_groups_of_peaks_are_the_buckets_of_the_method():
    """But for videos at the edges, which move with the rows that are drawn."""
    cast, rows, law, _ = people(WORLDS["peaks"], 20_000)
    seconds = cast.seconds[rows.thing]
    bucket = bin_of(seconds, equal_frequency(seconds, 5))
    group = np.argmax(law.sigma[:, :1] == np.array(WORLDS["peaks"].spreads), axis=1)
    assert (bucket == group).mean() > 0.8


def test_labels_are_sums_of_tokens_and_a_coin_decides_a_fifth_of_them():
    world = WORLDS["tokens"]
    _, _, law, label = people(world, 20_000)
    sums = {sum(v for v, b in zip(world.values, bits, strict=True) if b) for bits in np.ndindex(*(2,) * 6)}
    assert set(label) <= sums
    assert len(sums) == 64
    # a vocabulary of powers of two writes a label in just the tokens that it was added up from
    words = vocabulary.binary(label, vocabulary.unit_of(label))
    written = words.encode(label)
    used = {
        float(words.values[token - vocabulary.SPECIAL]) for token in np.unique(written[written >= vocabulary.SPECIAL])
    }
    assert used == set(world.values)
    np.testing.assert_allclose(law.weight.sum(1), 1)
    # the likeliest sequence is all as it was meant: each of six bits with probability 0.9
    np.testing.assert_allclose(law.weight.max(1), 0.9**6)
    _, _, _, plain = people(WORLDS["plain"], 20_000)
    assert len(np.unique(plain.round(3))) > 10_000


def test_a_token_depends_on_the_one_before_it():
    """Of one row, the chance of the second bit given the first is not the same for both."""
    _, _, law, _ = people(WORLDS["tokens"], 2_000)
    words = law.weight.reshape(-1, 2, 2, 16).sum(3)  # rows, first bit, second bit
    given = words[:, :, 1] / words.sum(2)
    assert (np.abs(given[:, 0] - given[:, 1]) > 0.5).mean() > 0.2


def test_duration_sets_place_and_spread_and_the_rank_within_it_is_interest():
    cast, rows, _, label = people(WORLDS["duration"], 40_000)
    seconds, z = cast.seconds[rows.thing], cast.scores(rows.user, rows.thing)[:, 0]
    videos = [seconds == s for s in np.unique(seconds)]  # the shortest first
    middle = [np.median(label[one]) for one in videos]
    spread = [np.log(label[one]).std() for one in videos]
    third = len(videos) // 3
    assert np.mean(middle[-third:]) > 2.5 * np.mean(middle[:third])
    assert np.mean(spread[-third:]) > 1.8 * np.mean(spread[:third])
    assert min(stats.spearmanr(label[one], z[one]).statistic for one in videos) > 0.5


def test_in_the_plain_world_duration_says_nothing():
    cast, rows, law, _ = people(WORLDS["plain"], 5_000)
    again = Cast(cast.user_lean, cast.thing_lean, cast.seconds[::-1])
    np.testing.assert_array_equal(WORLDS["plain"].law(again, rows).mean(), law.mean())
    assert not np.array_equal(WORLDS["duration"].law(again, rows).mean(), law.mean())


def test_views_end_with_the_video_where_interest_is_censored():
    cast, rows, _, label = people(WORLDS["censored"], 20_000)
    seconds = cast.seconds[rows.thing]
    assert (label <= seconds).all()
    assert 0.2 < (label == seconds).mean() < 0.6
    cast, rows, _, label = people(WORLDS["plain"], 20_000)
    assert (label > cast.seconds[rows.thing]).mean() > 0.5


def test_grades_have_proportional_odds():
    world = WORLDS["ordinal"]
    _, _, law, label = people(world, 20_000)
    assert set(label) <= set(world.values)
    assert np.unique(label, return_counts=True)[1].min() > 500
    above = 1 - np.cumsum(law.weight, 1)[:, :-1]
    inner = (above > 1e-6).all(1) & (above < 1 - 1e-6).all(1)
    odds = np.log(above[inner] / (1 - above[inner]))
    np.testing.assert_allclose(odds - odds[:, :1], np.broadcast_to((odds - odds[:, :1])[0], odds.shape), atol=1e-3)


def test_each_decision_of_the_tree_has_a_score_of_its_own():
    """How a row goes on from the right half is independent of what made it go right."""
    cast, rows, law, _ = people(WORLDS["tree"], 20_000)
    z = cast.scores(rows.user, rows.thing)
    root = law.weight[:, 4:].sum(1)
    right = law.weight[:, 6:].sum(1) / law.weight[:, 4:].sum(1)
    np.testing.assert_allclose(np.log(root / (1 - root)), 4 * z[:, 0], atol=1e-6)
    np.testing.assert_allclose(np.log(right / (1 - right)), 4 * z[:, 2], atol=1e-6)
    assert abs(np.corrcoef(z[:, 0], z[:, 2])[0, 1]) < 0.3


def test_cuts_at_equal_frequencies_leave_a_last_interval_wider_than_all_others_together():
    def last(label):
        cuts = np.quantile(label, np.linspace(0, 1, 51))
        return (cuts[-1] - cuts[-2]) / (cuts[-2] - cuts[0])

    assert last(people(WORLDS["cuts"], 20_000)[3]) > 1
    assert last(people(WORLDS["plain"], 20_000)[3]) < 0.7


def test_videos_grow_longer_while_nothing_else_changes():
    world = WORLDS["drift"]
    cast, rows, _, _ = people(world, 40_000)
    seconds = cast.seconds[rows.thing]
    assert seconds[rows.time > 0.8].mean() > 1.4 * seconds[rows.time < 0.2].mean()
    later = Rows(rows.user, rows.thing, rows.time * 0 + 1)
    np.testing.assert_array_equal(world.law(cast, rows).mean(), world.law(cast, later).mean())


def test_spending_is_zero_or_lognormal():
    _, _, law, label = people(WORLDS["zeros"], 40_000)
    positive = label > 0
    assert 0.25 < positive.mean() < 0.5
    place = (np.log(label[positive]) - law.mu[positive, 0]) / law.sigma[positive, 0]
    assert stats.kstest(place[:5_000], "norm").pvalue > 1e-3
    plain = people(WORLDS["plain-value"], 20_000)[3]
    assert (plain == 0).mean() < 0.02
    assert abs(stats.skew(plain)) < 0.2


def test_sub_distributions_lie_apart():
    label = people(WORLDS["mixtures"], 20_000)[3]
    log = np.log(label[label > 0])
    assert (np.abs(log[:, None] - np.log([5, 60, 600])) < 1).any(1).mean() > 0.99
    assert min(np.histogram(log, np.log([1, 17, 190, 3000]))[0]) > 2_000
    assert 0.1 < (label == 0).mean() < 0.5


def test_tails_are_heavy_and_differ_between_rows():
    _, _, law, label = people(WORLDS["tails"], 20_000)
    factor = law.mean() / law.median()
    assert np.quantile(factor, 0.95) > 1.8 * np.quantile(factor, 0.05)
    assert stats.kurtosis(label) > 50
    assert stats.kurtosis(people(WORLDS["plain-value"], 20_000)[3]) < 1


# the tables


def test_a_size_begins_with_the_rows_of_a_smaller_one_and_tests_on_the_same():
    small, large = (registry.get(f"controls-drift@{size}k").build(None) for size in (1, 5))
    np.testing.assert_array_equal(small.view("train").label, large.view("train").label[:1_000])
    for part in ("valid", "test"):
        np.testing.assert_array_equal(small.view(part).label, large.view(part).label)
        np.testing.assert_array_equal(small.view(part).truth["mean"], large.view(part).truth["mean"])
    assert [len(small.split[part]) for part in ("train", "valid", "test")] == [1_000, 1_000, 5_000]


def test_the_same_seed_is_the_same_world_and_another_is_not():
    first, again, other = (Made.of(WORLDS["mixtures"], seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.label, again.label)
    np.testing.assert_array_equal(first.median, again.median)
    assert not np.array_equal(first.label, other.label)


def test_chronological_worlds_are_tested_on_what_comes_last():
    for world in (w for w in WATCH if w.chronological):
        assert "by time" in controls.Watched(world, 1_000).protocol.split
    made = Made.of(WORLDS["drift"], 0)
    assert made.seconds[MOST:].mean() > 1.3 * made.seconds[:MOST].mean()


def test_every_world_has_every_size_and_needs_no_file():
    found = [name for name in registry.names() if name.startswith("controls-") and not name.endswith("own-loss")]
    assert len(found) == len(WORLDS) * len(SIZES)
    assert all(registry.get(name).files(None) == [] for name in found)
    assert {registry.get(name).protocol.options["size"] for name in found} == set(SIZES)


@pytest.mark.parametrize("name", ["controls-peaks@1k", "controls-zeros@1k"])
def test_a_table_says_what_it_knows(name):
    table = registry.get(name).build(None)
    assert set(table.schema.truth) == {"mean", "median"}
    assert table.schema.task == registry.get(name).task
    assert table.schema.has_duration == (table.schema.task == "watch_time")
