"""The columns of the Criteo Sponsored Search Conversion Log, read in one pass with bounded memory.

Categories are text. Most columns have few distinct values and become codes in the order of the texts; product_id,
product_title and user_id have millions and become 64-bit hashes, so that their texts need not be kept.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import BadData
from datasets.preparing.lifetime import LARGEST
from datasets.reading.delimited import first_line
from datasets.reading.ingest import duplicates, hashed_rows
from datasets.reading.stream import Block, blocks
from datasets.reading.units import check_clock, check_quantile
from datasets.schema import Array

DAY = 86_400  # seconds
NAMES = (
    "Sale", "SalesAmountInEuro", "time_delay_for_conversion", "click_timestamp", "nb_clicks_1week", "product_price",
    "product_age_group", "device_type", "audience_id", "product_gender", "product_brand", "product_category1",
    "product_category2", "product_category3", "product_category4", "product_category5", "product_category6",
    "product_category7", "product_country", "product_id", "product_title", "partner_id", "user_id",
)  # fmt: skip
CATEGORIES = NAMES[6:]
# what only a sale makes known, so never a feature: the price is 0 for every click without one (alone: AUC 0.966)
LEAKS = ("Sale", "SalesAmountInEuro", "time_delay_for_conversion", "product_price")
IDS = ("partner_id", "user_id", "product_id")
MISSING = "-1"
_NUMBERS = ("Sale", "time_delay_for_conversion", "click_timestamp", "nb_clicks_1week")
_HASHED = ("product_id", "product_title", "user_id")


@dataclass(frozen=True)
class Clicks:
    """The clicks that were kept, n, and counts of the whole file."""

    label: Array  # float32 [n], EUR; 0 without a sale
    time: Array  # int64 [n], seconds since 1970
    recent: Array  # float32 [n], clicks on the product in the week before; NaN where missing
    user: Array  # int64 [n], equal where the user is; a click without a user id is a user of its own
    fields: dict[str, Array]  # [n] each: int32 codes or int64 hashes
    counts: dict[str, int]
    duplicates: int  # kept clicks that equal an earlier one in all that is read


def check_fields(fields: Sequence[str]) -> None:
    """ValueError for a column that tells the label and for one that is no category of the file."""
    if leaks := [name for name in fields if name in LEAKS]:
        raise ValueError(f"{', '.join(leaks)} can never be a feature: only a sale makes it known; "
                         f"choose from {', '.join(CATEGORIES)}")  # fmt: skip
    if unknown := [name for name in fields if name not in CATEGORIES]:
        raise ValueError(f"no category {', '.join(unknown)}; choose from {', '.join(CATEGORIES)}")


def read_clicks(path: Path, fields: Sequence[str], *, complete_ids: bool = False, days: int | None = None) -> Clicks:
    """Read the file. A click is positive where Sale is 1, the amount above 0 and, with `days`, the delay within them.

    `complete_ids` drops clicks that lack a partner, user or product id. Raises BadData.
    """
    check_fields(fields)
    _check_width(path)
    coders = {name: _Hashes() if name in _HASHED else _Codes() for name in fields}
    parts: dict[str, list[Array]] = {name: [] for name in ("label", "time", "recent", "user", "row", "delay")}
    counts: Counter[str] = Counter()
    for block in blocks(path, _types({*fields, *IDS}), names=NAMES, delimiter="\t"):
        sale, amount, delay = _outcome(block)
        present = {name: _present(block, name) for name in IDS}
        complete = np.logical_and.reduce(list(present.values()))
        counts.update(_tally(sale, amount, delay, complete))
        positive = sale & (amount > 0)
        if days is not None:
            positive &= (delay >= 0) & (delay <= days * DAY)
        recent = block.numbers("nb_clicks_1week").astype(np.float32)
        alone = -1 - np.arange(block.line, block.line + len(sale))
        kept = {
            "label": np.where(positive, amount, 0).astype(np.float32),
            "time": block.numbers("click_timestamp"),
            "recent": np.where(recent < 0, np.float32(np.nan), recent),
            "user": np.where(present["user_id"], _hashed(block.batch.column("user_id")), alone),
        }
        keep = complete if complete_ids else np.ones(len(sale), bool)
        for name, values in kept.items():
            parts[name].append(values[keep])
        for name, coder in coders.items():
            coder.add(block.batch.column(name), keep)
        who = np.where(present["user_id"], kept["user"], 0)
        seen = (kept["time"], kept["label"].view(np.int32), recent, who, delay)
        same = [*(values[keep] for values in seen), *(coder.chunks[-1] for coder in coders.values())]
        parts["row"].append(hashed_rows(same))
        parts["delay"].append(delay[positive])
    if not counts["rows with complete ids" if complete_ids else "rows"]:
        raise BadData(f"{path}: no row with complete partner, user and product ids; get the file again")
    whole = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    check_clock(path, "click_timestamp", whole["time"], "seconds since 1970")
    check_quantile(path, "time_delay_for_conversion", whole.pop("delay"), 0.99, 1, 100 * DAY, "seconds")
    repeated = duplicates(whole.pop("row"))
    coded = {name: coders.pop(name).values() for name in fields}
    return Clicks(**whole, fields=coded, counts=dict(counts), duplicates=repeated)


class _Hashes:
    """A column of many distinct texts as 64-bit hashes: of 16 million texts, two share one in 7 of a million files."""

    def __init__(self) -> None:
        self.chunks: list[Array] = []

    def add(self, column: Any, keep: Array) -> None:
        self.chunks.append(_hashed(column)[keep])

    def values(self) -> Array:
        """The column, [n]; asked for once."""
        whole = np.concatenate(self.chunks)
        self.chunks.clear()
        return whole


class _Codes(_Hashes):
    """A column of few distinct texts as codes int32, in the order of the texts, whatever their order in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.place: dict[str, int] = {}

    def add(self, column: Any, keep: Array) -> None:
        code = [self.place.setdefault(text, len(self.place)) for text in column.dictionary.to_pylist()]
        self.chunks.append(np.array(code, np.int32)[column.indices.to_numpy()[keep]])

    def values(self) -> Array:
        rank = np.empty(len(self.place), np.int32)
        rank[[self.place[text] for text in sorted(self.place)]] = np.arange(len(rank), dtype=np.int32)
        return rank[super().values()]


