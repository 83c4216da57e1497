"""A lifetime-value world that knows the truth: each label is zero-inflated lognormal with known p, mu and sigma.

Users, partners and categories have leanings (numbers) and tastes (vectors); what they add up to decides how likely a
purchase is, p, and with a value of their own how much is spent, exp(N(mu, sigma^2)). One numeric column, the log of a
first purchase, counts in both. So E[y] = p exp(mu + sigma^2 / 2), and the median is 0 wherever p <= 1/2.

The size twins are the same world at the row counts and positive rates of the public datasets, for speed and memory.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from datasets.base import Dataset, Protocol, Source, Table
from datasets.preparing.encode import random_split
from datasets.preparing.ltv import assemble_ltv
from datasets.schema import Array, Task

CHUNK = 1 << 20  # rows drawn from one random stream; part of the world's definition
DEVICES = 4
_TASTES = 2
_LEAN = {"user": 0.4, "partner": 0.8, "category": 0.9, "device": 0.4}  # spread of what each adds to the logit of p
_VALUE = {"user": 0.2, "partner": 0.5, "category": 0.7, "device": 0.2}  # and to mu
_BY_NUMBER = (0.6, 0.4)  # what the numeric column adds to the logit of p and to mu
_SIGMA = (0.8, 0.2)  # typical spread of log spend, and how much that differs (in the log) between categories


@dataclass(frozen=True)
class Draw:
    """Some rows of the world: who, where and the truth, [n] each."""

    ids: dict[str, Array]  # int32: user_id, partner_id, category_id, device
    number: Array  # standard normal
    probability: Array  # of a positive label
    mu: Array  # mean and spread of the log of a positive label
    sigma: Array

    def mean(self) -> Array:
        """E[y], [n]."""
        return self.probability * np.exp(self.mu + self.sigma**2 / 2)

    def median(self) -> Array:
        """The median of y, [n]: 0 where a zero is at least as likely as not."""
        from scipy.special import ndtri

        p = np.maximum(self.probability, 0.5)
        return np.exp(self.mu + self.sigma * ndtri((p - 0.5) / p)) * (self.probability > 0.5)

    def labels(self, rng: np.random.Generator) -> Array:
        """One label a row, [n]."""
        spent = np.exp(self.mu + self.sigma * rng.standard_normal(len(self.mu)))
        return np.where(rng.random(len(self.mu)) < self.probability, spent, 0)


class World:
    """Everyone's popularity, leaning, taste and value, and the constant that makes `positive` the share of buyers."""

    def __init__(
        self, users: int, partners: int, categories: int, *, positive: float, typical: float, seed: int
    ) -> None:
        rng = np.random.default_rng([seed, 0])
        self.sizes = {"user": users, "partner": partners, "category": categories, "device": DEVICES}
        self.popularity = {side: np.cumsum(_shares(rng.normal(size=n))) for side, n in self.sizes.items()}
        self.lean = {side: _LEAN[side] * rng.normal(size=n) for side, n in self.sizes.items()}
        self.value = {side: _VALUE[side] * rng.normal(size=n) for side, n in self.sizes.items()}
        self.taste = {side: 0.6 * rng.normal(size=(n, _TASTES)) for side, n in self.sizes.items()}
        self.log_sigma = _SIGMA[1] * rng.normal(size=categories)
        self.typical, self.constant = np.log(typical), 0.0
        self.constant = _constant(self._logit(*self._who(rng, 1 << 14)), positive)

    def draw(self, rng: np.random.Generator, n: int) -> Draw:
        """n rows."""
        who, number = self._who(rng, n)
        logit, log_sigma = self._logit(who, number), self.log_sigma[who["category"]]
        mu = self.typical + _BY_NUMBER[1] * number + sum(self.value[side][of] for side, of in who.items())
        ids = {name if name == "device" else f"{name}_id": of for name, of in who.items()}
        return Draw(ids, number, 1 / (1 + np.exp(-logit)), mu, _SIGMA[0] * np.exp(np.clip(log_sigma, -0.4, 0.4)))

    def _who(self, rng: np.random.Generator, n: int) -> tuple[dict[str, Array], Array]:
        who = {
            side: np.searchsorted(shares[:-1], rng.random(n), side="right").astype(np.int32)
            for side, shares in self.popularity.items()
        }
        return who, rng.standard_normal(n)

    def _logit(self, who: dict[str, Array], number: Array) -> Array:
        partner = self.taste["partner"][who["partner"]]
        fit = sum(np.einsum("nk,nk->n", self.taste[side][who[side]], partner) for side in ("user", "category"))
        return self.constant + _BY_NUMBER[0] * number + fit + sum(self.lean[side][of] for side, of in who.items())


