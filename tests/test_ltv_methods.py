"""The methods for lifetime value: their formulas against other derivations, degenerate labels, training together."""

import warnings
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, softmax
from scipy.stats import lognorm, norm
from torch import Tensor

from benchmark.train.draws import Tape
from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Rows, Schema
from methods._encoding import cross_fitted
from methods.base import Batch, EmbeddingTable, Method
from methods.ltv._buckets import places, start_odds, start_places, value_edges
from methods.ltv.logsun import LogSUN
from methods.ltv.mdan import MDAN, distance_similarity, sample
from methods.ltv.mdme import MDME, soft_labels
from methods.ltv.mtl_mse import MTLMSE
from methods.ltv.optdist import OptDist
from methods.ltv.two_part import TwoPart
from methods.ltv.two_stage import TwoStage
from methods.ltv.zero import Zero
from methods.ltv.ziln import FLOOR, ZILN, ziln_loss, ziln_mean
from tests.ltv_world import ltv_world
from tests.worlds import watch_world

GRADIENT: tuple[type[Method], ...] = (TwoStage, MTLMSE, ZILN, MDME, MDAN, OptDist, LogSUN)
CASES = [
    pytest.param(cls, changes, id=f"{cls.name}-{variant}")
    for cls in GRADIENT
    for variant, changes in {"default": {}, **cls.variants}.items()
]
RNG = np.random.default_rng(0)


class Heads:
    """A network that has made up its mind: what the heads say, and what the method keeps beside them."""

    training = True

    def __init__(self, output: Any, **kept: Any) -> None:
        self.output = output
        self.__dict__ |= {k: torch.as_tensor(v, dtype=torch.float64) for k, v in kept.items()}

    def __call__(self, batch: Batch) -> Any:
        return self.output


def draws(rows: int, seed: int = 0) -> Tape:
    words = torch.randint(-(2**31), 2**31, (64 * rows,), generator=torch.Generator().manual_seed(seed))
    return Tape(torch.float64, torch.device("cpu"), words.to(torch.int32))


def batch_of(y: Any, **targets: Any) -> Any:
    """What a loss reads of a batch, given labels."""
    label = torch.as_tensor(y, dtype=torch.float64)
    columns = {k: torch.as_tensor(v) for k, v in targets.items()}
    return type("B", (), {"label": label, "targets": columns, "draws": draws(len(label))})


def tensor(x: Any) -> Tensor:
    return torch.as_tensor(x, dtype=torch.float64)


# ZILN

EDGES = np.array(
    list(product([0, -1, 1e-30, 0.01, 1, 100, 1e6, 1e30], [-100, -3, 0, 25], [-60, 0, 4, 60], [-200, -8.1, -8, 0, 30]))
)  # y, l0, l1, l2; softplus(-8.06) is the floor


def loss_by_hand(y: np.ndarray, l0: np.ndarray, l1: np.ndarray, l2: np.ndarray) -> np.ndarray:
    s = np.maximum(np.logaddexp(0, l2), FLOOR)
    log_y = np.log(np.where(y > 0, y, 1))
    return np.where(y > 0, -log_expit(l0) - norm.logpdf(log_y, l1, s) + log_y, -log_expit(-l0))


def test_the_scale_floor_is_the_root_of_float32_epsilon() -> None:
    assert pytest.approx(3.1622776e-4, rel=1e-7) == FLOOR


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
def test_ziln_loss_on_edge_rows(dtype: torch.dtype, tolerance: float) -> None:
    y, *logits = torch.tensor(EDGES).to(dtype).unbind(1)
    expected = loss_by_hand(y.double().numpy(), *(x.double().numpy() for x in logits))
    got = ziln_loss(torch.stack(logits, 1), y)
    assert got.dtype == dtype
    assert got.shape == (len(EDGES),)
    np.testing.assert_allclose(got.double(), expected, rtol=tolerance, atol=tolerance)
    assert torch.equal(ziln_loss(torch.stack(logits, 1), y.unsqueeze(1)), got)  # the original's [B, 1]


