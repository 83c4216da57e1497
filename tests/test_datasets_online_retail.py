"""Online Retail II: three forms of one file, what counts as a purchase, and cells that cannot be right."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets import cache
from datasets.base import Incomplete, NotAvailable
from datasets.online_retail import DEFAULT, OnlineRetail, Rules
from datasets.reading.invoices import read_invoices
from tests import ltv_fixtures as made
from tests import retail_fixtures as retail
from tests.ltv_fixtures import complaint

SHEETS = retail.invoices()


def sales(sheets: list[pd.DataFrame]) -> pd.DataFrame:
    """What counts by default, with pandas: the second sheet's own invoices, sold to somebody for something."""
    frame = pd.concat([sheets[0], sheets[1][~sheets[1].Invoice.isin(sheets[0].Invoice)]], ignore_index=True)
    kept = (frame.Quantity > 0) & (frame.Price > 0) & frame["Customer ID"].notna() & ~frame.Invoice.str.startswith("C")
    frame = frame[kept].assign(amount=frame.Quantity * frame.Price, date=frame.InvoiceDate.dt.normalize())
    return frame.rename(columns={"Customer ID": "id", "amount": "purchaseamount"}).assign(company=0)


def test_workbook_csv_and_parquet_are_the_same_rows(tmp_path):
    forms = {
        "xlsx": [retail.workbook(tmp_path / "xlsx", SHEETS)],
        "csv": [retail.csv(tmp_path / "csv", SHEETS)],
        "gz": [retail.csv(tmp_path / "gz", SHEETS, gz=True)],
        "british": [retail.csv(tmp_path / "british", SHEETS, dates="%d/%m/%Y %H:%M")],
        "older": [retail.csv(tmp_path / "older", SHEETS, dates="%m/%d/%Y %H:%M")],
        "parquet": retail.parquet(tmp_path / "parquet", SHEETS),
    }
    path = forms["older"][0]  # the older set's names
    text = path.read_bytes().replace(b"Invoice,", b"InvoiceNo,", 1).replace(b"Customer ID", b"CustomerID", 1)
    path.write_bytes(text.replace(b",Price,", b",UnitPrice,", 1))
    logs = {name: read_invoices(paths) for name, paths in forms.items()}
    first = logs["parquet"]
    assert first.overlap == (SHEETS[1].Invoice.isin(SHEETS[0].Invoice)).sum() > 4
    assert first.raw == sum(map(len, SHEETS)) == first.overlap + len(first.price)
    for name, log in logs.items():
        for column in ("invoice", "stock", "quantity", "price", "customer", "country"):
            np.testing.assert_array_equal(getattr(log, column), getattr(first, column), err_msg=f"{name} {column}")
        shown = "m" if name in ("british", "older") else "s"  # those have no seconds
        np.testing.assert_array_equal(
            log.time.astype(f"datetime64[{shown}]"), first.time.astype(f"datetime64[{shown}]")
        )
        assert (log.raw, log.overlap) == (first.raw, first.overlap)
    tables = [OnlineRetail().build(tmp_path / form) for form in ("xlsx", "csv", "parquet")]
    for table in tables[1:]:
        np.testing.assert_array_equal(table.rows.label, tables[0].rows.label)
        np.testing.assert_array_equal(table.rows.ids, tables[0].rows.ids)


def test_rows_are_customers_with_a_year_ahead_by_the_rule_of_first_dates(tmp_path):
    retail.parquet(tmp_path, SHEETS)
    frame = sales(SHEETS)
    table = OnlineRetail().build(tmp_path)
    expected = made.lifetimes_by_pandas(frame)
    whole = expected.start + pd.Timedelta("365D") <= frame.date.max()
    expected = expected[whole]
    np.testing.assert_allclose(table.rows.label, expected.label, rtol=1e-6)
    mean, std = table.facts["numeric"]["log_calibration_value"]
    np.testing.assert_allclose(np.exp(table.rows.numeric[:, 0] * std + mean), expected.calibration, rtol=1e-4)
    assert table.facts["dropped"]["customers without a year ahead"] == (~whole).sum()
    first = frame[frame.date == frame.groupby("id").date.transform("min")].groupby("id")
    mean, std = table.facts["numeric"]["log_products"]
    products = first.StockCode.nunique()[expected.id]
    np.testing.assert_allclose(np.expm1(table.rows.numeric[:, 2] * std + mean), products, rtol=1e-3)
    assert [field.name for field in table.schema.fields] == [
        "start_month",
        "weekday",
        "country",
        "invoices",
        "products",
    ]


def test_every_kind_of_line_is_dropped_once_and_counted(tmp_path):
    retail.parquet(tmp_path, SHEETS)
    log = read_invoices(OnlineRetail().files(tmp_path))
    kept, dropped = DEFAULT.apply(log)
    assert len(kept.price) == len(sales(SHEETS))
    assert sum(dropped.values()) == len(log.price) - len(kept.price)
    assert (
        min(dropped[kind] for kind in ("without a customer", "cancellations", "negative quantities", "zero prices")) > 0
    )
    assert set(kept.customer) == set(sales(SHEETS).id)


