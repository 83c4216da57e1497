"""Acquire Valued Shoppers with a holdout: what was bought by 27 July 2012, and a year ahead."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import BadData, Protocol, Table
from datasets.kaggle import COMPANIES, SOURCE, TRANSACTIONS, Kaggle
from datasets.preparing.encode import random_split
from datasets.preparing.holdout import Histories, Target, assemble_holdout
from datasets.preparing.ltv import FEWEST
from datasets.preparing.transactions import ATTRIBUTES, HISTORY, reduce_transactions
from datasets.reading.places import listed

CUT, HORIZON = date(2012, 7, 27), 52 * 7  # of a log of 2 March 2012 to 28 July 2013
_EPOCH = date(1970, 1, 1)


class KaggleHoldout(Kaggle):
    """Spend in USD, or days with a purchase, in the 52 weeks after 27 July 2012, by customer and company.

    One row for each customer and company with a purchase by then; amounts of zero and below are left out, as in
    `kaggle`. Fields: the attributes of the first purchase (later ones differ, and are not looked at), and the company
    where there are several; see `preparing.holdout`. The log has no count of items that is in one unit: lines are
    counted.
    """

    def __init__(
        self,
        name: str = "kaggle@holdout",
        *,
        companies: Sequence[int] = COMPANIES,
        target: Target = "spend",
        shares: tuple[int, int, int] = (7, 1, 2),
        seed: int = 0,
    ) -> None:
        super().__init__(name, companies=companies, shares=shares, seed=seed)
        self.target = target
        what = "spend (USD)" if target == "spend" else "days with a purchase"
        options = {"companies": list(companies), "target": f"{what} in the {HORIZON} days after {CUT}"}
        old = self.protocol
        self.protocol = Protocol(old.split, old.batch, old.epochs, old.patience, old.stop, options)

    def build(self, root: Path | None) -> Table:
        path = self.files(root)[0]
        cut = (CUT - _EPOCH).days
        reduced = reduce_transactions(path, self.companies, holdout=(cut, HORIZON))
        columns = reduced.columns
        m = len(columns["id"])
        if m >= FEWEST and reduced.last < cut + HORIZON:  # a smaller one is a sample, and known to be too small
            raise BadData(f"{path}: the file ends before the {HORIZON} days after {CUT} do; get the whole file")
        found = Histories(
            customer=columns["id"],
            first_row=np.zeros(m, np.int64),
            owner=np.zeros(0, np.int64),
            refunded=0,
            **{name: columns[name] for name in HISTORY},
        )
        complete = reduced.transactions == TRANSACTIONS
        facts: dict[str, Any] = {
            "slice": f"{SOURCE.title}, "
            + ("complete" if complete else f"{reduced.transactions:,} of {TRANSACTIONS:,} transactions"),
            "files": listed([path]),
            "rows_raw": reduced.transactions,
            "dropped": {},
        }
        names = [*ATTRIBUTES, "company"] if len(self.companies) > 1 else list(ATTRIBUTES)
        return assemble_holdout(
            str(path),
            found,
            {name: columns[name] for name in names},
            split=random_split(m, self.shares, self.seed),
            unit="USD",
            horizon=HORIZON,
            target=self.target,
            facts=facts,
        )


DATASETS = (KaggleHoldout("kaggle@holdout"), KaggleHoldout("kaggle@holdout-count", target="count"))
