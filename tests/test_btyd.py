"""The models of repeat buying: the published forms in 40 digits, fits of made-up and real logs, what is refused."""

import os
from dataclasses import replace
from itertools import product
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from datasets.preparing.holdout import PURCHASES
from datasets.schema import Field, Rows, Schema
from methods.btyd import _beta, _lifetime
from methods.btyd._fit import maximise
from methods.btyd._histories import COLUMNS, COUNTS, Histories, histories
from methods.btyd.bgnbd import BGNBD
from methods.btyd.gammagamma import log_likelihood as log_likelihood_of_means
from methods.btyd.mbgnbd import MBGNBD
from methods.btyd.paretonbd import ParetoNBD
from methods.btyd.past_rate import PastRate
from methods.ltv import btyd

MODELS = (BGNBD, MBGNBD, ParetoNBD)
NAMES = {BGNBD: "bgnbd", MBGNBD: "mbgnbd", ParetoNBD: "paretonbd"}
# x, t_x, T in weeks and t: who never came back, who has just bought, who has long been away, heavy buyers
POINTS = [
    (x, share * T, T, t) for x, share, T, t in product((0, 1, 4, 26, 150), (0.1, 0.7, 1.0), (2.0, 39.0, 104.0), (39,))
]
POINTS = [(x, t_x if x else 0.0, T, t) for x, t_x, T, t in POINTS]
PARAMS = {
    BGNBD: [(0.243, 4.414, 0.793, 2.426), (1.0, 8.0, 1.0, 1.0), (0.9, 10.0, 6.5, 40.0), (2.0, 3.0, 0.02, 0.6)],
    MBGNBD: [(0.525, 6.183, 0.891, 1.614), (1.0, 8.0, 1.0, 1.0), (0.9, 10.0, 6.5, 40.0)],
    ParetoNBD: [(0.553, 10.578, 0.606, 11.669), (1.2, 5.0, 1.0, 5.0), (0.4, 20.0, 2.5, 3.0), (3.0, 0.5, 0.1, 0.2)],
}


def published(model: type, params: tuple[float, ...], x: int, t_x: float, T: float, t: float) -> tuple[mp.mpf, ...]:
    """(log-likelihood, P(alive), E[purchases in (T, T + t]]) in the papers' own forms, with 40 digits."""
    with mp.workdps(40):
        one, alpha, two, three = map(mp.mpf, params)
        return (_pareto if model is ParetoNBD else _beta_geometric)(model, one, alpha, two, three, x, t_x, T, t)


def _beta_geometric(model, r, alpha, a, b, x, t_x, T, t):
    chances = 0 if model is BGNBD else 1  # MBG/NBD: Batislam et al.'s forms
    g = b + x + chances
    stay = mp.beta(a, g) / mp.beta(a, b) * (alpha + T) ** -(r + x)
    left = mp.beta(a + 1, g - 1) / mp.beta(a, b) * (alpha + t_x) ** -(r + x) if x + chances else mp.mpf(0)
    likelihood = mp.gamma(r + x) * alpha**r / mp.gamma(r) * (stay + left)
    if a == 1:  # the form is 0 / 0 there
        a += mp.mpf(10) ** -20
    form = mp.hyp2f1(r + x, g, a + g - 1, t / (alpha + T + t))
    ahead = (a + g - 1) / (a - 1) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * form)
    return mp.log(likelihood), stay / (stay + left), ahead * stay / (stay + left)


def _pareto(model, r, alpha, s, beta, x, t_x, T, t):
    k = r + s + x  # Fader and Hardie's note of 2005, A_0
    if alpha >= beta:
        form = [mp.hyp2f1(k, s + 1, k + 1, (alpha - beta) / (alpha + y)) / (alpha + y) ** k for y in (t_x, T)]
    else:
        form = [mp.hyp2f1(k, r + x, k + 1, (beta - alpha) / (beta + y)) / (beta + y) ** k for y in (t_x, T)]
    stay = (alpha + T) ** -(r + x) * (beta + T) ** -s
    left = s / k * (form[0] - form[1])
    likelihood = mp.gamma(r + x) * alpha**r * beta**s / mp.gamma(r) * (stay + left)
    if s == 1:
        s += mp.mpf(10) ** -20
    ahead = (r + x) * (beta + T) / ((alpha + T) * (s - 1)) * (1 - ((beta + T) / (beta + T + t)) ** (s - 1))
    return mp.log(likelihood), stay / (stay + left), ahead * stay / (stay + left)


