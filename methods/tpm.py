"""Tree-based progressive model (TPM): watch time as a walk down a binary tree of label intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

from datasets.schema import Rows, Schema
from methods._bins import bin_means, bin_of, equal_frequency, members, order_statistics
from methods._quantiles import quantiles
from methods.backbone import LARGE, BackboneConfig, Regressor
from methods.base import Batch, Fitted, Method
from methods.capabilities import LEVELS, Distribution


def tree(leaves: int) -> tuple[Tensor, Tensor]:
    """The way to each leaf of a complete binary tree in heap order (root 0, children 2n+1 and 2n+2): two int64 [K, H].

    The nodes from the root down, and at each whether the way goes right (1) or left (0).
    """
    height = leaves.bit_length() - 1
    if leaves < 2 or leaves != 1 << height:
        raise ValueError(
            f"a complete binary tree has 2, 4, 8, ... leaves, not {leaves}; set `leaves` to a power of two"
        )
    depth, leaf = torch.arange(height), torch.arange(leaves).unsqueeze(1)
    nodes = (1 << depth) - 1 + (leaf >> (height - depth))
    return nodes, (leaf >> (height - 1 - depth)) & 1


def leaf_probability(s: Tensor) -> Tensor:
    """Node logits s [B, K-1] in heap order -> P(leaf) [B, K], level by level the product along the path."""
    p, first = torch.ones_like(s[:, :1]), 0
    while first < s.shape[1]:
        width = p.shape[1]
        right = torch.sigmoid(s[:, first : first + width])  # P(go right | reached the node)
        p = torch.stack([p * (1 - right), p * right], dim=2).flatten(1)  # [B, 2 * width]
        first += width
    return p


class Tree(Regressor):
    """K - 1 node logits: the shared head plus, where thresholds differ by duration group, a bias of the group."""

    edges: Tensor  # of the duration groups [G-1]
    value: Tensor  # of the leaves [G, K]
    bounds: Tensor  # of the leaves [G, K+1]

    def __init__(self, schema: Schema, config: Any, **buffers: Tensor) -> None:
        super().__init__(schema, config, config.leaves - 1, **buffers)
        groups = len(buffers["value"])
        self.bias = nn.Embedding(groups, config.leaves - 1) if groups > 1 else None
        if self.bias is not None:
            nn.init.zeros_(self.bias.weight)

    def forward(self, batch: Batch) -> Tensor:
        s = super().forward(batch)
        return s if self.bias is None else s + self.bias(self.group(batch))  # [B, K-1]

    def values(self, batch: Batch) -> Tensor:
        """The leaf values r of each row's duration group, [B, K]; [1, K] where there is one group."""
        return self.of_group(self.value, batch)

    def of_group(self, table: Tensor, batch: Batch) -> Tensor:
        """The rows' own of a table [G, n]: [B, n], or [1, n] where there is one group."""
        return table if self.bias is None else table[self.group(batch)]

    def group(self, batch: Batch) -> Tensor:
        """The duration group [B]; durations outside training's join the outer groups."""
        assert batch.duration is not None
        return (batch.duration.unsqueeze(1) > self.edges).sum(1)


