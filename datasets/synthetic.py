"""A watch-time world that knows the truth: the conditional mean, median and quantiles of every row are in closed form.

Users and videos have tastes (vectors) and leanings (numbers); videos inherit part of theirs from their author. Their
affinity, and how long the video is, decide how likely a view is skipped, watched in part, to the end, or replayed. Each
of the four is a lognormal of the watch ratio, so the ratio is multi-modal, and watch time = ratio x duration.

The size twins are the same world at the row counts and vocabulary sizes of the public datasets, for speed and memory.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from datasets.base import Dataset, Protocol, Source, Table
from datasets.preparing.assemble import assemble
from datasets.preparing.encode import random_split
from datasets.schema import Array

CHUNK = 1 << 20  # rows drawn from one random stream; part of the world's definition
DURATION = (5.0, 400.0)  # seconds
_LOG_DURATION = (np.log(40.0), 0.9)  # mean and spread of log seconds before they are cut to DURATION

# skipped, watched in part, to the end, replayed: the log of the typical watch ratio and its spread
_LOCATION = np.log([0.08, 0.45, 1.0, 1.8])
_SPREAD = np.array([0.5, 0.4, 0.05, 0.25])
# the weights' logits: constant, per unit of affinity, per unit of standardised log duration
_CONSTANT = np.array([0.0, 0.0, 0.3, -1.2])
_BY_AFFINITY = np.array([-1.6, -0.2, 1.2, 1.9])
_BY_DURATION = np.array([0.5, 0.1, -0.5, -0.7])

_TASTES = 3
_QUANTILES = tuple(range(10, 100, 10))


@dataclass(frozen=True)
class World:
    """The people and the videos. Popularities are probabilities, tastes [., 3], durations in seconds."""

    user_popularity: Array
    user_lean: Array
    user_taste: Array
    video_popularity: Array
    video_lean: Array
    video_taste: Array
    video_author: Array
    video_duration: Array

    @staticmethod
    def of(users: int, videos: int, seed: int) -> "World":
        """The world of that size and seed."""
        from scipy.special import ndtr, ndtri

        rng = np.random.default_rng([seed, 0])
        authors = max(videos // 4, 1)
        author = rng.integers(authors, size=videos)
        author_taste, author_lean = rng.normal(size=(authors, _TASTES)), rng.normal(size=authors)
        taste = np.sqrt(0.6) * author_taste[author] + np.sqrt(0.4) * rng.normal(size=(videos, _TASTES))
        lean = 0.9 * (np.sqrt(0.4) * author_lean[author] + np.sqrt(0.6) * rng.normal(size=videos))
        centre, spread = _LOG_DURATION
        low, high = ndtr((np.log(DURATION) - centre) / spread)
        duration = np.exp(centre + spread * ndtri(rng.uniform(low, high, size=videos)))
        # better liked videos are shown more
        popularity = np.exp(0.5 * lean + 0.5 * rng.normal(size=videos))
        return World(
            user_popularity=_popularity(np.exp(0.5 * rng.normal(size=users))),
            user_lean=1.1 * rng.normal(size=users),
            user_taste=0.6 * rng.normal(size=(users, _TASTES)) / np.sqrt(_TASTES),
            video_popularity=_popularity(popularity),
            video_lean=lean,
            video_taste=taste,
            video_author=author.astype(np.int32),
            video_duration=np.round(duration, 3),
        )

    def pairs(self, rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        """n views: who, int32 [n], and what, int32 [n]."""
        sides = [
            np.searchsorted(np.cumsum(popularity)[:-1], rng.random(n), side="right").astype(np.int32)
            for popularity in (self.user_popularity, self.video_popularity)
        ]
        return sides[0], sides[1]

    def weights(self, user: Array, video: Array) -> Array:
        """How likely each view is skipped, watched in part, to the end, replayed: [n, 4], rows sum to 1."""
        affinity = self.user_lean[user] + self.video_lean[video]
        affinity += np.einsum("nk,nk->n", self.user_taste[user], self.video_taste[video])
        centre, spread = _LOG_DURATION
        length = ((np.log(self.video_duration) - centre) / spread)[video]
        logits = _CONSTANT + affinity[:, None] * _BY_AFFINITY + length[:, None] * _BY_DURATION
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)


def _popularity(raw: Array) -> Array:
    """Probabilities, none below half of the even share, so that every id is met."""
    return (p := np.maximum(raw / raw.mean(), 0.5)) / p.sum()


def sample_ratio(weights: Array, rng: np.random.Generator) -> Array:
    """One watch ratio a row, [n]."""
    which = (rng.random(len(weights))[:, None] > np.cumsum(weights[:, :-1], axis=1)).sum(1)
    return np.exp(_LOCATION[which] + _SPREAD[which] * rng.standard_normal(len(weights)))


def mean_ratio(weights: Array) -> Array:
    """E[watch ratio], [n]: a lognormal's mean is exp(m + s^2 / 2)."""
    return weights @ np.exp(_LOCATION + _SPREAD**2 / 2)


