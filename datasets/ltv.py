"""The last step of every lifetime-value dataset: raw columns, labels and a split in, a checked `Table` out."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from datasets.base import BadData, Split, Table
from datasets.encode import codes, encoded, label_facts, split_facts
from datasets.schema import Array, Field, Rows, Schema


def assemble_ltv(
    raw: dict[str, Array],
    *,
    numeric: Mapping[str, Array],
    split: Mapping[Split, Array],
    unit: str,
    label: Array,
    user: Array,
    facts: Mapping[str, Any],
    least: int = 1,
    truth: Mapping[str, Array] | None = None,
) -> Table:
    """Encode the categorical columns `raw` (name -> integers [n]; emptied to save memory) and put all together.

    An id that fewer than `least` training rows have is the unknown id. Numeric columns [n] are standardised by the
    training rows; their NaN become 0, the training mean. `user` [n] holds any integers that are equal where users are.
    """
    n, train = len(label), split["train"]
    if n > np.iinfo(np.int32).max:
        raise BadData(f"{n:,} rows are more than the 2,147,483,647 that row numbers can count")
    who, users = codes(user)
    fields: list[Field] = []
    ids = np.zeros((n, len(raw)), np.int32)
    for place, name in enumerate(list(raw)):
        values = raw.pop(name)
        known, counts = np.unique(values[train], return_counts=True)
        known = known[counts >= least]
        if len(known):
            ids[:, place] = encoded(values, known)
        fields.append(Field(name, len(known) + 1))
    scales: dict[str, list[float]] = {}
    scaled = np.empty((n, len(numeric)), np.float32)
    for place, (name, column) in enumerate(numeric.items()):
        seen = column[train]
        seen = seen[~np.isnan(seen)].astype(np.float64)
        mean, std = (float(seen.mean()), float(seen.std())) if len(seen) else (0.0, 1.0)
        scales[name] = [mean, std]
        scaled[:, place] = np.nan_to_num((column - mean) / (std or 1.0))
    truth = truth or {}
    schema = Schema("ltv", unit, tuple(fields), numeric=tuple(numeric), truth=tuple(truth))
    rows = Rows(
        ids=ids,
        numeric=scaled if numeric else None,
        label=label.astype(np.float32, copy=False),
        user=who,
        truth={name: values.astype(np.float32, copy=False) for name, values in truth.items()},
    )
    all_facts = {
        "rows": n,
        "users": users,
        "label": label_facts(label),
        "positive": float(np.mean(label > 0)),
        "unit": unit,
        "split_sizes": split_facts(split),
        "numeric": scales,
        **facts,
    }
    return Table(schema=schema, rows=rows, split=split, facts=all_facts)


def beside(published: Mapping[str, str], found: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Published counts, as printed, beside those of the file; they agree where rounding explains the difference."""
    result: dict[str, dict[str, Any]] = {}
    for name, printed in published.items():
        exact = Decimal(printed)
        decimals = -int(exact.as_tuple().exponent)
        close = abs(found[name] - float(exact)) <= (0.5000001 * 10.0**-decimals if decimals else 0)
        result[name] = {"published": float(exact), "found": float(found[name]), "agrees": bool(close)}
    return result
