"""WeChat against a recomputation with pandas, on made-up rows in the challenge's layout and in DVR's."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base import BadData, Incomplete, NotAvailable, Table, TooFew
from datasets.cache import columns_of, load
from datasets.preparing import fingerprint
from datasets.registry import get
from datasets.wechat import WeChat
from tests import fixtures
from tests.fixtures import write_csv
from tests.ltv_fixtures import complaint

DATA = Path("wechat_algo_data1")
ACTIONS, FEEDS, CONTENT = "user_action.csv", "feed_info.csv", "feed_embeddings.csv"
PREPARED = "wechat_video_debias.csv"


def days() -> WeChat:
    dataset = get("wechat@days")
    assert isinstance(dataset, WeChat)
    return dataset


def kept(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The default filter on the joined files, in pandas."""
    joined = frames[ACTIONS].merge(frames[FEEDS], on="feedid", how="left")
    return joined[joined["videoplayseconds"].between(5, 60)].reset_index(drop=True)


def field(table: Table, name: str) -> tuple[np.ndarray, int]:
    """A categorical column of all rows and its size."""
    place = [f.name for f in table.schema.fields].index(name)
    return table.rows.ids[:, place], table.schema.fields[place].size


def same_grouping(ids: np.ndarray, values: pd.Series, train: np.ndarray) -> bool:
    """Equal where the values are equal, 0 exactly where no training row has the value."""
    seen = values.isin(values.iloc[train]).to_numpy()
    pairs = pd.DataFrame({"id": ids, "value": values})[seen].drop_duplicates()
    one_to_one = pairs["id"].is_unique and pairs["value"].is_unique
    return bool(one_to_one and (pairs["id"] > 0).all() and (ids[~seen] == 0).all())


def prepared(root: Path, *, rows: int = 600, name: str = PREPARED, below: Path = DATA) -> pd.DataFrame:
    """The DVR layout; returns its frame."""
    frame = fixtures.wechat_prepared(fixtures.wechat_actions(rows=rows), fixtures.wechat_feeds())
    write_csv(frame, root / below / name)
    return frame


def test_the_columns_are_those_that_pandas_joins(tmp_path):
    frames = fixtures.wechat(tmp_path)
    table = WeChat().build(tmp_path)
    rows = kept(frames)
    assert [f.name for f in table.schema.fields] == ["user_id", "device", "video_id", "author_id", "duration_level"]
    theirs = {"user_id": "userid", "device": "device", "video_id": "feedid", "author_id": "authorid"}
    for name, column in theirs.items():
        assert same_grouping(field(table, name)[0], rows[column], table.split["train"]), name
    np.testing.assert_allclose(table.rows.label, rows["play"] / 1000, rtol=1e-6)
    np.testing.assert_array_equal(table.rows.duration, rows["videoplayseconds"])
    np.testing.assert_array_equal(field(table, "duration_level")[0], table.rows.bucket + 1)
    assert table.schema.buckets == 5
    assert table.schema.unit == "s"
    assert table.rows.user.tolist() == pd.factorize(rows["userid"], sort=True)[0].tolist()
    assert (table.rows.label > table.rows.duration).any(), "replays count in full"


def test_the_content_is_a_row_of_a_matrix_of_the_videos(tmp_path):
    frames = fixtures.wechat(tmp_path)
    table = WeChat().build(tmp_path)
    rows = kept(frames)
    assert table.schema.content == 512
    assert table.rows.content.shape == (rows["feedid"].nunique(), 512)
    assert table.rows.content.dtype == np.float32
    texts = frames[CONTENT].set_index("feedid")["feed_embedding"].loc[rows["feedid"]]
    expected = np.array([text.split() for text in texts], np.float32)
    np.testing.assert_array_equal(table.rows.content[table.rows.content_row], expected)
    some = table.view("test")
    np.testing.assert_array_equal(some.content[some.content_row], expected[table.split["test"]])


