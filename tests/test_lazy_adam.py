"""Exact lazy Adam against torch.optim.Adam on the same gradients: the moves of rows that see none are part of the
claim."""

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.train.adam.device import DenseTable, DeviceAdam, DeviceTable, early_flushes
from benchmark.train.adam.host_adam import HostAdam
from benchmark.train.adam.host_table import HostTable

ROWS, DIM, REPLICAS = 40, 6, 2
LR = torch.tensor([1e-3, 3e-3], dtype=torch.float64)


def sparse_gradients(steps: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    """(rows [N], gradients [N, DIM]) per step: sizes that straddle eps, repeated rows, gaps up to thousands of
    steps."""
    rng = np.random.default_rng(seed)
    rate = 1 / np.geomspace(1, 3000, ROWS)  # the chance that a row is touched
    out = []
    for _ in range(steps):
        rows = np.flatnonzero(rng.random(ROWS) < rate)
        rows = np.concatenate([rows, rows[:1]])  # one row twice: its gradients add up
        size = 10.0 ** rng.uniform(-11, 1, (len(rows), 1))
        out.append((torch.from_numpy(rows), torch.from_numpy(size * rng.normal(size=(len(rows), DIM)))))
    return out


def dense_adam(start: Tensor, gradients: list[tuple[Tensor, Tensor]], lr: float, decay: float = 0.0) -> Tensor:
    """torch's own Adam on the same problem with dense gradients."""
    weight = torch.nn.Parameter(start.clone())
    adam = torch.optim.Adam([weight], lr=lr, weight_decay=decay)
    for rows, gradient in gradients:
        weight.grad = torch.zeros_like(weight).index_add_(0, rows, gradient)
        adam.step()
    return weight.detach()


def run(table: HostTable | DeviceTable | DenseTable, gradients: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Both replicas see the same gradients; returns [REPLICAS, ROWS, DIM]."""
    due = early_flushes()
    for step, (rows, gradient) in enumerate(gradients, start=1):
        table.gather(torch.cat([rows, rows + ROWS]))
        table.update(torch.cat([gradient, gradient]).to(table.weight.dtype))
        if isinstance(table, DeviceTable) and step in due:
            table.flush()
    table.flush()
    return table.weight.view(REPLICAS, ROWS, DIM)


@pytest.mark.parametrize("kind", [HostTable, DeviceTable])
@pytest.mark.parametrize("steps", [3, 150, 6000])
def test_lazy_equals_dense_adam_to_1e_6_in_float64(kind: type, steps: int) -> None:
    start = torch.randn(ROWS, DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    gradients = sparse_gradients(steps)
    ours = run(kind(torch.cat([start, start]), REPLICAS, LR, steps), gradients)
    for replica, lr in enumerate(LR.tolist()):
        assert (ours[replica] - dense_adam(start, gradients, lr)).abs().max() < 1e-6


def test_float32_is_as_close_to_float64_as_dense_float32_adam_is() -> None:
    start = torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(1))
    gradients = sparse_gradients(3000)
    ours = run(HostTable(torch.cat([start, start]), REPLICAS, LR, 3000), gradients)[0]
    exact = dense_adam(start.double(), gradients, LR[0].item())
    dense = dense_adam(start, [(r, g.float()) for r, g in gradients], LR[0].item())
    error = (ours.double() - exact).abs().max()
    assert error < 2 * (dense.double() - exact).abs().max() + 1e-6


def test_a_row_that_was_never_touched_stays_where_it_began() -> None:
    start = torch.randn(2 * ROWS, DIM, dtype=torch.float64)
    table = HostTable(start.clone(), REPLICAS, LR, 500)
    for _ in range(500):
        table.gather(torch.tensor([0, ROWS]))
        table.update(torch.ones(2, DIM, dtype=torch.float64))
    table.flush()
    assert torch.equal(table.weight[1:ROWS], start[1:ROWS])


def test_keeping_some_replicas_changes_nothing_for_them() -> None:
    start, gradients = torch.randn(ROWS, DIM, dtype=torch.float64), sparse_gradients(400)
    whole = run(HostTable(torch.cat([start, start]), REPLICAS, LR, 400), gradients)
    table = HostTable(torch.cat([start, start]), REPLICAS, LR, 400)
    run(table, gradients[:200])
    table.keep([1])
    for rows, gradient in gradients[200:]:
        table.gather(rows)
        table.update(gradient)
    table.flush()
    # a flush in between splits a gap in two, which costs a rounding of the two-point rule
    torch.testing.assert_close(table.weight, whole[1], rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", [HostAdam, DeviceAdam])
@pytest.mark.parametrize("decay", [0.0, 1e-2])
def test_flat_adam_is_torch_adam(kind: type, decay: float) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(REPLICAS, 50, dtype=torch.float64, generator=generator)
    flat = start.clone()
    adam = kind(flat, LR, torch.full((REPLICAS,), decay, dtype=torch.float64))
    gradients = [torch.randn(REPLICAS, 50, dtype=torch.float64, generator=generator) for _ in range(300)]
    for gradient in gradients:
        adam.update(flat, gradient)
    every = torch.arange(50)
    for replica, lr in enumerate(LR.tolist()):
        theirs = dense_adam(start[replica][:, None], [(every, g[replica][:, None]) for g in gradients], lr, decay)
        torch.testing.assert_close(flat[replica], theirs[:, 0], rtol=0, atol=1e-11)


def test_dense_table_is_torch_adam_with_weight_decay() -> None:
    start, gradients = torch.randn(ROWS, DIM, dtype=torch.float64), sparse_gradients(200)
    decay = torch.full((REPLICAS,), 1e-3, dtype=torch.float64)
    ours = run(DenseTable(torch.cat([start, start]), REPLICAS, LR, decay), gradients)
    for replica, lr in enumerate(LR.tolist()):
        torch.testing.assert_close(ours[replica], dense_adam(start, gradients, lr, 1e-3), rtol=0, atol=1e-11)
