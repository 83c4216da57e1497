"""ProWTP's losses against literal loops over the paper's sums, its readings and removals, and its edge cases."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Rows, Schema
from methods.prowtp import losses, transport
from methods.prowtp.method import ProWTP
from methods.tr import TR
from tests.replicas import WORLDS, one, world

QUICK = {"dim": 4, "hidden": (8, 8), "clusters": 2, "codes": 3, "vectors": 60, "size": 16, "training": 60,
         "w_assign": 0.1, "beta": 0.1}  # fmt: skip


def method(**changes: Any) -> ProWTP:
    return ProWTP(replace(ProWTP.Config(), **(QUICK | changes)))  # type: ignore[arg-type]


def h_and_p(B: int = 9, CK: int = 5, d: int = 4) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    return tuple(normalize(torch.randn(n, d, generator=g, dtype=torch.float64), dim=1) for n in (B, CK))  # type: ignore[return-value]


# Equations


def test_assign_is_equation_9() -> None:
    (h, p), tau = h_and_p(), 0.1
    t = 9 * transport.suot(1 - h @ p.T, 0.5)
    total = 0.0
    for i in range(9):
        for k in range(5):
            below = sum(math.exp(float(h[i] @ p[j]) / tau) for j in range(5))
            total -= float(t[i, k]) * math.log(math.exp(float(h[i] @ p[k]) / tau) / below) / 9
    assert float(losses.assign(t, (h @ p.T / tau).log_softmax(1))) == pytest.approx(total)


def members(t: Tensor) -> list[set[int]]:
    """Eq. 10."""
    B, CK = t.shape
    return [{i for i in range(B) if t[i, k] > sum(t[:, k]) / B} for k in range(CK)]


@pytest.mark.parametrize("count", [9, 6])
def test_compact_is_equation_11(count: int) -> None:
    (h, p), tau = h_and_p(), 0.1
    t = losses.cleaned(9 * transport.suot(1 - h @ p.T, 0.5), renormalise=True)
    logs, printed, pairs = [], 0.0, range(count)
    s = [[float(h[i] @ h[j]) / tau for j in pairs] for i in pairs]
    everyone = sum(math.exp(s[i][j]) for i in pairs for j in pairs)
    others = sum(math.exp(s[i][j]) for i in pairs for j in pairs if i != j)
    for S in members(t):
        for i in pairs:
            for j in pairs:
                if i in S and j in S and i != j:
                    printed -= math.log(math.exp(s[i][j]) / everyone) / 5
                    logs.append(-math.log(math.exp(s[i][j]) / others))
    shared = losses.pairs(t, count)
    found = losses.compact(h[:count], shared, tau, prototypes=5, literal=True)
    assert float(found) == pytest.approx(printed)
    found = losses.compact(h[:count], shared, tau, prototypes=5, literal=False)
    assert float(found) == pytest.approx(np.mean(logs))


def test_compact_without_a_pair_is_zero_and_has_a_gradient() -> None:
    h = h_and_p()[0].requires_grad_()
    found = losses.compact(h, torch.zeros(9, 9, dtype=torch.float64), 0.1, prototypes=5, literal=False)
    found.backward()
    assert float(found.detach()) == 0 and torch.isfinite(h.grad).all()  # type: ignore[arg-type]


def test_l2_alignment_is_equation_36() -> None:
    h, p = h_and_p()
    alpha = (h @ p.T / 0.1).softmax(1)
    total = np.mean([math.dist(h[i], sum(alpha[i, k] * p[k] for k in range(5))) for i in range(9)])
    assert float(losses.to_combination(h, alpha, p)) == pytest.approx(total)


def test_crumbs_of_the_solver_make_no_members() -> None:
    """A prototype without mass has entries above their own mean; cleaned, it has none."""
    h, p = h_and_p(40)
    h = normalize(h + p[0], dim=1)
    p[4] = -p[0]  # far from everyone
    t = 40 * transport.suot(1 - h @ p.T, 1e-3)
    assert 0 < float(t[:, 4].sum()) < 1e-3 and len(members(t)[4]) > 0
    cleaned = losses.cleaned(t, renormalise=True)
    assert len(members(cleaned)[4]) == 0
    torch.testing.assert_close(cleaned.sum(1), torch.ones(40, dtype=torch.float64))


@pytest.mark.parametrize("alignment", ["suot", "ot", "uot"])
def test_a_plans_rows_are_pseudo_labels(alignment: str) -> None:
    h, p = h_and_p(30)
    t = method(alignment=alignment).plan(1 - h @ p.T)
    if alignment == "uot":
        assert (t.sum(1) <= 1 + 1e-9).all() and 0.3 < float(t.sum()) / 30 < 1
    else:
        torch.testing.assert_close(t.sum(1), torch.ones(30, dtype=torch.float64))
    if alignment == "ot":
        torch.testing.assert_close(t.sum(0), torch.full((5,), 6.0, dtype=torch.float64), atol=0.01, rtol=0)


@pytest.mark.parametrize("variant", ["default", "no_assign", "no_compact", "l2", "no_alignment", "straight_through"])
def test_the_loss_is_the_sum_of_its_parts(variant: str) -> None:
    m = method(**ProWTP.variants.get(variant, {}))
    c = m.config
    schema, rows = world(40)
    module, batch = one(m, schema, rows)
    h, prototypes = module(batch)
    p = normalize(prototypes, dim=1)
    alpha = (h @ p.T / c.tau).softmax(1)
    plan = losses.cleaned(40 * transport.suot(1 - (h @ p.T).detach(), c.rho * 6), renormalise=True)
    weights = plan if variant == "straight_through" else alpha
    y = batch.label / module.scale
    expected = (module.head(weights @ prototypes)[:, 0] - y).square().mean()
    if variant in ("default", "no_compact", "straight_through"):
        expected = expected + c.w_assign * losses.assign(plan, alpha.log())
    if variant == "l2":
        expected = expected + c.w_assign * losses.to_combination(h, alpha, p)
    if variant not in ("no_compact", "no_alignment"):
        who = alpha if variant == "l2" else plan
        shared = losses.pairs(who, 8)  # 20 % of 40
        expected = expected + c.beta * losses.compact(h[:8], shared, c.tau, prototypes=6, literal=False)
    torch.testing.assert_close(m.loss(module, batch), expected)


# Readings of Eq. 12


@pytest.mark.parametrize(("combine", "learns"), [("alpha", True), ("straight_through", True), ("literal", False)])
def test_labels_reach_the_encoder_but_under_the_literal_reading(combine: str, learns: bool) -> None:
    m = method(combine=combine, w_assign=0.0, percent=0)
    schema, rows = world(60)
    module, batch = one(m, schema, rows)
    m.loss(module, batch).backward()
    gradient = sum(float(x.grad.abs().sum()) for x in module.backbone.parameters() if x.grad is not None)
    assert (gradient > 0) == learns
    assert module.project.weight.grad.abs().sum() > 0


def test_straight_through_predicts_as_trained_where_the_plan_is_alpha() -> None:
    """Forward it is the plan's combination, not alpha's."""
    m = method(combine="straight_through", w_assign=0.0, percent=0)
    schema, rows = world(60)
    module, batch = one(m, schema, rows)
    h, prototypes = module(batch)
    plan = m.plan(1 - h @ normalize(prototypes, dim=1).T)
    y = batch.label / module.scale
    torch.testing.assert_close(m.loss(module, batch), (module.value(plan, prototypes) - y).square().mean())


# Settings


def test_a_prototypes_value_is_g_of_it_and_the_prediction_their_mean() -> None:
    """g is linear: the sum over prototypes may come before or after it, also where weights do not sum to 1."""
    schema, rows = world(40)
    module, batch = one(method(), schema, rows)
    _, prototypes = module(batch)
    weights = torch.rand(40, 6, dtype=prototypes.dtype)
    torch.testing.assert_close(module.value(weights, prototypes), module.head(weights @ prototypes)[:, 0])


def test_the_ratio_label_is_watch_time_over_duration_and_multiplied_back() -> None:
    m = method(label="ratio", alignment="none")
    schema, rows = world(50)
    module, batch = one(m, schema, rows)
    ratio = rows.label / rows.duration  # type: ignore[operator]
    raw = m.raw_value(module, batch)
    target = torch.from_numpy(ratio / ratio.std()).to(raw)
    torch.testing.assert_close(m.loss(module, batch), (raw - target).square().mean(), rtol=1e-5, atol=1e-6)
    expected = (raw.detach().numpy() * ratio.std() * rows.duration).clip(0)
    np.testing.assert_allclose(m.predict(module, batch).detach().numpy(), expected, rtol=1e-5)


def test_labels_that_are_ratios_have_the_prototypes_of_the_same_times() -> None:
    schema, rows = world(300)
    ratio = replace(rows, label=rows.label / rows.duration)  # type: ignore[operator]
    m, rng = method(), np.random.default_rng
    times = m.fit(rows, rng(0))["stage_one"].learned("s")
    ratios = m.fit(ratio, rng(0))["stage_one"].learned("ratio")
    assert torch.equal(times["codes"], ratios["codes"])
    assert float(ratios["scale"]) == pytest.approx(float(ratio.label.std()))  # type: ignore[union-attr]
    made = [
        method(label=label).build(replace(schema, unit="ratio"), m.fit(ratio, rng(0))) for label in ("time", "ratio")
    ]
    assert not any(module.by_duration for module in made)


def test_stage_one_learns_once_and_forgets_the_rows() -> None:
    _, rows = world(300)
    stage = method().fit(rows, np.random.default_rng(0))["stage_one"]
    assert stage.rows is not None
    found = stage.learned("s")
    assert stage.rows is None and stage.learned("s") is found


def test_a_linear_h_has_no_relu_and_no_dropout_before_it_is_normalised() -> None:
    schema, rows = world(200)
    for linear in (False, True):
        module, batch = one(method(linear_h=linear), schema, rows)
        h, _ = module(batch)
        assert bool((h < 0).any()) == linear
        torch.testing.assert_close(h.norm(dim=1), torch.ones(200, dtype=h.dtype))
        assert isinstance(module.backbone.mlp[-1], torch.nn.Linear) == linear


def test_a_plain_head_reads_f_and_prototypes_only_align_it() -> None:
    schema, rows = world(60)
    m = method(head="plain", w_assign=0.0, percent=0)
    module, batch = one(m, schema, rows)
    value = module.head(module.backbone(batch))[:, 0]
    torch.testing.assert_close(m.loss(module, batch), (value - batch.label / module.scale).square().mean())
    torch.testing.assert_close(m.raw_value(module, batch), value)
    aligned = method(head="plain")
    module, batch = one(aligned, schema, rows)
    aligned.loss(module, batch).backward()
    assert module.project.weight.grad.abs().sum() > 0  # by L_assign alone


def test_without_both_losses_nothing_reads_the_plan() -> None:
    schema, rows = world(60)
    gradients = []
    for changes in ({"w_assign": 0.0, "percent": 0}, {"alignment": "none"}):
        m = method(**changes)
        module, batch = one(m, schema, rows)
        m.loss(module, batch).backward()
        gradients.append([x.grad for x in module.parameters() if x.grad is not None])
    for a, b in zip(*gradients, strict=True):
        assert torch.equal(a, b)


# Training


def trained(m: ProWTP, schema: Schema, rows: Rows, *, batch: int = 32, epochs: int = 3) -> tuple[Trainer, np.ndarray]:
    trainer = Trainer(type(m), schema, rows, rows, Plan(batch, epochs, 9), [0, 1], [m.config] * 2)
    trainer.fit()
    return trainer, trainer.predict(rows)


@pytest.mark.parametrize("backbone", ["mlp", "dcn"])
def test_without_prototypes_it_is_tr_to_the_bit(backbone: str) -> None:
    schema, rows = world(200)
    sizes = {"dim": 4, "hidden": (8, 8)}
    _, ours = trained(method(prototypes="none", backbone=backbone), schema, rows)
    trainer = Trainer(TR, schema, rows, rows, Plan(32, 3, 9), [0, 1], [TR.Config(**sizes)] * 2)  # type: ignore[arg-type]
    trainer.fit()
    assert np.array_equal(ours, trainer.predict(rows)) == (backbone == "mlp")


@pytest.mark.parametrize("name", [n for n in WORLDS if n != "one duration"])
@pytest.mark.parametrize("alignment", ["suot", "ot", "uot"])
def test_odd_data_train_to_finite_values(name: str, alignment: str) -> None:
    schema, rows = WORLDS[name]()
    _, prediction = trained(method(alignment=alignment), schema, rows)
    assert np.isfinite(prediction).all() and (prediction >= 0).all()


@pytest.mark.parametrize(
    "changes",
    [{"clusters": 1, "codes": 1}, {"clusters": 1, "codes": 4}, {"clusters": 4, "codes": 1},
     {"clusters": 4, "codes": 20}, {"buckets": 1}, {"prototypes": "kmeans"}, {"prototypes": "random"}, {"percent": 1},
     {"linear_h": True}, {"label": "ratio"}, {"head": "plain"}],
)  # fmt: skip
def test_odd_sizes_train_to_finite_values(changes: dict[str, Any]) -> None:
    """K = 1, C = 1, a batch of 32 smaller than CK = 80, a sample too small for a pair."""
    schema, rows = world(70)
    _, prediction = trained(method(**changes), schema, rows)
    assert np.isfinite(prediction).all()


def test_a_duration_bucket_with_three_rows_has_a_mixture() -> None:
    _, rows = world(300, duration=np.where(np.arange(300) < 297, 20, 90))
    fitted = method(buckets=2).fit(rows, np.random.default_rng(0))["stage_one"].learned("s")
    assert len(fitted["mixtures"]) == 2 and all(len(mixture) for mixture in fitted["mixtures"])
    assert torch.isfinite(fitted["codes"]).all()


def test_identical_instances_share_one_plan() -> None:
    h, p = h_and_p()
    t = method().plan(1 - h[:1].expand(9, -1) @ p.T)
    torch.testing.assert_close(t, t[:1].expand(9, -1))
    torch.testing.assert_close(t.sum(1), torch.ones(9, dtype=torch.float64))


def test_prototypes_are_fitted_anew_for_each_seed_and_frozen() -> None:
    schema, rows = world(200)
    trainer, _ = trained(method(), schema, rows)
    codes = trainer.stack.buffers["codes"]
    assert not torch.equal(codes[0], codes[1])
    assert torch.equal(codes[0], trainer.stack.fitted[0]["stage_one"].found["codes"])
    assert float(codes[0].square().mean()) == pytest.approx(1, rel=1e-5)


# What it shows of itself


@pytest.mark.parametrize(
    "variant", ["default", "without", "random", "ot", "uot", "l2", "no_alignment", "ratio", "plain_head"]
)
def test_a_trained_replica_can_be_examined(variant: str) -> None:
    schema, rows = world(260)
    assert rows.duration is not None
    ratio = np.random.default_rng(0).choice([0.05, 1.05, 2.05], 260)
    rows = replace(rows, label=(rows.duration * ratio).astype(np.float32))
    trainer, _ = trained(method(**ProWTP.variants.get(variant, {})), schema, rows, epochs=1)
    found = trainer.examine(1, rows)
    assert 0 <= found["inactive"] <= 1
    assert found["confusion"].shape == (260, 3) and found["map"].shape == (260, 2)
    assert set(np.unique(found["confusion"][:, 0])) == {0, 1, 2}
    if variant in ("default", "random", "ot", "uot"):
        assert found["gap"] < 1e-4
        assert found["plan"].shape == found["alpha"].shape == (128, 6)
    if variant in ("default", "ot", "uot", "l2", "no_alignment"):
        assert 1 <= found["codes_used"] <= 6 and found["usage"].sum() > 0
        assert found["ratios"].shape == (5, 60) and found["sampled"].shape == (5, 60) and found["peaks"].shape[1] == 4


# Where it does not apply


def test_it_needs_watch_times_and_durations() -> None:
    schema, _ = world()
    assert ProWTP.supports(schema) is None
    assert "duration" in str(ProWTP.supports(replace(schema, buckets=0)))
    assert ProWTP.supports(replace(schema, unit="ratio")) is None
    assert "labels of this dataset are in EUR" in str(ProWTP.supports(replace(schema, unit="EUR")))
    assert "ltv" in str(ProWTP.supports(replace(schema, task="ltv")))


@pytest.mark.parametrize(
    "wrong", [{"clusters": 0}, {"codes": 0}, {"percent": 120}, {"steps": 0}, {"linear_h": True, "backbone": "dcn"}]
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ProWTP.Config(**wrong)
