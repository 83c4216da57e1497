"""Tiny data roots in the official formats of the lifetime-value datasets, with made-up rows."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base import BadData

COMPANIES = (10000, 102840020, 103700030)


def put(path: Path, text: str | bytes) -> Path:
    """Write a file, gzipped where its name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def transactions(*, customers: int = 60, per_customer: int = 40, seed: int = 0) -> pd.DataFrame:
    """All 11 columns of Acquire Valued Shoppers, grouped by customer and ordered by date, over 500 days. Some amounts
    are 0 or below, some measures are empty, and five companies share the rows."""
    rng = np.random.default_rng(seed)
    n = customers * per_customer
    ids = np.repeat(np.sort(rng.choice(10**9, customers, replace=False)), per_customer)
    start = np.repeat(rng.integers(0, 120, customers), per_customer)
    day = start + np.sort(rng.integers(0, 380, (customers, per_customer)), axis=1).ravel()
    return pd.DataFrame(
        {
            "id": ids,
            "chain": rng.integers(1, 9, n),
            "dept": rng.integers(0, 99, n),
            "category": rng.integers(0, 400, n),
            "company": rng.choice([*COMPANIES, 103400030, 1078778070], n),
            "brand": rng.integers(0, 9999, n),
            "date": (pd.Timestamp("2012-03-02") + pd.to_timedelta(day, "D")).strftime("%Y-%m-%d"),
            "productsize": np.round(rng.random(n) * 60, 1),
            "productmeasure": rng.choice(["OZ", "CT", "LB", ""], n),
            "purchasequantity": rng.integers(1, 4, n),
            "purchaseamount": np.round(rng.lognormal(1, 0.8, n) * rng.choice([1, 1, 1, 0, -1], n), 2),
        }
    )


def kaggle(root: Path, frame: pd.DataFrame, *, name: str = "transactions.csv.gz") -> Path:
    """Kaggle's layout; returns the file."""
    return put(root / "kaggle-avs" / name, frame.to_csv(index=False))


def _hex(rng: np.random.Generator, distinct: int, n: int, *, missing: float = 0.0) -> np.ndarray:
    """Hashes as in the official file; a share of them missing."""
    values = np.array(["".join(rng.choice(list("0123456789ABCDEF"), 32)) for _ in range(distinct)], object)
    return np.where(rng.random(n) < missing, "-1", values[rng.integers(0, distinct, n)])


def clicks(*, rows: int = 1500, seed: int = 0) -> pd.DataFrame:
    """All 23 columns of the Criteo log, ordered by time. The price tells the sale; a sale may be of 0 EUR."""
    rng = np.random.default_rng(seed)
    sale = rng.random(rows) < 0.15
    amount = np.where(rng.random(rows) < 0.1, 0, np.round(rng.lognormal(4, 1, rows), 4))
    delay = np.where(rng.random(rows) < 0.1, -1, rng.integers(0, 30 * 86_400, rows))
    frame = pd.DataFrame(
        {
            "Sale": sale.astype(int),
            "SalesAmountInEuro": np.where(sale, amount, -1.0),
            "time_delay_for_conversion": np.where(sale, delay, -1),
            "click_timestamp": np.sort(rng.integers(1_596_439_471, 1_604_302_424, rows)),
            "nb_clicks_1week": np.where(rng.random(rows) < 0.2, -1, rng.integers(0, 900, rows)),
            "product_price": np.where(sale, np.round(rng.lognormal(3, 1, rows), 2), 0.0),
        }
    )
    sizes = {"product_age_group": 4, "device_type": 3, "audience_id": 20, "product_gender": 3, "product_brand": 40}
    sizes |= {f"product_category{k}": 12 for k in range(1, 8)} | {"product_country": 5, "product_id": 60}
    for name, size in (sizes | {"product_title": 60, "partner_id": 15, "user_id": 900}).items():
        frame[name] = _hex(rng, size, rows, missing=0.1)
    frame["product_title"] = frame["product_title"] + " " + frame["product_id"]  # titles are several words
    return frame


def criteo(root: Path, frame: pd.DataFrame, *, name: str = "CriteoSearchData", header: bool = False) -> Path:
    """Criteo's layout; returns the file."""
    text = frame.to_csv(index=False, header=header, sep="\t")
    return put(root / "Criteo_Conversion_Search" / name, text)


def purchases(*, customers: int = 120, seed: int = 0) -> pd.DataFrame:
    """The four columns of CDNOW. Some customers buy twice on a date, some only ever for 0 dollars."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 8, customers)
    ids = np.repeat(np.arange(1, customers + 1), counts)
    day = np.concatenate([rng.integers(0, 85) + np.sort(rng.integers(0, 450, k)) for k in counts])
    again = rng.random(len(ids)) < 0.1
    day[1:] = np.where(again[1:] & (ids[1:] == ids[:-1]), day[:-1], day[1:])
    dollars = np.where(rng.random(len(ids)) < 0.05, 0, np.round(rng.lognormal(3, 0.8, len(ids)), 2))
    dollars[np.isin(ids, [5, 6])] = 0
    return pd.DataFrame(
        {
            "customer_id": ids,
            "date": (pd.Timestamp("1997-01-01") + pd.to_timedelta(day, "D")).strftime("%Y%m%d"),
            "number_of_cds": rng.integers(1, 14, len(ids)),
            "dollar_value": dollars,
        }
    )


def cdnow(root: Path, frame: pd.DataFrame, *, header: bool = False) -> Path:
    """CDNOW's layout, with its spaces and line ends; returns the file."""
    rows = frame.itertuples(index=False)
    lines = [f" {who:05d} {when} {cds:2d} {dollars:7.2f}" for who, when, cds, dollars in rows]
    lines = ([" " + " ".join(frame.columns)] if header else []) + lines
    return put(root / "cdnow" / "CDNOW_master.txt", "".join(f"{line}\r\n" for line in lines))


def lifetimes_by_pandas(frame: pd.DataFrame, attributes: Sequence[str] = ()) -> pd.DataFrame:
    """The label rule as google/lifetime_value's notebook says it, with pandas: columns id, company, date (a Timestamp)
    and purchaseamount in; one row for each id and company out, with attributes of the largest first-date purchase."""
    bought = frame[frame.purchaseamount > 0]
    start = bought.groupby(["id", "company"]).date.transform("min")
    age = (bought.date - start).dt.days
    keys = ["id", "company"]
    result = bought[age == 0].groupby(keys).purchaseamount.sum().rename("calibration").to_frame()
    result["label"] = bought[(age > 0) & (age <= 365)].groupby(keys).purchaseamount.sum()
    result["start"] = start.groupby([bought.id, bought.company]).first()
    largest = bought[age == 0].sort_values("purchaseamount", ascending=False, kind="stable").drop_duplicates(keys)
    result = result.join(largest.set_index(keys)[list(attributes)])
    return result.fillna({"label": 0.0}).reset_index()


def complaint(build: Callable[[], object], *words: str) -> str:
    """The one sentence of the BadData that `build` raises; it must have all these words."""
    with pytest.raises(BadData) as caught:
        build()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message
