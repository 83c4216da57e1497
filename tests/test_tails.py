"""Errors without their tail, and how much of the squared error a hundredth of the rows holds."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats.mstats import winsorize

from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.tails import top_share, winsorised_mae, winsorised_rmse

RNG = np.random.default_rng(0)
Y = np.where(RNG.random(1001) < 0.5, 0, RNG.lognormal(3, 1.5, 1001))  # with 1001 rows the quantile is a row
P = Y * RNG.lognormal(0, 0.5, 1001) + RNG.exponential(3, 1001)


def test_labels_are_cut_as_scipy_cuts_them_and_predictions_at_the_same_place():
    labels = np.asarray(winsorize(Y, limits=(0, 0.01)))
    predictions = pd.Series(P).clip(upper=labels.max()).to_numpy()
    assert winsorised_mae(Y, P) == pytest.approx(np.abs(labels - predictions).mean())
    assert winsorised_rmse(Y, P) == pytest.approx(np.sqrt(np.square(labels - predictions).mean()))


def test_one_customer_cannot_move_what_is_winsorised():
    wild_label, wild_prediction = Y.copy(), P.copy()
    wild_label[Y.argmax()] *= 1e6
    wild_prediction[P.argmax()] *= 1e6
    assert winsorised_rmse(wild_label, P) == pytest.approx(winsorised_rmse(Y, P))
    assert winsorised_mae(Y, wild_prediction) == pytest.approx(winsorised_mae(Y, P), rel=0.05)


def test_where_hardly_anybody_pays_there_is_nothing_to_cut_at():
    y = np.zeros(1000)
    y[:5] = 100
    assert np.isnan(winsorised_mae(y, y + 1))
    assert np.isnan(winsorised_rmse(y, y + 1))


def test_the_largest_hundredth_of_the_squared_errors_holds_its_share():
    error = np.square(Y - P)
    by_hand = sorted(error, reverse=True)[:11]  # of 1001 rows: 11
    assert top_share(Y, P) == pytest.approx(sum(by_hand) / error.sum())
    assert top_share(np.zeros(500), np.ones(500)) == pytest.approx(0.01)
    assert top_share([0, 0, 1], [0, 0, 5]) == 1
    assert np.isnan(top_share(Y, Y))


def test_records_of_lifetime_values_have_them_and_those_of_watch_times_do_not():
    names = {"winsorised_mae", "winsorised_rmse", "top1_share"}
    assert names <= evaluate("ltv", Y, P)[0].keys()
    assert not names & evaluate("watch_time", Y, P)[0].keys()
    assert evaluate("ltv", np.zeros(20), np.zeros(20))[0]["top1_share"] is None
