"""A described table: the same rows, labels and ids as pandas makes of it, and one line for what cannot be right."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets import cache
from datasets.base import BadData, NotAvailable, Table
from datasets.described.dataset import described
from datasets.described.encoder import from_json
from datasets.described.splits import by_time, by_user
from datasets.kuairand import KuaiRand
from datasets.preparing import encode
from datasets.tabular import opened
from tests import fixtures, own_logs


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))


def build(folder: Path, frame: pd.DataFrame, *changes: tuple[str, str], toml: str = own_logs.FILLED) -> Table:
    for old, new in changes:
        assert old in toml
        toml = toml.replace(old, new)
    return described(own_logs.write(folder, frame, toml)).build(None)


def ids_by_pandas(column: pd.Series, train: np.ndarray) -> np.ndarray:
    """1 + the place among the training rows' values, empty cells first; 0 for others."""
    known = sorted(column.iloc[train].dropna().unique())
    missing = bool(column.iloc[train].isna().any())
    ids = {value: place + 1 + missing for place, value in enumerate(known)}
    return np.array([(1 if missing else 0) if pd.isna(v) else ids.get(v, 0) for v in column])


def test_a_described_log_has_the_rows_labels_and_ids_that_pandas_makes_of_it(tmp_path):
    frame = own_logs.clicks()
    table = build(tmp_path, frame)
    train, rows = table.split["train"], table.rows
    np.testing.assert_array_equal(rows.label, (frame.dwell_ms.clip(upper=60_000) / 1000).astype(np.float32))
    np.testing.assert_array_equal(rows.duration, (frame.clip_ms / 1000).astype(np.float32))
    assert [f.name for f in table.schema.fields] == ["user_id", "item_id", "device", "duration_level"]
    for place, name in enumerate(("viewer", "clip", "device")):
        np.testing.assert_array_equal(rows.ids[:, place], ids_by_pandas(frame[name], train))
    np.testing.assert_array_equal(rows.user, frame.viewer.rank(method="dense").astype(int) - 1)
    seen = frame.age.iloc[train]
    np.testing.assert_allclose(
        rows.numeric[:, 0], ((frame.age - seen.mean()) / seen.std(ddof=0)).fillna(0), rtol=1e-6, atol=1e-6
    )
    first = [list(topics[:3]) for topics in frame.topics]
    known = sorted({topic for row in train for topic in first[row]})
    expected = [[known.index(t) + 1 if t in known else 0 for t in topics] + [0] * (3 - len(topics)) for topics in first]
    np.testing.assert_array_equal(rows.bags["topics"], expected)
    assert table.facts["users"] == frame.viewer.nunique() and table.facts["items"] == frame["clip"].nunique()
    assert table.facts["capped"] == (frame.dwell_ms > 60_000).sum()


def test_the_described_form_of_kuairand_is_kuairand(tmp_path):
    """Rows, labels, ids, users, buckets and split, random and by time, of the official files joined beforehand."""
    files = fixtures.kuairand(tmp_path, rows=2000)
    frame = next(f for name, f in files.items() if name.startswith("log"))
    frame = frame.merge(files["video_features_basic_pure.csv"][["video_id", "author_id", "music_id"]], how="left")
    frame = frame.merge(files["user_features_pure.csv"][["user_id", "user_active_degree"]], how="left")
    frame.to_csv(tmp_path / "joined.csv", index=False)
    frame.to_parquet(tmp_path / "joined.parquet")
    toml = """
        name = "mine"
        files = "joined.parquet"
        [columns]
        user_id = "user"
        video_id = "item"
        tab = "category"
        music_id = "category"
        author_id = "category"
        user_active_degree = "category"
        time_ms = "time"
        play_time_ms = "label"
        duration_ms = "duration"
        [label]
        unit = "ms"
        cap = "none"
        [duration]
        unit = "ms"
        [[keep]]
        column = "play_time_ms"
        above = 0
        [[keep]]
        column = "duration_ms"
        above = 4500
        to = 400500
    """
    for chronological in (False, True):
        official = KuaiRand(chronological=chronological).build(tmp_path)
        for kind in ("parquet", "csv"):
            text = toml.replace("joined.parquet", f"joined.{kind}")
            text += '[split]\nkind = "chronological"\n' if chronological else ""
            (tmp_path / "mine.toml").write_text(text)
            mine = described(tmp_path / "mine.toml").build(None)
            for name in ("ids", "label", "duration", "bucket", "user"):
                np.testing.assert_array_equal(getattr(mine.rows, name), getattr(official.rows, name))
            for part, rows in official.split.items():
                np.testing.assert_array_equal(mine.split[part], rows)
            assert [f.size for f in mine.schema.fields] == [f.size for f in official.schema.fields]