def test_ziln_loss_is_a_likelihood_with_a_point_mass() -> None:
    """exp(-loss) at zero and the integral of exp(-loss) over positive labels sum to one."""
    logits = tensor([[0.3, 1.0, -0.2]])
    density = lambda y: ziln_loss(logits.expand(len(y), 3), y).neg().exp()  # noqa: E731
    grid = torch.linspace(-12, 16, 20001, dtype=torch.float64)
    mass = torch.trapezoid(density(grid.exp()) * grid.exp(), grid)
    assert (density(tensor([0.0])) + mass).item() == pytest.approx(1, abs=1e-6)
    mean = torch.trapezoid(density(grid.exp()) * grid.exp() ** 2, grid)
    assert ziln_mean(logits).item() == pytest.approx(mean.item(), rel=1e-6)


def test_ziln_gradients_on_edge_rows() -> None:
    y, *columns = torch.tensor(EDGES).unbind(1)
    logits = torch.stack(columns, 1).requires_grad_()
    (grad,) = torch.autograd.grad(ziln_loss(logits, y).sum(), logits)
    y, l0, l1, l2 = EDGES.T
    pos, raw = (y > 0) * 1.0, np.logaddexp(0, l2)
    s, error = np.maximum(raw, FLOOR), np.log(np.where(pos, y, 1)) - l1
    expected = np.stack(
        [expit(l0) - pos, -pos * error / s**2, pos * (raw > FLOOR) * (1 / s - error**2 / s**3) * expit(l2)], 1
    )
    np.testing.assert_allclose(grad.numpy(), expected, rtol=1e-8, atol=1e-8)


def test_ziln_gradients_are_the_loss_slopes() -> None:
    logits = torch.randn(12, 3, dtype=torch.float64, requires_grad=True)
    y = tensor([0, 1e-3, 1, 50] * 3)
    assert torch.autograd.gradcheck(lambda x: ziln_loss(x, y), logits)


def test_ziln_mean_is_the_lognormals_and_has_no_floor() -> None:
    l0, l1, l2 = np.array(list(product([-30, 0, 2], [-5, 0, 8], [-300, -9, 0, 3]))).T
    s = np.logaddexp(0, l2)
    expected = expit(l0) * lognorm.mean(np.maximum(s, 1e-200), scale=np.exp(l1))
    got = ziln_mean(torch.tensor(np.stack([l0, l1, l2], 1), dtype=torch.float64))
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)
    assert ziln_mean(torch.tensor([[0.0, 1.0, 20.0]])).item() == float("inf")


def test_ziln_starts_at_the_best_constant() -> None:
    _, rows = ltv_world(2000)
    y = np.asarray(rows.label, np.float64)
    best = minimize(lambda z: loss_by_hand(y, *z).mean(), np.zeros(3), tol=1e-10).x
    fitted = ZILN().fit(rows, RNG)
    module = ZILN().build(ltv_world(10)[0], fitted)
    np.testing.assert_allclose(module.head.bias.detach().numpy(), best, atol=2e-3)


def test_ziln_predictions_are_the_mean_up_to_their_cap() -> None:
    logits = tensor([[0, 1, 0.5], [3, -2, 1], [0, 60, 1], [9, 4, 900]])
    got = ZILN().predict(Heads(logits, largest=50), batch_of([0] * 4))
    assert got[:2].tolist() == pytest.approx(ziln_mean(logits)[:2].tolist(), rel=1e-12)
    assert got[2:].tolist() == pytest.approx([500, 500])
    paper = ZILN(ZILN.Config(decode="plain")).predict(Heads(logits.float(), largest=50), batch_of([0] * 4))
    assert torch.isfinite(paper).all()
    assert paper[3] > 1e38


# Two-stage and MTL-MSE


