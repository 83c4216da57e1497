"""Criteo-SSC: labels, categories, what may be a feature, and bad rows."""

import numpy as np
import pandas as pd
import pytest

from datasets.criteo import Criteo
from datasets.preparing.clicks import CATEGORIES, LEAKS
from datasets.reading import stream
from tests import ltv_fixtures as made
from tests.ltv_fixtures import complaint


@pytest.fixture
def small_blocks(monkeypatch):
    """Many blocks in a small file."""
    monkeypatch.setattr(stream, "_BLOCK", 1 << 12)


@pytest.mark.parametrize("name", ["CriteoSearchData", "CriteoSearchData.gz"])
def test_criteo_labels_are_the_amounts_of_sales(tmp_path, small_blocks, name):
    frame = made.clicks()
    made.criteo(tmp_path, frame, name=name)
    table = Criteo().build(tmp_path)
    np.testing.assert_array_equal(table.rows.label, frame.SalesAmountInEuro.clip(lower=0).astype(np.float32))
    counts, sales = table.facts["counts"], frame[frame.Sale == 1]
    assert counts["rows"] == 1500
    assert counts["sales"] == len(sales)
    assert counts["sales without an amount"] == (sales.SalesAmountInEuro == 0).sum() > 0
    assert counts["amounts without a sale"] == 0
    assert counts["sales within 7 d"] == sales.time_delay_for_conversion.between(0, 7 * 86_400).sum()
    assert table.schema.unit == "EUR"
    assert table.facts["positive"] == pytest.approx((frame.SalesAmountInEuro > 0).mean())


def test_criteo_ids_stand_for_the_texts_of_the_training_rows(tmp_path, small_blocks):
    frame = made.clicks()
    made.criteo(tmp_path, frame)
    dataset = Criteo(fields=CATEGORIES, least=3)
    table = dataset.build(tmp_path)
    train = np.zeros(len(frame), bool)
    train[table.split["train"]] = True
    for place, name in enumerate(CATEGORIES):
        counts = frame[name][train].value_counts()
        known = frame[name].isin(counts.index[counts >= 3])
        ids = table.rows.ids[:, place]
        np.testing.assert_array_equal(ids > 0, known)
        assert table.schema.fields[place].size == 1 + (counts >= 3).sum()
        pairs = set(zip(frame[name][known], ids[known], strict=True))
        assert len(pairs) == len({text for text, _ in pairs}) == len({one for _, one in pairs})
    assert [f.name for f in table.schema.fields[len(CATEGORIES) :]] == ["hour", "weekday", "clicks_known"]
    clock = pd.to_datetime(frame.click_timestamp, unit="s")
    for place, expected in ((-3, clock.dt.hour), (-2, clock.dt.day_of_week)):
        np.testing.assert_array_equal(table.rows.ids[:, place], expected + 1)
    recent = np.log1p(frame.nb_clicks_1week.where(frame.nb_clicks_1week >= 0))
    scaled = ((recent - recent[train].mean()) / recent[train].std(ddof=0)).fillna(0)
    np.testing.assert_allclose(table.rows.numeric[:, 0], scaled, atol=1e-5)


def test_clicks_without_a_user_id_are_users_of_their_own(tmp_path):
    frame = made.clicks()
    made.criteo(tmp_path, frame)
    user = Criteo().build(tmp_path).rows.user
    lone = (frame.user_id == "-1").to_numpy()
    assert len(np.unique(user[lone])) == lone.sum()
    known = pd.Series(user[~lone])
    np.testing.assert_array_equal(
        known.map(known.value_counts()), frame.user_id[~lone].map(frame.user_id.value_counts())
    )
    assert not set(user[lone]) & set(user[~lone])


@pytest.mark.parametrize("leak", LEAKS)
def test_what_only_a_sale_makes_known_can_never_be_a_feature(leak):
    with pytest.raises(ValueError, match=f"{leak} can never be a feature"):
        Criteo(fields=["partner_id", leak])
    assert leak not in CATEGORIES


def test_the_features_do_not_depend_on_the_outcome(tmp_path):
    frame = made.clicks()
    made.criteo(tmp_path, frame)
    before = Criteo(fields=CATEGORIES).build(tmp_path)
    assert not {f.name for f in before.schema.fields} & set(LEAKS)
    assert before.schema.numeric == ("log_clicks_1week",)
    frame["Sale"] = 1
    frame["SalesAmountInEuro"] = np.arange(len(frame)) + 0.5
    frame["product_price"], frame["time_delay_for_conversion"] = 12.5, 60
    made.criteo(tmp_path, frame)
    after = Criteo(fields=CATEGORIES).build(tmp_path)
    np.testing.assert_array_equal(after.rows.ids, before.rows.ids)
    np.testing.assert_array_equal(after.rows.numeric, before.rows.numeric)
    np.testing.assert_array_equal(after.rows.label, frame.SalesAmountInEuro)


