"""What turns rows of a described table into a model's inputs: fitted once, kept as JSON, the same for new rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from datasets.described.description import SECONDS
from datasets.preparing.encode import bucketed
from datasets.schema import Array, Rows
from datasets.tabular.cells import keys, lists, numbers
from datasets.tabular.coder import without_point
from datasets.tabular.opened import Block

_CHUNK = 1 << 18  # values written as JSON at a time


@dataclass(frozen=True)
class Vocabulary:
    """A column of ids: its values known to training, ascending; the first has id 1, or 2 where empty cells have 1."""

    name: str  # of the field or the bag
    column: str
    values: Any  # pyarrow Array, int64 or text
    missing: bool = False  # whether training rows have empty cells
    length: int = 0  # of a list
    separator: str = ","

    @property
    def size(self) -> int:
        """The number of ids, the unknown one included."""
        return len(self.values) + self.missing + 1

    def ids(self, column: Any) -> Array:
        """The ids of keys as `tabular.cells.keys` gives them, int32 [n]; 0 for a value that training did not see."""
        import pyarrow as pa
        import pyarrow.compute as pc

        values = self.values
        if column.type != values.type:  # 7 in one file and "7" in another are the same id
            whole = pa.types.is_integer(values.type)
            column, values = column.cast(pa.large_string()), values.cast(pa.large_string())
            column = without_point(column) if whole else column
        place = pc.fill_null(pc.index_in(column, value_set=values), -1).to_numpy(zero_copy_only=False)
        known = np.where(place >= 0, place + 1 + self.missing, 0).astype(np.int32)
        if column.null_count:
            known[column.is_null().to_numpy(zero_copy_only=False)] = int(self.missing)
        return known


@dataclass(frozen=True)
class Number:
    """A standardised column: (value - mean) / std of the training rows, 0 where empty."""

    column: str
    mean: float
    std: float

    def scaled(self, values: Array) -> Array:
        """float64 [n] to float32 [n]."""
        return np.nan_to_num((values - self.mean) / (self.std or 1.0)).astype(np.float32)


@dataclass(frozen=True)
class Span:
    """The column of durations: its unit, and the inner edges of the buckets, in seconds."""

    column: str
    unit: str
    edges: tuple[float, ...]


@dataclass(frozen=True)
class Encoder:
    """All columns of a described table, in the order of the schema."""

    fields: tuple[Vocabulary, ...]
    bags: tuple[Vocabulary, ...]
    numbers: tuple[Number, ...]
    span: Span | None
    decimal: str = "."

    @property
    def columns(self) -> list[str]:
        """The columns that are read, once each."""
        found = [one.column for one in (*self.fields, *self.bags)] + [one.column for one in self.numbers]
        return list(dict.fromkeys([*found, *([self.span.column] if self.span else [])]))

    def rows(self, block: Block) -> Rows:
        """A block's rows as a model sees them, without label and user. Raises BadData for a cell that is none."""
        rows, right, _ = self.lenient(block)
        if not right.all():
            assert self.span is not None
            raise block.bad(self.span.column, int((~right).argmax()), "is no duration above 0")
        return rows

    def lenient(self, block: Block) -> tuple[Rows, Array, dict[str, int]]:
        """The same where rows without a duration above 0 have one of a second; which rows are right, bool [n]; and of
        how many rows each column of ids has a value that training did not see."""
        n, right, unseen = block.batch.num_rows, np.ones(block.batch.num_rows, bool), {}
        ids = []
        for vocabulary in self.fields:
            column = keys(block, vocabulary.column)
            ids.append(vocabulary.ids(column))
            unseen[vocabulary.column] = int((ids[-1] == 0).sum()) - (0 if vocabulary.missing else column.null_count)
        duration = bucket = None
        if self.span is not None:
            duration = in_seconds(numbers(block, self.span.column, self.decimal), self.span.unit)
            right = duration > 0
            duration = np.where(right, duration, 1.0)
            bucket = bucketed(duration, np.array(self.span.edges))
            ids.append(bucket + np.int32(1))
        scaled = [one.scaled(numbers(block, one.column, self.decimal)) for one in self.numbers]
        rows = Rows(
            ids=np.stack(ids, 1) if ids else np.empty((n, 0), np.int32),
            bags={bag.name: self._bag(block, bag) for bag in self.bags},
            numeric=np.stack(scaled, 1) if scaled else None,
            duration=None if duration is None else duration.astype(np.float32),
            bucket=bucket,
        )
        return rows, right, unseen

    @staticmethod
    def _bag(block: Block, bag: Vocabulary) -> Array:
        counts, members = lists(block, bag.column, bag.length, bag.separator)
        padded = np.zeros((len(counts), bag.length), np.int32)
        padded[np.arange(bag.length) < counts[:, None]] = bag.ids(members)
        return padded

    def to_json(self) -> bytes:
        """JSON; long lists of values are written piece by piece."""
        return b"".join(self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        content = {"numbers": self.numbers, "span": self.span, "decimal": self.decimal}
        yield msgspec.json.encode(content)[:-1]
        for what, group in (("fields", self.fields), ("bags", self.bags)):
            yield f',"{what}":['.encode()
            for place, one in enumerate(group):
                about = {"name": one.name, "column": one.column, "missing": one.missing, "length": one.length}
                yield b"," * bool(place) + msgspec.json.encode(about | {"separator": one.separator})[:-1]
                yield b',"values":['
                for start in range(0, len(one.values), _CHUNK):
                    yield b"," * bool(start) + msgspec.json.encode(one.values[start : start + _CHUNK].to_pylist())[1:-1]
                yield b"]}"
            yield b"]"
        yield b"}"


class _Values(msgspec.Struct):
    name: str
    column: str
    missing: bool
    length: int
    separator: str
    values: list[int | str]


class _Kept(msgspec.Struct):
    numbers: tuple[Number, ...]
    span: Span | None
    decimal: str
    fields: list[_Values]
    bags: list[_Values]


def from_json(raw: bytes) -> Encoder:
    """The encoder that was written. Raises msgspec.DecodeError for anything else."""
    kept = msgspec.json.decode(raw, type=_Kept)

    def vocabularies(group: list[_Values]) -> tuple[Vocabulary, ...]:
        return tuple(
            Vocabulary(one.name, one.column, _array(one.values), one.missing, one.length, one.separator)
            for one in group
        )

    return Encoder(vocabularies(kept.fields), vocabularies(kept.bags), kept.numbers, kept.span, kept.decimal)


def _array(values: list[int | str]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.large_string() if values and isinstance(values[0], str) else pa.int64())


def in_seconds(values: Array, unit: str) -> Array:
    """In seconds where the unit is one of time, else as they are. Divided where that is exact: 300 ms are 0.3 s."""
    factor = SECONDS.get(unit, 1.0)
    return values / round(1 / factor) if factor < 1 else values * factor
