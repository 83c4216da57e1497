"""CDNOW (Fader and Hardie, 2001): the purchases of an online music shop's customers of early 1997, with the label rule.

The official file is `cdnow/CDNOW_master.txt` below the data root: customer id, date (YYYYMMDD), number of CDs, dollars,
separated by spaces, with or without a line of column names. It is the smallest real lifetime-value dataset here.
"""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasets.base import BadData, Dataset, Protocol, Source, Table
from datasets.preparing.encode import random_split
from datasets.preparing.lifetime import LARGEST, WINDOW, lifetimes
from datasets.preparing.ltv import assemble_ltv, beside
from datasets.reading.delimited import whole_text
from datasets.reading.ingest import duplicates, hashed_rows
from datasets.reading.places import folder, listed, not_there, plain_or_gz
from datasets.schema import Array, Task

FOLDER = "cdnow"
SOURCE = Source(
    title="CDNOW",
    homepage="https://www.brucehardie.com/datasets/ (CDNOW_full.zip)",
    licence="none stated; public for research",
    citation="Fader and Hardie, Interfaces 31(3), 2001",
    official_rows=69_659,
    official_users=23_570,
)
# of google/lifetime_value's rule on the complete file
_PUBLISHED = {"rows": "23502", "mean": "57.73", "positive %": "46.0", "max": "10429.78"}
_NAMES = ["customer_id", "date", "number_of_cds", "dollar_value"]
SAMPLE = ["customer_id", "sample_id", "date", "number_of_cds", "dollar_value"]  # of the official 1/10 sample
_FIRST = date(1997, 1, 1)
_YEARS = (1997, 1998)  # the file's dates: January 1997 to June 1998
_WHOLE, _AMOUNT, _DATE = (re.compile(one, re.ASCII) for one in (
    r"\d{1,18}(\.0*)?", r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", r"(\d{4})(\d{2})(\d{2})"))  # fmt: skip
_MANY, _MOST_BYTES = 10_000, 200 << 20  # CDs of a purchase, the file
_MOST_CDS, _MOST_PURCHASES = 10, 3  # larger counts share a category


class CDNow(Dataset):
    """Dollars spent in the 365 days after a customer's first purchase date, one row for each customer who ever paid.

    All that is known of a customer is the first date. Fields: its start_week and weekday, the cds bought that day (at
    most 10) and that day's purchases (at most 3); numeric: log_calibration_value (the log of that day's dollars),
    log_cds and start_day (days since 1 January 1997).
    """

    task: ClassVar[Task] = "ltv"

    def __init__(self, name: str = "cdnow", *, shares: tuple[int, int, int] = (7, 1, 2), seed: int = 0) -> None:
        self.shares, self.seed = shares, seed
        order = f"random {':'.join(map(str, shares))} by customer, split seed {seed}"
        options = {"target": f"spend in the {WINDOW} days after the first purchase date (USD)"}
        super().__init__(name, SOURCE, Protocol(order, batch=512, epochs=20, patience=5, stop="loss", options=options))

    def files(self, root: Path | None) -> list[Path]:
        """The purchases."""
        place = folder(self.name, SOURCE, root, FOLDER)
        path = plain_or_gz(place, ["CDNOW_master.txt"])
        if path is None:
            raise not_there(self.name, SOURCE, root, place, "CDNOW_master.txt[.gz]")
        return [path]

    def build(self, root: Path | None) -> Table:
        path = self.files(root)[0]
        customer, day, cds, dollars = read_purchases(path)
        found = lifetimes(customer, np.zeros_like(customer), day, dollars)
        customers, label, start = len(np.unique(customer)), found.label, found.start
        whole = (len(customer), customers) == (SOURCE.official_rows, SOURCE.official_users)
        facts: dict[str, Any] = {
            "slice": "CDNOW, complete" if whole else f"CDNOW, {len(customer):,} of {SOURCE.official_rows:,} purchases",
            "files": listed([path]),
            "rows_raw": len(customer),
            "duplicates": duplicates(hashed_rows((customer, day, cds, dollars))),
            "dropped": {"customers who never paid": customers - len(label)},
            # the file ends before their 365 days do, so their label is too small
            "censored": int((start + WINDOW > day.max()).sum()),
        }
        if whole:
            mean, positive = label.mean(), 100 * np.mean(label > 0)
            counts = {"rows": len(label), "mean": mean, "positive %": positive, "max": label.max()}
            facts["published"] = beside(self.name, _PUBLISHED, counts)
        bought = np.rint(found.on_first_day(cds)).astype(np.int64)
        purchases = np.rint(found.on_first_day(np.ones(len(cds)))).astype(np.int64)
        return assemble_ltv(
            {
                "start_week": start // 7,
                "weekday": (start + _FIRST.weekday()) % 7,  # 0 is Monday
                "cds": np.minimum(bought, _MOST_CDS),
                "purchases": np.minimum(purchases, _MOST_PURCHASES),
            },
            numeric={
                "log_calibration_value": np.log(found.calibration),
                "log_cds": np.log1p(bought),
                "start_day": start.astype(np.float64),
            },
            split=random_split(len(label), self.shares, self.seed),
            unit="USD",
            label=label,
            user=found.customer,
            facts=facts,
        )


def read_purchases(path: Path, names: Sequence[str] = _NAMES) -> tuple[Array, Array, Array, Array]:
    """Customer, days since 1 January 1997, CDs and dollars of each purchase, [n] each. Raises BadData."""
    days: dict[str, int] = {}
    rows: list[tuple[int, int, int, float]] = []
    for number, line in enumerate(_lines(path), start=1):
        cells = line.split()
        if not cells or (number == 1 and cells == list(names)):
            continue
        if len(cells) != len(names):
            raise BadData(f"{path}: line {number} has {len(cells)} columns, expected {len(names)} "
                          f"({', '.join(names)}); mend that line or get the file again")  # fmt: skip
        cells = [cells[0], *cells[-3:]]
        try:
            if (when := cells[1]) not in days:
                days[when] = _day(when)
            rows.append((_whole(cells[0]), days[when], _whole(cells[2], _MANY), _dollars(cells[3])))
        except ValueError as error:
            raise BadData(f"{path}: line {number} is not {', '.join(names)} ({' '.join(cells)[:60]!r}): {error}; "
                          "mend that line or get the file again")  from error  # fmt: skip
    if not rows:
        raise BadData(f"{path}: the file has no rows; get the file again")
    customer, day, cds, dollars = (np.array(column) for column in zip(*rows, strict=True))
    return customer, day, cds, dollars


def _lines(path: Path) -> list[str]:
    raw = whole_text(path, _MOST_BYTES)
    try:
        text: str = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadData(f"{path}: line {line} is not UTF-8 ({error.reason}); get the file again") from None
    return text.split("\n")


def _whole(text: str, most: int = 10**18) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is not a whole number")
    if (number := int(text.partition(".")[0])) > most:
        raise ValueError(f"{number} is too large to be true")
    return number


def _day(text: str) -> int:
    if not (parts := _DATE.fullmatch(text)):
        raise ValueError(f"the date {text[:20]!r} is not 8 digits, YYYYMMDD")
    year, month, day = map(int, parts.groups())
    if not _YEARS[0] <= year <= _YEARS[1]:
        raise ValueError(f"the date {text} is not in the years {_YEARS[0]} and {_YEARS[1]}")
    return (date(year, month, day) - _FIRST).days


def _dollars(text: str) -> float:
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"the amount {text[:20]!r} is not a number")
    if not 0 <= (amount := float(text)) <= LARGEST:
        raise ValueError(f"the amount {text[:20]} is {'negative' if amount < 0 else 'too large to be true'}")
    return amount


DATASETS = (CDNow("cdnow"),)
