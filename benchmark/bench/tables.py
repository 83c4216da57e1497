"""Seconds and peak memory of preparing a table at full scale.

twin      synthetic@kuairec-size, 12.5 M rows
csv       a made-up big_matrix.csv of as many rows in KuaiRec's format
wechat, cikm16
          made-up files in those datasets' formats, with as many rows, users and items as the official ones

With `--train` VR and TPM then train on the tables of the last two for an epoch, two seeds together. With `--share` all
files have that share of their rows. Needs about 3 GB in the temporary folder, which TMPDIR moves.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.bench.common import Asked, Say, apart, peak

ROWS, USERS, VIDEOS = 12_530_806, 7_176, 10_728  # of KuaiRec's big matrix
ACTIONS, VIEWERS, FEEDS = 7_210_290, 20_000, 96_428  # of WeChat (ProWTP, Table 6)
VIEWS, SESSIONS, ITEMS = 1_235_380, 310_324, 122_993  # of CIKM16
QUERIES, ASKING, VIEWED_AND_ASKED, WORDS = 923_127, 573_935, 310_302, 180_000
_CHUNK = 1 << 20


def _load(name: str, root: Path, cache: Path) -> dict[str, Any]:
    """Speed and memory of opening a dataset, which prepares it where the cache lacks it."""
    from datasets.cache import load
    from datasets.registry import get

    start = time.perf_counter()
    table = load(get(name), root, cache)
    seconds = time.perf_counter() - start
    facts = {key: table.facts[key] for key in ("rows", "users", "items")}
    vocabulary = {c.name: c.size for c in table.schema.columns}
    speed = {"seconds": round(seconds, 3), "cpu_seconds": round(time.process_time(), 1), "peak_GiB": round(peak(), 2)}
    return {**speed, **facts, "vocabulary": vocabulary, "content": table.schema.content}


def _fit(name: str, root: Path, cache: Path, method: str) -> dict[str, Any]:
    """One epoch of two seeds, with the validation behind it."""
    from benchmark.train.trainer import Plan, Trainer
    from datasets.cache import load
    from datasets.registry import get
    from methods.base import Method
    from methods.registry import all_methods

    dataset, cls = get(name), all_methods()[method]
    assert issubclass(cls, Method)
    table = load(dataset, root, cache)
    train, plan = table.view("train"), Plan(batch=dataset.protocol.batch, epochs=1, patience=1)
    start = time.perf_counter()
    trainer = Trainer(cls, table.schema, train, table.view("valid"), plan, [0, 1], [cls.Config()] * 2)
    ready = time.perf_counter()
    (history, _) = trainer.fit()
    seconds = time.perf_counter() - ready
    return {
        "steps": trainer.order.steps,
        "setup_seconds": round(ready - start, 1),
        "seconds": round(seconds, 1),
        "rows_per_s": round(2 * len(train) / seconds),  # of both seeds, validation included
        "cpu_seconds": round(time.process_time(), 1),
        "peak_GiB": round(peak(), 2),
        "valid_mae": round(history.valid[0], 4),
    }


def _write(path: Path, tables: Iterator[Any], delimiter: str = ",") -> None:
    """Write a file of the tables in turn."""
    from pyarrow import csv

    path.parent.mkdir(parents=True, exist_ok=True)
    writer, options = None, csv.WriteOptions(quoting_style="none", delimiter=delimiter)
    for table in tables:
        writer = writer or csv.CSVWriter(path, table.schema, write_options=options)
        writer.write(table)
    assert writer is not None
    writer.close()


def _chunks(rows: int, size: int = _CHUNK) -> Iterator[int]:
    """The sizes of the parts that a file is written in."""
    yield from (min(size, rows - start) for start in range(0, rows, size))


def _popular(rng: np.random.Generator, size: int, n: int, power: float = 2.0) -> np.ndarray:
    """Numbers below `size`, the first ones often."""
    return (size * rng.random(n) ** power).astype(np.int64)


def _joined(values: np.ndarray, counts: np.ndarray, separator: str) -> Any:
    """A text for each count: as many of the values in turn, [sum of counts] in all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(offsets, pa.array(values).cast(pa.string())), separator)


