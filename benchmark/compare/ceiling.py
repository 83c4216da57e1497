"""How well a log can be ordered at all by who watches what: variance components of the label, and the XAUC that they
predict. One small JSON file beside the records of a watch-time dataset, complete or absent."""

from math import inf, isfinite
from typing import TYPE_CHECKING, Annotated

import msgspec

from benchmark.compare import derived
from benchmark.files.paths import ROOT
from benchmark.records.record import Record

if TYPE_CHECKING:
    import numpy as np

    from datasets.base import Table
    from methods._components import Components

ROWS = (1, 5, 27, inf)  # training rows a user: KuaiRand-Pure's whole log has 27
SHARES = (0.01, 0.03, 0.1, 0.3, 1.0)  # of the log's training rows
_DIGITS = 6


class Parts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of the variance of the label's normal scores on the training rows, or their standard errors."""

    user: float
    item: float
    shared: float  # by both, where users do not meet items at random
    residual: float


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The XAUC that shrunken user and item means are predicted to reach."""

    rows: float | None  # training rows, a user's or the log's; None: without end
    xauc: Annotated[float, msgspec.Meta(ge=0.5, le=1)]


class Ceiling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dataset's variance components, from its training rows."""

    format: int = 1
    dataset: str
    code: str  # hash of what computed it
    table: str  # fingerprint of the prepared table
    rows: int  # of training
    users: int
    items: int
    parts: Parts
    errors: Parts | None  # from leaving out users; None where they are too few
    by_user: list[Point]  # where every user has so many rows, and items in proportion
    by_share: list[Point]  # of the log's own test rows, where each user and item has kept its share of training rows


def _fits(record: Record) -> bool:
    """Says whether the record's dataset has users who watch: labels with durations, the whole log to learn from."""
    options = record.protocol.get("options") or {}
    return "bucket_edges" in record.facts and "training_share" not in options


def measured(dataset: str, table: "Table") -> Ceiling:
    """Estimate the components on the training rows. Raises ValueError where the table cannot tell them apart."""
    import numpy as np

    from methods._components import ITEMS, USER, normal_scores, with_errors

    names = [field.name for field in table.schema.fields]
    item_field = next((name for name in ITEMS if name in names), None)
    if USER not in names or item_field is None or table.rows.label is None:
        raise ValueError("its rows name no user or no item")
    train, test = table.split["train"], table.split["test"]
    label, ids = table.rows.label[train], table.rows.ids
    user, item = ids[train, names.index(USER)], ids[train, names.index(item_field)]
    found, errors = with_errors(normal_scores(label), user, item)
    if not found.identified or not found.total > 0:
        raise ValueError("its training rows cannot tell users, items and chance apart")
    of_user, of_item = _counts(user, ids[test, names.index(USER)]), _counts(item, ids[test, names.index(item_field)])
    users, items = len(np.unique(user)), len(np.unique(item))
    return Ceiling(
        dataset=dataset,
        code=KIND.code,
        table=table.fingerprint,
        rows=len(train),
        users=users,
        items=items,
        parts=_parts(found, found.total),
        errors=_parts(errors, found.total) if errors else None,
        by_user=[_point(k, found.xauc(k, k * users / items)) for k in ROWS],
        by_share=[_point(s * len(train), found.xauc(s * of_user, s * of_item)) for s in SHARES],
    )


def _counts(train: "np.ndarray", test: "np.ndarray") -> "np.ndarray":
    """How many training rows each test row's id has, float64 [test]; none where the id is unknown."""
    import numpy as np

    rows = np.bincount(train, minlength=int(test.max()) + 1).astype(np.float64)
    rows[0] = 0.0
    return rows[test]


def _parts(found: "Components", total: float) -> Parts:
    return Parts(
        user=round(found.user / total, _DIGITS),
        item=round(found.item / total, _DIGITS),
        shared=round(found.shared / total, _DIGITS),
        residual=round(found.residual / total, _DIGITS),
    )


def _point(rows: float, xauc: float) -> Point:
    return Point(rows=rows if isfinite(rows) else None, xauc=round(xauc, _DIGITS))


KIND = derived.Kind(
    file="ceiling.json",
    form=Ceiling,
    sources=(__file__, str(ROOT / "methods" / "_components.py")),
    what="how much of its label is the user's and the item's",
    fits=_fits,
    measure=measured,
)
