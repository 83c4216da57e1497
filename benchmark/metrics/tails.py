"""What few customers do to an error: metrics with the tail cut off, and the tail's share of the squared error.

Pure functions of labels y [n] and predictions p [n], as in `benchmark.metrics.pairs`.
"""

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.pairs import Array, checked, mae, rmse

SHARE = 0.01  # of the rows


def winsorised(y: ArrayLike, p: ArrayLike, share: float = SHARE) -> tuple[Array, Array]:
    """min(y, c) and min(p, c), with c the 1 - share quantile of the labels."""
    y, p = checked(y, p)
    cut = np.quantile(y, 1 - share)
    return np.minimum(y, cut), np.minimum(p, cut)


def winsorised_mae(y: ArrayLike, p: ArrayLike, share: float = SHARE) -> float:
    """mean |min(p, c) - min(y, c)|, c the 99 % quantile of y; NaN where c is not above 0"""
    low, high = winsorised(y, p, share)
    return mae(low, high) if low.max() > 0 else float("nan")


def winsorised_rmse(y: ArrayLike, p: ArrayLike, share: float = SHARE) -> float:
    """sqrt(mean (min(p, c) - min(y, c))^2), c the 99 % quantile of y; NaN where c is not above 0"""
    low, high = winsorised(y, p, share)
    return rmse(low, high) if low.max() > 0 else float("nan")


def top_share(y: ArrayLike, p: ArrayLike, share: float = SHARE) -> float:
    """sum of the ceil(n / 100) largest (p - y)^2 / sum of all; NaN where there is no error"""
    y, p = checked(y, p)
    squared = np.sort(np.square(p - y))
    most = int(np.ceil(len(y) * share))
    return float(squared[-most:].sum() / squared.sum()) if squared[-1] > 0 else float("nan")