def test_the_table_survives_the_cache(tmp_path):
    fixtures.wechat(tmp_path)
    built, kept_table = WeChat().build(tmp_path), load(WeChat(), tmp_path, tmp_path / "cache")
    assert kept_table.schema == built.schema
    np.testing.assert_array_equal(kept_table.rows.content, built.rows.content)
    np.testing.assert_array_equal(kept_table.rows.content_row, built.rows.content_row)


def test_the_facts_count_what_the_filters_drop(tmp_path):
    frames = fixtures.wechat(tmp_path)
    facts = WeChat().build(tmp_path).facts
    joined = frames[ACTIONS].merge(frames[FEEDS], on="feedid")
    assert facts["rows_raw"] == len(frames[ACTIONS]) == facts["rows"] + sum(facts["dropped"].values())
    outside = int((~joined["videoplayseconds"].between(5, 60)).sum())
    assert facts["dropped"] == {"video not in feed_info.csv": 0, "duration outside 5..60 s": outside}
    assert outside > 0
    assert facts["duplicates"] == frames[ACTIONS].duplicated().sum() == 1
    assert (facts["users"], facts["items"]) == (kept(frames)["userid"].nunique(), kept(frames)["feedid"].nunique())
    assert facts["slice"] == "WeChat, 600 actions"
    assert "published" not in facts
    fingerprint.canonical(facts)  # plain types only


def test_the_filter_is_a_named_option(tmp_path):
    frames = fixtures.wechat(tmp_path)
    table = WeChat("wechat@4-66", seconds=(4, 66)).build(tmp_path)
    assert table.facts["rows"] == len(frames[ACTIONS])
    assert WeChat().protocol.options["duration_s"] == [5, 60]


def test_by_day_the_label_is_truncated_to_whole_seconds(tmp_path):
    frames = fixtures.wechat(tmp_path)
    table = days().build(tmp_path)
    rows = kept(frames)
    np.testing.assert_array_equal(table.rows.label, (rows["play"] / 1000).round().clip(upper=rows["videoplayseconds"]))
    for part, (first, last) in {"train": (1, 10), "valid": (11, 12), "test": (13, 14)}.items():
        assert table.split[part].tolist() == np.flatnonzero(rows["date_"].between(first, last)).tolist()
    assert "1-10" in days().protocol.split


def test_song_and_singer_are_read_from_their_own_columns(tmp_path):
    frames = fixtures.wechat(tmp_path)
    rows = kept(frames)
    assert rows["bgm_song_id"].nunique() != rows["bgm_singer_id"].nunique()
    prepared(tmp_path / "dvr")
    for root in (tmp_path, tmp_path / "dvr"):
        table = days().build(root)
        assert len(table.rows) == len(rows)
        for name in ("bgm_song_id", "bgm_singer_id"):
            assert same_grouping(field(table, name)[0], rows[name].fillna(-1), table.split["train"]), name


@pytest.mark.parametrize("below", [DATA, Path("WTG-DVR", "examples", "data")])
@pytest.mark.parametrize("name", [PREPARED, PREPARED + ".gz"])
def test_the_layout_of_dvr_has_truncated_labels_and_no_content(tmp_path, below, name):
    frame = prepared(tmp_path, below=below, name=name)
    rows = frame[frame["videoplayseconds"].between(5, 60)]
    table = WeChat().build(tmp_path)
    assert table.schema.content == 0
    assert table.rows.content is None
    np.testing.assert_array_equal(table.rows.label, rows["playseconds_truncate"])
    assert "truncated at the duration, no content vectors" in table.facts["slice"]
    assert [f["name"] for f in table.facts["files"]] == [name]
    fingerprint.canonical(table.facts)


def test_both_layouts_agree_by_day(tmp_path):
    fixtures.wechat(tmp_path / "challenge")
    prepared(tmp_path / "dvr")
    one, two = days().build(tmp_path / "challenge"), days().build(tmp_path / "dvr")
    assert one.schema.fields == two.schema.fields
    for name in ("ids", "label", "duration", "bucket", "user"):
        np.testing.assert_array_equal(getattr(one.rows, name), getattr(two.rows, name))
    assert all(np.array_equal(one.split[part], two.split[part]) for part in one.split)


