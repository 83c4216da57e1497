"""MDME: multi distribution multi experts (Li et al. 2022, the module of ODMN that models one horizon)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods.base import Batch, Fitted, Method
from methods.ltv._buckets import at, cross_entropy, places, start_odds, start_places, value_edges
from methods.ltv._towers import RATES, Heads, Inputs, TowerConfig, Towers, start_at


def soft_labels(s: Tensor) -> Tensor:
    """P(k) = c_{k-1} - c_k from the ordinal logits, c = sigmoid(s), c_{-1} = 1, c_{K-1} = 0. s: [B, K-1] -> [B, K].

    Independent towers need not fall in k, so differences are kept above 0 and scaled to sum to 1.
    """
    one = torch.ones_like(s[:, :1])
    c = torch.cat([one, s.sigmoid(), 0 * one], dim=1)  # [B, K+1]
    p = (c[:, :-1] - c[:, 1:]).clamp_min(1e-6)
    return p / p.sum(1, keepdim=True)


def classify(logits: Tensor, s: Tensor, k: Tensor, w: Tensor | float) -> Tensor:
    """Cross-entropy, ordinal cross-entropy summed over the levels, and w times the distillation of the second into the
    first, per row. logits: [B, K], s: [B, K-1], k: [B] -> [B]."""
    level = (torch.arange(s.shape[1], device=s.device) < k.unsqueeze(1)).to(s.dtype)
    ordinal = (softplus(s) - level * s).sum(1)
    distilled = -(soft_labels(s).detach() * torch.log_softmax(logits, 1)).sum(1)
    return cross_entropy(logits, k) + ordinal + w * distilled


class Experts(nn.Module):
    """2 + 3 (S-1) towers on one embedding: the distribution segmentation, and three for each sub-distribution."""

    left: Tensor  # edge of each bucket [S-1, B]
    width: Tensor  # [S-1, B]

    def __init__(self, schema: Schema, config: Any, fitted: Fitted) -> None:
        super().__init__()
        S, B = config.distributions, config.buckets
        self.inputs = Inputs(schema, config.dim)
        self.towers = Towers(2 + 3 * (S - 1), self.inputs.width, config.hidden)
        self.segment = Heads(2, self.towers.out, S)
        self.experts = Heads(3 * (S - 1), self.towers.out, B)
        start_at(self.segment, fitted["segment"])
        start_at(self.experts, fitted["experts"])
        self.register_buffer("left", fitted["edges"][:-1].view(S - 1, B))
        self.register_buffer("width", fitted["edges"].diff().view(S - 1, B))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """DCT and DOT logits, [B, 2, S], and BCT, BOT, BBT logits of all sub-distributions, [B, S-1, 3, buckets]."""
        h = self.towers(self.inputs(batch))  # [B, towers, out]
        return self.segment(h[:, :2]), self.experts(h[:, 2:]).unflatten(1, (-1, 3))


class MDME(Method):
    """S sub-distributions, zero the first; in each of the others B buckets of equal counts and a bias inside each.

    DCT and DOT say which sub-distribution (classes, ordinal), BCT and BOT which bucket, BBT the place in it; the
    ordinal towers teach the class towers. Seven losses of weight 1: CE, ordinal CE and distillation twice, MSE of the
    bias. All are means over the batch; those of a sub-distribution count where it is the row's true one.

    - With one horizon, ODMN's Mono Units and its calibration loss have nothing to do and are left out.
    - Ordinal towers have K - 1 outputs (the paper: K, the first of which is always 1).
    - Equal edges (ties) leave a bucket of no width and no rows instead of fewer buckets.
    - Heads start at the classes' training frequencies and at the mean place inside each bucket. Without it the last
      bucket, whose right edge is the largest label, would be read at its middle.
    - Value: the expectation over sub-distributions and buckets. TranSUN's rows of this name read the likeliest bucket
      of the likeliest sub-distribution, which is all zero where few rows are positive: variant `hard`.
    - The one public implementation (olegpolivin/MDME) trains bucket towers of the predicted instead of the true
      sub-distribution and scales labels by other edges than it decodes with; it is no guide.
    """

    title = "MDME"
    paper = "Li et al., CIKM 2022; GR Table 6"
    tasks = ("ltv",)
    variants = {"hard": {"decode": "hard"}}
    space = {"lr": RATES, "distributions": (2, 4, 6), "buckets": (2, 4, 8)}

    @dataclass(frozen=True)
    class Config(TowerConfig):
        """The segmentation; four by four is what TranSUN used for its rows of MDME."""

        distributions: int = 4  # S, with the one of zeros
        buckets: int = 4  # B, of each other sub-distribution
        w_distill: float = 1.0
        w_bias: float = 1.0
        decode: Literal["expectation", "hard"] = "expectation"

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        y, S, B = train.label, self.config.distributions, self.config.buckets
        assert y is not None
        edges = value_edges(y, (S - 1) * B)
        bucket, place = places(y, edges)
        rows = np.bincount(bucket, minlength=(S - 1) * B + 1)
        inside = rows[1:].reshape(S - 1, B)
        dct, dot = start_odds(np.append(rows[0], inside.sum(1)))
        bct, bot = start_odds(inside)
        bbt = start_places(bucket, place, (S - 1) * B).reshape(S - 1, B)
        return {
            "edges": torch.from_numpy(edges),  # [(S-1) B + 1]
            "segment": np.stack([dct, np.append(dot, 0)]),  # [2, S]; the last output of an ordinal tower is not used
            "experts": np.stack([bct, np.pad(bot, ((0, 0), (0, 1))), bbt], axis=1).reshape(-1, B),  # [3 (S-1), B]
        }

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        assert rows.label is not None
        bucket, place = places(rows.label, fitted["edges"].numpy())
        above = np.maximum(bucket - 1, 0)
        d = np.where(bucket > 0, 1 + above // self.config.buckets, 0)
        columns = {"d": d, "b": above % self.config.buckets, "place": place}
        return {name: torch.from_numpy(column) for name, column in columns.items()}

    def build(self, schema: Schema, fitted: Fitted) -> Experts:
        return Experts(schema, self.config, fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        c, (d, b, place) = self.config, (batch.targets[name] for name in ("d", "b", "place"))
        segment, experts = module(batch)
        dct, dot = segment.unbind(1)
        true = (d - 1).clamp_min(0).view(-1, 1, 1, 1)  # of zeros any, for the mask
        bct, bot, bbt = experts.take_along_dim(true, 1).squeeze(1).unbind(1)  # [B, buckets] each
        bias = (at(bbt, b).sigmoid() - place).square()
        inside = classify(bct, bot[:, :-1], b, c.w_distill) + c.w_bias * bias
        return (classify(dct, dot[:, :-1], d, c.w_distill) + (d > 0) * inside).mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        segment, experts = module(batch)
        dct, (bct, _, bbt) = segment[:, 0], experts.unbind(2)  # [B, S], [B, S-1, buckets] each
        value = module.left + module.width * bbt.sigmoid()
        if self.config.decode == "expectation":
            within = (bct.softmax(2) * value).sum(2)  # [B, S-1]
            return (dct.softmax(1)[:, 1:] * within).sum(1)
        likeliest = value.gather(2, bct.argmax(2, keepdim=True)).squeeze(2)  # [B, S-1]
        return at(torch.cat([0 * likeliest[:, :1], likeliest], dim=1), dct.argmax(1))