def test_it_is_kept_and_opened_like_any_other_dataset(tmp_path):
    path = own_logs.write(tmp_path, own_logs.clicks())
    first = cache.load(described(path), None)
    again = cache.load(described(path), None)
    assert first.fingerprint == again.fingerprint
    np.testing.assert_array_equal(first.encoder, again.encoder)
    path.write_text(own_logs.FILLED.replace("cap = 60000", 'cap = "none"'))
    assert cache.load(described(path), None).fingerprint != first.fingerprint


@pytest.mark.parametrize("group", [97, 10_000])
def test_how_many_rows_are_read_at_a_time_changes_nothing(tmp_path, monkeypatch, group):
    path = own_logs.write(tmp_path, (frame := own_logs.clicks()))
    at_once = described(path).build(None)
    frame.to_parquet(tmp_path / "clicks.parquet", row_group_size=group)
    monkeypatch.setattr(opened, "ROWS", 61)
    in_parts = described(path).build(None)
    for one, other in zip(cache.columns_of(at_once).items(), cache.columns_of(in_parts).items(), strict=True):
        assert one[0] == other[0]
        np.testing.assert_array_equal(one[1], other[1])
    assert (at_once.schema, at_once.facts) == (in_parts.schema, in_parts.facts)


def test_new_rows_get_the_ids_and_scales_of_the_table(tmp_path):
    frame = own_logs.clicks()
    path = own_logs.write(tmp_path, frame)
    dataset = described(path)
    table = dataset.build(None)
    encoder = from_json(bytes(table.encoder))
    (block,) = dataset.blocks(None, encoder.columns)
    rows = encoder.rows(block)
    for name in ("ids", "numeric", "duration", "bucket"):
        np.testing.assert_array_equal(getattr(rows, name), getattr(table.rows, name))
    np.testing.assert_array_equal(rows.bags["topics"], table.rows.bags["topics"])
    as_text = frame.assign(viewer=frame.viewer.astype(str))
    as_text.to_parquet(tmp_path / "clicks.parquet")
    (block,) = described(path).blocks(None, encoder.columns)
    np.testing.assert_array_equal(encoder.rows(block).ids, table.rows.ids)


def test_labels_and_ids_of_test_rows_move_nothing_that_is_fitted(tmp_path):
    frame = own_logs.clicks()
    table = build(tmp_path, frame)
    rest = np.concatenate([table.split["valid"], table.split["test"]])
    frame.loc[rest, ["dwell_ms", "viewer", "age", "clip_ms"]] += 7_777
    frame.loc[rest, "device"] = "new"
    moved = build(tmp_path, frame)
    train = table.split["train"]
    np.testing.assert_array_equal(moved.split["train"], train)
    assert bytes(moved.encoder) == bytes(table.encoder)
    for name in ("ids", "label", "numeric", "bucket"):
        np.testing.assert_array_equal(getattr(moved.rows, name)[train], getattr(table.rows, name)[train])


