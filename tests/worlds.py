"""Tiny made-up tables for the trainer's tests: no files, no cache."""

import numpy as np

from datasets.base import Table
from datasets.schema import Bag, Field, Rows, Schema


def watch_world(n: int = 600, *, seed: int = 0, bags: bool = True) -> tuple[Schema, Rows]:
    """Users and videos with tastes, five duration buckets; the label is a noisy multiple of the duration."""
    rng = np.random.default_rng(seed)
    users, videos, buckets = 30, 20, 5
    user, video = rng.integers(0, users, n), rng.integers(0, videos, n)
    seconds = rng.lognormal(3, 0.6, videos)
    duration = seconds[video].astype(np.float32)
    bucket = np.searchsorted(np.quantile(seconds, np.arange(1, buckets) / buckets), duration).astype(np.int32)
    taste = rng.normal(size=users)[user] + rng.normal(size=videos)[video]
    label = (duration * np.exp(-1 + 0.5 * taste + 0.3 * rng.normal(size=n))).astype(np.float32)
    schema = Schema(
        task="watch_time",
        unit="s",
        fields=(Field("user_id", users + 1), Field("video_id", videos + 1), Field("duration_level", buckets + 1)),
        bags=(Bag("category", 8, 3),) if bags else (),
        numeric=("age",),
        buckets=buckets,
    )
    rows = Rows(
        ids=np.stack([user + 1, video + 1, bucket + 1], 1).astype(np.int32),
        bags={"category": rng.integers(0, 8, (n, 3)).astype(np.int32)} if bags else {},
        numeric=rng.normal(size=(n, 1)).astype(np.float32),
        label=label,
        duration=duration,
        bucket=bucket,
        user=user.astype(np.int32),
    )
    return schema, rows


def split(schema: Schema, rows: Rows) -> Table:
    """A table of the rows: half of them train, two fifths test."""
    n = len(rows)
    cuts = np.split(np.random.default_rng(0).permutation(n).astype(np.int32), [n // 2, n * 6 // 10])
    return Table(schema, rows, dict(zip(("train", "valid", "test"), map(np.sort, cuts), strict=True)), {}, "da7a")
