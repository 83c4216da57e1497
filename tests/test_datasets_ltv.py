"""Lifetime values: the label rule, what all of these datasets share, and the synthetic world."""

import numpy as np
import pytest

from benchmark.metrics.pairs import normalized_gini, spearman
from datasets import cache
from datasets.base import NotAvailable
from datasets.cdnow import CDNow
from datasets.criteo import Criteo
from datasets.kaggle import Kaggle
from datasets.preparing.lifetime import lifetimes
from datasets.synthetic_ltv import SyntheticLtv, World
from tests import ltv_fixtures as made


def test_the_label_counts_the_days_after_the_first_up_to_the_365th():
    day = np.array([9, 10, 10, 10, 11, 375, 376, 40])
    amount = np.array([-3.0, 2.0, 5.0, 5.0, 1.0, 10.0, 100.0, 0.0])  # a return before the first purchase does not count
    found = lifetimes(np.full(8, 7), np.full(8, 1), day, amount)
    assert found.start.tolist() == [10]
    assert found.calibration.tolist() == [12.0]
    assert found.label.tolist() == [11.0]
    assert found.largest.tolist() == [2]  # the first of two equals
    assert found.on_first_day(np.arange(8.0)).tolist() == [6.0]


def test_each_company_has_its_own_first_date():
    found = lifetimes(np.array([1, 1, 2]), np.array([5, 4, 5]), np.array([3, 8, 1]), np.array([1.0, 2.0, 4.0]))
    assert found.customer.tolist() == [1, 1, 2]
    assert found.company.tolist() == [4, 5, 5]
    assert found.label.tolist() == [0, 0, 0]


def test_nobody_who_never_paid_has_a_lifetime():
    assert len(lifetimes(np.array([1]), np.array([1]), np.array([1]), np.array([0.0])).label) == 0


@pytest.mark.parametrize(
    ("dataset", "place"),
    [(Kaggle(), "kaggle-avs"), (Criteo(), "Criteo_Conversion_Search"), (CDNow(), "cdnow")],
    ids=lambda value: getattr(value, "name", value),
)
def test_missing_files_are_one_sentence(tmp_path, dataset, place):
    with pytest.raises(NotAvailable, match="no data root was given"):
        dataset.files(None)
    with pytest.raises(NotAvailable, match=f"the folder is not there .*{place}.*; see http"):
        dataset.files(tmp_path)
    (tmp_path / place).mkdir()
    with pytest.raises(NotAvailable, match=r"\[\.gz\] is not there") as caught:
        dataset.build(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dataset", [Kaggle(), Criteo(), CDNow(), SyntheticLtv(rows=900)], ids=lambda d: d.name)
def test_a_kept_table_is_the_one_that_was_built(tmp_path, dataset):
    made.kaggle(tmp_path, made.transactions(), name="transactions.csv")
    made.criteo(tmp_path, made.clicks())
    made.cdnow(tmp_path, made.purchases())
    kept, built = cache.load(dataset, tmp_path, tmp_path / "cache"), dataset.build(tmp_path)
    assert kept.schema == built.schema
    assert dataset.task == kept.schema.task == "ltv"
    for name, column in cache.columns_of(built).items():
        np.testing.assert_array_equal(cache.columns_of(kept)[name], column)
    assert sum(len(index) for index in kept.split.values()) == len(kept.rows) == kept.facts["rows"]
    assert np.isfinite(kept.rows.numeric).all()
    assert np.isfinite(kept.rows.label).all()
    assert (kept.rows.label >= 0).all()


@pytest.mark.parametrize("positive", [0.11, 0.9])
def test_the_truth_of_the_world_is_what_its_labels_average_to(positive):
    drawn = World(30, 10, 8, positive=positive, typical=40, seed=1).draw(np.random.default_rng(0), 200)
    rng = np.random.default_rng(1)
    labels = np.stack([drawn.labels(rng) for _ in range(4000)])  # [draws, rows]
    assert (labels > 0).mean() == pytest.approx(drawn.probability.mean(), abs=0.002)
    error = (labels.mean(0) - drawn.mean()) / (labels.std(0) / np.sqrt(len(labels)))
    assert abs(error.mean()) < 0.3
    assert error.std() < 1.3
    below = (labels <= drawn.median()).mean(0)
    clear = drawn.probability > 0.55  # where the median is a zero, more than half lie at it
    np.testing.assert_allclose(below[clear], 0.5, atol=0.05)
    assert (below[drawn.probability < 0.45] > 0.5).all()
    assert (drawn.median()[drawn.probability < 0.5] == 0).all()


def test_the_oracle_of_the_synthetic_world_is_far_above_constants():
    table = SyntheticLtv().build(None)
    assert len(table.rows) == 100_000
    assert 0.10 < table.facts["positive"] < 0.12
    assert table.schema.truth == ("mean", "median", "probability")
    train, test = table.view("train"), table.view("test")
    label, oracle = test.label.astype(np.float64), test.truth["mean"].astype(np.float64)
    assert normalized_gini(label, oracle) > 0.7
    assert spearman(label, oracle) > 0.3
    constant = np.sqrt(np.mean((label - train.label.mean()) ** 2))
    assert np.sqrt(np.mean((label - oracle) ** 2)) < 0.95 * constant
    assert table.rows.label.mean() == pytest.approx(table.rows.truth["mean"].mean(), rel=0.05)


def test_the_synthetic_world_can_be_learned_from_its_training_rows():
    table = SyntheticLtv().build(None)
    train, test = table.view("train"), table.view("test")
    # each field's smoothed mean label, multiplied: the crudest of models
    score = np.exp(0.7 * test.numeric[:, 0].astype(np.float64))
    for place, field in enumerate(table.schema.fields):
        total = np.bincount(train.ids[:, place], weights=train.label, minlength=field.size)
        count = np.bincount(train.ids[:, place], minlength=field.size)
        score *= ((total + 50 * train.label.mean()) / (count + 50))[test.ids[:, place]]
    label, oracle = test.label.astype(np.float64), test.truth["mean"].astype(np.float64)
    assert normalized_gini(label, score) > 0.8 * normalized_gini(label, oracle)


def test_the_size_twins_differ_in_numbers_only():
    twin = SyntheticLtv("synthetic-ltv@small", rows=5_000, positive=0.9, typical=45, like="a small one").build(None)
    assert twin.facts["slice"] == "synthetic lifetime values, the size of a small one"
    assert 0.88 < twin.facts["positive"] < 0.92
    again = SyntheticLtv("synthetic-ltv@small", rows=5_000, positive=0.9, typical=45, like="a small one").build(None)
    np.testing.assert_array_equal(twin.rows.label, again.rows.label)
    np.testing.assert_array_equal(twin.rows.ids, again.rows.ids)
