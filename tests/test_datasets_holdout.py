"""Histories up to a cut and labels after it, from every transaction log: against pandas, and blind to the future."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base import BadData, TooFew
from datasets.cdnow_holdout import CDNowHoldout
from datasets.kaggle_holdout import KaggleHoldout
from datasets.online_retail import OnlineRetail
from datasets.preparing.holdout import assemble_holdout, constants, histories
from methods.btyd._histories import COLUMNS
from tests import ltv_fixtures as made
from tests import retail_fixtures as retail
from tests.ltv_fixtures import complaint


def log(*, refunds: bool = True, seed: int = 0) -> pd.DataFrame:
    """Purchases and refunds of 80 customers over 300 days, in no order, some on the same day, some free."""
    rng = np.random.default_rng(seed)
    n = 600
    amount = np.round(rng.lognormal(2, 1, n), 2)
    amount[rng.random(n) < 0.05] = 0
    if refunds:
        back = rng.random(n) < 0.15
        amount[back] *= -3
    return pd.DataFrame(
        {"who": rng.integers(0, 80, n) * 7, "day": rng.integers(1000, 1300, n) // 3 * 3, "amount": amount,
         "items": rng.integers(1, 9, n)}
    )  # fmt: skip


def by_pandas(frame: pd.DataFrame, cut: int, horizon: int) -> pd.DataFrame:
    """One row for each customer, the rule in sentences of pandas."""
    bought = frame[frame.amount >= 0]
    past, future = frame[frame.day <= cut], frame[(frame.day > cut) & (frame.day <= cut + horizon)]
    purchases = bought[bought.day <= cut].groupby("who")
    result = pd.DataFrame({"start": purchases.day.min(), "last": purchases.day.max()})
    result["frequency"] = purchases.day.nunique() - 1
    result["items"] = purchases["items"].sum()
    past = past[past.who.isin(result.index)]
    first = past[past.day == past.who.map(result.start)]
    result["everything"] = past.groupby("who").amount.sum()
    result["first_value"] = first.groupby("who").amount.sum()
    again = (result.everything - result.first_value).clip(lower=0)
    result["repeat_value"] = (again / result.frequency).where(result.frequency > 0, 0)
    result["spend"] = future.groupby("who").amount.sum()
    result["count"] = bought[bought.index.isin(future.index)].groupby("who").day.nunique()
    result = result.fillna(0)
    result["refunded"] = (result.everything < 0) | (result.spend < 0)
    clipped = ["everything", "first_value", "spend"]
    result[clipped] = result[clipped].clip(lower=0)
    return result


@pytest.mark.parametrize("refunds", [False, True])
def test_histories_are_what_pandas_makes_of_them(refunds):
    frame, cut, horizon = log(refunds=refunds), 1150, 90
    found = histories(
        frame.who.to_numpy(), frame.day.to_numpy(), frame.amount.to_numpy(), cut=cut, horizon=horizon,
        items=frame["items"].to_numpy(),
    )  # fmt: skip
    expected = by_pandas(frame, cut, horizon)
    assert 40 < len(expected) < 80 or refunds
    np.testing.assert_array_equal(found.customer, expected.index)
    for name in ("start", "frequency", "items", "count"):
        np.testing.assert_array_equal(getattr(found, name), expected[name], err_msg=name)
    for name in ("first_value", "repeat_value", "spend"):
        np.testing.assert_allclose(getattr(found, name), expected[name], atol=1e-9, err_msg=name)
    np.testing.assert_allclose(found.total, expected.everything, atol=1e-9)
    np.testing.assert_array_equal(found.recency, expected["last"] - expected.start)
    np.testing.assert_array_equal(found.age, cut - expected.start)
    assert found.refunded == expected.refunded.sum()
    assert (found.refunded > 3) == refunds
    np.testing.assert_array_equal(frame.who.to_numpy()[found.first_row], found.customer)
    np.testing.assert_array_equal(frame.day.to_numpy()[found.first_row], found.start)


def test_who_comes_after_the_cut_or_only_brings_back_has_no_history():
    found = histories(np.array([1, 2, 3, 3]), np.array([5, 11, 4, 12]), np.array([9.0, 9, -9, 9]), cut=10, horizon=5)
    assert found.customer.tolist() == [1]
    assert (found.spend.tolist(), found.count.tolist(), found.age.tolist()) == ([0], [0], [5])
    nobody = histories(np.array([1]), np.array([50]), np.array([9.0]), cut=10, horizon=5)
    assert len(nobody.customer) == 0
    with pytest.raises(BadData, match="no customer has a purchase up to the cut; choose a later one"):
        assemble_holdout("a log", nobody, {}, split={}, unit="USD", horizon=5, target="spend", facts={})


def test_a_column_is_constant_by_what_the_history_shows_alone():
    customer, day = np.array([1, 1, 2, 2]), np.array([1, 2, 1, 30])
    found = histories(customer, day, np.ones(4), cut=10, horizon=90)
    columns = {"country": np.array([7, 7, 8, 9]), "shop": np.array([4, 5, 6, 6])}  # 9 comes after the cut
    steady = constants(found, columns)
    assert list(steady) == ["country"]
    assert steady["country"].tolist() == [7, 8]


# --- every log under the protocol


def cdnow(root: Path, *, moved: bool = False) -> None:
    frame = made.purchases(customers=150)
    later = pd.to_datetime(frame.date) > "1997-09-30"
    assert later.sum() > 50
    if moved:
        frame.loc[later, "dollar_value"] = (frame.dollar_value * 7 + 1).round(2)
        frame.loc[later, "number_of_cds"] += 3
        frame = frame.drop(frame.index[later][::5])  # and some do not come back
    made.cdnow(root, frame)


def kaggle(root: Path, *, moved: bool = False) -> None:
    frame = made.transactions(customers=60)
    later = pd.to_datetime(frame.date) > "2012-07-27"
    if moved:
        frame.loc[later, "purchaseamount"] = (frame.purchaseamount * 7).round(2)
        frame.loc[later, ["chain", "dept", "brand"]] += 1
    # the file's last day stays, as it must
    frame = pd.concat([frame, frame.iloc[-1:].assign(date="2013-07-28")])
    made.kaggle(root, frame)


def shop(root: Path, *, moved: bool = False) -> None:
    sheets = retail.invoices()
    if moved:
        for sheet in sheets:
            later = sheet["InvoiceDate"] >= "2010-12-10"
            sheet.loc[later, "Quantity"] *= 7
            sheet.loc[later & (sheet["Customer ID"] != 12346), "Country"] = "Norway"
    retail.parquet(root, sheets)


LOGS = [
    pytest.param(cdnow, CDNowHoldout(), id="cdnow"),
    pytest.param(cdnow, CDNowHoldout(target="count"), id="cdnow-count"),
    pytest.param(kaggle, KaggleHoldout(), id="kaggle"),
    pytest.param(shop, OnlineRetail("online-retail@holdout", holdout=True), id="online-retail"),
]


@pytest.mark.parametrize(("write", "dataset"), LOGS)
def test_no_feature_knows_what_comes_after_the_cut(tmp_path, write, dataset):
    write(tmp_path / "a")
    write(tmp_path / "b", moved=True)
    one, other = dataset.build(tmp_path / "a"), dataset.build(tmp_path / "b")
    assert one.schema == other.schema
    np.testing.assert_array_equal(one.rows.ids, other.rows.ids)
    np.testing.assert_array_equal(one.rows.numeric, other.rows.numeric)
    for name in COLUMNS:
        np.testing.assert_array_equal(one.rows.truth[name], other.rows.truth[name])
    assert (one.rows.label != other.rows.label).mean() > 0.2


@pytest.mark.parametrize(("write", "dataset"), LOGS)
def test_a_table_has_its_features_in_natural_units_beside_its_rows(tmp_path, write, dataset):
    write(tmp_path)
    table = dataset.build(tmp_path)
    truth, scales = table.rows.truth, table.facts["numeric"]
    assert table.schema.truth == COLUMNS

    def unscaled(name):
        mean, std = scales[name]
        return table.rows.numeric[:, table.schema.numeric.index(name)] * std + mean

    np.testing.assert_allclose(np.expm1(unscaled("log_frequency")), truth["frequency"], atol=1e-3)
    np.testing.assert_allclose(unscaled("recency"), truth["recency_days"], atol=1e-2)
    np.testing.assert_allclose(np.expm1(unscaled("log_repeat_value")), truth["repeat_value"], rtol=1e-3, atol=1e-2)
    assert (truth["recency_days"] <= truth["age_days"]).all()
    assert ((truth["frequency"] > 0) == (truth["recency_days"] > 0)).all()
    assert len(set(truth["horizon_days"])) == 1
    assert table.schema.unit == (
        "purchases" if "count" in dataset.name or dataset.target == "count" else table.facts["unit"]
    )
    assert table.schema.fields[-1].name == "frequency"


def test_the_labels_of_cdnow_are_the_second_39_weeks(tmp_path):
    cdnow(tmp_path)
    frame = made.purchases(customers=150)
    day = (pd.to_datetime(frame.date) - pd.Timestamp("1997-01-01")).dt.days
    renamed = pd.DataFrame({"who": frame.customer_id, "day": day, "amount": frame.dollar_value,
                            "items": frame.number_of_cds})  # fmt: skip
    expected = by_pandas(renamed, 272, 273)
    spend, count = CDNowHoldout().build(tmp_path), CDNowHoldout(target="count").build(tmp_path)
    np.testing.assert_allclose(spend.rows.label, expected.spend, rtol=1e-6)
    np.testing.assert_array_equal(count.rows.label, expected["count"])
    np.testing.assert_array_equal(spend.split["test"], count.split["test"])
    np.testing.assert_array_equal(spend.rows.truth["frequency"], expected.frequency)
    assert spend.facts["dropped"] == {"customers who came later": 150 - len(expected)}


def test_the_sample_of_cdnow_has_a_second_number_for_each_customer(tmp_path):
    cdnow(tmp_path)
    whole = tmp_path / "cdnow" / "CDNOW_master.txt"
    lines = [line.split(maxsplit=1) for line in whole.read_text().splitlines()]
    number = {who: place for place, who in enumerate(dict.fromkeys(who for who, _ in lines), start=1)}
    made.put(
        whole.with_name("CDNOW_sample.txt"), "".join(f" {who} {number[who]:04d} {rest}\r\n" for who, rest in lines)
    )
    one, other = CDNowHoldout().build(tmp_path), CDNowHoldout(sample=True).build(tmp_path)
    np.testing.assert_array_equal(one.rows.label, other.rows.label)
    np.testing.assert_array_equal(one.rows.numeric, other.rows.numeric)
    assert other.facts["slice"].startswith("CDNOW, 1/10 sample, ")
    whole.with_name("CDNOW_sample.txt").write_text(whole.read_text())
    complaint(lambda: CDNowHoldout(sample=True).build(tmp_path), "line 1 has 4 columns, expected 5", "sample_id")


def test_kaggle_rows_are_customers_and_companies_with_a_purchase_by_the_cut(tmp_path):
    kaggle(tmp_path)
    frame = made.transactions(customers=60)
    frame = frame[(frame.purchaseamount > 0) & frame.company.isin(made.COMPANIES)].reset_index(drop=True)
    pair = frame.groupby(["id", "company"]).ngroup()
    day = (pd.to_datetime(frame.date) - pd.Timestamp("1970-01-01")).dt.days
    renamed = pd.DataFrame({"who": pair, "day": day, "amount": frame.purchaseamount, "items": 1})
    cut = (pd.Timestamp("2012-07-27") - pd.Timestamp("1970-01-01")).days
    expected = by_pandas(renamed, cut, 364)
    table = KaggleHoldout().build(tmp_path)
    np.testing.assert_array_equal(table.rows.truth["frequency"], expected.frequency)
    np.testing.assert_array_equal(table.rows.truth["age_days"], cut - expected.start)
    np.testing.assert_allclose(table.rows.truth["repeat_value"], expected.repeat_value, rtol=1e-6)
    np.testing.assert_allclose(table.rows.label, expected.spend, rtol=1e-6)
    names = [field.name for field in table.schema.fields]
    assert names == ["chain", "dept", "category", "brand", "productmeasure", "company", "frequency"]


def test_a_log_that_ends_within_the_horizon_is_refused_and_a_sample_is_too_small(tmp_path):
    made.kaggle(tmp_path, made.transactions(customers=60, seed=1).assign(date="2012-06-01"))
    complaint(lambda: KaggleHoldout().build(tmp_path), "the file ends before the 364 days after 2012-07-27 do")
    made.kaggle(tmp_path, made.transactions(customers=4).assign(date="2012-06-01"))
    with pytest.raises(TooFew, match="too few to train"):
        KaggleHoldout().build(tmp_path)


def test_one_purchase_each_is_a_table_without_repeat_buyers(tmp_path):
    frame = made.purchases(customers=150).drop_duplicates("customer_id")
    made.cdnow(tmp_path, frame)
    table = CDNowHoldout().build(tmp_path)
    assert table.facts["repeat_buyers"] == 0
    assert not table.rows.truth["frequency"].any()
    assert not table.rows.label.any()
