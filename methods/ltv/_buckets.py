"""Value buckets of a zero-inflated label: one for zero and equally full ones, (left, right], for what is above it."""

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Array
from methods._bins import order_statistics


def value_edges(y: Array, count: int) -> Array:
    """0 and the quantiles i/count of the positive labels, [count+1], ascending.

    Where ties make two edges equal the bucket between them is a point: no row falls into it and its value is that edge.
    """
    positive = np.sort(y[y > 0])
    if not len(positive):
        return np.zeros(count + 1, y.dtype)
    return np.concatenate([np.zeros(1, y.dtype), order_statistics(positive, np.arange(1, count + 1) / count)])


def places(y: Array, edges: Array) -> tuple[Array, Array]:
    """Each label's bucket, int64 [n], 0 for zero and 1.. for the others, and its place in it, 0 (left) to 1 (right).

    Labels above the last edge stand at its right end.
    """
    bucket = np.searchsorted(edges[1:-1], y, side="left") + 1  # [n]
    left, width = edges[bucket - 1], np.diff(edges)[bucket - 1]
    place = ((y - left) / np.where(width > 0, width, 1)).clip(0, 1)
    return np.where(y > 0, bucket, 0), np.where(y > 0, place, 0.0)


def start_odds(rows: Array) -> tuple[Array, Array]:
    """Logits that a head of K classes starts from, given their training rows [..., K], half a row added to each.

    Of softmax over the classes, [..., K], and of "beyond class k", [..., K-1].
    """
    rows = rows + 0.5
    beyond = rows[..., ::-1].cumsum(-1)[..., ::-1]  # from class k on
    return np.log(rows / beyond[..., :1]), np.log(beyond[..., 1:] / (beyond[..., :1] - beyond[..., 1:]))


def start_places(bucket: Array, place: Array, count: int) -> Array:
    """The log-odds of the mean training place of each bucket but zero's, [count]; 1/2 where it has no rows."""
    rows = np.bincount(bucket, minlength=count + 1)[1:]
    total = np.bincount(bucket, weights=place, minlength=count + 1)[1:]
    mean = np.where(rows > 0, total / np.maximum(rows, 1), 0.5).clip(1e-6, 1 - 1e-6)
    return np.log(mean) - np.log1p(-mean)


def at(x: Tensor, index: Tensor) -> Tensor:
    """x [B, K], index [B] -> x[i, index[i]], [B]."""
    return x.gather(1, index.unsqueeze(1)).squeeze(1)


def cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """-log softmax at the label of each row. logits: [B, K], label: [B] -> [B]."""
    return -at(torch.log_softmax(logits, 1), label)
