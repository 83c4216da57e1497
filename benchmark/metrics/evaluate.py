"""The metrics that a record keeps: over all rows of a split, and over its named slices."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.deciles import DECILES, decile_table
from benchmark.metrics.pairs import (
    Array,
    Ranked,
    average_precision,
    checked,
    mae,
    pair_counts,
    rank_auc,
    rank_correlation,
    rank_correlation_ceiling,
    rank_gini,
    ranked,
    ratio,
    rmse,
)
from benchmark.metrics.tails import top_share, winsorised_mae, winsorised_rmse
from benchmark.records.record import Metrics

TASKS = ("watch_time", "ltv")


def evaluate(
    task: str,
    label: ArrayLike,
    prediction: ArrayLike,
    *,
    user: ArrayLike | None = None,
    bucket: ArrayLike | None = None,
) -> tuple[Metrics, dict[str, Metrics]]:
    """The metrics over all rows, and over the slices "bucket=0", ... (where buckets are given), "positive" and "zero"
    (ltv); for ltv also the mean label and prediction of "decile=01" (the lowest predictions) to "decile=10".

    Undefined values, and those that need users where there are none, are None; empty slices are left out.

    task: "watch_time" or "ltv". label, prediction: [n] in the label's unit. user: [n], any values. bucket: int [n].
    Raises ValueError where lengths differ, no row is given or a value is not finite (it names how many).
    """
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")
    label, prediction = checked(label, prediction)
    y, p = ranked(label), ranked(prediction)
    overall = _pointwise(label, prediction) | _pairwise(y, p, user)
    overall |= {"spearman": rank_correlation(y, p), "ratio": ratio(label, prediction)}
    overall |= {"negative": float((prediction < 0).mean())}  # share of predictions: no such value exists
    if task == "ltv":
        overall |= _lifetime_value(label, prediction, y, p)
    slices = {}
    if task == "ltv" and len(label) >= DECILES:
        deciles = decile_table(label, prediction)
        overall |= {"decile_mape": deciles.mape, "deciles_without_spend": float(deciles.without_spend)}
        columns = zip(deciles.rows, deciles.label, deciles.prediction, strict=True)
        for place, (rows, actual, predicted) in enumerate(columns, start=1):
            slices[f"decile={place:02d}"] = _known({"rows": rows, "label": actual, "prediction": predicted})
    for name, mask in _slices(task, label, bucket):
        slices[name] = _known(
            _pointwise(label[mask], prediction[mask])
            | _ranking(y.where(mask), p.where(mask), None if user is None else np.asarray(user)[mask])
        )
    return _known(overall), slices


def _slices(task: str, label: Array, bucket: ArrayLike | None) -> Iterator[tuple[str, Array]]:
    """Names and bool masks [n], none empty."""
    if bucket is not None:
        buckets = np.asarray(bucket)
        if buckets.shape != label.shape:
            raise ValueError(f"buckets must be [n] like the labels, got {buckets.shape} for {len(label)} labels")
        yield from ((f"bucket={b}", buckets == b) for b in np.unique(buckets))
    if task == "ltv":
        yield from ((name, mask) for name, mask in (("positive", label > 0), ("zero", label <= 0)) if mask.any())


def _pointwise(label: Array, prediction: Array) -> dict[str, float]:
    return {"rows": float(len(label)), "mae": mae(label, prediction), "rmse": rmse(label, prediction)}


def _pairwise(y: Ranked, p: Ranked, user: ArrayLike | None) -> dict[str, float]:
    """XAUC under every tie rule from one count of pairs, and XGAUC."""
    counts = pair_counts(y, p)
    found = {f"xauc_{ties}": float(counts.score(ties)[0]) for ties in ("strict", "lenient", "exclude")}
    found["xauc"] = float(counts.score()[0])
    if user is None:
        return found | {"xgauc": float("nan"), "xgauc_coverage": float("nan")}
    users = pair_counts(y, p, user)
    return found | {"xgauc": users.weighted(), "xgauc_coverage": users.coverage}


def _ranking(y: Ranked, p: Ranked, user: Array | None) -> dict[str, float]:
    """Returns the ranking metrics that a slice keeps."""
    found = _pairwise(y, p, user)
    return {name: found[name] for name in ("xauc", "xgauc")}


def _lifetime_value(label: Array, prediction: Array, y: Ranked, p: Ranked) -> dict[str, float]:
    positive = label > 0
    return {
        "spearman_ceiling": rank_correlation_ceiling(y),
        "spearman_positive": rank_correlation(y.where(positive), p.where(positive)) if positive.any() else float("nan"),
        "gini": rank_gini(label, y, p),
        "auc": rank_auc(positive, p),
        "average_precision": average_precision(label, prediction),
        "zero_share": float((~positive).mean()),  # of the labels
        "zero_predicted": float((prediction <= 0).mean()),
        "winsorised_mae": winsorised_mae(label, prediction),
        "winsorised_rmse": winsorised_rmse(label, prediction),
        "top1_share": top_share(label, prediction),  # of the squared error
    }


def calibration(label: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> Metrics:
    """Measures how a predicted distribution fits.

    `pinball` is the mean over rows and levels q of max(q e, (q - 1) e) with e = y - quantile (at the median half the
    absolute error); `coverage_80` etc. the share of labels within each pair of levels that mirror each other (0.1 and
    0.9: 80 %), both ends included.

    label: [n]; quantiles: [n, levels] in the label's unit. Raises ValueError where shapes differ or a quantile is not
    finite.
    """
    y, q, tau = np.asarray(label, np.float64), np.asarray(quantiles, np.float64), np.asarray(levels, np.float64)
    if q.shape != (len(y), len(tau)):
        raise ValueError(f"expected quantiles [{len(y)}, {len(tau)}], got {q.shape}")
    if not np.isfinite(q).all():
        raise ValueError(f"{(~np.isfinite(q)).sum():,} quantiles are not finite")
    error = y[:, None] - q
    found = {"pinball": float(np.maximum(tau * error, (tau - 1) * error).mean()), "pinball_rows": float(len(y))}
    for low, high in combinations(range(len(tau)), 2):
        if abs(tau[low] + tau[high] - 1) < 1e-9:
            inside = (y >= q[:, low]) & (y <= q[:, high])
            found[f"coverage_{100 * (tau[high] - tau[low]):.0f}"] = float(inside.mean())
    return _known(found)


def _known(metrics: Mapping[str, float]) -> Metrics:
    return {name: float(value) if isfinite(value) else None for name, value in sorted(metrics.items())}
