"""Purchases described: customers, labels and histories as pandas counts them, and one line for what cannot be right."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base import BadData, Table
from datasets.cdnow import CDNow
from datasets.described.dataset import described
from datasets.described.encoder import from_json
from datasets.look.orders import look_at_orders
from tests import own_logs


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))


def build(folder: Path, frame: pd.DataFrame, *changes: tuple[str, str]) -> Table:
    toml = own_logs.ORDERS
    for old, new in changes:
        assert old in toml
        toml = toml.replace(old, new)
    return described(own_logs.write(folder, frame, toml, name="orders")).build(None)


CALIBRATION = ('kind = "first purchase"', 'kind = "calibration"\ncut = 2023-08-31')
DROP = ('refunds = "net"', 'refunds = "drop"')


def by_hand(frame: pd.DataFrame, *, netted: bool, cut: str = "", horizon: int = 90) -> pd.DataFrame:
    """One row for each customer, by a loop over customers."""
    day = frame.ordered_at.dt.floor("D")
    sign = np.where(frame.status == "refunded", -1, 1)
    frame = frame.assign(day=day, paid=frame.total * sign)
    frame = frame if netted else frame[frame.paid >= 0]
    last, rows = day.max() if netted else frame.day.max(), {}
    for client, theirs in frame.groupby("client_id"):
        bought = theirs[theirs.paid >= 0]
        if bought.empty:
            continue
        first = bought.day.min()
        end = pd.Timestamp(cut) if cut else first
        if first > end or (not cut and first + pd.Timedelta(days=horizon) > last):
            continue
        past = theirs[theirs.day <= end]
        ahead = theirs[(theirs.day > end) & (theirs.day <= end + pd.Timedelta(days=horizon))]
        buys = past[past.paid >= 0]
        rows[client] = {
            "spend": max(0.0, ahead.paid.sum()),
            "first_value": max(0.0, past[past.day == first].paid.sum()),
            "frequency": buys.day.nunique() - 1,
            "recency": (buys.day.max() - first).days,
            "age": (end - first).days,
            "items": buys.pieces.sum(),
            "month": first.month,
        }
    return pd.DataFrame(rows).T.sort_index()


@pytest.mark.parametrize("netted", [True, False])
def test_after_the_first_purchase_labels_and_first_values_are_those_counted_by_hand(tmp_path, netted):
    frame = own_logs.orders()
    table = build(tmp_path, frame, *([] if netted else [DROP]))
    expected = by_hand(frame, netted=netted)
    np.testing.assert_allclose(table.rows.label, expected.spend, rtol=1e-6)
    mean, std = table.facts["numeric"]["log_first_value"]
    np.testing.assert_allclose(
        table.rows.numeric[:, 0] * std + mean, np.log1p(expected.first_value.astype(float)), rtol=1e-4, atol=1e-4
    )
    known = len(frame[frame.status != "refunded"].client_id.unique())
    young = table.facts["dropped"]["customers younger than the horizon"]
    assert young == known - len(expected) and young > 0
    assert table.facts["refunds"] == (frame.status == "refunded").sum()
    assert table.schema.truth == () and table.schema.task == "ltv"


def test_after_a_calibration_histories_are_those_counted_by_hand(tmp_path):
    frame = own_logs.orders()
    table = build(tmp_path, frame, CALIBRATION)
    expected = by_hand(frame, netted=True, cut="2023-08-31")
    np.testing.assert_allclose(table.rows.label, expected.spend, rtol=1e-6)
    for column, name in (("frequency", "frequency"), ("recency_days", "recency"), ("age_days", "age")):
        np.testing.assert_array_equal(table.rows.truth[column], expected[name])
    assert set(table.rows.truth["horizon_days"]) == {90.0}
    moved = frame.copy()
    moved.loc[moved.ordered_at >= "2023-09-01", "total"] += 1000
    again = build(tmp_path, moved, CALIBRATION)
    assert bytes(again.encoder) == bytes(table.encoder)
    np.testing.assert_array_equal(again.rows.numeric, table.rows.numeric)
    np.testing.assert_array_equal(again.rows.ids, table.rows.ids)


def test_price_times_quantity_is_the_amount_and_a_negative_quantity_a_refund(tmp_path):
    frame = own_logs.orders()
    as_paid = build(tmp_path, frame)
    sign = np.where(frame.status == "refunded", -1, 1)
    split = frame.assign(pieces=frame.pieces * sign, total=frame.total / frame.pieces).drop(columns="status")
    table = build(
        tmp_path,
        split,
        ('total = "amount"', 'total = "price"'),
        ('status = { role = "refund", is = ["refunded"] }\n', ""),
    )
    np.testing.assert_allclose(table.rows.label, as_paid.rows.label, rtol=1e-5)


def test_what_was_paid_back_may_stand_in_a_column_of_its_own(tmp_path):
    frame = own_logs.orders()
    rng = np.random.default_rng(3)
    back = np.where(rng.random(len(frame)) < 0.1, frame.total / 2, 0).round(2)
    partly = frame.assign(status="paid", back=back)
    role = ('status = { role = "refund", is = ["refunded"] }', 'back = "refunded"')
    netted = frame.assign(total=frame.total - back, status="paid")
    np.testing.assert_allclose(build(tmp_path, partly, role).rows.label, build(tmp_path, netted).rows.label, rtol=1e-5)
    whole = build(tmp_path, frame.assign(status="paid")).rows.label
    np.testing.assert_array_equal(build(tmp_path, partly, role, DROP).rows.label, whole)
    partly.drop(columns="status").assign(refund_date=None, tax=1.5).to_parquet(tmp_path / "o.parquet")
    renamed = pd.read_parquet(tmp_path / "o.parquet").rename(columns={"back": "refund_amount"})
    renamed.assign(refund_date=renamed.ordered_at).to_parquet(tmp_path / "o.parquet")
    roles = {p.name: p.role for p in look_at_orders(tmp_path / "o.parquet", tmp_path / "o.toml").proposals}
    assert (roles["refund_amount"], roles["total"], roles["tax"]) == ("refunded", "amount", "leave out")
    assert (roles["ordered_at"], roles["refund_date"]) == ("date", "leave out")


def test_the_described_form_of_cdnow_has_its_customers_and_labels(tmp_path):
    rng = np.random.default_rng(0)
    rows = 900
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(1, 200, rows),
            "date": pd.date_range("1997-01-01", "1998-06-30")[rng.integers(0, 546, rows)].strftime("%Y%m%d"),
            "number_of_cds": rng.integers(1, 5, rows),
            "dollar_value": np.round(rng.lognormal(3, 1, rows), 2),
        }
    )  # fmt: skip
    (tmp_path / "cdnow").mkdir()
    frame.to_csv(tmp_path / "cdnow" / "CDNOW_master.txt", sep=" ", index=False, header=False)
    official = CDNow().build(tmp_path)
    found = look_at_orders(tmp_path / "cdnow" / "CDNOW_master.txt", tmp_path / "mine.toml")
    names = {p.name: p.role for p in found.proposals}
    assert names == {"column_1": "customer", "column_2": "date", "column_3": "leave out", "column_4": "amount"}
    toml = found.toml.replace('unit = "?"', 'unit = "USD"').replace('cap = "?"', 'cap = "none"')
    toml = toml.replace(f"horizon = {tomllib.loads(found.toml)['window']['horizon']}", "horizon = 365")
    (tmp_path / "mine.toml").write_text(toml)
    mine = described(tmp_path / "mine.toml").build(None)
    old = len(official.rows.label) - official.facts["censored"]
    assert mine.facts["rows"] == old
    # both order customers by id, and the official one keeps those whose year the file does not cover
    start = frame.assign(day=pd.to_datetime(frame.date)).groupby("customer_id").day.min()
    whole = (start + pd.Timedelta(days=365) <= pd.to_datetime(frame.date).max()).to_numpy()
    np.testing.assert_array_equal(mine.rows.label, official.rows.label[whole])


def test_every_column_of_an_order_file_gets_its_role(tmp_path):
    own_logs.orders().to_parquet(tmp_path / "orders.parquet")
    found = look_at_orders(tmp_path / "orders.parquet", tmp_path / "orders.toml")
    roles = {p.name: p.role for p in found.proposals}
    assert roles == {
        "client_id": "customer", "ordered_at": "date", "total": "amount", "pieces": "quantity", "status": "refund",
        "country": "category", "age": "number",
    }  # fmt: skip
    toml = tomllib.loads(found.toml)
    assert toml["columns"]["status"] == {"role": "refund", "is": ["refunded"]}
    assert toml["label"] == {"unit": "?", "cap": "?"}
    filled = found.toml.replace('unit = "?"', 'unit = "EUR"').replace('cap = "?"', "cap = 5000")
    (tmp_path / "orders.toml").write_text(filled)
    assert described(tmp_path / "orders.toml").build(None).schema.unit == "EUR"


def test_an_analyst_sees_refunds_currencies_and_guests(tmp_path):
    frame = own_logs.orders()
    frame["currency"] = np.where(frame.index % 10 == 0, "USD", "EUR")
    frame.loc[frame.index[:5], "client_id"] = pd.NA
    frame.to_csv(tmp_path / "orders.csv", index=False)
    found = look_at_orders(tmp_path / "orders.csv", tmp_path / "orders.toml")
    lines = "\n".join(f"{about}: {text}" for about, text in found.lines)
    assert f"{(frame.status == 'refunded').sum()} rows" in lines
    assert "currency: 2 (currency); keep one by a rule" in lines
    assert "client_id: 5 of" in lines
    assert tomllib.loads(found.toml)["keep"] == [{"column": "client_id"}]


@pytest.mark.parametrize(
    ("change", "changes", "says"),
    [
        (None, [("horizon = 90", 'horizon = "?"')], "fill in [window] horizon (a number of days"),
        (None, [("horizon = 90", "horizon = 0")], "[window] horizon = 0: a number of days"),
        (None, [("horizon = 90", "horizon = 900")], "less than [window] horizon = 900 days after every first purchase"),
        (None, [CALIBRATION, ("horizon = 90", "horizon = 200")], "[window] horizon = 200 is longer; write 122 or less"),
        (None, [('kind = "first purchase"', 'kind = "calibration"')], "needs cut, the last day of the history"),
        (None, [("[window]", "[window]\ncut = 2023-05-01")], 'kind = "first purchase" has no cut'),
        (None, [('unit = "EUR"', 'unit = "?"')], "fill in [label] unit"),
        (None, [('total = "amount"', 'total = "leave out"')], 'what was paid is the "amount", or the "price"'),
        (None, [('client_id = "customer"', 'client_id = "user"')], "has no role 'user'"),
        (lambda f: f.assign(client_id=f.client_id.where(f.index != 6)), [], "column 'client_id' is empty in row 7"),
        (lambda f: f.assign(total=f.total.where(f.index != 6)), [], "column 'total' is empty in row 7"),
        (lambda f: f.assign(total=f.total.mask(f.index == 6, 1e12)), [], "'total' is too large to be true (1e+12)"),
        (
            lambda f: f.assign(country=np.where(f.index < 9, "USD", "EUR")),
            [('country = "category"', 'country = "currency"')],
            "column 'country' has more than one currency (USD, EUR)",
        ),
        (
            lambda f: f.assign(ordered_at=f.ordered_at.dt.strftime("%Y-%m-%d").mask(f.index == 6, "03/04/2023")),
            [('ordered_at = "date"', 'ordered_at = { role = "date", form = "%Y-%m-%d" }')],
            "column 'ordered_at' is '03/04/2023', not a time of the form %Y-%m-%d, in row 7",
        ),
        (
            lambda f: f.assign(ordered_at=f.ordered_at.dt.strftime("%Y-%m-%d")),
            [],
            "column 'ordered_at' is text, whose form the description does not say",
        ),
        (lambda f: f.assign(status="refunded"), [], "no customer has a purchase in the window"),
    ],
)  # fmt: skip
def test_purchases_that_cannot_be_right_are_refused_in_one_line(tmp_path, change, changes, says):
    frame = own_logs.orders()
    with pytest.raises(BadData) as caught:
        build(tmp_path, frame if change is None else change(frame), *changes)
    assert says in str(caught.value) and "\n" not in str(caught.value) and "orders." in str(caught.value)


def test_the_encoder_gives_new_customers_the_tables_ids_and_scales(tmp_path):
    from datasets.described.customers import batch, customers
    from datasets.described.purchases import read_purchases, wanted
    from datasets.tabular.opened import Block

    frame = own_logs.orders()
    path = own_logs.write(tmp_path, frame, own_logs.ORDERS, name="orders")
    dataset = described(path)
    table = dataset.build(None)
    them = customers(read_purchases(dataset.blocks(None, wanted(dataset.it)), dataset.it, tmp_path), dataset.it)
    rows = from_json(bytes(table.encoder)).rows(Block(path, 1, batch(them)))
    np.testing.assert_array_equal(rows.ids, table.rows.ids)
    np.testing.assert_array_equal(rows.numeric, table.rows.numeric)
    assert them.ids.to_pylist() == sorted(them.ids.to_pylist())
