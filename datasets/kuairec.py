"""KuaiRec (Gao et al., 2022): Kuaishou's dense user-video matrix; targets watch time (s) and watch ratio.

The official files lie in `KuaiRec 2.0/data/` below the data root.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from datasets.base import BadData, Dataset, Protocol, Source, Split, Table
from datasets.preparing.assemble import assemble
from datasets.preparing.encode import bag, checked_split, looked_up, random_split
from datasets.reading.ingest import Column, concatenated, duplicates, read_csv
from datasets.reading.joined import check_known, check_unique
from datasets.reading.lists import id_lists
from datasets.reading.places import folder, listed, not_there, plain_or_gz
from datasets.reading.stream import blocks
from datasets.reading.units import check_plays, check_videos
from datasets.schema import Array

FOLDER = "KuaiRec 2.0/data"
SOURCE = Source(
    title="KuaiRec",
    homepage="https://kuairec.com",
    licence="CC BY-SA 4.0",
    citation="Gao et al., KuaiRec (CIKM 2022), doi:10.1145/3511808.3557220",
    archive="https://zenodo.org/records/18164998/files/KuaiRec.zip",
    md5="261550d472c48eff4990fb13c0e5bcf7",
    official_rows=12_530_806,
    official_users=7_176,
    official_items=10_728,
)
_OFFICIAL = {"big_matrix.csv": 12_530_806, "small_matrix.csv": 4_676_570}
_CATEGORIES = 4  # most that the official file gives a video
_NONE = -1  # the category of a video that the category file lacks
_LONGEST = 1e10  # ms, four months
_COLUMNS = (
    Column("user_id"),
    Column("video_id"),
    Column("play_duration", "float", low=0, high=_LONGEST),  # ms, as is video_duration
    Column("video_duration", "float", low=0, high=_LONGEST),
    # read only to tell exact duplicates from a video watched twice; empty in part of small_matrix
    Column("timestamp", "float", empty=True, optional=True, keep=False),
)


class KuaiRec(Dataset):
    """One matrix, or big_matrix for training and small_matrix for testing. Rows of duration 0 are dropped."""

    def __init__(
        self,
        name: str = "kuairec",
        *,
        target: Literal["time", "ratio"] = "time",
        cap: float | None = None,
        big_small: bool = False,
        duration_level: bool = True,
        batch: int = 1024,
        stop: Literal["mae", "last"] = "mae",
        patience: int = 5,
        buckets: int = 5,
        seed: int = 0,
    ) -> None:
        """`cap`: labels above it (in the label's unit) are set to it, as HEGM does at 60 s. `duration_level`: whether
        the duration's bucket is a feature. `patience`: of the 20 epochs at most."""
        order = (
            f"train on big_matrix (10 % of its rows held out for validation, split seed {seed}), test on small_matrix"
            if big_small
            else f"random 8:1:1 by row, split seed {seed}"
        )
        target_words = "watch time (s)" if target == "time" else "watch ratio"
        options = {"target": target_words, "cap": cap, "buckets": buckets}
        if not duration_level:
            options["duration_level"] = False
        super().__init__(name, SOURCE, Protocol(order, batch, 20, patience, stop, options=options))
        self.target, self.cap, self.big_small, self.buckets, self.seed = target, cap, big_small, buckets, seed
        self.duration_level = duration_level

    def files(self, root: Path | None) -> list[Path]:
        """The matrix or matrices, then the category file."""
        place = folder(self.name, SOURCE, root, FOLDER)
        categories = plain_or_gz(place, ["item_categories.csv"])
        if self.big_small:
            found = {stem: plain_or_gz(place, [stem]) for stem in _OFFICIAL}
            if missing := [f"{stem}[.gz]" for stem, path in found.items() if path is None]:
                raise not_there(self.name, SOURCE, root, place, " and ".join(missing))
            matrices = [path for path in found.values() if path is not None]
        else:
            one = plain_or_gz(place, [*_OFFICIAL, "small_matrix_subset.csv"])
            if one is None:
                what = "big_matrix.csv[.gz] or small_matrix.csv[.gz]"
                raise not_there(self.name, SOURCE, root, place, what, beside=categories)
            matrices = [one]
        if categories is None:
            raise not_there(self.name, SOURCE, root, place, "item_categories.csv[.gz]", beside=matrices[0])
        return [*matrices, categories]

    def build(self, root: Path | None) -> Table:
        paths = self.files(root)
        *matrices, category_file = paths
        tables = [_read_matrix(path) for path in matrices]
        sizes = [len(table["user_id"]) for table in tables]
        facts: dict[str, Any] = {
            "slice": " and ".join(_slice(path, n) for path, n in zip(matrices, sizes, strict=True)),
            "files": listed(paths),
            "rows_raw": sum(sizes),
            "duplicates": sum(duplicates(table.pop("")) for table in tables),
        }
        kept = [int((table["video_duration"] > 0).sum()) for table in tables]
        facts["dropped"] = {"duration 0": sum(sizes) - sum(kept)}
        raw = concatenated(tables)
        keep = raw["video_duration"] > 0
        raw = raw if keep.all() else {name: values[keep] for name, values in raw.items()}
        duration = raw.pop("video_duration") / 1000
        if not len(duration):
            raise BadData(f"{matrices[0]}: every one of {sum(sizes):,} rows has duration 0; get the file again")
        label = raw.pop("play_duration") / 1000
        if self.target == "ratio":  # the file's own column, but for its infinities at duration 0
            label /= duration
        if self.cap is not None:
            facts["capped"] = int((label > self.cap).sum())
            label = np.minimum(label, self.cap)
        split = self._split(kept)
        padded, size = _categories(category_file, raw["video_id"], split["train"], facts)
        table = assemble(
            raw,
            split=split,
            unit="s" if self.target == "time" else "ratio",
            label=label,
            duration=duration,
            buckets=self.buckets,
            facts=facts,
            bags={"category": (padded, size)},
        )
        return table if self.duration_level else _without_last_field(table)

    def _split(self, kept: list[int]) -> dict[Split, Array]:
        if not self.big_small:
            return random_split(kept[0], (8, 1, 1), self.seed)
        big, small = kept
        order = np.arange(big, dtype=np.int32)
        np.random.default_rng(self.seed).shuffle(order)
        held = round(big / 10)
        test = np.arange(big, big + small, dtype=np.int32)
        return checked_split({"train": np.sort(order[held:]), "valid": np.sort(order[:held]), "test": test})


def _without_last_field(table: Table) -> Table:
    """The table without duration_level; durations and their buckets stay, for methods that group by them."""
    schema = replace(table.schema, fields=table.schema.fields[:-1])
    return replace(table, schema=schema, rows=replace(table.rows, ids=np.ascontiguousarray(table.rows.ids[:, :-1])))


def _read_matrix(path: Path) -> dict[str, Array]:
    """The rows of one matrix, their times in the units of the file. Raises BadData where these are not milliseconds."""
    raw = read_csv(path, _COLUMNS, row_hash=True)
    duration = raw["video_duration"] / 1000
    check_videos(path, "video_duration", duration, "milliseconds")
    check_plays(path, "play_duration", raw["play_duration"] / 1000, duration, "milliseconds")
    return raw


def _categories(path: Path, video: Array, train: Array, facts: dict[str, Any]) -> tuple[Array, int]:
    """Each row's categories as padded ids [n, 4] and the number of ids; one of its own for a video without any.

    Raises BadData; notes in `facts` how many rows' videos the file lacks.
    """
    import pyarrow as pa

    ids: list[Array] = []
    lists: list[list[int]] = [[_NONE]]  # place 0: videos that the file lacks
    for block in blocks(path, {"video_id": pa.int64(), "feat": pa.string()}):
        ids.append(block.numbers("video_id"))
        lists += [members or [_NONE] for members in id_lists(block, "feat", brackets=True).to_pylist()]
    if not ids:
        raise BadData(f"{path}: the file has a header and no rows; get the file again")
    videos = np.concatenate(ids)
    check_unique(path, "video_id", videos)
    place = looked_up(video, videos, np.arange(1, len(lists), dtype=np.int32), 0)
    facts["unmatched"] = {path.name: (missing := int((place == 0).sum()))}
    check_known(path, "video_id", missing, len(place))
    seen = np.unique(place[train])
    known = np.unique(np.concatenate([np.asarray(lists[p][:_CATEGORIES], np.int64) for p in seen]))
    return bag(lists, known, _CATEGORIES)[place], len(known) + 1


def _slice(path: Path, rows: int) -> str:
    """The rows in words."""
    stem = path.name.removesuffix(".gz")
    which = "KuaiRec big matrix" if stem.startswith("big") else "KuaiRec small matrix"
    if rows == _OFFICIAL.get(stem):
        return f"{which}, complete"
    if "subset" in stem:
        return f"{which}, {f'{rows / 1000:.0f}k' if rows >= 1000 else rows} subset"
    return f"{which}, {rows:,} rows (the official file has {_OFFICIAL[stem]:,})"


DATASETS = (
    KuaiRec("kuairec"),
    KuaiRec("kuairec@ratio", target="ratio"),
    KuaiRec("kuairec@big-small", big_small=True),
    # one change each, to hold against the gaps between methods
    KuaiRec("kuairec@cap60", cap=60.0),
    KuaiRec("kuairec@no-duration", duration_level=False),
    KuaiRec("kuairec@batch256", batch=256),
    KuaiRec("kuairec@batch4096", batch=4096),
    KuaiRec("kuairec@unstopped", patience=20),
    KuaiRec("kuairec@last", stop="last"),
)