def quantile_ratio(weights: Array, level: float) -> Array:
    """The watch ratio below which a view lies with probability `level`, [n], by bisection in the log."""
    from scipy.special import ndtr, ndtri

    # the mixture's quantile lies between the smallest and the largest of its parts' quantiles
    own = _LOCATION + _SPREAD * ndtri(level)
    low, high = np.full(len(weights), own.min()), np.full(len(weights), own.max())
    for _ in range(30):  # to 4e-9 of the width, finer than float32
        middle = (low + high) / 2
        below = np.zeros(len(weights))
        for k in range(weights.shape[1]):
            below += weights[:, k] * ndtr((middle - _LOCATION[k]) / _SPREAD[k])
        right = below < level
        low, high = np.where(right, middle, low), np.where(right, high, middle)
    return np.exp((low + high) / 2)


class Synthetic(Dataset):
    """The world, with the fields user_id, video_id, author_id and duration_level and the truth of every row."""

    truth: ClassVar[tuple[str, ...]] = ("mean", "median")

    def __init__(
        self,
        name: str = "synthetic",
        *,
        rows: int = 40_000,
        users: int = 1_500,
        videos: int = 800,
        epochs: int = 15,
        patience: int = 3,
        batch: int = 512,
        shares: tuple[int, int, int] = (6, 2, 2),
        quantiles: bool = True,
        like: str = "",
        seed: int = 0,
    ) -> None:
        """`like`: the public dataset whose size this is."""
        title = f"synthetic world, the size of {like}" if like else "synthetic world"
        source = Source(title, "generated", "none needed", "this project", "", "", rows, users, videos)
        words = f"random {':'.join(map(str, shares))} by row, split seed {seed}"
        options = {"rows": rows, "users": users, "videos": videos, "seed": seed, "target": "watch time (s)"}
        super().__init__(name, source, Protocol(words, batch, epochs, patience, options=options))
        self.size, self.shares, self.seed = (rows, users, videos), shares, seed
        self.levels = _QUANTILES if quantiles else ()

    def files(self, root: Path | None) -> list[Path]:
        """None: the rows are drawn."""
        return []

    def build(self, root: Path | None) -> Table:
        rows, users, videos = self.size
        world = World.of(users, videos, self.seed)
        user, video = np.empty(rows, np.int32), np.empty(rows, np.int32)
        names = ("label", "mean", "median", *(f"q{level}" for level in self.levels))
        columns = {name: np.empty(rows, np.float32) for name in names}
        for chunk, start in enumerate(range(0, rows, CHUNK)):
            # a stream of its own for each chunk: any chunk can be drawn without the others
            rng = np.random.default_rng([self.seed, 1, chunk])
            at = slice(start, min(start + CHUNK, rows))
            user[at], video[at] = world.pairs(rng, at.stop - start)
            weights, duration = world.weights(user[at], video[at]), world.video_duration[video[at]]
            ratios = {"label": sample_ratio(weights, rng), "mean": mean_ratio(weights)}
            ratios["median"] = quantile_ratio(weights, 0.5)
            ratios |= {f"q{level}": quantile_ratio(weights, level / 100) for level in self.levels}
            for name, ratio in ratios.items():
                # whole milliseconds: the last bits of exp differ between processors, the table must not
                columns[name][at] = np.round(duration * ratio, 3)
        duration = world.video_duration.astype(np.float32)[video]
        return assemble(
            {"user_id": user, "video_id": video, "author_id": world.video_author[video]},
            split=random_split(rows, self.shares, self.seed),
            unit="s",
            label=columns.pop("label"),
            duration=duration,
            buckets=5,
            facts={"slice": self.source.title, "files": [], "rows_raw": rows, "dropped": {}, "seed": self.seed},
            truth=columns,
        )


DATASETS = (
    Synthetic("synthetic"),
    # rows, users and videos of ProWTP's Table 6 and of KuaiRec's big matrix, at those datasets' protocols
    Synthetic("synthetic@wechat-size", rows=7_210_290, users=20_000, videos=96_428, like="WeChat",
              epochs=50, patience=10, quantiles=False),
    Synthetic("synthetic@kuairand-size", rows=1_231_181, users=27_285, videos=7_551, like="KuaiRand-Pure",
              epochs=50, patience=10, quantiles=False),
    Synthetic("synthetic@kuairec-size", rows=12_530_806, users=7_176, videos=10_728, like="KuaiRec",
              epochs=20, patience=5, batch=1024, shares=(8, 1, 1), quantiles=False),
)  # fmt: skip
