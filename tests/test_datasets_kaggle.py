"""Acquire Valued Shoppers: one pass over the transactions, and what it must not swallow."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base import TooFew
from datasets.kaggle import ATTRIBUTES, COHORT, COMPANIES, Kaggle
from datasets.preparing import transactions
from datasets.preparing.transactions import reduce_transactions
from datasets.reading import stream
from tests import ltv_fixtures as made
from tests.ltv_fixtures import complaint


@pytest.fixture
def small_blocks(monkeypatch):
    """Customers are cut by the ends of blocks."""
    monkeypatch.setattr(stream, "_BLOCK", 1 << 12)
    monkeypatch.setattr(transactions, "_ENOUGH", 20)


@pytest.mark.parametrize("name", ["transactions.csv", "transactions.csv.gz"])
@pytest.mark.parametrize("companies", [(10000,), COMPANIES])
def test_the_streamed_reduction_is_the_notebooks(tmp_path, small_blocks, name, companies):
    frame = made.transactions()
    reduced = reduce_transactions(made.kaggle(tmp_path, frame, name=name), companies)
    frame["date"] = pd.to_datetime(frame.date)
    expected = made.lifetimes_by_pandas(frame[frame.company.isin(companies)], ATTRIBUTES)
    got = reduced.columns
    for column in ("id", "company", "chain", "dept", "category", "brand"):
        np.testing.assert_array_equal(got[column], expected[column])
    np.testing.assert_allclose(got["calibration"], expected.calibration)
    np.testing.assert_allclose(got["label"], expected.label)
    np.testing.assert_array_equal(pd.Timestamp(0) + pd.to_timedelta(got["start"], "D"), expected.start)
    measure = np.array(reduced.measures)[got["productmeasure"]]
    np.testing.assert_array_equal(measure, expected.productmeasure.replace("", "UNKNOWN"))
    assert reduced.transactions == len(frame)


def test_kaggle_rows_are_customers_of_a_company_with_the_log_of_their_first_spend(tmp_path):
    made.kaggle(tmp_path, made.transactions())
    table = Kaggle().build(tmp_path)
    assert [f.name for f in table.schema.fields] == [*ATTRIBUTES, "company"]
    assert table.schema.task == "ltv"
    assert table.schema.unit == "USD"
    assert not table.schema.has_duration
    sizes = table.facts["split_sizes"]
    assert [round(10 * sizes[part] / len(table.rows)) for part in ("train", "valid", "test")] == [7, 1, 2]
    train = table.view("train")
    assert train.numeric.mean() == pytest.approx(0, abs=1e-5)
    assert train.numeric.std() == pytest.approx(1, abs=1e-5)
    assert table.facts["users"] == len(np.unique(table.rows.user)) == 60 < len(table.rows)
    assert 0 < table.facts["censored"] < len(table.rows)
    assert "rows from 2,400 of 349,655,789 transactions" in table.facts["slice"]


def test_one_company_and_a_cohort_are_other_protocols(tmp_path):
    made.kaggle(tmp_path, made.transactions())
    one = Kaggle("kaggle@10000", companies=[10000]).build(tmp_path)
    assert [f.name for f in one.schema.fields] == list(ATTRIBUTES)
    assert len(one.rows) == one.facts["users"]
    some = Kaggle("kaggle@cohort", cohort=("2012-03-01", "2012-05-31")).build(tmp_path)
    everyone = Kaggle().build(tmp_path)
    assert len(some.rows) + some.facts["dropped"]["first purchase outside the cohort"] == len(everyone.rows)
    assert Kaggle("kaggle@cohort", cohort=COHORT).protocol.options["first_purchase"] == ["2012-03-01", "2012-07-01"]
    complaint(lambda: Kaggle(cohort=("1999-01-01", "1999-02-01")).build(tmp_path), "1999-01-01 .. 1999-02-01")


def test_nothing_of_kaggle_is_fitted_on_held_out_customers(tmp_path):
    frame = made.transactions()
    made.kaggle(tmp_path, frame)
    before = Kaggle(companies=[10000]).build(tmp_path)
    held = np.unique(frame.id[(frame.company == 10000) & (frame.purchaseamount > 0)])[before.split["test"]]
    other = frame.id.isin(held)
    frame.loc[other, ["chain", "dept", "category", "brand"]] += 10**6
    frame.loc[other, "productmeasure"] = "A NEW ONE"
    frame.loc[other, "purchaseamount"] *= 3
    made.kaggle(tmp_path, frame)
    after = Kaggle(companies=[10000]).build(tmp_path)
    assert after.schema == before.schema
    for part in ("train", "valid"):
        np.testing.assert_array_equal(after.view(part).ids, before.view(part).ids)
        np.testing.assert_array_equal(after.view(part).numeric, before.view(part).numeric)
    assert (after.view("test").ids == 0).all()
    np.testing.assert_allclose(after.view("test").label, 3 * before.view("test").label, rtol=1e-5)


def test_a_customer_who_comes_again_is_noticed_far_away(tmp_path, small_blocks):
    frame = made.transactions()
    frame = pd.concat([frame, frame.head(1)])
    path = made.kaggle(tmp_path, frame)
    message = complaint(lambda: reduce_transactions(path, COMPANIES), f"customer {frame.id.iloc[0]} comes again")
    assert f"in line {len(frame) + 1}," in message


def test_a_company_that_is_not_in_the_file_is_named(tmp_path):
    path = made.kaggle(tmp_path, made.transactions())
    complaint(
        lambda: reduce_transactions(path, [10000, 999, 77]), "no purchase from company 77, 999", "2,400 rows", "10000"
    )


GOOD = "1,205,7,707,10000,12564,2012-03-02,12,OZ,1,7.59"


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        (",7.59", "", "line 102 has 10 columns, expected 11"),
        (",7.59", ",7,59", "line 102 has 12 columns, expected 11"),
        ("7.59", "a lot", "column 'purchaseamount' is not a number ('a lot') in line 102"),
        ("7.59", "", "column 'purchaseamount' is empty in line 102"),
        ("7.59", "inf", "column 'purchaseamount' is not a finite number (inf) in line 102"),
        ("2012-03-02", "02.03.2012", "column 'date' is not a date (YYYY-MM-DD) ('02.03.2012') in line 102"),
        ("2012-03-02", "", "column 'date' is empty in line 102"),
        ("1,205", "x,205", "column 'id' is not a whole number ('x') in line 102"),
    ],
)
def test_a_bad_transaction_is_found_with_its_line(tmp_path, small_blocks, good, bad, words):
    header = "id,chain,dept,category,company,brand,date,productsize,productmeasure,purchasequantity,purchaseamount"
    lines = [header, *[GOOD] * 100, GOOD.replace(good, bad), GOOD]
    path = made.put(tmp_path / "kaggle-avs" / "transactions.csv", "\n".join(lines))
    complaint(lambda: reduce_transactions(path, [10000]), str(path), words)


def test_a_damaged_transactions_file_is_not_read_in_part(tmp_path):
    frame = made.transactions()
    path = made.kaggle(tmp_path, frame)
    path.write_bytes(path.read_bytes()[:-500])
    complaint(lambda: Kaggle().build(tmp_path), str(path), "truncated or damaged gzip")
    path = made.kaggle(tmp_path, frame, name="transactions.csv")  # plain before gzipped
    path.write_text(path.read_text().partition("\n")[2])
    complaint(lambda: Kaggle().build(tmp_path), "no column 'id', 'chain'", "line 1 has '")
    made.kaggle(tmp_path, frame.head(0), name="transactions.csv")
    complaint(lambda: Kaggle().build(tmp_path), "a header and no rows")
    made.kaggle(tmp_path, frame.drop(columns="brand"), name="transactions.csv")
    complaint(lambda: Kaggle().build(tmp_path), "no column 'brand'")


@pytest.mark.real
@pytest.mark.skipif("CVP_DATA" not in os.environ, reason="set CVP_DATA to a data root with kaggle-avs")
def test_the_check_values_of_the_kaggle_slice_come_out():
    root = Path(os.environ["CVP_DATA"])
    path = Kaggle().files(root)[0]
    got = reduce_transactions(path, [10000, 103400030])
    if got.transactions != 20_000:
        pytest.skip("the check values are those of the first 20,000 transactions")
    columns = got.columns
    assert columns["id"].tolist() == [86246, 86246, 86252, 86252]
    assert columns["company"].tolist() == [10000, 103400030, 10000, 103400030]
    np.testing.assert_allclose(columns["calibration"], [0.69, 1.89, 4.69, 0.99])
    np.testing.assert_allclose(columns["label"], [322.73, 160.17, 310.04, 132.41])
    assert [columns[name][1] for name in ("dept", "category", "brand")] == [4, 416, 8247]
    assert got.measures[columns["productmeasure"][1]] == "OZ"
    assert columns["brand"][3] == 15113
    with pytest.raises(TooFew, match="6 rows are too few to train"):
        Kaggle().build(root)
    complaint(lambda: Kaggle(companies=[10000]).build(root), "no row is left for test")
