"""Turns what was read of a described table into a `Table`; whatever is fitted is fitted on the training rows alone."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datasets.base import BadData, Split, Table
from datasets.described.description import SECONDS, Description
from datasets.described.encoder import Encoder, Number, Span, Vocabulary
from datasets.described.raw import Coded, Raw, cores
from datasets.described.splits import by_time, by_user
from datasets.preparing.encode import bucket_edges, bucketed, label_facts, random_split, split_facts
from datasets.reading.ingest import duplicates
from datasets.schema import Array, Bag, Field, Rows, Schema
from datasets.tabular.coder import EMPTY, ranks
from datasets.tabular.spool import Spool

FEWEST = 30  # rows: with less, a part of the split is a handful of them and nothing can be compared
LEVEL = "duration_level"
_FIXED = {"user": "user_id", "item": "item_id"}  # fields' names, whatever the columns are called
_CHUNK = 1 << 20  # rows at a time
_COUNTED = 20_000_000  # with more rows, duplicates are not looked for


class _Fit(NamedTuple):
    """A column of ids, fitted."""

    vocabulary: Vocabulary
    id_of: Array  # int32 [codes + 1], the id of each code; the last one's is that of an empty cell


def assembled(raw: Raw, it: Description, folder: Path) -> Table:
    """The table of these rows. folder: for what is too long for memory. Raises BadData where nothing can be learned."""
    _check(raw)
    user, users = _users(raw, it, folder)
    split = _split(raw, it, user, users)
    with ThreadPoolExecutor(cores()) as pool:  # columns side by side
        encoder, tables = _fitted(raw, it, split["train"], pool)
        facts = pool.submit(_facts, raw, it, users, split, encoder)
        rows = _rows(raw, encoder, tables, folder, pool)
        schema = _schema(it, encoder)
        return Table(schema, replace(rows, user=user), split, facts.result(), encoder=_bytes(encoder))


def _fitted(raw: Raw, it: Description, train: Array, pool: Executor) -> tuple[Encoder, dict[str, Array]]:
    """What is fitted on the training rows, and the id of each code, int32 [codes + 1], by column of ids."""
    named = {**names(it), **{column: column for column in it.having("list")}}
    fitting = {column: pool.submit(_fit, name, column, raw.coded[column], train, it) for column, name in named.items()}
    scaling = [pool.submit(_number, column, values, train) for column, values in raw.numbers.items()]
    span = None
    if raw.duration is not None and it.duration is not None:
        edges = bucket_edges(raw.duration, train, it.duration.buckets)
        span = Span(it.one("duration"), it.duration.unit, tuple(edges.tolist()))
    fits = {column: task.result() for column, task in fitting.items()}
    encoder = Encoder(
        tuple(fits[column].vocabulary for column in names(it)),
        tuple(fits[column].vocabulary for column in it.having("list")),
        tuple(task.result() for task in scaling),
        span,
        it.csv.decimal if it.csv else ".",
    )
    return encoder, {column: fit.id_of for column, fit in fits.items()}


def _rows(raw: Raw, encoder: Encoder, tables: Mapping[str, Array], folder: Path, pool: Executor) -> Rows:
    """The rows as a model sees them, column by column. tables: the id of each code."""
    duration = bucket = None
    if raw.duration is not None and encoder.span is not None:
        duration, bucket = _durations(raw.duration, np.array(encoder.span.edges), folder)
    columns = [(raw.coded[one.column].codes, tables[one.column]) for one in encoder.fields]
    ids = pool.submit(_ids, columns, bucket, len(raw.label), folder)
    bags = {
        one.name: pool.submit(_bag, raw.coded[one.column].codes, tables[one.column], folder) for one in encoder.bags
    }
    numeric = pool.submit(_scaled, encoder.numbers, raw.numbers, folder)
    return Rows(
        ids=ids.result(),
        bags={name: task.result() for name, task in bags.items()},
        numeric=numeric.result(),
        label=raw.label,
        duration=duration,
        bucket=bucket,
    )


def _schema(it: Description, encoder: Encoder) -> Schema:
    span = encoder.span
    return Schema(
        task=it.task,
        unit=unit_of(it.label.unit),
        fields=(
            *(Field(one.name, one.size) for one in encoder.fields),
            *((Field(LEVEL, len(span.edges) + 2),) if span else ()),
        ),
        bags=tuple(Bag(one.name, one.size, one.length) for one in encoder.bags),
        numeric=tuple(one.column for one in encoder.numbers),
        buckets=len(span.edges) + 1 if span else 0,
    )


def _bytes(encoder: Encoder) -> Array:
    return np.frombuffer(encoder.to_json(), np.uint8)


def unit_of(unit: str) -> str:
    """The unit in which a label is kept: times in seconds."""
    return "s" if unit in SECONDS else unit


def names(it: Description) -> dict[str, str]:
    """The field of each column of ids: `user_id` and `item_id`, the others by their own name."""
    found: dict[str, str] = {}
    for column in it.having("user", "item", "category"):
        own = column
        while own in (*_FIXED.values(), LEVEL, *found.values()):
            own += "_"
        found[column] = _FIXED.get(it.role(column).role, own)
    return found


def _check(raw: Raw) -> None:
    """Raises BadData where nothing can be learned from the labels, or from so few rows."""
    n = len(raw.label)
    if n < FEWEST:
        why = "; ".join(f"{count:,} break the rule `{rule}`" for rule, count in raw.dropped.items() if count)
        raise BadData(f"{n} of {raw.rows:,} rows are left{f' ({why})' if why else ''}, too few to train and compare "
                      f"on: {FEWEST} are the least; get more rows, or mend the [[keep]] rules")  # fmt: skip
    if n > np.iinfo(np.int32).max:
        raise BadData(f"{n:,} rows are more than the 2,147,483,647 that row numbers can count; describe a part of them")
    nothing = [column for column, coded in raw.coded.items() if not len(coded.values)]
    nothing += [column for column, values in raw.numbers.items() if np.isnan(values).all()]
    if nothing:
        raise BadData(f"column {nothing[0]!r} is empty in every row that is left; give it the role \"leave out\", or "
                      "name another column")  # fmt: skip
    low, high = float(raw.label.min()), float(raw.label.max())
    if low == high:
        what = "zero" if low == 0 else f"{low:g}"
        raise BadData(
            f"the label is {what} in all {n:,} rows: there is nothing to predict; choose another label column"
        )


def _users(raw: Raw, it: Description, folder: Path) -> tuple[Array | None, int]:
    """The user of each row, int32 [n], and how many there are. A row without one is a user of its own."""
    if not (column := it.one("user")):
        return None, 0
    coded = raw.coded[column]
    rank, users = np.append(ranks(coded.values), 0).astype(np.int32), len(coded.values)
    out = Spool(folder, np.int32)
    for start in range(0, len(coded.codes), _CHUNK):
        codes = coded.codes[start : start + _CHUNK]
        found, alone = rank[codes], np.flatnonzero(codes == EMPTY)
        found[alone] = users + np.arange(len(alone))
        users += len(alone)
        out.add(found)
    return out.array(), users


def _split(raw: Raw, it: Description, user: Array | None, users: int) -> Mapping[Split, Array]:
    if it.split.kind == "chronological":
        assert raw.time is not None
        return by_time(raw.time, it.split.shares)
    if it.split.kind == "user":
        assert user is not None
        return by_user(user, users, it.split.shares, it.split.seed)
    return random_split(len(raw.label), it.split.shares, it.split.seed)


def _fit(name: str, column: str, coded: Coded, train: Array, it: Description) -> _Fit:
    """The values that training rows have, ascending, and the ids of all codes. An empty cell is a category of its own,
    the first; in a list it is nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    role, count = it.role(column), len(coded.values)
    seen = np.zeros(count + 1, bool)  # the last one: empty
    for start in range(0, len(train), _CHUNK):
        seen[coded.codes[train[start : start + _CHUNK]]] = True
    missing = bool(seen[-1]) and role.role != "list"
    order = pc.sort_indices(coded.values).to_numpy()
    known = order[seen[:-1][order]]
    id_of = np.zeros(count + 1, np.int32)
    id_of[known] = np.arange(1 + missing, len(known) + 1 + missing)
    id_of[-1] = missing
    values = coded.values.take(pa.array(known))
    length = role.length if role.role == "list" else 0
    return _Fit(Vocabulary(name, column, values, missing, length, role.separator), id_of)


