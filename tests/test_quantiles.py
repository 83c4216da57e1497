"""Quantiles of the methods that predict a distribution, against NumPy's, SciPy's and the labels' own."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import truncexpon
from torch import nn

from datasets.schema import Field, Rows, Schema
from methods._quantiles import quantiles
from methods.base import Batch
from methods.capabilities import LEVELS, Distribution
from methods.cread import CREAD
from methods.d2q import D2Q, rank_quantiles
from methods.ordinal import Ordinal
from methods.tpm import TPM, leaf_probability

RNG = np.random.default_rng(5)


def test_quantiles_invert_a_distribution_function() -> None:
    x = np.sort(RNG.exponential(5, (6, 9)), 1)
    cdf = np.sort(RNG.random((6, 9)), 1)
    cdf[:, 0], cdf[:, -1] = 0, 1
    found = quantiles(torch.tensor(x), torch.tensor(cdf), LEVELS).numpy()
    expected = [np.interp(LEVELS, f, at) for f, at in zip(cdf, x, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_jump_is_an_atom() -> None:
    """Half of the mass at 0, the rest even to 10."""
    found = quantiles(torch.tensor([0.0, 0.0, 10.0]), torch.tensor([[0.0, 0.5, 1.0]]), (0.1, 0.5, 0.75, 0.9))
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.0, 5.0, 8.0]]))


@pytest.mark.parametrize("mean", [0.001, 0.05, 0.3, 0.49, 0.5, 0.5004, 0.51, 0.7, 0.97, 0.999])
def test_ranks_have_the_mean_and_are_a_truncated_exponential(mean: float) -> None:
    levels = tuple((np.arange(4000) + 0.5) / 4000)
    u = rank_quantiles(torch.tensor([mean], dtype=torch.float64), levels)[0].numpy()
    assert abs(u.mean() - mean) < 6e-4
    assert (np.diff(u) >= 0).all()
    if abs(mean - 0.5) > 0.005:  # scale of exp(-u / scale) with this mean, from SciPy
        from scipy.optimize import brentq

        small = min(mean, 1 - mean)
        scale = brentq(lambda s: truncexpon(1 / s, scale=s).mean() - small, 1e-5, 1e4)
        expected = truncexpon(1 / scale, scale=scale).ppf(levels)
        np.testing.assert_allclose(u if mean < 0.5 else 1 - u[::-1], expected, atol=2e-3)


class _Constant(nn.Module):
    """A fitted head that says the same of every row."""

    def __init__(self, logits: np.ndarray, **buffers: Any) -> None:
        super().__init__()
        self.logits = torch.as_tensor(logits, dtype=torch.float64)
        self.bias = None
        for name, value in buffers.items():
            self.register_buffer(name, value)

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.logits.expand(3, -1)

    def of_group(self, table: torch.Tensor, batch: Batch) -> torch.Tensor:
        return table


def logit(p: np.ndarray) -> np.ndarray:
    return np.log(p.clip(1e-9, 1 - 1e-9)) - np.log1p(-p.clip(1e-9, 1 - 1e-9))


@pytest.mark.parametrize("label", ["lognormal", "with zeros", "whole seconds"])
@pytest.mark.parametrize("cls", [Ordinal, CREAD, TPM])
def test_calibrated_heads_give_the_labels_own_quantiles(cls: type, label: str) -> None:
    """Logits are set to the labels' own frequencies; between the method's edges its quantiles may be off by a bin."""
    y = RNG.lognormal(2, 1, 4000).astype(np.float32)
    if label == "with zeros":
        y[:1500] = 0
    if label == "whole seconds":
        y = np.round(y)
    rows = Rows(ids=np.ones((len(y), 1), np.int32), label=y)
    method = cls()
    fitted = method.fit(rows, np.random.default_rng(0))
    if cls is TPM:
        t = fitted["bounds"][0, 1:-1].numpy()
        K = len(t) + 1
        leaf = np.searchsorted(t, y, side="left")
        p = np.bincount(leaf, minlength=K) / len(y)
        levels, node = [], p
        while len(node) > 1:  # from the leaves up: P(right | node)
            pairs = node.reshape(-1, 2)
            levels.append(np.divide(pairs[:, 1], pairs.sum(1), out=np.full(len(pairs), 0.5), where=pairs.sum(1) > 0))
            node = pairs.sum(1)
        logits = logit(np.concatenate(levels[::-1]))
        np.testing.assert_allclose(leaf_probability(torch.tensor(logits)[None])[0], p, atol=1e-6)
    else:
        edges = fitted["edges" if cls is Ordinal else "t"].numpy()
        logits = logit((y[:, None] > edges).mean(0))
        if cls is CREAD:  # a head without a threshold of its own may say anything
            logits = np.where(fitted["live"].numpy() > 0, logits, 7)
    module = _Constant(logits, **{k: v for k, v in fitted.items() if isinstance(v, torch.Tensor)})
    levels_ = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
    found = method.quantiles(module, None, levels_)[0].numpy()
    assert (np.diff(found) >= 0).all()
    slack = 1.0 if label == "whole seconds" else 1e-3  # between two values there is no label
    reached = [(y <= q + slack).mean() for q in found]
    before = [(y < q - slack).mean() for q in found]
    for level, low, high in zip(levels_, before, reached, strict=True):
        assert low - 0.03 <= level <= high + 0.03, (level, low, high)


def test_d2q_at_a_mean_rank_of_one_half_gives_the_groups_quantiles() -> None:
    n = 6000
    d = RNG.choice(np.array([10, 100], np.float32), n)
    y = (d * RNG.random(n)).astype(np.float32)
    ids = np.ones((n, 1), np.int32)
    rows = Rows(ids=ids, label=y, duration=d, bucket=(d > 50).astype(np.int32))
    method = D2Q()
    fitted = method.fit(rows, np.random.default_rng(0))
    module = method.build(Schema("watch_time", "s", (Field("user", 3),), buckets=2), fitted)

    class Half(nn.Module):
        table = module.table

        def group(self, batch: Any) -> torch.Tensor:
            return torch.tensor([0, 1])

        def forward(self, batch: Any) -> torch.Tensor:
            return torch.zeros(2)

    found = method.quantiles(Half(), None, (0.1, 0.5, 0.9)).numpy()
    for row, duration in zip(found, (10, 100), strict=True):
        np.testing.assert_allclose(row, np.quantile(y[d == duration], [0.1, 0.5, 0.9]), rtol=0.01, atol=0.01)


def test_who_predicts_a_distribution() -> None:
    assert all(issubclass(cls, Distribution) for cls in (Ordinal, CREAD, TPM, D2Q))