def test_nothing_of_criteo_is_fitted_on_held_out_clicks(tmp_path):
    frame = made.clicks()
    made.criteo(tmp_path, frame)
    before = Criteo(least=1).build(tmp_path)
    for column in CATEGORIES:
        frame.loc[before.split["test"], column] = "0A NEW ONE"  # sorts before the others
    frame.loc[before.split["test"], "nb_clicks_1week"] = 10**6
    made.criteo(tmp_path, frame)
    after = Criteo(least=1).build(tmp_path)
    assert after.schema == before.schema
    assert after.facts["numeric"] == before.facts["numeric"]
    for part in ("train", "valid"):
        np.testing.assert_array_equal(after.view(part).ids, before.view(part).ids)
    assert (after.view("test").ids[:, :-3] == 0).all()


def test_criteo_protocols_differ_where_the_sources_do(tmp_path):
    frame = made.clicks()
    made.criteo(tmp_path, frame)
    whole = Criteo("criteo-ssc@complete-ids", complete_ids=True).build(tmp_path)
    kept = frame[(frame[["partner_id", "user_id", "product_id"]] != "-1").all(axis=1)]
    np.testing.assert_array_equal(whole.rows.label, kept.SalesAmountInEuro.clip(lower=0).astype(np.float32))
    assert whole.facts["dropped"] == {"incomplete ids": len(frame) - len(kept)}
    soon = Criteo("criteo-ssc@1d", days=1).build(tmp_path)
    expected = frame.SalesAmountInEuro.where(frame.time_delay_for_conversion.between(0, 86_400), 0).clip(lower=0)
    np.testing.assert_array_equal(soon.rows.label, expected.astype(np.float32))
    later = Criteo("criteo-ssc@time", chronological=True).build(tmp_path)
    assert (
        later.split["train"].max()
        < later.split["valid"].min()
        <= later.split["valid"].max()
        < later.split["test"].min()
    )
    options = [
        Criteo(),
        Criteo(complete_ids=True),
        Criteo(days=1),
        Criteo(chronological=True),
        Criteo(fields=CATEGORIES),
    ]
    assert len({str(one.protocol) for one in options}) == len(options)


def test_bad_criteo_rows_are_found_with_their_line(tmp_path, small_blocks):
    frame = made.clicks(rows=300)
    lines = made.criteo(tmp_path, frame).read_text().splitlines()

    def broken(column: int, value: str, *words: str) -> None:
        cells = lines[199].split("\t")
        cells[column] = value
        text = "\n".join([*lines[:199], "\t".join(cells), *lines[200:]])
        path = made.put(tmp_path / "Criteo_Conversion_Search" / "CriteoSearchData", text)
        complaint(lambda: Criteo().build(tmp_path), str(path), *words)

    broken(1, "12,5", "column 'SalesAmountInEuro' is not a number ('12,5') in line 200")
    broken(1, "", "column 'SalesAmountInEuro' is empty in line 200")
    broken(1, "nan", "column 'SalesAmountInEuro'", "in line 200")
    broken(0, "2", "column 'Sale' is neither 0 nor 1 (2) in line 200")
    broken(3, "noon", "column 'click_timestamp' is not a whole number ('noon') in line 200")
    broken(22, "AB\tCD", "line 200 has 24 columns, expected 23")


def test_a_criteo_file_of_another_shape_is_not_read(tmp_path):
    frame = made.clicks(rows=300)
    path = made.criteo(tmp_path, frame, header=True)
    complaint(
        lambda: Criteo().build(tmp_path), str(path), "line 1 is a header (Sale, SalesAmountInEuro, ", "delete that line"
    )
    made.criteo(tmp_path, frame.drop(columns="user_id"))
    complaint(lambda: Criteo().build(tmp_path), "line 1 has 22 tab-separated columns, expected 23")
    made.put(path, "")
    complaint(lambda: Criteo().build(tmp_path), "the file is empty")
    path.unlink()
    path = made.criteo(tmp_path, frame, name="CriteoSearchData.gz")
    path.write_bytes(path.read_bytes()[:-100])
    complaint(lambda: Criteo().build(tmp_path), str(path), "truncated or damaged gzip")
