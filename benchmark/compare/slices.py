"""Parts of the test rows, from what a table says of them: where a method is good and where it is not."""

from itertools import pairwise

import numpy as np

from datasets.base import Table
from datasets.schema import Array

ITEMS = ("video_id", "item_id", "product_id")  # fields that name what is watched or bought


def slices(table: Table) -> dict[str, Array]:
    """Bool masks over the test rows by name: "bucket=0", ... (of the duration); "user=seen" and "user=unseen",
    "item=seen" and "item=unseen" (in the training rows); "activity=2-4", ... (thirds of the rows of seen users by how
    many training rows their user has); "positive" and "zero" (ltv). A part that is empty or everything is left out."""
    test = table.view("test")
    found: dict[str, Array] = {}
    if test.bucket is not None:
        found |= {f"bucket={bucket}": test.bucket == bucket for bucket in range(table.schema.buckets)}
    if test.user is not None and table.rows.user is not None:
        seen = _training_rows(np.asarray(table.rows.user)[table.split["train"]], test.user)
        found |= {"user=seen": seen > 0, "user=unseen": seen == 0}
        if len(np.unique(test.user)) < len(test.user):  # else a user is a row, and has no activity
            found |= _thirds(seen)
    for place, field in enumerate(table.schema.fields):
        if field.name in ITEMS:
            found |= {"item=seen": test.ids[:, place] > 0, "item=unseen": test.ids[:, place] == 0}
    if table.schema.task == "ltv":
        assert test.label is not None
        found |= {"positive": test.label > 0, "zero": test.label <= 0}
    return {name: mask for name, mask in found.items() if mask.any() and not mask.all()}


def _training_rows(train: Array, test: Array) -> Array:
    """Counts the training rows of each test row's user, int64 [test]."""
    size = int(max(train.max(), test.max())) + 1
    return np.bincount(train, minlength=size)[test]


def _thirds(count: Array) -> dict[str, Array]:
    """Thirds of the rows with a count above 0, by that count; fewer where counts repeat too often to be cut."""
    known = np.sort(count[count > 0])
    if not len(known):
        return {}
    edges = sorted({0, *(int(known[len(known) * k // 3 - 1]) for k in (1, 2)), int(known[-1])})
    masks = {(low + 1, high): (count > low) & (count <= high) for low, high in pairwise(edges)}
    return {f"activity={low}" + (f"-{high}" if high > low else ""): mask for (low, high), mask in masks.items()}
