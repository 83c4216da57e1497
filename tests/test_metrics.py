"""Metrics against all pairs by brute force, SciPy, scikit-learn and hand-made references."""

from collections import Counter
from itertools import pairwise, permutations
from time import process_time

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmark.metrics import pairs as metrics

TIES = ("half", "formula", "strict", "lenient", "exclude")


def heavy_ties(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions with few distinct values, zeros and negatives among them."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 6, n) * 1.5
    return y, np.round(y / 3 + rng.normal(0, 1.5, n))


def smooth(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.exponential(20, n)
    return y, 0.3 * y + rng.exponential(10, n)


def brute_xauc(y: np.ndarray, p: np.ndarray, ties: str) -> float:
    """Every ordered pair i != j by itself."""
    total, pairs = 0.0, 0
    for i in range(len(y)):
        for j in range(len(y)):
            if i == j or (ties == "exclude" and y[i] == y[j]):
                continue
            pairs += 1
            if ties == "formula":
                total += (p[i] > p[j]) == (y[i] > y[j])
            elif y[i] == y[j]:
                total += {"half": 0.5, "strict": 0.0, "lenient": 1.0}[ties]
            elif p[i] == p[j]:
                total += 0.5
            else:
                total += (p[i] > p[j]) == (y[i] > y[j])
    return total / pairs if pairs else float("nan")


def brute_xgauc(y: np.ndarray, p: np.ndarray, user: np.ndarray, ties: str) -> tuple[float, float]:
    scores, weights = [], []
    for u in set(user.tolist()):
        rows = user == u
        if len(set(y[rows].tolist())) > 1:
            scores.append(brute_xauc(y[rows], p[rows], ties))
            weights.append(int(rows.sum()))
    return sum(s * w for s, w in zip(scores, weights, strict=True)) / sum(weights), sum(weights) / len(y)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seed", range(6))
def test_xauc_is_the_count_over_all_pairs(ties, seed):
    for y, p in (heavy_ties(70, seed), smooth(70, seed), (heavy_ties(70, seed)[0], smooth(70, seed)[1])):
        assert metrics.xauc(y, p, ties=ties) == pytest.approx(brute_xauc(y, p, ties), abs=1e-12)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seed", range(4))
def test_xgauc_is_the_mean_over_users_weighted_by_rows(ties, seed):
    y, p = heavy_ties(160, seed)
    user = np.random.default_rng(seed).geometric(0.08, 160) * 1000 - 7  # some users have one row
    expected, coverage = brute_xgauc(y, p, user, ties)
    assert metrics.xgauc(y, p, user, ties=ties) == pytest.approx(expected, abs=1e-12)
    assert metrics.xgauc_coverage(y, user) == pytest.approx(coverage, abs=1e-12)
    assert 0 < coverage < 1


def test_users_may_be_any_values():
    y, p = smooth(60, 0)
    user = np.arange(60) % 7
    assert metrics.xgauc(y, p, [f"u{u}" for u in user]) == metrics.xgauc(y, p, user) == metrics.xgauc(y, p, -user)


def test_users_without_an_order_are_skipped():
    y = np.array([1.0, 2.0, 5.0, 5.0, 9.0])
    user = np.array([0, 0, 1, 1, 2])  # user 1: labels tied; user 2: one row
    assert metrics.xgauc(y, y, user) == 1
    assert metrics.xgauc_coverage(y, user) == 0.4
    assert np.isnan(metrics.xgauc(y[2:], y[2:], user[2:]))
    assert metrics.xgauc_coverage(y[2:], user[2:]) == 0


@pytest.mark.parametrize("seed", range(5))
def test_half_is_one_half_plus_half_of_kendalls_tau_a(seed):
    y, p = smooth(200, seed)  # no ties: tau_b is tau_a
    assert metrics.xauc(y, p) == pytest.approx(0.5 + stats.kendalltau(y, p).statistic / 2, abs=1e-12)
    y, p = heavy_ties(200, seed)
    untied = np.prod([1 - sum(k * (k - 1) for k in Counter(v.tolist()).values()) / (200 * 199) for v in (y, p)])
    assert metrics.xauc(y, p) == pytest.approx(0.5 + stats.kendalltau(y, p).statistic * np.sqrt(untied) / 2, abs=1e-12)


def test_constants_score_one_half_under_half_and_the_other_rules_differ_by_the_tied_labels():
    y, _ = heavy_ties(300, 1)
    tied = 1 - np.mean([a != b for a, b in permutations(y.tolist(), 2)])
    constant = np.full(300, 3.3)
    assert metrics.xauc(y, constant) == 0.5
    assert metrics.xauc(y, constant, ties="exclude") == 0.5
    assert metrics.xauc(y, constant, ties="formula") == pytest.approx((1 + tied) / 2)
    assert metrics.xauc(y, constant, ties="strict") == pytest.approx((1 - tied) / 2)
    assert metrics.xauc(y, constant, ties="lenient") == pytest.approx((1 + tied) / 2)
    assert metrics.xauc(y, y, ties="lenient") == 1
    assert metrics.xauc(constant, y) == 0.5
    assert np.isnan(metrics.xauc(constant, y, ties="exclude"))
    assert np.isnan(metrics.xauc([1.0], [1.0]))


def test_an_unknown_tie_rule_is_named():
    with pytest.raises(ValueError, match="half, formula, strict, lenient, exclude, got 'none'"):
        metrics.xauc([1.0, 2.0], [1.0, 2.0], ties="none")  # type: ignore[arg-type]


def test_one_count_of_pairs_is_complete():
    y, p = heavy_ties(90, 3)
    user = np.arange(90) % 4
    c = metrics.pair_counts(metrics.ranked(y), metrics.ranked(p), user)
    assert c.group.tolist() == [0, 1, 2, 3]
    assert (c.concordant + c.discordant + c.tied_label + c.tied_prediction - c.tied_both == c.pairs).all()
    assert c.concordant.dtype == np.int64


@pytest.mark.parametrize("seed", range(4))
def test_spearman_is_scipys(seed):
    for y, p in (heavy_ties(150, seed), smooth(150, seed)):
        assert metrics.spearman(y, p) == pytest.approx(stats.spearmanr(y, p).statistic, abs=1e-12)
    assert np.isnan(metrics.spearman(y, np.full(150, 0.1)))
    assert np.isnan(metrics.spearman(np.full(150, 0.1), p))


def test_no_order_without_ties_reaches_more_than_the_ceiling_of_spearman():
    y = np.array([0.0, 0, 0, 0, 2, 2, 7])
    best = max(stats.spearmanr(y, p).statistic for p in permutations(range(7)))
    assert metrics.spearman_ceiling(y) == pytest.approx(best, abs=1e-12)
    assert metrics.spearman_ceiling(np.arange(5.0)) == 1
    assert np.isnan(metrics.spearman_ceiling([2.0, 2.0]))


def gini_of_one_order(y: np.ndarray) -> float:
    """Kaggle's: the area between the gain curve of labels in this order and the diagonal."""
    n = len(y)
    return float(np.cumsum(y).sum() / y.sum() / n - (n + 1) / (2 * n))


def test_the_gini_of_tied_predictions_is_the_mean_over_their_orders():
    y, p = np.array([5.0, 0, 0, 3, 9]), np.array([2.0, 2, 1, 2, 0])
    orders = [o for o in permutations(range(5)) if all(p[a] >= p[b] for a, b in pairwise(o))]
    mean = np.mean([gini_of_one_order(y[list(o)]) for o in orders])
    assert metrics.normalized_gini(y, p) == pytest.approx(mean / gini_of_one_order(np.sort(y)[::-1]), abs=1e-12)
    assert metrics.normalized_gini(y, y) == pytest.approx(1)
    assert metrics.normalized_gini(y, -y) == pytest.approx(-1)
    assert metrics.normalized_gini(y, np.ones(5)) == 0
    assert np.isnan(metrics.normalized_gini(np.ones(5), y))


@pytest.mark.parametrize("seed", range(4))
def test_auc_is_scikit_learns(seed):
    y, p = heavy_ties(150, seed)
    assert metrics.auc(y, p) == pytest.approx(roc_auc_score(y > 0, p), abs=1e-12)
    assert np.isnan(metrics.auc(np.zeros(150), p))


def test_errors_in_the_labels_unit():
    y, p = np.array([1.0, 2, 6]), np.array([2.0, 2, 2])
    assert metrics.mae(y, p) == pytest.approx(5 / 3)
    assert metrics.rmse(y, p) == pytest.approx(np.sqrt(17 / 3))
    assert metrics.ratio(y, p) == pytest.approx(2 / 3)
    assert np.isnan(metrics.ratio(np.zeros(3), p))


@pytest.mark.parametrize("make", [heavy_ties, smooth])
def test_the_order_of_the_rows_does_not_matter(make):
    y, p = make(400, 5)
    user = np.random.default_rng(0).integers(0, 20, 400)
    shuffled = np.random.default_rng(1).permutation(400)
    a, b = (y, p, user), (y[shuffled], p[shuffled], user[shuffled])
    for ties in TIES:
        assert metrics.xauc(*a[:2], ties=ties) == metrics.xauc(*b[:2], ties=ties)
        assert metrics.xgauc(*a, ties=ties) == metrics.xgauc(*b, ties=ties)
    for name in ("mae", "rmse", "ratio", "spearman", "normalized_gini", "auc"):
        metric = getattr(metrics, name)
        assert metric(*a[:2]) == pytest.approx(metric(*b[:2]), abs=1e-12, nan_ok=True)


def test_a_monotone_change_of_the_predictions_moves_no_ranking_metric():
    y, p = heavy_ties(300, 9)
    for name in ("xauc", "spearman", "normalized_gini", "auc"):
        metric = getattr(metrics, name)
        assert metric(y, p) == metric(y, np.exp(p))
    assert metrics.xauc(y.astype(np.float32), p.astype(np.float32)) == metrics.xauc(y, p)
    assert metrics.xauc([0, 1, 2], [0.0, -0.0, 1.0]) == pytest.approx(5 / 6)  # -0 ties with 0


@pytest.mark.parametrize("name", ["mae", "rmse", "ratio", "xauc", "spearman", "normalized_gini", "auc"])
def test_bad_input_is_refused_with_a_reason(name):
    metric = getattr(metrics, name)
    with pytest.raises(ValueError, match="equally long"):
        metric([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="equally long"):
        metric(np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(ValueError, match="at least one row"):
        metric([], [])
    with pytest.raises(ValueError, match=r"2 of 3 predictions are not finite \(1 NaN, 1 infinite\)"):
        metric([1.0, 2.0, 3.0], [np.nan, -np.inf, 1.0])
    with pytest.raises(ValueError, match="1 of 2 labels are not finite"):
        metric([1.0, np.nan], [1.0, 1.0])


def test_users_of_another_length_are_refused():
    with pytest.raises(ValueError, match="groups must be"):
        metrics.xgauc([1.0, 2.0], [1.0, 2.0], [1])


def test_a_million_rows_are_counted_whole_and_no_pair_is_looked_at_by_itself():
    """Ten times the rows are a hundred times the pairs, and take little more than ten times as long."""
    y, p = smooth(1_000_000, 0)
    user = np.random.default_rng(0).integers(0, 30_000, len(y))

    def taken(rows):
        start = process_time()
        metrics.xauc(y[:rows], p[:rows])
        return process_time() - start

    taken(1000)  # compiled, or read from numba's cache
    assert min(taken(500_000) for _ in range(3)) < 30 * min(taken(50_000) for _ in range(3))
    every, each = metrics.xauc(y, p), metrics.xgauc(y, p, user)
    assert 0.5 < each < 1
    assert every == pytest.approx(each, abs=0.01)  # users do not matter here
    assert every == pytest.approx(0.5 + stats.kendalltau(y, p, method="asymptotic").statistic / 2, abs=1e-9)