def test_every_option_lets_its_lines_in(tmp_path):
    retail.parquet(tmp_path, SHEETS)
    log = read_invoices(OnlineRetail().files(tmp_path))
    default, dropped = DEFAULT.apply(log)
    options = {"cancellations": ("refunded", "cancellations"), "negatives": ("refunded", "negative quantities"),
               "free": ("kept", "zero prices")}  # fmt: skip
    for option, (value, reason) in options.items():
        kept, less = Rules(**{option: value}).apply(log)
        assert less[reason] == 0, option
        assert len(kept.price) == len(default.price) + dropped[reason], option
    kept, less = Rules(strangers="each invoice").apply(log)
    assert less["without a customer"] == 0
    strangers = kept.customer < 0
    assert len(set(kept.customer[strangers])) == len(set(kept.invoice[strangers])) > 3
    sold, refunded = (
        OnlineRetail(holdout=True, rules=rules).build(tmp_path)
        for rules in (DEFAULT, Rules(cancellations="refunded", negatives="refunded"))
    )
    assert refunded.rows.label.sum() < sold.rows.label.sum()
    assert (refunded.rows.label >= 0).all()
    assert OnlineRetail(rules=Rules(free="kept")).protocol.options["free"] == "kept"


def test_refunds_larger_than_purchases_are_nothing_and_are_counted(tmp_path):
    sheets = retail.invoices(seed=3)
    later = (sheets[1].InvoiceDate >= "2010-12-10") & sheets[1].Invoice.str.startswith("C")
    assert later.any()
    sheets[1].loc[later, "Quantity"] = -100_000
    retail.parquet(tmp_path, sheets)
    table = OnlineRetail(holdout=True, rules=Rules(cancellations="refunded")).build(tmp_path)
    assert table.facts["refunds above purchases"] > 0
    assert table.rows.label.min() == 0


def test_the_country_is_the_first_purchases(tmp_path):
    retail.parquet(tmp_path, SHEETS)
    table = OnlineRetail(holdout=True).build(tmp_path)
    frame = sales(SHEETS)
    expected = (
        frame[frame.date <= "2010-12-09"].sort_values(["id", "date"], kind="stable").groupby("id").Country.first()
    )
    shown = table.rows.ids[:, [field.name for field in table.schema.fields].index("country")]
    assert len(expected) == len(shown)
    for country in ("France", "United Kingdom"):
        assert len(set(shown[expected == country])) == 1


def test_a_kept_table_is_the_one_that_was_built(tmp_path):
    retail.parquet(tmp_path, SHEETS)
    dataset = OnlineRetail("online-retail@holdout", holdout=True)
    kept, built = cache.load(dataset, tmp_path, tmp_path / "cache"), dataset.build(tmp_path)
    assert kept.schema == built.schema
    np.testing.assert_array_equal(kept.rows.truth["age_days"], built.rows.truth["age_days"])


def test_files_are_looked_for_in_one_folder(tmp_path):
    dataset = OnlineRetail()
    with pytest.raises(NotAvailable, match="no data root was given"):
        dataset.files(None)
    (tmp_path / retail.FOLDER).mkdir()
    with pytest.raises(NotAvailable, match=r"online_retail_II.xlsx, online_retail_II.csv\[.gz\] or year_2009"):
        dataset.files(tmp_path)
    first, second = retail.parquet(tmp_path, SHEETS)
    assert dataset.files(tmp_path) == [first, second]
    second.unlink()
    with pytest.raises(Incomplete, match=r"year_2010-2011.parquet is not there .* year_2009-2010.parquet alone"):
        dataset.files(tmp_path)
    path = retail.csv(tmp_path, SHEETS)
    assert dataset.files(tmp_path) == [path]
    path = retail.workbook(tmp_path, SHEETS)
    assert dataset.files(tmp_path) == [path]


def test_a_workbook_without_the_second_sheet_is_refused(tmp_path):
    retail.workbook(tmp_path, SHEETS[:1], names=retail.SHEETS[:1])
    words = ("online_retail_II.xlsx", "no sheet 'Year 2010-2011'", "it has 'Year 2009-2010'", "both its sheets")
    complaint(lambda: OnlineRetail().build(tmp_path), *words)


