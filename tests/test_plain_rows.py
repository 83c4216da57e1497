"""The plain networks: in a world without features each comes to the statistic that it says it estimates."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import huber as scipy_huber
from scipy.stats import median_abs_deviation

from datasets.schema import Field, Rows, Schema
from methods._robust import robust_unit
from methods.absolute import Absolute
from methods.base import Method
from methods.capabilities import LEVELS, Distribution
from methods.huber import Huber
from methods.log1p import Log1p
from methods.pinball import Pinball
from tests.replicas import WORLDS, batch_of, built, small

METHODS: tuple[type[Method], ...] = (Absolute, Huber, Log1p, Pinball)
CASES = [
    pytest.param(cls, changes, id=f"{cls.name}-{variant}")
    for cls in METHODS
    for variant, changes in {"default": {}, **cls.variants}.items()
]
N = 301
Y = np.random.default_rng(3).lognormal(1.5, 1.0, N).astype(np.float32)


def alike(y: np.ndarray = Y) -> tuple[Schema, Rows]:
    """One user, one video: x tells nothing."""
    schema = Schema(task="watch_time", unit="s", fields=(Field("user", 2), Field("video", 2)))
    return schema, Rows(ids=np.ones((len(y), 2), np.int32), label=y)


def trained(method: Method, y: np.ndarray = Y, steps: int = 500) -> tuple[Any, Any]:
    """The module and the batch of all rows, after Adam with a falling rate, without dropout."""
    schema, rows = alike(y)
    fitted = method.fit(rows, np.random.default_rng(0))
    module = built(method, schema, fitted, 0, torch.float64)
    batch = batch_of(rows, {}, (torch.ones(len(y), 2, 4, dtype=torch.float64),), torch.float64)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.99)
    for _ in range(steps):
        optimiser.zero_grad()
        method.loss(module, batch).backward()
        optimiser.step()
        schedule.step()
    return module, replace(batch, label=None)


def predicted(method: Method, y: np.ndarray = Y) -> float:
    module, batch = trained(method, y)
    values = method.predict(module, batch)
    assert values.shape == (len(y),)
    assert values.std() < 1e-9
    return float(values.detach()[0])


def test_least_absolute_deviations_come_to_the_median() -> None:
    assert predicted(small(Absolute)) == pytest.approx(np.median(Y), rel=0.01)


def test_the_pinball_quantiles_come_to_those_of_the_labels_and_the_value_is_the_median() -> None:
    method = small(Pinball)
    module, batch = trained(method)
    assert method.predict(module, batch).detach().numpy() == pytest.approx(np.full(N, np.median(Y)), rel=0.03)
    assert isinstance(method, Distribution)
    found = method.quantiles(module, batch)[0].detach().numpy()
    assert found == pytest.approx(np.quantile(Y, LEVELS), rel=0.05)
    some = (0.01, 0.05, 0.3, 0.5, 0.6, 0.99)
    assert method.quantiles(module, batch, some)[0].detach().numpy() == pytest.approx(np.interp(some, LEVELS, found))


def test_the_way_back_from_the_logarithm_is_the_geometric_mean_and_smearing_makes_it_the_mean() -> None:
    assert predicted(small(Log1p)) == pytest.approx(np.exp(np.log1p(Y).mean()) - 1, rel=0.005)
    assert predicted(small(Log1p, back="smearing")) == pytest.approx(Y.mean(), rel=0.01)


def test_the_geometric_mean_is_the_median_where_the_logarithm_is_symmetric() -> None:
    z = np.random.default_rng(4).normal(2, 0.7, 400)
    y = np.expm1(np.concatenate([z, 4 - z])).clip(0).astype(np.float32)
    assert predicted(small(Log1p), y) == pytest.approx(np.median(y), rel=0.02)


@pytest.mark.parametrize("delta", [0.5, 1.0, 2.0])
def test_hubers_loss_is_scipys_in_median_absolute_deviations_and_lies_between_median_and_mean(delta: float) -> None:
    unit = median_abs_deviation(Y)
    best = minimize_scalar(lambda t: scipy_huber(delta, (Y - t) / unit).mean(), bounds=(0, 100), method="bounded").x
    found = predicted(small(Huber, delta=delta))
    assert found == pytest.approx(best, rel=0.01)
    assert np.median(Y) < found < Y.mean()


def test_the_unit_is_the_median_absolute_deviation_or_the_mean_one_where_that_is_zero() -> None:
    assert robust_unit(Y) == pytest.approx(median_abs_deviation(Y))
    mostly_zero = np.array([0, 0, 0, 0, 6], np.float32)
    assert robust_unit(mostly_zero) == pytest.approx(6 / 5)
    assert robust_unit(np.full(5, 3, np.float32)) == 1e-6


@pytest.mark.parametrize("case", WORLDS)
@pytest.mark.parametrize(("cls", "changes"), CASES)
def test_degenerate_tables_give_finite_losses_gradients_and_predictions(
    cls: type[Method], changes: dict[str, Any], case: str
) -> None:
    schema, rows = WORLDS[case]()
    method = small(cls, **changes)
    module = built(method, schema, method.fit(rows, np.random.default_rng(0)), 0, torch.float32)
    batch = batch_of(rows, {}, (torch.randn(len(rows), 3, 4),), torch.float32)
    loss = method.loss(module, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())
    values = method.predict(module, replace(batch, label=None))
    assert values.shape == (len(rows),)
    assert torch.isfinite(values).all()
    assert (values >= 0).all()


@pytest.mark.parametrize("cls", [Absolute, Huber, Pinball])
def test_labels_a_thousandth_as_large_give_predictions_a_thousandth_as_large(cls: type[Method]) -> None:
    schema, rows = WORLDS["plain"]()
    found = []
    for y in (rows.label, rows.label * np.float32(1e-3)):
        method, these = small(cls), replace(rows, label=y)
        module = built(method, schema, method.fit(these, np.random.default_rng(0)), 0, torch.float64)
        embedded = (torch.randn(len(rows), 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)),)
        batch = batch_of(these, {}, embedded, torch.float64)
        found.append((method.loss(module, batch).item(), method.predict(module, batch).detach().numpy()))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-5)
    np.testing.assert_allclose(found[1][1], 1e-3 * found[0][1], rtol=1e-5)
