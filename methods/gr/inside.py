"""What a trained GR shows of itself: the numbers of its records, and the arrays behind the paper's figures 3, 4 and 6.

Classes stand as in `network.Network`: 0 is EOS, then the K numeric tokens, the largest first.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Array
from methods.base import Batch, Fitted
from methods.gr.generate import greedy
from methods.gr.values import before_end
from methods.gr.vocabulary import EOS, PAD

REACH = 5  # neighbours on either side of a token
_MAPPED = 400  # rows of the map
_POINTS = 101  # of the schedule


def inside(method: Any, module: Any, batch: Batch, fitted: Fitted) -> Mapping[str, Any]:
    """numbers: `tokens` (K), `mean_length` and `mean_predicted_length` (tokens a row, EOS apart), `ended` (rows whose
    likeliest sequence ends within T steps), `first_right` (whose first token is the true one) and `first_near` (or its
    neighbour in the vocabulary).

    arrays: `value` g(w) [K]; `count` and `predicted`, occurrences in the true and the likeliest sequences [K+1];
    `neighbours` [K, 11], `embedded` [rows, 4] and `schedule` [2, 101], see where they are made. batch.step: the steps
    of the longest possible run.
    """
    assert batch.label is not None
    words, T = fitted["vocabulary"], module.length
    ids = method.encoded(words, batch.label.cpu().numpy(), T)
    ids = np.pad(ids, ((0, 0), (0, T - ids.shape[1])))
    with torch.no_grad():
        h = module.backbone(batch)
        truth = torch.from_numpy(ids).to(h.device).unsqueeze(-1) == module.ids  # [B, T, C]
        probabilities = method.forced(module, h, truth.to(h.dtype)).softmax(-1).cpu().numpy()
        chosen = greedy(module.decoder, h, T, lambda logits, centre: method.mix(module, logits, centre)).argmax(-1)
        counts = before_end(chosen).cpu().numpy()
        embedding = module.decoder.embedding.cpu().double().numpy()
    true, predicted, known = ids - EOS, chosen.cpu().numpy(), ids != PAD
    C = len(module.ids)
    found: dict[str, Any] = {
        "tokens": float(len(words.values)),
        "mean_length": float((true[known] > 0).sum() / len(ids)),
        "mean_predicted_length": float((predicted[counts] > 0).sum() / len(ids)),
        "ended": float((predicted == 0).any(1).mean()),
        "first_right": float((predicted[:, 0] == true[:, 0]).mean()),
        "first_near": float((_apart(predicted[:, 0], true[:, 0]) <= 1).mean()),
        "value": words.values,
        "count": np.bincount(true[known], minlength=C),
        "predicted": np.bincount(predicted[counts], minlength=C),
        "neighbours": _neighbours(probabilities[known], true[known]).astype(np.float32),
    }
    if method.config.schedule != "epoch":  # whose counter starts again with every epoch
        found["schedule"] = _schedule(method, batch.step)
    if (map_ := _map(true, known, words.values, embedding)) is not None:
        found["embedded"] = map_
    return found


def _apart(a: Array, b: Array) -> Array:
    """Places between two classes; EOS is next to none."""
    return np.where((a == 0) == (b == 0), np.abs(a - b), len(a) + 2)


def _neighbours(p: Array, true: Array) -> Array:
    """Figure 3 (b): the mean probability of the tokens at offsets -5 to 5 about the true one, for each true token
    [K, 11]; NaN beyond the vocabulary and where a token never occurs. p: [n, C]; true: [n]."""
    K = p.shape[1] - 1
    out = np.full((K, 2 * REACH + 1), np.nan)
    for token in range(1, K + 1):
        rows = true == token
        if rows.any():
            low, high = max(1, token - REACH), min(K, token + REACH)
            out[token - 1, low - token + REACH : high - token + REACH + 1] = p[rows, low : high + 1].mean(0)
    return out


def _schedule(method: Any, steps: Tensor) -> Array:
    """Figure 6 (a): progress, and the probability of a true input [2, 101]. steps: of the longest possible run, 0-d."""
    progress = torch.linspace(0, 1, _POINTS, dtype=torch.float64)
    p = [float(method.probability(x * steps, x, steps)) for x in progress]
    return np.stack([progress.numpy(), np.array(p)])


def _map(true: Array, known: Array, value: Array, embedding: Array) -> Array | None:
    """Figure 3 (a): a t-SNE map of e_i = sum_t r_t E[s_t], r_t = g(s_t) / y, with the first token's class and the
    value of each row: [rows, 4]. None where few rows are positive."""
    g = np.concatenate([[0.0], value])
    part = g[true.clip(0)] * known
    y = part.sum(1)
    rows = np.flatnonzero(y > 0)
    if len(rows) < 40:
        return None
    rows = rows[:: -(-len(rows) // _MAPPED)]
    e = np.einsum("nt,ntd->nd", part[rows] / y[rows, None], embedding[true[rows].clip(0)])
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        flat = TSNE(perplexity=min(30, len(rows) / 4), init="pca", random_state=0, n_jobs=1).fit_transform(e)
    return np.column_stack([flat, true[rows, 0], y[rows]]).astype(np.float32)
