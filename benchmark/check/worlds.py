"""Small worlds whose truth is known, on which any sound method learns something within seconds."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from datasets.schema import Array, Bag, Field, Rows, Schema

ROWS = 1500  # to train on
_SPLIT = (ROWS, ROWS + 200, ROWS + 600)


@dataclass(frozen=True)
class World:
    """Rows to train on, to stop on and to be judged by."""

    schema: Schema
    train: Rows
    valid: Rows
    test: Rows

    @property
    def truth(self) -> Array:
        """The conditional mean of each test row, [n]."""
        return self.test.truth["mean"]

    @property
    def plain(self) -> Array:
        """What the duration bucket alone tells of each test row, [n]: its mean training label; without buckets the mean
        of all."""
        label = self.train.label
        assert label is not None
        if self.train.bucket is None or self.test.bucket is None:
            return np.full(len(self.test), label.mean())
        means = [label[self.train.bucket == bucket].mean() for bucket in range(self.schema.buckets)]
        return np.array(means)[self.test.bucket]

    @staticmethod
    def of(schema: Schema, rows: Rows) -> "World":
        one, two, three = _SPLIT
        parts = [rows.take(np.arange(start, stop)) for start, stop in ((0, one), (one, two), (two, three))]
        return World(schema, *parts)


def watch_time(seed: int = 0) -> World:
    """20 users and 15 videos with tastes; watch time is the duration times a lognormal of both, in seconds.

    Each pair is met five times in training, so that a table of pairs would do: the truth is mean and median of it."""
    rng = np.random.default_rng(seed)
    users, videos, buckets, n = 20, 15, 5, _SPLIT[-1]
    user, video = rng.integers(0, users, n), rng.integers(0, videos, n)
    ascending = np.exp(np.linspace(2.3, 4.5, videos))  # 10 to 90 s
    shuffled = rng.permutation(videos)
    duration = ascending[shuffled][video].astype(np.float32)
    bucket = (shuffled * buckets // videos)[video].astype(np.int32)
    location = -0.7 + 0.6 * rng.normal(size=users)[user] + 0.4 * rng.normal(size=videos)[video]
    spread = 0.2
    kinds = rng.permutation(videos)[:, None] // np.array([2, 3, 5]) + 1  # three tags of each video
    schema = Schema(
        task="watch_time",
        unit="s",
        fields=(Field("user_id", users + 1), Field("video_id", videos + 1), Field("duration_level", buckets + 1)),
        bags=(Bag("tags", videos, 3),),
        numeric=("age",),
        buckets=buckets,
        truth=("mean", "median"),
    )
    rows = Rows(
        ids=np.stack([user + 1, video + 1, bucket + 1], 1).astype(np.int32),
        bags={"tags": kinds[video].astype(np.int32)},
        numeric=rng.normal(size=(n, 1)).astype(np.float32),
        label=(duration * np.exp(location + spread * rng.normal(size=n))).astype(np.float32),
        duration=duration,
        bucket=bucket,
        user=user.astype(np.int32),
        truth={
            "mean": (duration * np.exp(location + spread**2 / 2)).astype(np.float32),
            "median": (duration * np.exp(location)).astype(np.float32),
        },
    )
    return World.of(schema, rows)


def lifetime_value(seed: int = 0) -> World:
    """Customers of 8 segments and 5 channels, half of whom pay, lognormally: a spend of 0 or some tens of EUR."""
    rng = np.random.default_rng(seed)
    segments, channels, n = 8, 5, _SPLIT[-1]
    segment, channel = rng.integers(0, segments, n), rng.integers(0, channels, n)
    number = rng.normal(size=n)
    chance = 1 / (1 + np.exp(-(np.linspace(-2, 2, segments)[segment] + 0.5 * number)))
    location, spread = 3 + np.linspace(-0.8, 0.8, channels)[channel], 0.4
    schema = Schema(
        task="ltv",
        unit="EUR",
        fields=(Field("segment", segments + 1), Field("channel", channels + 1)),
        bags=(Bag("visits", 8, 3),),
        numeric=("number",),
        truth=("mean", "median"),
    )
    mean = chance * np.exp(location + spread**2 / 2)
    payer = np.clip((0.5 - (1 - chance)) / chance, 1e-9, None)  # the median's level among those who pay
    median = np.where(chance > 0.5, np.exp(location + spread * ndtri(payer)), 0)
    rows = Rows(
        ids=np.stack([segment + 1, channel + 1], 1).astype(np.int32),
        bags={"visits": rng.integers(0, 8, (n, 3)).astype(np.int32)},
        numeric=number[:, None].astype(np.float32),
        label=np.where(rng.random(n) < chance, np.exp(location + spread * rng.normal(size=n)), 0).astype(np.float32),
        user=np.arange(n, dtype=np.int32),
        truth={"mean": mean.astype(np.float32), "median": median.astype(np.float32)},
    )
    return World.of(schema, rows)


def purchases(seed: int = 0) -> World:
    """Customers with a purchase history and a holdout: Poisson purchases at a rate of their own until each one leaves,
    after some purchase, for good (a BG/NBD world). The truth knows the rate, and who has left."""
    rng = np.random.default_rng(seed)
    n, weeks, horizon = _SPLIT[-1], 39.0, 39.0
    rate, leave = rng.gamma(1.0, 0.15, n), rng.beta(0.8, 2.4, n)
    age, worth = weeks - rng.uniform(0, 12, n), np.exp(3 + 0.5 * rng.normal(size=n))
    history, spend = np.zeros((n, 3)), np.zeros(n)  # repeat purchases, the last one's time, their worth
    alive = np.zeros(n, bool)
    for customer in range(n):
        time = 0.0
        while rng.random() >= leave[customer]:
            time += rng.exponential(1 / max(rate[customer], 1e-9))
            if time > age[customer]:
                alive[customer] = True  # at the end of the history
            if time > age[customer] + horizon:
                break
            paid = worth[customer] * np.exp(0.3 * rng.normal())
            if alive[customer]:
                spend[customer] += paid
            else:
                history[customer] += (1, time - history[customer, 1], paid)
    expected = alive * (1 - np.exp(-leave * rate * horizon)) / leave * worth * np.exp(0.3**2 / 2)
    count, last, paid = history.T
    value = np.divide(paid, count, out=np.zeros(n), where=count > 0)
    columns = {
        "frequency": count,
        "recency_days": 7 * last,
        "age_days": 7 * age,
        "repeat_value": value,
        "horizon_days": np.full(n, 7 * horizon),
    }
    numeric = np.stack([np.log1p(count), last / age, np.log1p(value)], 1)
    schema = Schema(
        task="ltv",
        unit="EUR",
        fields=(Field("first_day", 13),),
        numeric=("frequency", "recency", "value"),
        truth=("mean", *columns),
    )
    rows = Rows(
        ids=(weeks - age + 1).astype(np.int32)[:, None],
        numeric=((numeric - numeric.mean(0)) / numeric.std(0)).astype(np.float32),
        label=spend.astype(np.float32),
        user=np.arange(n, dtype=np.int32),
        truth={name: column.astype(np.float32) for name, column in ({"mean": expected} | columns).items()},
    )
    return World.of(schema, rows)


MAKERS = {"watch_time": (watch_time,), "ltv": (lifetime_value, purchases)}
