"""KuaiRand-Pure (Gao et al., 2022): two feeds' standard recommendation logs of Kuaishou, with ProWTP's features.

The official files lie in `KuaiRand-Pure/data/` below the data root. Any set of `log_standard_*_pure.csv[.gz]` makes a
dataset: the full pair of four weeks, or a slice of it.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import BadData, Dataset, Protocol, Source, Table
from datasets.preparing.assemble import assemble
from datasets.preparing.encode import chronological_split, looked_up, random_split
from datasets.preparing.shares import thinned
from datasets.reading.ingest import MISSING, Column, concatenated, duplicates, read_csv
from datasets.reading.joined import check_known, check_unique
from datasets.reading.places import entries, folder, listed, not_there, plain_or_gz
from datasets.reading.units import check_clock, check_plays, check_videos
from datasets.schema import Array

FOLDER = "KuaiRand-Pure/data"
SOURCE = Source(
    title="KuaiRand-Pure",
    homepage="https://kuairand.com",
    licence="CC BY-SA 4.0",
    citation="Gao et al., KuaiRand (CIKM 2022), doi:10.1145/3511808.3557624",
    archive="https://zenodo.org/records/10439422/files/KuaiRand-Pure.tar.gz",
    md5="0820331067a3784d9691136f772b35a7",
    official_rows=1_436_609,
    official_users=27_285,
    official_items=7_583,
)
_FEATURES = ("user_features_pure.csv", "video_features_basic_pure.csv")
_COUNTS = (
    "is_click is_like is_follow is_comment is_forward is_hate long_view profile_stay_time comment_stay_time "
    "is_profile_enter is_rand hourmin"
)
_LONGEST = 1e10  # ms, four months
_LOG = (
    Column("user_id"),
    Column("video_id"),
    Column("date", low=20150101, high=20401231),
    Column("time_ms"),
    Column("tab"),
    Column("play_time_ms", "float", low=0, high=_LONGEST),
    Column("duration_ms", "float", low=0, high=_LONGEST),
    # read only to tell exact duplicates from a video played twice
    *(Column(name, empty=True, optional=True, keep=False) for name in _COUNTS.split()),
)


class KuaiRand(Dataset):
    """Watch time in seconds. Default filter: play > 0 and 5 <= round(duration in seconds) <= 400."""

    def __init__(
        self,
        name: str = "kuairand",
        *,
        chronological: bool = False,
        seconds: tuple[int, int] = (5, 400),
        played: bool = True,
        distinct: bool = False,
        buckets: int = 5,
        seed: int = 0,
        share: float = 1.0,
        batch: int = 512,
    ) -> None:
        """`distinct`: a row that equals an earlier one in user, video, features and play time is dropped. `share`: of
        the training rows, the others are left out; validation and test rows are the same."""
        order = "chronological 6:2:2 by time_ms" if chronological else f"random 6:2:2 by row, split seed {seed}"
        options = {"duration_s": list(seconds), "played_only": played, "buckets": buckets, "target": "watch time (s)"}
        if distinct:
            order, options["distinct"] = f"{order}, then rows that equal an earlier one dropped", True
        if share < 1:
            order, options["training_share"] = f"{order}; {100 * share:g} % of the training rows", share
        super().__init__(name, SOURCE, Protocol(order, batch=batch, epochs=50, patience=10, options=options))
        self.chronological, self.seconds, self.played, self.buckets, self.seed = (
            chronological, seconds, played, buckets, seed)  # fmt: skip
        self.distinct, self.share = distinct, share

    def files(self, root: Path | None) -> list[Path]:
        """The logs in the order of their dates, the user file, the video file."""
        place = folder(self.name, SOURCE, root, FOLDER)
        logs: dict[str, Path] = {}
        for path in entries(place):
            if re.fullmatch(r"log_standard_.*_pure\.csv(\.gz)?", path.name):
                logs.setdefault(path.name.removesuffix(".gz"), path)  # plain sorts before gzipped
        features = {stem: plain_or_gz(place, [stem]) for stem in _FEATURES}
        found = [*logs.values(), *(path for path in features.values() if path)]
        wanted = {"log_standard_*_pure.csv": logs, **features}
        if missing := [f"{stem}[.gz]" for stem, there in wanted.items() if not there]:
            beside = found[0] if found else None
            raise not_there(self.name, SOURCE, root, place, " and ".join(missing), beside=beside)
        _no_overlap(list(logs.values()))
        return found

    def build(self, root: Path | None) -> Table:
        paths = self.files(root)
        *logs, user_file, video_file = paths
        raw = concatenated([_read_log(path) for path in logs])
        duration, play = raw.pop("duration_ms") / 1000, raw.pop("play_time_ms") / 1000
        dates = raw.pop("date")
        facts: dict[str, Any] = {
            "slice": _slice(len(dates), int(dates.min()), int(dates.max())),
            "files": listed(paths),
            "rows_raw": len(dates),
            "duplicates": duplicates(raw.pop("")),
        }
        keep, facts["dropped"] = self._filter(duration, play)
        if not keep.any():
            raise BadData(f"{logs[0].parent}: none of {len(keep):,} rows passes the filter of {self.name} "
                          f"({facts['dropped']}); check the units: milliseconds are expected")  # fmt: skip
        raw = {name: values[keep] for name, values in raw.items()}
        time = raw.pop("time_ms")
        split = (
            chronological_split(time, (6, 2, 2))
            if self.chronological
            else random_split(len(time), (6, 2, 2), self.seed)
        )
        return assemble(
            _with_features(raw, user_file, video_file, facts),
            split=split if self.share == 1 else thinned(split, self.share),
            unit="s",
            label=play[keep].astype(np.float32),
            duration=duration[keep],
            buckets=self.buckets,
            facts=facts,
            distinct=self.distinct,
        )

    def _filter(self, duration: Array, play: Array) -> tuple[Array, dict[str, int]]:
        """Which rows stay, and how many each rule drops (a row counts for the first rule that it breaks)."""
        low, high = self.seconds
        whole = np.rint(duration)
        rules = {
            "duration 0": duration > 0,
            "not played": (play > 0) if self.played else np.ones(len(play), bool),
            f"duration outside {low}..{high} s": (whole >= low) & (whole <= high),
        }
        keep, dropped = np.ones(len(play), bool), {}
        for name, passes in rules.items():
            dropped[name] = int((keep & ~passes).sum())
            keep &= passes
        return keep, dropped


def _read_log(path: Path) -> dict[str, Array]:
    """The rows of one log, their times in the units of the file. Raises BadData where these are not milliseconds."""
    raw = read_csv(path, _LOG, row_hash=True)
    duration = raw["duration_ms"] / 1000
    check_videos(path, "duration_ms", duration, "milliseconds")
    check_plays(path, "play_time_ms", raw["play_time_ms"] / 1000, duration, "milliseconds")
    check_clock(path, "time_ms", raw["time_ms"] / 1000, "milliseconds since 1970")
    return raw


def _with_features(raw: dict[str, Array], user_file: Path, video_file: Path, facts: dict[str, Any]) -> dict[str, Array]:
    """ProWTP's features of each row; what the feature files lack or leave empty is the category "missing".

    Raises BadData where an id has two rows there or many rows' ids have none; notes in `facts` how many have none.
    """
    users = read_csv(user_file, [Column("user_id"), Column("user_active_degree", "text", empty=True)])
    videos = read_csv(video_file, [Column("video_id"), Column("author_id", empty=True), Column("music_id", empty=True)])
    facts["unmatched"] = {}
    for path, name, keys in ((user_file, "user_id", users["user_id"]), (video_file, "video_id", videos["video_id"])):
        check_unique(path, name, keys)
        missing = int((~np.isin(raw[name], keys)).sum())
        check_known(path, name, missing, len(raw[name]))
        facts["unmatched"][path.name] = missing
    degrees, degree = np.unique(users["user_active_degree"].astype(str), return_inverse=True)
    degree = np.where(degrees[degree] == "", MISSING, degree)
    return {
        "user_id": raw["user_id"],
        "video_id": raw["video_id"],
        "tab": raw["tab"],
        "music_id": looked_up(raw["video_id"], videos["video_id"], videos["music_id"], MISSING),
        "author_id": looked_up(raw["video_id"], videos["video_id"], videos["author_id"], MISSING),
        "user_active_degree": looked_up(raw["user_id"], users["user_id"], degree, MISSING),
    }


def _slice(rows: int, first: int, last: int) -> str:
    """The rows in words, by their dates (YYYYMMDD)."""
    if rows == SOURCE.official_rows:
        return "KuaiRand-Pure, complete standard logs"
    try:
        start, end = (datetime.strptime(str(day), "%Y%m%d") for day in (first, last))
    except ValueError:
        return f"KuaiRand-Pure, {rows:,} rows"
    return f"KuaiRand-Pure, {start.day} {start:%b} - {end.day} {end:%b}"


def _no_overlap(logs: Sequence[Path]) -> None:
    """Raises BadData where two logs' names say that they share days: their rows would count twice."""
    spans = []
    for path in logs:
        if span := re.match(r"log_standard_(\d+)_(\d+)_to_(\d+)_(\d+)_pure", path.name):
            m1, d1, m2, d2 = map(int, span.groups())
            spans.append(((m1, d1), (m2, d2), path))
    for (_, end, one), (start, _, two) in zip(sorted(spans), sorted(spans)[1:], strict=False):
        if start <= end:
            raise BadData(f"{one.name} and {two.name} in {one.parent} share days: keep one of them")


DATASETS = (
    KuaiRand("kuairand"),
    KuaiRand("kuairand@time", chronological=True),
    KuaiRand("kuairand@5-240", seconds=(5, 240), played=False),
    KuaiRand("kuairand@distinct", distinct=True),
    # less to learn from, tested on the same rows; in smaller batches, or 50 epochs of 1 % would be a hundred steps
    KuaiRand("kuairand@rows-1", share=0.01, batch=32),
    KuaiRand("kuairand@rows-3", share=0.03, batch=64),
    KuaiRand("kuairand@rows-10", share=0.1, batch=128),
    KuaiRand("kuairand@rows-30", share=0.3, batch=256),
)
