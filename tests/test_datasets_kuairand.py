"""KuaiRand-Pure against a recomputation with pandas, on made-up rows in the official layout and on real ones."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets import kuairand
from datasets.base import BadData, Incomplete, NotAvailable
from datasets.cache import columns_of
from datasets.kuairand import KuaiRand
from datasets.preparing import fingerprint
from datasets.reading import joined
from datasets.reading.counted import counted
from tests import fixtures

LOG = "log_standard_4_22_to_5_08_pure.csv.gz"
PAIR = ("log_standard_4_08_to_4_21_pure.csv", LOG)
DATA = Path("KuaiRand-Pure", "data")


def kept(log: pd.DataFrame) -> pd.DataFrame:
    """The default filter, in pandas."""
    seconds = (log["duration_ms"] / 1000).round()
    return log[(log["play_time_ms"] > 0) & seconds.between(5, 400)].reset_index(drop=True)


def field(table, name):
    """A categorical column of all rows and its size."""
    place = [f.name for f in table.schema.fields].index(name)
    return table.rows.ids[:, place], table.schema.fields[place].size


def same_grouping(ids, values, train) -> bool:
    """Equal where the values are equal, 0 exactly where no training row has the value."""
    seen = pd.Series(values).isin(pd.Series(values).iloc[train]).to_numpy()
    pairs = pd.DataFrame({"id": ids, "value": values})[seen].drop_duplicates()
    one_to_one = pairs["id"].is_unique and pairs["value"].is_unique
    return bool(one_to_one and (pairs["id"] > 0).all() and (ids[~seen] == 0).all())


def test_the_columns_are_those_that_pandas_joins(tmp_path):
    frames = fixtures.kuairand(tmp_path)
    table = KuaiRand().build(tmp_path)
    log = kept(frames[LOG])
    for features in ("user_features_pure.csv", "video_features_basic_pure.csv"):
        log = log.merge(frames[features], how="left")
    train = table.split["train"]
    for name in ("user_id", "video_id", "tab", "music_id", "author_id", "user_active_degree"):
        ids, size = field(table, name)
        values = log[name].astype(object).where(log[name].notna(), "missing")
        assert same_grouping(ids, values.to_numpy(), train), name
        assert size == ids[train].max() + 1 == values.iloc[train].nunique() + 1
    np.testing.assert_allclose(table.rows.label, log["play_time_ms"] / 1000, rtol=1e-6)
    np.testing.assert_allclose(table.rows.duration, log["duration_ms"] / 1000, rtol=1e-6)
    np.testing.assert_array_equal(field(table, "duration_level")[0], table.rows.bucket + 1)
    assert table.schema.buckets == 5
    assert table.rows.user.tolist() == (pd.factorize(log["user_id"], sort=True)[0]).tolist()


def test_the_facts_count_what_the_filters_drop(tmp_path):
    log = fixtures.kuairand(tmp_path)[LOG]
    facts = KuaiRand().build(tmp_path).facts
    assert facts["rows_raw"] == len(log)
    assert facts["duplicates"] == log.duplicated().sum() == 1
    assert facts["rows"] == len(kept(log)) == facts["rows_raw"] - sum(facts["dropped"].values())
    assert facts["dropped"]["duration 0"] == (log["duration_ms"] == 0).sum() > 0
    assert facts["dropped"]["not played"] == ((log["duration_ms"] > 0) & (log["play_time_ms"] == 0)).sum() > 0
    assert facts["users"] == kept(log)["user_id"].nunique()
    assert facts["label"]["median"] == pytest.approx((kept(log)["play_time_ms"] / 1000).median())
    assert facts["files"][0] == {"name": LOG, "bytes": (tmp_path / DATA / LOG).stat().st_size}
    fingerprint.canonical(facts)  # plain types only


def test_other_filters_are_options(tmp_path):
    log = fixtures.kuairand(tmp_path)[LOG]
    table = KuaiRand("kuairand@5-240", seconds=(5, 240), played=False).build(tmp_path)
    expected = (log["duration_ms"] / 1000).round().between(5, 240).sum()
    assert table.facts["rows"] == expected
    assert (table.rows.label == 0).any()


def test_nothing_fitted_knows_the_labels_or_ids_of_other_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(joined, "MOST_MISSING", 1)  # users and videos that no feature file knows are the point here
    frames = fixtures.kuairand(tmp_path / "one")
    table = KuaiRand().build(tmp_path / "one")
    log = frames[LOG]
    rows = np.flatnonzero((log["play_time_ms"] > 0) & (log["duration_ms"] / 1000).round().between(5, 400))
    outside = rows[np.concatenate([table.split["valid"], table.split["test"]])]
    log.loc[outside, "user_id"] += 100_000
    log.loc[outside, "video_id"] += 100_000
    log.loc[outside, "tab"] = 99
    log.loc[outside, "play_time_ms"] = 7_000_000
    log.loc[outside, "duration_ms"] = 399_000
    fixtures.kuairand(tmp_path / "two")
    fixtures.write_csv(log, tmp_path / "two" / DATA / LOG)
    moved = KuaiRand().build(tmp_path / "two")
    assert moved.schema == table.schema
    assert moved.facts["bucket_edges"] == table.facts["bucket_edges"]
    assert all(np.array_equal(moved.split[name], table.split[name]) for name in table.split)
    train = table.split["train"]
    np.testing.assert_array_equal(moved.rows.ids[train], table.rows.ids[train])
    np.testing.assert_array_equal(moved.rows.label[train], table.rows.label[train])
    place = [f.name for f in table.schema.fields].index("user_active_degree")
    missing = moved.rows.ids[moved.split["test"]]
    assert (missing[:, :3] == 0).all()  # user, video and tab that training has not seen
    assert len(np.unique(missing[:, place])) == 1  # the category of users that the feature file lacks
    assert len(np.unique(moved.rows.user[moved.split["test"]])) > 1  # yet they stay apart as users


def test_the_chronological_protocol_splits_by_time(tmp_path):
    log = kept(fixtures.kuairand(tmp_path)[LOG])
    split = KuaiRand("kuairand@time", chronological=True).build(tmp_path).split
    time = log["time_ms"].to_numpy()
    assert time[split["train"]].max() <= time[split["valid"]].min()
    assert time[split["valid"]].max() <= time[split["test"]].min()
    assert len(split["train"]) == round(0.6 * len(log))


def test_two_logs_are_read_one_after_the_other(tmp_path):
    frames = fixtures.kuairand(tmp_path, logs=PAIR)
    table = KuaiRand().build(tmp_path)
    both = kept(pd.concat([frames[name] for name in PAIR]))
    np.testing.assert_allclose(table.rows.label, both["play_time_ms"] / 1000, rtol=1e-6)
    assert table.facts["slice"].startswith("KuaiRand-Pure, 8 Apr - ")
    assert [one["name"] for one in table.facts["files"]][:2] == list(PAIR)


def test_the_slice_is_told_from_the_whole(tmp_path, monkeypatch):
    fixtures.kuairand(tmp_path, rows=600)
    assert KuaiRand().build(tmp_path).facts["slice"] == "KuaiRand-Pure, 8 Apr - 14 Apr"
    monkeypatch.setattr(kuairand, "SOURCE", replace(kuairand.SOURCE, official_rows=600))
    assert KuaiRand().build(tmp_path).facts["slice"] == "KuaiRand-Pure, complete standard logs"


def test_plain_and_gzipped_files_make_the_same_table(tmp_path):
    frames = fixtures.kuairand(tmp_path / "gz")
    for name, frame in frames.items():
        plain = name.removesuffix(".gz")
        fixtures.write_csv(frame, tmp_path / "plain" / DATA / (plain if plain != name else f"{name}.gz"))
    one, two = KuaiRand().build(tmp_path / "gz"), KuaiRand().build(tmp_path / "plain")
    prints = [fingerprint.of_table(t.schema, columns_of(t), KuaiRand().protocol) for t in (one, two)]
    assert prints[0] == prints[1]


def test_missing_files_are_one_sentence_that_says_what_to_type(tmp_path):
    with pytest.raises(NotAvailable, match=r"pass --data DIR") as caught:
        KuaiRand().files(None)
    assert not isinstance(caught.value, Incomplete)
    with pytest.raises(NotAvailable, match=r"KuaiRand-Pure.*is not there .*--fetch kuairand --data") as caught:
        KuaiRand("kuairand@time").files(tmp_path)
    assert not isinstance(caught.value, Incomplete)
    assert str(tmp_path / DATA) in str(caught.value)


@pytest.mark.parametrize("name", [LOG, "user_features_pure.csv", "video_features_basic_pure.csv"])
def test_a_part_of_the_files_is_incomplete(tmp_path, name):
    fixtures.kuairand(tmp_path)
    (tmp_path / DATA / name).unlink()
    with pytest.raises(Incomplete, match=r"is not there"):
        KuaiRand().build(tmp_path)


def test_logs_that_share_days_are_refused(tmp_path):
    fixtures.kuairand(tmp_path, logs=(LOG, "log_standard_4_25_to_5_08_pure.csv"))
    with pytest.raises(BadData, match="share days: keep one"):
        KuaiRand().files(tmp_path)


def test_a_log_both_plain_and_gzipped_is_read_once(tmp_path):
    frames = fixtures.kuairand(tmp_path)
    fixtures.write_csv(frames[LOG], tmp_path / DATA / LOG.removesuffix(".gz"))
    assert KuaiRand().build(tmp_path).facts["rows_raw"] == len(frames[LOG])


def test_everything_filtered_away_is_an_error(tmp_path):
    frames = fixtures.kuairand(tmp_path)
    frames[LOG]["duration_ms"], frames[LOG]["play_time_ms"] = 1000, 900
    fixtures.write_csv(frames[LOG], tmp_path / DATA / LOG)
    with pytest.raises(BadData, match="none of 600 rows passes the filter"):
        KuaiRand().build(tmp_path)


def test_a_feature_file_with_two_rows_for_an_id_is_refused(tmp_path):
    users = fixtures.kuairand(tmp_path)["user_features_pure.csv"]
    fixtures.write_csv(pd.concat([users, users.iloc[[5]]]), tmp_path / DATA / "user_features_pure.csv")
    with pytest.raises(BadData, match=r"user_features_pure.csv: user_id 5 has more than one row"):
        KuaiRand().build(tmp_path)


@pytest.mark.real
@pytest.mark.skipif("CVP_DATA" not in os.environ, reason="set CVP_DATA to a data root with KuaiRand-Pure/data")
def test_the_real_slice_is_what_its_facts_say():
    root = Path(os.environ["CVP_DATA"])
    table = KuaiRand().build(root)
    if table.facts["rows_raw"] != 228_329:
        pytest.skip("the rows are not those of 25 Apr - 8 May")
    assert table.facts["slice"] == "KuaiRand-Pure, 25 Apr - 8 May"
    assert table.facts["duplicates"] == 5_460
    assert table.facts["rows"] / table.facts["rows_raw"] == pytest.approx(0.872, abs=5e-4)
    assert table.facts["label"]["std"] == pytest.approx(42.57, abs=0.005)
    label = table.rows.label.astype(float)
    assert np.abs(label - np.median(label)).mean() == pytest.approx(21.39, abs=0.005)
    # the published spreads are of buckets cut on all rows; those cut on the training rows differ by 0.1 at most
    cut = pd.qcut(table.rows.duration, 5, labels=False)
    spreads = [label[cut == k].std() for k in range(5)]
    assert spreads == pytest.approx([11.5, 17.8, 30.4, 46.5, 70.4], abs=0.06)
    assert [label[table.rows.bucket == k].std() for k in range(5)] == pytest.approx(spreads, abs=0.15)
    wide = KuaiRand(seconds=(5, 240), played=False).build(root)
    assert wide.facts["rows"] / wide.facts["rows_raw"] == pytest.approx(0.863, abs=5e-4)
    assert wide.facts["label"]["std"] == pytest.approx(34.8, abs=0.05)


def twice(root: Path, copies: int) -> pd.DataFrame:
    """The usual log with its first `copies` played rows once more at its end, later and in another app session: the
    same in user, video, tab, play time and duration, not the same raw row."""
    frames = fixtures.kuairand(root)
    log = frames[LOG].iloc[:-1]  # the last row is the second one again already
    again = log[kept_mask(log)].head(copies).assign(hourmin=2300, time_ms=1_660_000_000_000)
    fixtures.write_csv(pd.concat([log, again]), root / DATA / LOG)
    return kept(pd.concat([log, again]))


def kept_mask(log: pd.DataFrame) -> pd.Series:
    return (log["play_time_ms"] > 0) & (log["duration_ms"] / 1000).round().between(5, 400)


SAME = ["user_id", "video_id", "tab", "play_time_ms", "duration_ms"]


def test_rows_that_equal_a_training_row_are_counted_by_pandas_and_by_us_alike(tmp_path):
    log = twice(tmp_path, 120)
    table = KuaiRand().build(tmp_path)
    keys = log[SAME].apply(tuple, axis=1)
    train = set(keys.iloc[table.split["train"]])
    expected = {part: int(keys.iloc[table.split[part]].isin(train).sum()) for part in ("valid", "test")}
    assert table.facts["repeats"] == {"rows": int(log.duplicated(SAME).sum()), **expected}
    assert min(table.facts["repeats"].values()) > 0
    assert f"{expected['test']} of test" in " ".join(counted(table.facts))


def test_without_repeats_no_row_straddles_the_split_and_every_other_row_keeps_its_side(tmp_path):
    log = twice(tmp_path, 120)
    whole, table = KuaiRand().build(tmp_path), KuaiRand("kuairand@distinct", distinct=True).build(tmp_path)
    repeated = log.duplicated(SAME).to_numpy()
    left = log[~repeated].reset_index(drop=True)
    assert table.facts["rows"] == len(left)
    assert table.facts["repeats"] == {"rows": 0, "valid": 0, "test": 0}
    assert table.facts["dropped"]["equal to an earlier row"] == repeated.sum() == 120
    np.testing.assert_allclose(table.rows.label, left["play_time_ms"] / 1000, rtol=1e-6)
    place = np.flatnonzero(~repeated)  # of each kept row in the whole table
    for part, rows in table.split.items():
        assert set(place[rows]) == set(whole.split[part]) & set(place)
    train = table.split["train"]
    ids, size = field(table, "user_id")
    assert same_grouping(ids, left["user_id"].to_numpy(), train)
    assert size == left["user_id"].iloc[train].nunique() + 1  # fitted on the training rows that are left


def test_the_old_protocols_fingerprint_does_not_know_of_the_count(tmp_path):
    fixtures.kuairand(tmp_path)
    table, protocol = KuaiRand().build(tmp_path), KuaiRand().protocol
    assert "distinct" not in protocol.options
    known = fingerprint.of_table(table.schema, columns_of(table), protocol)
    bare = replace(table, facts={k: v for k, v in table.facts.items() if k != "repeats"})
    assert known == fingerprint.of_table(bare.schema, columns_of(bare), protocol)
