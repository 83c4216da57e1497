"""CDNOW: first dates, their features, and bad lines."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics.pairs import spearman
from datasets.cdnow import CDNow
from tests import ltv_fixtures as made
from tests.ltv_fixtures import complaint


@pytest.mark.parametrize("header", [False, True])
def test_cdnow_rows_are_the_first_dates_of_customers_who_paid(tmp_path, header):
    frame = made.purchases()
    made.cdnow(tmp_path, frame, header=header)
    table = CDNow().build(tmp_path)
    renamed = frame.rename(columns={"customer_id": "id", "dollar_value": "purchaseamount"}).assign(company=0)
    renamed["date"] = pd.to_datetime(renamed.date, format="%Y%m%d")
    expected = made.lifetimes_by_pandas(renamed)
    np.testing.assert_allclose(table.rows.label, expected.label, rtol=1e-6)
    mean, std = table.facts["numeric"]["log_calibration_value"]
    np.testing.assert_allclose(np.exp(table.rows.numeric[:, 0] * std + mean), expected.calibration, rtol=1e-4)
    paid = renamed[renamed.purchaseamount > 0]
    first = paid[paid.date == paid.groupby("id").date.transform("min")].groupby("id")
    mean, std = table.facts["numeric"]["log_cds"]
    np.testing.assert_allclose(np.expm1(table.rows.numeric[:, 1] * std + mean), first.number_of_cds.sum(), rtol=1e-4)
    assert [f.name for f in table.schema.fields] == ["start_week", "weekday", "cds", "purchases"]
    weekday = table.rows.ids[:, 1]
    np.testing.assert_array_equal(weekday, 1 + expected.start.dt.day_of_week)
    assert table.schema.fields[3].size > 2  # some bought twice on their first date
    assert table.facts["dropped"]["customers who never paid"] == 120 - len(expected) >= 2
    assert table.facts["censored"] == (expected.start + pd.Timedelta("365D") > renamed.date.max()).sum()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (" 00001 19970101  1", "line 31 has 3 columns, expected 4"),
        (" 00001 19970101  1   11.77 9", "line 31 has 5 columns, expected 4"),
        (" 00001 19970101  1   eleven", "line 31 is not customer_id, date, number_of_cds, dollar_value"),
        (" 00001 19971301  1   11.77", "month must be in 1..12"),
        (" 00001 19970101  1   -11.77", "the amount -11.77 is negative"),
        (" 00001 19970101  1   nan", "the amount 'nan' is not a number"),
        (" customer_id date number_of_cds dollar_value", "line 31 is not customer_id"),
    ],
)
def test_a_bad_line_of_cdnow_is_found(tmp_path, line, words):
    path = made.cdnow(tmp_path, made.purchases())
    lines = path.read_text().splitlines()
    made.put(path, "\n".join([*lines[:30], line, *lines[30:]]))
    complaint(lambda: CDNow().build(tmp_path), str(path), words)


def test_an_empty_cdnow_file_has_no_rows(tmp_path):
    made.put(tmp_path / "cdnow" / "CDNOW_master.txt", "customer_id date number_of_cds dollar_value\n")
    complaint(lambda: CDNow().build(tmp_path), "the file has no rows")


@pytest.mark.real
@pytest.mark.skipif("CVP_DATA" not in os.environ, reason="set CVP_DATA to a data root with cdnow")
def test_the_published_counts_of_cdnow_come_out():
    table = CDNow().build(Path(os.environ["CVP_DATA"]))
    assert table.facts["slice"] == "CDNOW, complete"
    assert table.facts["rows"] == 23_502
    assert round(table.facts["label"]["mean"], 2) == 57.73
    assert round(100 * table.facts["positive"], 1) == 46.0
    assert table.facts["label"]["median"] == 0
    assert all(count["agrees"] for count in table.facts["published"].values())
    assert round(spearman(table.rows.label.astype(np.float64), table.rows.numeric[:, 0].astype(np.float64)), 3) == 0.175
