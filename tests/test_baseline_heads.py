"""Ordinal regression, D2Q, TPM and CREAD against closed forms, brute force, SciPy and torch's own losses."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from scipy.optimize import minimize_scalar

from methods._bins import bin_of, equal_frequency
from methods.base import Method
from methods.cread import CREAD, gamma, search_alpha
from methods.d2q import D2Q, mid_rank, restore
from methods.ordinal import Ordinal
from methods.tpm import TPM, leaf_probability, tree
from tests.replicas import WORLDS, Fixed, log_odds, one, small, world

# Ordinal regression


def share_above(y: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Calibrated phi without features: P(y > e_k) [1, K-1]."""
    return (y[:, None] > edges).mean(0, keepdims=True)


def largest_below(y: np.ndarray, start: float, edges: np.ndarray) -> np.ndarray:
    """The largest of start and the edges strictly below each y."""
    return np.array([max([start, *(e for e in edges if e < v)]) for v in y])


@pytest.mark.parametrize("case", ["plain", "whole numbers", "nearly all zero", "forty rows", "all labels equal"])
def test_ordinal_regression_is_unbiased_when_phi_is_calibrated(case: str) -> None:
    y = np.asarray(WORLDS[case]()[1].label, np.float64)
    fitted = Ordinal().fit(WORLDS[case]()[1], np.random.default_rng(0))
    module = Fixed(log_odds(share_above(y, fitted["edges"].numpy())), **fitted)
    assert Ordinal().predict(module, None).item() == pytest.approx(y.mean(), rel=1e-6)


def test_ordinal_regression_by_widths_counts_each_label_at_the_edge_below_it() -> None:
    y, rows = np.asarray(world()[1].label, np.float64), world()[1]
    method = Ordinal(Ordinal.Config(restore="width"))
    fitted = method.fit(rows, np.random.default_rng(0))
    edges = fitted["edges"].numpy()
    value = method.predict(Fixed(log_odds(share_above(y, edges)), **fitted), None).item()
    assert value == pytest.approx(largest_below(y, y.min(), edges).mean(), rel=1e-6)
    assert value < 0.97 * y.mean()


def test_ordinal_regression_reads_no_negative_probability() -> None:
    fitted = Ordinal(Ordinal.Config(bins=4)).fit(world()[1], np.random.default_rng(0))
    phi = np.array([[0.5, 0.9, 0.2], [0.5, 0.5, 0.2]])
    first, second = Ordinal().predict(Fixed(log_odds(phi), **fitted), None).tolist()
    assert first == pytest.approx(second)


def test_ordinal_regression_minimises_the_mean_cross_entropy() -> None:
    schema, rows = world()
    method = small(Ordinal)
    module, batch = one(method, schema, rows)
    target = (np.asarray(rows.label)[:, None] > module.edges.numpy()).astype(np.float64)
    expected = F.binary_cross_entropy_with_logits(module(batch), torch.from_numpy(target))
    torch.testing.assert_close(method.loss(module, batch), expected)


def test_a_shared_ranker_starts_at_the_training_shares_and_is_monotone() -> None:
    schema, rows = world()
    method = small(Ordinal, shared=True)
    module, batch = one(method, schema, rows)
    assert (module(batch).diff(dim=1) < 0).all()
    share = share_above(np.asarray(rows.label), module.edges.numpy())[0]
    np.testing.assert_allclose(torch.sigmoid(module.offset).detach(), share, atol=1e-6)


# D2Q


def test_d2q_targets_are_scipys_percentiles_within_the_group() -> None:
    _, rows = world(400, label=np.random.default_rng(1).integers(0, 15, 400))
    method = D2Q(D2Q.Config(groups=4, least=20))
    fitted = method.fit(rows, np.random.default_rng(0))
    q = method.targets(fitted, rows)["q"].numpy()
    cuts = np.sort(rows.duration)[[99, 199, 299]]
    y, group = np.asarray(rows.label), np.array([sum(d > c for c in cuts) for d in rows.duration])
    for i in range(0, 400, 7):
        expected = stats.percentileofscore(y[group == group[i]], y[i], kind="mean") / 100
        assert q[i] == pytest.approx(expected, abs=1e-6)


