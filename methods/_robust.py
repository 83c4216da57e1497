"""A unit for labels that a few large ones do not set."""

import numpy as np

from datasets.schema import Array


def robust_unit(y: Array) -> float:
    """The median absolute deviation of labels y [n] from their median, in their unit; the mean absolute deviation from
    it where that is 0, as where most labels are equal. At least 1e-6."""
    y = y.astype(np.float64)
    away = np.abs(y - np.median(y))
    return max(float(np.median(away)) or float(away.mean()), 1e-6)