def _types(categories: set[str]) -> dict[str, Any]:
    import pyarrow as pa

    text = {name: pa.string() if name in _HASHED else pa.dictionary(pa.int32(), pa.string()) for name in categories}
    return {**dict.fromkeys(_NUMBERS, pa.int64()), "SalesAmountInEuro": pa.float64(), **text}


def _check_width(path: Path) -> None:
    cells = first_line(path).split("\t")
    if len(cells) != len(NAMES):
        raise BadData(f"{path}: line 1 has {len(cells)} tab-separated columns, expected {len(NAMES)} "
                      f"({NAMES[0]} .. {NAMES[-1]}); get the file again")  # fmt: skip
    if cells[0].strip('"').casefold() == NAMES[0].casefold():
        raise BadData(f"{path}: line 1 is a header ({', '.join(cells[:3])[:80]}, ...) and the official file has none; "
                      "delete that line")  # fmt: skip


def _outcome(block: Block) -> tuple[Array, Array, Array]:
    """Whether there was a sale, its amount in EUR (-1: none) and its delay in seconds (-1: unknown), [rows] each."""
    sale = block.numbers("Sale")
    block.check("Sale", (sale != 0) & (sale != 1), "is neither 0 nor 1", sale)
    amount = block.numbers("SalesAmountInEuro")
    block.check("SalesAmountInEuro", np.abs(amount) > LARGEST, "is too large to be true", amount)
    return sale == 1, amount, block.numbers("time_delay_for_conversion")


def _present(block: Block, name: str) -> Array:
    """Where a category is not missing, bool [rows]."""
    column = block.batch.column(name)
    if name in _HASHED:
        import pyarrow.compute as pc

        return pc.not_equal(column, MISSING).to_numpy(zero_copy_only=False)
    known = np.array([text != MISSING for text in column.dictionary.to_pylist()], bool)
    return known[column.indices.to_numpy()]


def _hashed(column: Any) -> Array:
    from pandas.util import hash_array

    return hash_array(column.to_numpy(zero_copy_only=False), categorize=False).view(np.int64)


def _tally(sale: Array, amount: Array, delay: Array, complete: Array) -> dict[str, int]:
    """What the published counts, which disagree, may have counted."""
    found = {
        "rows": np.ones(len(sale), bool),
        "rows with complete ids": complete,
        "sales": sale,
        "sales with complete ids": sale & complete,
        "sales without an amount": sale & (amount <= 0),
        "amounts without a sale": ~sale & (amount > 0),
        "sales of unknown delay": sale & (delay < 0),
        **{f"sales within {days} d": sale & (delay >= 0) & (delay <= days * DAY) for days in (1, 7, 30)},
    }
    return {name: int(rows.sum()) for name, rows in found.items()}
