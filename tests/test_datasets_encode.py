"""Splits, vocabularies and buckets against plain Python and pandas."""

import numpy as np
import pandas as pd
import pytest

from datasets.base import BadData
from datasets.preparing import encode


@pytest.mark.parametrize("shares", [(6, 2, 2), (8, 1, 1)])
def test_a_random_split_is_a_partition_in_the_given_shares(shares):
    split = encode.random_split(1003, shares, 0)
    assert sorted(np.concatenate(list(split.values()))) == list(range(1003))
    assert [round(len(split[name]) / 1003 * 10) for name in ("train", "valid", "test")] == list(shares)
    assert all(index.dtype == np.int32 for index in split.values())


def test_a_random_split_is_its_seeds_alone():
    one, same, other = (encode.random_split(500, (6, 2, 2), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["test"], other["test"])


def test_a_chronological_split_never_trains_on_what_came_later():
    time = np.random.default_rng(0).integers(0, 300, 1000)
    split = encode.chronological_split(time, (6, 2, 2))
    assert time[split["train"]].max() <= time[split["valid"]].min() <= time[split["valid"]].max()
    assert time[split["valid"]].max() <= time[split["test"]].min()
    assert [len(split[name]) for name in ("train", "valid", "test")] == [600, 200, 200]


def test_an_empty_part_is_an_error_with_the_sizes():
    with pytest.raises(BadData, match=r"no row is left for test .*train 1, valid 1, test 0"):
        encode.random_split(2, (6, 2, 2), 0)


@pytest.mark.parametrize("kind", ["near", "far", "text"])
def test_ids_are_fitted_on_training_rows_and_zero_is_unknown(kind):
    rng = np.random.default_rng(0)
    values = rng.integers(-1, 50, 400).astype(np.int32)
    if kind == "far":
        values = values.astype(np.int64) * 10**11
    if kind == "text":
        values = np.array([f"v{v}" for v in values], dtype=object)
    train = np.arange(60)
    known = encode.vocabulary(values, train)
    expected = {value: place + 1 for place, value in enumerate(sorted(set(values[train])))}
    got = encode.encoded(values, known)
    assert got.dtype == np.int32
    assert got.tolist() == [expected.get(value, 0) for value in values]
    assert (got == 0).any()


def test_codes_name_every_value():
    got, count = encode.codes(np.array([70, 5, 70, 9]))
    assert got.tolist() == [2, 0, 2, 1]
    assert count == 3


def test_buckets_are_the_training_rows_quantiles_as_pandas_cuts_them():
    duration = np.round(np.random.default_rng(0).lognormal(4, 1, 5000), 3)
    train = np.arange(0, 5000, 2)
    edges = encode.bucket_edges(duration, train, 5)
    assert encode.bucketed(duration[train], edges).tolist() == pd.qcut(duration[train], 5, labels=False).tolist()
    assert np.ptp(np.bincount(encode.bucketed(duration[train], edges))) <= 2


def test_buckets_that_coincide_become_one():
    duration = np.array([5.0] * 90 + [7.0] * 10)
    edges = encode.bucket_edges(duration, np.arange(100), 5)
    assert edges.tolist() == [5.0]
    assert np.bincount(encode.bucketed(duration, edges)).tolist() == [90, 10]
    assert len(encode.bucket_edges(np.full(9, 3.0), np.arange(9), 5)) == 0


def test_a_look_up_is_a_left_join():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"key": rng.permutation(50)[:30], "value": rng.integers(0, 9, 30)})
    keys = rng.integers(0, 50, 200)
    expected = pd.DataFrame({"key": keys}).merge(table, how="left", on="key")["value"].fillna(-1)
    got = encode.looked_up(keys, table["key"].to_numpy(), table["value"].to_numpy(), -1)
    np.testing.assert_array_equal(got, expected)


def test_a_bag_keeps_the_first_members_and_pads_with_zero():
    got = encode.bag([[3, 9], [], [8, 3, 9, 8, 3]], np.array([3, 8, 9]), 4)
    assert got.tolist() == [[1, 3, 0, 0], [0, 0, 0, 0], [2, 1, 3, 2]]
