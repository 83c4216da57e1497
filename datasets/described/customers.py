"""Reduces purchases to customers: what is known of each, and what each spent after it. See `preparing.holdout`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np

from datasets.base import BadData
from datasets.described.description import Description, Label, Role
from datasets.described.orders import Orders
from datasets.described.purchases import Purchases
from datasets.described.raw import Coded, Raw
from datasets.preparing.holdout import Histories, as_it_is, histories, numbers, often
from datasets.schema import Array
from datasets.tabular.coder import ranks

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Customers:
    """m customers, ordered by their ids: one row of a table each."""

    found: Histories
    ids: Any  # pyarrow Array [m]
    start: Array  # int64 [m], day of the first purchase, since 1970
    fields: dict[str, Coded]  # categories by the field's name, codes int32 [m]
    numbers: dict[str, Array]  # float64 [m] each
    beside: dict[str, Array]  # float32 [m] each, unscaled: what a model of repeat buying needs
    counts: dict[str, int] = field(default_factory=dict)  # customers left out, and why

    def take(self, rows: Array) -> "Customers":
        """These customers alone."""
        import pyarrow as pa

        found = {name: getattr(self.found, name) for name in Histories.__dataclass_fields__}
        picked = {name: value[rows] for name, value in found.items() if name not in ("owner", "refunded")}
        return replace(
            self,
            found=replace(self.found, **picked),
            ids=self.ids.take(pa.array(np.flatnonzero(rows))),
            start=self.start[rows],
            fields={name: Coded(one.values, one.codes[rows]) for name, one in self.fields.items()},
            numbers={name: values[rows] for name, values in self.numbers.items()},
            beside={name: values[rows] for name, values in self.beside.items()},
        )


def customers(log: Purchases, it: Orders, *, ahead: bool = False) -> Customers:
    """Reduce a log. ahead: to predict what comes after its last day, so that nobody is too young and nothing is cut.

    Raises BadData where the log ends before the horizon does.
    """
    horizon, window = it.window.horizon, it.window.kind
    code = ranks(log.customer.values)[log.customer.codes]
    if not len(log.day):
        raise BadData(f"none of {log.rows:,} rows is left; mend the [[keep]] rules")
    last = int(log.day.max())
    if window == "first purchase":
        first = _first_days(code, log)
        found = histories(code, log.day - first[code], log.amount, cut=0, horizon=horizon, items=log.items)
        start = first[found.customer]
    else:
        assert it.window.cut is not None
        cut = last if ahead else (it.window.cut - _EPOCH).days
        if not ahead and cut + horizon > last:
            raise BadData(f"the log ends on {_said(last)}, {last - cut:,} days after the cut: [window] horizon = "
                          f"{horizon} is longer; write {max(last - cut, 1):,} or less, or an earlier cut")  # fmt: skip
        found = histories(code, log.day, log.amount, cut=cut, horizon=horizon, items=log.items)
        start = found.start
    if not len(found.customer):
        raise BadData("no customer has a purchase in the window; write a later cut")
    order = np.argsort(ranks(log.customer.values))
    whole = Customers(
        found=found,
        ids=log.customer.values.take(_arrow(order[found.customer])),
        start=start,
        fields=_fields(log, found, start, window),
        numbers=_numbers(log, found, window),
        beside=as_it_is(found, horizon) if window == "calibration" else {},
        counts={"customers without a purchase to learn from": len(log.customer.values) - len(found.customer)},
    )
    if window == "calibration" or ahead:
        return whole
    old = start + horizon <= last
    if not old.any():
        raise BadData(f"the log ends on {_said(last)}, less than [window] horizon = {horizon} days after every first "
                      "purchase; write a shorter one, or get a longer log")  # fmt: skip
    kept = whole.take(old)
    return replace(kept, counts={**kept.counts, "customers younger than the horizon": int((~old).sum())})


def raw_of(them: Customers, it: Orders) -> tuple[Raw, Description]:
    """The customers as rows of a described table: what `fitted.assembled` needs."""
    label = them.found.spend if it.window.target == "spend" else them.found.count.astype(np.float64)
    capped = 0
    if not isinstance(it.label.cap, str):
        capped = int((label > it.label.cap).sum())
        label = np.minimum(label, it.label.cap)
    roles: dict[str, str | Role] = {**dict.fromkeys(them.fields, "category"), **dict.fromkeys(them.numbers, "number")}
    unit = it.label.unit if it.window.target == "spend" else "purchases"
    about = Description(
        name=it.name, files=it.files, task="ltv", columns=roles, label=Label(unit, "none"), split=it.split,
        training=it.training,
    )  # fmt: skip
    numbers_ = dict(them.numbers)
    raw = Raw(label.astype(np.float32), None, them.start, dict(them.fields), numbers_, len(label), capped, them.counts)
    return raw, about


def batch(them: Customers) -> Any:
    """The customers as a pyarrow RecordBatch, by the columns of the encoder that was fitted on such."""
    import pyarrow as pa

    columns = {name: one.values.take(pa.array(one.codes, mask=one.codes < 0)) for name, one in them.fields.items()} | {
        name: pa.array(values) for name, values in them.numbers.items()
    }
    return pa.record_batch(columns)


def _first_days(code: Array, log: Purchases) -> Array:
    """The day of each customer's first purchase, int64 [customers]; of one without any, a day after all."""
    never = int(log.day.max()) + 1
    first = np.full(len(log.customer.values), never, np.int64)
    bought = np.asarray(log.amount) >= 0
    np.minimum.at(first, code[bought], log.day[bought])
    return first


def _fields(log: Purchases, found: Histories, start: Array, window: str) -> dict[str, Coded]:
    """Month and weekday of the first purchase, how often they came again, and each category at the first purchase."""
    when = start.astype("datetime64[D]")
    month = when.astype("datetime64[M]").astype(np.int64) % 12 + 1
    own = {
        "first_month": _whole(month),
        "first_weekday": _whole((start + _EPOCH.weekday()) % 7),  # 0 is Monday
        **({"frequency": _whole(often(found))} if window == "calibration" else {}),
    }
    return own | _apart({name: Coded(one.values, one.codes[found.first_row]) for name, one in log.coded.items()}, own)


def _numbers(log: Purchases, found: Histories, window: str) -> dict[str, Array]:
    own = numbers(found)
    if window == "first purchase":  # all the rest follows from these, or is 0
        own = {name: own[name] for name in ("log_first_value", "log_items")}
    return own | _apart({name: values[found.first_row] for name, values in log.numbers.items()}, own)


def _apart(theirs: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Columns by names that ours do not have."""
    return {f"{name}_" if name in own else name: one for name, one in theirs.items()}


def _whole(values: Array) -> Coded:
    import pyarrow as pa

    known, codes = np.unique(values, return_inverse=True)
    return Coded(pa.array(known), codes.astype(np.int32))


def _arrow(values: Array) -> Any:
    import pyarrow as pa

    return pa.array(values)


def _said(day: int) -> str:
    return str(np.datetime64(day, "D"))
