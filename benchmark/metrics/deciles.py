"""Calibration by deciles of the prediction: does what is predicted to be worth more cost more, and how much?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.pairs import Array, checked

DECILES = 10


@dataclass(frozen=True)
class DecileTable:
    """Ten parts of equal size by rank of the prediction, lowest first."""

    rows: Array  # int [10]
    label: Array  # mean label [10]
    prediction: Array  # mean prediction [10]

    @property
    def without_spend(self) -> int:
        """Counts the deciles without a positive label: their relative error is undefined, and left out of `mape`."""
        return int((self.label <= 0).sum())

    @property
    def mape(self) -> float:
        """mean over deciles with spend of |mean prediction - mean label| / mean label (Wang et al. 2019, Eq. 5, as a
        mean, which is what their code reports); NaN where no decile has any."""
        spent = self.label > 0
        if not spent.any():
            return float("nan")
        return float((np.abs(self.prediction - self.label)[spent] / self.label[spent]).mean())


def decile_table(y: ArrayLike, p: ArrayLike) -> DecileTable:
    """Deciles by rank, as pandas.qcut(p, 10) cuts distinct predictions. y, p: [n], n >= 10.

    Tied predictions, which qcut refuses, each take the mean label of their tie, so that the order of rows does not
    matter and constants have ten equal deciles. Raises ValueError for fewer than ten rows or values not finite.
    """
    label, prediction = checked(y, p)
    n = len(label)
    if n < DECILES:
        raise ValueError(f"deciles need {DECILES} rows, got {n}")
    order = np.argsort(prediction, kind="stable")
    _, tie, size = np.unique(prediction[order], return_inverse=True, return_counts=True)
    label = (np.bincount(tie, weights=label[order]) / size)[tie]
    place = np.maximum(np.ceil(np.arange(n) * DECILES / (n - 1) - 1e-9).astype(np.int64) - 1, 0)  # qcut's (a, b]
    rows = np.bincount(place, minlength=DECILES)
    return DecileTable(
        rows=rows,
        label=np.bincount(place, weights=label, minlength=DECILES) / rows,
        prediction=np.bincount(place, weights=prediction[order], minlength=DECILES) / rows,
    )