def test_the_files_of_the_challenge_come_before_those_made_of_them(tmp_path):
    fixtures.wechat(tmp_path)
    prepared(tmp_path)
    assert [path.name for path in WeChat().files(tmp_path)] == [ACTIONS, FEEDS, CONTENT]
    (tmp_path / DATA / CONTENT).unlink()
    assert [path.name for path in WeChat().files(tmp_path)] == [PREPARED]


def test_nothing_fitted_knows_the_labels_or_ids_of_other_rows(tmp_path):
    frames = fixtures.wechat(tmp_path / "one")
    table = WeChat().build(tmp_path / "one")
    joined = frames[ACTIONS].merge(frames[FEEDS], on="feedid")
    rows = np.flatnonzero(joined["videoplayseconds"].between(5, 60))
    outside = rows[np.concatenate([table.split["valid"], table.split["test"]])]
    actions, other = frames[ACTIONS], frames[FEEDS].assign(videoplayseconds=60)
    other[["feedid", "authorid"]] += 10_000
    actions.loc[outside, ["userid", "feedid"]] += 10_000
    actions.loc[outside, ["device", "play"]] = [9, 7_000_000]
    write_csv(actions, tmp_path / "two" / DATA / ACTIONS)
    write_csv(pd.concat([frames[FEEDS], other]), tmp_path / "two" / DATA / FEEDS)
    both = pd.concat([frames[CONTENT], fixtures.wechat_contents(other["feedid"].to_numpy(), seed=9)])
    write_csv(both, tmp_path / "two" / DATA / CONTENT)
    moved = WeChat().build(tmp_path / "two")
    assert moved.schema == table.schema
    assert moved.facts["bucket_edges"] == table.facts["bucket_edges"]
    assert all(np.array_equal(moved.split[name], table.split[name]) for name in table.split)
    train = table.split["train"]
    np.testing.assert_array_equal(moved.rows.ids[train], table.rows.ids[train])
    np.testing.assert_array_equal(moved.rows.label[train], table.rows.label[train])
    assert (moved.rows.ids[moved.split["test"]][:, :4] == 0).all()


def test_plain_and_gzipped_files_make_the_same_table(tmp_path):
    frames = fixtures.wechat(tmp_path / "plain")
    for name, frame in frames.items():
        write_csv(frame, tmp_path / "gz" / DATA / f"{name}.gz")
    one, two = WeChat().build(tmp_path / "plain"), WeChat().build(tmp_path / "gz")
    prints = [fingerprint.of_table(t.schema, columns_of(t), WeChat().protocol) for t in (one, two)]
    assert prints[0] == prints[1]


def test_missing_files_are_one_sentence_that_says_where_to_get_them(tmp_path):
    with pytest.raises(NotAvailable, match=r"pass --data DIR"):
        WeChat().files(None)
    with pytest.raises(NotAvailable, match=r"WeChat.*is not there .*WTG-DVR") as caught:
        WeChat().files(tmp_path)
    assert not isinstance(caught.value, Incomplete)
    assert str(tmp_path / DATA) in str(caught.value)
    (tmp_path / DATA).mkdir()
    with pytest.raises(NotAvailable, match=r"user_action.csv\[.gz\] and feed_info.csv\[.gz\] and feed_emb") as caught:
        days().files(tmp_path)
    assert not isinstance(caught.value, Incomplete)


def test_a_part_of_the_challenges_files_does_not_hide_dvrs(tmp_path):
    prepared(tmp_path, below=Path("WTG-DVR", "examples", "data"))
    fixtures.wechat(tmp_path)
    assert [path.name for path in WeChat().files(tmp_path)] == [ACTIONS, FEEDS, CONTENT]
    (tmp_path / DATA / CONTENT).unlink()
    assert [path.name for path in WeChat().files(tmp_path)] == [PREPARED]