def test_mid_ranks_average_one_half_whatever_the_ties() -> None:
    y = np.random.default_rng(0).integers(0, 3, 1000)
    assert mid_rank(y).mean() == pytest.approx(0.5)


@pytest.mark.parametrize("whole", [False, True])
def test_d2q_takes_a_label_to_its_quantile_and_back(whole: bool) -> None:
    label = np.random.default_rng(1).lognormal(2, 0.5, 600)
    _, rows = world(label=label.round() if whole else label)
    method = D2Q(D2Q.Config(groups=3))
    fitted = method.fit(rows, np.random.default_rng(0))
    q, y = method.targets(fitted, rows)["q"].double(), np.asarray(rows.label, np.float64)
    group = bin_of(rows.duration, fitted["edges"].numpy())
    back = restore(fitted["table"], torch.from_numpy(group), q).numpy()
    for g in range(3):
        mine = np.unique(y[group == g])
        place = np.searchsorted(mine, y[group == g])
        low, high = mine[(place - 1).clip(0)], mine[(place + 1).clip(max=len(mine) - 1)]
        assert ((low <= back[group == g]) & (back[group == g] <= high)).all()  # never past the next label
        error = np.abs(back[group == g] - y[group == g])
        assert np.median(error) < 0.01
        if whole:
            common = np.bincount(place)[place] > 2  # an atom wider than the table's step comes back exactly
            assert error[common].max() < 1e-5


def test_d2q_restores_the_smallest_and_the_largest_label_of_each_group() -> None:
    _, rows = world()
    fitted = D2Q(D2Q.Config(groups=3)).fit(rows, np.random.default_rng(0))
    y, group = np.asarray(rows.label), bin_of(rows.duration, fitted["edges"].numpy())
    for g in range(3):
        ends = restore(fitted["table"], torch.tensor([g, g]), torch.tensor([0.0, 1.0]))
        np.testing.assert_allclose(ends, [y[group == g].min(), y[group == g].max()], rtol=1e-6)


@pytest.mark.parametrize("cls", [D2Q, TPM])
def test_durations_outside_trainings_join_the_outer_groups(cls: type[Method]) -> None:
    schema, rows = world()
    method = small(cls, groups=3, least=50)
    module, batch = one(method, schema, rows)
    edges = equal_frequency(rows.duration, 3)
    assert (edges[:, None] == rows.duration).any(1).all()  # edges are durations, which belong to the group below
    assert module.group(batch).tolist() == [sum(d > edges) for d in rows.duration]
    odd = replace(batch, duration=torch.tensor([0.0, 1e9, -1.0] * 200, dtype=torch.float64))
    assert module.group(odd).tolist() == [0, 2, 0] * 200
    assert torch.isfinite(method.predict(module, odd)).all()


@pytest.mark.parametrize("criterion", ["mse", "bce"])
def test_both_d2q_losses_are_least_at_the_mean_quantile(criterion: Any) -> None:
    q = torch.rand(100, dtype=torch.float64)
    method = D2Q(D2Q.Config(criterion=criterion))
    batch: Any = type("Targets", (), {"targets": {"q": q}})
    best = minimize_scalar(lambda s: method.loss(Fixed(s), batch).item(), bounds=(-9, 9), method="bounded")
    assert 1 / (1 + np.exp(-best.x)) == pytest.approx(q.mean().item(), abs=1e-4)


# TPM


def walk(s: np.ndarray, leaves: int) -> np.ndarray:
    """P(leaf) of one row by walking up from each leaf of the heap and multiplying."""
    p = []
    for leaf in range(leaves):
        node, product = leaf + leaves - 1, 1.0
        while node:
            parent = (node - 1) // 2
            right = 1 / (1 + np.exp(-s[parent]))
            product *= right if node == 2 * parent + 2 else 1 - right
            node = parent
        p.append(product)
    return np.array(p)


