"""What newer methods must survive; CQE, EGMN and DIFL against NumPy, SciPy and brute force."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from datasets.schema import Rows, Schema
from methods.base import Batch, EmbeddingTable, Method
from methods.capabilities import LEVELS, Distribution
from methods.cqe import CQE, pinball
from methods.cwm import CWM
from methods.d2co import D2Co
from methods.difl import DIFL, hsic
from methods.dvr import DVR
from methods.egmn import EGMN, Mixture
from methods.ndt import NDT
from methods.pcr import PCR
from tests.replicas import WORLDS, Call, Fixed, batch_of, built, small, world

METHODS: tuple[type[Method], ...] = (DVR, D2Co, CWM, PCR, NDT, CQE, EGMN, DIFL)
CASES = [
    pytest.param(cls, changes, id=f"{cls.name}-{variant}")
    for cls in METHODS
    for variant, changes in {"default": {}, **cls.variants}.items()
]


def ready(
    method: Method, schema: Schema, rows: Rows, dtype: torch.dtype = torch.float64, seed: int = 0
) -> tuple[Any, Batch]:
    """A module fitted on the rows and a batch of all of them; each table has embeddings of its own columns."""
    fitted = method.fit(rows, np.random.default_rng(0))
    module = built(method, schema, fitted, seed, dtype)
    widths = [len(m.columns) for m in module.modules() if isinstance(m, EmbeddingTable)]
    embedded = tuple(torch.randn(len(rows), width, 4, dtype=dtype) for width in widths)
    return module, batch_of(rows, method.targets(fitted, rows), embedded, dtype)


# What every one must survive


@pytest.mark.parametrize("unit", ["s", "ratio"])
@pytest.mark.parametrize("case", WORLDS)
@pytest.mark.parametrize(("cls", "changes"), CASES)
def test_degenerate_tables_give_finite_losses_gradients_and_predictions(
    cls: type[Method], changes: dict[str, Any], case: str, unit: str
) -> None:
    schema, rows = WORLDS[case]()
    method = small(cls, **changes)
    module, batch = ready(method, replace(schema, unit=unit), rows, torch.float32)
    loss = method.loss(module, batch)
    loss.backward()
    assert loss.ndim == 0
    assert torch.isfinite(loss)
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())
    batch = replace(batch, label=None, targets={})
    prediction = method.predict(module, batch)
    assert prediction.shape == (len(rows),)
    assert torch.isfinite(prediction).all()
    assert (prediction >= 0).all()
    odd = replace(batch, duration=torch.tensor([0.0, 1e9]).repeat(len(rows) // 2))
    assert torch.isfinite(method.predict(module, odd)).all()
    if isinstance(method, Distribution):
        quantiles = method.quantiles(module, batch)
        assert quantiles.shape == (len(rows), len(LEVELS))
        assert torch.isfinite(quantiles).all()
        assert (quantiles >= 0).all()
        assert (quantiles.diff(dim=1) >= 0).all()


@pytest.mark.parametrize("cls", METHODS)
def test_labels_a_thousandth_as_large_give_predictions_a_thousandth_as_large(cls: type[Method]) -> None:
    """No constant is secretly in seconds. CWM and PCR compare the label with the duration, which shrinks with it."""
    schema, rows = world()
    factor = np.float32(1e-3)
    duration = rows.duration * factor if cls in (CWM, PCR) else rows.duration
    tiny = replace(rows, label=rows.label * factor, duration=duration)
    method, outcomes = small(cls), []
    for these in (rows, tiny):
        torch.manual_seed(5)
        module, batch = ready(method, schema, these)
        outcomes.append((method.loss(module, batch).item(), method.predict(module, batch).detach().numpy()))
    (loss, prediction), (tiny_loss, tiny_prediction) = outcomes
    assert tiny_loss == pytest.approx(loss, rel=1e-3)
    np.testing.assert_allclose(tiny_prediction, prediction * factor, rtol=1e-3, atol=1e-6)


def test_they_are_for_watch_time() -> None:
    for cls in METHODS:
        assert cls.supports(world()[0]) is None
        assert "ltv" in str(cls.supports(replace(world()[0], task="ltv")))
    assert "DIFL needs a duration" in str(DIFL.supports(replace(world()[0], buckets=0)))
    for cls in (NDT, CQE, EGMN):
        assert cls.supports(replace(world()[0], buckets=0)) is None


@pytest.mark.parametrize("cls", [CQE, EGMN])
def test_quantiles_mapped_over_replicas_are_what_each_replica_gives_alone(cls: type[Method]) -> None:
    schema, rows = world(64)
    method: Any = small(cls)
    pairs = [ready(method, schema, rows, seed=seed) for seed in range(3)]
    modules = [Call(module) for module, _ in pairs]
    parameters, buffers = stack_module_state(modules)  # type: ignore[arg-type]
    embedded = torch.stack([batch.rows[0] for _, batch in pairs])

    def single(state: Any, rows_: Tensor) -> Tensor:
        batch = replace(pairs[0][1], rows=(rows_,), label=None, targets={})
        return functional_call(modules[0], state, (method.quantiles, batch))

    mapped = vmap(single)(parameters | buffers, embedded)
    for r, (module, batch) in enumerate(pairs):
        torch.testing.assert_close(mapped[r], method.quantiles(module, batch))
        few = replace(batch, rows=(batch.rows[0][:7],), ids=batch.ids[:7])
        torch.testing.assert_close(method.quantiles(module, few), mapped[r][:7])


# CQE


def test_the_pinball_loss_is_torchs_definition_and_least_at_the_quantile() -> None:
    y = torch.from_numpy(np.random.default_rng(0).lognormal(2, 1, 1001))
    for tau in (0.1, 0.5, 0.9):
        t = torch.linspace(0, 60, 6001, dtype=torch.float64).unsqueeze(1)
        loss = pinball(t, y, torch.tensor(tau)).mean(1)
        assert t[loss.argmin()].item() == pytest.approx(np.quantile(y, tau), abs=0.03)
        e = y - t[100]
        torch.testing.assert_close(
            pinball(t[100], y, torch.tensor(tau)), e.clamp_min(0) * tau + (-e).clamp_min(0) * (1 - tau)
        )


@pytest.mark.parametrize("step", ["softplus", "relu"])
def test_cqe_learns_the_quantiles_of_an_exponential(step: Any) -> None:
    y = stats.expon.ppf((np.arange(2000) + 0.5) / 2000, scale=30).astype(np.float32)
    method = small(CQE, count=9, step=step)
    fitted = method.fit(world(2000, label=y)[1], np.random.default_rng(0))
    s = nn.Parameter(fitted["start"] + 0.3)
    module = Fixed(0, **fitted)
    batch: Any = type("Labels", (), {"label": torch.from_numpy(y).double()})
    optimiser = torch.optim.Adam([s], lr=0.02)
    for _ in range(600):
        module.output = s.expand(2000, -1)
        optimiser.zero_grad()
        method.loss(module, batch).backward()
        optimiser.step()
    module.output = s.detach().expand(1, -1)
    levels = (0.1, 0.3, 0.5, 0.9)
    found = method.quantiles(module, None, levels)[0].numpy()  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, stats.expon.ppf(levels, scale=30), rtol=0.05)


def test_cqe_starts_at_the_training_quantiles_and_reads_them_by_interpolation() -> None:
    _, rows = world()
    for step in ("softplus", "relu"):
        method: Any = small(CQE, count=19, step=step)
        fitted = method.fit(rows, np.random.default_rng(0))
        module = Fixed(fitted["start"].unsqueeze(0), **fitted)
        tau = np.arange(1, 20) / 20
        t = np.quantile(rows.label.astype(np.float64), tau)
        levels = (0.0, 0.01, 0.05, 0.12, 0.5, 0.93, 0.95, 0.99)
        expected = np.interp(levels, [0, *tau], [0, *t])
        np.testing.assert_allclose(method.quantiles(module, None, levels)[0], expected, rtol=1e-5)
        assert method.predict(module, None).item() == pytest.approx(t.mean(), rel=1e-5)
        median = replace(method.config, read="median")
        assert CQE(median).predict(module, None).item() == pytest.approx(np.median(rows.label), rel=1e-5)


def test_the_head_of_cqe_starts_there_too() -> None:
    module, _ = ready(small(CQE, count=7), *world())
    quantiles = np.quantile(world()[1].label, np.arange(1, 8) / 8) / module.scale.item()
    np.testing.assert_allclose(F.softplus(module.head.bias.detach()).cumsum(0), quantiles, rtol=1e-5)


# EGMN


def some_mixture(rows: int = 20, components: int = 4, dtype: torch.dtype = torch.float64) -> Mixture:
    g = torch.Generator().manual_seed(3)
    logits, rate, mu, sigma = (
        torch.randn(rows, k, generator=g, dtype=torch.float64) for k in (1 + components, 1, components, components)
    )
    parts = (logits.log_softmax(1), rate.exp(), mu.exp(), (sigma - 0.5).exp())
    return Mixture(*(p.to(dtype) for p in parts))


def frozen(mixture: Mixture, i: int) -> tuple[np.ndarray, list[Any]]:
    """SciPy's components of row i and their weights."""
    rate, mu, sigma = (part[i].double().numpy() for part in mixture[1:])
    gauss = [stats.truncnorm(-m / s, np.inf, loc=m, scale=s) for m, s in zip(mu, sigma, strict=True)]
    return mixture.log_pi[i].double().exp().numpy(), [stats.expon(scale=1 / rate[0]), *gauss]


