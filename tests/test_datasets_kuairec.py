"""KuaiRec against a recomputation with pandas, on made-up rows in the official layout and on real ones."""

import ast
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base import BadData, Incomplete, NotAvailable
from datasets.kuairec import KuaiRec
from tests import fixtures

DATA = Path("KuaiRec 2.0", "data")
SMALL, BIG = "small_matrix.csv", "big_matrix.csv"


def test_the_columns_are_those_of_the_rows_with_a_duration(tmp_path):
    frames = fixtures.kuairec(tmp_path)
    table = KuaiRec().build(tmp_path)
    rows = frames[SMALL][frames[SMALL]["video_duration"] > 0]
    np.testing.assert_allclose(table.rows.label, rows["play_duration"] / 1000, rtol=1e-6)
    np.testing.assert_allclose(table.rows.duration, rows["video_duration"] / 1000, rtol=1e-6)
    assert [f.name for f in table.schema.fields] == ["user_id", "video_id", "duration_level"]
    assert table.schema.unit == "s"
    assert table.facts["dropped"] == {"duration 0": len(frames[SMALL]) - len(rows)}
    assert table.facts["dropped"]["duration 0"] > 0
    assert [len(table.split[name]) for name in ("train", "valid", "test")] == pytest.approx(
        [0.8 * len(rows), 0.1 * len(rows), 0.1 * len(rows)], abs=1
    )


def test_categories_become_a_bag_fitted_on_training_rows(tmp_path):
    frames = fixtures.kuairec(tmp_path)
    table = KuaiRec().build(tmp_path)
    rows = frames[SMALL][frames[SMALL]["video_duration"] > 0].reset_index(drop=True)
    feat = {v: ast.literal_eval(text) for v, text in frames["item_categories.csv"].itertuples(index=False)}
    lists = [feat.get(video, [-1]) for video in rows["video_id"]]  # the last video has no line
    seen = sorted({member for row in table.split["train"] for member in lists[row]})
    ids = {member: place + 1 for place, member in enumerate(seen)}
    expected = [[ids.get(m, 0) for m in one] + [0] * (4 - len(one)) for one in lists]
    assert table.rows.bags["category"].tolist() == expected
    (bag,) = table.schema.bags
    assert (bag.name, bag.size, bag.length) == ("category", len(seen) + 1, 4)


def test_the_ratio_is_the_files_own(tmp_path):
    frames = fixtures.kuairec(tmp_path)
    table = KuaiRec("kuairec@ratio", target="ratio").build(tmp_path)
    rows = frames[SMALL][frames[SMALL]["video_duration"] > 0]
    np.testing.assert_allclose(table.rows.label, rows["watch_ratio"], rtol=1e-6)
    assert table.schema.unit == "ratio"


def test_the_cap_is_a_named_option_that_the_facts_count(tmp_path):
    fixtures.kuairec(tmp_path)
    free, capped = KuaiRec().build(tmp_path), KuaiRec("kuairec@cap60", cap=60.0).build(tmp_path)
    np.testing.assert_array_equal(capped.rows.label, np.minimum(free.rows.label, 60))
    assert capped.facts["capped"] == (free.rows.label > 60).sum() > 0
    assert KuaiRec("kuairec@cap60", cap=60.0).protocol.options["cap"] == 60.0


def test_big_small_trains_on_one_matrix_and_tests_on_the_other(tmp_path):
    frames = fixtures.kuairec(tmp_path, matrices=(BIG, SMALL))
    table = KuaiRec("kuairec@big-small", big_small=True).build(tmp_path)
    big, small = ((f := frames[name])[f["video_duration"] > 0] for name in (BIG, SMALL))
    np.testing.assert_allclose(table.view("test").label, small["play_duration"] / 1000, rtol=1e-6)
    rest = np.sort(np.concatenate([table.split["train"], table.split["valid"]]))
    assert rest.tolist() == list(range(len(big)))
    assert len(table.split["valid"]) == round(len(big) / 10)
    assert table.facts["slice"].startswith("KuaiRec big matrix, 500 rows (the official file has 12,530,806) and ")
    assert table.facts["duplicates"] == 0


