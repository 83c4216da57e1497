"""The synthetic world: its truth against sampling and root finding, its signal, its independence of chunks."""

import numpy as np
import pytest
from scipy import optimize, stats

from datasets import registry, synthetic
from datasets.synthetic import Synthetic, World, mean_ratio, quantile_ratio, sample_ratio


@pytest.fixture(scope="module")
def table():
    return registry.get("synthetic").build(None)


@pytest.fixture(scope="module")
def weights():
    """Mixture weights of some views, among them sure skips and sure replays."""
    world = World.of(60, 50, 3)
    some = world.weights(*world.pairs(np.random.default_rng(0), 40))
    return np.concatenate([some, np.eye(4), [[0.5, 0, 0, 0.5]]])


def mixture_cdf(weights, ratio):
    """Of one view at one ratio or at many."""
    parts = stats.lognorm(s=synthetic._SPREAD, scale=np.exp(synthetic._LOCATION))
    return parts.cdf(np.asarray(ratio)[..., None]) @ weights


def test_the_weights_are_probabilities(weights):
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(1), 1)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_quantiles_are_the_roots_of_the_distribution(weights, level):
    expected = [optimize.brentq(lambda r, w=w: mixture_cdf(w, r) - level, 1e-6, 100, xtol=1e-13) for w in weights[:-1]]
    np.testing.assert_allclose(quantile_ratio(weights[:-1], level), expected, rtol=1e-6)


def test_sampling_agrees_with_the_truth(weights):
    rng = np.random.default_rng(1)
    for row in weights[::9]:
        sample = sample_ratio(np.tile(row, (200_000, 1)), rng)
        error = sample.std() / np.sqrt(len(sample))
        assert abs(sample.mean() - mean_ratio(row[None])[0]) < 5 * error
        for level in (0.2, 0.5, 0.8):
            below = (sample <= quantile_ratio(row[None], level)[0]).mean()
            assert below == pytest.approx(level, abs=5 * np.sqrt(level * (1 - level) / len(sample)))
        assert stats.kstest(sample[:5000], lambda r, w=row: mixture_cdf(w, r)).pvalue > 1e-4


def test_the_labels_of_the_table_follow_its_truth(table):
    label, truth = table.rows.label, table.rows.truth
    for level in range(10, 100, 10):
        assert (label <= truth[f"q{level}"]).mean() == pytest.approx(level / 100, abs=0.01)
    assert label.mean() == pytest.approx(truth["mean"].mean(), rel=0.02)
    np.testing.assert_array_equal(truth["median"], truth["q50"])


def test_the_watch_ratio_has_several_modes(table):
    log_ratio = np.log(table.rows.label / table.rows.duration)
    edges = np.log([0.06, 0.12, 0.2, 0.3, 0.4, 0.55, 0.7, 0.8, 0.95, 1.05, 1.2, 1.4, 1.6, 2.0, 3.0, 4.0])
    density = np.histogram(log_ratio, edges, density=True)[0]
    skipped, dip, part, gap, whole, between, again, last = density[[0, 2, 4, 6, 8, 10, 12, 14]]
    assert skipped > dip < part > gap < whole > between < again > last


def rmse(y, p):
    return float(np.sqrt(np.mean((y - p) ** 2.0)))


def xauc(y, p):
    """Over a million random pairs; ties count half."""
    one, two = np.random.default_rng(0).integers(0, len(y), (2, 1_000_000))
    agree = np.sign(y[one] - y[two]) * np.sign(p[one] - p[two])
    return float(np.mean((agree + 1) / 2))


def test_the_oracle_beats_constants_and_bucket_means_by_far(table):
    train, test = table.view("train"), table.view("test")
    buckets = np.array([train.label[train.bucket == k].mean() for k in range(5)])[test.bucket]
    mean, median = test.truth["mean"], test.truth["median"]
    assert rmse(test.label, mean) < 0.85 * rmse(test.label, buckets)
    assert xauc(test.label, mean) > xauc(test.label, buckets) + 0.05
    assert rmse(test.label, buckets) < rmse(test.label, np.full(len(test), train.label.mean()))
    assert rmse(test.label, mean) < rmse(test.label, median)
    assert np.abs(test.label - median).mean() < np.abs(test.label - mean).mean()
    assert np.abs(test.label - median).mean() < np.abs(test.label - np.median(test.label)).mean()


def test_the_signal_can_be_learned_from_the_training_rows(table):
    """Main effects alone, by ridge regression on the log ratio, beat the bucket's mean in both metrics."""
    from scipy import sparse
    from scipy.sparse.linalg import lsqr

    sizes = np.cumsum([0, *(f.size for f in table.schema.fields)])
    train, test = table.view("train"), table.view("test")

    def design(rows):
        columns = (rows.ids + sizes[:-1]).ravel()
        starts = np.arange(0, columns.size + 1, rows.ids.shape[1])
        return sparse.csr_matrix((np.ones(columns.size), columns, starts), (len(rows), sizes[-1]))

    target = train.label / train.duration
    fitted = lsqr(design(train), target, damp=2.0)[0]
    predicted = design(test) @ fitted * test.duration
    buckets = np.array([train.label[train.bucket == k].mean() for k in range(5)])[test.bucket]
    assert rmse(test.label, predicted) < 0.9 * rmse(test.label, buckets)
    assert xauc(test.label, predicted) > xauc(test.label, buckets) + 0.05


def test_every_row_of_the_schema_is_there(table):
    assert [f.name for f in table.schema.fields] == ["user_id", "video_id", "author_id", "duration_level"]
    assert (table.facts["rows"], table.facts["users"], table.facts["items"]) == (40_000, 1_500, 800)
    assert table.rows.duration.min() >= 5
    assert table.rows.duration.max() <= 400
    assert np.ptp(np.bincount(table.view("train").bucket)) < 200
    assert (
        set(table.rows.truth) == set(table.schema.truth) == {"mean", "median", *(f"q{q}" for q in range(10, 100, 10))}
    )


def test_rows_do_not_depend_on_how_many_chunks_follow(monkeypatch):
    monkeypatch.setattr(synthetic, "CHUNK", 1000)
    short, long = (Synthetic(rows=n, users=30, videos=20).build(None).rows for n in (3000, 4500))
    np.testing.assert_array_equal(short.label, long.label[:3000])
    np.testing.assert_array_equal(short.truth["median"], long.truth["median"][:3000])


def test_the_same_seed_is_the_same_world_and_another_is_not():
    one, same, other = (
        Synthetic(rows=500, users=30, videos=20, seed=seed).build(None).rows.label for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "rows", "users", "videos"),
    [
        ("synthetic@wechat-size", 7_210_290, 20_000, 96_428),
        ("synthetic@kuairand-size", 1_231_181, 27_285, 7_551),
        ("synthetic@kuairec-size", 12_530_806, 7_176, 10_728),
    ],
)
def test_a_twin_meets_every_user_and_video_of_its_size(name, rows, users, videos):
    dataset = registry.get(name)
    assert dataset.size == (rows, users, videos)
    world = World.of(users, videos, dataset.seed)
    for popularity, count in ((world.user_popularity, users), (world.video_popularity, videos)):
        assert popularity.sum() == pytest.approx(1)
        # expected number of ids without a training row
        assert np.exp(-0.6 * rows * popularity).sum() < 0.05
        assert len(popularity) == count
