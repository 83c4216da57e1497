"""What a trained ProWTP shows of itself: the numbers of its records, and the arrays behind the paper's figures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from datasets.schema import Array
from methods.base import Batch
from methods.prowtp import transport

BINS = np.linspace(0, 3, 61)  # of watch ratios
GROUPS = ((0.0, 0.1), (1.0, 1.1), (2.0, 2.1))  # of watch ratios, A.1.2
_SHOWN = 128  # rows of Figure 11's weights
_MAPPED = 300  # rows of each group in the map
_CLOSE, _LEAST = 0.01, 10  # the error of rows that make an ideal centre; the rows with the least error where too few
_BATCH = 512  # rows of a plan whose gap is certified


def histogram(ratio: Array, bucket: Array, buckets: int) -> Array:
    """Rows of each duration bucket and bin of watch ratios, [D, bins]; what lies beyond the last bin is left out."""
    return np.stack([np.histogram(ratio[bucket == b], BINS)[0] for b in range(buckets)])


def inside(method: Any, module: Any, batch: Batch, fitted: Mapping[str, Any]) -> Mapping[str, Any]:
    """numbers: `inactive` (rows whose output a ReLU would cut, A.1.1), `gap` (the worst certified gap of a plan at
    training settings), `codes_used`, `perplexity`, `reconstruction`. arrays, each named where it is made."""
    c = method.config
    with torch.no_grad():
        raw = method.raw_value(module, batch)
        found: dict[str, Any] = {"inactive": float((raw < 0).double().mean())}
        if c.prototypes == "none":
            h = module.backbone(batch)
        else:
            h, prototypes = module(batch)
            p = normalize(prototypes, dim=1)
            found |= _weights(method, h, p)
        prediction = (raw * module.unit(batch)).clamp_min(0).cpu().double().numpy()
        found |= _confusion(h.cpu().double().numpy(), prediction, batch, of_ratios=module.of_ratios)
    if "codebook" in fitted:
        book = fitted["codebook"]
        found |= {
            "codes_used": float(book.used),
            "perplexity": book.perplexity,
            "reconstruction": book.reconstruction,
            "usage": book.usage,  # vectors w of each code [CK]
            "ratios": fitted["ratios"],  # [D, bins]
            "sampled": histogram(*_hundred(fitted["w"], fitted["w_bucket"]), len(fitted["mixtures"])),  # [D, bins]
            "bins": BINS,
            "peaks": np.array(  # bucket, theta, mu, sigma of each peak [peaks, 4]
                [
                    (b, *peak)
                    for b, m in enumerate(fitted["mixtures"])
                    for peak in zip(m.weights, m.means, m.stds, strict=True)
                ]
            ),
        }
    return found


def _weights(method: Any, h: Any, p: Any) -> dict[str, Any]:
    """alpha and B T of some rows, [rows, CK] each; the worst gap over batches where there is a plan."""
    alpha = method.weights(h @ p.T).exp()
    found: dict[str, Any] = {"alpha": alpha[:_SHOWN].cpu().numpy().astype(np.float32)}
    c = method.config
    if c.alignment in ("l2", "none"):
        return found
    cost = 1 - h @ p.T
    found["plan"] = method.plan(cost[:_BATCH])[:_SHOWN].cpu().numpy().astype(np.float32)
    worst = 0.0
    for part in cost.split(_BATCH):
        lam_rows, lam = method.lambdas(*part.shape)
        solution = transport.solve(part, lam_rows, lam, steps=c.steps, tolerance=transport.TRAINING)
        worst = max(worst, float(transport.gap(part, solution, lam_rows, lam)))
    return found | {"gap": worst}


def _confusion(h: Array, prediction: Array, batch: Batch, *, of_ratios: bool) -> dict[str, Array]:
    """A.1.2: of rows in three groups of watch ratio, the group, the error in watch ratio, the distance of h to the
    group's ideal centre (`confusion` [rows, 3]) and a t-SNE map of h (`map` [rows, 2]). Nothing where rows are few."""
    assert batch.label is not None
    assert batch.duration is not None
    y, d = batch.label.cpu().double().numpy(), batch.duration.cpu().double().numpy().clip(1e-3)
    d = np.ones_like(d) if of_ratios else d
    ratio, error = y / d, np.abs(prediction - y) / d
    rows, columns = [], []
    for group, (low, high) in enumerate(GROUPS):
        index = np.flatnonzero((ratio >= low) & (ratio < high))
        if len(index) < _LEAST:
            continue
        close = index[error[index] < _CLOSE]
        if len(close) < _LEAST:
            close = index[np.argsort(error[index], kind="stable")[:_LEAST]]
        centre = h[close].mean(0)
        index = index[:: -(-len(index) // _MAPPED)]
        rows.append(index)
        distance = np.linalg.norm(h[index] - centre, axis=1)
        columns.append(np.stack([np.full(len(index), group), error[index], distance], 1))
    if not rows or sum(map(len, rows)) < 4 * _LEAST:
        return {}
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    points = h[np.concatenate(rows)]
    with threadpool_limits(1):
        flat = TSNE(perplexity=min(30, len(points) / 4), init="pca", random_state=0, n_jobs=1).fit_transform(points)
    return {"confusion": np.concatenate(columns).astype(np.float32), "map": flat.astype(np.float32)}


def _hundred(w: Array, bucket: Array) -> tuple[Array, Array]:
    """All numbers of a hundred vectors w of each bucket, and their buckets."""
    kept = np.concatenate([np.flatnonzero(bucket == b)[:: max(1, (bucket == b).sum() // 100)] for b in set(bucket)])
    return w[kept].ravel(), np.repeat(bucket[kept], w.shape[1])