def _shares(normal: Array) -> Array:
    """Probabilities of being met, none below half of the even share, so that everyone is."""
    raw = np.exp(0.5 * normal)
    return (p := np.maximum(raw / raw.mean(), 0.5)) / p.sum()


def _constant(logit: Array, positive: float) -> float:
    """What to add to the logits [n] for their mean probability to be `positive`, by bisection."""
    low, high = -30.0, 30.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if np.mean(1 / (1 + np.exp(-logit - middle))) > positive else (middle, high)
    return (low + high) / 2


class SyntheticLtv(Dataset):
    """The world with the fields user_id, partner_id, category_id and device, a numeric column and every row's truth."""

    task: ClassVar[Task] = "ltv"

    def __init__(
        self,
        name: str = "synthetic-ltv",
        *,
        rows: int = 100_000,
        users: int = 400,
        partners: int = 60,
        categories: int = 40,
        positive: float = 0.11,
        typical: float = 40.0,
        epochs: int = 15,
        patience: int = 3,
        batch: int = 512,
        like: str = "",
        seed: int = 0,
    ) -> None:
        """`positive`: share of labels above 0; `typical`: their median, about (EUR); `like`: whose size this is."""
        title = f"synthetic lifetime values, the size of {like}" if like else "synthetic lifetime values"
        source = Source(title, "generated", "none needed", "this project", "", "", rows, users)
        options = {"rows": rows, "users": users, "partners": partners, "categories": categories, "positive": positive,
                   "typical": typical, "seed": seed, "target": "spend (EUR)"}  # fmt: skip
        words = f"random 7:1:2 by row, split seed {seed}"
        super().__init__(name, source, Protocol(words, batch, epochs, patience, stop="loss", options=options))
        self.rows, self.sizes, self.positive, self.typical, self.seed = (
            rows, (users, partners, categories), positive, typical, seed)  # fmt: skip

    def files(self, root: Path | None) -> list[Path]:
        """None: the rows are drawn."""
        return []

    def build(self, root: Path | None) -> Table:
        world = World(*self.sizes, positive=self.positive, typical=self.typical, seed=self.seed)
        names = ("label", "number", "mean", "median", "probability")
        columns = {name: np.empty(self.rows, np.float32) for name in names}
        raw: dict[str, Array] = {}
        for chunk, start in enumerate(range(0, self.rows, CHUNK)):
            # a stream of its own for each chunk: any chunk can be drawn without the others
            rng = np.random.default_rng([self.seed, 1, chunk])
            at = slice(start, min(start + CHUNK, self.rows))
            drawn = world.draw(rng, at.stop - start)
            found = {"label": drawn.labels(rng), "number": drawn.number, "mean": drawn.mean(), "median": drawn.median(),
                     "probability": drawn.probability}  # fmt: skip
            for name, values in found.items():
                columns[name][at] = values
            for name, values in drawn.ids.items():
                raw.setdefault(name, np.empty(self.rows, np.int32))[at] = values
        return assemble_ltv(
            raw,
            numeric={"log_calibration_value": columns.pop("number")},
            split=random_split(self.rows, (7, 1, 2), self.seed),
            unit="EUR",
            label=columns.pop("label"),
            user=raw["user_id"],
            facts={"slice": self.source.title, "files": [], "rows_raw": self.rows, "dropped": {}, "seed": self.seed},
            truth=columns,
        )


DATASETS = (
    SyntheticLtv("synthetic-ltv"),
    # rows, positive rates and about the amounts of the public datasets, at their protocols
    SyntheticLtv("synthetic-ltv@criteo-size", rows=15_995_634, users=200_000, partners=300, categories=5_000,
                 positive=0.105, typical=54, epochs=20, patience=5, batch=2048, like="Criteo-SSC"),
    SyntheticLtv("synthetic-ltv@kaggle-size", rows=805_753, users=100_000, partners=134, categories=836,
                 positive=0.9012, typical=45, epochs=20, patience=5, batch=2048, like="Kaggle"),
)  # fmt: skip
