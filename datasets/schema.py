"""What a method may know of a dataset: its columns' names and sizes (`Schema`) and a view of some rows (`Rows`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

Array = np.ndarray
Task = Literal["watch_time", "ltv"]


@dataclass(frozen=True)
class Field:
    """A categorical column. Ids run from 0 to size - 1; 0 is the unknown id, also of ids that no training row has."""

    name: str
    size: int


@dataclass(frozen=True)
class Bag:
    """At most `length` ids a row. Id 0 is padding or unknown; the embeddings of a bag are averaged without it."""

    name: str
    size: int
    length: int


@dataclass(frozen=True)
class Schema:
    """The columns that a model is built for; everything that is fitted for them was fitted on the training rows."""

    task: Task
    unit: str  # of the label: "s", "ratio", "EUR", "USD"
    fields: tuple[Field, ...]
    bags: tuple[Bag, ...] = ()
    numeric: tuple[str, ...] = ()  # standardised columns
    content: int = 0  # width of the item-side content vector, 0 where there is none
    buckets: int = 0  # number of duration buckets, 0 where rows have no duration
    truth: tuple[str, ...] = ()  # what a synthetic world knows of each row: "mean", "median", "q10", ...

    @property
    def columns(self) -> "tuple[Field | Bag, ...]":
        """What embeddings are kept for: the fields, then the bags."""
        return (*self.fields, *self.bags)

    @property
    def has_duration(self) -> bool:
        return self.buckets > 0


@dataclass(frozen=True)
class Rows:
    """Some rows of a table, as arrays of equal length n. A method never sees more of the data than such a view."""

    ids: Array  # int32 [n, fields]
    bags: Mapping[str, Array] = field(default_factory=dict)  # int32 [n, length] each
    numeric: Array | None = None  # float32 [n, numeric]
    content: Array | None = None  # float32 [items, width], one row per item, gathered by content_row
    content_row: Array | None = None  # int32 [n]
    label: Array | None = None  # float32 [n] in the schema's unit; None where a method predicts
    duration: Array | None = None  # float32 [n], seconds
    bucket: Array | None = None  # int32 [n], duration bucket
    user: Array | None = None  # int32 [n], the user behind each row (known to training or not)
    truth: Mapping[str, Array] = field(default_factory=dict)  # float32 [n] each, synthetic worlds only

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, index: Array) -> "Rows":
        """The rows at `index` [m], copied into memory."""

        def at(column: Array | None) -> Array | None:
            return None if column is None else np.ascontiguousarray(column[index])

        return Rows(
            ids=np.ascontiguousarray(self.ids[index]),
            bags={name: np.ascontiguousarray(column[index]) for name, column in self.bags.items()},
            numeric=at(self.numeric),
            content=self.content,
            content_row=at(self.content_row),
            label=at(self.label),
            duration=at(self.duration),
            bucket=at(self.bucket),
            user=at(self.user),
            truth={name: np.ascontiguousarray(column[index]) for name, column in self.truth.items()},
        )

    def without_label(self) -> "Rows":
        """What a method may see when it predicts."""
        return replace(self, label=None)
