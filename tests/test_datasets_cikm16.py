"""CIKM16 against a recomputation with pandas and plain loops, on made-up rows in DIGINETICA's layout."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.train.trainer import Plan, Trainer
from datasets import cikm16
from datasets.base import Dataset, Incomplete, NotAvailable, Table, TooFew
from datasets.cache import columns_of, load
from datasets.cikm16 import Cikm16
from datasets.preparing import fingerprint
from datasets.registry import get
from methods.base import Method
from methods.registry import all_methods
from tests import fixtures
from tests.fixtures import put_cikm16
from tests.ltv_fixtures import complaint

DATA = Path("cikm16")
VIEWS, QUERIES = "train-item-views.csv", "train-queries.csv"


def labelled(frames: dict[str, pd.DataFrame], query: str = "earliest") -> pd.DataFrame:
    """One query of each session that has views, in pandas: before the filter on its duration."""
    key, ascending = {"earliest": ("timeframe", True), "longest": ("duration", False)}[query]
    ordered = frames[QUERIES].sort_values(["sessionId", key], ascending=[True, ascending], kind="stable")
    one = ordered.drop_duplicates("sessionId")
    return one[one["sessionId"].isin(frames[VIEWS]["sessionId"])]


def kept(frames: dict[str, pd.DataFrame], query: str = "earliest") -> pd.DataFrame:
    one = labelled(frames, query)
    return one[one["duration"] < 6000].reset_index(drop=True)


def lists_of(frames: dict[str, pd.DataFrame], rows: pd.DataFrame) -> dict[str, list[list[int]]]:
    """The first ten tokens and the first ten viewed items of each row; [-1] for no tokens."""
    viewed = frames[VIEWS].groupby("sessionId")["itemId"].apply(list)
    texts = rows["searchstring.tokens"].fillna("-1")
    return {
        "token": [[int(t) for t in text.split(",")][:10] for text in texts],
        "item": [viewed[session][:10] for session in rows["sessionId"]],
    }


def test_the_labels_are_seconds_of_the_earliest_or_the_longest_query(tmp_path):
    frames = fixtures.cikm16(tmp_path)
    assert frames[QUERIES].duplicated(["sessionId", "timeframe"]).any(), "ties are there"
    for name in ("earliest", "longest"):
        dataset = get("cikm16" if name == "earliest" else "cikm16@longest")
        table = dataset.build(tmp_path)
        np.testing.assert_allclose(table.rows.label, kept(frames, name)["duration"] / 1000, rtol=1e-6)
        assert table.rows.label.max() < 6
        assert name in dataset.protocol.options["query"]
    assert len(kept(frames)) != len(kept(frames, "longest"))


def test_the_bags_are_the_first_ten_tokens_and_items_fitted_on_training_rows(tmp_path):
    frames = fixtures.cikm16(tmp_path)
    table = Cikm16().build(tmp_path)
    for bag in table.schema.bags:
        lists = lists_of(frames, kept(frames))[bag.name]
        assert max(map(len, lists)) == 10 == bag.length
        seen = sorted({member for row in table.split["train"] for member in lists[row]})
        ids = {member: place + 1 for place, member in enumerate(seen)}
        expected = [[ids.get(m, 0) for m in one] + [0] * (10 - len(one)) for one in lists]
        assert table.rows.bags[bag.name].tolist() == expected
        assert bag.size == len(seen) + 1
        assert table.rows.bags[bag.name].dtype == np.int32
    assert [bag.name for bag in table.schema.bags] == ["token", "item"]
    assert any(one == [-1] for one in lists_of(frames, kept(frames))["token"])


def test_rows_have_no_field_and_no_duration(tmp_path):
    fixtures.cikm16(tmp_path)
    table = Cikm16().build(tmp_path)
    assert table.schema.fields == ()
    assert table.rows.ids.shape == (table.facts["rows"], 0)
    assert not table.schema.has_duration
    assert table.rows.duration is None
    assert table.rows.bucket is None
    sizes = table.facts["split_sizes"]
    assert [round(100 * sizes[part] / len(table.rows)) for part in ("train", "valid", "test")] == [72, 8, 20]


def test_users_are_equal_where_the_files_say_so(tmp_path):
    frames = fixtures.cikm16(tmp_path)
    table = Cikm16().build(tmp_path)
    named = frames[VIEWS].dropna(subset="userId").groupby("sessionId")["userId"].max()
    user = kept(frames)["sessionId"].map(named).astype(float)
    known = user.notna().to_numpy()
    assert 0 < known.sum() < len(known)
    pairs = pd.DataFrame({"id": table.rows.user, "user": user})[known].drop_duplicates()
    assert pairs["id"].is_unique and pairs["user"].is_unique
    alone = table.rows.user[~known]
    assert len(np.unique(alone)) == len(alone)
    assert not np.isin(alone, table.rows.user[known]).any()
    assert table.facts["users"] == user.nunique() + len(alone) == table.rows.user.max() + 1


def test_the_facts_count_what_is_left_out(tmp_path):
    frames = fixtures.cikm16(tmp_path)
    facts = Cikm16().build(tmp_path).facts
    sessions = frames[VIEWS]["sessionId"].nunique()
    assert facts["rows_raw"] == sessions == facts["rows"] + sum(facts["dropped"].values())
    both, rows = labelled(frames), kept(frames)
    assert facts["dropped"] == {"no query": sessions - len(both), "6000 ms or more": len(both) - len(rows)}
    assert all(facts["dropped"].values())
    assert facts["items"] == frames[VIEWS][frames[VIEWS]["sessionId"].isin(rows["sessionId"])]["itemId"].nunique()
    assert facts["slice"] == f"CIKM16, {len(frames[VIEWS]):,} item views and {len(frames[QUERIES]):,} queries"
    fingerprint.canonical(facts)  # plain types only


def test_published_counts_are_of_the_sessions_before_the_filter(tmp_path, monkeypatch):
    frames = fixtures.cikm16(tmp_path)
    monkeypatch.setattr(cikm16, "VIEWS", len(frames[VIEWS]))
    monkeypatch.setattr(cikm16, "QUERIES", len(frames[QUERIES]))
    facts = Cikm16().build(tmp_path).facts
    both = labelled(frames)["sessionId"]
    assert facts["slice"] == "CIKM16, complete"
    assert facts["published"]["sessions"]["found"] == len(both)
    items = frames[VIEWS][frames[VIEWS]["sessionId"].isin(both)]["itemId"].nunique()
    assert facts["published"]["items"] == {"published": "122991", "found": float(items), "agrees": False}


def test_nothing_fitted_knows_the_labels_or_ids_of_other_rows(tmp_path):
    frames = fixtures.cikm16(tmp_path / "one")
    table = Cikm16().build(tmp_path / "one")
    held = kept(frames)["sessionId"].iloc[np.concatenate([table.split["valid"], table.split["test"]])]
    views, queries = frames[VIEWS], frames[QUERIES]
    views.loc[views["sessionId"].isin(held), "itemId"] += 10_000
    other = queries["sessionId"].isin(held)
    queries.loc[other, "searchstring.tokens"] = "77,78"
    queries.loc[other, "duration"] //= 2
    queries.loc[other & (queries["duration"] > 2900), "duration"] = 1  # which rows pass must not move
    for name, frame in frames.items():
        put_cikm16(tmp_path / "two", name, frame)
    moved = Cikm16().build(tmp_path / "two")
    assert moved.schema == table.schema
    train = table.split["train"]
    assert np.array_equal(moved.split["train"], train)
    for name, bag in table.rows.bags.items():
        np.testing.assert_array_equal(moved.rows.bags[name][train], bag[train])
        assert (moved.rows.bags[name][moved.split["test"]] == 0).all()
    np.testing.assert_array_equal(moved.rows.label[train], table.rows.label[train])


def test_the_samples_spelling_makes_the_same_table(tmp_path):
    fixtures.cikm16(tmp_path / "official")
    fixtures.cikm16(tmp_path / "samples", samples=True)
    frames = fixtures.cikm16(tmp_path / "third")
    for name in (VIEWS, QUERIES):
        (tmp_path / "third" / DATA / name).unlink()
        put_cikm16(tmp_path / "third", f"{name}.gz", frames[name])
    tables = [Cikm16().build(tmp_path / which) for which in ("official", "samples", "third")]
    prints = {fingerprint.of_table(t.schema, columns_of(t), Cikm16().protocol) for t in tables}
    assert len(prints) == 1
    (tmp_path / "third" / DATA).rename(tmp_path / "third" / "dataset-train-diginetica")
    assert Cikm16().build(tmp_path / "third").facts["rows"] == tables[0].facts["rows"]


def test_the_table_survives_the_cache(tmp_path):
    fixtures.cikm16(tmp_path)
    built, again = Cikm16().build(tmp_path), load(Cikm16(), tmp_path, tmp_path / "cache")
    assert again.schema == built.schema
    assert again.rows.ids.shape == built.rows.ids.shape
    assert load(Cikm16(), tmp_path, tmp_path / "cache").fingerprint == again.fingerprint


def test_the_order_of_sessions_in_the_files_does_not_matter(tmp_path):
    frames = fixtures.cikm16(tmp_path / "one")
    table = Cikm16().build(tmp_path / "one")
    back = {
        VIEWS: frames[VIEWS].sort_values("sessionId", ascending=False, kind="stable"),
        QUERIES: frames[QUERIES].sort_values("sessionId", ascending=False, kind="stable"),
    }
    for name, frame in back.items():
        put_cikm16(tmp_path / "two", name, frame)
    moved = Cikm16().build(tmp_path / "two")
    np.testing.assert_array_equal(moved.rows.label, table.rows.label)
    for name, bag in table.rows.bags.items():
        np.testing.assert_array_equal(moved.rows.bags[name], bag)


def test_missing_files_are_one_sentence_that_says_where_to_get_them(tmp_path):
    with pytest.raises(NotAvailable, match=r"pass --data DIR"):
        Cikm16().files(None)
    with pytest.raises(NotAvailable, match=r"CIKM Cup 2016.*is not there .*see https://competitions") as caught:
        Cikm16().files(tmp_path)
    assert not isinstance(caught.value, Incomplete)
    fixtures.cikm16(tmp_path)
    (tmp_path / DATA / QUERIES).unlink()
    with pytest.raises(Incomplete, match=r"train-queries.csv\[.gz\] is not there .*train-item-views.csv alone is"):
        Cikm16().files(tmp_path)


def test_a_sample_is_read_whole_and_then_too_few(tmp_path):
    frames = fixtures.cikm16(tmp_path, sessions=30, samples=True)
    with pytest.raises(TooFew, match=r"of 30 sessions have a query that counts: a sample too small to train"):
        Cikm16().build(tmp_path)
    name = "train-queries_33_rows.csv"
    put_cikm16(tmp_path, name, frames[name].assign(sessionId=frames[name]["sessionId"] + 1000))
    with pytest.raises(TooFew, match=r"0 of 30 sessions"):
        get("cikm16@longest").build(tmp_path)


@pytest.mark.parametrize(
    ("name", "column", "value", "words"),
    [
        (VIEWS, "sessionId", "x", "column 'sessionId' is not a whole number ('x') in line 6;"),
        (VIEWS, "sessionId", None, "column 'sessionId' is empty in line 6;"),
        (VIEWS, "itemId", None, "column 'itemId' is empty in line 6;"),
        (VIEWS, "itemId", 1.5, "column 'itemId' is not a whole number ('1.5') in line 6;"),
        (QUERIES, "duration", -3, "column 'duration' is negative (-3) in line 6;"),
        (QUERIES, "duration", None, "column 'duration' is empty in line 6;"),
        (QUERIES, "duration", "NaN", "column 'duration' is empty in line 6;"),
        (QUERIES, "duration", "inf", "column 'duration' is not a finite number (inf) in line 6;"),
        (QUERIES, "timeframe", "soon", "column 'timeframe' is not a number ('soon') in line 6;"),
        (QUERIES, "searchstring.tokens", "12,,13", "is not a list of numbers in line 6 ('12,,13');"),
        (QUERIES, "searchstring.tokens", "12,red", "is not a list of numbers in line 6 ('12,red');"),
    ],
)
def test_a_bad_cell_is_found_with_its_line(tmp_path, name, column, value, words):
    frame = fixtures.cikm16(tmp_path)[name].astype({column: object})
    frame.loc[4, column] = value
    put_cikm16(tmp_path, name, frame)
    complaint(lambda: Cikm16().build(tmp_path), f"{tmp_path / DATA / name}: ", words)


@pytest.mark.parametrize("name", [VIEWS, QUERIES])
def test_damaged_files_are_not_read_in_part(tmp_path, name):
    frame, path = fixtures.cikm16(tmp_path)[name], tmp_path / DATA / name
    put_cikm16(tmp_path, name, frame.head(0))
    complaint(lambda: Cikm16().build(tmp_path), str(path), "a header and no rows")
    put_cikm16(tmp_path, name, frame.drop(columns="sessionId"))
    complaint(lambda: Cikm16().build(tmp_path), str(path), "no column 'sessionId'", "line 1 has '")
    fixtures.write_csv(frame, path)  # commas in place of semicolons
    complaint(lambda: Cikm16().build(tmp_path), str(path), "no column 'sessionId'")
    path.write_text("")
    complaint(lambda: Cikm16().build(tmp_path), str(path), "the file is empty")
    text = put_cikm16(tmp_path, name, frame).read_text()
    path.write_text(text[: text.rindex(";", 0, text.rindex(";"))])  # cut off within the last line
    complaint(lambda: Cikm16().build(tmp_path), str(path), f"expected {len(frame.columns)}")
    path.unlink()
    path = put_cikm16(tmp_path, f"{name}.gz", frame)
    path.write_bytes(path.read_bytes()[:-200])
    complaint(lambda: Cikm16().build(tmp_path), str(path), "truncated or damaged gzip file")


def test_a_unit_that_leaves_nothing_is_an_error(tmp_path):
    queries = fixtures.cikm16(tmp_path)[QUERIES]
    put_cikm16(tmp_path, QUERIES, queries.assign(duration=queries["duration"] * 1000))
    complaint(lambda: Cikm16().build(tmp_path), str(tmp_path / DATA / QUERIES), "milliseconds are expected")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    root = tmp_path_factory.mktemp("data")
    fixtures.cikm16(root)
    return Cikm16().build(root)


@pytest.mark.parametrize("name", ["tr", "tpm", "wlr", "cread", "ordinal"])
def test_methods_train_on_rows_that_are_bags_alone(table: Table, name: str):
    cls = all_methods()[name]
    assert issubclass(cls, Method)
    plan = Plan(batch=32, epochs=1, patience=1)
    configs = [cls.Config(dim=4, hidden=(8,))] * 2
    trainer = Trainer(cls, table.schema, table.view("train"), table.view("valid"), plan, [0, 1], configs)
    trainer.fit()
    assert np.isfinite(trainer.predict(table.view("test"))).all()


def test_methods_that_need_a_duration_say_so(table: Table):
    reasons = {name: cls.supports(table.schema) for name, cls in all_methods().items()}
    assert reasons["tr"] is None
    assert "needs a duration" in str(reasons["d2q"])


@pytest.mark.real
@pytest.mark.skipif("CVP_DATA" not in os.environ, reason="set CVP_DATA to a data root with cikm16")
def test_the_real_samples_go_the_way_of_whole_files():
    root = Path(os.environ["CVP_DATA"])
    dataset: Dataset = Cikm16()
    if "sample" not in dataset.files(root)[0].name:
        pytest.skip("the files are not the samples")
    for one in (dataset, get("cikm16@longest")):
        with pytest.raises(TooFew, match="5 of 2,986 sessions have a query that counts"):
            one.build(root)
