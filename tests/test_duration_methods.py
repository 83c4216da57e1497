"""DVR, D2Co, CWM, PCR and NDT against pandas, scikit-learn and the released formulas in NumPy."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.mixture import GaussianMixture
from torch import nn

from datasets.schema import Rows
from methods._bins import bin_of
from methods._seconds import midway, pools, rolling_mean, whole
from methods.base import Batch, EmbeddingTable, Method
from methods.cwm import CWM, logit_interest, mean_where, watch_time
from methods.d2co import D2Co, two_means
from methods.dvr import DVR, reverse
from methods.ndt import NDT, ndt
from methods.pcr import PCR
from tests.replicas import batch_of, built, small, world

RNG = np.random.default_rng(0)


def ready(method: Method, rows: Rows, *, unit: str = "s", dtype: torch.dtype = torch.float64) -> tuple[Any, Batch]:
    """A module fitted on the rows and a batch of all of them; each table has embeddings of its own columns."""
    schema = replace(world()[0], unit=unit)
    fitted = method.fit(rows, np.random.default_rng(0))
    module = built(method, schema, fitted, 0, dtype)
    widths = [len(m.columns) for m in module.modules() if isinstance(m, EmbeddingTable)]
    embedded = tuple(torch.randn(len(rows), width, 4, dtype=dtype) for width in widths)
    return module, batch_of(rows, method.targets(fitted, rows), embedded, dtype)


def saying(module: nn.Module, s: Any) -> nn.Module:
    """The module, made up its mind: its one output is s [B]."""
    output = torch.as_tensor(s, dtype=torch.float64).unsqueeze(1)
    module.forward = lambda batch: output  # type: ignore[method-assign]
    return module


def in_seconds(n: int = 600, **columns: Any) -> Rows:
    """Rows of eight whole durations."""
    duration = np.random.default_rng(1).choice([5, 6, 7, 9, 20, 21, 22, 60], n)
    return world(n, **{"duration": duration, **columns})[1]


# Whole seconds


def test_the_nearest_known_second_is_brute_forces() -> None:
    known = np.array([5.0, 6, 9, 40])
    durations = np.array([0.1, 5, 5.4, 5.5, 5.51, 6, 7.4, 7.5, 8, 24, 25, 1e6], np.float32)
    nearest = [min(range(4), key=lambda k: (abs(known[k] - d), k)) for d in durations]
    assert bin_of(durations, midway(known)).tolist() == nearest


def test_a_training_duration_falls_into_its_own_whole_second() -> None:
    durations = RNG.uniform(1, 40, 500).astype(np.float32)
    durations[:3] = [4.5, 5.5, 6.5]
    known = np.unique(whole(durations))
    assert np.array_equal(known[bin_of(durations, midway(known))], whole(durations))
    assert whole(durations[:3]).tolist() == [4, 5, 6]


def test_a_pool_is_the_smallest_centred_window_with_enough_rows() -> None:
    count = RNG.integers(0, 9, 30)
    low, high = pools(count, 12)
    for k in range(30):
        windows = [(max(k - r, 0), min(k + r + 1, 30)) for r in range(30)]
        assert (low[k], high[k]) == next(w for w in windows if count[slice(*w)].sum() >= 12)
    assert all(np.array_equal(a, b) for a, b in zip(pools(count, 10**6), (np.zeros(30), np.full(30, 30)), strict=True))


@pytest.mark.parametrize("window", [1, 3, 10])
def test_the_rolling_mean_is_pandas(window: int) -> None:
    values, weights = RNG.random(25), RNG.integers(1, 9, 25)
    total, rows = (
        pd.Series(column).rolling(2 * window - 1, min_periods=1, center=True).sum()
        for column in (values * weights, weights)
    )
    np.testing.assert_allclose(rolling_mean(values, weights, window - 1), total / rows)


@pytest.mark.parametrize("cls", [DVR, D2Co, CWM, PCR])
def test_they_refuse_a_dataset_without_durations(cls: type[Method]) -> None:
    assert f"{cls.title.split()[0]} needs a duration" in str(cls.supports(replace(world()[0], buckets=0)))
    assert cls.supports(world()[0]) is None


# DVR


def test_wtg_is_standardised_within_each_duration() -> None:
    rows = in_seconds()
    method = small(DVR, least=1)
    wtg = method.targets(method.fit(rows, RNG), rows)["wtg"].numpy()
    groups = pd.Series(wtg).groupby(rows.duration)
    np.testing.assert_allclose(groups.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(groups.std(ddof=0), 1, rtol=1e-6)


def test_dvr_takes_a_label_to_its_gain_and_back_and_cuts_at_the_duration_if_asked() -> None:
    rows = in_seconds()
    for clip in (False, True):
        method = small(DVR, least=1, clip=clip)
        module, batch = ready(method, rows)
        back = method.predict(saying(module, batch.targets["wtg"]), batch).numpy()
        expected = np.minimum(rows.label, rows.duration) if clip else rows.label
        np.testing.assert_allclose(back, expected, rtol=1e-5)


def test_a_duration_seen_once_has_no_gain_and_its_own_mean_unless_neighbours_count() -> None:
    rows = in_seconds(60, duration=[30] * 59 + [31])
    alone, pooled = small(DVR, least=1), small(DVR, least=20)
    module, batch = ready(alone, rows)
    assert batch.targets["wtg"][-1] == 0
    assert alone.predict(saying(module, np.full(60, 5.0)), batch)[-1].item() == pytest.approx(rows.label[-1])
    fitted = pooled.fit(rows, RNG)
    assert fitted["mu"][1].item() == pytest.approx(rows.label.mean(), rel=1e-6)
    assert fitted["sd"][1].item() == pytest.approx(rows.label.std(), rel=1e-5)


def test_equal_labels_have_no_gain() -> None:
    rows = in_seconds(label=np.full(600, 0.1))
    fitted = small(DVR).fit(rows, RNG)
    assert (fitted["sd"] == 0).all()
    assert (small(DVR).targets(fitted, rows)["wtg"] == 0).all()


def test_dvr_does_not_see_the_duration() -> None:
    module, batch = ready(small(DVR), in_seconds())
    assert [f.name for f in module.backbone.table.fields] == ["user", "video"]
    torch.testing.assert_close(module(replace(batch, duration=batch.duration * 2)), module(batch))


def test_the_predictor_unlearns_what_the_discriminator_learns() -> None:
    x = torch.tensor([0.1, -3.7], requires_grad=True)
    y = reverse(x)
    assert torch.equal(y, x)
    (3 * y).sum().backward()
    assert torch.equal(x.grad, torch.tensor([-3.0, -3.0]))
    rows = in_seconds()
    method, plain = small(DVR, w=0.5), small(DVR, w=0.0)
    module, batch = ready(method, rows)
    d = torch.as_tensor(rows.duration).double()
    d = (d - d.mean()) / d.std(correction=0)
    l_d = (module.psi(module(batch))[:, 0] - d).square().mean()
    weight = module.head.weight
    both, first, second = (
        torch.autograd.grad(loss, weight)[0] for loss in (method.loss(module, batch), plain.loss(module, batch), l_d)
    )
    torch.testing.assert_close(both, first - 0.5 * second, rtol=1e-5, atol=1e-8)


# D2Co


def test_d2co_means_are_scikit_learns_averaged_by_pandas() -> None:
    rows = in_seconds(600)
    rows = replace(rows, duration=np.where(np.arange(600) < 2, 40, rows.duration).astype(np.float32))
    fitted = small(D2Co, window=2).fit(rows, RNG)
    means, count = [], []
    for d in sorted(set(rows.duration) - {40}):  # two rows are too few
        y = np.sort(rows.label[rows.duration == d] / rows.label.std()).astype(np.float64)
        gmm = GaussianMixture(2, covariance_type="spherical", max_iter=500, random_state=61).fit(y[:, None])
        means.append(np.sort(gmm.means_[:, 0]) * rows.label.std())
        count.append(len(y))

    def rolled(column: np.ndarray) -> np.ndarray:
        return pd.Series(column).rolling(3, min_periods=1, center=True).sum().to_numpy()

    low, high = (rolled(column * count) / rolled(np.array(count)) for column in np.array(means).T)
    np.testing.assert_allclose(fitted["low"], low)
    np.testing.assert_allclose(fitted["gap"], np.maximum(high - low, rows.label.std() / 100))
    assert len(fitted["edges"]) == 7


def test_two_gaussians_far_apart_are_found_also_in_a_sample() -> None:
    y = np.concatenate([RNG.normal(3, 1, 4000), RNG.normal(30, 2, 4000)]).astype(np.float32)
    for most in (20_000, 500):
        np.testing.assert_allclose(two_means(y, most), (3, 30), atol=0.2)
    assert two_means(np.full(9, 7, np.float32), 100) == (7, 7)


@pytest.mark.parametrize("correction", ["a", "s"])
def test_d2co_takes_a_label_to_its_place_and_back(correction: Any) -> None:
    rows = in_seconds()
    method = small(D2Co, correction=correction, criterion="mse")
    module, batch = ready(method, rows)
    r = batch.targets["r"]
    second = module.second(batch.duration)
    low, gap = module.low[second], module.gap[second]
    back = method.predict(saying(module, r if correction == "a" else torch.logit(r)), batch)
    expected = batch.label if correction == "a" else batch.label.clamp(low, low + gap)
    torch.testing.assert_close(back, expected, rtol=1e-4, atol=1e-4)


def test_d2co_s_is_the_released_formula_where_that_does_not_overflow() -> None:
    rows = in_seconds(label=np.random.default_rng(2).uniform(0, 3, 600))
    method = small(D2Co, correction="s", criterion="bce", a=0.9)
    module, batch = ready(method, rows)
    a, second = 0.9 / rows.label.mean(), module.second(batch.duration)
    low, high = (module.low[second]).numpy(), (module.low + module.gap)[second].numpy()
    expected = (np.exp(a * rows.label) - np.exp(a * low)) / (np.exp(a * high) - np.exp(a * low))
    np.testing.assert_allclose(batch.targets["r"], expected.clip(0, 1), atol=1e-6)


def test_d2co_s_survives_long_videos_in_float32() -> None:
    label = np.where(np.arange(600) % 2, 400.0, 1.0) + np.random.default_rng(2).random(600)
    method = small(D2Co, correction="s", criterion="bce", a=200.0)
    module, batch = ready(method, in_seconds(label=label), dtype=torch.float32)
    assert torch.isfinite(method.loss(module, batch))
    for s in (-200.0, 0.0, 200.0):
        y = method.predict(saying(module, torch.full((600,), s)).float(), batch)
        assert torch.isfinite(y).all() and (y <= 402).all() and (y >= 0).all()


def test_cross_entropy_is_refused_for_a_target_outside_of_the_unit_interval() -> None:
    with pytest.raises(ValueError, match="set correction to 's'"):
        D2Co.Config(criterion="bce")


# CWM


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cwm_takes_a_watch_time_to_its_interest_and_back(dtype: torch.dtype) -> None:
    _, rows = world()
    fitted = CWM().fit(rows, RNG)
    c, offset = (fitted[name].to(dtype) for name in ("c", "offset"))
    w = torch.linspace(0, 900, 5000, dtype=dtype)
    z = logit_interest(w, c, offset)
    assert (z.diff() > 0).all()
    torch.testing.assert_close(watch_time(z, c, offset), w, rtol=2e-4, atol=1e-4)
    r = np.exp(-c.item() / (w.double().numpy() + offset.item()))
    np.testing.assert_allclose(z, np.log(r / (1 - r)), rtol=1e-4, atol=1e-4)
    assert c.item() == pytest.approx(rows.label.mean(), rel=1e-6)


def test_the_released_transform_merges_the_first_two_seconds() -> None:
    _, rows = world()
    fitted = CWM(CWM.Config(**CWM.variants["c40"])).fit(rows, RNG)
    z = logit_interest(torch.tensor([0.0, 1.0, 1.89, 1.91, 3.0]), fitted["c"], fitted["offset"])
    assert z[0] == z[1] == z[2] < z[3] < z[4]
    assert watch_time(z, fitted["c"], fitted["offset"])[0].item() == pytest.approx(1.895, abs=1e-3)


@pytest.mark.parametrize("variant", ["default", "c40"])
def test_cwm_loss_is_the_released_one(variant: str) -> None:
    _, rows = world()
    method = small(CWM, **CWM.variants.get(variant, {}), sigma=0.7)
    module, batch = ready(method, rows)
    y, d, s = rows.label.astype(np.float64), rows.duration, module(batch)[:, 0].detach().numpy()
    c, offset = (y.mean(), y.mean() / np.log(1e6)) if variant == "default" else (40, 1)
    r = np.exp(-c / (y + offset)).clip(1e-6, 1 - 1e-6)
    error = (s - np.log(r / (1 - r))) / 0.7
    under = y < d
    assert 0 < under.sum() < 600
    expected = (error[under] ** 2 / 2).mean() + np.log1p(np.exp(-error[~under])).mean()
    assert method.loss(module, batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("times", [0.5, 1.0, 3.0])
def test_a_batch_all_or_none_of_whose_rows_are_truncated_gives_no_nan(times: float) -> None:
    rows = in_seconds()
    rows = replace(rows, label=rows.duration * np.float32(times))
    module, batch = ready(small(CWM), rows)
    loss = small(CWM).loss(module, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())
    assert mean_where(torch.ones(3), torch.zeros(3, dtype=torch.bool)) == 0
    assert mean_where(torch.tensor([1.0, 2, 4]), torch.tensor([True, False, True])) == 2.5


def test_a_ratio_is_truncated_from_one_on() -> None:
    rows = in_seconds(label=np.linspace(0.01, 2, 600))
    module, batch = ready(small(CWM), rows, unit="ratio")
    torch.testing.assert_close(module.length(batch.duration), torch.ones(600).double())
    far = small(CWM).loss(saying(module, np.full(600, 60.0)), batch)  # only rows below 1 object
    only = replace(rows, label=rows.label[rows.label < 1], duration=rows.duration[rows.label < 1])
    below = logit_interest(torch.as_tensor(only.label).double(), module.c, module.offset)
    assert far.item() == pytest.approx(((60 - below) ** 2 / 2).mean().item(), rel=1e-6)


def test_cwm_predictions_stop_at_the_largest_label_or_the_duration() -> None:
    rows = in_seconds()
    for clip in (False, True):
        method = small(CWM, clip=clip)
        module, batch = ready(method, rows)
        y = method.predict(saying(module, np.full(600, 1e6)), batch).numpy()
        expected = np.full(600, rows.label.max())
        np.testing.assert_allclose(y, np.minimum(expected, rows.duration) if clip else expected)
        assert (method.predict(saying(module, np.full(600, -1e6)), batch) == 0).all()


def test_cwm_starts_at_the_mean_label() -> None:
    _, rows = world()
    for variant in ({}, CWM.variants["c40"]):
        module, _ = ready(small(CWM, **variant), rows)
        start = watch_time(module.head.bias.detach(), module.c, module.offset)
        assert start.item() == pytest.approx(rows.label.mean(), rel=1e-4)


# PCR


def test_pcr_is_least_at_the_mean_rate_and_multiplies_by_the_duration() -> None:
    rows = in_seconds()
    rate = rows.label / rows.duration
    assert rate.max() > 1
    for link, mean in (("softplus", rate.mean()), ("sigmoid", rate.clip(max=1).mean())):
        method = small(PCR, link=link)
        module, batch = ready(method, rows)
        best = minimize_scalar(
            lambda s, m=method, f=module, b=batch: m.loss(saying(f, np.full(600, s)), b).item(),
            bounds=(-9, 9),
            method="bounded",
        )
        y = method.predict(saying(module, np.full(600, best.x)), batch).numpy()
        np.testing.assert_allclose(y, mean * rows.duration, rtol=1e-3)


def test_pcr_of_a_ratio_is_the_ratio() -> None:
    rows = in_seconds(label=np.linspace(0.01, 2, 600))
    module, batch = ready(small(PCR), rows, unit="ratio")
    y = small(PCR).predict(saying(module, torch.expm1(batch.label).log()), batch)
    torch.testing.assert_close(y, batch.label)


# NDT


def test_ndt_is_the_released_function_of_seconds() -> None:
    _, rows = world()
    method = small(NDT, unit="label")
    module, batch = ready(method, rows)
    y = rows.label.astype(np.float64)
    log = np.log(y + 1)
    bound = np.exp(log.mean() - log.std())
    expected = 2.319 / (1 + np.exp(-(y - bound) / 20)) - 0.744
    np.testing.assert_allclose(ndt(method.place(module, batch.label)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("unit", ["mean", "label"])
@pytest.mark.parametrize("factor", [1.0, 0.01])
def test_ndt_has_an_inverse_in_any_unit(unit: Any, factor: float) -> None:
    _, rows = world()
    rows = replace(rows, label=(rows.label * factor).clip(0, 60))
    plain, weighted = small(NDT, unit=unit), small(NDT, unit=unit, use="weight")
    module, batch = ready(plain, rows)
    x = plain.place(module, batch.label)
    torch.testing.assert_close(plain.predict(saying(module, x), batch), batch.label, rtol=1e-5, atol=1e-5)
    odds = ndt(x).log()  # NaN where T < 0: no odds mean that
    seen = ndt(x) > 0
    back = weighted.predict(saying(module, torch.where(seen, odds, 0)), batch)
    torch.testing.assert_close(back[seen], batch.label[seen], rtol=1e-4, atol=1e-4)


def test_ndt_does_not_depend_on_the_unit() -> None:
    _, rows = world()
    tenth = replace(rows, label=rows.label / 10)
    for y, other in zip(*(small(NDT).fit(r, RNG).items() for r in (rows, tenth)), strict=True):
        factor = 1 if y[0] == "v" else 10
        assert y[1].item() == pytest.approx(factor * other[1].item(), rel=1e-5)


def test_weighted_odds_are_the_mean_weight() -> None:
    _, rows = world()
    method = small(NDT, use="weight")
    module, batch = ready(method, rows)
    best = minimize_scalar(
        lambda s: method.loss(saying(module, np.full(600, s)), batch).item(), bounds=(-9, 9), method="bounded"
    )
    T = ndt(method.place(module, batch.label)).clamp_min(0)
    assert np.exp(best.x) == pytest.approx(T.mean().item(), rel=1e-4)


def test_ndt_predictions_stay_between_zero_and_the_largest_label() -> None:
    _, rows = world()
    for use in ("label", "weight"):
        method = small(NDT, use=use)
        module, batch = ready(method, rows)
        for s in (-1e3, 1e3):
            y = method.predict(saying(module, np.full(600, s)), batch)
            assert torch.isfinite(y).all() and (y >= 0).all() and (y <= rows.label.max()).all()