def test_two_stage_stages_do_not_feel_each_other() -> None:
    """Gradients of one stage's numbers are the same whatever the other stage sees."""
    schema, rows = plain(ltv_world(300))
    module, batch = one(TwoStage(), schema, rows)
    assert batch.label is not None

    def gradients(label: Tensor, part: str) -> list[Tensor]:
        stage = getattr(module, part)
        loss = TwoStage().loss(module, replace(batch, label=label))
        return list(torch.autograd.grad(loss, list(stage.parameters())))

    y = batch.label
    for a, b in zip(gradients(y, "payer"), gradients(7 * y, "payer"), strict=True):
        assert torch.equal(a, b)
    without = torch.where(torch.arange(300) < 100, 0.0, y)  # other zeros, fewer positives
    keep = replace(batch, rows=tuple(r[y > 0] for r in batch.rows), label=y[y > 0])
    alone = torch.autograd.grad(TwoStage().loss(module, keep), list(module.value.parameters()))
    for a, b in zip(gradients(y, "value"), alone, strict=True):
        torch.testing.assert_close(a, b)
    assert any(not torch.allclose(a, b) for a, b in zip(gradients(without, "value"), alone, strict=True))


def test_two_stage_and_mtl_say_what_they_should() -> None:
    c, v, y = RNG.normal(size=9), RNG.normal(1, 1, size=9), np.array([0, 3, 0, 0, 9, 0.5, 0, 0, 1])
    p, pos, bce = expit(c), y > 0, -np.where(y > 0, log_expit(c), log_expit(-c)).mean()
    stages = Heads(None, log_variance=-0.4)
    stages.payer, stages.value = Heads(tensor(c)[:, None]), Heads(tensor(v)[:, None], mean=4.0, largest=9.0)
    raw, log, hard = TwoStage(), TwoStage(TwoStage.Config(target="log")), TwoStage(TwoStage.Config(decode="hard"))
    assert raw.loss(stages, batch_of(y)).item() == pytest.approx(bce + ((v - y / 4)[pos] ** 2).mean())
    assert raw.predict(stages, batch_of(y)).tolist() == pytest.approx(p * 4 * np.maximum(v, 0))
    assert hard.predict(stages, batch_of(y)).tolist() == pytest.approx((c >= 0) * 4 * np.maximum(v, 0))
    gauss = -norm.logpdf(np.log(y[pos]), v[pos], np.exp(-0.2)).mean() - np.log(2 * np.pi) / 2
    assert log.loss(stages, batch_of(y)).item() == pytest.approx(bce + gauss)
    assert log.predict(stages, batch_of(y)).tolist() == pytest.approx(p * np.exp(np.minimum(v + np.exp(-0.4) / 2, 5)))

    shared = Heads(torch.stack([tensor(c), tensor(v)], 1), mean=4.0, std=2.5)
    whole, buyers = MTLMSE(MTLMSE.Config(w=0.3)), MTLMSE(MTLMSE.Config(w=0.3, rows="positives"))
    assert whole.loss(shared, batch_of(y)).item() == pytest.approx(bce + 0.3 * (((p * v * 4 - y) / 2.5) ** 2).mean())
    assert buyers.loss(shared, batch_of(y)).item() == pytest.approx(bce + 0.3 * ((v * 4 - y)[pos] ** 2).mean() / 2.5**2)
    assert whole.predict(shared, batch_of(y)).tolist() == pytest.approx(p * np.maximum(4 * v, 0))


# Buckets, MDME, MDAN


def test_value_buckets_hold_equal_counts_and_say_where_a_label_lies() -> None:
    y = np.where(RNG.random(3000) < 0.3, RNG.lognormal(3, 1, 3000), 0).astype(np.float32)
    edges = value_edges(y, 12)
    bucket, place = places(y, edges)
    assert edges[0] == 0
    assert edges[-1] == y.max()
    assert np.ptp(np.bincount(bucket)[1:]) <= 1
    for i in range(300):
        k = sum(y[i] > e for e in edges)  # (left, right]: as many edges lie below
        assert bucket[i] == k
        assert place[i] == pytest.approx((y[i] - edges[k - 1]) / (edges[k] - edges[k - 1]) if k else 0, abs=1e-6)
    beyond, end = places(np.float32([2 * y.max(), -3]), edges)
    assert beyond.tolist() == [12, 0]
    assert end.tolist() == [1, 0]


