"""The short form of the torture: `python -m tests.torture` is the long one."""

import random
from pathlib import Path

import pytest

from tests import fake_records
from tests.fake_records import save
from tests.torture import files, kills, mutations, page, raw, security, world
from tests.torture.table import Row, held, shown


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The records of two methods, and a cache that knows the methods."""
    monkeypatch.setenv("CVP_CACHE", str(world.fresh_cache(tmp_path / "cache")))
    for record in (*fake_records.seeds(2), *fake_records.seeds(2, method="wlr")):
        save(tmp_path / "runs", record)
    return tmp_path / "runs"


def test_the_page_has_a_table_for_every_part_that_ran(tmp_path: Path) -> None:
    one, two = Row("a|b"), Row("a|b")
    one.add("whole", held=True)
    two.add("torn", held=False, example="half a record")
    page.keep(tmp_path, "kills", 7, [one.plus(two), Row("c", skipped="no Ray")])
    page.keep(tmp_path, "kills", 7, [Row("c", 3, 3)], some=True)
    text = page.write(tmp_path, tmp_path / "page.md").read_text()
    assert "## Kills" in text and "## Files" not in text and "held; seed 7" in text
    assert "| a/b | 2 | 1 | **failed**: 1 torn, such as half a record; 1 whole |" in text
    assert "| c | 3 | 3 |" in text and "4 of 5 held" in text, (
        "a row that was made again takes the place of the older one"
    )
    assert "skipped: no Ray" in str(Row("c", skipped="no Ray"))


def test_changed_raw_files_are_refused_or_read_as_a_strict_reader_does(tmp_path: Path) -> None:
    rows = raw.torture(tmp_path, 16, 5, names=("kuairand", "cdnow"))
    assert sum(row.tried for row in rows) >= 12
    assert held(rows), shown(rows)


def test_changed_records_are_noticed_or_refused_in_one_line(runs: Path) -> None:
    paths = tuple(sorted(runs.rglob("*.json")))
    verbs = (("status", "--runs", str(runs)),)
    kind = files.Kind("records", paths, verbs, (*mutations.BYTES, *[mutations.structured] * 24))
    row, plain, rng = Row("records"), {}, random.Random(3)
    for _ in range(12):
        files.case(kind, runs, runs.parent / "cache", rng, plain, row)
    assert row.tried >= 10
    assert held([row]), shown([row])


def test_what_cannot_be_is_told_from_what_can(runs: Path) -> None:
    (whole, *_) = (path.read_bytes() for path in sorted(runs.rglob("*.json")))
    known = mutations.json.loads(whole)
    assert not files.impossible(whole, known)
    for at, value in ((("metrics", "test", "mae"), -5.0), (("metrics", "test", "xauc"), 7), (("format",), 99)):
        changed = mutations.json.loads(whole)
        mutations.place(changed, at[:-1])[at[-1]] = value
        assert files.impossible(mutations.json.dumps(changed).encode(), known)


def test_hostile_text_in_records_stays_text(runs: Path) -> None:
    row = security.inject(runs, 4, random.Random(1))
    assert row.tried == 4
    assert held([row]), shown([row])


def test_text_that_breaks_out_of_a_page_is_seen(tmp_path: Path) -> None:
    for text in security.PAYLOADS[:2]:
        (tmp_path / "board.html").write_text(f"<p>{text}</p>")
        (tmp_path / "RESULTS.md").write_text(f"| a |\n|---|\n| {text} |\n")
        (tmp_path / "table.csv").write_text(f"a,{security.FORMULA}\n")
        found = security.outputs(tmp_path, "\x1b]0;zqx", security.Counter())
        assert {"HTML", "Markdown", "CSV", "terminal"} <= set(found)


def test_hostile_archives_write_nothing_outside(tmp_path: Path) -> None:
    row = security.archives(tmp_path / "archives", 99)
    assert row.tried == len(security.hostile(tmp_path))
    assert held([row]), shown([row])


def test_a_killed_run_ends_as_one_left_alone(tmp_path: Path) -> None:
    plan = (*world.RUN, "--executor", "inline", "--only", "mean")
    *_, rows = kills.torture(tmp_path, world.make(tmp_path / "world"), 1, 2, plans={"short": plan}, cold=True)
    assert sum(row.tried for row in rows[:4]) == 1
    assert held(rows), shown(rows)