def _big_matrix(rows: int) -> Iterator[Any]:
    """KuaiRec's big_matrix.csv: same columns and types."""
    import pyarrow as pa

    rng = np.random.default_rng(0)
    for n in _chunks(rows):
        play, duration = rng.integers(0, 30_000, n), rng.integers(3_000, 60_000, n)
        stamp = 1593878903.438 + np.round(rng.random(n) * 5e6, 3)
        yield pa.table(
            {
                "user_id": np.sort(rng.integers(0, USERS, n)),
                "video_id": rng.integers(0, VIDEOS, n),
                "play_duration": play,
                "video_duration": duration,
                "time": pa.array(stamp * 1000, pa.float64()).cast(pa.int64(), safe=False).cast(pa.timestamp("ms")),
                "date": 20200705 + rng.integers(0, 27, n),
                "timestamp": stamp,
                "watch_ratio": play / duration,
            }
        )


def _kuairec(folder: Path, share: float) -> None:
    _write(folder / "big_matrix.csv", _big_matrix(int(ROWS * share)))
    (folder / "item_categories.csv").write_text(
        "video_id,feat\n" + "".join(f'{v},"[{v % 31}, {v % 7}]"\n' for v in range(VIDEOS))
    )


def _wechat(folder: Path, share: float) -> None:
    rng = np.random.default_rng(0)
    feeds = np.sort(rng.choice(112_000, FEEDS, replace=False))
    seconds = rng.integers(5, 61, FEEDS)  # all pass the filter, so that as many rows are left as ProWTP has
    _write(folder / "user_action.csv", _actions(rng, feeds, seconds, int(ACTIONS * share)))
    _write(folder / "feed_info.csv", iter([_feeds(rng, feeds, seconds)]))
    _write(folder / "feed_embeddings.csv", _contents(rng, rng.permutation(feeds)))


def _actions(rng: np.random.Generator, feeds: np.ndarray, seconds: np.ndarray, rows: int) -> Iterator[Any]:
    import pyarrow as pa

    popular = rng.permutation(FEEDS)
    for n in _chunks(rows):
        video = popular[_popular(rng, FEEDS, n)]
        play = (1000 * seconds[video] * rng.lognormal(-0.7, 0.9, n)).astype(np.int64)
        flags = ("read_comment", "comment", "like")
        table = {
            "userid": np.sort(_popular(rng, VIEWERS, n)),
            "feedid": feeds[video],
            "date_": rng.integers(1, 15, n),
            "device": rng.integers(1, 3, n),
            **{name: (rng.random(n) < 0.03).astype(np.int64) for name in flags},
            "play": play,
            "stay": play + rng.integers(200, 3000, n),
        }
        table |= {name: np.zeros(n, np.int64) for name in ("click_avatar", "forward", "follow", "favorite")}
        yield pa.table(table)


def _feeds(rng: np.random.Generator, feeds: np.ndarray, seconds: np.ndarray) -> Any:
    import pyarrow as pa

    n = len(feeds)
    song = pa.array(rng.integers(0, 25_000, n), mask=rng.random(n) < 0.45)
    text = _joined(rng.integers(0, 150_000, 40 * n), np.full(n, 40), " ")
    columns: dict[str, Any] = {"feedid": feeds, "authorid": rng.integers(0, 18_789, n), "videoplayseconds": seconds}
    columns |= dict.fromkeys(("description", "ocr", "asr"), text)
    columns |= {"bgm_song_id": song, "bgm_singer_id": song}
    columns |= {name: ["12;345"] * n for name in ("manual_keyword_list", "machine_keyword_list", "manual_tag_list")}
    columns |= {"machine_tag_list": ["17 0.91;205 0.05"] * n}
    return pa.table(columns | dict.fromkeys(("description_char", "ocr_char", "asr_char"), text))


