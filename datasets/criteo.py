"""Criteo Sponsored Search Conversion Log (Tallis and Yadav, 2018): the sales amount that a click on an ad led to.

The official file is `Criteo_Conversion_Search/CriteoSearchData` below the data root, plain or gzipped: 15,995,634
clicks of 90 days in 23 tab-separated columns without a header, -1 where a value is missing, categories as hashes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasets.base import Dataset, Protocol, Source, Table
from datasets.preparing.clicks import CATEGORIES, DAY, Clicks, check_fields, read_clicks
from datasets.preparing.encode import chronological_split, random_split
from datasets.preparing.ltv import assemble_ltv, beside
from datasets.reading.places import folder, listed, not_there, plain_or_gz
from datasets.schema import Array, Task

FOLDER = "Criteo_Conversion_Search"
SOURCE = Source(
    title="Criteo Sponsored Search Conversion Log",
    homepage="https://ailab.criteo.com/criteo-sponsored-search-conversion-log-dataset/ "
    "and unpack http://go.criteo.net/criteo-research-search-conversion.tar.gz",
    licence="CC BY-NC-SA 4.0",
    citation="Tallis and Yadav, arXiv:1806.08211",
    official_rows=15_995_634,
)
# Left out of the default fields: user_id (10.4 million users of 12.2 million clicks, nearly all met once) and
# product_title (words that product_id stands for). Their papers do not say what OptDist and GR used.
FIELDS = tuple(name for name in CATEGORIES if name not in ("user_id", "product_title"))
_OPTDIST = {"positive %": "7.20"}  # of all rows; unconfirmed
# of the rows with complete ids: columbia/cookiemonster, notebooks/criteo_dataset_analysis.ipynb
_COMPLETE_IDS = {"rows": "12167296", "sales %": "10.52", "mean of a sale": "122.53", "max": "62458.77"}


class Criteo(Dataset):
    """Sales amount in EUR of each click, 0 without a sale.

    Fields: FIELDS, the hour and weekday (UTC) of the click and whether nb_clicks_1week is known; an id that fewer than
    `least` training rows have is unknown. Numeric: the log of 1 + nb_clicks_1week, the training mean where missing.
    What only a sale makes known (`clicks.LEAKS`) can never be a field.
    """

    task: ClassVar[Task] = "ltv"

    def __init__(
        self,
        name: str = "criteo-ssc",
        *,
        fields: Sequence[str] = FIELDS,
        complete_ids: bool = False,
        days: int | None = None,
        chronological: bool = False,
        shares: tuple[int, int, int] = (7, 1, 2),
        least: int = 10,
        seed: int = 0,
    ) -> None:
        """`complete_ids`: only clicks with partner, user and product id. `days`: only sales that came within them."""
        check_fields(fields)
        self.fields, self.complete_ids, self.days, self.least = tuple(fields), complete_ids, days, least
        self.chronological, self.shares, self.seed = chronological, shares, seed
        parts = ":".join(map(str, shares))
        order = f"chronological {parts} by click" if chronological else f"random {parts} by row, split seed {seed}"
        options = {
            "positive": "Sale = 1 and amount > 0" + (f", within {days} days of the click" if days is not None else ""),
            "rows": "with complete partner, user and product ids" if complete_ids else "all",
            "fields": list(fields),
            "least_rows_of_an_id": least,
            "target": "sales amount (EUR)",
        }
        super().__init__(name, SOURCE, Protocol(order, batch=2048, epochs=20, patience=5, stop="loss", options=options))

    def files(self, root: Path | None) -> list[Path]:
        """The log."""
        place = folder(self.name, SOURCE, root, FOLDER)
        path = plain_or_gz(place, ["CriteoSearchData"])
        if path is None:
            raise not_there(self.name, SOURCE, root, place, "CriteoSearchData[.gz]")
        return [path]

    def build(self, root: Path | None) -> Table:
        path = self.files(root)[0]
        clicks = read_clicks(path, self.fields, complete_ids=self.complete_ids, days=self.days)
        n, rows = len(clicks.label), clicks.counts["rows"]
        whole = rows == SOURCE.official_rows
        facts: dict[str, Any] = {
            "slice": f"{SOURCE.title}, {'complete' if whole else f'{rows:,} of {SOURCE.official_rows:,} rows'}",
            "files": listed([path]),
            "rows_raw": rows,
            "duplicates": clicks.duplicates,
            "dropped": {"incomplete ids": rows - n},
            "counts": clicks.counts,  # which of the published positive rates, that disagree, the file supports
        }
        if whole:
            facts["published"] = self._published(clicks)
        split = (
            chronological_split(clicks.time, self.shares)
            if self.chronological
            else random_split(n, self.shares, self.seed)
        )
        raw = clicks.fields  # the same dictionary: emptying it frees the columns
        raw |= _derived(clicks)
        return assemble_ltv(
            raw,
            numeric={"log_clicks_1week": np.log1p(clicks.recent)},
            split=split,
            unit="EUR",
            label=clicks.label,
            user=clicks.user,
            facts=facts,
            least=self.least,
        )

    def _published(self, clicks: Clicks) -> dict[str, Any]:
        label, counts = clicks.label, clicks.counts
        if not self.complete_ids:
            return beside(self.name, _OPTDIST, {"positive %": 100 * float(np.mean(label > 0))})
        sales = counts["sales with complete ids"]
        found = {
            "rows": len(label),
            "sales %": 100 * sales / len(label),
            "mean of a sale": label.sum(dtype=np.float64) / sales,
            "max": label.max(),
        }
        return beside(self.name, _COMPLETE_IDS, found)


def _derived(clicks: Clicks) -> dict[str, Array]:
    """When the click was, in UTC (-1 where its time is missing), and whether the number of recent clicks is known."""
    known = clicks.time > 0
    hour, weekday = clicks.time // 3600 % 24, (clicks.time // DAY + 3) % 7  # 1 January 1970 was a Thursday, 3
    return {
        "hour": np.where(known, hour, -1).astype(np.int32),
        "weekday": np.where(known, weekday, -1).astype(np.int32),
        "clicks_known": (~np.isnan(clicks.recent)).astype(np.int32),
    }


DATASETS = (
    Criteo("criteo-ssc"),
    Criteo("criteo-ssc@complete-ids", complete_ids=True),
    Criteo("criteo-ssc@1d", days=1),
    Criteo("criteo-ssc@time", chronological=True),
    Criteo("criteo-ssc@all-fields", fields=CATEGORIES),
)
