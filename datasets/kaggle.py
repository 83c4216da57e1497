"""Kaggle Acquire Valued Shoppers (2014): a year of spend per customer and company after the first purchase.

The official file is `transactions.csv.gz` (349,655,789 rows, 21 GB unpacked, grouped by customer), plain or gzipped, in
`kaggle-avs/` below the data root, or in `acquire-valued-shoppers-challenge/`, as Kaggle's client unpacks it. It is read in
one pass: only the rows of one block, and the purchases of a few customers, are held at a time.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasets.base import BadData, Dataset, Protocol, Source, Table
from datasets.encode import random_split
from datasets.ingest import MISSING
from datasets.lifetime import WINDOW, lifetimes
from datasets.ltv import assemble_ltv, beside
from datasets.places import folder, listed, not_there, plain_or_gz
from datasets.schema import Array, Task
from datasets.stream import Block, blocks, first_line

log = logging.getLogger(__name__)

FOLDERS = ("kaggle-avs", "acquire-valued-shoppers-challenge")
SOURCE = Source(
    title="Kaggle Acquire Valued Shoppers",
    homepage="https://www.kaggle.com/c/acquire-valued-shoppers-challenge",
    licence="the competition's rules",
    citation="Acquire Valued Shoppers Challenge, Kaggle 2014",
    official_rows=805_753,
)
TRANSACTIONS = 349_655_789  # rows of the official file
COMPANIES = (10000, 102840020, 103700030)  # the only three whose customers add up to OptDist's 805.75 K samples
COHORT = ("2012-03-01", "2012-07-01")  # first purchases that Wang et al. (2019, Section 5.1) keep; their code keeps all
ATTRIBUTES = ("chain", "dept", "category", "brand", "productmeasure")
_PUBLISHED = {"rows": "805753", "mean": "92.38", "positive %": "90.12"}
_NUMBERS = ("id", "chain", "dept", "category", "company", "brand", "purchaseamount")
_KEPT = ("id", "company", "date", "purchaseamount", *ATTRIBUTES)
_ENOUGH = 1 << 16  # purchases reduced together
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Reduced:
    """Transactions reduced to one entry for each customer and company, m in all, in the order of the file's customers."""

    columns: dict[str, Array]  # [m]: id, company, start (days since 1970), calibration and label (USD), the attributes
    measures: list[str]  # what the codes of productmeasure stand for
    transactions: int  # rows read
    last: int  # the file's latest date, in days since 1970


def reduce_transactions(path: Path, companies: Sequence[int]) -> Reduced:
    """Read the file once and apply the label rule of `datasets.lifetime` to the purchases from these companies.

    A missing attribute is a category of its own (-1, "UNKNOWN"). Raises BadData for a damaged file, a customer whose rows
    are not in one piece and a company without a purchase.
    """
    _check_header(path)
    measures = {"UNKNOWN": 0}
    done: list[dict[str, Array]] = []
    waiting: list[dict[str, Array]] = []
    order, rows, held, last, some = _Order(), 0, 0, 0, ""
    for block in blocks(path, _types()):
        customer = block.numbers("id")
        order.check(block, customer)
        some = some or ", ".join(map(str, np.unique(block.numbers("company"))[:5]))
        last = max(last, int(block.numbers("date").max(initial=0)))
        rows += len(customer)
        waiting.append(_purchases(block, companies, measures))
        held += len(waiting[-1]["id"])
        if held >= _ENOUGH:
            table = _joined(waiting)
            whole = table["id"] != customer[-1]  # the last customer may go on in the next block
            done.append(_reduced({name: values[whole] for name, values in table.items()}))
            waiting = [{name: values[~whole] for name, values in table.items()}]
            held = len(waiting[0]["id"])
    if not rows:
        raise BadData(f"{path}: the file has a header and no rows; get the file again")
    columns = _joined([*done, _reduced(_joined(waiting))])
    if absent := sorted(set(companies) - set(columns["company"].tolist())):
        raise BadData(f"{path}: no purchase from company {', '.join(map(str, absent))} in {rows:,} rows, whose first "
                      f"companies are {some}; name companies that the file has")  # fmt: skip
    texts = sorted(measures)  # codes in the order of the texts: they must not depend on who comes first in the file
    rank = np.array([texts.index(text) for text in measures])
    columns["productmeasure"] = rank[columns["productmeasure"]]
    return Reduced(columns, texts, rows, last)


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
        """`cohort`: the first and last date of the first purchases that are kept; None keeps all."""
        self.companies, self.shares, self.cohort, self.seed = tuple(companies), shares, cohort, seed
        self.complete = (set(companies), cohort) == (set(COMPANIES), None)
        options = {
            "companies": list(companies),
            "first_purchase": list(cohort) if cohort else "any date",
            "target": f"spend in the {WINDOW} days after the first purchase date (USD)",
        }
        order = f"random {':'.join(map(str, shares))} by customer and company, split seed {seed}"
        source = SOURCE if self.complete else replace(SOURCE, official_rows=0)
        super().__init__(name, source, Protocol(order, batch=2048, epochs=20, patience=5, stop="loss", options=options))

    def files(self, root: Path | None) -> list[Path]:
        """The transactions."""
        below = next((one for one in FOLDERS if root is not None and (Path(root) / one).is_dir()), FOLDERS[0])
        place = folder(self.name, SOURCE, root, below)
        path = plain_or_gz(place, ["transactions.csv"])
        if path is None:
            raise not_there(self.name, SOURCE, root, place, "transactions.csv[.gz]")
        return [path]

    def build(self, root: Path | None) -> Table:
        path = self.files(root)[0]
        reduced = reduce_transactions(path, self.companies)
        columns = reduced.columns
        keep = self._in_cohort(columns["start"])
        if not keep.any():
            raise BadData(f"{path}: none of {len(keep):,} first purchases lies in {' .. '.join(self.cohort or ())}; "
                          "choose other dates")  # fmt: skip
        columns = {name: values[keep] for name, values in columns.items()}
        label = columns["label"]
        facts: dict[str, Any] = {
            "slice": self._slice(reduced, len(label)),
            "files": listed([path]),
            "rows_raw": reduced.transactions,
            "dropped": {"first purchase outside the cohort": int((~keep).sum())},
            # their year was not over when the file was written, so their label is too small
            "censored": int((columns["start"] + WINDOW > reduced.last).sum()),
            "dates": [_day(int(columns["start"].min())), _day(reduced.last)],
        }
        if self.complete and reduced.transactions == TRANSACTIONS:
            found = {"rows": len(label), "mean": label.mean(), "positive %": 100 * np.mean(label > 0)}
            facts["published"] = beside(_PUBLISHED, found)
            if odd := [name for name, count in facts["published"].items() if not count["agrees"]]:
                log.warning(
                    "%s: %s differ from the published counts: %s", self.name, ", ".join(odd), facts["published"]
                )
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
        if reduced.transactions == TRANSACTIONS:
            return f"Kaggle Acquire Valued Shoppers, {companies}, complete transactions"
        return (f"Kaggle Acquire Valued Shoppers, {companies}, {rows:,} customers of the first "
                f"{reduced.transactions:,} transactions (the official file has {TRANSACTIONS:,})")  # fmt: skip