def test_equal_edges_leave_buckets_without_rows() -> None:
    y = np.float32([0] * 50 + [10] * 30 + [20] * 5 + [70])
    edges = value_edges(y, 12)
    assert len(edges) == 13
    bucket, place = places(y, edges)
    assert set(bucket) == {0, 1, *(1 + int(np.flatnonzero(edges[1:] == v)[0]) for v in (20, 70))}
    assert (place[y > 0] == 1).all()
    assert (value_edges(np.zeros(9, np.float32), 4) == 0).all()


def test_heads_start_at_frequencies_and_mean_places() -> None:
    rows = np.array([[30, 10, 0, 60], [1, 1, 1, 1]])
    classes, beyond = start_odds(rows)
    share = (rows + 0.5) / (rows + 0.5).sum(1, keepdims=True)
    np.testing.assert_allclose(softmax(classes, 1), share)
    for k in range(3):
        np.testing.assert_allclose(expit(beyond[:, k]), share[:, k + 1 :].sum(1))
    odds = start_places(np.array([0, 1, 1, 3]), np.array([0, 0.2, 0.4, 1]), 3)
    np.testing.assert_allclose(expit(odds), [0.3, 0.5, 1 - 1e-6])


def test_soft_labels_are_differences_of_the_ordinal_probabilities() -> None:
    s = RNG.normal(size=(20, 3))
    for row, p in zip(s, soft_labels(tensor(s)).numpy(), strict=True):
        c = [1, *expit(row), 0]
        raw = np.array([max(c[k] - c[k + 1], 1e-6) for k in range(4)])
        np.testing.assert_allclose(p, raw / raw.sum())


def mdme_case() -> tuple[Heads, np.ndarray, np.ndarray, np.ndarray]:
    """Random logits of 3 sub-distributions of 2 buckets beside zero's, for 40 rows."""
    segment, experts = RNG.normal(size=(40, 2, 4)), RNG.normal(size=(40, 3, 3, 2))
    edges = np.array([0, 1, 4, 4, 9, 20, 100])
    left, width = edges[:-1].reshape(3, 2), np.diff(edges).reshape(3, 2)
    return Heads((tensor(segment), tensor(experts)), left=left, width=width), segment, experts, edges


def test_mdme_loss_by_loops() -> None:
    module, segment, experts, edges = mdme_case()
    y = np.where(RNG.random(40) < 0.6, RNG.uniform(0, 99, 40), 0).astype(np.float32)
    method = MDME(MDME.Config(distributions=4, buckets=2, w_distill=0.7, w_bias=1.3))
    fitted = {"edges": torch.tensor(edges, dtype=torch.float32)}
    targets = method.targets(fitted, Rows(ids=np.zeros((40, 1), np.int32), label=y))

    def classify(logits: np.ndarray, s: np.ndarray, k: int) -> float:
        ordinal = -sum(log_expit(s[j]) if j < k else log_expit(-s[j]) for j in range(len(s)))
        soft = soft_labels(tensor(s[None])).numpy()[0]
        return -log_softmax(logits)[k] + ordinal - 0.7 * (soft * log_softmax(logits)).sum()

    total = 0.0
    for i in range(40):
        k = sum(y[i] > e for e in edges)
        d = 0 if k == 0 else 1 + (k - 1) // 2
        total += classify(segment[i, 0], segment[i, 1, :3], d)
        if d:
            b, (bct, bot, bbt) = (k - 1) % 2, experts[i, d - 1]
            place = (y[i] - edges[k - 1]) / (edges[k] - edges[k - 1])
            total += classify(bct, bot[:1], b) + 1.3 * (expit(bbt[b]) - place) ** 2
    assert method.loss(module, batch_of(y, **targets)).item() == pytest.approx(total / 40, rel=1e-6)