@pytest.mark.parametrize("model", MODELS)
def test_expectations_and_chances_are_the_published_ones_to_nine_digits(model):
    alive, expected = (getattr(btyd, f"{NAMES[model]}_{what}") for what in ("alive", "expected"))
    x, t_x, T, t = np.array(POINTS).T
    for params in PARAMS[model]:
        truth = [published(model, params, *point) for point in POINTS]
        np.testing.assert_allclose(alive(params, x, t_x, T), [float(one[1]) for one in truth], rtol=1e-9)
        np.testing.assert_allclose(expected(params, x, t_x, T, t), [float(one[2]) for one in truth], rtol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_the_likelihood_is_the_published_one_and_its_derivatives_are_its_slopes(model):
    likelihood = model().likelihood
    x, t_x, T, _ = np.array(POINTS).T
    for params in PARAMS[model]:
        value, by = likelihood(np.array(params), x, t_x, T)
        np.testing.assert_allclose(value, [float(published(model, params, *p)[0]) for p in POINTS], rtol=1e-10)
        for place, number in enumerate(params):
            up, down = (np.array(params) + side * 1e-5 * number * np.eye(4)[place] for side in (1, -1))
            slope = (likelihood(up, x, t_x, T)[0] - likelihood(down, x, t_x, T)[0]) / (2e-5 * number)
            np.testing.assert_allclose(by[place], slope, rtol=1e-5, atol=1e-6)


def test_a_pareto_customer_is_a_mean_over_rates_of_buying_and_of_leaving():
    """Two integrals over the gammas themselves, which no closed form is in."""
    r, alpha, s, beta = params = (0.9, 6.0, 1.4, 9.0)
    x, t_x, T = 3, 7.0, 12.0

    def density(lam, mu):
        heterogeneity = lam ** (r - 1) * mp.exp(-alpha * lam) * mu ** (s - 1) * mp.exp(-beta * mu)
        stay = lam**x * mp.exp(-(lam + mu) * T)
        left = lam**x * mu / (lam + mu) * (mp.exp(-(lam + mu) * t_x) - mp.exp(-(lam + mu) * T))
        return heterogeneity * stay, heterogeneity * left

    whole = [mp.quad(lambda lam, mu, i=i: density(lam, mu)[i], [0, 0.5, 4], [0, 0.5, 4], maxdegree=5) for i in (0, 1)]
    assert float(whole[0] / sum(whole)) == pytest.approx(btyd.paretonbd_alive(params, x, t_x, T).item(), rel=1e-6)


def test_horizons_of_nothing_and_of_ever_longer():
    for model in MODELS:
        expected = getattr(btyd, f"{NAMES[model]}_expected")
        params = PARAMS[model][0]
        t = np.array([0.0, 1, 10, 1e3, 1e5])
        found = expected(params, 4, 20.0, 39.0, t)
        assert found[0] == 0
        assert (np.diff(found) > 0).all()
        assert found[1] < 4 / 20  # a week brings less than the rate of the past


@pytest.mark.parametrize("large", [300.0, 3e4])
def test_where_hardly_anybody_leaves_all_models_are_the_negative_binomial(large):
    x, t_x, T = np.array([0.0, 2, 30]), np.array([0.0, 20, 38]), np.full(3, 39.0)
    r, alpha = 0.8, 9.0
    steady = (r + x) / (alpha + T) * 52
    for name in ("bgnbd", "mbgnbd"):
        found = getattr(btyd, f"{name}_expected")((r, alpha, 1e-4, large), x, t_x, T, 52.0)
        np.testing.assert_allclose(found, steady, rtol=2e-3)
    found = btyd.paretonbd_expected((r, alpha, 1e-4, large), x, t_x, T, 52.0)
    np.testing.assert_allclose(found, steady, rtol=2e-3)


def test_a_mean_over_p_is_what_many_geometric_lives_come_to():
    """BG/NBD with a > 3, where the series is not used: simulated purchases of who is alive."""
    rng, n = np.random.default_rng(0), 400_000
    a, b, k, w = 8.0, 30.0, 2.5, 3.0
    p, lam = rng.beta(a, b, n), rng.gamma(k, 1, n)
    mean = ((1 - np.exp(-lam * p * w)) / p).mean()
    one = np.ones(1)
    assert _beta._by_mean(a, k * one, w * one, b * one)[0] == pytest.approx(mean, rel=5e-3)
    assert _beta._by_series(a, k * one, w * one, b * one) == pytest.approx(_beta._by_mean(a, k * one, w * one, b * one))


def test_the_mean_of_gamma_gamma_lies_between_the_customers_and_everybodys():
    p, q, v = params = (6.25, 3.74, 15.44)
    everybody = p * v / (q - 1)
    found = btyd.gammagamma_mean(params, [0, 1, 50, 50], [np.nan, 100.0, 100.0, 1.0])
    assert found[0] == pytest.approx(everybody)
    assert everybody < found[1] < found[2] < 100
    assert 1 < found[3] < found[0]
    assert np.isinf(btyd.gammagamma_mean((2, 0.9, 5), 0, 0))
    # nu's posterior is Gamma(p x + q, v + m x) and a purchase is worth p / nu: by quadrature
    x, m = 2, 40.0
    weight = lambda nu: nu ** (p * x + q - 1) * mp.exp(-(v + m * x) * nu)  # noqa: E731
    cuts = [0, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 3]
    mean = mp.quad(lambda nu: p / nu * weight(nu), cuts) / mp.quad(weight, cuts)
    assert btyd.gammagamma_mean(params, x, m) == pytest.approx(float(mean), rel=1e-7)


def log(n: int, *, seed: int = 0, weeks: float = 60.0) -> Histories:
    """Customers of a BG/NBD and Gamma-Gamma world with known parameters, simulated purchase by purchase."""
    rng = np.random.default_rng(seed)
    lam, p, nu = rng.gamma(0.9, 1 / 6.0, n), rng.beta(0.8, 2.5, n), rng.gamma(4.0, 1 / 20.0, n)
    T = weeks - rng.integers(0, 84, n) / 7
    x, t_x, clock, alive = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, bool)
    while alive.any():
        clock += rng.exponential(1 / lam)
        alive &= clock <= T
        x[alive] += 1
        t_x[alive] = clock[alive]
        alive &= rng.random(n) >= p
    m = rng.gamma(5.0 * np.maximum(x, 1)) / (nu * np.maximum(x, 1))
    return Histories(x, t_x, T, np.where(x > 0, m, 0), np.full(n, 30.0))


