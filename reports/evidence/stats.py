"""What a few seeds, and a resampled test set, say of a number, and which numbers they tell apart."""

from collections.abc import Sequence
from math import sqrt

from benchmark.compare.inference import LEVEL, Estimate, discoveries, estimate, holm  # noqa: F401 (used from here too)
from reports.model.summary import Summary

APART = 2.0  # standard errors of a difference below which two means are not told apart, where seeds are all there is
_POWER = 1.959964 + 0.841621  # standard errors that a difference needs to be found four times in five at that level


def apart(a: Summary, b: Summary) -> bool | None:
    """Whether |difference| >= 2 sqrt(s_a^2 / n_a + s_b^2 / n_b); None where a standard deviation is unknown."""
    if a.std is None or b.std is None:
        return None
    difference = abs(a.mean - b.mean)
    return difference > 0 and difference >= APART * sqrt(a.std**2 / a.n + b.std**2 / b.n)


def smallest(errors: Sequence[float]) -> float | None:
    """The difference that a test at 5 % finds four times in five, at the median of these standard errors."""
    return _POWER * sorted(errors)[len(errors) // 2] if errors else None


def kendall(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Kendall's tau-b: (agreeing - opposed pairs) / sqrt(pairs that differ in a x in b); None where either has no
    order."""
    n = len(a)
    pairs = [(_sign(a[i] - a[j]), _sign(b[i] - b[j])) for i in range(n) for j in range(i)]
    scale = sqrt(sum(x * x for x, _ in pairs) * sum(y * y for _, y in pairs))
    return sum(x * y for x, y in pairs) / scale if scale else None


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def kendall_interval(
    theirs: Sequence[float], ours: Sequence[float], covariance: Sequence[Sequence[float]], *, draws: int = 2000
) -> tuple[float, float]:
    """95 % interval of `kendall` where ours vary normally with this covariance [k][k]; theirs stand still."""
    import numpy as np

    values, vectors = np.linalg.eigh(np.asarray(covariance, float))
    root = vectors * np.sqrt(np.maximum(values, 0))  # rounding may leave a value just below 0
    noise = np.random.default_rng(0).standard_normal((draws, len(ours))) @ root.T
    drawn = np.asarray(ours, float) + noise  # [draws, k]
    i, j = np.tril_indices(len(ours), -1)
    signs = np.sign(np.subtract(*np.asarray(theirs, float)[[i, j]]))  # [pairs]
    own = np.sign(drawn[:, i] - drawn[:, j])  # [draws, pairs]
    tau = (own * signs).sum(1) / np.sqrt(np.maximum((signs**2).sum() * (own**2).sum(1), 1))
    low, high = np.quantile(tau, [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


def percent(a: float, b: float) -> float | None:
    """By how many percent a lies above b; None where b is 0."""
    return 100 * (a / b - 1) if b else None
