"""A study is carried on: on another processor, after a kill, after a search that moved, or moved and moved back."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from benchmark import ROOT
from benchmark.plan.catalog import Entry, catalog
from benchmark.plan.expected import Expected
from benchmark.records.cell import Cell
from benchmark.records.identity import of_files
from benchmark.records.study import Study, studies
from benchmark.records.trial import Trial, decode, encode
from benchmark.tuning import resume
from benchmark.tuning.proposals import Search, propose
from benchmark.tuning.resume import resumed, serving, strayed
from benchmark.tuning.space import parse
from benchmark.tuning.tuner import Asked, Session, asked
from tests.test_tuning_proposals import DEFAULT, SPACE, history, score, search, trial

STUDY = Study("made-up", "m")


def read_back(trials: Sequence[Trial]) -> list[Trial]:
    return [decode(encode(one)) for one in trials]


def rounded(trials: Sequence[Trial]) -> list[Trial]:
    """The same study as another processor made it: objectives that differ in the last digits, and from the second batch
    on a sampler whose choice that has flipped."""
    near = [replace(one, objective=score(one.config) * (1 + 1e-12)) for one in trials[:8]]
    worst = max(near, key=lambda one: one.objective or 0.0)
    flipped = [replace(one, objective=-1.0) if one == worst else one for one in near]
    return near + [trial(one, score(one.config)) for one in propose(search(), 8, flipped)][: len(trials) - 8]


@pytest.fixture(autouse=True)
def nothing_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code, protocol and data of the made-up method are what they were."""
    monkeypatch.setattr(resume, "stale", lambda study, trials, expected: "")


def test_trials_of_another_processor_are_of_the_same_search() -> None:
    ours, theirs = history(search(), 16), read_back(rounded(history(search(), 16)))
    assert [t.config for t in theirs[8:]] != [t.config for t in ours[8:]], "the toy should flip a choice"
    assert strayed(search(), theirs) is None
    assert serving(STUDY, search(), theirs, Expected({}, {}, {})) == (theirs, "")


@pytest.mark.parametrize("there", [{0, 1, 2, 3, 4}, {2}, {7}, {1, 6}, set(range(8))])
def test_a_batch_killed_half_way_goes_on_around_what_is_there(there: set[int]) -> None:
    """With the trials that would be proposed, as if nothing had been; with others, around those."""
    ours = history(search(), 16)
    theirs = rounded(ours)
    for known, same in ((ours, True), (theirs, False)):
        batch = [t for t in known[8:] if t.number - 8 in there]
        more = propose(search(), 8, ours[:8], batch)
        assert {p.number - 8 for p in more} == set(range(8)) - there
        if same:
            assert [p.config for p in more] == [t.config for t in ours[8:] if t.number - 8 not in there]
        every = [t.config for t in (*ours[:8], *batch)] + [p.config for p in more]
        assert all(every.count(config) == 1 for config in every)


def test_a_finite_space_is_tried_whole_around_what_is_there() -> None:
    wanted = search({"lr": [1e-3, 5e-4, 1e-4], "kind": ["a", "b"]})
    whole = history(wanted, 6)
    moved = [whole[0], *(replace(one, number=7 - one.number - 1) for one in reversed(whole[1:]))]  # another order
    for gap in range(1, 6):
        (rest,) = propose(wanted, 0, [], [t for t in moved if t.number != gap])
        assert rest.number == gap and rest.config == moved[gap].config


def test_a_session_on_another_processor_carries_the_study_on() -> None:
    theirs = rounded(history(search(), 12))
    session = Session(Asked(STUDY, search(), 16), {one.number: one for one in theirs})
    for proposal in (batch := session.batch()):
        session.take(trial(proposal, score(proposal.config)))
    assert [p.number for p in batch] == [12, 13, 14, 15]
    assert session.batch() == [] and session.complete
    assert len({json.dumps(t.config, sort_keys=True) for t in session.history}) == 16


def test_what_moved_is_found() -> None:
    found = history(search(), 20)
    older = [replace(t, sampler={k: v for k, v in t.sampler.items() if k != "space"}) for t in found]
    for known in (found, older):
        assert strayed(search(), []) is None and strayed(search(), read_back(known)) is None
        assert strayed(search(), [t for t in known if t.number != 17]) is None, "killed within a batch"
        assert strayed(search(SPACE | {"lr": [1e-3]}), known) is not None, "a value is gone"
        assert strayed(search({"lr": SPACE["lr"]}), known) == (1, "space"), "fields are gone"
        assert strayed(Search("another/m/tuned", search().space, DEFAULT), known) == (1, "sampler"), "another seed"
        default = DEFAULT | {"dim": 32}
        assert strayed(Search("made-up/m/tuned", parse(SPACE, default), default), known) == (
            0, "default or paper's setting")  # fmt: skip
        assert strayed(search(paper=DEFAULT | {"lr": 5e-4}), known) == (0, "default or paper's setting")
    wider = search(SPACE | {"w": ["log", 1e-3, 100.0]})
    assert strayed(wider, found) == (1, "space"), "though every setting is inside"
    assert strayed(wider, older) is None, "of which an older trial cannot tell"
    tuned = [replace(t, sampler=dict(t.sampler) | {"optuna": "6.0.0"}) for t in found]
    assert strayed(search(), tuned) is None, "a version is a footnote"
    tuned[9] = replace(tuned[9], sampler=dict(tuned[9].sampler) | {"n_ei_candidates": 8})
    assert strayed(search(), tuned) == (9, "sampler")


