"""CDNOW as those who model repeat buying use it: 39 weeks of history, 39 weeks ahead; all of it or the 1/10 sample."""

from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasets.base import Dataset, Protocol, Table
from datasets.cdnow import FOLDER, SAMPLE, SOURCE, read_purchases
from datasets.preparing.encode import random_split
from datasets.preparing.holdout import Target, assemble_holdout, histories
from datasets.preparing.ltv import beside
from datasets.reading.places import folder, listed, not_there, plain_or_gz
from datasets.schema import Task

CUT, HORIZON = (date(1997, 9, 30) - date(1997, 1, 1)).days, 39 * 7  # the history's last day; to 30 June 1998
_OFFICIAL = {"purchases": SOURCE.official_rows, "customers": SOURCE.official_users}
_SAMPLE = {"purchases": 6_919, "customers": 2_357}
_PUBLISHED = {"customers": "2357", "repeat buyers": "946"}  # of the sample (Fader and Hardie)


class CDNowHoldout(Dataset):
    """Dollars spent, or days with a purchase, in the 39 weeks after 30 September 1997, by each customer of early 1997.

    Purchases of 0 dollars count as purchases, as in the published fits. Field: start_week; see `preparing.holdout`.
    """

    task: ClassVar[Task] = "ltv"

    def __init__(
        self,
        name: str = "cdnow@holdout",
        *,
        sample: bool = False,
        target: Target = "spend",
        shares: tuple[int, int, int] = (7, 1, 2),
        seed: int = 0,
    ) -> None:
        """`sample`: the official 1/10 sample, CDNOW_sample.txt, in the place of the whole file."""
        self.sample, self.target, self.shares, self.seed = sample, target, shares, seed
        what = "spend (USD)" if target == "spend" else "days with a purchase"
        options = {"target": f"{what} in the {HORIZON} days after 1997-09-30"}
        order = f"random {':'.join(map(str, shares))} by customer, split seed {seed}"
        super().__init__(name, SOURCE, Protocol(order, batch=512, epochs=20, patience=5, stop="loss", options=options))

    def files(self, root: Path | None) -> list[Path]:
        """The purchases."""
        place = folder(self.name, SOURCE, root, FOLDER)
        wanted = "CDNOW_sample.txt" if self.sample else "CDNOW_master.txt"
        path = plain_or_gz(place, [wanted])
        if path is None:
            raise not_there(self.name, SOURCE, root, place, f"{wanted}[.gz]")
        return [path]

    def build(self, root: Path | None) -> Table:
        path = self.files(root)[0]
        customer, day, cds, dollars = read_purchases(path, SAMPLE) if self.sample else read_purchases(path)
        found = histories(customer, day, dollars, cut=CUT, horizon=HORIZON, items=cds)
        counts = {"purchases": len(customer), "customers": len(np.unique(customer))}
        official = _SAMPLE if self.sample else _OFFICIAL
        words = "complete" if counts == official else f"{len(customer):,} of {official['purchases']:,} purchases"
        facts: dict[str, Any] = {
            "slice": f"CDNOW, {'1/10 sample, ' if self.sample else ''}{words}",
            "files": listed([path]),
            "rows_raw": len(customer),
            "dropped": {"customers who came later": counts["customers"] - len(found.customer)},
        }
        if self.sample and counts == official:
            here = {"customers": len(found.customer), "repeat buyers": int((found.frequency > 0).sum())}
            facts["published"] = beside(self.name, _PUBLISHED, here)
        return assemble_holdout(
            str(path),
            found,
            {"start_week": found.start // 7},
            split=random_split(len(found.customer), self.shares, self.seed),
            unit="USD",
            horizon=HORIZON,
            target=self.target,
            facts=facts,
        )


DATASETS = (
    CDNowHoldout("cdnow@holdout"),
    CDNowHoldout("cdnow@holdout-count", target="count"),
    CDNowHoldout("cdnow@sample-holdout", sample=True),
)
