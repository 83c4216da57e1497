"""WeChat Big Data Challenge 2021: two weeks of plays in a short-video feed, with a content vector of each video.

The challenge's files (user_action.csv, feed_info.csv, feed_embeddings.csv) lie in `wechat_algo_data1/` below the data
root. Where they are not there, the one file that WTG-DVR prepared from them, wechat_video_debias.csv, is read from that
folder or from `WTG-DVR/examples/data/`: it has no content vectors, and its watch time is truncated at the duration.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import BadData, Dataset, Protocol, Source, Split, Table, TooFew
from datasets.preparing.assemble import assemble
from datasets.preparing.encode import checked_split, looked_up, random_split
from datasets.preparing.ltv import FEWEST, beside
from datasets.reading.ingest import Column, duplicates, read_csv
from datasets.reading.joined import SAMPLE, check_known, check_unique
from datasets.reading.places import folder, is_folder, listed, not_there, plain_or_gz
from datasets.reading.stream import Block, blocks
from datasets.reading.units import check_plays, check_videos
from datasets.schema import Array

FOLDERS = ("wechat_algo_data1", "WTG-DVR/examples/data")
CHALLENGE = ("user_action.csv", "feed_info.csv", "feed_embeddings.csv")
PREPARED = "wechat_video_debias.csv"
SOURCE = Source(
    title="WeChat Big Data Challenge 2021",
    homepage="https://algo.weixin.qq.com/2021/problem-description (reported as taken down) or unzip the copy "
    "wechat_video_debias.csv.zip in https://github.com/tsinghua-fib-lab/WTG-DVR, examples/data; hyz20/D2Co (dataset) "
    "and hyz20/CWM on GitHub name others",
    licence="none stated",
    citation="WeChat Big Data Challenge 2021",
    official_users=20_000,
    official_items=106_444,
)
_PROWTP = {"rows": "7210290", "users": "20000", "videos": "96428"}  # Table 6
DAYS = 14
_DAYS: dict[Split, tuple[int, int]] = {"train": (1, 10), "valid": (11, 12), "test": (13, DAYS)}  # DVR's config.yaml
WIDTH = 512  # of a content vector
_MOST_MISSING = 0.01  # of the actions: where more lack their video, a file is cut off
_LONGEST = 1e10  # ms, four months
_MUSIC = ("bgm_song_id", "bgm_singer_id")
# a column of the files -> its name here; the duration is in seconds
_VIDEO = {"authorid": "author_id", "videoplayseconds": "duration", **{name: name for name in _MUSIC}}
_KEYS = {"userid": "user_id", "feedid": "video_id", "device": "device", "date_": "day"}
_VIDEO_COLUMNS = (
    Column("authorid", empty=True),
    Column("videoplayseconds", "float", low=0, high=_LONGEST / 1000),
    *(Column(name, empty=True) for name in _MUSIC),
)


def _action_columns(label: str, others: str) -> tuple[Column, ...]:
    keys = (Column("userid"), Column("feedid"), Column("date_", low=1, high=DAYS), Column("device"))
    # the others are read only to tell exact duplicates from a video played twice
    more = (Column(name, empty=True, optional=True, keep=False) for name in others.split())
    return (*keys, Column(label, "float", low=0, high=_LONGEST), *more)


class WeChat(Dataset):
    """Watch time in seconds. Default filter: 5 <= round(duration in seconds) <= 60.

    Fields: user_id, device, video_id, author_id and, with `music`, the ids of song and singer (each from its own
    column: the released code of CWM and D2Co writes the song's id over the singer's). The content vector is a row of
    a matrix of the videos. A play longer than the duration is a replay; with `truncated` it counts as one duration,
    in whole seconds, as in DVR and CWM.
    """

    def __init__(
        self,
        name: str = "wechat",
        *,
        by_day: bool = False,
        truncated: bool = False,
        music: bool = False,
        seconds: tuple[int, int] = (5, 60),
        buckets: int = 5,
        seed: int = 0,
    ) -> None:
        days = ", ".join(f"{part} {first}-{last}" for part, (first, last) in _DAYS.items())
        order = f"chronological by day of {DAYS}: {days}" if by_day else f"random 6:2:2 by row, split seed {seed}"
        options = {
            "duration_s": list(seconds),
            "buckets": buckets,
            "target": "watch time truncated at the duration (whole s)" if truncated else "watch time (s)",
            "music": music,
        }
        super().__init__(name, SOURCE, Protocol(order, batch=512, epochs=50, patience=10, options=options))
        self.by_day, self.truncated, self.music, self.seconds, self.buckets, self.seed = (
            by_day, truncated, music, seconds, buckets, seed)  # fmt: skip

    def files(self, root: Path | None) -> list[Path]:
        """The actions, the videos and their content, or the one file that DVR prepared: whichever is whole."""
        below = [one for one in FOLDERS if root is not None and is_folder(Path(root) / one)] or FOLDERS[:1]
        places = [folder(self.name, SOURCE, root, one) for one in below]
        raw = [{stem: plain_or_gz(place, [stem]) for stem in CHALLENGE} for place in places]
        for files in (*raw, *({PREPARED: plain_or_gz(place, [PREPARED])} for place in places)):
            whole = [path for path in files.values() if path]
            if len(whole) == len(files):
                return whole
        missing = " and ".join(f"{stem}[.gz]" for stem, path in raw[0].items() if path is None)
        raise not_there(self.name, SOURCE, root, places[0], missing, beside=next(filter(None, raw[0].values()), None))

    def build(self, root: Path | None) -> Table:
        paths = self.files(root)
        whole = len(paths) > 1
        raw, facts = _challenge(paths[0], paths[1]) if whole else _prepared(paths[0])
        content = _read_content(paths[2]) if whole else None
        keep = self._filter(raw["duration"], facts, paths[0])
        raw = raw if keep.all() else {name: values[keep] for name, values in raw.items()}
        label, duration, day, video = raw.pop("label"), raw.pop("duration"), raw.pop("day"), raw["video_id"]
        if self.truncated:
            label = np.minimum(np.rint(label), duration)
        facts["files"] = listed(paths)
        if facts["rows_raw"] >= int(_PROWTP["rows"]):
            found = {"rows": len(label), "users": len(np.unique(raw["user_id"])), "videos": len(np.unique(video))}
            facts["published"] = beside(self.name, _PROWTP, found)
        names = ("user_id", "device", "video_id", "author_id", *(_MUSIC if self.music else ()))
        table = assemble(
            {name: raw[name] for name in names},
            split=self._split(day),
            unit="s",
            label=label.astype(np.float32),
            duration=duration,
            buckets=self.buckets,
            facts=facts,
        )
        if content is None:
            return table
        videos, row = np.unique(video, return_inverse=True)
        matrix, without = _of_videos(videos, row, *content, paths[2])
        return replace(
            table,
            schema=replace(table.schema, content=WIDTH),
            rows=replace(table.rows, content=matrix, content_row=row.astype(np.int32)),
            facts={**table.facts, "rows_without_content": without},
        )

    def _filter(self, duration: Array, facts: dict[str, Any], path: Path) -> Array:
        """Which rows stay; what goes is noted in the facts."""
        low, high = self.seconds
        keep = (np.rint(duration) >= low) & (np.rint(duration) <= high)
        rows, kept = len(keep), int(keep.sum())
        facts["dropped"][f"duration outside {low}..{high} s"] = rows - kept
        counts = f"{kept} of {facts['rows_raw']:,} rows pass ({_words(facts['dropped'])})"
        if rows >= FEWEST and not kept:
            raise BadData(f"{path}: {counts}; check the unit of videoplayseconds: seconds are expected")
        if kept < FEWEST:
            raise TooFew(f"{path}: {counts}: a sample too small to train and compare on, {FEWEST} the least; "
                         "get the whole files")  # fmt: skip
        return keep

    def _split(self, day: Array) -> dict[Split, Array]:
        if not self.by_day:
            return random_split(len(day), (6, 2, 2), self.seed)
        return checked_split(
            {part: np.flatnonzero((day >= a) & (day <= b)).astype(np.int32) for part, (a, b) in _DAYS.items()}
        )


def _challenge(action_file: Path, video_file: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """The actions whose video is known, each with what is known of it, and the facts so far."""
    others = "stay read_comment comment like click_avatar forward follow favorite"
    actions = read_csv(action_file, _action_columns("play", others), row_hash=True)
    repeated = duplicates(actions.pop(""))
    videos = read_csv(video_file, [Column("feedid"), *_VIDEO_COLUMNS])
    ids = videos.pop("feedid")
    check_unique(video_file, "feedid", ids)
    check_videos(video_file, "videoplayseconds", videos["videoplayseconds"], "seconds")
    n = len(actions["feedid"])
    place = looked_up(actions["feedid"], ids, np.arange(len(ids), dtype=np.int32), -1)
    known = place >= 0
    missing = n - int(known.sum())
    if n - missing >= FEWEST or min(n, len(ids)) >= SAMPLE:
        check_known(video_file, "videos", missing, n, most=_MOST_MISSING)
    if missing:
        place, actions = place[known], {name: values[known] for name, values in actions.items()}
    raw = {name: actions.pop(column) for column, name in _KEYS.items()}
    raw["label"] = actions.pop("play") / 1000
    raw |= {name: videos[column][place] for column, name in _VIDEO.items()}
    check_plays(action_file, "play", raw["label"], raw["duration"], "milliseconds")
    return raw, {
        "slice": f"WeChat, {n:,} actions",
        "rows_raw": n,
        "duplicates": repeated,
        "dropped": {f"video not in {video_file.name}": missing},
    }


def _prepared(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """The rows that DVR prepared, and the facts so far."""
    others = "user_type feed_type like read_comment forward"
    actions = read_csv(path, (*_action_columns("playseconds_truncate", others), *_VIDEO_COLUMNS), row_hash=True)
    repeated = duplicates(actions.pop(""))
    raw = {name: actions.pop(column) for column, name in (_KEYS | _VIDEO).items()}
    raw["label"] = actions.pop("playseconds_truncate")
    check_videos(path, "videoplayseconds", raw["duration"], "seconds")
    check_plays(path, "playseconds_truncate", raw["label"], raw["duration"], "seconds")
    n = len(raw["label"])
    return raw, {
        "slice": f"WeChat, {n:,} rows prepared by DVR: watch time truncated at the duration, no content vectors",
        "rows_raw": n,
        "duplicates": repeated,
        "dropped": {},
    }


def _read_content(path: Path) -> tuple[Array, Array]:
    """The ids of all videos, int64 [m], and their content vectors, float32 [m, WIDTH]."""
    import pyarrow as pa

    types = {"feedid": pa.int64(), "feed_embedding": pa.string()}
    ids: list[Array] = []
    vectors: list[Array] = []
    for block in blocks(path, types):
        ids.append(block.numbers("feedid"))
        vectors.append(_vectors(block))
    if not ids:
        raise BadData(f"{path}: the file has a header and no rows; get the file again")
    known = np.concatenate(ids)
    check_unique(path, "feedid", known)
    return known, np.concatenate(vectors)


def _vectors(block: Block) -> Array:
    """The content vectors of a block, float32 [rows, WIDTH]."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = "feed_embedding"
    texts = pc.ascii_trim_whitespace(block.batch.column(name).fill_null(""))
    if (empty := pc.equal(texts, "").to_numpy(zero_copy_only=False)).any():
        raise block.bad(name, int(empty.argmax()), "is empty")
    lists = pc.ascii_split_whitespace(texts)
    counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    if (odd := counts != WIDTH).any():
        at = int(odd.argmax())
        raise block.bad(name, at, f"has {counts[at]} numbers, expected {WIDTH},")
    flat = lists.flatten()
    try:
        values: Array = flat.cast(pa.float32()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        number = pc.match_substring_regex(flat, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
        at = int((~number.to_numpy(zero_copy_only=False)).argmax())
        raise block.bad(name, at // WIDTH, f"has {flat[at].as_py()!r} among its numbers") from None
    if not (finite := np.isfinite(values)).all():
        raise block.bad(name, int((~finite).argmax()) // WIDTH, "has a number that is not finite")
    return values.reshape(-1, WIDTH)


def _of_videos(videos: Array, row: Array, ids: Array, vectors: Array, path: Path) -> tuple[Array, int]:
    """The content vector of each video, [videos, WIDTH], zeros where the file lacks it, and of how many rows it does.

    `row`: the place of each row's video in `videos`.
    """
    place = looked_up(videos, ids, np.arange(len(ids), dtype=np.int32), -1)
    without = int((place < 0)[row].sum())
    check_known(path, "videos", without, len(row), most=_MOST_MISSING)
    matrix = vectors[place]
    matrix[place < 0] = 0
    return matrix, without


def _words(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{what}: {rows:,}" for what, rows in dropped.items())


DATASETS = (WeChat("wechat"), WeChat("wechat@days", by_day=True, truncated=True, music=True))