def test_a_file_that_is_no_workbook_is_refused(tmp_path):
    path = retail.workbook(tmp_path, SHEETS)
    path.write_bytes(path.read_bytes()[:2000])
    complaint(lambda: OnlineRetail().build(tmp_path), str(path), "cannot be read as a workbook")
    path.write_bytes(b"<html>not found</html>")
    complaint(lambda: OnlineRetail().build(tmp_path), str(path), "cannot be read as a workbook")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("Price", "cheap", ("column 'Price' is empty or not a number in", "'cheap'")),
        ("Quantity", 2.5, ("column 'Quantity' is not a whole number",)),
        ("Quantity", None, ("column 'Quantity' is empty",)),
        ("Price", 1e300, ("column 'Price' is infinite or too large",)),
        ("Customer ID", "A1", ("column 'Customer ID' is empty or not a number", "'A1'")),
        ("InvoiceDate", None, ("column 'InvoiceDate' is",)),
        ("InvoiceDate", pd.Timestamp("2097-03-04"), ("column 'InvoiceDate' is not in the years 2009 to 2012",)),
        ("Invoice", None, ("column 'Invoice' is empty",)),
    ],
)
@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_a_cell_that_cannot_be_right_is_named(tmp_path, form, column, value, words):
    sheets = [sheet.head(60).copy() for sheet in SHEETS]
    sheets[0][column] = sheets[0][column].astype(object)
    sheets[0].loc[7, column] = value
    if form == "xlsx":
        retail.workbook(tmp_path, sheets)
        where = "row 9 of sheet 'Year 2009-2010'"
    else:
        frame = pd.concat(sheets)
        path = tmp_path / retail.FOLDER / "online_retail_II.csv"
        path.parent.mkdir(parents=True)
        frame.to_csv(path, index=False)
        where = "line 9"
    complaint(lambda: OnlineRetail().build(tmp_path), *words, where)


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_dates_as_texts_of_two_kinds_are_refused_with_the_first_odd_one(tmp_path, form):
    texts = [sheet.assign(InvoiceDate=sheet.InvoiceDate.dt.strftime("%m/%d/%Y %H:%M")) for sheet in SHEETS]
    texts[0].loc[11, "InvoiceDate"] = "2010-03-04 10:11:12"
    if form == "xlsx":
        retail.workbook(tmp_path, texts)
    else:
        path = tmp_path / retail.FOLDER / "online_retail_II.csv"
        path.parent.mkdir(parents=True)
        pd.concat(texts).to_csv(path, index=False)
    words = ("column 'InvoiceDate' is not a date as the others are (%m/%d/%Y %H:%M)", "'2010-03-04 10:11:12'")
    complaint(lambda: OnlineRetail().build(tmp_path), *words, "row 13" if form == "xlsx" else "line 13")


def test_texts_of_one_kind_are_dates_in_a_workbook_too(tmp_path):
    texts = [sheet.assign(InvoiceDate=sheet.InvoiceDate.dt.strftime("%Y-%m-%d %H:%M")) for sheet in SHEETS]
    retail.workbook(tmp_path / "texts", texts)
    retail.parquet(tmp_path / "dates", SHEETS)
    one, other = (OnlineRetail(holdout=True).build(tmp_path / form) for form in ("texts", "dates"))
    np.testing.assert_array_equal(one.rows.label, other.rows.label)


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path):
    retail.parquet(tmp_path, [sheet.drop(columns="Price") for sheet in SHEETS])
    complaint(lambda: OnlineRetail().build(tmp_path), "no column 'Price'", "'Quantity'", "year_2009-2010.parquet")


def test_two_columns_of_one_meaning_are_refused(tmp_path):
    retail.parquet(tmp_path, [sheet.assign(UnitPrice=sheet.Price) for sheet in SHEETS])
    complaint(lambda: OnlineRetail().build(tmp_path), "has more than one column 'Price'")


def test_a_log_of_nothing_but_cancellations_has_no_purchase(tmp_path):
    retail.parquet(tmp_path, [sheet.assign(Invoice="C" + sheet.Invoice) for sheet in SHEETS])
    complaint(lambda: OnlineRetail().build(tmp_path), "is a purchase", "cancellations")


def test_half_a_log_has_no_label(tmp_path):
    first = SHEETS[0][SHEETS[0].InvoiceDate < "2010-06-01"]
    retail.parquet(tmp_path, [first, SHEETS[1].head(1).assign(InvoiceDate=pd.Timestamp("2010-06-01"))])
    complaint(lambda: OnlineRetail(holdout=True).build(tmp_path), "the file ends on 2010-0", "get the whole file")
    complaint(lambda: OnlineRetail().build(tmp_path), "365 days after every first purchase")


@pytest.mark.real
@pytest.mark.skipif("CVP_DATA" not in os.environ, reason="set CVP_DATA to a data root with online-retail-ii")
def test_the_counts_of_the_real_file_come_out():
    root = Path(os.environ["CVP_DATA"])
    log = read_invoices(OnlineRetail().files(root))
    assert (log.raw, log.overlap, len(log.price)) in ((1_067_370, 22_523, 1_044_847), (1_067_371, 22_523, 1_044_848))
    sold, _ = DEFAULT.apply(log)
    assert (len(sold.price), len(set(sold.customer)), len(set(sold.invoice))) == (791_044, 5_878, 36_969)
    for dataset in (OnlineRetail(), OnlineRetail(holdout=True)):
        table = dataset.build(root)
        assert table.facts["rows"] == 4_312
        assert all(count["agrees"] for count in table.facts["published"].values())