@pytest.mark.parametrize("name", [ACTIONS, FEEDS, CONTENT])
def test_a_part_of_the_files_is_incomplete(tmp_path, name):
    fixtures.wechat(tmp_path)
    (tmp_path / DATA / name).unlink()
    with pytest.raises(Incomplete, match=rf"{name}\[.gz\] is not there .*alone is not enough"):
        WeChat().build(tmp_path)


def test_a_sample_is_read_whole_and_then_too_few(tmp_path):
    fixtures.wechat(tmp_path, rows=99)
    frames = fixtures.wechat(tmp_path, rows=25)
    with pytest.raises(TooFew, match=r"of 25 rows pass \(.*a sample too small to train .*, 30 the least"):
        WeChat().build(tmp_path)
    write_csv(frames[FEEDS].assign(feedid=frames[FEEDS]["feedid"] + 5000), tmp_path / DATA / FEEDS)
    with pytest.raises(TooFew, match=r"0 of 25 rows pass \(video not in feed_info.csv: 25, duration outside"):
        days().build(tmp_path)
    content = frames[CONTENT].assign(feed_embedding="0.5 x")
    write_csv(content, tmp_path / DATA / CONTENT)
    complaint(lambda: WeChat().build(tmp_path), f"{CONTENT}: column 'feed_embedding' has 2 numbers, expected 512, in")
    prepared(tmp_path / "dvr", rows=25)
    with pytest.raises(TooFew, match="of 25 rows pass"):
        WeChat().build(tmp_path / "dvr")


@pytest.mark.parametrize(
    ("name", "column", "value", "words"),
    [
        (ACTIONS, "play", -5, "column 'play' is negative (-5) in line 6;"),
        (ACTIONS, "play", None, "column 'play' is empty or not a number in line 6;"),
        (ACTIONS, "play", "much", "column 'play' is not a number ('much') in line 6;"),
        (ACTIONS, "date_", 15, "column 'date_' is above 14 (15) in line 6;"),
        (ACTIONS, "date_", 0, "column 'date_' is below 1 (0) in line 6;"),
        (ACTIONS, "userid", None, "column 'userid' is empty or not a number in line 6;"),
        (FEEDS, "videoplayseconds", None, "column 'videoplayseconds' is empty or not a number in line 6;"),
        (FEEDS, "videoplayseconds", -1, "column 'videoplayseconds' is negative (-1) in line 6;"),
        (FEEDS, "bgm_singer_id", "x", "column 'bgm_singer_id' is not a whole number ('x') in line 6;"),
        (CONTENT, "feed_embedding", "0.1 0.2", "'feed_embedding' has 2 numbers, expected 512, in line 6;"),
        (CONTENT, "feed_embedding", None, "'feed_embedding' is empty in line 6;"),
        (CONTENT, "feed_embedding", "x " * 512, "'feed_embedding' has 'x' among its numbers in line 6;"),
        (CONTENT, "feed_embedding", "inf " * 512, "'feed_embedding' has a number that is not finite in line 6;"),
        (CONTENT, "feedid", None, "column 'feedid' is empty in line 6;"),
    ],
)
def test_a_bad_cell_is_found_with_its_line(tmp_path, name, column, value, words):
    frame = fixtures.wechat(tmp_path)[name].astype({column: object})
    frame.loc[4, column] = value
    write_csv(frame, tmp_path / DATA / name)
    complaint(lambda: WeChat().build(tmp_path), f"{tmp_path / DATA / name}: ", words)