def test_mdme_values_by_loops() -> None:
    module, segment, experts, edges = mdme_case()
    soft, hard = MDME().predict(module, batch_of([0])), MDME(MDME.Config(decode="hard")).predict(module, batch_of([0]))
    for i in range(40):
        value = np.zeros((4, 2))
        for d, b in product(range(3), range(2)):
            k = 2 * d + b
            value[d + 1, b] = edges[k] + expit(experts[i, d, 2, b]) * (edges[k + 1] - edges[k])
        p = softmax(segment[i, 0])
        expected = sum(p[d] * (softmax(experts[i, d - 1, 0]) * value[d]).sum() for d in (1, 2, 3))
        assert soft[i].item() == pytest.approx(expected)
        d = int(np.argmax(p))
        assert hard[i].item() == pytest.approx(value[d, np.argmax(experts[i, d - 1, 0])] if d else 0)


def test_mdan_samples_half_of_its_pairs_among_positives() -> None:
    y = tensor(np.where(np.arange(100) % 10 == 0, 5.0, 0))
    few = sample(y, 12, draws(100))
    assert len(set(few.tolist())) == 12
    assert (y[few] > 0).sum() == 6
    assert sorted(sample(y, 500, draws(100)).tolist()) == list(range(100))
    many = sample(y, 60, draws(100))
    assert len(set(many.tolist())) == 60
    assert (y[many] > 0).sum() == 10


def test_mdan_distance_similarity_by_loops() -> None:
    h, y = RNG.random((7, 5)), np.array([0, 0, 1, 5, 2.5, 100, 0])
    log = np.log1p(y)
    most = max(abs(a - b) for a in log for b in log)
    cos = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in h] for a in h]
    expected = np.mean([(cos[i][j] - 1 + abs(log[i] - log[j]) / most) ** 2 for i in range(7) for j in range(7)])
    assert distance_similarity(tensor(h), tensor(y)).item() == pytest.approx(expected)
    assert torch.isfinite(distance_similarity(torch.zeros(4, 3), torch.zeros(4)))


# OptDist


def test_optdist_pseudo_labels_by_loops() -> None:
    scores, losses = RNG.normal(size=(15, 3)), RNG.uniform(0, 80, (15, 3))
    log_alpha = log_softmax(scores, 1)
    for kl, focal in (("forward", 2.0), ("reverse", 0.5)):
        method = OptDist(OptDist.Config(focal=focal, w_kl=0.3, kl=kl))  # type: ignore[arg-type]
        got = method.alignment(tensor(log_alpha), tensor(losses))
        for i in range(15):
            best = min(range(3), key=lambda k: losses[i, k])
            a, w = np.exp(log_alpha[i]), softmax(-np.minimum(losses[i], 50))
            p, q = (a, w) if kl == "forward" else (w, a)
            expected = -((1 - a[best]) ** focal) * np.log(a[best])
            expected += 0.3 * sum(p[k] * np.log(p[k] / q[k]) for k in range(3))
            assert got[i].item() == pytest.approx(expected)


def test_optdist_pays_the_picked_distribution_and_aligns_selection_alone() -> None:
    theta = tensor(RNG.normal(size=(4000, 3, 3))).requires_grad_()
    scores = tensor(np.tile([1.0, 0.0, -1.0], (4000, 1))).requires_grad_()
    log_alpha, y = torch.log_softmax(scores, 1), tensor(np.where(RNG.random(4000) < 0.4, RNG.lognormal(0, 1, 4000), 0))
    config = OptDist.Config(distributions=3, w_kl=0.0)
    module, batch = Heads((theta, log_alpha), largest=9.0), batch_of(y)
    (slope,) = torch.autograd.grad(OptDist(config).loss(module, batch), theta, retain_graph=True)
    picked = slope.abs().sum(2) > 0  # only the picked distribution of a row learns from it
    assert (picked.sum(1) == 1).all()
    share = picked.double().mean(0).numpy()
    np.testing.assert_allclose(share, softmax([1, 0, -1]), atol=0.03)  # Gumbel's trick samples alpha
    losses = ziln_loss(theta, y[:, None].expand(-1, 3))
    expected = (losses * picked).sum(1) + OptDist(config).alignment(log_alpha, losses.detach())
    assert OptDist(config).loss(module, batch_of(y)).item() == pytest.approx(expected.mean().item())
    aligned = OptDist(config).alignment(log_alpha, losses.detach()).sum()
    assert torch.autograd.grad(aligned, theta, allow_unused=True)[0] is None
    module.training = False  # validation: what will be predicted
    assert OptDist(config).loss(module, batch_of(y)).item() == pytest.approx(losses[:, 0].mean().item())


