"""GR's compiled loops against its plain torch operations: loss, gradients, answers and samples, and their bits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.train.trainer import Plan, Trainer
from methods.gr.host import Normalised
from methods.gr.method import GR
from methods.gr.transformer import Layer
from methods.gr.values import unit_of_error
from tests.replicas import batch_of, built, world
from tests.test_gr_loss import Uniforms

HALF = {"schedule": "constant", "p": 0.5}


class Plain(GR):
    """Without the loops."""

    compiled = False


def prepared(cls: type[GR], dtype: torch.dtype = torch.float64, **changes: Any) -> tuple[GR, Any, Any]:
    label = np.round(np.random.default_rng(3).lognormal(2, 1, 300), 2)
    label[::9] = 0
    label[:3] = 1500, 2000.01, 0.01
    schema, rows = world(300, label=label)
    method = cls(replace(GR.Config(), **{"dim": 4, "hidden": (8,), "width": 8, "unit": 0.01, **changes}))
    fitted = method.fit(rows, np.random.default_rng(0))
    module: Any = built(method, schema, fitted, 0, torch.float64)
    with torch.no_grad():
        module.decoder.out.weight *= 4
        module.decoder.out.bias[0] += 1
    module = module.to(dtype)
    embedded = torch.randn(300, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).to(dtype)
    batch = batch_of(rows, method.targets(fitted, rows), (embedded,), dtype)
    return method, module, replace(batch, draws=Uniforms())


def loss_and_gradient(cls: type[GR], dtype: torch.dtype = torch.float64, **changes: Any) -> list[Tensor]:
    method, module, batch = prepared(cls, dtype, **changes)
    given = batch.rows[0].requires_grad_()
    loss = method.loss(module, batch)
    wanted = [given, *module.parameters()]
    return [loss.detach(), *torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)]


SETTINGS: list[dict[str, Any]] = [
    HALF,
    {**HALF, "mixup": "all"},
    {**HALF, "mixup": "none"},
    {**HALF, "sampling": "batch"},
    {**HALF, "value": "released"},
    {**HALF, "condition": False, "huber_unit": "seconds"},
    {**HALF, "window": 0.0, "value_window": 2.0},
]


@pytest.mark.parametrize("changes", SETTINGS, ids=str)
def test_loss_and_gradients_are_those_of_torchs_operations(changes: dict[str, Any]) -> None:
    """In the middle of the curriculum, where true tokens and mixtures stand side by side in a batch."""
    for ours, plain in zip(loss_and_gradient(GR, **changes), loss_and_gradient(Plain, **changes), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-8, atol=1e-10)


def test_float32_is_float64_to_rounding() -> None:
    for single, double in zip(loss_and_gradient(GR, torch.float32, **HALF), loss_and_gradient(GR, **HALF), strict=True):
        error = (single.double() - double).norm() / double.norm().clamp_min(1e-12)
        assert single.dtype == torch.float32 and error < 1e-5


@pytest.mark.parametrize("readout", ["soft", "argmax"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"mixup": "all"}, {"mixup": "none"}, {"monotone": True}, {"value": "released"}, {"condition": False}],
    ids=str,
)
def test_answers_and_samples_are_those_of_torchs_operations(changes: dict[str, Any], readout: str) -> None:
    with torch.no_grad():
        (ours, module, batch), (plain, _, _) = (prepared(cls, readout=readout, **changes) for cls in (GR, Plain))
        torch.testing.assert_close(ours.predict(module, batch), plain.predict(module, batch), rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(ours.quantiles(module, batch), plain.quantiles(module, batch))


def test_a_rows_answer_has_the_same_bits_whoever_is_asked_beside_it() -> None:
    method, module, batch = prepared(GR, torch.float32)
    with torch.no_grad():
        whole, spread = method.predict(module, batch), method.quantiles(module, batch)
        for rows in (slice(0, 1), slice(37, 101), slice(290, 300)):
            some = replace(batch, ids=batch.ids[rows], rows=(batch.rows[0][rows],))
            h = module.backbone(batch)[rows]
            alone = method.host_answer(module, h, torch.empty(0, module.length), False)[0]
            assert torch.equal(alone, whole[rows]), "the decoder's part, of the same h"
            torch.testing.assert_close(method.quantiles(module, some), spread[rows])


@pytest.mark.parametrize("seeds", [[0], [0, 1], [2, 0, 1, 5]], ids=str)
def test_a_replica_has_the_same_bits_whoever_trains_beside_it(seeds: list[int]) -> None:
    schema, rows = world(400)
    config = replace(GR.Config(), dim=4, hidden=(8,), width=8, cl_end=0.6)

    def trained(seeds: list[int]) -> dict[int, np.ndarray]:
        trainer = Trainer(GR, schema, rows, rows, Plan(64, 4, 4), seeds, [config] * len(seeds))
        trainer.fit()
        return dict(zip(seeds, trainer.predict(rows), strict=True))

    assert np.array_equal(trained(seeds)[0], trained([0, 3])[0])


def test_a_diverged_replica_is_nan_and_no_crash() -> None:
    method, module, batch = prepared(GR, torch.float32, **HALF)
    with torch.no_grad():
        module.decoder.out.weight.fill_(torch.nan)
        assert method.loss(module, batch).isnan() and method.predict(module, batch).isnan().all()


def test_the_units_of_hubers_loss() -> None:
    y = np.array([1, 2, 3, 4, 100], np.float32)
    assert unit_of_error(y, "seconds") == 1
    assert unit_of_error(y, "deviation") == pytest.approx(np.std(y))
    assert unit_of_error(y, "mad") == pytest.approx(1.4826)  # |y - 3|: 2, 1, 0, 1, 97
    most_alike = np.array([0, 0, 0, 5], np.float32)
    assert unit_of_error(most_alike, "mad") == pytest.approx(np.std(most_alike))
    for alike in (np.zeros(4, np.float32), np.full(4, 7, np.float32)):
        assert unit_of_error(alike, "mad") > 0


@pytest.mark.parametrize("sizes", [(5,), (5, 5, 5), (6, 4, 4, 1), (3, 3, 2, 1, 1, 1, 1, 1, 1)], ids=str)
def test_attention_in_loops_is_torchs(sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer, wide = Layer(16, 8, 0.0).double(), Layer(16, 8, 0.0)
    wide.compiled = False  # type: ignore[misc]
    given = torch.randn(sum(sizes), 3 * 16, dtype=torch.float64).requires_grad_()
    ours, plain = layer.over(given, sizes), wide.over(given, sizes)
    torch.testing.assert_close(ours, plain)
    for row in range(sizes[0]):  # torch's own, one sequence at a time
        at = [sum(sizes[:t]) + row for t, size in enumerate(sizes) if size > row]
        q, k, v = given[at].view(len(at), 3, 8, 2).permute(1, 2, 0, 3)
        alone = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(0, 1).flatten(1)
        torch.testing.assert_close(ours[at], alone)
    back = torch.randn_like(ours)
    torch.testing.assert_close(*(torch.autograd.grad(x, given, back)[0] for x in (ours, plain)))
    mapped = torch.func.vmap(lambda x: layer.over(x, sizes))(torch.stack([given, 2 * given]))
    torch.testing.assert_close(mapped[0], ours)


@pytest.mark.parametrize("dropped", [True, False])
def test_the_norm_in_loops_is_torchs(dropped: bool) -> None:
    torch.manual_seed(0)
    x, more = (torch.randn(7, 16, dtype=torch.float64).requires_grad_() for _ in range(2))
    weight, bias = (torch.randn(16, dtype=torch.float64).requires_grad_() for _ in range(2))
    keep = 1.25 * (torch.rand(7 if dropped else 0, 16, dtype=torch.float64) < 0.8).double()
    ours = Normalised.apply(x, more, keep, weight, bias)[0]
    plain = F.layer_norm(x + (more * keep if dropped else more), (16,), weight, bias)
    torch.testing.assert_close(ours, plain)
    back = torch.randn_like(plain)
    for a, b in zip(*(torch.autograd.grad(y, [x, more, weight, bias], back) for y in (ours, plain)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
def test_training_is_that_of_torchs_operations_with_the_same_dropout(
    decoder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema, rows = world(200)
    config = replace(GR.Config(), dim=4, hidden=(8,), width=8, decoder=decoder, dropout=0.3, **HALF)

    def losses(cls: type[GR]) -> list[Tensor]:
        plan = Plan(50, 2, 2)
        trainer = Trainer(cls, schema, rows, rows, plan, [0, 1], [config] * 2, dtype=torch.float64)
        return [trainer.epoch(0), trainer.epoch(1), trainer.validate()]

    ours = losses(GR)
    monkeypatch.setattr(Layer, "compiled", False)
    for loops, plain in zip(ours, losses(Plain), strict=True):
        torch.testing.assert_close(loops, plain, rtol=1e-7, atol=1e-9)