@pytest.mark.parametrize(
    ("matrices", "words"),
    [
        ((SMALL, BIG + ".gz"), "KuaiRec big matrix, 500 rows"),
        (
            (SMALL + ".gz", "small_matrix_subset.csv.gz"),
            "KuaiRec small matrix, 500 rows (the official file has",
        ),
        (("small_matrix_subset.csv.gz",), "KuaiRec small matrix, 500 subset"),
    ],
)
def test_the_largest_matrix_that_is_there_is_read(tmp_path, matrices, words):
    fixtures.kuairec(tmp_path, matrices=matrices)
    assert KuaiRec().build(tmp_path).facts["slice"].startswith(words)


def test_the_subset_has_no_time_columns_and_needs_none(tmp_path):
    frames = fixtures.kuairec(tmp_path, matrices=("small_matrix_subset.csv.gz",))
    subset = frames["small_matrix_subset.csv.gz"].drop(columns=["time", "date", "timestamp"])
    fixtures.write_csv(pd.concat([subset, subset.iloc[:3]]), tmp_path / DATA / "small_matrix_subset.csv.gz")
    assert KuaiRec().build(tmp_path).facts["duplicates"] == 3


def test_missing_files_are_told_apart_from_incomplete_ones(tmp_path):
    with pytest.raises(NotAvailable, match="--fetch kuairec --data"):
        KuaiRec().files(tmp_path)
    fixtures.kuairec(tmp_path)
    with pytest.raises(NotAvailable, match=r"big_matrix.csv\[.gz\] is not there") as caught:
        KuaiRec("kuairec@big-small", big_small=True).files(tmp_path)
    assert not isinstance(caught.value, Incomplete)
    (tmp_path / DATA / "item_categories.csv").unlink()
    with pytest.raises(Incomplete, match=r"item_categories.csv\[.gz\] is not there"):
        KuaiRec().files(tmp_path)


def test_bad_rows_are_one_sentence(tmp_path):
    frames = fixtures.kuairec(tmp_path)
    bad = frames[SMALL].astype({"play_duration": float})
    bad.loc[7, "play_duration"] = np.nan
    fixtures.write_csv(bad, tmp_path / DATA / SMALL)
    with pytest.raises(BadData, match=r"small_matrix.csv: column 'play_duration' is empty or not a number in line 9"):
        KuaiRec().build(tmp_path)
    fixtures.write_csv(frames[SMALL].assign(video_duration=0), tmp_path / DATA / SMALL)
    with pytest.raises(BadData, match="every one of 500 rows has duration 0"):
        KuaiRec().build(tmp_path)


def test_a_category_that_is_no_list_is_found(tmp_path):
    fixtures.kuairec(tmp_path)
    (tmp_path / DATA / "item_categories.csv").write_text('video_id,feat\n0,[8]\n1,"[2, x]"\n')
    with pytest.raises(BadData, match=r"item_categories.csv: column 'feat' is not a list of numbers in line 3"):
        KuaiRec().build(tmp_path)


@pytest.mark.real
@pytest.mark.skipif("CVP_DATA" not in os.environ, reason="set CVP_DATA to a data root with 'KuaiRec 2.0/data'")
def test_the_real_subset_is_what_its_facts_say():
    root = Path(os.environ["CVP_DATA"])
    table = KuaiRec().build(root)
    if table.facts["rows_raw"] != 115_561:
        pytest.skip("the rows are not those of the 116k subset")
    assert table.facts["slice"] == "KuaiRec small matrix, 116k subset"
    assert (table.facts["users"], table.facts["items"]) == (1_411, 1_940)
    for dataset, expected in ((table, 3.41), (KuaiRec(target="ratio").build(root), 0.485)):
        label = dataset.rows.label.astype(float)
        assert np.abs(label - np.median(label)).mean() == pytest.approx(expected, abs=0.005)