def _contents(rng: np.random.Generator, feeds: np.ndarray) -> Iterator[Any]:
    import pyarrow as pa

    start = 0
    for n in _chunks(len(feeds), 1 << 12):
        vectors = np.round(rng.normal(0, 0.044, n * 512), 8)
        yield pa.table({"feedid": feeds[start : start + n], "feed_embedding": _joined(vectors, np.full(n, 512), " ")})
        start += n


def _cikm16(folder: Path, share: float) -> None:
    rng = np.random.default_rng(0)
    _write(folder / "train-item-views.csv", iter([_views(rng, share)]), ";")
    _write(folder / "train-queries.csv", iter([_queries(rng, share)]), ";")


def _views(rng: np.random.Generator, share: float) -> Any:
    import pyarrow as pa

    sessions, n = int(SESSIONS * share), int(VIEWS * share)
    session = np.sort(np.concatenate([np.arange(sessions), rng.integers(0, sessions, n - sessions)]))
    user = np.where(session % 3 == 0, np.char.mod("%d", session // 2), "NA")
    return pa.table(
        {
            "sessionId": session + 1,
            "userId": user,
            "itemId": _popular(rng, ITEMS, n),
            "timeframe": rng.integers(2_000, 1_200_000, n),
            "eventdate": ["2016-05-09"] * n,
        }
    )


def _queries(rng: np.random.Generator, share: float) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    asking, both, n = (int(count * share) for count in (ASKING, VIEWED_AND_ASKED, QUERIES))
    known = np.concatenate([np.arange(both), int(SESSIONS * share) + np.arange(asking - both)])
    session = rng.permutation(np.concatenate([known, rng.choice(known, n - asking)]))
    counts = rng.integers(1, 8, n)
    tokens = _joined(_popular(rng, WORDS, int(counts.sum())), counts, ",")
    shown = pa.array([",".join(map(str, rng.integers(0, ITEMS, 60))) for _ in range(1000)])
    return pa.table(
        {
            "queryId": np.arange(1, n + 1),
            "sessionId": session + 1,
            "userId": [""] * n,
            "timeframe": rng.integers(0, 1_200_000, n),
            "duration": rng.lognormal(6.9, 0.9, n).astype(np.int64),
            "eventdate": ["2016-05-09"] * n,
            "searchstring.tokens": pc.if_else(pa.array(rng.random(n) < 0.6), "", tokens),
            "categoryId": rng.integers(0, 1_200, n),
            "items": shown.take(pa.array(rng.integers(0, 1000, n))),
            "is.test": ["FALSE"] * n,
        }
    )


# what writes a dataset's files, and the folder that the dataset looks for below the data root
_FILES: dict[str, tuple[str, str, Callable[[Path, float], None]]] = {
    "csv": ("kuairec", "KuaiRec 2.0/data", _kuairec),
    "wechat": ("wechat", "wechat_algo_data1", _wechat),
    "cikm16": ("cikm16", "cikm16", _cikm16),
}


def main(asked: Asked) -> None:
    """Make the files and prepare them; the twin and KuaiRec's, unless told otherwise."""
    what = asked.parts or ("twin", "csv")
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder, "data"), Path(folder, "cache")
        if "twin" in what:
            _measure(asked.say, "twin", "synthetic@kuairec-size", root, cache)
        for kind, (name, below, write) in _FILES.items():
            if kind in what:
                write(root / below, asked.share)
                for file in sorted((root / below).iterdir()):
                    asked.say(f"tables    {file.name}: {file.stat().st_size / 2**30:.2f} GiB")
                _measure(asked.say, kind, name, root, cache)
                if asked.train and kind != "csv":
                    for method in ("tr", "tpm"):
                        asked.say(f"tables    {name}, an epoch of {method}: {apart(_fit, name, root, cache, method)}")


def _measure(say: Say, what: str, name: str, root: Path, cache: Path) -> None:
    for state in ("prepare", "open"):
        say(f"tables    {what}, {state}: {apart(_load, name, root, cache)}")
