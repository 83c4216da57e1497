"""CIKM Cup 2016 track 2 (DIGINETICA): how long a shopper stays on a page of search results.

The official files lie in `cikm16/` or `dataset-train-diginetica/` below the data root, with ';' between columns. The
protocol is TPM's (jackielinxiao/TPM, data_process.py): one row for each session of viewed items that has a query.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from datasets.base import BadData, Dataset, Protocol, Source, Split, Table, TooFew
from datasets.preparing.encode import codes, encoded, label_facts, random_split, split_facts, vocabulary
from datasets.preparing.ltv import FEWEST, beside
from datasets.reading.delimited import check_names, header
from datasets.reading.ingest import MISSING, duplicates, hashed_rows
from datasets.reading.joined import SAMPLE, check_known
from datasets.reading.lists import id_lists
from datasets.reading.places import folder, is_folder, listed, not_there, plain_or_gz
from datasets.reading.stream import Block, blocks
from datasets.reading.units import check_quantile
from datasets.schema import Array, Bag, Rows, Schema

FOLDERS = ("cikm16", "dataset-train-diginetica")
SOURCE = Source(
    title="CIKM Cup 2016 track 2 (DIGINETICA)",
    homepage="https://competitions.codalab.org/competitions/11161 (register there, and unpack "
    "dataset-train-diginetica.zip)",
    licence="none found",
    citation="CIKM Cup 2016 track 2, DIGINETICA",
    official_rows=310_302,
    official_items=122_991,
)
# each beside the name of the sample that is at hand
_VIEW_FILES = ("train-item-views.csv", "train-item-views_sample.csv")
_QUERY_FILES = ("train-queries.csv", "train-queries_33_rows.csv")
VIEWS, QUERIES = 1_235_380, 923_127  # rows of the official files
_PUBLISHED = {"sessions": "310302", "items": "122991"}  # of sessions with a query, whatever its duration
LENGTH = 10  # tokens and items of a row, at most
_TEXT = "searchstring.tokens"
_QUERY = {"earliest": "the earliest of its session (smallest timeframe)", "longest": "the longest of its session"}


@dataclass(frozen=True)
class Lists:
    """Lists of numbers, 0 to n - 1, one after the other; none is empty."""

    owner: Array  # int [m], the list that each number belongs to, ascending
    value: Array  # int64 [m]

    def of(self, wanted: Array) -> "Lists":
        """The lists whose numbers are given, ascending."""
        new = np.full(int(self.owner[-1]) + 1, -1)
        new[wanted] = np.arange(len(wanted))
        owner = new[self.owner]
        return Lists(owner[owner >= 0], self.value[owner >= 0])

    def place(self) -> Array:
        """The place of each number in its list, from 0, [m]."""
        counts = np.bincount(self.owner)
        return np.arange(len(self.owner)) - (np.cumsum(counts) - counts)[self.owner]


@dataclass(frozen=True)
class Views:
    """What the sessions looked at, s sessions in ascending order."""

    session: Array  # int64 [s]
    user: Array  # int64 [s], equal where the user is; a session without a user id is a user of its own
    items: Lists  # [s], in the order of the file
    duplicates: int  # views that equal an earlier one


@dataclass(frozen=True)
class Queries:
    """Queries in the order of the file, q in all."""

    session: Array  # int64 [q]
    time: Array  # float64 [q], timeframe: ms since the first query of the session
    duration: Array  # float64 [q], ms on the result page
    tokens: Any  # pyarrow.ChunkedArray [q] of lists of int64; an empty one where a category was browsed

    def one_a_session(self, which: Literal["earliest", "longest"]) -> Array:
        """The row of one query for each session, the sessions ascending; the first in the file among equals."""
        order = np.lexsort((self.time if which == "earliest" else -self.duration, self.session))  # stable
        session = self.session[order]
        return order[np.flatnonzero(np.append(True, session[1:] != session[:-1]))]

    def tokens_of(self, rows: Array) -> Lists:
        """The tokens of these queries; MISSING alone for a query without any."""
        import pyarrow as pa
        import pyarrow.compute as pc

        lists = self.tokens.take(pa.array(rows)).combine_chunks()
        counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
        owner = np.repeat(np.arange(len(rows)), np.maximum(counts, 1))
        value = np.full(len(owner), MISSING)
        value[counts[owner] > 0] = lists.flatten().to_numpy()
        return Lists(owner, value)


class Cikm16(Dataset):
    """Seconds on the result page of a session's query, where these are below `limit` (in ms).

    There is no field and no duration: a row is the bag of its query's first ten tokens and the bag of its session's
    first ten items, in the files' order. A query without tokens, where a category was browsed, has one token of its
    own, as in TPM's code. The sources do not say which query labels a session of several; `query` does.
    """

    def __init__(
        self,
        name: str = "cikm16",
        *,
        query: Literal["earliest", "longest"] = "earliest",
        limit: int = 6000,
        seed: int = 0,
    ) -> None:
        order = f"random 80:20 by session, a tenth of the 80 for validation, split seed {seed}"
        options = {
            "query": _QUERY[query],
            "duration_below_ms": limit,
            "length": LENGTH,
            "target": "time on the result page (s)",
        }
        super().__init__(name, SOURCE, Protocol(order, batch=1024, epochs=20, patience=5, options=options))
        self.query, self.limit, self.seed = query, limit, seed

    def files(self, root: Path | None) -> list[Path]:
        """The viewed items, then the queries."""
        below = next((one for one in FOLDERS if root is not None and is_folder(Path(root) / one)), FOLDERS[0])
        place = folder(self.name, SOURCE, root, below)
        wanted = {names[0]: plain_or_gz(place, names) for names in (_VIEW_FILES, _QUERY_FILES)}
        found = [path for path in wanted.values() if path]
        if missing := [f"{name}[.gz]" for name, path in wanted.items() if path is None]:
            what, one = " and ".join(missing), found[0] if found else None
            raise not_there(self.name, SOURCE, root, place, what, beside=one)
        return found

    def build(self, root: Path | None) -> Table:
        paths = self.files(root)
        views, queries = _read_views(paths[0]), _read_queries(paths[1])
        rows = queries.one_a_session(self.query)
        both, row, at = np.intersect1d(queries.session[rows], views.session, assume_unique=True, return_indices=True)
        row, duration = rows[row], queries.duration[rows[row]]  # [sessions with a query], at: their place in views
        kept = duration < self.limit
        n = int(kept.sum())
        dropped = {"no query": len(views.session) - len(both), f"{self.limit} ms or more": len(both) - n}
        if n == 0 and len(both) >= FEWEST:
            raise BadData(f"{paths[1]}: none of {len(both):,} sessions has a duration below {self.limit}; check the "
                          "unit: milliseconds are expected")  # fmt: skip
        if n >= FEWEST or min(len(views.session), len(rows)) >= SAMPLE:
            check_known(paths[1], "queries", dropped["no query"], len(views.session), what="sessions")
        if n < FEWEST:
            raise TooFew(f"{paths[1]}: {n} of {len(views.session):,} sessions have a query that counts: a sample too "
                         f"small to train and compare on, {FEWEST} the least; get the whole files")  # fmt: skip
        counts = (len(views.items.value), len(queries.session))
        whole = counts == (VIEWS, QUERIES)
        facts: dict[str, Any] = {
            "slice": "CIKM16, complete" if whole else f"CIKM16, {counts[0]:,} item views and {counts[1]:,} queries",
            "files": listed(paths),
            "rows_raw": len(views.session),
            "duplicates": views.duplicates,
            "dropped": dropped,
        }
        if whole:
            found = {"sessions": len(both), "items": len(np.unique(views.items.of(at).value))}
            facts["published"] = beside(self.name, _PUBLISHED, found)
        items = views.items.of(at[kept])
        return _table(
            {"token": queries.tokens_of(row[kept]), "item": items},
            split=random_split(n, (72, 8, 20), self.seed),
            label=duration[kept] / 1000,
            user=views.user[at[kept]],
            facts=facts | {"items": len(np.unique(items.value))},
        )


def _read_views(path: Path) -> Views:
    """Raises BadData."""
    import pyarrow as pa

    types = {name: pa.int64() for name in ("sessionId", "itemId", "userId", "timeframe")}
    parts = []
    for block, name in _blocks(path, types):
        keys = block.numbers(name["sessionId"]), block.numbers(name["itemId"])
        values = (*keys, *(block.numbers(name[column], missing=MISSING) for column in ("userId", "timeframe")))
        parts.append((*values[:3], hashed_rows(values)))
    session, item, user, hashes = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(session, kind="stable")
    known, start, owner = np.unique(session[order], return_index=True, return_inverse=True)
    # a user who is known in part of a session is known; of two in one session (1 in 1,500 has them), the larger id
    who = np.maximum.reduceat(user[order], start)
    who = np.where(who == MISSING, -2 - np.arange(len(who)), who)
    return Views(known, who, Lists(owner, item[order]), duplicates(hashes))


def _read_queries(path: Path) -> Queries:
    """Raises BadData."""
    import pyarrow as pa

    types = {"sessionId": pa.int64(), "timeframe": pa.float64(), "duration": pa.float64(), _TEXT: pa.string()}
    parts, lists = [], []
    for block, name in _blocks(path, types):
        session, time, duration = (block.numbers(name[column]) for column in ("sessionId", "timeframe", "duration"))
        block.check(name["duration"], duration < 0, "is negative", duration)
        parts.append((session, time, duration))
        lists.append(id_lists(block, name[_TEXT], brackets=False, none=("NA",)))
    session, time, duration = (np.concatenate(column) for column in zip(*parts, strict=True))
    check_quantile(path, "duration", duration / 1000, 0.5, 0.02, 3600, "milliseconds")
    return Queries(session, time, duration, pa.chunked_array(lists))


def _blocks(path: Path, types: Mapping[str, Any]) -> Iterator[tuple[Block, dict[str, str]]]:
    """The wanted columns block by block, and how the file spells them: `session_id` will do for `sessionId`."""

    def plain(name: str) -> str:
        return re.sub("[^a-z]", "", name.lower())

    found = header(path, ";")
    official = {plain(name): name for name in types}
    check_names(path, [official.get(plain(cell), cell) for cell in found], list(types))
    names = {name: next(cell for cell in found if plain(cell) == plain(name)) for name in types}
    some = False
    for block in blocks(path, {names[name]: kind for name, kind in types.items()}, delimiter=";"):
        some = True
        yield block, names
    if not some:
        raise BadData(f"{path}: the file has a header and no rows; get the file again")


def _table(
    lists: Mapping[str, Lists], *, split: Mapping[Split, Array], label: Array, user: Array, facts: Mapping[str, Any]
) -> Table:
    """Encode the bags and put all together; n rows."""
    n = len(label)
    train = np.zeros(n, bool)
    train[split["train"]] = True
    bags: dict[str, Array] = {}
    sizes: dict[str, int] = {}
    for name, numbers in lists.items():
        place = numbers.place()
        owner, place, value = (column[place < LENGTH] for column in (numbers.owner, place, numbers.value))
        known = vocabulary(value, train[owner])
        bags[name], sizes[name] = np.zeros((n, LENGTH), np.int32), len(known) + 1
        bags[name][owner, place] = encoded(value, known)
    who, users = codes(user)
    schema = Schema("watch_time", "s", fields=(), bags=tuple(Bag(name, sizes[name], LENGTH) for name in bags))
    rows = Rows(ids=np.empty((n, 0), np.int32), bags=bags, label=label.astype(np.float32), user=who)
    all_facts = {
        "rows": n,
        "users": users,
        "label": label_facts(label),
        "unit": schema.unit,
        "split_sizes": split_facts(split),
        **facts,
    }
    return Table(schema, rows, split, all_facts)


DATASETS = (Cikm16("cikm16"), Cikm16("cikm16@longest", query="longest"))
