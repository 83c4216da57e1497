"""Trees by loss: what each estimates, labels that leave nothing to split, and the row that asks for LightGBM."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.schema import Rows, Schema
from methods.trees import lightgbm as row_of_lightgbm
from methods.trees._losses import LossTrees
from methods.trees.hist import HistTrees
from methods.trees.lightgbm import LightGBM
from tests.ltv_world import ltv_world
from tests.worlds import watch_world

pytest.importorskip("lightgbm")
SCHEMA, ROWS = ltv_world(3000, rate=0.4)
TRAIN, VALID, TEST = (ROWS.take(np.arange(a, b)) for a, b in ((0, 2000), (2000, 2400), (2400, 3000)))
CASES = [
    pytest.param(
        cls, cls.variants[variant]["loss"] if variant != "default" else cls.Config().loss, id=f"{cls.name}-{variant}"
    )
    for cls in (HistTrees, LightGBM)
    for variant in ("default", *cls.variants)
]
MEANS = [case for case in CASES if case.values[1] != "absolute"]


def predicted(
    cls: type[LossTrees], loss: str, train: Rows = TRAIN, schema: Schema = SCHEMA, seed: int = 0
) -> np.ndarray:
    method = cls(replace(cls.Config(), loss=loss, max_iter=60))
    fitted = method.fit(train, VALID, schema, np.random.default_rng(seed))
    found = method.predict(fitted, TEST.without_label())
    order = np.random.default_rng(1).permutation(len(TEST))
    np.testing.assert_array_equal(method.predict(fitted, TEST.without_label().take(order)), found[order])
    assert found.shape == (len(TEST),)
    assert np.isfinite(found).all() and (found >= 0).all()
    return found


@pytest.mark.parametrize(("cls", "loss"), MEANS)
def test_a_loss_of_means_finds_the_worlds_mean(cls, loss):
    found, truth = predicted(cls, loss), TEST.truth["mean"]
    assert np.square(found - truth).mean() < 0.5 * truth.var()
    assert 0.8 < found.mean() / truth.mean() < 1.25


@pytest.mark.parametrize("cls", [HistTrees, LightGBM])
def test_the_absolute_error_learns_although_more_than_half_of_the_labels_are_zero(cls):
    """scikit-learn's own loss does not: all its gradients are equal at the start, and it predicts zero for ever."""
    assert np.median(TRAIN.label) == 0
    found = predicted(cls, "absolute")
    assert np.abs(found - TEST.label).mean() < 0.97 * np.abs(TEST.label).mean()
    assert (found < 0.01 * TEST.label.mean()).mean() > 0.3


@pytest.mark.parametrize(("cls", "loss"), CASES)
def test_labels_with_nothing_to_split_give_their_mean(cls, loss):
    zero = replace(TRAIN, label=np.zeros_like(TRAIN.label))
    assert not predicted(cls, loss, zero).any()
    few = TRAIN.take(np.arange(12))
    np.testing.assert_allclose(predicted(cls, "squared", few), few.label.mean(), rtol=1e-6)


@pytest.mark.parametrize("cls", [HistTrees, LightGBM])
def test_a_scale_of_labels_changes_nothing_but_the_scale(cls):
    large = replace(TRAIN, label=TRAIN.label * np.float32(1024))
    method, other = cls(), cls()
    valid = replace(VALID, label=VALID.label * np.float32(1024))
    small = method.predict(method.fit(TRAIN, VALID, SCHEMA, np.random.default_rng(0)), TEST)
    found = other.predict(other.fit(large, valid, SCHEMA, np.random.default_rng(0)), TEST)
    # categories are encoded by ln(1 + y), which a scale bends a little
    np.testing.assert_allclose(found.sum(), 1024 * small.sum(), rtol=0.1)


@pytest.mark.parametrize("cls", [HistTrees, LightGBM])
def test_seeds_differ_and_one_seed_is_one_prediction(cls):
    first, again, other = (predicted(cls, "squared", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_hurdle_is_the_chance_times_the_lognormal_mean():
    method = HistTrees(HistTrees.Config(loss="hurdle", max_iter=30))
    fitted = method.fit(TRAIN, VALID, SCHEMA, np.random.default_rng(0))
    paid = VALID.label > 0
    columns = np.concatenate([fitted.encoder.transform(_ids(VALID)), VALID.numeric], axis=1)
    error = np.log(VALID.label[paid].astype(float) / fitted.scale) - fitted.value(columns[paid])
    assert fitted.half_variance == pytest.approx(np.square(error).mean() / 2)
    expected = fitted.pays(columns) * np.exp(fitted.value(columns) + fitted.half_variance) * fitted.scale
    np.testing.assert_allclose(method.predict(fitted, VALID), expected)
    assert 0.3 < np.sqrt(2 * fitted.half_variance) < 1.2  # the world's is 0.7


def _ids(rows: Rows) -> np.ndarray:
    return np.column_stack([rows.ids, rows.bags["visits"][:, 0]])


def test_a_table_of_numbers_alone_has_nothing_to_encode():
    bare = replace(SCHEMA, fields=(), bags=())
    rows = [replace(part, ids=np.zeros((len(part), 0), np.int32), bags={}) for part in (TRAIN, VALID, TEST)]
    method = HistTrees(HistTrees.Config(max_iter=10))
    found = method.predict(method.fit(rows[0], rows[1], bare, np.random.default_rng(0)), rows[2])
    assert np.corrcoef(found, TEST.truth["mean"])[0, 1] > 0.1


def test_what_is_not_there_is_said(monkeypatch):
    assert LightGBM.supports(SCHEMA) is None
    monkeypatch.setattr(row_of_lightgbm, "find_spec", lambda name: None)
    assert LightGBM.supports(SCHEMA) == "LightGBM is not there: type `pip install lightgbm`"
    assert HistTrees.supports(SCHEMA) is None
    with pytest.raises(ValueError, match="scikit-learn has no loss 'tweedie'; take the method lightgbm"):
        predicted(HistTrees, "tweedie")
    assert "not watch_time" in str(HistTrees.supports(watch_world()[0]))
