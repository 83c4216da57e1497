"""Categorical columns as numbers for trees: the mean target of each value, cross-fitted on training rows."""

from typing import Any

import numpy as np

from datasets.schema import Array, Rows


def categories(rows: Rows) -> Array:
    """Every field and the first id of every bag: int [n, fields + bags]."""
    return np.column_stack([rows.ids, *(bag[:, 0] for bag in rows.bags.values())])


def cross_fitted(ids: Array, target: Array, *, folds: int, seed: int) -> tuple[Array, Any]:
    """Encodings of these rows, each fold's by the other folds, float [n, columns]; and the encoder of all other rows.

    Encoded by itself a row of a rare value would tell its own target.
    """
    from sklearn.model_selection import KFold
    from sklearn.preprocessing import TargetEncoder

    encoded = np.empty(ids.shape)
    for others, fold in KFold(folds, shuffle=True, random_state=seed).split(ids):
        encoder = TargetEncoder(target_type="continuous").fit(ids[others], target[others])
        encoded[fold] = encoder.transform(ids[fold])
    return encoded, TargetEncoder(target_type="continuous").fit(ids, target)
