"""A tiny world of spending that knows its truth: every label is drawn from a zero-inflated lognormal of its row."""

import numpy as np

from datasets.schema import Bag, Field, Rows, Schema


def ltv_world(n: int = 1500, *, rate: float = 0.3, seed: int = 0, spread: float = 0.7) -> tuple[Schema, Rows]:
    """Customers of segments and channels with one number; about `rate` of them pay, lognormally with scale `spread`."""
    rng = np.random.default_rng(seed)
    segment, channel = rng.integers(0, 8, n), rng.integers(0, 5, n)
    number = rng.normal(size=n)
    z = rng.normal(size=8)[segment] + rng.normal(size=5)[channel] + 0.5 * number
    v = rng.normal(size=8)[segment] + 0.5 * rng.normal(size=5)[channel]
    chance = 1 / (1 + np.exp(-(z - z.mean()) - np.log(rate / (1 - rate))))
    location = 3 + 0.7 * v
    label = np.where(rng.random(n) < chance, np.exp(location + spread * rng.normal(size=n)), 0)
    schema = Schema(
        task="ltv",
        unit="EUR",
        fields=(Field("segment", 9), Field("channel", 6)),
        bags=(Bag("visits", 8, 3),),
        numeric=("number",),
        truth=("mean",),
    )
    rows = Rows(
        ids=np.stack([segment + 1, channel + 1], 1).astype(np.int32),
        bags={"visits": rng.integers(0, 8, (n, 3)).astype(np.int32)},
        numeric=number[:, None].astype(np.float32),
        label=label.astype(np.float32),
        user=np.arange(n, dtype=np.int32),
        truth={"mean": (chance * np.exp(location + spread**2 / 2)).astype(np.float32)},
    )
    return schema, rows
