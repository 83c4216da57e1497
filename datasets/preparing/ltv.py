"""The last step of every lifetime-value dataset: raw columns, labels and a split in, a checked `Table` out."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from datasets.base import BadData, Split, Table, TooFew
from datasets.preparing.encode import encoded, label_facts, split_facts
from datasets.schema import Array, Field, Rows, Schema

log = logging.getLogger(__name__)

FEWEST = 30  # rows: with less, a part of the split is a handful of them and nothing can be compared


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
    Raises TooFew for fewer than FEWEST rows.
    """
    n, train = len(label), split["train"]
    if n > np.iinfo(np.int32).max:
        raise BadData(f"{n:,} rows are more than the 2,147,483,647 that row numbers can count")
    if n < FEWEST:
        raise TooFew(f"{n} rows are too few to train and compare on, {FEWEST} the least; get more of the raw file")
    users, who = np.unique(user, return_inverse=True)
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
        user=who.astype(np.int32),
        truth={name: values.astype(np.float32, copy=False) for name, values in truth.items()},
    )
    all_facts = {
        "rows": n,
        "users": len(users),
        "label": label_facts(label),
        "positive": float(np.mean(label > 0)),
        "unit": unit,
        "split_sizes": split_facts(split),
        "numeric": scales,
        **facts,
    }
    return Table(schema=schema, rows=rows, split=split, facts=all_facts)


def beside(name: str, published: Mapping[str, str], found: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Published counts, as printed, beside those of a complete file; what rounding does not explain is logged."""
    result: dict[str, dict[str, Any]] = {}
    for what, printed in published.items():
        decimals = len(printed.partition(".")[2])
        agrees = f"{found[what]:.{decimals}f}" == printed
        result[what] = {"published": printed, "found": float(found[what]), "agrees": agrees}
        if not agrees:
            log.warning("%s: %s is %s in the file and %s in print", name, what, found[what], printed)
    return result