def test_a_grid_that_moved_is_found() -> None:
    points = tuple({"lr": lr, "bins": bins} for lr in (1e-3, 1e-2) for bins in (20, 50))
    grid = Search("x", (), DEFAULT, grid=points)
    tried = [trial(p, 1.0) for p in propose(grid, 0, [])]
    assert strayed(grid, tried) is None
    assert strayed(Search("x", (), DEFAULT, grid=({"lr": 1e-4, "bins": 20}, *points)), tried) == (0, "grid")
    assert strayed(Search("x", (), DEFAULT, grid=points[:3]), tried) == (3, "grid")


# --- nothing is lost


def written(runs: Path, trials: Sequence[Trial]) -> None:
    for one in trials:
        STUDY.write(runs, one)


def settled(runs: Path, wanted: Search, rerun: str = "") -> tuple[Any, str]:
    found = resumed(STUDY, wanted, runs, Expected({}, {}, {}), rerun)
    found.settle(STUDY, runs)
    return [one.number for one in STUDY.read(runs)], found.why


MOVED = SPACE | {"w": ["log", 1e-3, 1e-2]}


def test_old_trials_stay_until_all_of_them_are_replaced(tmp_path: Path) -> None:
    old, new = history(search(), 16), history(search(MOVED), 16)
    written(tmp_path, old)
    assert settled(tmp_path, search(MOVED)) == ([0], "trial 1 is of another search: its space moved")
    assert STUDY.aside(tmp_path) == old[1:]
    written(tmp_path, new[1:10])
    STUDY.replaced(tmp_path, range(10))
    assert STUDY.aside(tmp_path) == old[1:], "a smaller search replaces no larger one"
    assert settled(tmp_path, search(MOVED)) == (list(range(10)), "")
    written(tmp_path, new[10:])
    STUDY.replaced(tmp_path, range(16))
    assert STUDY.read(tmp_path) == new and STUDY.aside(tmp_path) == []
    assert list(studies(tmp_path)) == [STUDY] and not (STUDY.folder(tmp_path) / "before").exists()


def test_a_search_that_moved_back_has_its_trials_again(tmp_path: Path) -> None:
    old = history(search(), 16)
    written(tmp_path, old)
    settled(tmp_path, search(MOVED))
    written(tmp_path, history(search(MOVED), 5)[1:])
    assert settled(tmp_path, search()) == (list(range(16)), "")
    assert STUDY.read(tmp_path) == old


def test_an_unfinished_search_does_not_push_out_the_older_one(tmp_path: Path) -> None:
    old = history(search(), 16)
    written(tmp_path, old)
    settled(tmp_path, search(MOVED))
    written(tmp_path, history(search(MOVED), 5)[1:])
    settled(tmp_path, search(SPACE | {"lr": [1e-3]}))
    assert STUDY.aside(tmp_path) == old[1:]
    settled(tmp_path, search())
    assert STUDY.read(tmp_path) == old


def test_trials_that_are_asked_for_again_stay_until_then(tmp_path: Path) -> None:
    old = history(search(), 12)
    old[9] = replace(old[9], outcome="failed", objective=None, error="no memory")
    written(tmp_path, old)
    assert settled(tmp_path, search(), "failed") == (list(range(9)), "trial 9 failed")
    assert STUDY.aside(tmp_path) == old[9:]
    assert settled(tmp_path, search(), "all")[0] == []
    assert settled(tmp_path, search())[0] == list(range(12)), "killed before the first new one"
    assert STUDY.read(tmp_path) == old


def test_every_kill_between_two_moves_keeps_every_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """set_aside and restore are made of renames: whichever is the last, each old trial is in one of two places."""
    old = history(search(), 8)
    written(tmp_path, old)
    plain = Path.replace
    for most in range(10):

        def some(path: Path, to: Path, left: list[int] = [most]) -> Path:  # noqa: B006
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return plain(path, to)

        for wanted in (search(MOVED), search()):
            with monkeypatch.context() as patch:
                patch.setattr(Path, "replace", some)
                with contextlib.suppress(KeyboardInterrupt):
                    settled(tmp_path, wanted)
            there = {one.number: one for one in (*STUDY.read(tmp_path), *STUDY.aside(tmp_path))}
            assert [there[number] for number in sorted(there)] == old
        assert settled(tmp_path, search())[0] == list(range(8))


# --- what is committed


@pytest.fixture(scope="module")
def methods() -> Mapping[str, Entry]:
    return catalog()[0]


def test_committed_studies_of_this_code_are_carried_on(methods: Mapping[str, Entry]) -> None:
    """Studies whose space is the one of today: all but those that were searched before spaces became what they are."""
    today = {name: of_files(entry.files()) for name, entry in methods.items()}
    found = {
        study: trials
        for study, trials in studies(ROOT / "reports/runs").items()
        if study.variant == "tuned" and all(trial.identity.code == today[study.method] for trial in trials)
    }
    other = {}
    for study, trials in found.items():
        wanted, _ = asked([Cell(study.dataset, study.method, "default", 0)], methods, budget=len(trials))
        if wanted and (what := strayed(wanted[0].search, trials)):
            other[str(study)] = what
    assert len(found) > 50
    assert set(other) <= {"cdnow/logsun/tuned"}, other  # it was searched with a dropout that its towers do not read
