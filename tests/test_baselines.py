"""The baselines: what all must survive, bins, constants, boosting and weighted logistic regression."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, minimize_scalar
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from methods._bins import bin_means, bin_of, equal_frequency, members
from methods.base import EmbeddingTable, Method
from methods.boosting import Boosting
from methods.constants import BucketMean, BucketMedian, Mean, Median
from methods.cread import CREAD
from methods.d2q import D2Q
from methods.oracle import Oracle
from methods.ordinal import Ordinal
from methods.tpm import TPM
from methods.wlr import WLR
from tests.replicas import WORLDS, Call, Fixed, batch_of, built, label_batch, one, small, world

GRADIENT: tuple[type[Method], ...] = (WLR, Ordinal, D2Q, TPM, CREAD)
CASES = [
    pytest.param(cls, changes, id=f"{cls.__module__.split('.')[-1]}-{variant}")
    for cls in GRADIENT
    for variant, changes in {"default": {}, **cls.variants}.items()
    if variant != "large"
]


# What every gradient method must survive


@pytest.mark.parametrize("case", WORLDS)
@pytest.mark.parametrize(("cls", "changes"), CASES)
def test_degenerate_tables_give_finite_losses_gradients_and_predictions(
    cls: type[Method], changes: dict[str, Any], case: str
) -> None:
    schema, rows = WORLDS[case]()
    method = small(cls, **changes)
    module, batch = one(method, schema, rows, torch.float32)
    loss = method.loss(module, batch)
    loss.backward()
    assert loss.ndim == 0
    assert torch.isfinite(loss)
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())
    prediction = method.predict(module, replace(batch, label=None, targets={}))
    assert prediction.shape == (len(rows),)
    assert torch.isfinite(prediction).all()
    assert (prediction >= 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("cls", "changes"), CASES)
def test_mapped_over_replicas_it_gives_what_each_replica_gives_alone(
    cls: type[Method], changes: dict[str, Any], dtype: torch.dtype
) -> None:
    schema, rows = world(64)
    method = small(cls, **changes)
    fitted = method.fit(rows, np.random.default_rng(0))
    modules = [Call(built(method, schema, fitted, seed, dtype)) for seed in range(3)]
    tables = sum(isinstance(m, EmbeddingTable) for m in modules[0].modules())
    embedded = tuple(torch.randn(3, 64, 3, 4, dtype=dtype) for _ in range(tables))
    names = [f.name for f in fields(method.config) if isinstance(getattr(method.config, f.name), float)]
    hyper = {name: torch.full((3,), getattr(method.config, name), dtype=dtype) for name in names}
    parameters, buffers = stack_module_state(modules)  # type: ignore[arg-type]
    label, targets = torch.as_tensor(rows.label).to(dtype), method.targets(fitted, rows)
    labels, marks = torch.stack([label] * 3), {k: torch.stack([v] * 3) for k, v in targets.items()}

    def single(state: Any, hyper: Any, rows_: Any, label: Tensor, marks: Any, what: str) -> Tensor:
        config = replace(method.config, **hyper)
        batch = replace(batch_of(rows, {}, rows_, dtype), label=label, targets=marks)
        if what == "predict":
            batch = replace(batch, label=None, targets={})
        return functional_call(modules[0], state, (getattr(cls(config), what), batch))

    for what in ("loss", "predict"):
        at = (parameters | buffers, hyper, embedded, labels, marks)
        mapped = vmap(lambda *a, what=what: single(*a, what))(*at)
        for r, module in enumerate(modules):
            batch = batch_of(rows, targets, tuple(e[r] for e in embedded), dtype)
            alone = getattr(method, what)(module.module, batch)
            torch.testing.assert_close(mapped[r], alone)


def test_methods_of_duration_refuse_a_dataset_without_one() -> None:
    without = replace(world()[0], buckets=0)
    spending = replace(without, task="ltv")
    assert "duration" in str(D2Q.supports(without))
    assert "ltv" in str(D2Q.supports(spending))
    for cls in (WLR, Ordinal, TPM, CREAD, Boosting, Mean, Median):
        assert cls.supports(without) is None
        assert cls.supports(spending) is None


@pytest.mark.parametrize("cls", [WLR, Ordinal, TPM, CREAD])
def test_methods_for_spending_need_no_duration(cls: type[Method]) -> None:
    schema, rows = world()
    schema, rows = replace(schema, task="ltv", buckets=0), replace(rows, duration=None, bucket=None)
    method = small(cls)
    fitted = method.fit(rows, np.random.default_rng(0))
    module = built(method, schema, fitted, 0, torch.float64)
    embedded = (torch.randn(600, 3, 4, dtype=torch.float64),)
    batch = batch_of(rows, method.targets(fitted, rows), embedded, torch.float64)
    assert torch.isfinite(method.loss(module, batch))


# Bins


def test_bins_of_a_column_without_ties_are_equally_full() -> None:
    values = np.random.default_rng(0).random(1000).astype(np.float32)
    bins = bin_of(values, equal_frequency(values, 30))
    assert set(np.bincount(bins)) == {33, 34}


@pytest.mark.parametrize("least", [1, 20, 400])
def test_no_bin_is_smaller_than_asked_whatever_the_ties(least: int) -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random(1000) < 0.4, 15, rng.integers(5, 60, 1000)).astype(np.float32)
    edges = equal_frequency(values, 30, least=least)
    assert edges.dtype == values.dtype
    assert (np.diff(edges) > 0).all()
    assert np.bincount(bin_of(values, edges), minlength=len(edges) + 1).min() >= least


def test_members_are_the_rows_of_each_bin() -> None:
    bins = np.array([2, 0, 2, 3, 0])
    assert [m.tolist() for m in members(bins, 5)] == [[1, 4], [], [0, 2], [3], []]
    assert bin_means(np.array([1.0, 2, 3, 4, 6]), bins, np.array([9.0] * 5)).tolist() == [4, 9, 2, 4, 9]


# Constants, oracle, boosting


def test_constants_are_numpys() -> None:
    schema, rows = world()
    rng = np.random.default_rng(0)
    y = np.asarray(rows.label, np.float64)
    for cls, statistic in ((Mean, np.mean), (Median, np.median)):
        assert cls().predict(cls().fit(rows, rows, schema, rng), rows.without_label()) == pytest.approx(statistic(y))
    for bucketed, statistic in ((BucketMean, np.mean), (BucketMedian, np.median)):
        assert "duration" in str(bucketed.supports(replace(schema, buckets=0)))
        known = rows.take(np.flatnonzero(rows.bucket != 2))
        prediction = bucketed().predict(bucketed().fit(known, known, schema, rng), rows.without_label())
        for bucket in range(4):
            expected = y[rows.bucket == bucket] if bucket != 2 else y[rows.bucket != 2]
            assert prediction[rows.bucket == bucket] == pytest.approx(statistic(expected))


def test_the_oracle_reads_the_truth_and_exists_only_where_there_is_one() -> None:
    schema, rows = world()
    truth = {"mean": np.arange(600.0), "median": np.ones(600)}
    known = replace(rows, truth=truth)
    assert "synthetic" in str(Oracle.supports(schema))
    assert Oracle.supports(replace(schema, truth=("mean", "median", "q10"))) is None
    assert np.array_equal(Oracle().predict(None, known), truth["mean"])
    assert np.array_equal(Oracle(Oracle.Config(statistic="median")).predict(None, known), truth["median"])


def test_boosting_beats_the_bucket_mean() -> None:
    schema, rows = world(3000)
    train, valid, test = (rows.take(np.arange(a, a + 1000)) for a in (0, 1000, 2000))
    y = np.asarray(test.label)

    def error(method: Any) -> float:
        fitted = method.fit(train, valid, schema, np.random.default_rng(0))
        return float(np.sqrt(np.mean((method.predict(fitted, test.without_label()) - y) ** 2)))

    assert error(Boosting()) < 0.8 * error(BucketMean())
    assert error(Boosting(Boosting.Config(raw_duration=True))) < 0.8 * error(BucketMean())


def test_boosting_learns_nothing_from_noise_since_encodings_are_cross_fitted() -> None:
    schema, rows = world(1500, label=np.random.default_rng(0).exponential(10, 1500))
    ids = rows.ids.copy()
    ids[:, 0] = np.arange(1500) % 500  # the plain encoding of a user's two training rows would tell their labels
    rows = replace(rows, ids=ids)
    train, valid = rows.take(np.arange(1000)), rows.take(np.arange(1000, 1500))
    y = np.asarray(valid.label)
    prediction = Boosting().predict(
        Boosting().fit(train, valid, schema, np.random.default_rng(0)), valid.without_label()
    )
    assert np.sqrt(np.mean((prediction - y) ** 2)) < 1.05 * y.std()


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
@pytest.mark.parametrize("case", WORLDS)
def test_boosting_survives_degenerate_tables(case: str, loss: Any) -> None:
    schema, rows = WORLDS[case]()
    method = Boosting(Boosting.Config(loss=loss, max_iter=5))
    prediction = method.predict(method.fit(rows, rows, schema, np.random.default_rng(0)), rows.without_label())
    assert np.isfinite(prediction).all()
    assert (prediction >= 0).all()


# WLR


def test_wlr_is_least_where_the_odds_are_the_mean_label() -> None:
    y = np.random.default_rng(0).lognormal(2, 1, 200)
    module = Fixed(0, plain=None, ceiling=torch.tensor(9.0))

    def at(s: float) -> Fixed:
        module.weighted = lambda batch: torch.full((200, 1), s, dtype=torch.float64)
        module.weighted.ceiling = torch.tensor(9.0)
        return module

    best = minimize_scalar(lambda s: WLR().loss(at(s), label_batch(y)).item(), bounds=(-5, 9), method="bounded")
    assert WLR().predict(at(best.x), label_batch(y)).numpy() == pytest.approx(y.mean(), rel=1e-4)


def test_wlr_with_thresholded_positives_misses_what_negatives_watch() -> None:
    y = np.random.default_rng(0).lognormal(2, 1, 200)
    q60 = np.sort(y)[119]
    method = WLR(WLR.Config(positives="threshold"))
    module = Fixed(0)

    def at(z: np.ndarray) -> Fixed:
        module.weighted = lambda batch: torch.full((200, 1), z[0], dtype=torch.float64)
        module.plain = lambda batch: torch.full((200, 1), z[1], dtype=torch.float64)
        module.weighted.ceiling, module.weighted.threshold = torch.tensor(9.0), torch.tensor(q60)
        return module

    best = minimize(lambda z: method.loss(at(z), label_batch(y)).item(), np.zeros(2), tol=1e-9)
    assert method.predict(at(best.x), label_batch(y)).numpy() == pytest.approx((y * (y > q60)).mean(), rel=1e-3)


def test_wlr_learns_its_threshold_and_ceiling_from_the_training_labels() -> None:
    _, rows = world(label=np.arange(600))
    fitted = WLR().fit(rows, np.random.default_rng(0))
    assert fitted["threshold"] == 359  # 360 of 600 rows are at or below
    assert fitted["ceiling"].exp().item() == pytest.approx(599 * np.e)
