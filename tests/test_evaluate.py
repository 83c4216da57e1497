"""What a record keeps of predictions."""

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from benchmark.metrics import pairs as metrics
from benchmark.metrics.evaluate import calibration, evaluate


def rows(n: int = 400) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    label = np.where(rng.random(n) < 0.4, 0, rng.integers(1, 30, n)).astype(np.float32)
    return {
        "label": label,
        "prediction": (0.5 * label + rng.exponential(5, n)).astype(np.float32),
        "user": rng.integers(0, 60, n),
        "bucket": rng.integers(0, 3, n),
    }


def test_watch_time_metrics_are_the_metrics_by_themselves():
    r = rows()
    y, p, user = r["label"], r["prediction"], r["user"]
    overall, slices = evaluate("watch_time", y, p, user=user, bucket=r["bucket"])
    assert overall == pytest.approx(
        {
            "rows": 400,
            "mae": metrics.mae(y, p),
            "rmse": metrics.rmse(y, p),
            "ratio": metrics.ratio(y, p),
            "negative": np.count_nonzero(np.asarray(p) < 0) / 400,
            "spearman": metrics.spearman(y, p),
            "xauc": metrics.xauc(y, p),
            "xauc_strict": metrics.xauc(y, p, ties="strict"),
            "xauc_lenient": metrics.xauc(y, p, ties="lenient"),
            "xauc_exclude": metrics.xauc(y, p, ties="exclude"),
            "xgauc": metrics.xgauc(y, p, user),
            "xgauc_coverage": metrics.xgauc_coverage(y, user),
        },
        abs=1e-12,
    )
    assert list(slices) == ["bucket=0", "bucket=1", "bucket=2"]
    inside = r["bucket"] == 1
    assert slices["bucket=1"] == pytest.approx(
        {
            "rows": inside.sum(),
            "mae": metrics.mae(y[inside], p[inside]),
            "rmse": metrics.rmse(y[inside], p[inside]),
            "xauc": metrics.xauc(y[inside], p[inside]),
            "xgauc": metrics.xgauc(y[inside], p[inside], user[inside]),
        },
        abs=1e-12,
    )
    assert sum(s["rows"] or 0 for s in slices.values()) == 400


def test_lifetime_value_adds_what_zeros_ask_for():
    r = rows()
    y, p = r["label"], r["prediction"]
    overall, slices = evaluate("ltv", y, p)
    positive = y > 0
    assert overall["gini"] == pytest.approx(metrics.normalized_gini(y, p))
    assert overall["auc"] == pytest.approx(metrics.auc(y, p))
    assert overall["spearman_ceiling"] == pytest.approx(metrics.spearman_ceiling(y))
    assert overall["spearman_positive"] == pytest.approx(metrics.spearman(y[positive], p[positive]))
    assert overall["zero_share"] == pytest.approx(1 - positive.mean())
    assert overall["zero_predicted"] == np.mean(p == 0)
    assert overall["xgauc"] is None
    assert overall["xgauc_coverage"] is None
    assert [name for name in slices if "decile" not in name] == ["positive", "zero"]
    assert slices["positive"]["mae"] == pytest.approx(metrics.mae(y[positive], p[positive]))
    assert slices["zero"]["rows"] == (~positive).sum()


def test_undefined_values_are_none():
    overall, _ = evaluate("ltv", np.zeros(5), np.ones(5), user=np.arange(5))
    for name in ("spearman", "spearman_ceiling", "spearman_positive", "gini", "auc", "ratio", "xgauc", "xauc_exclude"):
        assert overall[name] is None, name
    assert overall["xauc"] == 0.5
    assert overall["xgauc_coverage"] == 0
    assert all(value is None or type(value) is float for value in overall.values())


def test_a_slice_of_one_row_and_no_empty_slice():
    _, slices = evaluate("ltv", np.array([1.0, 2.0, 3.0]), np.ones(3), user=np.zeros(3), bucket=np.array([0, 0, 4]))
    assert list(slices) == ["bucket=0", "bucket=4", "positive"]
    assert slices["bucket=4"] == {"mae": 2.0, "rmse": 2.0, "rows": 1.0, "xauc": None, "xgauc": None}


def test_predictions_that_are_not_finite_are_counted():
    with pytest.raises(ValueError, match=r"2 of 4 predictions are not finite \(1 NaN, 1 infinite\)"):
        evaluate("watch_time", np.ones(4), np.array([np.nan, 1, np.inf, 1]))


@pytest.mark.parametrize("name", ["user", "bucket"])
def test_columns_of_another_length_are_refused(name):
    with pytest.raises(ValueError, match="must be"):
        evaluate("watch_time", np.ones(4), np.ones(4), **{name: np.ones(3, np.int64)})


def test_an_unknown_task_is_named():
    with pytest.raises(ValueError, match="watch_time, ltv, got 'clicks'"):
        evaluate("clicks", np.ones(4), np.ones(4))


def test_a_distributions_calibration_is_pinball_loss_and_coverage() -> None:
    rng = np.random.default_rng(0)
    y, levels = rng.exponential(10, 20_000), (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    true = np.tile(-10 * np.log1p(-np.asarray(levels)), (len(y), 1))
    found = calibration(y, true, levels)
    loss = np.mean([mean_pinball_loss(y, true[:, i], alpha=q) for i, q in enumerate(levels)])
    assert found["pinball"] == pytest.approx(loss) and found["pinball_rows"] == 20_000
    for part in (50, 80, 90):
        assert found[f"coverage_{part}"] == pytest.approx(part / 100, abs=0.01)
    assert set(found) == {"pinball", "pinball_rows", "coverage_50", "coverage_80", "coverage_90"}
    wider = calibration(y, true * np.linspace(0.5, 1.5, 7), levels)
    assert wider["coverage_90"] > 0.95 and wider["pinball"] > found["pinball"]


@pytest.mark.parametrize("quantiles", [np.zeros((3, 2)), np.full((3, 3), np.nan)])
def test_quantiles_of_another_shape_or_not_finite_are_refused(quantiles: np.ndarray) -> None:
    with pytest.raises(ValueError, match="quantiles"):
        calibration([1, 2, 3], quantiles, (0.1, 0.5, 0.9))
