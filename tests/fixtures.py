"""Tiny data roots in the official formats of the public datasets, with made-up rows."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd


def write_csv(frame: pd.DataFrame, path: Path) -> Path:
    """Plain, or gzipped where the name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = frame.to_csv(index=False).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    return path


def kuairand_log(*, rows: int, users: int = 40, videos: int = 30, seed: int = 0, first_day: int = 22) -> pd.DataFrame:
    """A standard log of KuaiRand-Pure: all 19 columns in their order. Some plays and some durations are 0, and the last
    row is the second row again."""
    rng = np.random.default_rng(seed)
    duration = np.where(rng.random(rows) < 0.03, 0, rng.integers(2_000, 450_000, rows))
    play = np.where(rng.random(rows) < 0.1, 0, (duration + 3_000) * rng.lognormal(-0.7, 0.8, rows)).astype(np.int64)
    day = first_day + np.sort(rng.integers(0, 7, rows))
    frame = pd.DataFrame(
        {
            "user_id": rng.integers(0, users, rows),
            "video_id": rng.integers(0, videos, rows),
            "date": 20220400 + day,
            "hourmin": rng.integers(0, 24, rows) * 100,
            "time_ms": 1_650_500_000_000 + day * 86_400_000 + rng.integers(0, 86_400_000, rows),
        }
    )
    for name in ("is_click", "is_like", "is_follow", "is_comment", "is_forward", "is_hate", "long_view"):
        frame[name] = rng.integers(0, 2, rows)
    frame["play_time_ms"], frame["duration_ms"] = play, duration
    for name in ("profile_stay_time", "comment_stay_time", "is_profile_enter", "is_rand"):
        frame[name] = 0
    frame["tab"] = rng.integers(0, 15, rows)
    frame.iloc[-1] = frame.iloc[1]
    return frame


