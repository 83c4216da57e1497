"""Kaggle Acquire Valued Shoppers (2014): a year of spend per customer and company after the first purchase date.

The official file is `transactions.csv.gz` (349,655,789 rows, 21 GB unpacked), plain or gzipped, in `kaggle-avs/` below
the data root, or in `acquire-valued-shoppers-challenge/`, as Kaggle's client unpacks it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasets.base import BadData, Dataset, Protocol, Source, Table
from datasets.preparing.encode import random_split
from datasets.preparing.lifetime import WINDOW
from datasets.preparing.ltv import assemble_ltv, beside
from datasets.preparing.transactions import ATTRIBUTES, Reduced, reduce_transactions
from datasets.reading.places import folder, is_folder, listed, not_there, plain_or_gz
from datasets.schema import Array, Task

FOLDERS = ("kaggle-avs", "acquire-valued-shoppers-challenge")
SOURCE = Source(
    title="Kaggle Acquire Valued Shoppers",
    homepage="https://www.kaggle.com/c/acquire-valued-shoppers-challenge (an account is needed)",
    licence="the competition's rules",
    citation="Acquire Valued Shoppers Challenge, Kaggle 2014",
    official_rows=805_753,
)
TRANSACTIONS = 349_655_789  # rows of the official file
COMPANIES = (10000, 102840020, 103700030)  # the only three whose customers add up to OptDist's 805.75 K samples
# the twenty of google/lifetime_value, preprocess_data.ipynb
NOTEBOOK = (10000, 101200010, 101410010, 101600010, 102100020, 102700020, 102840020, 103000030, 103338333, 103400030,
            103600030, 103700030, 103800030, 104300040, 104400040, 104470040, 104900040, 105100050, 105150050,
            107800070)  # fmt: skip
COHORT = ("2012-03-01", "2012-07-01")  # first purchases that Wang et al. (2019, Section 5.1) keep; their code keeps all
_PUBLISHED = {"rows": "805753", "mean": "92.38", "positive %": "90.12"}  # of COMPANIES
_EPOCH = date(1970, 1, 1)


class Kaggle(Dataset):
    """Spend in USD in the 365 days after a customer's first purchase date with a company.

    One row for each customer and company. Fields: the attributes of the first date's largest purchase, and the company
    where there are several; numeric: the log of the first date's spend. google/lifetime_value takes a missing
    productmeasure from the next largest purchase; here it is a category of its own, as for the other attributes.
    """

    task: ClassVar[Task] = "ltv"

    def __init__(
        self,
        name: str = "kaggle",
        *,
        companies: Sequence[int] = COMPANIES,
        shares: tuple[int, int, int] = (7, 1, 2),
        cohort: tuple[str, str] | None = None,
        seed: int = 0,
    ) -> None:
        """`cohort`: the first and last date (YYYY-MM-DD) of the first purchases that are kept; None keeps all."""
        self.companies, self.shares, self.cohort, self.seed = tuple(companies), shares, cohort, seed
        self.counted = set(companies) == set(COMPANIES) and cohort is None
        options = {
            "companies": list(companies),
            "first_purchase": list(cohort) if cohort else "any date",
            "target": f"spend in the {WINDOW} days after the first purchase date (USD)",
        }
        order = f"random {':'.join(map(str, shares))} by customer and company, split seed {seed}"
        source = SOURCE if self.counted else replace(SOURCE, official_rows=0)
        super().__init__(name, source, Protocol(order, batch=2048, epochs=20, patience=5, stop="loss", options=options))

    def files(self, root: Path | None) -> list[Path]:
        """The transactions."""
        below = next((one for one in FOLDERS if root is not None and is_folder(Path(root) / one)), FOLDERS[0])
        place = folder(self.name, SOURCE, root, below)
        path = plain_or_gz(place, ["transactions.csv"])
        if path is None:
            raise not_there(self.name, SOURCE, root, place, "transactions.csv[.gz]")
        return [path]

    def build(self, root: Path | None) -> Table:
        path = self.files(root)[0]
        reduced = reduce_transactions(path, self.companies)
        keep = self._in_cohort(reduced.columns["start"])
        if not keep.any():
            raise BadData(f"{path}: none of {len(keep):,} first purchases lies in {' .. '.join(self.cohort or ())}; "
                          "choose other dates")  # fmt: skip
        columns = {name: values[keep] for name, values in reduced.columns.items()}
        label = columns["label"]
        facts: dict[str, Any] = {
            "slice": self._slice(reduced, len(label)),
            "files": listed([path]),
            "rows_raw": reduced.transactions,
            "dropped": {"first purchase outside the cohort": int((~keep).sum())},
            # the file ends before their 365 days do, so their label is too small
            "censored": int((columns["start"] + WINDOW > reduced.last).sum()),
            "dates": [_day(int(columns["start"].min())), _day(reduced.last)],
        }
        if self.counted and reduced.transactions == TRANSACTIONS:
            found = {"rows": len(label), "mean": label.mean(), "positive %": 100 * np.mean(label > 0)}
            facts["published"] = beside(self.name, _PUBLISHED, found)
        names = [*ATTRIBUTES, "company"] if len(self.companies) > 1 else ATTRIBUTES
        return assemble_ltv(
            {name: columns[name] for name in names},
            numeric={"log_calibration_value": np.log(columns["calibration"])},
            split=random_split(len(label), self.shares, self.seed),
            unit="USD",
            label=label,
            user=columns["id"],
            facts=facts,
        )

    def _in_cohort(self, start: Array) -> Array:
        if self.cohort is None:
            return np.ones(len(start), bool)
        low, high = ((date.fromisoformat(day) - _EPOCH).days for day in self.cohort)
        return (start >= low) & (start <= high)

    def _slice(self, reduced: Reduced, rows: int) -> str:
        """The rows in words."""
        companies = f"{len(self.companies)} companies" if len(self.companies) > 1 else f"company {self.companies[0]}"
        words = f"{SOURCE.title}, {companies}"
        if reduced.transactions == TRANSACTIONS:
            return f"{words}, complete"
        return f"{words}, {rows:,} rows from {reduced.transactions:,} of {TRANSACTIONS:,} transactions"


def _day(days: int) -> str:
    return str(_EPOCH + timedelta(days))


DATASETS = (
    Kaggle("kaggle"),
    *(Kaggle(f"kaggle@{company}", companies=[company]) for company in (10000, 103600030, 104900040)),
    Kaggle("kaggle@20-companies", companies=NOTEBOOK),
    Kaggle("kaggle@cohort", cohort=COHORT),
)
