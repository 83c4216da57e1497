"""A look at a table nobody has explained: right roles, right warnings, and a description that holds when filled in."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base import BadData
from datasets.described.dataset import described
from datasets.look.columns import described as column
from datasets.look.dates import form_of
from datasets.look.describe import Looked, look
from datasets.look.sample import sample
from datasets.look.words import words
from datasets.tabular.opened import opened
from tests import own_logs


def seen(folder: Path, frame: pd.DataFrame, name: str = "clicks.parquet", **how: object) -> Looked:
    path = folder / name
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False, **how)
    return look(path, folder / "clicks.toml")


def roles(found: Looked) -> dict[str, str]:
    return {p.name: p.role for p in found.proposals}


def said(found: Looked, about: str) -> str:
    return "\n".join(text for what, text in found.lines if what == about)


EXPECTED = {
    "viewer": "user", "clip": "item", "shown_at": "time", "topics": "list", "clip_ms": "duration", "dwell_ms": "label",
    "device": "category", "age": "number",
}  # fmt: skip


@pytest.mark.parametrize("name", ["clicks.parquet", "clicks.csv", "clicks.csv.gz"])
def test_every_column_of_a_click_log_gets_its_role(tmp_path, name):
    assert roles(seen(tmp_path, own_logs.clicks(), name)) == EXPECTED


def test_the_description_holds_once_units_and_cap_are_filled_in(tmp_path):
    frame = own_logs.clicks()
    frame.loc[3, "clip_ms"] = 0
    (tmp_path / "data").mkdir()
    frame.to_parquet(tmp_path / "data" / "clicks.parquet")
    found = look(tmp_path / "data" / "clicks.parquet", tmp_path / "clicks.toml")
    (tmp_path / "clicks.toml").write_text(found.toml)
    assert found.toml.count('"?"  # FILL IN') == 3
    with pytest.raises(BadData, match=r"fill in \[label\] unit .*, \[label\] cap .*, \[duration\] unit"):
        described(tmp_path / "clicks.toml")
    filled = found.toml.replace('unit = "?"', 'unit = "ms"').replace('cap = "?"', 'cap = "none"')
    (tmp_path / "clicks.toml").write_text(filled)
    table = described(tmp_path / "clicks.toml").build(None)
    assert table.facts["rows"] == len(frame) - 1  # the row without a duration is left out by a rule of its own
    assert tomllib.loads(filled)["split"]["kind"] == "chronological"


def test_what_gives_the_label_away_is_left_out_and_said(tmp_path):
    frame = own_logs.clicks(3000)
    rng = np.random.default_rng(1)
    frame = frame.assign(
        completion=frame.dwell_ms / frame.clip_ms,
        scroll=frame.dwell_ms * rng.uniform(0.8, 1.2, len(frame)),
        seconds=frame.dwell_ms / 1000,
        price=np.where(frame.dwell_ms > 0, rng.uniform(1, 9, len(frame)), 0),
        finished=frame.dwell_ms > frame.clip_ms,
        bonus=np.where(frame.dwell_ms > 9_000, "A", "B"),
        group=rng.choice(["A", "B"], len(frame)),
        harmless=rng.normal(size=len(frame)),
    )
    found = seen(tmp_path, frame)
    got = roles(found)
    assert {name for name in frame if got[name] == "leave out"} == {
        "completion",
        "scroll",
        "seconds",
        "price",
        "finished",
        "bonus",
    }
    warned = said(found, "look at")
    for name in ("completion", "scroll", "seconds", "price", "finished", "bonus"):
        assert f"{name}: gives the label away" in warned
    assert "harmless" not in warned and "group" not in warned and "viewer" not in warned


def test_an_analyst_sees_rows_repeats_zeros_gaps_and_duplicates(tmp_path):
    frame = own_logs.clicks(1000)
    frame.loc[500:, "shown_at"] += pd.Timedelta(days=30)
    frame = pd.concat([frame, frame.head(40)], ignore_index=True)
    found = seen(tmp_path, frame)
    twice = int(frame.assign(topics=frame.topics.map(tuple)).duplicated().sum())
    assert f"1,040, 8 columns; {twice} rows equal an earlier one" in said(found, "rows")
    assert f"{frame.viewer.nunique()} (viewer)" in said(found, "users")
    everything = "\n".join(text for _, text in found.lines)
    assert f"{np.mean(frame.dwell_ms == 0):.1%} are 0" in everything
    assert f"50% {frame.dwell_ms.median():,.6g}" in everything
    above = np.mean(frame.dwell_ms / frame.clip_ms > 1)
    assert f"above 1 in {above:.1%} of rows" in said(found, "duration")
    days = frame.shown_at.dt.floor("D").drop_duplicates().sort_values()
    whole = (days.iloc[-1] - days.iloc[0]).days + 1
    assert f"{whole - len(days)} of {whole} days have no row" in everything


def test_a_file_without_a_header_with_decimal_commas_is_described_as_it_is(tmp_path):
    frame = (
        own_logs.clicks(1000)[["viewer", "clip", "dwell_ms"]]
        .assign(dwell=lambda f: f.dwell_ms / 7)
        .drop(columns="dwell_ms")
    )
    frame.to_csv(tmp_path / "t.txt", sep=";", decimal=",", header=False, index=False)
    found = look(tmp_path / "t.txt", tmp_path / "t.toml")
    assert roles(found) == {"column_1": "user", "column_2": "item", "column_3": "label"}
    assert tomllib.loads(found.toml)["csv"] == {"delimiter": ";", "header": False, "decimal": ",", "encoding": "utf-8"}
    assert all("a guess by its values" in p.reason for p in found.proposals)


def test_five_lines_are_described_and_said_to_be_few(tmp_path):
    (tmp_path / "t.csv").write_text("user,item,watch_s\na,x,3.5\nb,y,4\na,y,0\nc,x,12\nb,x,7\n")
    found = look(tmp_path / "t.csv", tmp_path / "t.toml")
    assert roles(found) == {"user": "user", "item": "item", "watch_s": "label"}
    assert "with so few rows (5)" in "\n".join(text for _, text in found.lines)


def test_odd_columns_are_named_with_the_row(tmp_path):
    frame = own_logs.clicks(500)
    frame = frame.assign(
        nothing=None, same=1, note=[f"a sentence of many words, number {k}, to be read" for k in range(500)]
    )
    frame["dwell_ms"] = frame.dwell_ms.astype(object)
    frame.loc[6, "dwell_ms"], frame.loc[8, "dwell_ms"] = "long", -4
    found = seen(tmp_path, frame, "clicks.csv")
    got = roles(found)
    assert got["dwell_ms"] == "label"
    assert "1 cells are of another kind, the first in is not a number ('long') in row 7" in said(found, "look at")
    assert [got[name] for name in ("nothing", "same", "note")] == ["leave out"] * 3


def test_the_label_may_be_named(tmp_path):
    own_logs.clicks().to_parquet(tmp_path / "t.parquet")
    found = look(tmp_path / "t.parquet", tmp_path / "t.toml", "age")
    assert roles(found)["age"] == "label"
    with pytest.raises(BadData, match="no column 'agee'; it has 'viewer'"):
        look(tmp_path / "t.parquet", tmp_path / "t.toml", "agee")


def test_of_a_large_table_blocks_spread_over_all_of_it_are_looked_at(tmp_path):
    frame = pd.DataFrame({"n": np.arange(100_000)})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=5_000)
    some = sample(opened(tmp_path / "t.parquet"), 8_000)
    rows = some.block.batch["n"].to_numpy()
    assert (some.total, some.complete) == (100_000, False)
    assert 4_000 <= len(rows) <= 16_000 and rows[0] < 10_000 and rows[-1] > 90_000
    assert (np.diff(rows) > 0).all()


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["2024-01-31", "2024-02-01"], "ISO8601"),
        (["2024-01-31 10:00:00.5", "2024-02-01T11:30:00Z"], "ISO8601"),
        (["31/01/2024", "01/02/2024"], "%d/%m/%Y"),
        (["01/31/2024 10:30", "02/01/2024 11:00"], "%m/%d/%Y %H:%M"),
        (["01/02/2024", "03/04/2024"], "?"),
        (["31.01.2024", "01.02.2024"], "%d.%m.%Y"),
        (["31 Jan 2024", "1 Feb 2024"], "%d %b %Y"),
        (["apple", "pear"], None),
        (["12", "13"], None),
    ],
)
def test_the_form_of_times_is_found_out_and_asked_for_where_it_is_not_clear(texts, form):
    assert form_of(texts) == form


def test_a_columns_kind_is_what_its_values_are(tmp_path):
    frame = pd.DataFrame(
        {
            "plain": ["1", "2", ""], "tags": ["1|2", "3", "4|5"], "json": ["[1, 2]", "[]", "[3]"],
            "yes": ["yes", "no", ""],
            "ts": ["1700000000", "1700000100", "1700000200"], "day": ["20240131", "20240201", "20240202"],
            "big": ["1700000000000", "1700000000001", "1700000000002"], "number": ["1700000000", "5", "6"],
        }
    )  # fmt: skip
    frame.to_csv(tmp_path / "t.csv", index=False)
    rows = sample(opened(tmp_path / "t.csv"))
    kinds = {name: column(rows.block, name).kind for name in frame}
    assert kinds == {
        "plain": "whole", "tags": "list", "json": "list", "yes": "yes/no", "ts": "time", "day": "time", "big": "time",
        "number": "whole",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("names", "label", "duration"),
    [
        (("user_id", "video_id", "watch_duration", "video_duration"), "watch_duration", "video_duration"),
        (("uid", "movieId", "viewTimeSec", "runtime_min"), "viewTimeSec", "runtime_min"),
        (("member", "track_uri", "ms_played", "length_ms"), "ms_played", "length_ms"),
        (("user", "item", "play_count", "time spent (s)"), "time spent (s)", ""),
        (("user", "item", "watch_ratio", "play_ms"), "play_ms", ""),
    ],
)
def test_label_and_duration_are_found_by_the_names_that_logs_use(tmp_path, names, label, duration):
    frame = own_logs.clicks(600)
    user, item, *others = names
    made = pd.DataFrame({user: frame.viewer, item: frame["clip"]})
    for name in others:
        values = {"play_count": frame.index % 7, "watch_ratio": frame.dwell_ms / frame.clip_ms}
        made[name] = values.get(name, frame.clip_ms if name == duration else frame.dwell_ms)
    got = roles(seen(tmp_path, made))
    assert (got[user], got[item], got[label]) == ("user", "item", "label")
    assert not duration or got[duration] == "duration"


def test_a_name_is_read_by_its_words():
    assert words("playTimeMs") == words("play_time_ms") == words("Play time (ms)") == ["play", "time", "ms"]
