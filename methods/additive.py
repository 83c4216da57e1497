"""User mean plus item mean: what a log tells without any network, as the line that learned features have to pass."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.schema import Array, Rows, Schema
from methods._components import ITEMS, USER, components, normal_scores
from methods.base import Estimator

_KNOTS = 4_001  # quantiles of the training label that are kept
_SWEEPS = 1_000
_STILL = 1e-10  # of a normal score: effects that move less have arrived


@dataclass(frozen=True)
class Effects:
    """The fitted model: normal scores by user and item, and the label at each of some normal scores."""

    mean: float
    user: Array  # float64 [users + 1], 0 for who has no training row
    item: Array  # float64 [items + 1]
    scores: Array  # float64 [knots], ascending
    labels: Array  # float64 [knots], the training label's quantile at each score


class Additive(Estimator):
    """Shrunken user and item effects on the normal scores of the label (best linear unbiased predictions).

    The label's normal scores are mean + user + item + residual, all independent; the variances come from the training
    rows by moments, and the effects shrink accordingly: a user of few rows to the mean, an unknown one all the way. No
    other feature is used and validation rows are not looked at. The way back to the label's unit is the quantile of the
    training label at the predicted score: a median, because a mean does not pass through a curve and a median does.
    """

    title = "Additive, shrunken"
    paper = "none: crossed random effects (Henderson, 1953; Robinson, 1991) on normal scores"
    tasks = ("watch_time",)
    deterministic = True
    estimates = "median"
    estimates_why = "a mean of normal scores, brought back by the label's quantiles"

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        reason = None if _places(schema) else f"{cls.title} needs a user and an item; rows of this dataset lack one"
        return super().supports(schema) or reason

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Any:
        assert train.label is not None
        places = _places(schema)
        assert places is not None
        user, item = train.ids[:, places[0]], train.ids[:, places[1]]
        y = train.label.astype(np.float64)
        z = normal_scores(y)
        of_user, of_item = components(z, user, item).ratios
        sizes = schema.fields[places[0]].size, schema.fields[places[1]].size
        mean, a, b = effects(z, user, item, of_user, of_item, sizes=sizes)
        knots = np.unique(np.linspace(0, len(y) - 1, min(len(y), _KNOTS)).round().astype(int))
        return places, Effects(mean, a, b, np.sort(z)[knots], np.sort(y)[knots])

    def predict(self, fitted: Any, rows: Rows) -> np.ndarray:
        places, known = fitted
        score = known.mean + known.user[rows.ids[:, places[0]]] + known.item[rows.ids[:, places[1]]]
        return np.interp(score, known.scores, known.labels)


def _places(schema: Schema) -> tuple[int, int] | None:
    """Which fields name the user and the item; None where one is missing."""
    names = [field.name for field in schema.fields]
    items = [names.index(name) for name in ITEMS if name in names]
    return (names.index(USER), items[0]) if USER in names and items else None


def effects(
    z: Array, user: Array, item: Array, of_user: float, of_item: float, *, sizes: tuple[int, int]
) -> tuple[float, Array, Array]:
    """The mean, and the best linear unbiased predictions of users and items, float64 [sizes].

    of_user, of_item: the effect's variance over the residual's. Backfitting: the mean and the users given the items,
    then the mean and the items given the users, each in closed form, until nothing moves. It descends on a convex
    quadratic, so it ends where Henderson's mixed model equations hold."""
    of_users, of_items = (np.bincount(ids, minlength=size) for ids, size in zip((user, item), sizes, strict=True))
    mean, a, b = 0.0, np.zeros(sizes[0]), np.zeros(sizes[1])
    for _ in range(_SWEEPS):
        before = a, b
        mean, a = _shrunken(z - b[item], user, of_users, of_user)
        mean, b = _shrunken(z - a[user], item, of_items, of_item)
        if max(np.abs(now - then).max() for now, then in zip((a, b), before, strict=True)) < _STILL:
            break
    return mean, a, b


def _shrunken(z: Array, group: Array, rows: Array, ratio: float) -> tuple[float, Array]:
    """The generalised least squares mean of z [n], and each group's mean deviation from it, shrunken."""
    total = np.bincount(group, z, minlength=len(rows))
    weight = 1 / (1 + ratio * rows)  # of a row: a group's rows say less each, the more there are
    mean = float((weight * total).sum() / (weight * rows).sum())
    return mean, ratio * weight * (total - rows * mean)
