"""From a table and a kept model to predictions: one row for each of its rows, in their order."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from benchmark.files.errors import UserError
from benchmark.keep.model import Model
from benchmark.keep.output import Output
from datasets.base import BadData, NotAvailable
from datasets.common.files import cache_folder
from datasets.described.customers import batch, customers
from datasets.described.dataset import dialect_of
from datasets.described.description import Description
from datasets.described.encoder import Encoder, from_json
from datasets.described.orders import Orders
from datasets.described.purchases import read_purchases, wanted
from datasets.tabular.opened import Block, opened

if TYPE_CHECKING:
    from datasets.schema import Array

_PART = 1 << 18  # rows predicted at a time


@dataclass
class Tally:
    """What there is to say of the predictions."""

    rows: int = 0
    unpredicted: int = 0  # rows without a duration above 0, of which nothing can be said
    unseen: Counter[str] = field(default_factory=Counter)  # column -> rows whose value training had not seen


class _Part(NamedTuple):
    """Some rows to predict: their columns, what of them is copied, and what a model needs unscaled."""

    block: Block
    keys: Any  # pyarrow.RecordBatch
    beside: "Mapping[str, Array]"


def predict(model: Model, table: Path, out: Path, keys: Sequence[str] = ()) -> Tally:
    """Write the predictions for a table: the keys of each row, its value in the label's unit, and quantiles where the
    method has them. keys: columns to be copied; user, item and time where none is named. Of purchases: a row for each
    customer, as of the log's last day.

    Raises UserError for a table that cannot be read, or that lacks a column."""
    encoder, told = from_json(model.encoder), Tally()
    orders = model.about.table.get("kind") == "transactions"
    try:
        with Output(out) as output:
            for part in _customers(model, table) if orders else _rows(model, table, encoder, keys):
                output.write(_predicted(model, encoder, part, told))
            if not told.rows:
                raise UserError(f"{table}: has no rows to predict")
    except (BadData, NotAvailable) as error:
        raise UserError(str(error)) from None
    return told


def _rows(model: Model, table: Path, encoder: Encoder, keys: Sequence[str]) -> Iterator[_Part]:
    """The rows of a log."""
    it: Description = msgspec.convert(model.about.table, Description)
    found = opened(table, dialect_of(it))
    copied = list(keys) or [name for name in it.having("user", "item", "time") if name in found.names]
    wanted_columns = list(dict.fromkeys([*encoder.columns, *copied]))
    for name in wanted_columns:
        if name not in found.names:
            has = ", ".join(map(repr, found.names[:30]))
            raise UserError(f"{found.found.paths[0]}: no column {name!r}, which the model needs; it has {has}")
    for block in found.blocks(wanted_columns):
        for start in range(0, block.batch.num_rows, _PART):
            part = Block(block.path, block.row + start, block.batch.slice(start, _PART))
            yield _Part(part, part.batch.select(copied), {})


def _customers(model: Model, table: Path) -> Iterator[_Part]:
    """The customers behind purchases, with their ids."""
    import pyarrow as pa

    it: Orders = msgspec.convert(model.about.table, Orders, strict=False)
    found = opened(table, dialect_of(it))
    log = read_purchases(found.blocks(wanted(it)), it, cache_folder() / "scratch")
    them = customers(log, it, ahead=True)
    yield _Part(Block(table, 1, batch(them)), pa.record_batch({it.one("customer"): them.ids}), them.beside)


def _predicted(model: Model, encoder: Encoder, part: _Part, told: Tally) -> Any:
    """The keys of these rows with their predictions, as a RecordBatch."""
    import pyarrow as pa

    from methods.capabilities import LEVELS

    rows, right, unseen = encoder.lenient(part.block)
    rows = replace(rows, truth=part.beside)
    told.rows += len(rows)
    told.unpredicted += int((~right).sum())
    told.unseen.update(unseen)
    columns = {name: part.keys.column(name) for name in part.keys.schema.names}
    columns["value"] = pa.array(model.predict(rows), mask=~right)
    if (quantiles := model.quantiles(rows, LEVELS)) is not None:
        for place, level in enumerate(LEVELS):
            columns[f"q{100 * level:02.0f}"] = pa.array(quantiles[:, place], mask=~right)
    return pa.record_batch(columns)
