"""MDAN, reconstructed: multi-distribution adaptive networks (Liu et al. 2024), of which only the abstract is public."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from datasets.schema import Rows, Schema
from methods.base import Batch, Draws, Fitted, Method
from methods.ltv._buckets import at, cross_entropy, places, start_odds, start_places, value_edges
from methods.ltv._towers import RATES, Heads, Inputs, TowerConfig, Towers, start_at


class Channels(nn.Module):
    """K channels on one embedding, the controller that mixes them, and heads on the mixture."""

    left: Tensor  # edge of each bucket but zero's [K-1]
    width: Tensor  # [K-1]

    def __init__(self, schema: Schema, config: Any, fitted: Fitted) -> None:
        super().__init__()
        K = len(fitted["odds"])
        self.inputs = Inputs(schema, config.dim)
        self.channels = Towers(K, self.inputs.width, config.hidden)
        self.own = Heads(K, self.channels.out, 1)  # is the row of this channel's bucket?
        self.controller = Towers(1, self.inputs.width, config.hidden[-1:])
        self.gate = nn.Linear(self.controller.out, K)
        self.bucket = nn.Linear(self.channels.out, K)
        self.place = nn.Linear(self.channels.out, K - 1)
        start_at(self.own, fitted["own"])
        start_at(self.gate, fitted["odds"])
        start_at(self.bucket, fitted["odds"])
        start_at(self.place, fitted["places"])
        self.register_buffer("left", fitted["edges"][:-1])
        self.register_buffer("width", fitted["edges"].diff())

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Logits: channels' own [B, K], gate [B, K], bucket [B, K], place [B, K-1]; and the mixture h [B, out]."""
        x = self.inputs(batch)
        each = self.channels(x)  # [B, K, out]
        gate = self.gate(self.controller(x).squeeze(1))
        h = (gate.softmax(1).unsqueeze(2) * each).sum(1)
        return self.own(each).squeeze(2), gate, self.bucket(h), self.place(h), h


class MDAN(Method):
    """A guess at what the abstract describes, so a row that says nothing about the authors' own numbers.

    The abstract: multi-channel networks learn disparate distributions; a channel learning controller furthers the
    learning of each channel (against classification bias); a distance similarity loss keeps the features of different
    values apart (against regression bias). Value buckets come from OptDist's summary of it. The reconstruction:

    - one bucket for zero and `buckets` of equal counts above it; a channel each, which also says by itself whether a
      row is of its bucket; the controller is a softmax gate g, trained to name the bucket, and h = sum_c g_c h_c;
    - from h the bucket (softmax) and the place inside it (sigmoid, squared error at the true bucket);
    - the distance similarity loss: cos(h_i, h_j) should be 1 - |ln(1+y_i) - ln(1+y_j)| / max, mean squared error over
      the pairs of `pairs` rows, half of them positive as far as the batch has them.

    L = CE_bucket + w_gate (CE_gate + CE_channels) + w_place MSE + w_distance L_distance, all means over the batch.
    Value: the expectation over the buckets; variant `hard` reads the likeliest one, zero where few rows are positive.
    Heads start at the training frequencies, as MDME's.
    """

    title = "MDAN (reconstructed)"
    paper = "after the abstract of Liu et al., PAKDD 2024; GR Table 6"
    tasks = ("ltv",)
    variants = {"hard": {"decode": "hard"}}
    space = {"lr": RATES, "buckets": (4, 8, 12), "w_distance": (0.01, 0.1, 1.0)}

    @dataclass(frozen=True)
    class Config(TowerConfig):
        """The buckets and the weights of the loss."""

        buckets: int = 8  # K - 1, those of positive labels
        w_gate: float = 1.0
        w_place: float = 1.0
        w_distance: float = 0.1
        pairs: int = 256  # rows of a batch that are compared with each other
        decode: Literal["expectation", "hard"] = "expectation"

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        y, count = train.label, self.config.buckets
        assert y is not None
        edges = value_edges(y, count)
        bucket, place = places(y, edges)
        rows = np.bincount(bucket, minlength=count + 1)
        others = rows.sum() - rows
        return {
            "edges": torch.from_numpy(edges),  # [K]
            "odds": start_odds(rows)[0],  # [K]
            "own": np.log((rows + 0.5) / (others + 0.5))[:, None],  # [K, 1]
            "places": start_places(bucket, place, count),  # [K-1]
        }

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        assert rows.label is not None
        bucket, place = places(rows.label, fitted["edges"].numpy())
        return {"bucket": torch.from_numpy(bucket), "place": torch.from_numpy(place)}

    def build(self, schema: Schema, fitted: Fitted) -> Channels:
        return Channels(schema, self.config, fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        c, y, k = self.config, batch.label, batch.targets["bucket"]
        assert y is not None
        assert batch.draws is not None
        own, gate, bucket, place, h = module(batch)
        mine = (torch.arange(own.shape[1], device=k.device) == k.unsqueeze(1)).to(own.dtype)  # [B, K]
        channels = (softplus(own) - mine * own).mean(1)
        bias = (at(place, (k - 1).clamp_min(0)).sigmoid() - batch.targets["place"]).square() * (k > 0)
        rows = cross_entropy(bucket, k) + c.w_gate * (cross_entropy(gate, k) + channels) + c.w_place * bias
        some = sample(y, c.pairs, batch.draws)
        similarity = distance_similarity(h.take_along_dim(some.unsqueeze(1), 0), y.gather(0, some))
        return rows.mean() + c.w_distance * similarity

    def predict(self, module: Any, batch: Batch) -> Tensor:
        _, _, bucket, place, _ = module(batch)
        value = module.left + module.width * place.sigmoid()  # [B, K-1]
        if self.config.decode == "expectation":
            return (bucket.softmax(1)[:, 1:] * value).sum(1)
        return at(torch.cat([0 * value[:, :1], value], dim=1), bucket.argmax(1))


def sample(y: Tensor, count: int, draws: Draws) -> Tensor:
    """Indices of min(count, B) rows drawn at random, every second one among the positives while there are any."""
    count, u = min(count, len(y)), draws.uniform(y.shape)
    positives = (u + (y > 0)).topk(count // 2).indices
    others = ((y <= 0).to(u.dtype) - u).topk(count - count // 2).indices
    return torch.cat([positives, others])


def distance_similarity(h: Tensor, y: Tensor) -> Tensor:
    """mean_ij (S_ij - (1 - D_ij))^2, S the cosines of h [m, out], D the distances of ln(1 + y) over the largest."""
    unit = h / (h.square().sum(1, keepdim=True) + 1e-12).sqrt()
    distance = (y.log1p().unsqueeze(1) - y.log1p()).abs()  # [m, m]
    distance = distance / distance.amax().clamp_min(1e-12)
    return (unit @ unit.T - (1 - distance)).square().mean()