WORLD = log(6000)


def test_parameters_of_a_simulated_world_are_found_within_their_standard_errors():
    found = BGNBD().fit_counts(WORLD)
    assert found.agreeing == 1
    assert (np.abs(found.params - (0.9, 6.0, 0.8, 2.5)) < 4 * found.errors).all()
    assert (found.errors < 0.4 * found.params).all()
    value = btyd.gammagamma_fit(WORLD.x, WORLD.m)
    assert (np.abs(value.params - (5.0, 4.0, 20.0)) < 4 * value.errors).all()


@pytest.mark.parametrize("model", MODELS)
def test_no_slope_is_left_and_the_errors_are_of_the_inverse_hessian(model):
    columns, weight = WORLD.grouped()
    likelihood = model().likelihood

    def total(params: np.ndarray) -> float:
        return float(weight @ likelihood(params, *columns)[0])

    found = model().fit_counts(WORLD)
    steps = np.diag(1e-3 * found.params)
    hessian = np.array(
        [[total(found.params + u + w) - total(found.params + u - w) - total(found.params - u + w)
          + total(found.params - u - w) for w in steps] for u in steps]
    ) / np.outer(*[2e-3 * found.params] * 2)  # fmt: skip
    np.testing.assert_allclose(found.errors, np.sqrt(np.diag(np.linalg.inv(-hessian))), rtol=2e-3)
    assert total(found.params) == pytest.approx(found.log_likelihood)
    assert all(total(found.params + step) < found.log_likelihood > total(found.params - step) for step in steps)


def test_customers_alike_are_counted_once_with_their_number():
    one = Histories(*(np.tile(column[:50], 3) for column in (WORLD.x, WORLD.t_x, WORLD.T, WORLD.m, WORLD.horizon)))
    columns, weight = one.grouped()
    assert weight.sum() == 150
    whole = _beta.log_likelihood(np.array([1.0, 5, 1, 2]), one.x, one.t_x, one.T, chances=0)[0].sum()
    assert weight @ _beta.log_likelihood(np.array([1.0, 5, 1, 2]), *columns, chances=0)[0] == pytest.approx(whole)


