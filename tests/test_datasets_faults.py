"""One fault, every reader: what is wrong with raw files is refused by file and line, what is right is read exactly."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets import cache, registry
from datasets.base import Dataset, Unreadable
from datasets.cache import columns_of
from datasets.cdnow import CDNow
from datasets.cikm16 import Cikm16
from datasets.criteo import Criteo
from datasets.kaggle import Kaggle
from datasets.kuairand import KuaiRand
from datasets.kuairec import KuaiRec
from datasets.preparing import fingerprint
from datasets.reading import ingest
from datasets.reading.counted import counted
from datasets.wechat import WeChat
from tests import fixtures
from tests import ltv_fixtures as made
from tests.ltv_fixtures import complaint


@dataclass(frozen=True)
class Reader:
    """A dataset with files in its official format."""

    dataset: Dataset
    make: Callable[[Path], object]
    delimiter: str = ","
    header: bool = True
    whole: tuple[str, ...] = ()  # its columns of whole numbers
    times: tuple[tuple[str, float], ...] = ()  # column, and a factor that only another unit explains


def _kaggle(root: Path) -> None:
    made.kaggle(root, made.transactions(per_customer=20), name="transactions.csv")


def _prepared(root: Path) -> None:
    frame = fixtures.wechat_prepared(fixtures.wechat_actions(rows=400), fixtures.wechat_feeds())
    fixtures.write_csv(frame, root / "wechat_algo_data1" / "wechat_video_debias.csv")


READERS = {
    "kuairand": Reader(
        KuaiRand(), lambda p: fixtures.kuairand(p, logs=["log_standard_4_22_to_5_08_pure.csv"]),
        whole=("user_id", "video_id", "tab", "date", "music_id", "author_id"),
        times=(("duration_ms", 0.001), ("play_time_ms", 0.001), ("time_ms", 0.001), ("duration_ms", 1000)),
    ),
    "kuairec": Reader(
        KuaiRec(), fixtures.kuairec, whole=("user_id", "video_id"),
        times=(("play_duration", 0.001), ("video_duration", 0.001), ("video_duration", 1000)),
    ),
    "wechat": Reader(
        WeChat(), lambda p: fixtures.wechat(p, rows=300), whole=("userid", "feedid", "date_", "authorid"),
        times=(("play", 0.001), ("videoplayseconds", 1000)),
    ),
    "wechat, prepared": Reader(
        WeChat("wechat@days", by_day=True, music=True), _prepared, whole=("userid", "feedid", "date_", "authorid"),
        times=(("playseconds_truncate", 1000), ("videoplayseconds", 1000)),
    ),
    "cikm16": Reader(
        Cikm16(), fixtures.cikm16, delimiter=";", whole=("sessionId", "itemId"), times=(("duration", 0.001),)
    ),
    "kaggle": Reader(Kaggle(), _kaggle, whole=("id", "chain", "company", "brand")),
    "criteo": Reader(
        Criteo(), lambda p: made.criteo(p, made.clicks(rows=500)), delimiter="\t", header=False,
        times=(("3", 1000), ("2", 1000)),
    ),
}  # fmt: skip
HEADED = {name: reader for name, reader in READERS.items() if reader.header}


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def text_of(reader: Reader, path: Path) -> pd.DataFrame:
    """The cells as they are written."""
    head = 0 if reader.header else None
    return pd.read_csv(path, sep=reader.delimiter, header=head, dtype=str, keep_default_na=False)


def put(reader: Reader, frame: pd.DataFrame, path: Path) -> None:
    path.write_text(frame.to_csv(index=False, sep=reader.delimiter, header=reader.header))


def built(reader: Reader, root: Path) -> str:
    table = reader.dataset.build(root)
    return fingerprint.of_table(table.schema, columns_of(table), reader.dataset.protocol)


@pytest.mark.parametrize("name", HEADED)
def test_spaces_around_column_names_do_no_harm(tmp_path, name):
    reader = HEADED[name]
    reader.make(tmp_path)
    before = built(reader, tmp_path)
    for path in files(tmp_path):
        head, _, rest = path.read_text().partition("\n")
        path.write_text(reader.delimiter.join(f"  {cell} " for cell in head.split(reader.delimiter)) + "\n" + rest)
    assert built(reader, tmp_path) == before


@pytest.mark.parametrize("name", HEADED)
def test_whole_numbers_may_be_written_with_decimals(tmp_path, name):
    reader = HEADED[name]
    reader.make(tmp_path)
    before = built(reader, tmp_path)
    changed = set()
    for path in files(tmp_path):
        frame = text_of(reader, path)
        for column in set(reader.whole) & set(frame.columns):
            frame[column] = [cell if cell in ("", "NA") else f"{cell.removesuffix('.0')}.0" for cell in frame[column]]
            changed.add(column)
        put(reader, frame, path)
    assert changed == set(reader.whole)
    assert built(reader, tmp_path) == before


@pytest.mark.parametrize("cell", ["1_000", "0x10", "1e30", "inf", "6.5"])
@pytest.mark.parametrize("name", HEADED)
def test_ids_that_are_no_whole_numbers_are_refused(tmp_path, name, cell):
    reader = HEADED[name]
    reader.make(tmp_path)
    for path in files(tmp_path):
        whole = path.read_bytes()
        frame = text_of(reader, path)
        for column in set(reader.whole) & set(frame.columns):
            odd = frame.copy()
            odd.loc[7, column] = cell
            put(reader, odd, path)
            words = f"{path}: column {column!r} is not a whole number ({cell!r}) in line 9;"
            complaint(lambda: reader.dataset.build(tmp_path), words)
        path.write_bytes(whole)


@pytest.mark.parametrize("name", HEADED)
def test_a_column_that_is_there_twice_is_refused(tmp_path, name):
    reader = HEADED[name]
    reader.make(tmp_path)
    for path in files(tmp_path):
        whole = path.read_bytes()
        frame = text_of(reader, path)
        column = next(c for c in frame.columns if c in reader.whole)
        frame.insert(len(frame.columns), column, "1", allow_duplicates=True)
        put(reader, frame, path)
        complaint(lambda: reader.dataset.build(tmp_path), f"{path}: line 1 has more than one column {column!r}")
        path.write_bytes(whole)


@pytest.mark.parametrize("name", READERS)
def test_damage_in_any_file_is_one_line_that_names_it(tmp_path, name):
    reader = READERS[name]
    reader.make(tmp_path)
    for path in files(tmp_path):
        whole = path.read_bytes()
        lines = whole.split(b"\n")
        path.write_bytes(b"\n".join([*lines[:5], lines[5][:-1] + b"\0", *lines[6:]]))
        complaint(lambda: reader.dataset.build(tmp_path), f"{path}: line 6 holds a NUL byte")
        if reader.header:
            cells = lines[5].split(reader.delimiter.encode())
            path.write_bytes(b"\n".join([*lines[:5], reader.delimiter.encode().join([*cells[:-1], b'"x']), *lines[6:]]))
            complaint(lambda: reader.dataset.build(tmp_path), f"{path}: ", "quote", "line 6 ")
        path.unlink()
        packed = path.with_name(f"{path.name}.gz")
        for damaged in (gzip.compress(whole)[:60], gzip.compress(whole)[:20] + bytes(40), whole):
            packed.write_bytes(damaged)
            complaint(lambda: reader.dataset.build(tmp_path), f"{packed}: ", "truncated or damaged gzip file")
        packed.unlink()
        path.write_bytes(whole)


@pytest.mark.parametrize("name", READERS)
def test_a_file_or_folder_that_cannot_be_opened_is_one_line(tmp_path, name, monkeypatch):
    reader = READERS[name]
    reader.make(tmp_path)
    real = Path.open
    for path in files(tmp_path):

        def refused(self: Path, mode: str = "r", *args: object, path: Path = path) -> object:
            if self == path:
                raise PermissionError(13, "Permission denied")
            return real(self, mode, *args)

        monkeypatch.setattr(Path, "open", refused)
        with pytest.raises(Unreadable, match="cannot be read") as caught:
            reader.dataset.build(tmp_path)
        assert str(caught.value).startswith(f"{path}: cannot be read (permission denied); ")
        with pytest.raises(Unreadable, match="cannot be read"):
            fingerprint.of_files([path], tmp_path / "hashes.json")
    monkeypatch.undo()

    def closed(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(Unreadable, match=r"cannot be read \(permission denied\)"):
        reader.dataset.files(tmp_path)


TIMES = [(name, column, factor) for name, reader in READERS.items() for column, factor in reader.times]


@pytest.mark.parametrize(("name", "column", "factor"), TIMES)
def test_times_in_another_unit_are_refused_with_the_unit_that_is_expected(tmp_path, name, column, factor):
    reader = READERS[name]
    reader.make(tmp_path)
    (path,) = [one for one in files(tmp_path) if column in map(str, text_of(reader, one).columns)]
    frame = text_of(reader, path).rename(columns=str)
    number = pd.to_numeric(frame[column]) * factor
    scaled = number if reader.header and column != "time_ms" else number.astype(np.int64)
    put(reader, frame.assign(**{column: scaled}), path)
    complaint(lambda: reader.dataset.build(tmp_path), f"{path}: ", "check the units: ", "seconds")


@pytest.mark.parametrize(
    ("name", "file", "column"),
    [
        ("kuairand", "user_features_pure.csv", "user_id"),
        ("kuairand", "video_features_basic_pure.csv", "video_id"),
        ("kuairec", "item_categories.csv", "video_id"),
        ("wechat", "feed_info.csv", "feedid"),
        ("wechat", "feed_embeddings.csv", "feedid"),
    ],
)
def test_a_joined_file_has_each_id_once_and_knows_most_of_the_log(tmp_path, name, file, column):
    reader = READERS[name]
    reader.make(tmp_path)
    (path,) = tmp_path.rglob(file)
    frame = text_of(reader, path)
    put(reader, pd.concat([frame, frame.iloc[[3]]]), path)
    words = f"{path}: {column} {frame[column][3]} has more than one row, in lines 5 and {len(frame) + 2};"
    complaint(lambda: reader.dataset.build(tmp_path), words)
    put(reader, frame.iloc[: len(frame) // 2], path)
    complaint(lambda: reader.dataset.build(tmp_path), f"{path}: lacks the ", "so it is cut off or of another release")
    if name != "wechat":  # of its 30 videos none may be missing
        strangers = frame.assign(**{column: np.arange(len(frame)) + 10**6})
        put(reader, strangers, path)
        complaint(lambda: reader.dataset.build(tmp_path), f"{path}: lacks the ")


def test_a_few_rows_without_a_match_are_counted_and_logged(tmp_path, caplog):
    log = fixtures.kuairand(tmp_path)["log_standard_4_22_to_5_08_pure.csv.gz"]
    facts = KuaiRand().build(tmp_path).facts
    kept = log[(log["play_time_ms"] > 0) & (log["duration_ms"] / 1000).round().between(5, 400)]
    missing = {
        "user_features_pure.csv": int((kept["user_id"] == 39).sum()),
        "video_features_basic_pure.csv": int((kept["video_id"] == 29).sum()),
    }
    assert facts["unmatched"] == missing
    assert all(missing.values())
    assert f"lacks the user_id of {missing['user_features_pure.csv']} of {len(kept)} rows" in caplog.text


def test_queries_of_other_sessions_are_refused(tmp_path):
    frame = fixtures.cikm16(tmp_path)["train-queries.csv"]
    fixtures.put_cikm16(tmp_path, "train-queries.csv", frame.assign(sessionId=frame["sessionId"] + 1000))
    complaint(lambda: Cikm16().build(tmp_path), "lacks the queries of 200 of 200 sessions")
    fixtures.put_cikm16(tmp_path, "train-queries.csv", frame.iloc[:150])
    complaint(lambda: Cikm16().build(tmp_path), "lacks the queries of ")


NO_LISTS = ["89", '"89"', '{"8": 1}', "[true]", "[8.5]", "[null]", "[[1]]", "[-1]", "[1e400]", "[8,]", "[" * 20_000]


@pytest.mark.parametrize("cell", NO_LISTS)
def test_a_category_cell_that_is_no_list_of_ids_is_refused(tmp_path, cell):
    frame = fixtures.kuairec(tmp_path)["item_categories.csv"]
    path = tmp_path / "KuaiRec 2.0" / "data" / "item_categories.csv"
    frame.loc[2, "feat"] = cell
    fixtures.write_csv(frame, path)
    words = f"{path}: column 'feat' is not a list of numbers in line 4 ("
    assert len(complaint(lambda: KuaiRec().build(tmp_path), words)) < 500


def test_category_lists_are_read_with_spaces_with_decimals_and_empty(tmp_path):
    frame = fixtures.kuairec(tmp_path)["item_categories.csv"]
    before = built(READERS["kuairec"], tmp_path)
    path = tmp_path / "KuaiRec 2.0" / "data" / "item_categories.csv"
    fixtures.write_csv(frame.assign(feat=frame["feat"].str.replace(r"(\d+)", r" \1.0 ", regex=True)), path)
    assert built(READERS["kuairec"], tmp_path) == before
    one = KuaiRec().build(tmp_path)
    fixtures.write_csv(frame.assign(feat="[]"), path)
    none = KuaiRec().build(tmp_path)
    assert none.schema.bags[0].size == 2 < one.schema.bags[0].size
    assert set(none.rows.bags["category"][:, 0]) == {1}


def test_ids_beyond_a_float_s_53_bits_stay_apart(tmp_path):
    frame = fixtures.kuairand(tmp_path)["video_features_basic_pure.csv"]
    few = [str(2**53 + (k % 3)) for k in range(len(frame))]
    fixtures.write_csv(
        frame.assign(music_id=["", *few[1:]]), tmp_path / "KuaiRand-Pure/data/video_features_basic_pure.csv"
    )
    table = KuaiRand().build(tmp_path)
    assert {f.name: f.size for f in table.schema.fields}["music_id"] == 1 + 1 + 3  # unknown, missing, three ids


@pytest.mark.parametrize("block", [1 << 9, 1 << 13, 1 << 24])
def test_line_ends_in_quotes_are_read_in_a_cell_of_any_size(tmp_path, monkeypatch, block):
    monkeypatch.setattr(ingest, "_BLOCK", block)
    frames = fixtures.kuairand(tmp_path)
    before = built(READERS["kuairand"], tmp_path)
    videos = frames["video_features_basic_pure.csv"].assign(tag='two\nlines, "quoted"')
    videos.loc[11, "tag"] = "line one\n" * 100_000
    fixtures.write_csv(videos, tmp_path / "KuaiRand-Pure/data/video_features_basic_pure.csv")
    assert built(READERS["kuairand"], tmp_path) == before


CDNOW = [
    (" 00001 1997061  1   11.77", "the date '1997061' is not 8 digits"),
    (" 00001 19970601  1   1_000", "the amount '1_000' is not a number"),
    (" 00001 20970602  1   5.00", "the date 20970602 is not in the years 1997 and 1998"),
    (" 00001 99990101  1   5.00", "the date 99990101 is not in the years"),
    (" 00001 19970231  1   5.00", "day is out of range"),
    (" 1_000 19970601  1   5.00", "'1_000' is not a whole number"),
    (" 00001 19970601  1.5   5.00", "'1.5' is not a whole number"),
    (" 00001 19970601  1   1e300", "the amount 1e300 is too large to be true"),
    (" 00001 19970601  1   inf", "the amount 'inf' is not a number"),
    (" 00001 19970601  99999999   5.00", "99999999 is too large to be true"),
    (" 00001 19970601  ١   5.00", "is not a whole number"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words"), CDNOW)
def test_numbers_and_dates_of_cdnow_are_strict(tmp_path, line, words):
    path = made.cdnow(tmp_path, made.purchases())
    lines = path.read_text().splitlines()
    made.put(path, "\n".join([*lines[:30], line, *lines[30:]]))
    complaint(lambda: CDNow().build(tmp_path), f"{path}: line 31 is not ", words)


@pytest.mark.parametrize(
    ("name", "column", "cell", "words"),
    [
        ("kaggle", "purchaseamount", "1e300", "is too large to be true (1e+300) in line 9;"),
        ("kaggle", "purchaseamount", "3e9", "is too large to be true (3e+09) in line 9;"),
        ("kaggle", "purchaseamount", "inf", "is not a finite number (inf) in line 9;"),
        ("kaggle", "purchaseamount", "1_000", "is not a number ('1_000') in line 9;"),
        ("kaggle", "date", "9999-12-31", "is not in the years 2011 to 2014 in line 9;"),
        ("kaggle", "date", "20120302", "is not a date (YYYY-MM-DD) ('20120302') in line 9;"),
        ("criteo", "1", "1e300", "is too large to be true (1e+300) in line 8;"),
        ("kuairand", "play_time_ms", "1e300", "is too large to be true (1e+300) in line 9;"),
        ("kuairand", "play_time_ms", "1e12", "is above 1e+10 (1e+12) in line 9;"),
        ("kuairand", "date", "99990101", "is above"),
        ("wechat", "date_", "15", "is above 14 (15) in line 9;"),
    ],
)
def test_amounts_and_dates_that_cannot_be_true_are_refused(tmp_path, name, column, cell, words):
    reader = READERS[name]
    reader.make(tmp_path)
    path = next(one for one in files(tmp_path) if column in map(str, text_of(reader, one).columns))
    frame = text_of(reader, path).rename(columns=str)
    frame.loc[7, column] = cell
    put(reader, frame, path)
    complaint(lambda: reader.dataset.build(tmp_path), f"{path}: column ", words)


def test_files_that_a_mac_leaves_beside_the_real_ones_are_passed_over(tmp_path):
    reader = READERS["kuairand"]
    reader.make(tmp_path)
    before = built(reader, tmp_path)
    for path in files(tmp_path):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\26\7")
    assert built(reader, tmp_path) == before


@pytest.mark.parametrize("name", ["kuairand", "kuairec", "wechat", "cikm16", "criteo"])
def test_a_log_that_holds_its_rows_twice_is_counted_and_said(tmp_path, name):
    reader = READERS[name]
    reader.make(tmp_path)
    rows = reader.dataset.build(tmp_path).facts.get("duplicates", 0)
    path = max(files(tmp_path), key=lambda one: len(text_of(reader, one)) if "queries" not in one.name else 0)
    frame = text_of(reader, path)
    put(reader, pd.concat([frame, frame]), path)
    facts = reader.dataset.build(tmp_path).facts
    assert facts["duplicates"] == len(frame) + 2 * rows - rows
    first = counted(facts)[0]
    assert first.startswith(f"{facts['duplicates']:,} of {facts['rows_raw']:,} raw rows equal an earlier one")


def test_what_is_dropped_without_a_match_and_censored_is_said_in_words():
    facts = {
        "rows": 90, "rows_raw": 100, "duplicates": 0, "dropped": {"duration 0": 7, "not played": 0, "long": 1200},
        "unmatched": {"users.csv": 0, "videos.csv": 3}, "censored": 36,
    }  # fmt: skip
    assert counted(facts) == [
        "dropped: duration 0: 7, long: 1,200",
        "rows of ids that a file lacks: videos.csv: 3",
        "censored: 36 of 90 labels, whose window ends after the file does, are too small",
    ]
    assert counted({}) == []


def test_the_list_of_datasets_says_what_is_counted(tmp_path):
    fixtures.kuairand(tmp_path)
    cache.load(KuaiRand(), tmp_path, tmp_path / "cache")
    line = next(one for one in registry.overview(tmp_path, tmp_path / "cache") if one.name == "kuairand")
    assert line.counted[0].startswith("1 of 600 raw rows equal an earlier one")
