"""One pass over Acquire Valued Shoppers: 350 million transactions in, one entry per customer and company out.

Only the rows of one block, and the purchases of a few customers, are held at a time. The file is grouped by customer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import BadData
from datasets.preparing.holdout import histories
from datasets.preparing.lifetime import LARGEST, lifetimes
from datasets.reading.ingest import MISSING
from datasets.reading.stream import Block, blocks
from datasets.schema import Array

ATTRIBUTES = ("chain", "dept", "category", "brand", "productmeasure")
UNKNOWN = "UNKNOWN"  # a missing productmeasure
_NUMBERS = ("id", "chain", "dept", "category", "company", "brand", "purchaseamount")
_KEPT = ("id", "company", "date", "purchaseamount", "chain", "dept", "category", "brand")
YEARS = (2011, 2014)  # the file's dates: March 2012 to July 2013
_FIRST, _LAST = (int(np.datetime64(f"{year}-01-01", "D").astype(np.int64)) for year in (YEARS[0], YEARS[1] + 1))
_ENOUGH = 1 << 16  # purchases reduced together
# of datasets.preparing.holdout.Histories, what is kept of each customer and company
HISTORY = ("start", "frequency", "recency", "age", "first_value", "total", "repeat_value", "items", "spend", "count")


@dataclass(frozen=True)
class Reduced:
    """Transactions reduced to one entry for each customer and company, m in all, in the order of the file."""

    # [m]: id, company, start (days since 1970), ATTRIBUTES; calibration and label (USD), or what histories has
    columns: dict[str, Array]
    measures: list[str]  # what the codes of productmeasure stand for
    transactions: int  # rows read
    last: int  # the file's latest date, in days since 1970


def reduce_transactions(path: Path, companies: Sequence[int], *, holdout: tuple[int, int] | None = None) -> Reduced:
    """Read the file once and apply the label rule of `preparing.lifetime` to the purchases from these companies; with
    `holdout`, the last day of the history (since 1970) and the days of the label, that of `preparing.holdout`.

    A missing attribute is a category of its own: -1, UNKNOWN. Raises BadData for a damaged file, a customer whose rows
    do not follow each other and a company without a purchase.
    """
    measures = {UNKNOWN: 0}
    done: list[dict[str, Array]] = []
    waiting: list[dict[str, Array]] = []
    order, rows, held, last, some = _Order(), 0, 0, 0, ""
    for block in blocks(path, _types()):
        customer = block.numbers("id")
        order.check(block, customer)
        some = some or ", ".join(map(str, np.unique(block.numbers("company"))[:5]))
        day = block.numbers("date")
        block.check("date", (day < _FIRST) | (day >= _LAST), f"is not in the years {YEARS[0]} to {YEARS[1]}")
        last = max(last, int(day.max(initial=0)))
        rows += len(customer)
        waiting.append(_purchases(block, companies, measures))
        held += len(waiting[-1]["id"])
        if held >= _ENOUGH:
            table = _joined(waiting)
            whole = table["id"] != customer[-1]  # the last customer may go on in the next block
            done.append(_reduced({name: values[whole] for name, values in table.items()}, holdout))
            waiting = [{name: values[~whole] for name, values in table.items()}]
            held = len(waiting[0]["id"])
    if not rows:
        raise BadData(f"{path}: the file has a header and no rows; get the file again")
    columns = _joined([*done, _reduced(_joined(waiting), holdout)])
    if absent := sorted(set(companies) - set(columns["company"].tolist())):
        raise BadData(
            f"{path}: no purchase from company {', '.join(map(str, absent))} in {rows:,} rows, whose first companies "
            f"are {some}; name companies that the file has, or get the whole file"
        )
    texts = sorted(measures)  # codes in the order of the texts: they must not depend on who comes first in the file
    rank = np.array([texts.index(text) for text in measures])
    columns["productmeasure"] = rank[columns["productmeasure"]]
    return Reduced(columns, texts, rows, last)


class _Order:
    """Notices a customer whose rows are not in one piece: reduced block by block, such a one would count twice."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.last: int | None = None

    def check(self, block: Block, customer: Array) -> None:
        starts = (np.flatnonzero(customer[1:] != customer[:-1]) + 1).tolist()
        if len(customer) and customer[0] != self.last:
            starts = [0, *starts]
        for at in starts:
            if (one := int(customer[at])) in self.seen:
                raise BadData(
                    f"{block.path}: customer {one} comes again in line {block.line_of(at)}, after other customers; "
                    "the rows of a customer must follow each other: sort the file by id"
                )
            self.seen.add(one)
            self.last = one


def _types() -> dict[str, Any]:
    import pyarrow as pa

    types = {name: pa.float64() if name == "purchaseamount" else pa.int64() for name in _NUMBERS}
    return {**types, "date": pa.date32(), "productmeasure": pa.dictionary(pa.int32(), pa.string())}


def _purchases(block: Block, companies: Sequence[int], measures: dict[str, int]) -> dict[str, Array]:
    """The purchases of a block that count, as columns. A new measure gets the next code."""
    import pyarrow as pa

    company, amount = block.numbers("company"), block.numbers("purchaseamount")
    block.check("purchaseamount", np.abs(amount) > LARGEST, "is too large to be true", amount)
    wanted = np.zeros(len(company), bool)
    for one in companies:
        wanted |= company == one
    few = block._replace(batch=block.batch.filter(pa.array(wanted & (amount > 0))))
    part = {name: few.numbers(name, missing=MISSING) for name in _KEPT}
    measure = few.batch.column("productmeasure")
    code = [measures.setdefault(text or UNKNOWN, len(measures)) for text in measure.dictionary.to_pylist()]
    part["productmeasure"] = np.array([*code, 0])[measure.indices.fill_null(-1).to_numpy()]
    return part


def _joined(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _reduced(table: dict[str, Array], holdout: tuple[int, int] | None) -> dict[str, Array]:
    """The lifetimes, or the histories, of customers whose purchases are all there."""
    if holdout is not None:
        return _histories(table, *holdout)
    found = lifetimes(table["id"], table["company"], table["date"], table["purchaseamount"])
    columns = {"id": found.customer, "company": found.company, "start": found.start}
    columns |= {"calibration": found.calibration, "label": found.label}
    return columns | {name: table[name][found.largest] for name in ATTRIBUTES}


def _histories(table: dict[str, Array], cut: int, horizon: int) -> dict[str, Array]:
    """The columns of `datasets.preparing.holdout.Histories`, and the attributes of the first purchase."""
    pairs = np.stack([table["id"], table["company"]])
    _, entry = np.unique(pairs, axis=1, return_inverse=True)
    found = histories(entry.ravel(), table["date"].astype(np.int64), table["purchaseamount"], cut=cut, horizon=horizon)
    columns = {name: table[name][found.first_row] for name in ("id", "company", *ATTRIBUTES)}
    return columns | {name: getattr(found, name) for name in HISTORY}