@pytest.mark.parametrize("name", [ACTIONS, FEEDS, CONTENT])
def test_damaged_files_are_not_read_in_part(tmp_path, name):
    frame, path = fixtures.wechat(tmp_path)[name], tmp_path / DATA / name
    write_csv(frame.head(0), path)
    complaint(lambda: WeChat().build(tmp_path), str(path), "a header and no rows")
    write_csv(frame.drop(columns=frame.columns[1]), path)
    complaint(lambda: WeChat().build(tmp_path), str(path), f"no column '{frame.columns[1]}'")
    path.write_text("")
    complaint(lambda: WeChat().build(tmp_path), str(path), "the file is empty")
    path.unlink()
    path = write_csv(frame, path.with_name(f"{name}.gz"))
    path.write_bytes(path.read_bytes()[:-200])
    complaint(lambda: WeChat().build(tmp_path), str(path), "truncated or damaged gzip file")
    path.unlink()
    text = write_csv(frame, path.with_suffix("")).read_text().rstrip("\n")
    path.with_suffix("").write_text(text[: -len(text.splitlines()[-1]) // 2])  # cut off within a line
    complaint(lambda: WeChat().build(tmp_path), str(path.with_suffix("")))


@pytest.mark.parametrize("name", [FEEDS, CONTENT])
def test_files_of_videos_must_have_all_but_a_few_of_them_once(tmp_path, name):
    frames = fixtures.wechat(tmp_path)
    actions, frame, path = frames[ACTIONS], frames[name], tmp_path / DATA / name
    write_csv(pd.concat([frame, frame.iloc[[3]]]), path)
    complaint(lambda: WeChat().build(tmp_path), str(path), f"feedid {frame['feedid'].iloc[3]} has more than one row")
    write_csv(frame.head(20), path)
    complaint(lambda: WeChat().build(tmp_path), str(path), "lacks the videos of", "cut off or of another release")
    write_csv(frame, path)
    feed = frames[FEEDS].set_index("feedid")["videoplayseconds"].between(5, 60).idxmax()
    others = actions[actions["feedid"] != feed]
    few = actions.head(2).assign(feedid=feed)  # 2 of about 600 rows
    write_csv(pd.concat([few, others]), tmp_path / DATA / ACTIONS)
    write_csv(frame[frame["feedid"] != feed], path)
    table = WeChat().build(tmp_path)
    if name == FEEDS:
        assert table.facts["dropped"]["video not in feed_info.csv"] == 2
    else:
        assert table.facts["rows_without_content"] == 2
        assert (table.rows.content[table.rows.content_row[:2]] == 0).all()
        assert (table.rows.content[table.rows.content_row[2:]] != 0).any(axis=1).all()


def test_units_and_days_that_leave_nothing_are_errors(tmp_path):
    frames = fixtures.wechat(tmp_path)
    milliseconds = frames[FEEDS].assign(videoplayseconds=frames[FEEDS]["videoplayseconds"] * 1000)
    write_csv(milliseconds, tmp_path / DATA / FEEDS)
    complaint(
        lambda: WeChat().build(tmp_path),
        "feed_info.csv: the median of column 'videoplayseconds'",
        "seconds are expected",
    )
    write_csv(frames[FEEDS], tmp_path / DATA / FEEDS)
    write_csv(frames[ACTIONS].assign(date_=3), tmp_path / DATA / ACTIONS)
    WeChat().build(tmp_path)
    with pytest.raises(BadData, match="no row is left for valid and test"):
        days().build(tmp_path)


def test_published_counts_stand_beside_those_of_a_whole_file(tmp_path, monkeypatch, caplog):
    frames = fixtures.wechat(tmp_path)
    published = {"rows": "500", "users": "25", "videos": "96428"}
    monkeypatch.setattr("datasets.wechat._PROWTP", published)
    found = WeChat().build(tmp_path).facts["published"]
    assert found["rows"]["found"] == len(kept(frames))
    assert found["users"] == {"published": "25", "found": 25.0, "agrees": True}
    assert not found["videos"]["agrees"]
    assert "96428 in print" in caplog.text


@pytest.mark.real
@pytest.mark.skipif("CVP_DATA" not in os.environ, reason="set CVP_DATA to a data root with wechat_algo_data1")
def test_the_real_samples_go_the_way_of_whole_files():
    root = Path(os.environ["CVP_DATA"])
    if (root / DATA / ACTIONS).stat().st_size > 10_000:
        pytest.skip("the files are not the samples of 99 rows")
    for dataset in (WeChat(), days()):
        with pytest.raises(TooFew, match="0 of 99 rows pass"):
            dataset.build(root)