def test_optdist_reads_the_likeliest_distribution_or_all_of_them() -> None:
    theta, scores = RNG.normal(size=(6, 3, 3)), RNG.normal(size=(6, 3))
    means = np.array([[ziln_mean(tensor(t)).item() for t in row] for row in theta])
    module = Heads((tensor(theta), torch.log_softmax(tensor(scores), 1)), largest=1e9)
    hard = OptDist().predict(module, batch_of([0]))
    soft = OptDist(OptDist.Config(decode="expectation")).predict(module, batch_of([0]))
    assert hard.tolist() == pytest.approx([m[np.argmax(s)] for m, s in zip(means, scores, strict=True)])
    assert soft.tolist() == pytest.approx((softmax(scores, 1) * means).sum(1).tolist())


# LogSUN


def test_logsun_is_unbiased_where_features_say_nothing_and_the_logarithm_alone_is_not() -> None:
    schema, rows = plain(ltv_world(500, rate=0.5))
    rows = replace(rows, ids=np.ones_like(rows.ids))
    y = np.asarray(rows.label, np.float64)
    trainer = Trainer(LogSUN, schema, rows, rows, Plan(500, 100, 100, "loss"), [0, 1], [LogSUN.Config()] * 2)
    trainer.fit()
    np.testing.assert_allclose(trainer.predict(rows).mean(1), y.mean(), rtol=0.02)
    assert np.expm1(np.log1p(y).mean()) < 0.5 * y.mean()


@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_logsun_at_its_best_z_predicts_the_mean_whatever_f_says(epsilon: float) -> None:
    y = RNG.lognormal(1, 1, 500)
    method = LogSUN(LogSUN.Config(epsilon=epsilon))
    kept = {"mean": [0.0, 0.0], "std": [1.0, 1.0], "ceiling": 9.0, "scale": 1.0}
    for f in (-0.7, 0.4, 3.0):

        def at(z: float, f: float = f) -> Heads:
            return Heads(tensor([[f, z]]).expand(500, 2), **kept)

        best = minimize(lambda z: method.loss(at(z[0]), batch_of(y)).item(), [0.0], tol=1e-12).x[0]
        assert method.predict(at(best), batch_of(y))[0].item() == pytest.approx(y.mean(), rel=1e-4)


def test_logsun_has_the_encoder_of_its_board() -> None:
    spending, watching = LogSUN().build(ltv_world(10)[0], {}), LogSUN().build(watch_world(10)[0], {})
    tables = [[m.dim for m in net.modules() if isinstance(m, EmbeddingTable)] for net in (spending, watching)]
    assert tables == [[5], [64]]
    small = LogSUN(LogSUN.Config(dim=3, hidden=(4,), dropout=0.5)).build(watch_world(10)[0], {})
    assert [m.dim for m in small.modules() if isinstance(m, EmbeddingTable)] == [3]


# What every method must survive


def plain(world: tuple[Schema, Rows]) -> tuple[Schema, Rows]:
    """The world's fields alone."""
    schema, rows = world
    return replace(schema, bags=(), numeric=()), replace(rows, bags={}, numeric=None)


def one(method: Method, schema: Schema, rows: Rows, batch_rows: Rows | None = None) -> tuple[Any, Batch]:
    """A module fitted to rows and a float64 batch of some rows (all by default) with random embeddings."""
    fitted = method.fit(rows, np.random.default_rng(0))
    torch.manual_seed(0)
    module = method.build(schema, fitted).double()
    tables = [m for m in module.modules() if isinstance(m, EmbeddingTable)]
    for slot, table in enumerate(tables):
        table.slot = slot
    some = rows if batch_rows is None else batch_rows
    targets = {k: v.double() if v.is_floating_point() else v for k, v in method.targets(fitted, some).items()}
    batch = Batch(
        ids=torch.as_tensor(some.ids), bags={}, numeric=None, content=None, duration=None, bucket=None,
        label=tensor(some.label), targets=targets, draws=draws(len(some)),
        step=torch.tensor(0), progress=torch.tensor(0.0),
        rows=tuple(torch.randn(len(some), len(t.fields), t.dim, dtype=torch.float64) for t in tables),
    )  # fmt: skip
    return module, batch