def test_the_mixture_is_scipys_exponential_and_truncated_normals() -> None:
    mixture = some_mixture()
    y = torch.from_numpy(np.random.default_rng(0).exponential(2, 20))
    density, mean, below = mixture.log_density(y), mixture.mean(), mixture.cdf(y.unsqueeze(1))[:, 0]
    for i in range(20):
        pi, parts = frozen(mixture, i)
        assert density[i].item() == pytest.approx(np.log(pi @ [p.pdf(y[i].item()) for p in parts]), rel=1e-9)
        assert mean[i].item() == pytest.approx(pi @ [p.mean() for p in parts], rel=1e-9)
        assert below[i].item() == pytest.approx(pi @ [p.cdf(y[i].item()) for p in parts], rel=1e-9)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-11), (torch.float32, 1e-5)])
def test_scipys_distribution_function_of_a_mixtures_quantile_is_the_level(dtype: torch.dtype, error: float) -> None:
    mixture = some_mixture(8, dtype=dtype)
    levels = (0.01, *LEVELS, 0.999)
    found = mixture.quantiles(levels).double().numpy()
    for i in range(8):
        pi, parts = frozen(mixture, i)
        np.testing.assert_allclose(pi @ [part.cdf(found[i]) for part in parts], levels, atol=error)