def test_the_split_by_time_is_that_of_a_sorted_log():
    rng = np.random.default_rng(0)
    for shares in ((6, 2, 2), (1, 1, 8), (0.9, 0.05, 0.05)):
        for span in (3, 50, 10**9):
            time = rng.integers(0, span, 999)
            ours, theirs = by_time(time, shares), encode.chronological_split(time, shares)
            for part in theirs:
                np.testing.assert_array_equal(ours[part], theirs[part])


def test_a_split_by_user_keeps_every_user_in_one_part():
    user = np.random.default_rng(0).integers(0, 50, 2000)
    split = by_user(user, 50, (6, 2, 2), seed=1)
    parts = [set(user[rows]) for rows in split.values()]
    assert [len(part) for part in parts] == [30, 10, 10]
    assert len(set.union(*parts)) == 50
    assert sum(map(len, split.values())) == 2000


def test_rows_are_kept_by_rule_and_those_that_go_are_counted(tmp_path):
    frame = own_logs.clicks()
    rules = "".join(
        f"[[keep]]\n{rule}\n"
        for rule in ('column = "device"', 'column = "device"\nis_not = ["web"]', 'column = "age"\nfrom = 18')
    )
    table = build(tmp_path, frame, ("[training]", rules + "[training]"))
    there = frame.device.notna()
    mobile = there & (frame.device != "web")
    assert table.facts["rows"] == int((mobile & (frame.age >= 18)).sum())
    assert table.facts["dropped"] == {
        "device not empty": int((~there).sum()),
        "device is not one of 1": int((there & ~mobile).sum()),
        "age from 18": int((mobile & ~(frame.age >= 18)).sum()),
    }


def test_records_could_say_all_of_a_tables_facts_and_protocol_and_no_id(tmp_path):
    frame = own_logs.clicks()
    rule = f'[[keep]]\ncolumn = "viewer"\nis_not = [{frame.viewer[0]}]\n'
    path = own_logs.write(tmp_path, frame, own_logs.FILLED + rule)
    dataset = described(path)
    said = json.dumps([dict(dataset.build(None).facts), dict(dataset.protocol.options)], default=str)
    for column in ("viewer", "clip"):
        assert not [value for value in frame[column].unique() if str(value) in said]
    other = described(own_logs.write(tmp_path, frame, own_logs.FILLED + rule.replace(str(frame.viewer[0]), "12")))
    assert other.protocol.options != dataset.protocol.options


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('unit = "ms"\ncap', 'unit = "?"\ncap', 'fill in [label] unit (as "s", "ms"'),
        ("cap = 60000", 'cap = "?"', 'fill in [label] cap ("none", or a value'),
        ("cap = 60000", "cap = -1", "[label] cap = -1"),
        ('[duration]\nunit = "ms"', '[duration]\nunit = "?"', "fill in [duration] unit"),
        ('[duration]\nunit = "ms"', '[duration]\nunit = "EUR"', "[duration] unit 'EUR' is no unit of time"),
        ('[duration]\nunit = "ms"', "", "[duration] is missing"),
        ('viewer = "user"', 'viewer = "usr"', "'viewer' has no role 'usr'; did you mean 'user'?"),
        ('viewer = "user"', 'viewer = "?"', "fill in [columns] viewer (one of user, item"),
        ('clip = "item"', 'clip = "user"', "'viewer' and 'clip' are both the user; choose one"),
        ('dwell_ms = "label"', 'dwell_ms = "number"', 'no column is the "label"'),
        ('name = "clicks"', 'name = "My Clicks"', "name 'My Clicks': use small letters, digits"),
        ('name = "clicks"', 'nome = "clicks"', "unknown field 'nome'"),
        ('name = "clicks"', "name = clicks", "is not TOML"),
        ("batch = 128", "batch = 0", "[training] batch"),
        ("[training]", '[split]\nkind = "sideways"\n[training]', "split.kind: Invalid enum value 'sideways'"),
        ("[training]", "[split]\nshares = [1, 0, 1]\n[training]", "[split] shares"),
        ('shown_at = "time"', 'shown_at = "leave out"', ""),
        ("[training]", '[[keep]]\ncolumn = "nope"\n[training]', "no column 'nope', which clicks.toml names; it has"),
        ('viewer = "user"', 'watcher = "user"', "no column 'watcher'"),
        ('files = "clicks.parquet"', 'files = "gone.parquet"', "no such file or folder"),
    ],
)
def test_a_description_that_cannot_hold_is_refused_in_one_line(tmp_path, old, new, says):
    if not says:  # the time is needed by a split by time alone
        build(tmp_path, own_logs.clicks(), (old, new))
        return
    with pytest.raises((BadData, NotAvailable)) as caught:
        build(tmp_path, own_logs.clicks(), (old, new))
    assert says in str(caught.value) and "\n" not in str(caught.value)


