"""The interface `Dataset` and what it builds: a columnar, memory-mappable `Table` with its split."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from datasets.schema import Array, Rows, Schema, Task

Split = Literal["train", "valid", "test"]
_LONGEST = 1200  # characters of an error: a damaged file can have a line of millions


class NotAvailable(Exception):
    """The raw files are not there: what is missing, where it was looked for and what to type next, in one sentence."""


class TooFew(NotAvailable):
    """The raw files are a sample too small to train and compare on: a normal state, known once they are read."""


class Incomplete(NotAvailable):
    """Some of the dataset's raw files are there and some are missing: an error, where none at all is a normal state."""


class Unreadable(Incomplete):
    """A raw file or folder is there and cannot be opened: one sentence that says why."""


class BadData(Exception):
    """The raw files are there but cannot be right: one sentence that names the file, the column and the rows."""

    def __init__(self, sentence: str) -> None:
        line = " ".join(sentence.split("\n"))
        super().__init__(line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}")


class CacheError(Exception):
    """The prepared table cannot be kept: one sentence that names the folder, the space needed and what to set."""


@dataclass(frozen=True)
class Source:
    """Where the official files come from and on what terms."""

    title: str  # "KuaiRand-Pure"
    homepage: str
    licence: str
    citation: str
    archive: str = ""  # address of an archive that can be downloaded without an account
    md5: str = ""  # of that archive
    official_rows: int = 0  # published counts, to tell a slice from the whole; 0 where none is published
    official_users: int = 0
    official_items: int = 0


@dataclass(frozen=True)
class Protocol:
    """Everything besides the rows that decides comparability; the same for every method on a dataset."""

    split: str  # in words: "random 6:2:2 by row, split seed 0"
    batch: int
    epochs: int  # at most
    patience: int  # epochs without improvement on the validation rows before a replica stops
    stop: Literal["mae", "loss", "last"] = "mae"  # last: no choice, the last finite state
    options: Mapping[str, Any] = field(default_factory=dict)  # filter, target, cap: in the record and the cache key


@dataclass(frozen=True)
class Table:
    """All rows of a dataset under one protocol, with the split as row indices."""

    schema: Schema
    rows: Rows  # arrays may be memory maps
    split: Mapping[Split, Array]  # int32 indices, disjoint, none empty
    facts: Mapping[str, Any]  # rows, users, items, label mean and quantiles, the slice in words, raw file names
    fingerprint: str = ""  # of the prepared columns and the split: the data part of a record's identity
    encoder: Array | None = None  # uint8, JSON: what makes ids of new rows' values; of tables that can be predicted for

    def view(self, split: Split) -> Rows:
        """The rows of one split, copied into memory in the split's order."""
        return self.rows.take(self.split[split])


class Dataset(ABC):
    """One source under one protocol. Its name carries the protocol: `kuairand`, `kuairand@time`, `kuairec@ratio`.

    To add one, put a file into `datasets/` that says `DATASETS = (...)`; there is no list to add it to. Where its rows
    are one table, `datasets.described.onetable.OneTable` is all that it takes (docs/your-data.md has one in 25 lines).
    Else subclass this: `files` names the raw files below the data root, `build` reads them (`datasets/reading`), fits
    vocabularies and edges on the training rows alone and hands everything to `assemble` or `assemble_ltv` of
    `datasets/preparing`. `datasets/cdnow.py` is a short one to begin from. The cache, the fingerprint, the `data` verb
    and every suite then know it by its name.
    """

    task: ClassVar[Task] = "watch_time"
    private: ClassVar[bool] = False  # a user's own rows: nothing of a single one may lie beside a record

    def __init__(self, name: str, source: Source, protocol: Protocol) -> None:
        self.name, self.source, self.protocol = name, source, protocol

    @abstractmethod
    def files(self, root: Path | None) -> list[Path]:
        """The raw files below the data root that this dataset reads (none for a synthetic world), or NotAvailable."""

    @abstractmethod
    def build(self, root: Path | None) -> Table:
        """Read, check and encode the raw files: slow, so use `datasets.cache.load`. Raises NotAvailable or BadData."""