@pytest.mark.parametrize("leaves", [2, 4, 32])
def test_leaf_probabilities_are_products_along_the_path(leaves: int) -> None:
    s = 3 * torch.randn(20, leaves - 1, dtype=torch.float64)
    p = leaf_probability(s)
    np.testing.assert_allclose(p, [walk(row, leaves) for row in s.numpy()])
    np.testing.assert_allclose(p.sum(1), 1)
    nodes, right = tree(leaves)
    sign = torch.where(right == 1, 1.0, -1.0)
    product = torch.sigmoid(s[:, nodes] * sign).prod(2)  # the same paths, from the static tables
    torch.testing.assert_close(product, p)


def test_a_tree_of_seven_leaves_is_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        tree(7)


def test_tpm_loss_is_path_cross_entropy_squared_error_and_standard_deviation() -> None:
    schema, rows = world(200)
    for debias in (True, False):
        changes = {"debias": debias, "groups": 2, "least": 50, "leaves": 8}
        method = small(TPM, **changes)
        module, batch = one(method, schema, rows)
        y, s = np.asarray(rows.label, np.float64), module(batch).detach().numpy()
        p = np.array([walk(row, 8) for row in s])
        r = np.broadcast_to(module.values(batch).numpy(), p.shape)
        mean = (p * r).sum(1)
        np.testing.assert_allclose(method.predict(module, batch).detach(), mean)
        sd, path = np.sqrt((p * r**2).sum(1) - mean**2), -np.log(p[np.arange(200), batch.targets["leaf"]])
        scale = y.std()
        for weights, expected in (
            ((1.0, 0.0, 0.0), path.mean() / 3),
            ((0.0, 1.0, 0.0), ((mean - y) ** 2).mean() / scale**2),
            ((0.0, 0.0, 1.0), sd.mean() / scale),
        ):
            part = small(TPM, **changes, **dict(zip(("w_tree", "w_mse", "w_sd"), weights, strict=True)))
            assert part.loss(module, batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("case", ["plain", "whole numbers", "nearly all zero", "forty rows", "two durations"])
def test_every_label_lies_in_its_leaf_and_leaf_values_are_unbiased(case: str) -> None:
    _, rows = WORLDS[case]()
    method = small(TPM, groups=3, least=10, leaves=8)
    fitted = method.fit(rows, np.random.default_rng(0))
    y, leaf = np.asarray(rows.label), method.targets(fitted, rows)["leaf"].numpy()
    group = bin_of(rows.duration, fitted["edges"].numpy())
    t = fitted["bounds"].numpy().copy()
    t[:, 0], t[:, -1] = -np.inf, np.inf
    assert ((t[group, leaf] < y) & (y <= t[group, leaf + 1])).all()
    r = fitted["value"].numpy()
    assert ((r >= y.min()) & (r <= y.max())).all()
    assert (np.diff(r, axis=1) >= 0).all()
    for g in np.unique(group):
        assert r[g][leaf[group == g]].mean() == pytest.approx(y[group == g].mean(), rel=1e-5)


def test_leaves_of_continuous_labels_are_equally_full_and_the_maximum_is_in_the_last() -> None:
    _, rows = world(512)
    method = small(TPM, debias=False, leaves=16)
    leaf = method.targets(method.fit(rows, np.random.default_rng(0)), rows)["leaf"].numpy()
    assert set(np.bincount(leaf)) == {32}
    assert leaf[np.argmax(rows.label)] == 15


def test_midpoints_of_a_long_tail_are_biased_and_means_are_not() -> None:
    label = np.random.default_rng(0).lognormal(1.5, 1.25, 20_000)
    _, rows = world(20_000, label=label)
    for leaf, low, high in (("mean", 0.999, 1.001), ("midpoint", 1.3, np.inf)):
        method = small(TPM, debias=False, leaf=leaf, leaves=16)
        fitted = method.fit(rows, np.random.default_rng(0))
        mean = fitted["value"][0][method.targets(fitted, rows)["leaf"]].mean().item()
        assert low < mean / label.mean() < high


# CREAD


@pytest.mark.parametrize("alpha", [0.0, 0.001, 1.0, 4.0])
def test_gamma_goes_from_zero_to_one_and_rises(alpha: float) -> None:
    g = gamma(np.linspace(0, 1, 51), alpha)
    assert g[0] == 0
    assert g[-1] == pytest.approx(1)
    assert (np.diff(g) > 0).all()
    if alpha < 0.01:
        np.testing.assert_allclose(g, np.linspace(0, 1, 51), atol=1e-3)


def test_cread_thresholds_are_equal_frequency_for_no_alpha_and_higher_for_more() -> None:
    _, rows = world()
    at = {a: small(CREAD, alpha=a).fit(rows, np.random.default_rng(0))["t"].numpy() for a in (1e-10, 1.0, 4.0)}
    np.testing.assert_array_equal(at[1e-10], np.sort(rows.label)[11:-1:12])  # 12 of 600 labels between thresholds
    assert (at[1.0] >= at[1e-10]).all()
    assert at[4.0].mean() > at[1.0].mean() > at[1e-10].mean()


@pytest.mark.parametrize("case", ["plain", "whole numbers", "nearly all zero", "forty rows"])
def test_cread_restores_calibrated_probabilities(case: str) -> None:
    _, rows = WORLDS[case]()
    y = np.asarray(rows.label, np.float64)
    for kind in ("width", "mean"):
        method = CREAD(CREAD.Config(restore=kind))  # type: ignore[arg-type]
        fitted = method.fit(rows, np.random.default_rng(0))
        t = fitted["t"].numpy()
        value = method.predict(Fixed(log_odds(share_above(y, t)), **fitted), None).item()
        expected = largest_below(y, 0.0, t).mean() if kind == "width" else y.mean()
        assert value == pytest.approx(expected, rel=1e-5)


def test_creads_search_returns_equal_frequency_under_an_outlier_and_moves_with_the_cap() -> None:
    y = np.sort(np.random.default_rng(0).lognormal(1.8, 1, 50_000))
    assert search_alpha(np.append(y, 999.6), 50) == pytest.approx(0.001)
    assert search_alpha(np.minimum(y, 30), 50) > 0.1


def test_cread_heads_left_over_by_ties_have_no_say() -> None:
    schema, rows = WORLDS["whole numbers"]()
    method = small(CREAD, heads=20)
    module, batch = one(method, schema, rows)
    spare = module.live == 0
    assert 0 < spare.sum() < 19
    assert len(module.t[~spare].unique()) == (~spare).sum()
    method.loss(module, batch).backward()
    assert (module.head.bias.grad[spare] == 0).all()
    assert (module.head.bias.grad[~spare] != 0).all()
    before = method.predict(module, batch)
    module.head.bias.data[spare] += 5
    torch.testing.assert_close(method.predict(module, batch), before)


def test_cread_loss_is_cross_entropy_huber_and_the_mean_rise() -> None:
    schema, rows = world()
    module, batch = one(small(CREAD), schema, rows)
    s, y = module(batch), torch.as_tensor(rows.label).double()
    scale = float(np.std(np.asarray(rows.label)))
    phi = torch.sigmoid(s)
    value, rise = small(CREAD).predict(module, batch), phi.diff(dim=1).clamp_min(0).mean()
    ce = F.binary_cross_entropy_with_logits(s, (y[:, None] > module.t).double())
    for delta in (0.1, 1.0):
        huber = F.huber_loss(value / scale, y / scale, delta=delta)
        method = small(CREAD, w_restore=2.0, w_ord=3.0, delta=delta)
        assert method.loss(module, batch).item() == pytest.approx((ce + 2 * huber + 3 * rise).item(), rel=1e-5)