def test_a_parameter_without_a_maximum_has_no_standard_error():
    """Nobody ever leaves: a / b falls for ever."""
    rng = np.random.default_rng(1)
    n = 800
    T, lam = np.full(n, 50.0), rng.gamma(2.0, 0.2, n)
    x = rng.poisson(lam * T).astype(float)
    t_x = np.where(x > 0, T * rng.random(n) ** (1 / np.maximum(x, 1)), 0)
    found = BGNBD().fit_counts(Histories(x, t_x, T, x, T))
    assert found.params[2] / (found.params[2] + found.params[3]) < 0.01
    assert np.isnan(found.errors).any()
    assert np.isfinite(btyd.bgnbd_expected(found.params, x, t_x, T, 50.0)).all()


def test_the_few_rows_on_which_starts_are_compared_do_not_decide(monkeypatch):
    columns, weight = WORLD.grouped()
    arguments = (BGNBD().likelihood, columns, weight, BGNBD().starts(50.0))
    whole = maximise(*arguments)
    monkeypatch.setattr("methods.btyd._fit._FEW", 300)
    np.testing.assert_allclose(maximise(*arguments).params, whole.params, rtol=1e-6)


def test_the_likelihood_of_means_is_that_of_a_beta_prime_of_ratios():
    """m x | p, q, v: x m / v is a beta prime of (p x, q) by SciPy."""
    from scipy.stats import betaprime

    p, q, v = 5.0, 4.0, 20.0
    x, m = np.array([1.0, 2, 7]), np.array([3.0, 15, 80])
    expected = betaprime.logpdf(m * x / v, p * x, q) + np.log(x / v)
    np.testing.assert_allclose(log_likelihood_of_means(np.array([p, q, v]), x, m)[0], expected, rtol=1e-12)


# --- as rows of a board

SCHEMA = Schema("ltv", "USD", (Field("start_week", 3),), numeric=("log_frequency",), truth=COLUMNS)


def rows(one: Histories, label: np.ndarray | None = None) -> Rows:
    columns = (one.x, one.t_x * 7, one.T * 7, one.m, one.horizon * 7)
    return Rows(
        ids=np.zeros((len(one), 1), np.int32),
        numeric=one.x[:, None].astype(np.float32),
        label=np.zeros(len(one), np.float32) if label is None else label,
        truth={name: column.astype(np.float32) for name, column in zip(COLUMNS, columns, strict=True)},
    )


def whole_days(one: Histories) -> Histories:
    return replace(one, t_x=np.rint(one.t_x * 7) / 7, T=np.rint(one.T * 7) / 7)


def test_the_unit_of_counts_is_the_one_that_tables_use():
    assert COUNTS == PURCHASES


@pytest.mark.parametrize("model", MODELS)
def test_a_row_is_purchases_times_worth_and_no_label_is_looked_at(model):
    one = whole_days(log(900))
    table = rows(one)
    method = model()
    assert method.supports(SCHEMA) is None
    fitted = method.fit(table, table, SCHEMA, np.random.default_rng(0))
    other = rows(one, np.random.default_rng(1).random(900).astype(np.float32))
    again = method.fit(other, other, SCHEMA, np.random.default_rng(5))
    number = getattr(btyd, f"{NAMES[model]}_expected")(fitted.buying.params, one.x, one.t_x, one.T, one.horizon)
    worth = btyd.gammagamma_mean(fitted.value.params, one.x, table.truth["repeat_value"].astype(float))
    prediction = method.predict(fitted, table.without_label())
    np.testing.assert_allclose(prediction, number * worth, rtol=1e-12)
    np.testing.assert_array_equal(prediction, method.predict(again, table.without_label()))
    told = method.parameters(fitted)
    assert {*model.names, "alpha_se", "value_q", "value_q_se", "log_likelihood"} <= told.keys()
    counts = replace(SCHEMA, unit=COUNTS)
    fitted = method.fit(table, table, counts, np.random.default_rng(0))
    np.testing.assert_allclose(method.predict(fitted, table), number, rtol=1e-12)


def test_histories_come_back_from_a_table_in_weeks():
    one = whole_days(log(200))
    back = histories(rows(one))
    np.testing.assert_allclose(back.T, one.T, rtol=1e-12)  # whole days: exact in float32
    np.testing.assert_allclose(back.t_x, one.t_x, rtol=1e-12)
    np.testing.assert_array_equal(back.x, one.x)
    np.testing.assert_allclose(back.m, one.m, rtol=1e-7)


