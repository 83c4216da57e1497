"""Variance components of a crossed log: how much of the label's order is its user's, its item's, and neither's.

The model is z = mean + a[user] + b[item] + e on the normal scores z of the label, with independent residuals e. Users
need not meet items at random: what the two effects share, because some users are shown other items than others, is a
component of its own.
"""

from dataclasses import dataclass
from math import asin, pi, sqrt

import numpy as np

from datasets.schema import Array

USER = "user_id"  # the field that names who watches
ITEMS = ("video_id", "item_id", "product_id")  # fields that name what is watched or bought
_EXACT = 1e-7  # of the least squares
_MOST = 4_000_000  # rows
_LEAST = 0.01  # of the whole variance: what the residual is taken to be at least
_FEWEST = 30  # rows more than effects: with fewer, what is left of them says nothing of the residual


@dataclass(frozen=True)
class Components:
    """Parts of a variance; an estimate may be below zero.

    identified: whether the log tells them apart, which takes more rows than users and items together have effects. Else
    users and items are taken to have met at random, and an effect that no two rows have in common to be none."""

    user: float  # of users' effects on rows of one item
    item: float  # of items' effects on rows of one user
    shared: float  # what is left: of either, and of their covariance, between users and items that do not meet
    residual: float  # of a row
    identified: bool = True

    @property
    def total(self) -> float:
        return self.user + self.item + self.shared + self.residual

    @property
    def ratios(self) -> tuple[float, float]:
        """The variances of user and item over that of the residual, none below zero: what shrinks their means."""
        least = max(_LEAST * abs(self.total), 1e-300)
        residual = max(self.residual, least)
        return max(self.user, 0.0) / residual, max(self.item, 0.0) / residual

    def xauc(self, user_rows: Array | float, item_rows: Array | float) -> float:
        """The XAUC that shrunken means of users and items reach on new rows whose user has `user_rows` training rows
        and whose item `item_rows`; infinity where they are known. Arrays [n]: one place for each new row.

        From k rows a mean is known with reliability r = k / (k + residual / variance): the share of the effect's
        variance that the shrunken mean p has; what both share is known from either, r = 1 - (1 - r_u)(1 - r_i). The
        covariance of a shrunken mean and the label is the mean's own variance, so the square of their correlation is
        (user r_u + item r_i + shared r) / total, averaged where rows differ. For two rows of a Gaussian copula both
        differences are normal with that correlation, and their signs agree with probability 1/2 + asin(rho) / pi
        (Sheppard, 1899)."""
        (u, i), total = self.ratios, self.total
        of_user, of_item = _reliability(u, user_rows), _reliability(i, item_rows)
        either = 1 - (1 - of_user) * (1 - of_item)
        known = max(self.user, 0.0) * of_user + max(self.item, 0.0) * of_item + self.shared * either
        return 0.5 + asin(sqrt(min(max(float(np.mean(known)) / total, 0.0), 1.0))) / pi


def _reliability(ratio: float, rows: Array | float) -> Array:
    """Of a mean over so many rows, with the other effect known; ratio: the effect's variance over the residual's."""
    rows = np.asarray(rows, np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(rows), float(ratio > 0), ratio * rows / (1 + ratio * rows))


def normal_scores(y: Array) -> Array:
    """The standard normal quantile of each value's place among all, float64 [n]; equal values share their mean rank."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return ndtri((rankdata(y) - 0.5) / len(y))


def components(z: Array, user: Array, item: Array) -> Components:
    """Moment estimates from the rows z [n] of users and items [n], unbiased however users and items met (Henderson's
    third method, 1953): sums of squares of what neither effect explains, of what users do not and of what items do not
    are set to their expectations, effects fitted before taken as they are.

    Of rows with the same user and item the first alone counts: a second play repeats it, and logs hold rows twice. Of a
    log of more than four million rows some users stand for all."""
    if len(z) > _MOST:
        known, codes = np.unique(user, return_inverse=True)
        some = (np.random.default_rng(0).permutation(len(known)) < len(known) * _MOST / len(z))[codes]
        z, user, item = z[some], user[some], item[some]
    first = np.unique(user.astype(np.int64) * (int(item.max()) + 1) + item, return_index=True)[1]
    z = z[first]
    user, item = (np.unique(ids[first], return_inverse=True)[1] for ids in (user, item))
    n, users, items = len(z), int(user.max()) + 1, int(item.max()) + 1
    rank = users + items - _islands(user, item, users, items)
    total = float(z.var())
    if n - rank < _FEWEST:
        of_user, of_item = (
            total - _within(z, g) / (n - k) if n > k else 0.0 for g, k in ((user, users), (item, items))
        )
        return Components(of_user, of_item, 0.0, total - of_user - of_item, identified=False)
    residual = _unexplained(z, user, item, users, items) / (n - rank)
    of_item = _within(z, user) / (n - users) - residual
    of_user = _within(z, item) / (n - items) - residual
    return Components(of_user, of_item, total - of_user - of_item - residual, residual)


def _within(z: Array, group: Array) -> float:
    """The sum of squares around each group's mean."""
    return float(z @ z - (np.bincount(group, z) ** 2 / np.bincount(group)).sum())


def _islands(user: Array, item: Array, users: int, items: int) -> int:
    """How many parts the log falls into that share neither a user nor an item."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    met = coo_array((np.ones(len(user), np.int8), (user, users + item)), (users + items, users + items))
    return int(connected_components(met, directed=False)[0])


def _unexplained(z: Array, user: Array, item: Array, users: int, items: int) -> float:
    """The least sum of squares that any user and item effects leave."""
    from scipy.sparse.linalg import LinearOperator, lsmr

    of_user, of_item = (1 / np.sqrt(np.bincount(ids)[ids]) for ids in (user, item))  # columns of length 1

    def rows(effects: Array) -> Array:
        effects = effects.ravel()
        return of_user * effects[:users][user] + of_item * effects[users:][item]

    def columns(left: Array) -> Array:
        left = left.ravel()
        return np.concatenate(
            [np.bincount(user, of_user * left, minlength=users), np.bincount(item, of_item * left, minlength=items)]
        )

    both = LinearOperator((len(z), users + items), matvec=rows, rmatvec=columns, dtype=np.float64)
    return float(lsmr(both, z, atol=_EXACT, btol=_EXACT, maxiter=10_000)[3] ** 2)


def with_errors(z: Array, user: Array, item: Array, *, groups: int = 10) -> tuple[Components, Components | None]:
    """The components and their standard errors, from leaving out one of `groups` groups of users at a time (the
    jackknife; items are not drawn); None where there are too few users."""
    found = components(z, user, item)
    known, codes = np.unique(user, return_inverse=True)
    if len(known) < 2 * groups or not found.identified:
        return found, None
    group = (np.random.default_rng(0).permutation(len(known)) % groups)[codes]
    left = [components(z[keep], user[keep], item[keep]) for keep in (group != g for g in range(groups))]
    values = np.array([[part.user, part.item, part.shared, part.residual] for part in left])
    return found, Components(*np.sqrt((groups - 1) * values.var(axis=0)).tolist())
