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
