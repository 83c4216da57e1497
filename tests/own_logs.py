"""Made-up tables of a user's own, and their descriptions with the units filled in."""

from pathlib import Path

import numpy as np
import pandas as pd

FILLED = """
name = "clicks"
files = "clicks.parquet"

[columns]
viewer = "user"
clip = "item"
shown_at = "time"
topics = { role = "list", length = 3 }
clip_ms = "duration"
dwell_ms = "label"
device = "category"
age = "number"

[label]
unit = "ms"
cap = 60000

[duration]
unit = "ms"

[training]
batch = 128
epochs = 3
patience = 2
"""


def clicks(rows: int = 1200, *, seed: int = 0) -> pd.DataFrame:
    """A click log: ids of 64 bits that a decimal would confuse, lists, a time, ages and devices with gaps. Watched is
    what length, viewer and clip make likely; 8 % of clicks are no watching at all."""
    rng = np.random.default_rng(seed)
    viewers, clips = 2**61 + np.arange(60), 2**60 + np.arange(40)
    seconds = rng.lognormal(3, 0.6, len(clips))
    viewer, clip = rng.integers(0, len(viewers), rows), rng.integers(0, len(clips), rows)
    taste = 0.6 * rng.normal(size=len(viewers))[viewer] + 0.6 * rng.normal(size=len(clips))[clip]
    dwell = seconds[clip] * np.exp(-0.8 + taste + 0.3 * rng.normal(size=rows))
    dwell[rng.random(rows) < 0.08] = 0
    return pd.DataFrame(
        {
            "viewer": viewers[viewer],
            "clip": clips[clip],
            "shown_at": pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.permutation(rows) * 997, unit="s"),
            "topics": [rng.integers(1, 20, count).tolist() for count in rng.integers(0, 5, rows)],
            "clip_ms": (1000 * seconds[clip]).round().astype(int),
            "dwell_ms": (1000 * dwell).round().astype(int),
            "device": rng.choice(["ios", "android", "web", None], rows),
            "age": np.where(rng.random(rows) < 0.1, np.nan, rng.integers(12, 80, rows)),
        }
    )


def write(folder: Path, frame: pd.DataFrame, toml: str = FILLED, *, name: str = "clicks") -> Path:
    """The table as Parquet and its description beside it; returns the description's path."""
    frame.to_parquet(folder / f"{name}.parquet")
    path = folder / f"{name}.toml"
    path.write_text(toml, encoding="utf-8")
    return path


ORDERS = """
name = "orders"
kind = "transactions"
files = "orders.parquet"

[columns]
client_id = "customer"
ordered_at = "date"
total = "amount"
pieces = "quantity"
status = { role = "refund", is = ["refunded"] }
country = "category"
age = "number"

[label]
unit = "EUR"
cap = "none"

[window]
kind = "first purchase"
horizon = 90
refunds = "net"

[split]
shares = [6, 2, 2]

[training]
batch = 64
epochs = 3
patience = 2
"""


def orders(customers: int = 300, *, seed: int = 0) -> pd.DataFrame:
    """A year of a shop's orders: ids of 64 bits, some refunds (marked, with the amount as it was paid), a country and
    an age for each customer."""
    rng = np.random.default_rng(seed)
    often = rng.poisson(rng.gamma(1.2, 3, customers)) + 1
    who = np.repeat(np.arange(customers), often)
    start = rng.integers(0, 300, customers)[who]
    later = np.where(np.diff(who, prepend=-1) > 0, 0, rng.integers(0, 200, len(who)))
    day = np.minimum(start + later, 364)
    seconds = day * 86_400 + rng.integers(0, 86_400, len(who))
    frame = pd.DataFrame(
        {
            "client_id": pd.array(2**60 + who, dtype="Int64"),
            "ordered_at": pd.Timestamp("2023-01-01") + pd.to_timedelta(seconds, unit="s"),
            "total": np.round(rng.lognormal(3, 1, len(who)), 2),
            "pieces": rng.integers(1, 6, len(who)),
            "status": rng.choice(["paid", "refunded"], len(who), p=[0.93, 0.07]),
            "country": np.array(["DE", "FR", "IT"])[rng.integers(0, 3, customers)][who],
            "age": rng.integers(18, 80, customers)[who],
        }
    )  # fmt: skip
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def example_clicks() -> pd.DataFrame:
    """docs/examples/clicks.csv.gz: clicks of three weeks, with a column that gives the label away."""
    frame = clicks(4000, seed=7).drop(columns="topics")
    rng = np.random.default_rng(7)
    seconds = rng.integers(0, 21 * 86_400, len(frame))
    watched, length = (frame.dwell_ms / 1000).round(1), (frame.clip_ms / 1000).round(1)
    return pd.DataFrame(
        {
            "viewer": "u" + (frame.viewer - 2**61).astype(str),
            "clip": "c" + (frame["clip"] - 2**60).astype(str),
            "shown_at": pd.Timestamp("2024-03-01") + pd.to_timedelta(np.sort(seconds), unit="s"),
            "device": frame.device,
            "age": frame.age.astype("Int64"),
            "length_s": length,
            "watched_s": watched,
            "completion": (watched / length).round(3),
        }
    )  # fmt: skip


def example_orders() -> pd.DataFrame:
    """docs/examples/orders.csv.gz: two years of a shop's orders, refunds among them."""
    frame = orders(900, seed=7).sort_values("ordered_at", ignore_index=True)
    days = (frame.ordered_at - frame.ordered_at.min()).dt.days * 2
    return pd.DataFrame(
        {
            "client_id": "k" + (frame.client_id - 2**60).astype(str),
            "ordered_at": (pd.Timestamp("2023-01-01") + pd.to_timedelta(days, unit="D")).dt.strftime("%d/%m/%Y"),
            "total": frame.total,
            "status": frame.status,
            "country": frame.country,
        }
    )