def kuairand(
    root: Path,
    *,
    rows: int = 600,
    users: int = 40,
    videos: int = 30,
    logs: Sequence[str] = ("log_standard_4_22_to_5_08_pure.csv.gz",),
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """KuaiRand-Pure's layout; returns the frames by file name. The feature files lack the last user and video, and
    leave a music_id and an active degree empty."""
    rng = np.random.default_rng([seed, 1])
    frames = {
        name: kuairand_log(rows=rows, users=users, videos=videos, seed=seed + place, first_day=8 + 14 * place)
        for place, name in enumerate(logs)
    }
    degrees = ["full_active", "high_active", "middle_active", "UNKNOWN"]
    frames["user_features_pure.csv"] = pd.DataFrame(
        {
            "user_id": np.arange(users - 1),
            "user_active_degree": [None, *rng.choice(degrees, users - 2)],
            "is_lowactive_period": 0,
            "is_live_streamer": -124,
        }
    )
    frames["video_features_basic_pure.csv"] = pd.DataFrame(
        {
            "video_id": np.arange(videos - 1),
            "author_id": rng.integers(0, 2_000_000, videos - 1),
            "video_type": "NORMAL",
            "upload_dt": "2022-04-10",
            "video_duration": 1000.0,
            "music_id": [None, *rng.integers(1, 9_999_999_999, videos - 2)],
            "tag": "39,2",
        }
    )
    for name, frame in frames.items():
        write_csv(frame, root / "KuaiRand-Pure" / "data" / name)
    return frames


def kuairec_matrix(*, rows: int, users: int = 30, videos: int = 25, seed: int = 0) -> pd.DataFrame:
    """A matrix of KuaiRec: all 8 columns in their order. Some durations are 0, some times are empty."""
    rng = np.random.default_rng(seed)
    duration = np.where(rng.random(rows) < 0.02, 0, rng.integers(3_000, 120_000, rows))
    play = (np.maximum(duration, 1_000) * rng.lognormal(-0.3, 0.8, rows)).astype(np.int64)
    stamp = pd.Series(1_593_878_903.0 + np.round(rng.random(rows) * 5e6, 3)).mask(rng.random(rows) < 0.1)
    return pd.DataFrame(
        {
            "user_id": rng.integers(0, users, rows),
            "video_id": rng.integers(0, videos, rows),
            "play_duration": play,
            "video_duration": duration,
            "time": pd.to_datetime(stamp, unit="s").dt.strftime("%Y-%m-%d %H:%M:%S.%f"),
            "date": pd.to_datetime(stamp, unit="s").dt.strftime("%Y%m%d"),
            "timestamp": stamp,
            "watch_ratio": np.divide(play, duration, out=np.full(rows, np.inf), where=duration > 0),
        }
    )


def kuairec(
    root: Path, *, matrices: Sequence[str] = ("small_matrix.csv",), rows: int = 500, videos: int = 25, seed: int = 0
) -> dict[str, pd.DataFrame]:
    """KuaiRec's layout; returns the frames by file name. The category file lacks the last video."""
    frames = {
        name: kuairec_matrix(rows=rows, videos=videos, seed=seed + place) for place, name in enumerate(sorted(matrices))
    }
    rng = np.random.default_rng([seed, 1])
    lists = [rng.choice(31, rng.integers(1, 5), replace=False).tolist() for _ in range(videos - 1)]
    categories = {"video_id": np.arange(videos - 1), "feat": [str(one) for one in lists]}
    frames["item_categories.csv"] = pd.DataFrame(categories)
    for name, frame in frames.items():
        write_csv(frame, root / "KuaiRec 2.0" / "data" / name)
    return frames


def wechat_actions(*, rows: int, users: int = 25, videos: int = 30, seed: int = 0) -> pd.DataFrame:
    """user_action.csv of the WeChat challenge: all 13 columns in their order. Some plays are longer than the duration,
    some are 0, and the last row is the second row again."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "userid": rng.integers(8, 8 + users, rows),
            "feedid": 100 + rng.integers(0, videos, rows),
            "date_": 1 + np.sort(rng.integers(0, 14, rows)),
            "device": rng.integers(1, 3, rows),
            "read_comment": 0,
            "comment": 0,
            "like": rng.integers(0, 2, rows),
            "play": np.where(rng.random(rows) < 0.1, 0, 25_000 * rng.lognormal(-0.5, 1, rows)).astype(np.int64),
            "stay": rng.integers(500, 90_000, rows),
        }
    )
    for name in ("click_avatar", "forward", "follow", "favorite"):
        frame[name] = 0
    frame.iloc[-1] = frame.iloc[1]
    return frame


def wechat_feeds(*, videos: int = 30, seed: int = 0) -> pd.DataFrame:
    """feed_info.csv: all 15 columns in their order. Durations from 4 to 66 s; some songs and texts are empty."""
    rng = np.random.default_rng([seed, 1])
    song = np.where(rng.random(videos) < 0.4, np.nan, rng.integers(700, 720, videos))
    frame = pd.DataFrame(
        {
            "feedid": rng.permutation(100 + np.arange(videos)),
            "authorid": rng.integers(400, 412, videos),
            "videoplayseconds": rng.permutation(np.linspace(4, 66, videos).round().astype(int)),
        }
    )
    for name in ("description", "ocr", "asr"):
        frame[name] = np.where(rng.random(videos) < 0.2, "", "104741 122649 8109")
    frame["bgm_song_id"], frame["bgm_singer_id"] = song, np.where(np.isnan(song), np.nan, 300 + song % 7)
    for name in ("manual_keyword_list", "machine_keyword_list", "manual_tag_list"):
        frame[name] = "12;345"
    frame["machine_tag_list"] = "17 0.91;205 0.05"
    for name in ("description_char", "ocr_char", "asr_char"):
        frame[name] = "8 41 5"
    return frame


def wechat_contents(feeds: Sequence[int], *, seed: int = 0) -> pd.DataFrame:
    """feed_embeddings.csv: a text of 512 numbers for each video, with a space behind each."""
    vectors = np.random.default_rng([seed, 2]).normal(0, 0.04, (len(feeds), 512))
    texts = ["".join(f"{x:.8f} " for x in vector) for vector in vectors]
    return pd.DataFrame({"feedid": feeds, "feed_embedding": texts})


def wechat(root: Path, *, rows: int = 600, users: int = 25, videos: int = 30, seed: int = 0) -> dict[str, pd.DataFrame]:
    """The challenge's layout; returns the frames by file name."""
    feeds = wechat_feeds(videos=videos, seed=seed)
    frames = {
        "user_action.csv": wechat_actions(rows=rows, users=users, videos=videos, seed=seed),
        "feed_info.csv": feeds,
        "feed_embeddings.csv": wechat_contents(feeds["feedid"][::-1].to_numpy(), seed=seed),
    }
    for name, frame in frames.items():
        write_csv(frame, root / "wechat_algo_data1" / name)
    return frames


def wechat_prepared(actions: pd.DataFrame, feeds: pd.DataFrame) -> pd.DataFrame:
    """The one file that DVR made of the challenge's two: all its columns in their order, behind one without a name."""
    frame = actions.merge(feeds, on="feedid")
    seconds = np.minimum(np.rint(frame["play"] / 1000), frame["videoplayseconds"])
    frame = frame.assign(playseconds_truncate=seconds, user_type=1, feed_type=2, gain=0.5, mean_play=9.5, std_play=3.25)
    columns = (
        "date_ userid feedid device authorid videoplayseconds playseconds_truncate bgm_song_id bgm_singer_id user_type "
        "feed_type gain like read_comment forward mean_play std_play"
    )
    frame = frame[columns.split()].rename_axis("").reset_index()
    return frame.rename(columns={"index": ""})


def cikm16(
    root: Path, *, sessions: int = 200, items: int = 60, seed: int = 0, samples: bool = False
) -> dict[str, pd.DataFrame]:
    """DIGINETICA's layout, ';' between columns; returns the frames by file name. `samples`: the names and the spelling
    of the samples. The last three sessions have no query; some queries have no tokens, some no session with views;
    some durations are 6 s and more."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 15, sessions)
    owner = np.repeat(np.arange(1, sessions + 1), counts)
    asked = rng.integers(1, sessions + 8, 3 * sessions)
    asked = np.concatenate([np.arange(1, sessions - 2), asked[(asked < sessions - 2) | (asked > sessions)]])
    rng.shuffle(asked)
    n = len(asked)
    tokens = [",".join(map(str, rng.integers(5000, 5080, k))) if k else None for k in rng.integers(0, 14, n)]
    frames = {
        "train-item-views.csv": pd.DataFrame(
            {
                "sessionId": owner,
                "userId": pd.array(np.repeat(rng.integers(1, 40, sessions), counts), dtype="Int64"),
                "itemId": rng.integers(0, items, len(owner)),
                "timeframe": rng.integers(0, 900_000, len(owner)),
                "eventdate": "2016-05-09",
            }
        ),
        "train-queries.csv": pd.DataFrame(
            {
                "queryId": np.arange(1, n + 1),
                "sessionId": asked,
                "userId": None,
                "timeframe": rng.integers(0, 50, n) * 1000,  # some are equal
                "duration": rng.integers(20, 7500, n),
                "eventdate": "2016-05-09",
                "searchstring.tokens": tokens,
                "categoryId": 0,
                "items": "7518,71,30311",
                "is.test": False,
            }
        ),
    }
    views = frames["train-item-views.csv"]
    views.loc[rng.random(len(views)) < 0.3, "userId"] = pd.NA
    views.loc[views["sessionId"] % 3 == 0, "userId"] = pd.NA
    if samples:
        spelling = {"sessionId": "session_id", "userId": "user_id", "itemId": "item_id"}
        frames = {
            "train-item-views_sample.csv": views.rename(columns=spelling),
            "train-queries_33_rows.csv": frames["train-queries.csv"],
        }
    for name, frame in frames.items():
        put_cikm16(root, name, frame)
    return frames


def put_cikm16(root: Path, name: str, frame: pd.DataFrame) -> Path:
    """Write one of the files, views with NA where the user is unknown, gzipped where the name ends in .gz."""
    path = root / "cikm16" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = frame.to_csv(index=False, sep=";", na_rep="NA" if "views" in name else "").encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    return path