def test_the_past_rate_carries_on():
    columns = [np.array(values, float) for values in ([0, 2, 4], [0, 5, 10], [3, 10, 0], [0, 30.0, 5], [20, 20, 20])]
    one = Histories(*columns)
    table = rows(one)
    fit = PastRate().fit(table, table, SCHEMA, np.random.default_rng(0))
    np.testing.assert_allclose(PastRate().predict(fit, table), [0, 2 * 30 / 10 * 20, 0])
    fit = PastRate().fit(table, table, replace(SCHEMA, unit=COUNTS), np.random.default_rng(0))
    np.testing.assert_allclose(PastRate().predict(fit, table), [0, 2 / 10 * 20, 0])


@pytest.mark.parametrize("model", [*MODELS, PastRate])
def test_a_table_without_histories_is_refused_with_the_reason(model):
    reason = model.supports(replace(SCHEMA, truth=("mean",)))
    assert reason is not None
    assert "@holdout" in reason
    assert "not watch_time" in str(model.supports(replace(SCHEMA, task="watch_time")))


@pytest.mark.parametrize("model", MODELS)
def test_without_a_repeat_buyer_there_is_a_failure_and_no_numbers(model):
    n = 60
    zero = np.zeros(n)
    table = rows(Histories(zero, zero, np.linspace(10, 39, n), zero, np.full(n, 39.0)))
    with pytest.raises(ValueError, match="nothing to learn from: none of 60 training customers has bought again"):
        model().fit(table, table, SCHEMA, np.random.default_rng(0))


def test_worth_needs_repeat_buyers_of_different_means():
    with pytest.raises(ValueError, match="2 repeat buyers of 2 different"):
        btyd.gammagamma_fit(np.array([1.0, 1, 0]), np.array([5.0, 6, 0]))
    with pytest.raises(ValueError, match="of 1 different"):
        btyd.gammagamma_fit(np.full(30, 2.0), np.full(30, 9.99))


# --- the published fits, on the official sample

REAL = pytest.mark.skipif("CVP_DATA" not in os.environ, reason="set CVP_DATA to a data root with cdnow")
PUBLISHED = {
    BGNBD: ((0.243, 4.414, 0.793, 2.426), -9582.4),
    MBGNBD: ((0.525, 6.183, 0.891, 1.614), None),
    ParetoNBD: ((0.553, 10.578, 0.606, 11.669), -9595.0),
}


def sample(source: str) -> Histories:
    root = Path(os.environ["CVP_DATA"])
    if source == "summary":
        x, t_x, T, m = np.loadtxt(root / "cdnow" / "sample_summary.csv", delimiter=",", skiprows=1).T[1:]
        return Histories(x, t_x, T, m, np.full(len(x), 39.0))
    from datasets.registry import get

    return histories(get("cdnow@sample-holdout").build(root).rows)


@pytest.mark.real
@REAL
@pytest.mark.parametrize("source", ["log", "summary"])
@pytest.mark.parametrize("model", MODELS)
def test_the_published_fit_of_the_sample_comes_out(model, source):
    found = model().fit_counts(sample(source))
    params, log_likelihood = PUBLISHED[model]
    assert found.rows == 2357
    np.testing.assert_allclose(found.params, params, atol=6e-4, rtol=1e-4)
    if log_likelihood is not None:
        assert found.log_likelihood == pytest.approx(log_likelihood, abs=0.05)


@pytest.mark.real
@REAL
@pytest.mark.parametrize("source", ["log", "summary"])
def test_the_published_worth_of_a_purchase_comes_out(source):
    one = sample(source)
    found = btyd.gammagamma_fit(one.x, one.m)
    assert found.rows == 946
    assert found.params.round(2) == pytest.approx((6.25, 3.74, 15.44), abs=0.011)


def test_an_integral_without_width_is_nothing():
    """Who bought on the last day cannot have left since."""
    assert btyd.paretonbd_alive((0.5, 10, 0.6, 11), 3, 20.0, 20.0) == pytest.approx(1)
    assert _lifetime.log_likelihood(np.ones(4), np.array([3.0]), np.array([20.0]), np.array([20.0]))[0].shape == (1,)