def labelled(y: Any) -> Rows:
    _, rows = plain(ltv_world(200))
    return replace(rows, label=np.broadcast_to(np.asarray(y, np.float32), 200).copy())


SOME = np.asarray(ltv_world(200)[1].label)
WORLDS = {
    "ninety-five percent zeros": labelled(np.where(np.arange(200) % 20 == 0, SOME + 1, 0)),
    "no positives at all": labelled(0),
    "all labels equal": labelled(25),
    "one positive row": labelled(np.where(np.arange(200) == 7, 30, 0)),
    "one zero row": labelled(np.where(np.arange(200) == 7, 0, SOME + 1)),
    "two prices": labelled(np.where(SOME > 0, np.where(SOME > 20, 99, 9), 0)),
    "a tail to a million": labelled(np.where(np.arange(200) == 3, 1e6, SOME)),
    "cents": labelled(SOME / 1e4),
}


@pytest.mark.parametrize("case", WORLDS)
@pytest.mark.parametrize(("cls", "changes"), CASES)
def test_degenerate_labels_give_finite_losses_gradients_and_predictions(
    cls: type[Method], changes: dict[str, Any], case: str
) -> None:
    schema, rows = plain(ltv_world(10))[0], WORLDS[case]
    method = cls(replace(cls.Config(), **changes))
    y = np.asarray(rows.label)
    batches = {"all": rows, "zeros": rows.take(np.flatnonzero(y == 0)), "positives": rows.take(np.flatnonzero(y > 0))}
    for batch_rows in (b for b in batches.values() if len(b)):
        module, batch = one(method, schema, rows, batch_rows)
        for training in (True, False):
            loss = method.loss(module.train(training), batch)
            module.zero_grad()
            loss.backward()
            assert torch.isfinite(loss)
            assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())
        prediction = method.predict(module, replace(batch, label=None, targets={}, draws=None))
        assert prediction.shape == (len(batch_rows),)
        assert torch.isfinite(prediction).all()
        assert (prediction >= 0).all()
        assert prediction.max() <= 11 * y.max() + 0.01 or changes.get("decode") == "plain"


@pytest.mark.parametrize("case", WORLDS)
@pytest.mark.parametrize("variant", ["default", *TwoPart.variants])
def test_two_part_boosting_survives_degenerate_labels(case: str, variant: str) -> None:
    schema, rows = plain(ltv_world(10))[0], WORLDS[case]
    method = TwoPart(replace(TwoPart.Config(max_iter=5), **TwoPart.variants.get(variant, {})))
    for valid in (rows, labelled(0), labelled(3)):
        fitted = method.fit(rows, valid, schema, np.random.default_rng(0))
        prediction = method.predict(fitted, rows.without_label())
        assert np.isfinite(prediction).all()
        assert (prediction >= 0).all()


def test_two_part_boosting_beats_the_mean_and_zero_is_zero() -> None:
    schema, rows = ltv_world(4000, rate=0.3)
    train, valid, test = (rows.take(np.arange(a, b)) for a, b in ((0, 2500), (2500, 3200), (3200, 4000)))
    method = TwoPart()
    fitted = method.fit(train, valid, schema, np.random.default_rng(0))
    prediction, truth = method.predict(fitted, test.without_label()), test.truth["mean"]
    assert np.square(prediction - truth).mean() < 0.35 * truth.var()
    assert 0.7 < prediction.mean() / truth.mean() < 1.4
    zero = Zero().predict(Zero().fit(train, valid, schema, np.random.default_rng(0)), test.without_label())
    assert zero.shape == (800,)
    assert not zero.any()


