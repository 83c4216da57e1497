"""`run --tune` as a user meets it, on a copy of the sources with methods made for it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tuning_world import Session, World

SUITE = ("--suite", "made_up")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVP_CACHE", str(tmp_path_factory.mktemp("cache")))
        made = World(tmp_path_factory.mktemp("world"))
        made.run("list")  # what each method says of itself is then in the cache
        yield made


@pytest.fixture(scope="module")
def session(world: World) -> Any:
    with world.session() as session:
        yield session


def trials(runs: Path, study: str) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in sorted(runs.joinpath(study, "trials").glob("*.json"))]
    assert [t["number"] for t in found] == list(range(len(found)))
    return found


def told(found: Any) -> Any:
    """Trials and records without what the day decides."""
    loose = ("seconds", "together", "finished", "cost", "command")
    if isinstance(found, dict):
        return {k: told(v) for k, v in found.items() if k not in loose}
    return [told(v) for v in found] if isinstance(found, list) else found


def pages(runs: Path) -> str:
    """RESULTS.md and the pages that it leads to."""
    return "\n".join(path.read_text() for path in (runs / "RESULTS.md", *sorted((runs / "pages").glob("*.md"))))


def everything(runs: Path) -> dict[str, Any]:
    return {str(p.relative_to(runs)): told(json.loads(p.read_text())) for p in runs.rglob("[0-9]*.json")}


@pytest.mark.slow
def test_a_study_killed_again_and_again_ends_like_an_uninterrupted_one(
    world: World, session: Session, tmp_path: Path
) -> None:
    """kill -9 three times: before anything, and whenever something new was written. The same trials, the same choice,
    the same cells."""
    arguments = ("run", *SUITE, "--only", "tiny/default", "--tune", "19", "--workers", "2", "--runs")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    landed = 0
    for count in range(3):
        process, there = world.start(*arguments, str(killed)), len(everything(killed))
        until = time.monotonic() + 300
        while time.monotonic() < until and process.poll() is None:
            if len(everything(killed)) > there if count else (killed / ".lock").exists():
                break
            time.sleep(0.05)
        landed += process.poll() is None
        process.kill()
        process.wait()
    assert landed >= 2
    world.run(*arguments, str(killed))
    session.run(*arguments, str(whole))  # in one process, for it does not matter where a trial is tried
    assert everything(killed) == everything(whole)
    found = trials(whole, "synthetic/tiny/tuned")
    assert len(found) == 19 and [t["proposer"] for t in found[:3]] == ["paper", "ours", "tpe"]
    assert len({json.dumps(t["config"], sort_keys=True) for t in found}) == 19
    (record, _) = (json.loads(p.read_text()) for p in sorted((whole / "synthetic/tiny/tuned").glob("*.json")))
    chosen = min(found, key=lambda t: (t["objective"], t["number"]))
    assert record["config"] == chosen["config"] and record["seed"] == 0
    where = record["tuned"]
    assert (where["study"], where["trial"], where["trials"]) == ("synthetic/tiny/tuned", chosen["number"], 19)
    assert where["seconds"] == pytest.approx(sum(t["seconds"] for t in found), abs=0.1)
    assert min(record["curve"]["valid"]) == pytest.approx(chosen["objective"], rel=1e-5), "a trial is a cell of seed 0"
    assert "Untuned and tuned" in pages(whole)
    assert "nothing to run" in session.run(*arguments, str(whole)), "what is there is not run again"
    _more_trials_continue_the_study(session, whole, found)
    _changed_code_starts_it_again(world, whole)


def _more_trials_continue_the_study(session: Session, runs: Path, before: list[dict[str, Any]]) -> None:
    said = session.run("plan", *SUITE, "--only", "tiny/default", "--tune", "21", "--runs", str(runs))
    assert "2 of 21 trials to run" in said
    session.run("run", *SUITE, "--only", "tiny/default", "--tune", "21", "--runs", str(runs))
    assert told(trials(runs, "synthetic/tiny/tuned")[:19]) == told(before)


def _changed_code_starts_it_again(world: World, runs: Path) -> None:
    """A method that is edited half-way: its trials are refused everywhere, and are not mixed with new ones."""
    text = world.methods.read_text()
    try:
        world.methods.write_text(text.replace('"""A small TR."""', '"""A small TR, edited."""'))
        with world.session() as session:
            said = session.run("status", "--runs", str(runs))
            assert "stale: code moved: methods/made_up.py" in said
            assert "its study is stale" in said
            said = session.run("plan", *SUITE, "--only", "tiny/default", "--tune", "3", "--runs", str(runs))
            assert "3 of 3 trials to run (21 of its 21 again: code moved: methods/made_up.py)" in said
            session.run("report", "--runs", str(runs))
            assert "synthetic/tiny/tuned is refused" in pages(runs)
            said = session.run("run", *SUITE, "--only", "tiny/default", "--tune", "3", "--runs", str(runs))
            assert "21 of its 21 trials are made again: code moved: methods/made_up.py" in said
            assert len(trials(runs, "synthetic/tiny/tuned")) == 3
    finally:
        world.methods.write_text(text)
    said = world.run("plan", *SUITE, "--only", "tiny/default", "--tune", "21", "--runs", str(runs))
    assert "0 of 21 trials to run" in said, "the older trials are kept until 21 new ones are there"


def test_what_cannot_be_tuned_is_one_clear_line_and_stops_nothing_else(
    world: World, session: Session, tmp_path: Path
) -> None:
    only = "shift/default,picky/default,hopeless/default,spaceless/default,muddled/default"
    arguments = ("run", *SUITE, "--only", only, "--tune", "9", "--workers", "1", "--runs", str(tmp_path))
    said = world.run(*arguments, code=1)  # a method's cells have failed
    assert "spaceless: nothing to tune: its space is empty" in said
    assert "muddled: cannot be tuned: its space tunes 'bye', which its Config does not have" in said
    assert [t["outcome"] for t in trials(tmp_path, "synthetic/shift/tuned")] == ["ok"] * 3, "all its settings"
    assert "every setting of its space is tried: 3" in said
    picky = trials(tmp_path, "synthetic/picky/tuned")
    assert [t["outcome"] for t in picky] == ["ok", "failed", "failed"]
    assert "by is 0, and nothing else" in picky[1]["error"]
    assert [t["outcome"] for t in trials(tmp_path, "synthetic/hopeless/tuned")] == ["failed"] * 3
    assert "no hope" in said and not list((tmp_path / "synthetic/hopeless/tuned").glob("*.json"))
    tuned = {p.parts[-3] for p in tmp_path.glob("*/*/tuned/*.json")}
    assert tuned == {"shift", "picky"}
    said = session.run("status", "--runs", str(tmp_path))
    assert "synthetic/picky/tuned/trials" in said and "3 trials (1 ok, 2 failed), best mae" in said
    assert "synthetic/hopeless/tuned/trials" in said and "3 trials (3 failed)" in said
    page = pages(tmp_path)
    assert "none: `RuntimeError: no hope" in page


def test_a_named_search_tries_its_grid(session: Session, tmp_path: Path) -> None:
    arguments = ("run", *SUITE, "--only", "tiny/default", "--search", "rates", "--runs", str(tmp_path))
    session.run(*arguments)
    found = trials(tmp_path, "synthetic/tiny/tuned-rates")
    assert [(t["params"]["lr"], t["params"]["dim"]) for t in found] == [(1e-3, 2), (1e-3, 3), (1e-2, 2), (1e-2, 3)]
    assert {t["proposer"] for t in found} == {"grid"}
    assert len(list((tmp_path / "synthetic/tiny/tuned-rates").glob("*.json"))) == 2
    assert "(grid rates)" in pages(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--tune", "0"], "'0' is not a whole number from 1"),
        (["--tune", "-3"], "'-3' is not a whole number from 1"),
        (["--tune", "4", "--search", "rates"], "leave --tune away"),
        (["--search", "rats"], "did you mean 'rates'"),
        (["--search", "rates", "--only", "shift"], "--search rates is of tiny"),
        (["--tune", "4", "--rerun", "bogus"], "--rerun takes missing, stale, failed, unpredicted, all, not 'bogus'"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_code_2(
    session: Session, tmp_path: Path, arguments: list[str], says: str
) -> None:
    said = session.run("run", *SUITE, "--runs", str(tmp_path / "runs"), *arguments, code=2)
    assert says in said.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


def test_failed_trials_are_made_again_when_asked_for(session: Session, tmp_path: Path) -> None:
    arguments = ("--only", "picky/default", "--tune", "3", "--runs", str(tmp_path))
    folder = tmp_path / "synthetic/picky/tuned/trials"

    def written() -> list[int]:
        return [path.stat().st_mtime_ns for path in sorted(folder.glob("*.json"))]

    session.run("run", *SUITE, *arguments)
    before, then = trials(tmp_path, "synthetic/picky/tuned"), written()
    said = session.run("run", *SUITE, *arguments, "--rerun", "failed")
    assert "2 of its 3 trials are made again: trial 1 failed" in said
    after, now = trials(tmp_path, "synthetic/picky/tuned"), written()
    assert told(before) == told(after)
    assert [a == b for a, b in zip(then, now, strict=True)] == [True, False, False]
    assert "0 of 3 trials to run" in session.run("plan", *SUITE, *arguments)


def test_a_trial_under_another_name(session: Session, tmp_path: Path) -> None:
    arguments = ("run", *SUITE, "--only", "shift/default", "--tune", "2", "--runs", str(tmp_path))
    session.run(*arguments)
    folder = tmp_path / "synthetic/shift/tuned/trials"
    copy = folder / "000 (copy).json"
    copy.write_bytes((folder / "000.json").read_bytes())
    said = session.run(*arguments, code=2)
    assert f"{copy} holds trial 0 of synthetic/shift/tuned: delete it or move it back" in " ".join(said.split())


def test_a_choice_that_is_gone_stops_nothing_else(world: World, tmp_path: Path) -> None:
    """As where a method is edited between the end of its search and its cells."""
    code = """
from pathlib import Path
from rich.console import Console
from benchmark.plan.catalog import catalog
from benchmark.records.cell import Cell
from benchmark.execute.engine import Options
from benchmark.execute.runner import Runner
from benchmark.records.store import Store
import sys
runner = Runner(catalog()[0], Store(Path(sys.argv[1])), Options(executor="inline"), Console())
runner.run([Cell("synthetic", "shift", variant, 0) for variant in ("default", "tuned")])
"""
    said = world.python(code, str(tmp_path))
    assert "synthetic/shift/tuned is left out: its study is gone; run again" in " ".join(said.split())
    assert [p.parts[-2] for p in tmp_path.glob("synthetic/shift/*/0.json")] == ["default"]


def test_a_trial_that_is_no_json(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "synthetic/shift/tuned/trials/000.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"torn": ')
    said = session.run("run", *SUITE, "--only", "shift/default", "--tune", "2", "--runs", str(tmp_path), code=2)
    assert f"{path} is not a trial" in said and "delete it" in said
