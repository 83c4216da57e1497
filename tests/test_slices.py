"""Slices of the test rows: what their names say, from the table alone."""

import numpy as np
import pytest

from benchmark.compare.slices import slices
from datasets.base import Table
from datasets.schema import Rows
from tests.ltv_world import ltv_world
from tests.worlds import split, watch_world


@pytest.fixture(scope="module")
def watch() -> Table:
    return split(*watch_world(2000))


def test_slices_are_what_their_names_say(watch):
    found = slices(watch)
    test, train = watch.view("test"), watch.view("train")
    assert [name for name in found if name.startswith("bucket")] == [f"bucket={b}" for b in range(5)]
    assert sum(mask.sum() for name, mask in found.items() if name.startswith("bucket")) == len(test)
    count = {user: int((train.user == user).sum()) for user in range(30)}
    thirds = {name: mask for name, mask in found.items() if name.startswith("activity=")}
    assert len(thirds) == 3
    assert sum(mask.astype(int) for mask in thirds.values()).tolist() == [1] * len(test)
    for name, mask in thirds.items():
        low, _, high = name.removeprefix("activity=").partition("-")
        assert all(int(low) <= count[user] <= int(high or low) for user in test.user[mask])
        assert 0.2 < mask.mean() < 0.47


def test_unseen_users_and_items_have_slices_of_their_own():
    schema, rows = watch_world(600)
    index = np.arange(600, dtype=np.int32)
    ids = rows.ids.copy()
    ids[550:, 1] = 0  # videos that training does not know
    at = Table(
        schema,
        Rows(ids=ids, label=rows.label, bucket=rows.bucket, user=np.where(index < 580, rows.user, 99).astype(np.int32)),
        {"train": index[:400], "valid": index[400:500], "test": index[500:]},
        {},
    )
    found = slices(at)
    assert np.flatnonzero(found["user=unseen"]).tolist() == list(range(80, 100))
    assert (found["user=seen"] == ~found["user=unseen"]).all()
    assert np.flatnonzero(found["item=unseen"]).tolist() == list(range(50, 100))
    assert not any((mask & found["user=unseen"]).any() for name, mask in found.items() if name.startswith("activity"))


def test_lifetime_value_is_cut_at_zero():
    at = split(*ltv_world(600))
    found = slices(at)
    assert (found["positive"] == (at.view("test").label > 0)).all()
    assert not (found["positive"] & found["zero"]).any()
    assert "user=seen" not in found  # rows without users


def test_users_that_are_rows_have_no_activity():
    schema, rows = watch_world(600)
    n = np.arange(600, dtype=np.int32)
    at = split(schema, Rows(ids=rows.ids, label=rows.label, bucket=rows.bucket, user=n))
    assert not any(name.startswith(("activity", "user")) for name in slices(at))