def test_extreme_mixtures_are_finite_in_float32() -> None:
    method: Any = small(EGMN)
    size = 2 + 3 * method.config.gaussians
    s = torch.cat([value * torch.eye(size) for value in (-1e4, -100.0, 100.0, 1e4)]).requires_grad_()
    schema, rows = world(len(s))
    module, batch = ready(method, schema, rows, torch.float32)
    module.forward = lambda batch: s
    loss = method.loss(module, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(s.grad).all()
    assert torch.isfinite(method.predict(module, batch)).all()
    assert torch.isfinite(method.quantiles(module, batch)).all()


def test_egmn_loss_is_likelihood_entropy_and_absolute_error() -> None:
    method = small(EGMN, w_entropy=0.0, w_l1=0.0)
    module, batch = ready(method, *world())
    mixture = method.mixture(module, batch)  # type: ignore[attr-defined]
    y = batch.label / batch.label.mean()
    pi = mixture.log_pi.exp()
    nll, entropy = -mixture.log_density(y).mean(), (pi * pi.log()).sum(1).mean()
    l1 = F.l1_loss(method.predict(module, batch), batch.label) / batch.label.mean()
    assert (mixture.mu > 1 / mixture.rate).all()
    for w_entropy, w_l1 in ((0.0, 0.0), (0.5, 0.0), (0.0, 2.0), (0.1, 1.0)):
        loss = small(EGMN, w_entropy=w_entropy, w_l1=w_l1).loss(module, batch)
        torch.testing.assert_close(loss, nll + w_entropy * entropy + w_l1 * l1, rtol=1e-5, atol=1e-6)


# DIFL


def test_hsic_is_the_trace_of_centred_kernels() -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))

    def gram(a: np.ndarray) -> np.ndarray:
        distance = np.array([[((p - q) ** 2).sum() for q in a] for p in a])
        return np.exp(-distance / distance.mean())

    H = np.eye(40) - 1 / 40
    expected = np.trace(gram(x) @ H @ gram(z) @ H) / 39**2
    assert hsic(torch.from_numpy(x), torch.from_numpy(z)).item() == pytest.approx(expected, rel=1e-9)


def test_hsic_sees_any_dependence_and_no_scale() -> None:
    g = torch.Generator().manual_seed(0)
    x, noise = (torch.randn(500, 1, generator=g, dtype=torch.float64) for _ in range(2))
    independent, nonlinear = hsic(x, noise), hsic(x, x.square())
    assert 0 <= independent < 0.1 * nonlinear
    torch.testing.assert_close(hsic(100 * x, x.square()), nonlinear)
    assert hsic(x, torch.zeros_like(x)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("residual", [False, True])
def test_difl_loss_is_hubers_and_hsic(residual: bool) -> None:
    method = small(DIFL, w=2.0, sample=100, residual=residual)
    module, batch = ready(method, *world())
    huber = F.huber_loss(torch.sigmoid(module(batch)), batch.targets["q"].double(), delta=0.2)
    expected = huber + 2 * hsic(module.backbone(batch)[:100], batch.duration[:100].unsqueeze(1))
    torch.testing.assert_close(method.loss(module, batch), expected)