def _ids(columns: list[tuple[Array, Array]], bucket: Array | None, n: int, folder: Path) -> Array:
    """int32 [n, fields]: the id of each code, column by column, then the duration's level."""
    out = Spool(folder, np.int32, len(columns) + (bucket is not None))
    for start in range(0, n, _CHUNK):
        part = slice(start, min(start + _CHUNK, n))
        block = np.empty((part.stop - start, out.width), np.int32)
        for place, (codes, id_of) in enumerate(columns):
            block[:, place] = id_of[codes[part]]
        if bucket is not None:
            block[:, -1] = bucket[part] + 1
        out.add(block)
    return out.array()


def _bag(codes: Array, id_of: Array, folder: Path) -> Array:
    out = Spool(folder, np.int32, codes.shape[1])
    for start in range(0, len(codes), _CHUNK):
        out.add(id_of[codes[start : start + _CHUNK]])
    return out.array()


def _durations(seconds: Array, edges: Array, folder: Path) -> tuple[Array, Array]:
    """The durations as float32 [n], and the bucket of each, int32 [n]."""
    duration, bucket = Spool(folder, np.float32), Spool(folder, np.int32)
    for start in range(0, len(seconds), _CHUNK):
        part = seconds[start : start + _CHUNK]
        duration.add(part.astype(np.float32))
        bucket.add(bucketed(part, edges))
    return duration.array(), bucket.array()