class TPM(Method, Distribution):
    """P(leaf) from node classifiers, E[y] = sum_l P_l r_l, loss = w_tree L_tree + w_mse (E - y)^2 + w_sd sqrt(Var).

    Values are in units of the training standard deviation inside the loss; every term is a mean over the batch, L_tree
    also over the H nodes of the path. What the released code gets wrong, and what stands here:

    - Leaf value: a leaf's midpoint is absurd where the tail is long (with K = 16 on a lognormal of mean 10, midpoints
      average 29). Here r_l is the training mean of the leaf; variant `midpoint` is the released reading.
    - Variance: the released term squares E in place of the leaf values and is void; here it is sum_l P_l (r_l - E)^2.
    - The largest labels get weight 0 (a strict upper bound); here leaves are (t_l, t_l+1] and the last one is open.
    - Ports apply a loss on logits to probabilities; here logits throughout.
    - Weights are of sums over a batch of 512 there, of means here, so that they do not move with the batch size.

    Backdoor adjustment (`debias`): where rows have a duration, thresholds and leaf values by duration group, as in D2Q.
    The released file has room for it but uses one set: variant `biased`. The group also enters as a bias of each node,
    for it decides what "right" means there. A leaf that ties leave empty is a point and has its threshold as value.
    """

    title = "TPM"
    paper = "Lin et al., KDD 2023; ProWTP A.6; GR 4.1.2"
    variants = {"large": LARGE, "midpoint": {"leaf": "midpoint"}, "biased": {"debias": False}}
    space = {"lr": (1e-3, 5e-4, 1e-4), "w_mse": (0.1, 1.0), "w_sd": (0.0, 1e-3, 1e-2, 1e-1)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """The tree, its groups and the weights of the loss."""

        leaves: int = 32  # K, a power of two
        leaf: Literal["mean", "midpoint"] = "mean"
        debias: bool = True
        groups: int = 30  # duration groups, at most
        least: int = 320  # training rows that a group must have: ten a leaf
        w_tree: float = 1.0
        w_mse: float = 1.0
        w_sd: float = 1e-2

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        y, d, c = train.label, train.duration, self.config
        assert y is not None
        rows, edges = [np.arange(len(y))], np.empty(0, np.float32)
        if c.debias and d is not None:
            edges = equal_frequency(d, c.groups, least=max(c.least, len(y) // (2 * c.groups)))
            rows = members(bin_of(d, edges), len(edges) + 1)
        bounds, values = zip(*(self.leaves(y[index]) for index in rows), strict=True)
        return {
            "edges": torch.from_numpy(edges),  # of the groups [G-1]
            "bounds": torch.from_numpy(np.stack(bounds)),  # [G, K+1]
            "value": torch.from_numpy(np.stack(values)),  # r [G, K]
            "scale": torch.tensor(max(float(y.std()), 1e-6)),
        }

    def leaves(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The leaves' bounds [K+1], the least label, the thresholds t and the largest one, and their values r [K]. The
        thresholds are the equal-frequency quantiles of one group's labels."""
        K, ordered = self.config.leaves, np.sort(y)
        t = order_statistics(ordered, np.arange(1, K) / K)
        bounds = np.concatenate([ordered[:1], t, ordered[-1:]])
        below, above = bounds[:-1].astype(np.float64), bounds[1:].astype(np.float64)
        if self.config.leaf == "midpoint":
            return bounds, (below + above) / 2
        return bounds, bin_means(y, bin_of(y, t), empty=below)

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        assert rows.label is not None
        edges, thresholds = fitted["edges"].numpy(), fitted["bounds"][:, 1:-1].numpy()
        group = bin_of(rows.duration, edges) if rows.duration is not None else np.zeros(len(rows), np.int64)
        leaf = np.empty(len(rows), np.int64)
        for index, t in zip(members(group, len(thresholds)), thresholds, strict=True):
            leaf[index] = bin_of(rows.label[index], t)
        return {"leaf": torch.from_numpy(leaf)}

    def build(self, schema: Schema, fitted: Fitted) -> Tree:
        nodes, right = tree(self.config.leaves)
        return Tree(schema, self.config, nodes=nodes, right=right, **fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        s, leaf = module(batch), batch.targets["leaf"]
        assert batch.label is not None
        path, right = s.gather(1, module.nodes[leaf]), module.right[leaf]  # [B, H]
        l_tree = (softplus(path) - right * path).mean()  # cross-entropy at the nodes that the row passes
        p, r = leaf_probability(s), module.values(batch) / module.scale
        mean = (p * r).sum(1)
        variance = (p * (r - mean.unsqueeze(1)).square()).sum(1)
        l_mse = (mean - batch.label / module.scale).square().mean()
        l_sd = (variance + 1e-8).sqrt().mean()  # the root has a slope at 0
        c = self.config
        return c.w_tree * l_tree + c.w_mse * l_mse + c.w_sd * l_sd

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return (leaf_probability(module(batch)) * module.values(batch)).sum(1).clamp_min(0)

    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        """Even within each leaf of the row's duration group."""
        cdf = pad(leaf_probability(module(batch)).cumsum(1)[:, :-1], (1, 0))  # [B, K]
        return quantiles(module.of_group(module.bounds, batch), pad(cdf, (0, 1), value=1.0), levels)
