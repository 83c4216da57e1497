"""The rows that a training step of GR computes: enough of them, and the same loss as all of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Field, Rows, Schema
from methods.gr.decoder import Recurrent, unroll
from methods.gr.method import GR
from methods.gr.packing import broken, needed, packed, row_sums, survival
from methods.gr.transformer import Transformer


def test_survival_counts_rows() -> None:
    tokens = np.array([[5, 2, 0], [5, 5, 2], [2, 0, 0], [4, 2, 0]])
    assert survival(tokens) == (1.0, 0.75, 0.25)


@pytest.mark.parametrize("B", [1, 7, 64, 512])
def test_random_batches_need_no_more_rows(B: int) -> None:
    rng = np.random.default_rng(B)
    lengths = 1 + rng.geometric(0.3, 3000).clip(max=20)
    shares = tuple(float((lengths > t).mean()) for t in range(20))
    sizes = needed(shares, B)
    assert sizes[0] == B
    assert list(sizes) == sorted(sizes, reverse=True)
    drawn = np.stack([rng.permutation(lengths)[:B] for _ in range(2000)])
    assert all((drawn > t).sum(1).max() <= size for t, size in enumerate(sizes))
    if B == 512:
        assert sum(sizes) < 0.5 * 20 * B  # and it saves something


def test_the_bound_is_bernsteins() -> None:
    """At the bound its exponential inequality gives 1e-15 or less."""
    for p in (0.001, 0.1, 0.5, 0.9):
        B = 100_000
        above = needed((1.0, p), B)[1] - B * p
        assert np.exp(-(above**2) / 2 / (B * p * (1 - p) + above / 3)) <= 1.05e-15


def test_packing_and_summing_go_together() -> None:
    x = torch.arange(12.0).view(4, 3)
    sizes = (4, 3, 1)
    assert packed(x, sizes).tolist() == [0, 3, 6, 9, 1, 4, 7, 2]
    assert row_sums(packed(x, sizes), sizes).tolist() == [0 + 1 + 2, 3 + 4, 6 + 7, 9]


def test_a_row_beyond_the_bound_is_noticed() -> None:
    tokens = torch.tensor([[3, 3, 2], [3, 2, 0], [2, 0, 0]])
    assert not broken(tokens, (3, 2, 1), 0)
    assert not broken(tokens, (3, 3, 3), 0)
    assert broken(tokens, (3, 1, 1), 0)


@pytest.mark.parametrize("kind", ["lstm", "gru", "transformer"])
def test_the_first_rows_alone_have_the_logits_of_all(kind: str) -> None:
    torch.manual_seed(0)
    decoder: Any = Transformer(6, 4, 16, 0.0) if kind == "transformer" else Recurrent(kind, 6, 4, 16)
    decoder = decoder.double()
    h, weights = torch.randn(40, 4, dtype=torch.float64), torch.rand(40, 4, 6, dtype=torch.float64)

    def logits(sizes: tuple[int, ...]) -> list[Tensor]:
        if kind == "transformer":
            return decoder.steps(h, weights, sizes)
        return unroll(decoder, h, sizes, lambda t, row: weights[: len(row), t])

    full = logits((40,) * 5)
    for sizes in ((40, 38, 20, 4, 1), (40, 5, 5, 5, 5), (40, 40, 40, 40, 2), (40, 6, 6, 6, 6)):
        for some, size, whole in zip(logits(sizes), sizes, full, strict=True):
            torch.testing.assert_close(some, whole[:size])


def world(n: int = 600) -> tuple[Schema, Rows]:
    rng = np.random.default_rng(3)
    y = np.round(rng.lognormal(2, 1, n), 2).astype(np.float32)
    y[:20] = 0
    ids = rng.integers(0, 5, (n, 2)).astype(np.int32)
    schema = Schema("watch_time", "s", (Field("user", 5), Field("item", 5)))
    return schema, Rows(ids=ids, label=y, duration=np.full(n, 10, np.float32), user=ids[:, 0].copy())


@pytest.mark.parametrize(
    "variant", [{"schedule": "teacher"}, {"schedule": "teacher", "decoder": "transformer"}, {"decoder": "gru"}]
)
def test_the_loss_and_its_gradient_are_those_of_all_rows_and_steps(
    variant: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained a few steps in float64 with the bounds and without: the same parameters."""
    schema, rows = world()
    config = replace(GR.Config(dim=4, hidden=(8,), width=16, dropout=0.0), **variant)
    plan = Plan(batch=200, epochs=2, patience=2)

    def states() -> list[Tensor]:
        trainer = Trainer(GR, schema, rows, rows, plan, [0, 1], [config] * 2, dtype=torch.float64)
        trainer.epoch(0)
        return [trainer.stack.flat, *(table.weight for table in trainer.optimiser.tables)]

    bounded = states()
    monkeypatch.setattr("methods.gr.method.needed", lambda survival, B: (B,) * len(survival))
    for a, b in zip(bounded, states(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
