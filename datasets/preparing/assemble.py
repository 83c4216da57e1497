"""The last step of every watch-time dataset: raw columns and a split in, a checked `Table` out."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from datasets.base import BadData, Split, Table
from datasets.preparing.distinct import first, kept, row_hash, straddling
from datasets.preparing.encode import bucket_edges, bucketed, codes, encoded, label_facts, split_facts, vocabulary
from datasets.schema import Array, Bag, Field, Rows, Schema


def assemble(
    raw: dict[str, Array],
    *,
    split: Mapping[Split, Array],
    unit: str,
    label: Array,
    duration: Array,
    buckets: int,
    facts: Mapping[str, Any],
    bags: Mapping[str, tuple[Array, int]] | None = None,
    truth: Mapping[str, Array] | None = None,
    distinct: bool = False,
) -> Table:
    """Encode the categorical columns `raw` (name -> values [n]; emptied to save memory) and put all together.

    `raw` must hold user_id and video_id. The field duration_level is added: 1 + the duration bucket. `bags` maps a
    name to its padded ids [n, length] and its size. `distinct`: of rows that are equal in `raw`, duration and label the
    first one stays, on its side of the split. Without it they are counted: `repeats` of the facts.
    """
    same = row_hash([*raw.values(), duration, label])
    facts = {**facts, "repeats": straddling(same, split)}
    if distinct:
        keep = first(same)
        split, label, duration = kept(split, keep), label[keep], duration[keep]
        for name in list(raw):
            raw[name] = raw[name][keep]
        bags = {name: (padded[keep], size) for name, (padded, size) in (bags or {}).items()}
        truth = {name: values[keep] for name, values in (truth or {}).items()}
        facts |= {"repeats": straddling(same[keep], split)}
        facts["dropped"] = {**facts.get("dropped", {}), "equal to an earlier row": int((~keep).sum())}
    del same
    n, train = len(label), split["train"]
    if n > np.iinfo(np.int32).max:
        raise BadData(f"{n:,} rows are more than the 2,147,483,647 that row numbers can count")
    edges = bucket_edges(duration, train, buckets)
    bucket = bucketed(duration, edges)
    user, users = codes(raw["user_id"])
    items = len(np.unique(raw["video_id"]))
    fields: list[Field] = []
    ids = np.empty((n, len(raw) + 1), np.int32)
    for place, name in enumerate(list(raw)):
        values = raw.pop(name)
        known = vocabulary(values, train)
        ids[:, place] = encoded(values, known)
        fields.append(Field(name, len(known) + 1))
    ids[:, -1] = bucket + 1
    fields.append(Field("duration_level", len(edges) + 2))
    bags, truth = bags or {}, truth or {}
    schema = Schema(
        task="watch_time",
        unit=unit,
        fields=tuple(fields),
        bags=tuple(Bag(name, size, padded.shape[1]) for name, (padded, size) in bags.items()),
        buckets=len(edges) + 1,
        truth=tuple(truth),
    )
    rows = Rows(
        ids=ids,
        bags={name: padded for name, (padded, _) in bags.items()},
        label=label.astype(np.float32, copy=False),
        duration=duration.astype(np.float32, copy=False),
        bucket=bucket,
        user=user,
        truth={name: values.astype(np.float32, copy=False) for name, values in truth.items()},
    )
    all_facts = {
        "rows": n,
        "users": users,
        "items": items,
        "label": label_facts(label),
        "unit": unit,
        "split_sizes": split_facts(split),
        "bucket_edges": [float(e) for e in edges],
        **facts,
    }
    return Table(schema=schema, rows=rows, split=split, facts=all_facts)
