"""Online Retail II (UCI 502): two years of a British gift shop's invoices, as lifetime values of its customers.

Read from `online-retail-ii/` below the data root: the official workbook `online_retail_II.xlsx`, or its common form as
one CSV file, or its sheets as two Parquet files; of several, the first of these.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from datasets.base import BadData, Dataset, Protocol, Source, Table
from datasets.preparing.encode import random_split
from datasets.preparing.holdout import Target, assemble_holdout, histories
from datasets.preparing.lifetime import WINDOW, lifetimes
from datasets.preparing.ltv import assemble_ltv, beside
from datasets.reading.ingest import MISSING
from datasets.reading.invoices import Invoices, read_invoices
from datasets.reading.places import folder, listed, not_there, plain_or_gz
from datasets.schema import Array, Task

FOLDER = "online-retail-ii"
WORKBOOK, CSV = "online_retail_II.xlsx", "online_retail_II.csv"
PARQUET = ("year_2009-2010.parquet", "year_2010-2011.parquet")
SOURCE = Source(
    title="Online Retail II",
    homepage="https://archive.ics.uci.edu/dataset/502/online+retail+ii",
    licence="CC BY 4.0",
    citation="Chen 2012, UCI Machine Learning Repository, doi 10.24432/C5CG6D",
    official_rows=1_067_371,
)
CUT, HORIZON = date(2010, 12, 9), 365  # the first sheet's last day; to the second's: 52 weeks and a day
# of the default rules on both sheets
_COUNTED = {"rows": "4312", "mean": "1863", "positive %": "73.8", "median": "508", "max": "319044"}
_COUNTED_HOLDOUT = {"rows": "4312", "mean": "1589", "positive %": "62.6"}
_EPOCH = date(1970, 1, 1)
_MOST_INVOICES, _MOST_PRODUCTS = 3, 20  # larger counts share a category
Rule = Literal["dropped", "refunded"]


@dataclass(frozen=True)
class Rules:
    """What counts as a purchase. The defaults are those that studies of this file agree on."""

    cancellations: Rule = "dropped"  # invoices that begin with C; or taken off what their customer spent
    negatives: Rule = "dropped"  # other negative quantities
    free: Literal["dropped", "kept"] = "dropped"  # lines of price 0; or kept, as purchases of nothing
    strangers: Literal["dropped", "each invoice"] = "dropped"  # without a customer; or each such invoice is one

    def apply(self, log: Invoices) -> tuple[Invoices, dict[str, int]]:
        """The lines that count, with a customer each, and how many were dropped for what: the first of the reasons."""
        cancelled = np.char.startswith(np.char.upper(log.invoice.astype(str)), "C")
        reasons = {
            "without a customer": (log.customer == MISSING) & (self.strangers == "dropped"),
            "negative prices": log.price < 0,
            "cancellations": cancelled & (self.cancellations == "dropped"),
            "negative quantities": ~cancelled & (log.quantity < 0) & (self.negatives == "dropped"),
            "zero prices": (log.price == 0) & (self.free == "dropped"),
            "zero quantities": log.quantity == 0,
        }
        left, dropped = np.ones(len(log.price), bool), {}
        for reason, lines in reasons.items():
            dropped[reason] = int((lines & left).sum())
            left &= ~lines
        kept = log.take(left)
        nobody = kept.customer == MISSING
        if nobody.any():
            _, number = np.unique(kept.invoice[nobody].astype(str), return_inverse=True)
            kept.customer[nobody] = -2 - number  # below every customer's number
        return kept, dropped


DEFAULT = Rules()


class OnlineRetail(Dataset):
    """Pounds spent by each customer: in the 365 days after the first purchase date, or in those after 9 December 2010
    (`holdout`), to the end of the file.

    After the first date: customers whose 365 days the files cover. Fields: start_month, weekday, country, that date's
    invoices (at most 3) and different products (at most 20); numeric: log_calibration_value, log_items, log_products
    and start_day.
    Holdout: customers of the first year; see `preparing.holdout`. Fields: start_month and the country of the first
    purchase: thirteen customers have two countries, so it is not quite constant, and later ones are not looked at.
    """

    task: ClassVar[Task] = "ltv"

    def __init__(
        self,
        name: str = "online-retail",
        *,
        holdout: bool = False,
        target: Target = "spend",
        rules: Rules = DEFAULT,
        shares: tuple[int, int, int] = (7, 1, 2),
        seed: int = 0,
    ) -> None:
        self.holdout, self.target, self.rules, self.shares, self.seed = holdout, target, rules, shares, seed
        what = "spend (GBP)" if target == "spend" else "days with a purchase"
        after = f"the {HORIZON} days after {CUT}" if holdout else f"the {WINDOW} days after the first purchase date"
        options = {"target": f"{what} in {after}"}
        options |= {option: getattr(rules, option) for option in Rules.__dataclass_fields__}
        order = f"random {':'.join(map(str, shares))} by customer, split seed {seed}"
        super().__init__(name, SOURCE, Protocol(order, batch=128, epochs=50, patience=10, stop="loss", options=options))

    def files(self, root: Path | None) -> list[Path]:
        """The workbook, the CSV file, or both Parquet files."""
        place = folder(self.name, SOURCE, root, FOLDER)
        if (one := plain_or_gz(place, [WORKBOOK])) or (one := plain_or_gz(place, [CSV])):
            return [one]
        sheets = [place / name for name in PARQUET]
        there = [path for path in sheets if path.is_file()]
        if not there:
            raise not_there(self.name, SOURCE, root, place, f"{WORKBOOK}, {CSV}[.gz] or {' and '.join(PARQUET)}")
        if len(there) < len(sheets):
            absent = next(path.name for path in sheets if path not in there)
            raise not_there(self.name, SOURCE, root, place, absent, beside=there[0])
        return sheets

    def build(self, root: Path | None) -> Table:
        paths = self.files(root)
        raw = read_invoices(paths)
        log, dropped = self.rules.apply(raw)
        if not len(log.price):
            raise BadData(f"{paths[0]}: none of {raw.raw:,} rows is a purchase (dropped: {dropped}); choose other "
                          "rules, or get the file again")  # fmt: skip
        whole = raw.raw in (SOURCE.official_rows, SOURCE.official_rows - 1)  # the Parquet form lacks the last row
        words = f"{raw.raw:,} of {SOURCE.official_rows:,} rows"
        facts: dict[str, Any] = {
            "slice": "Online Retail II, " + ("complete" if raw.raw == SOURCE.official_rows else words),
            "files": listed(paths),
            "rows_raw": raw.raw,
            "dropped": {"the sheets' overlap": raw.overlap, **dropped},
            "dates": [str(_EPOCH + timedelta(int(day))) for day in (log.day.min(), log.day.max())],
        }
        table = self._holdout(log, facts, paths[0]) if self.holdout else self._first_day(log, facts, paths[0])
        if whole and self.rules == DEFAULT and self.target == "spend":
            label = table.rows.label
            assert label is not None
            spend = label.astype(np.float64)
            found = {"rows": len(spend), "mean": spend.mean(), "positive %": 100 * np.mean(spend > 0)}
            found |= {"median": float(np.median(spend)), "max": spend.max()}
            expected = _COUNTED_HOLDOUT if self.holdout else _COUNTED
            table.facts["published"] = beside(self.name, expected, found)  # type: ignore[index]
        return table

    def _first_day(self, log: Invoices, facts: dict[str, Any], path: Path) -> Table:
        day, amount = log.day, log.quantity * log.price
        found = lifetimes(log.customer, np.zeros(len(day), np.int64), day, amount)
        whole = found.start + WINDOW <= day.max()  # the file ends before the others' 365 days do
        if not whole.any():
            raise BadData(f"{path}: the file ends less than {WINDOW} days after every first purchase; get a longer one")
        invoices = _different(found.owner, log.invoice[found.first_day], len(whole))
        products = _different(found.owner, log.stock[found.first_day], len(whole))
        items, start = found.on_first_day(log.quantity), found.start
        country = np.unique(log.country.astype(str), return_inverse=True)[1][found.largest]
        facts |= {"dropped": {**facts["dropped"], "customers without a year ahead": int((~whole).sum())}}
        # refunds after the first date, where the rules count them, are no purchases and lower nothing here
        return assemble_ltv(
            {
                "start_month": _month(start[whole]),
                "weekday": (start[whole] + _EPOCH.weekday()) % 7,  # 0 is Monday
                "country": country[whole],
                "invoices": np.minimum(invoices[whole], _MOST_INVOICES),
                "products": np.minimum(products[whole], _MOST_PRODUCTS),
            },
            numeric={
                "log_calibration_value": np.log(found.calibration[whole]),
                "log_items": np.log1p(items[whole]),
                "log_products": np.log1p(products[whole]),
                "start_day": (start[whole] - start.min()).astype(np.float64),
            },
            split=random_split(int(whole.sum()), self.shares, self.seed),
            unit="GBP",
            label=found.label[whole],
            user=found.customer[whole],
            facts=facts,
        )

    def _holdout(self, log: Invoices, facts: dict[str, Any], path: Path) -> Table:
        day, cut = log.day, (CUT - _EPOCH).days
        if day.max() < cut + HORIZON:
            raise BadData(f"{path}: the file ends on {facts['dates'][1]}, before the {HORIZON} days after {CUT} do; "
                          "get the whole file")  # fmt: skip
        found = histories(
            log.customer, day, log.quantity * log.price, cut=cut, horizon=HORIZON, items=np.maximum(log.quantity, 0)
        )
        country = np.unique(log.country.astype(str), return_inverse=True)[1]
        return assemble_holdout(
            str(path),
            found,
            {"start_month": _month(found.start), "country": country[found.first_row]},
            split=random_split(len(found.customer), self.shares, self.seed),
            unit="GBP",
            horizon=HORIZON,
            target=self.target,
            facts=facts,
        )


def _month(day: Array) -> Array:
    """Months since January 1970 of days since 1970."""
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _different(owner: Array, values: Array, m: int) -> Array:
    """How many different values [k] each owner has, int64 [m]."""
    _, code = np.unique(values.astype(str), return_inverse=True)
    pairs = np.unique(np.stack([owner, code]), axis=1)
    return np.bincount(pairs[0], minlength=m)


DATASETS = (
    OnlineRetail("online-retail"),
    OnlineRetail("online-retail@holdout", holdout=True),
    OnlineRetail("online-retail@holdout-count", holdout=True, target="count"),
    # refunds, other than in most studies of this file, lower what their customer spent
    OnlineRetail(
        "online-retail@holdout-refunds", holdout=True, rules=Rules(cancellations="refunded", negatives="refunded")
    ),
)
