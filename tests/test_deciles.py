"""Deciles against pandas.qcut, average precision against scikit-learn, and what both say under ties."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from benchmark.metrics.deciles import decile_table
from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.pairs import average_precision

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [10, 11, 23, 99, 1000, 4703])
def test_deciles_of_distinct_predictions_are_qcuts(n: int) -> None:
    label, prediction = RNG.lognormal(0, 1, n) * (RNG.random(n) < 0.4), RNG.normal(size=n)
    frame = pd.DataFrame({"y": label, "p": prediction, "decile": pd.qcut(prediction, 10, labels=False)})
    theirs = frame.groupby("decile")[["y", "p"]].mean()
    ours = decile_table(label, prediction)
    assert ours.rows.tolist() == frame.groupby("decile").size().tolist()
    np.testing.assert_allclose(ours.label, theirs["y"], rtol=1e-12)
    np.testing.assert_allclose(ours.prediction, theirs["p"], rtol=1e-12)
    spent = theirs[theirs["y"] > 0]
    assert ours.mape == pytest.approx(((spent["p"] - spent["y"]).abs() / spent["y"]).mean())
    assert ours.without_spend == int((theirs["y"] <= 0).sum())


def test_a_constant_has_ten_equal_deciles() -> None:
    label = RNG.lognormal(0, 1, 200)
    table = decile_table(label, np.full(200, 3.0))
    np.testing.assert_allclose(table.label, label.mean())
    assert table.mape == pytest.approx(abs(3 - label.mean()) / label.mean())


def test_deciles_do_not_depend_on_the_order_of_rows() -> None:
    label, prediction = RNG.lognormal(0, 1, 300), RNG.integers(0, 7, 300).astype(float)
    order = RNG.permutation(300)
    np.testing.assert_allclose(
        decile_table(label, prediction).label, decile_table(label[order], prediction[order]).label
    )


def test_no_spend_at_all_has_no_relative_error() -> None:
    table = decile_table(np.zeros(50), RNG.random(50))
    assert table.without_spend == 10
    assert np.isnan(table.mape)
    with pytest.raises(ValueError, match="10 rows"):
        decile_table(np.ones(9), np.ones(9))


@pytest.mark.parametrize("distinct", [3, 20, 5000])
def test_average_precision_is_scikit_learns(distinct: int) -> None:
    label = (RNG.random(700) < 0.1) * RNG.lognormal(0, 1, 700)
    prediction = RNG.integers(0, distinct, 700).astype(float)
    assert average_precision(label, prediction) == pytest.approx(average_precision_score(label > 0, prediction))


def test_average_precision_without_positives_is_undefined() -> None:
    assert np.isnan(average_precision(np.zeros(5), np.arange(5)))


def test_records_of_lifetime_value_carry_the_deciles() -> None:
    label, prediction = RNG.lognormal(0, 1, 100) * (RNG.random(100) < 0.3), RNG.random(100)
    overall, slices = evaluate("ltv", label, prediction)
    assert {"decile_mape", "deciles_without_spend", "average_precision"} <= set(overall)
    assert sum(slices[f"decile={k:02d}"]["rows"] or 0 for k in range(1, 11)) == 100