def _set(column: str, value: object):
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        changed = frame.astype({column: object})
        changed.loc[6, column] = value
        return changed.assign(**{column: pd.Series(changed[column].tolist())})

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_set("dwell_ms", -3), "column 'dwell_ms' is too small (-3) in row 7"),
        (_set("dwell_ms", np.inf), "column 'dwell_ms' is infinite in row 7"),
        (_set("dwell_ms", np.nan), "column 'dwell_ms' is empty in row 7"),
        (_set("dwell_ms", 1e30), "column 'dwell_ms' is too large (1e+30) in row 7"),
        (_set("clip_ms", 0), "column 'clip_ms' is too small (0) in row 7"),
        (
            lambda f: f.assign(dwell_ms=f.dwell_ms.astype(str).where(f.index != 6, "long")),
            "is not a number ('long') in row 7",
        ),
        (lambda f: f.assign(dwell_ms=5), "the label is 0.005 in all 1,200 rows: there is nothing to predict"),
        (lambda f: f.assign(dwell_ms=0), "the label is zero in all 1,200 rows"),
        (lambda f: f.assign(dwell_ms=np.nan), "column 'dwell_ms' is empty in row 1"),
        (lambda f: f.head(5), "5 of 5 rows are left, too few to train and compare on"),
        (lambda f: f.assign(viewer=f.viewer.astype(float)), "an id that a decimal cannot hold exactly"),
        (lambda f: f.assign(topics=f.age), "column 'topics' is of type double, no list"),
        (lambda f: f.assign(age=None), "column 'age' is empty in every row that is left; give it the role"),
        (lambda f: f.assign(viewer=None), "column 'viewer' is empty in every row that is left"),
        (lambda f: f.drop(columns="age"), "no column 'age', which clicks.toml names"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused_by_file_column_and_row(tmp_path, change, says):
    with pytest.raises(BadData) as caught:
        build(tmp_path, change(own_logs.clicks()))
    assert says in str(caught.value) and "clicks.parquet" in str(caught.value) and "\n" not in str(caught.value)
    assert not list(tmp_path.glob("cache/tables/*"))


def test_times_as_text_need_their_form_and_hold_to_it(tmp_path):
    frame = own_logs.clicks()
    by_stamp = build(tmp_path, frame, ("[training]", '[split]\nkind = "chronological"\n[training]'))
    text = frame.assign(shown_at=frame.shown_at.dt.strftime("%d/%m/%Y %H:%M:%S"))
    split = ("[training]", '[split]\nkind = "chronological"\n[training]')
    form = ('shown_at = "time"', 'shown_at = { role = "time", form = "%d/%m/%Y %H:%M:%S" }')
    table = build(tmp_path, text, split, form)
    for part in table.split:
        np.testing.assert_array_equal(table.split[part], by_stamp.split[part])
    with pytest.raises(BadData, match=re.escape("is '2024-03-09', not a time of the form %d/%m/%Y %H:%M:%S, in row 7")):
        build(tmp_path, _set("shown_at", "2024-03-09")(text), split, form)
    with pytest.raises(BadData, match=r"fill in \[columns\] shown_at form"):
        build(tmp_path, text, split, ('shown_at = "time"', 'shown_at = { role = "time", form = "?" }'))
