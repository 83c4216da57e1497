"""Which errors a ranking can go with: against the closed forms of log-normal labels, and against draws."""

from itertools import pairwise
from math import exp, pi, sqrt
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from benchmark.compare.copula import Copula, rho_of, xauc_of
from benchmark.compare.marginal import LEAST, Bins, binned
from benchmark.metrics.pairs import xauc

SIGMA = 0.8
LOGNORMAL = np.exp(SIGMA * ndtri((np.arange(400_000) + 0.5) / 400_000))


@pytest.fixture(scope="module")
def copula() -> Copula:
    return Copula(binned(LOGNORMAL))


@pytest.mark.parametrize("rho", [0.0, 0.2, 0.5, 0.8])
def test_the_mean_of_log_normal_labels_has_the_error_of_the_closed_form(copula: Copula, rho: float) -> None:
    """E[Y | S = s] = exp(sigma rho s + sigma^2 (1 - rho^2) / 2); the error is the variance that it leaves."""
    found, s2 = copula.at(rho).mean, SIGMA**2
    assert found.rmse == pytest.approx(sqrt(exp(s2) * (exp(s2) - exp(s2 * rho**2))), rel=2e-3)
    assert found.ratio == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("rho", [0.0, 0.2, 0.5, 0.8])
def test_the_median_of_log_normal_labels_has_the_errors_of_the_closed_form(copula: Copula, rho: float) -> None:
    """exp(sigma rho s): its mean, its mean square and its mean product with the label are moments of log-normals, and
    E|Y - median| = E Y (2 Phi(sigma sqrt(1 - rho^2)) - 1)."""
    found, s2 = copula.at(rho).median, SIGMA**2
    square = exp(2 * s2) - 2 * exp(s2 * (1 + 3 * rho**2) / 2) + exp(2 * s2 * rho**2)
    assert found.rmse == pytest.approx(sqrt(square), rel=2e-3)
    assert found.ratio == pytest.approx(exp(-s2 * (1 - rho**2) / 2), rel=2e-3)
    assert found.mae == pytest.approx(exp(s2 / 2) * (2 * ndtr(SIGMA * sqrt(1 - rho**2)) - 1), rel=2e-3)


def drawn(labels: Any, rho: float) -> tuple[Any, Any]:
    """Scores and labels of 400,000 rows that a Gaussian copula ties."""
    rng, ordered = np.random.default_rng(7), np.sort(labels)
    score = rng.standard_normal(400_000)
    normal = rho * score + sqrt(1 - rho**2) * rng.standard_normal(len(score))
    return score, ordered[(ndtr(normal) * len(ordered)).astype(int)]


def peaks() -> Any:
    """Labels of two humps and a far tail, as watch times have."""
    rng = np.random.default_rng(3)
    return np.concatenate([rng.exponential(4, 60_000), rng.normal(30, 3, 30_000), 50 + rng.pareto(3, 10_000) * 20])


@pytest.mark.parametrize("rho", [0.3, 0.7])
def test_of_any_labels_the_errors_are_those_of_draws(rho: float) -> None:
    """The best that anybody could predict of rows in order of their score: the mean of 200 neighbours in turn, and the
    label's own quantile at the rank that the score leads to."""
    labels = peaks()
    found = Copula(binned(labels)).at(rho)
    score, label = drawn(labels, rho)
    order = np.argsort(score)
    mean = np.repeat(label[order].reshape(-1, 200).mean(1), 200)
    median = np.quantile(labels, ndtr(rho * score[order]))
    for errors, predicted in ((found.mean, mean), (found.median, median)):
        off = label[order] - predicted
        assert errors.mae == pytest.approx(np.abs(off).mean(), rel=0.01)
        assert errors.rmse == pytest.approx(sqrt((off**2).mean()), rel=0.02)
        assert errors.ratio == pytest.approx(predicted.mean() / label.mean(), rel=0.01)


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.337, 0.9])
def test_a_correlation_and_an_xauc_say_the_same(rho: float) -> None:
    score, label = drawn(LOGNORMAL, rho)
    assert xauc_of(rho) == pytest.approx(xauc(label, score), abs=2e-3)
    assert rho_of(xauc_of(rho)) == pytest.approx(rho)
    assert xauc_of(1) == 1 and rho_of(0.75) == pytest.approx(np.sin(pi / 4))


def test_a_better_order_has_less_error_and_no_order_has_the_constants(copula: Copula) -> None:
    errors = [copula.at(rho) for rho in (0.0, 0.3, 0.6, 0.9)]
    assert errors[0].mean.rmse == pytest.approx(LOGNORMAL.std(), rel=1e-5)
    assert errors[0].median.mae == pytest.approx(np.abs(LOGNORMAL - np.median(LOGNORMAL)).mean(), rel=1e-3)
    assert errors[0].mean.mae == pytest.approx(np.abs(LOGNORMAL - LOGNORMAL.mean()).mean(), rel=1e-3)
    for one, other in pairwise(errors):
        assert one.mean.rmse > other.mean.rmse and one.median.mae > other.median.mae
    assert all(one.mean.rmse < one.median.rmse and one.median.mae < one.mean.mae for one in errors)
    assert copula.at(-0.6) == copula.at(0.6)


def test_what_is_no_xauc_is_refused() -> None:
    with pytest.raises(ValueError, match="lies in 0 to 1, not at 71"):
        rho_of(71)


# --- the bins


def test_bins_keep_every_row_and_its_mean() -> None:
    labels = np.random.default_rng(1).permutation(peaks())
    bins = binned(labels)
    assert sum(bins.rows) == len(labels) and min(bins.rows) >= LEAST
    assert bins.label == sorted(bins.label) and len(bins.label) == len(bins.rows) > 100
    assert np.average(bins.label, weights=bins.rows) == pytest.approx(labels.mean(), rel=1e-5)
    assert (bins.mean, bins.std) == pytest.approx((labels.mean(), labels.std()), rel=1e-5)
    least = np.sort(labels)[: bins.rows[0]]
    assert bins.label[0] == pytest.approx(least.mean(), rel=1e-5)


def test_few_rows_and_equal_rows_have_bins_too() -> None:
    assert binned(np.arange(2 * LEAST, dtype=float)).rows == [LEAST, LEAST]
    same = binned(np.ones(1000))
    assert set(same.label) == {1.0} and same.std == 0
    assert Copula(Bins(rows=same.rows, label=same.label, mean=1, std=0)).at(0.5).mean.mae == pytest.approx(0, abs=1e-9)
