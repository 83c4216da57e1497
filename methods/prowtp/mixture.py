"""ProWTP Section 4.2, Pre-processing, and A.2, steps 1 to 3: watch ratios become near-Gaussian vectors w, peak by peak.

The D duration buckets of step 1 are the data set's own; a bucket's ratios r = y / d are those of training rows.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.schema import Array
from methods._bins import members

_PEAKS = 6  # at most, in a bucket
_TAIL = 0.005  # the largest ratios of a bucket that its fit does not see
_FEW = 20  # rows up to which a bucket is fitted whole
_MOST = 4000  # ratios that a fit sees
_FLAT = 1e-3  # the least standard deviation of a peak, of its own square in GaussianMixture's default reg_covar
_SPREAD = (1.5, 0.4, 0.2)  # mu', sigma' and the least value of i


@dataclass(frozen=True, eq=False)
class Mixture:
    """{(theta_j, mu_j, sigma_j)} of one bucket by ascending mu_j, float64 [peaks] each; without rows, none."""

    weights: Array  # theta
    means: Array  # mu
    stds: Array  # sigma

    def __len__(self) -> int:
        return len(self.weights)


def fit_mixtures(ratio: Array, bucket: Array, buckets: int, rng: np.random.Generator) -> list[Mixture]:
    """A Gaussian mixture of each bucket's watch ratios. ratio: [n], >= 0; bucket: int [n] in 0..buckets-1.

    "The number of components C corresponds to the number of peaks in the distribution": it is the one of 1 to 6 with
    the lowest BIC, ten rows for each at least, and has nothing to do with the codebook's C clusters. The largest 0.5 %
    of a bucket are left out of the fit, or one replay of 500 owned a peak; they are not clipped, for a heap of clipped
    ratios is a peak too.
    """
    ratio, bucket = np.asarray(ratio, np.float64), np.asarray(bucket)
    if ratio.shape != bucket.shape or ratio.ndim != 1:
        raise ValueError(f"expected one bucket for each ratio, not {ratio.shape=} and {bucket.shape=}")
    if not np.isfinite(ratio).all() or (ratio < 0).any():
        raise ValueError("expected finite watch ratios of at least 0: divide by durations above 0")
    if len(bucket) and not 0 <= bucket.min() <= bucket.max() < buckets:
        raise ValueError(f"expected buckets from 0 to {buckets - 1}, not {bucket.min()} to {bucket.max()}")
    return [_fit(ratio[index], rng) for index in members(bucket, buckets)]


def sample(
    mixtures: Sequence[Mixture], *, vectors: int, size: int, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """w float32 [N, n], the bucket and the component of each, int64 [N]: floor(theta_j * L) of peak j in each bucket.

    `vectors` is L, `size` is n. Not given in the paper, and what stands here: i is |N(1.5, 0.4)|, at least 0.2, drawn
    anew for each w; the draws within [mu - i sigma, mu + i sigma] follow the peak's own normal; the range ends at 0, as
    no ratio is negative; each w ascends (draws have no order, and an auto-encoder of exchangeable numbers learns their
    mean only: sorted, w is an empirical quantile function).
    """
    from scipy.special import ndtr, ndtri

    counts = [np.floor(m.weights * vectors + 1e-9).astype(np.int64) for m in mixtures]  # 0.29 * 100 is 29, not 28
    of = [np.repeat(np.arange(len(count)), count) for count in counts]
    bucket = np.repeat(np.arange(len(of)), [len(j) for j in of])  # [N]
    if not len(bucket):
        raise ValueError(f"no peak gets a vector: expected buckets with rows and more vectors than {vectors}")
    component = np.concatenate(of)  # [N]
    mean = np.concatenate([m.means[j] for m, j in zip(mixtures, of, strict=True)])[:, None]  # [N, 1]
    std = np.concatenate([m.stds[j] for m, j in zip(mixtures, of, strict=True)])[:, None]
    center, spread, least = _SPREAD
    i = np.abs(rng.normal(center, spread, mean.shape)).clip(least)  # [N, 1]
    low, high = ndtr(np.maximum(-i, -mean / std)), ndtr(i)
    w = mean + std * ndtri(low + (high - low) * rng.random((len(mean), size)))  # inverse CDF, [N, n]
    w = w.clip(np.maximum(mean - i * std, 0), mean + i * std)  # the last bit of the inverse
    return np.sort(w, axis=1).astype(np.float32), bucket, component


def _fit(ratio: Array, rng: np.random.Generator) -> Mixture:
    """One bucket's mixture; its ratios in any order [n]."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    if not len(ratio):
        return Mixture(np.empty(0), np.empty(0), np.empty(0))
    ratio = np.sort(ratio)
    if len(ratio) > _FEW:
        ratio = ratio[: -int(np.ceil(_TAIL * len(ratio)))]
    if len(ratio) > _MOST:
        ratio = rng.choice(ratio, _MOST, replace=False)
    r = ratio[:, None]  # [n, 1]
    seed = int(rng.integers(2**31))
    most = max(1, min(_PEAKS, len(ratio) // 10, len(np.unique(ratio))))
    if len(ratio) < 2 or most == 1:
        return Mixture(np.ones(1), ratio.mean(keepdims=True), ratio.std(keepdims=True).clip(_FLAT))
    with warnings.catch_warnings(), threadpool_limits(1):  # several threads add up in any order
        warnings.simplefilter("ignore", ConvergenceWarning)  # ties: BIC judges the fit all the same
        fits = [GaussianMixture(peaks, max_iter=200, random_state=seed).fit(r) for peaks in range(1, most + 1)]
    best = min(fits, key=lambda fit: fit.bic(r))
    order = np.argsort(best.means_[:, 0], kind="stable")
    stds = np.sqrt(best.covariances_[:, 0, 0])
    return Mixture(best.weights_[order], best.means_[order, 0].clip(0), stds[order].clip(_FLAT))