class _Order:
    """Notices a customer whose rows are not in one piece: reducing block by block would count such a one twice."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.last: int | None = None

    def check(self, block: Block, customer: Array) -> None:
        starts = np.flatnonzero(customer[1:] != customer[:-1]) + 1
        if len(customer) and customer[0] != self.last:
            starts = np.concatenate([[0], starts])
        for at in starts.tolist():
            if (one := int(customer[at])) in self.seen:
                raise BadData(f"{block.path}: customer {one} comes again in line {block.line + at}, after other customers; "
                              "the rows of a customer must follow each other: sort the file by id")  # fmt: skip
            self.seen.add(one)
        self.last = int(customer[-1]) if len(customer) else self.last


def _types() -> dict[str, Any]:
    import pyarrow as pa

    types = {name: pa.float64() if name == "purchaseamount" else pa.int64() for name in _NUMBERS}
    return {**types, "date": pa.date32(), "productmeasure": pa.dictionary(pa.int32(), pa.string())}


def _check_header(path: Path) -> None:
    found = [cell.strip('"') for cell in first_line(path, ",")]
    if missing := [name for name in _types() if name not in found]:
        raise BadData(f"{path}: no column {', '.join(map(repr, missing))} in line 1; it has {', '.join(map(repr, found))}; "
                      "the header of the official file is expected")  # fmt: skip


def _purchases(block: Block, companies: Sequence[int], measures: dict[str, int]) -> dict[str, Array]:
    """The purchases of a block that count, as columns. A new measure gets the next code."""
    import pyarrow as pa

    company, amount = block.numbers("company"), block.numbers("purchaseamount")
    wanted = np.zeros(len(company), bool)
    for one in companies:
        wanted |= company == one
    few = block._replace(batch=block.batch.filter(pa.array(wanted & (amount > 0))))
    part = {name: few.numbers(name, missing=MISSING) for name in _KEPT if name != "productmeasure"}
    measure = few.batch.column("productmeasure")
    code = [measures.setdefault(text or "UNKNOWN", len(measures)) for text in measure.dictionary.to_pylist()]
    part["productmeasure"] = np.array([*code, 0])[measure.indices.fill_null(-1).to_numpy()]
    return part


def _joined(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _reduced(table: dict[str, Array]) -> dict[str, Array]:
    """The lifetimes of customers whose purchases are all there."""
    found = lifetimes(table["id"], table["company"], table["date"], table["purchaseamount"])
    columns = {"id": found.customer, "company": found.company, "start": found.start}
    columns |= {"calibration": found.calibration, "label": found.label}
    return columns | {name: table[name][found.largest] for name in ATTRIBUTES}


def _day(days: int) -> str:
    return str(_EPOCH + timedelta(days))