def _number(column: str, values: Array, train: Array) -> Number:
    """The scale of a column by its training rows, empty cells left out."""

    def over(what: Callable[[Array], Array]) -> float:
        """The sum of what is made of each cell, part by part."""
        parts = (values[train[start : start + _CHUNK]] for start in range(0, len(train), _CHUNK))
        return float(sum(what(part[~np.isnan(part)]).sum() for part in parts))

    count = over(np.ones_like)
    if not count:
        return Number(column, 0.0, 1.0)
    mean = over(lambda cells: cells) / count
    return Number(column, mean, sqrt(over(lambda cells: np.square(cells - mean)) / count))


def _scaled(numeric: tuple[Number, ...], columns: Mapping[str, Array], folder: Path) -> Array | None:
    if not numeric:
        return None
    out = Spool(folder, np.float32, len(numeric))
    for start in range(0, len(columns[numeric[0].column]), _CHUNK):
        out.add(np.stack([one.scaled(columns[one.column][start : start + _CHUNK]) for one in numeric], 1))
    return out.array()


def _facts(raw: Raw, it: Description, users: int, split: Mapping[Split, Array], encoder: Encoder) -> dict[str, Any]:
    """What a reader may know of the table: counts, scales and quantiles, no value of an id and no row."""
    item, n = it.one("item"), len(raw.label)
    facts: dict[str, Any] = {
        "slice": it.name,
        "rows": n,
        "rows_raw": raw.rows,
        "users": users if it.one("user") else None,
        "items": len(raw.coded[item].values) if item else None,
        "label": label_facts(raw.label),
        "positive": float(np.mean(raw.label > 0)),
        "capped": raw.capped,
        "dropped": dict(raw.dropped),
        "unit": unit_of(it.label.unit),
        "split_sizes": split_facts(split),
        "numeric": {one.column: [one.mean, one.std] for one in encoder.numbers},
        "duplicates": _duplicates(raw) if n <= _COUNTED else None,
    }
    if encoder.span is not None:
        facts["bucket_edges"] = list(encoder.span.edges)
    return {name: value for name, value in facts.items() if value is not None}


def _duplicates(raw: Raw) -> int:
    """How many rows equal an earlier one in every column that is used."""
    from datasets.tabular.hashed import mix_in

    hashes = np.zeros(len(raw.label), np.uint64)
    whole = [raw.label.astype(np.float64), raw.duration, raw.time, *raw.numbers.values()]
    for column in whole:
        if column is not None:
            mix_in(hashes, column.view(np.int64))
    for coded in raw.coded.values():
        for column in coded.codes.reshape(len(hashes), -1).T:
            mix_in(hashes, column.astype(np.int64))
    return duplicates(hashes)
