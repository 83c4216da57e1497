"""The protocol `@holdout` of a transaction log: features of each customer's history up to a cut, a label after it.

A purchase is an amount of zero or above, and those of a day are one; an amount below zero is a refund, taken off the
period that it lies in. One row for each customer with a purchase up to and with the cut. Nothing after it is looked at
for a feature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from datasets.base import BadData, Split, Table
from datasets.preparing.ltv import assemble_ltv
from datasets.schema import Array

Target = Literal["spend", "count"]

PURCHASES = "purchases"  # the unit of a label that counts them
_OFTEN = 10  # larger frequencies share a category


@dataclass(frozen=True)
class Histories:
    """One entry for each customer with a purchase up to the cut: m entries, ordered by customer."""

    customer: Array  # [m], as given
    first_row: Array  # int64 [m], row of the first purchase (the first in the input among those of a day)
    owner: Array  # int64 [rows], the entry that each row up to the cut belongs to; -1 after it, and of nobody
    start: Array  # int64 [m], day of the first purchase
    frequency: Array  # int64 [m], days with a purchase after it: x
    recency: Array  # int64 [m], days from the first to the last purchase: t_x
    age: Array  # int64 [m], days from the first purchase to the cut: T
    first_value: Array  # float64 [m], spent on the first day, less that day's refunds
    total: Array  # float64 [m], spent up to the cut, less refunds; never below 0
    repeat_value: Array  # float64 [m], mean spend of the frequency's days, less refunds; 0 where there is none
    items: Array  # float64 [m], bought up to the cut
    spend: Array  # float64 [m], after the cut, within the horizon, less refunds; never below 0
    count: Array  # int64 [m], days with a purchase after the cut, within the horizon
    refunded: int  # customers whose refunds exceed what they spent, in the history or after it


def histories(
    customer: Array, day: Array, amount: Array, *, cut: int, horizon: int, items: Array | None = None
) -> Histories:
    """Reduce a log in any order, [rows] each. `day` and the last day of the history, `cut`, count days from anywhere;
    `horizon` is how many days after the cut the label speaks of. `items`: how many each row bought; 1 where None."""
    before, after = day <= cut, (day > cut) & (day <= cut + horizon)
    bought = amount >= 0
    known = np.unique(customer[before & bought])
    place = np.minimum(np.searchsorted(known, customer), max(len(known) - 1, 0))
    theirs = known[place] == customer if len(known) else np.zeros(len(customer), bool)
    m = len(known)

    def total(rows: Array, values: Array) -> Array:
        return np.bincount(place[rows], weights=values[rows], minlength=m)

    def days(rows: Array) -> Array:
        """How many different days of theirs."""
        if not len(rows):
            return np.zeros(m, np.int64)
        low, span = int(day[rows].min()), int(np.ptp(day[rows])) + 1
        return np.bincount(np.unique(place[rows] * span + (day[rows] - low)) // span, minlength=m)

    past, future = np.flatnonzero(before & theirs), np.flatnonzero(after & theirs)
    purchase = past[bought[past]]
    order = purchase[np.lexsort((purchase, day[purchase], place[purchase]))]
    first_row = order[np.flatnonzero(np.diff(place[order], prepend=-1))]
    start = day[first_row].astype(np.int64)
    last = np.full(m, np.iinfo(np.int64).min)
    np.maximum.at(last, place[purchase], day[purchase].astype(np.int64))
    frequency = days(purchase) - 1
    on_first = past[day[past] == start[place[past]]]
    first_value, everything, spend = total(on_first, amount), total(past, amount), total(future, amount)
    again = np.maximum(everything - first_value, 0)
    owner = np.full(len(customer), -1)
    owner[past] = place[past]
    return Histories(
        customer=known,
        first_row=first_row,
        owner=owner,
        start=start,
        frequency=frequency,
        recency=last - start,
        age=cut - start,
        first_value=np.maximum(first_value, 0),
        total=np.maximum(everything, 0),
        repeat_value=np.divide(again, frequency, out=np.zeros(m), where=frequency > 0),
        items=total(purchase, np.ones(len(day)) if items is None else items),
        spend=np.maximum(spend, 0),
        count=days(future[bought[future]]),
        refunded=int(((everything < -1e-9) | (spend < -1e-9)).sum()),
    )


def constants(found: Histories, columns: Mapping[str, Array]) -> dict[str, Array]:
    """Of these columns [rows], those that are the same in all rows of a customer's history: name -> values [m]."""
    rows = found.owner >= 0
    owner = found.owner[rows]
    steady = {}
    for name, values in columns.items():
        first = values[found.first_row]
        if (values[rows] == first[owner]).all():
            steady[name] = first
    return steady


def assemble_holdout(
    name: str,
    found: Histories,
    fields: Mapping[str, Array],
    *,
    split: Mapping[Split, Array],
    unit: str,
    horizon: int,
    target: Target,
    facts: Mapping[str, Any],
) -> Table:
    """The table of histories: `fields` [m] and a category of the frequency; the history's numbers, amounts and counts
    in logarithms, for networks and trees; and, beside the rows, what a model of repeat buying needs as it is.

    Those columns lie where a synthetic world keeps its truth, float32 in days and the unit of `unit`: no scaler touches
    them there and no network sees them. None knows anything of what came after the cut. `target`: the spend in `unit`,
    or the count of days with a purchase, whose unit is "purchases". Raises BadData where nobody has a history.
    """
    if not len(found.customer):
        raise BadData(f"{name}: no customer has a purchase up to the cut; choose a later one")
    more = {
        "refunds above purchases": found.refunded,
        "repeat_buyers": int((found.frequency > 0).sum()),
        "mean_frequency": float(found.frequency.mean()),
        "holdout": {"spend": float(found.spend.mean()), "purchases": float(found.count.mean())},
    }
    return assemble_ltv(
        {**fields, "frequency": often(found)},
        numeric=numbers(found),
        split=split,
        unit=unit if target == "spend" else PURCHASES,
        label=found.spend if target == "spend" else found.count.astype(np.float64),
        user=found.customer,
        facts={**facts, **more},
        truth=as_it_is(found, horizon),
    )


def often(found: Histories) -> Array:
    """The frequency as a category, int64 [m]."""
    return np.minimum(found.frequency, _OFTEN)


def numbers(found: Histories) -> dict[str, Array]:
    """The history's numbers, amounts and counts in logarithms, float64 [m] each."""
    return {
        "log_frequency": np.log1p(found.frequency),
        "recency": found.recency.astype(np.float64),
        "age": found.age.astype(np.float64),
        "log_repeat_value": np.log1p(found.repeat_value),
        "log_first_value": np.log1p(found.first_value),
        "log_total": np.log1p(found.total),
        "log_items": np.log1p(np.maximum(found.items, 0)),
    }


def as_it_is(found: Histories, horizon: int) -> dict[str, Array]:
    """What a model of repeat buying needs, unscaled, in days and the amounts' unit, float32 [m] each."""
    columns = {
        "frequency": found.frequency,
        "recency_days": found.recency,
        "age_days": found.age,
        "repeat_value": found.repeat_value,
        "horizon_days": np.full(len(found.customer), horizon),
    }
    return {name: values.astype(np.float32) for name, values in columns.items()}