def test_encodings_of_rare_values_do_not_tell_their_own_target() -> None:
    ids, target = np.repeat(np.arange(200), 2)[:, None], RNG.normal(size=400)
    encoded, encoder = cross_fitted(ids, target, folds=5, seed=0)
    assert abs(np.corrcoef(encoded[:, 0], target)[0, 1]) < 0.2
    assert np.corrcoef(encoder.transform(ids)[:, 0], target)[0, 1] > 0.6


def test_only_logsun_leaves_the_task_of_spending() -> None:
    watching, spending = watch_world(10)[0], ltv_world(10)[0]
    for cls in (*GRADIENT, TwoPart, Zero):
        assert cls.supports(spending) is None
        assert (cls.supports(watching) is None) == (cls is LogSUN)


# Training


def trained(
    cls: type[Method], config: Any, seeds: list[int], rate: float = 0.3, **options: Any
) -> tuple[Trainer, Rows]:
    """Replicas that train three epochs on 1000 rows, and the 500 others."""
    schema, rows = ltv_world(1500, rate=rate)
    train, valid, test = (rows.take(np.arange(a, b)) for a, b in ((0, 1000), (1000, 1200), (1200, 1500)))
    plan = Plan(128, options.pop("epochs", 3), 9, "loss")
    trainer = Trainer(cls, schema, train, valid, plan, seeds, [config] * len(seeds), **options)
    trainer.fit()
    return trainer, test


@pytest.mark.parametrize("cls", GRADIENT)
def test_alone_equals_fifth_of_five(cls: type[Method], monkeypatch: pytest.MonkeyPatch) -> None:
    alone, test = trained(cls, cls.Config(), [4], dtype=torch.float64)
    together, _ = trained(cls, cls.Config(), [0, 1, 2, 3, 4], dtype=torch.float64)
    np.testing.assert_allclose(alone.predict(test)[0], together.predict(test)[4], rtol=1e-9, atol=1e-9)
    monkeypatch.setattr(cls, "stack", False)
    looped, _ = trained(cls, cls.Config(), [4], dtype=torch.float64)
    np.testing.assert_allclose(alone.predict(test)[0], looped.predict(test)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cls", GRADIENT)
def test_float32_bits_do_not_depend_on_neighbours(cls: type[Method]) -> None:
    alone, test = trained(cls, cls.Config(), [4], epochs=2)
    trio, _ = trained(cls, cls.Config(), [7, 4, 1], epochs=2)
    assert np.array_equal(alone.predict(test)[0], trio.predict(test)[1])


@pytest.mark.parametrize("rate", [0.07, 0.9])
@pytest.mark.parametrize(("cls", "changes"), CASES)
def test_training_keeps_the_scale_of_the_label(cls: type[Method], changes: dict[str, Any], rate: float) -> None:
    """Expectations stay near the labels' mean and are not all zero, without slow fallbacks of the map."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer, test = trained(cls, replace(cls.Config(), **changes), [0, 1], rate, epochs=6)
    prediction = trainer.predict(test)
    assert np.isfinite(prediction).all()
    assert (prediction >= 0).all()
    if changes.get("decode") != "hard" and changes.get("start") != "random":
        ratio = prediction.mean(1) / test.truth["mean"].mean()
        assert (ratio > 0.3).all()
        assert (ratio < 3).all()
        assert ((prediction > 0).mean(1) > 0.5).all()


def test_ziln_comes_near_the_oracle_of_its_own_world() -> None:
    schema, rows = ltv_world(9000, rate=0.3)
    train, valid, test = (rows.take(np.arange(a, b)) for a, b in ((0, 5000), (5000, 6000), (6000, 9000)))
    config = ZILN.Config(lr=2.5e-3)
    trainer = Trainer(ZILN, schema, train, valid, Plan(128, 12, 5, "loss"), [0, 1], [config] * 2)
    trainer.fit()
    truth, y = test.truth["mean"], np.asarray(test.label)
    for prediction in trainer.predict(test):
        assert np.square(prediction - truth).mean() < 0.08 * truth.var()
        assert np.square(prediction - y).mean() < 1.03 * np.square(truth - y).mean()
        assert 0.85 < prediction.mean() / truth.mean() < 1.15
