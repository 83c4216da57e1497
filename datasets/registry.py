"""Which datasets there are, and what a user has of each.

A file of this folder that says `DATASETS = (...)` registers them: there is no list to add them to.
"""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import datasets
from datasets.base import BadData, Dataset, NotAvailable
from datasets.common.names import no_such
from datasets.reading.counted import counted
from datasets.reading.places import get_it
from datasets.stopping import own_loss

# what ProWTP's Table 6 counts, where it speaks of the dataset
_PROWTP = {
    "wechat": "7,210,290 rows, 20,000 users, 96,428 videos",
    "kuairand": "1,231,181 rows, 27,285 users, 7,551 videos",
}


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9@._-]{0,99}")  # folders of the records and the cache are named after it


class UnknownDataset(KeyError):
    """No dataset has that name; the sentence lists those that are."""

    def __str__(self) -> str:
        return str(self.args[0])


@cache
def _found() -> tuple[Mapping[str, Dataset], Mapping[str, str]]:
    """Every dataset by name, and the files that cannot be imported with the reason: those cost no one else's."""
    found: dict[str, Dataset] = {}
    owner: dict[str, str] = {}
    broken: dict[str, str] = {}
    for path in (place for folder in datasets.__path__ for place in sorted(Path(folder).glob("[!._]*.py"))):
        if b"\nDATASETS" not in path.read_bytes():
            continue
        try:
            added = tuple(importlib.import_module(f"datasets.{path.stem}").DATASETS)
            for one in added:
                if not isinstance(one, Dataset):
                    raise TypeError(f"DATASETS holds {one!r}, which is no Dataset")
                if not _NAME.fullmatch(one.name):
                    raise ValueError(f"{one.name!r} cannot name a dataset: letters, digits and @ . _ -, a letter first")
                if one.name in owner:
                    raise ValueError(f"{owner[one.name]} has a dataset named {one.name!r} already: choose another name")
        except (Exception, SystemExit) as error:  # whatever a user's file raises belongs to that file
            broken[path.name] = f"{type(error).__name__}: {error}".split("\n")[0]
            continue
        found |= {one.name: one for one in added}
        owner |= {one.name: path.name for one in added}
    derived = [other for one in found.values() if (other := own_loss(one)) and other.name not in found]
    found |= {one.name: one for one in derived}
    # real ones first, watch time first
    ordered = sorted(found.values(), key=lambda one: (_drawn(one), one.task == "ltv"))
    return MappingProxyType({one.name: one for one in ordered}), MappingProxyType(broken)


def _drawn(dataset: Dataset) -> bool:
    """Whether the rows are drawn: such a dataset needs no file."""
    try:
        return not dataset.files(None)
    except (NotAvailable, BadData):
        return False


def names(root: Path | None = None) -> list[str]:
    """Every dataset's name, protocols included. root: the data root; where it is a file, it describes one more."""
    return [*_found()[0], *([own.name] if (own := _own(root)) else [])]


def _own(root: Path | None) -> Dataset | None:
    """The table that the data root describes, where it is no folder but a TOML file. Raises BadData, NotAvailable."""
    if root is None or root.suffix != ".toml":
        return None
    from datasets.described.dataset import described

    own = described(root)
    if own.name in _found()[0]:
        raise BadData(f"{root}: name = {own.name!r} is that of a dataset of this project; choose another")
    return own


def broken() -> Mapping[str, str]:
    """The files of this folder whose datasets cannot be had, and why."""
    return _found()[1]


def get(name: str, root: Path | None = None) -> Dataset:
    """The dataset of that name. root: as for `names`. Raises UnknownDataset."""
    known = _found()[0]
    if name in known:
        return known[name]
    if (own := _own(root)) is not None and own.name == name:
        return own
    raise UnknownDataset(no_such("dataset", name, known))


@dataclass(frozen=True)
class Listing:
    """One source as the `data` verb shows it. Counts are those of the prepared table, None before it is prepared."""

    name: str
    title: str
    protocols: tuple[str, ...]  # every name under which it can be run
    state: str  # "present: <slice>", "synthetic", or why it is not available
    available: bool
    files: tuple[str, ...]  # names with sizes
    rows: int | None
    users: int | None
    items: int | None
    counted: tuple[str, ...]  # of the prepared rows: duplicates, dropped, without a match, censored; in words
    official: str  # published counts, in words
    fingerprint: str | None
    licence: str
    how_to_get: str  # empty where nothing is missing


def overview(root: Path | None, cache_dir: Path | None = None) -> list[Listing]:
    """One line per source: its first protocol's state, from the raw files and what is prepared. Prepares nothing."""
    sources: dict[str, list[str]] = {}
    known = _found()[0]
    for name in known:
        sources.setdefault(name.partition("@")[0], []).append(name)
    return [_line(known[name], tuple(protocols), root, cache_dir) for name, protocols in sources.items()]


def _line(dataset: Dataset, protocols: tuple[str, ...], root: Path | None, cache_dir: Path | None) -> Listing:
    from datasets.cache import meta

    kept: dict[str, Any] | None = None
    files: list[Path] = []
    available, how = True, ""
    try:
        files = dataset.files(root)
        kept = meta(dataset, root, cache_dir)
        if not files:
            state = "synthetic"
        else:
            state = f"present: {kept['facts']['slice']}" if kept else "present, not prepared yet"
    except (NotAvailable, BadData) as error:
        available, state = False, str(error)
        how = get_it(dataset.name, dataset.source, root)
    facts = kept["facts"] if kept else {}
    return Listing(
        name=dataset.name,
        title=dataset.source.title,
        protocols=protocols,
        state=state,
        available=available,
        files=tuple(f"{path.name} ({_size(path.stat().st_size)})" for path in files),
        rows=facts.get("rows"),
        users=facts.get("users"),
        items=facts.get("items"),
        counted=tuple(counted(facts)),
        official=_official(dataset),
        fingerprint=kept["fingerprint"] if kept else None,
        licence=dataset.source.licence,
        how_to_get=how,
    )


def _official(dataset: Dataset) -> str:
    source = dataset.source
    counts = {"rows": source.official_rows, "users": source.official_users, "items": source.official_items}
    words = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return f"{words} (ProWTP: {paper})" if (paper := _PROWTP.get(dataset.name)) else words


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 1 << 20 else f"{size / 2**10:.1f} KiB"
