"""What a study tries: history in, next settings out, and nothing else."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from benchmark.files.errors import UserError
from benchmark.plan.searches import declared, grids
from benchmark.records.cell import Cell
from benchmark.records.record import Identity
from benchmark.records.study import Study
from benchmark.records.trial import Proposal, Trial, decode, encode
from benchmark.tuning.proposals import BATCH, Search, propose
from benchmark.tuning.space import Choices, Range, common, parse, size, structure
from benchmark.tuning.tuner import Asked, Session, asked, stacks

DEFAULT = {"lr": 1e-3, "bins": 50, "w": 0.1, "kind": "a", "dim": 64}
SPACE = {"lr": [1e-3, 5e-4, 1e-4], "bins": [20, 50, 100], "w": ["log", 1e-3, 10.0], "kind": ["a", "b"]}
FINITE = {"lr": [1e-3, 5e-4, 1e-4], "kind": ["a", "b"]}


def search(space: Mapping[str, Any] = SPACE, **more: Any) -> Search:
    return Search("made-up/m/tuned", parse(space, DEFAULT), DEFAULT, **more)


def trial(proposal: Proposal, objective: float | None) -> Trial:
    return Trial(
        dataset="made-up", method="m", variant="tuned", number=proposal.number, proposer=proposal.proposer,
        params=dict(proposal.params), config=dict(proposal.config), protocol={},
        outcome="ok" if objective is not None else "diverged", objective=objective, sampler=dict(proposal.sampler),
        identity=Identity("c0de", {}, "c0f1", "da7a", {}),
    )  # fmt: skip


def score(config: Mapping[str, Any]) -> float:
    return abs(config["lr"] - 5e-4) * 1e3 + abs(config["w"] - 1) + (config["kind"] == "a") + config["bins"] / 100


def history(wanted: Search, count: int, objective: Callable[[Mapping[str, Any]], float | None] = score) -> list[Trial]:
    """The trials of a study that nothing interrupts."""
    found: list[Trial] = []
    while len(found) < count:
        batch = propose(wanted, len(found), found)
        found += [trial(p, objective(p.config)) for p in batch]
        if len(batch) < BATCH:
            break
    return found[:count]


def test_the_same_history_gives_the_same_proposals_and_another_gives_others() -> None:
    found = history(search(), 16)
    read_back = [decode(encode(t)) for t in found]
    assert propose(search(), 16, found) == propose(search(), 16, read_back)
    worse = history(search(), 16, lambda config: -score(config))
    assert [t.config for t in worse[:8]] == [t.config for t in found[:8]], "the first batch has no history"
    assert [t.config for t in worse[8:]] != [t.config for t in found[8:]]


def test_a_batch_looks_at_the_trials_before_it_alone() -> None:
    found = history(search(), 16)
    with pytest.raises(ValueError, match="every trial before it"):
        propose(search(), 8, found[:7])
    with pytest.raises(ValueError, match="every trial before it"):
        propose(search(), 8, found[:9])
    assert [p.config for p in propose(search(), 8, found[:8])] == [t.config for t in found[8:]]


def test_a_larger_budget_begins_with_the_smaller_ones_trials() -> None:
    assert [t.config for t in history(search(), 24)[:11]] == [t.config for t in history(search(), 11)]


def test_the_paper_comes_first_then_ours_and_one_of_them_where_they_are_equal() -> None:
    paper = DEFAULT | {"lr": 5e-4, "dim": 128}
    first = propose(search(paper=paper), 0, [])
    assert [(p.number, p.proposer) for p in first[:3]] == [(0, "paper"), (1, "ours"), (2, "tpe")]
    assert first[0].config == paper and first[1].config == DEFAULT and len(first) == BATCH
    for same in (None, dict(DEFAULT)):
        alone = propose(search(paper=same), 0, [])
        assert [p.proposer for p in alone] == ["ours"] + ["tpe"] * 7


def test_a_setting_outside_of_the_space_is_tried_and_the_search_goes_on() -> None:
    paper = DEFAULT | {"lr": 0.5}
    found = history(search(paper=paper), 16)
    assert found[0].config["lr"] == 0.5 and len(found) == 16


def test_the_number_of_a_setting_that_no_proposal_can_have_is_not_told_of_the_point_beside_it() -> None:
    """A paper's setting with another width says nothing of our width with its rate."""

    def proposed(paper: Mapping[str, Any], value: float) -> list[Any]:
        wanted = search(paper=DEFAULT | paper)
        found = history(wanted, 8)
        found[0] = trial(propose(wanted, 0, [])[0], value)
        return [p.config for p in propose(wanted, 8, found)]

    assert proposed({"lr": 5e-4, "dim": 128}, 0.0) == proposed({"lr": 5e-4, "dim": 128}, 99.0)
    assert proposed({"lr": 5e-4}, 0.0) != proposed({"lr": 5e-4}, 99.0)


def test_a_grid_is_tried_whole_whatever_its_first_settings_come_to() -> None:
    points = tuple({"lr": lr, "bins": bins} for lr in (1.0, 1e-3) for bins in range(8))
    session = Session(Asked(Study("made-up", "m", "tuned-x"), Search("x", (), DEFAULT, grid=points), len(points)))
    for proposal in session.batch():
        session.take(trial(proposal, None))
    assert [p.number for p in session.batch()] == list(range(8, 16))


def test_a_search_starts_from_a_default() -> None:
    with pytest.raises(UserError, match="starts from a method's default"):
        asked([Cell("made-up", "m", "paper", 0)], {}, budget=4)


def test_every_proposal_is_of_the_space_and_none_comes_twice() -> None:
    found = history(search(), 40)
    assert len({str(sorted(t.config.items())) for t in found}) == 40
    for t in found:
        assert t.config["lr"] in SPACE["lr"] and t.config["bins"] in SPACE["bins"] and 1e-3 <= t.config["w"] <= 10
        assert t.config["dim"] == 64 and t.params == {name: t.config[name] for name in SPACE}


def test_a_finite_space_is_tried_whole_and_then_the_study_ends() -> None:
    wanted = search(FINITE)
    found = history(wanted, 100, lambda config: config["lr"])
    settings = {(t.config["lr"], t.config["kind"]) for t in found}
    assert settings == set(itertools.product(FINITE["lr"], FINITE["kind"])) and len(found) == 6 == size(wanted.space)


def test_the_search_finds_better_settings_than_chance() -> None:
    """On a bowl: the best of 32 trials against the mean of what 32 random ones would give."""
    import random

    draw = random.Random(0)

    def setting() -> dict[str, Any]:
        return {n: draw.choice(SPACE[n]) for n in ("lr", "bins", "kind")} | {"w": 10 ** draw.uniform(-3, 1)}

    chance = [min(score(setting()) for _ in range(32)) for _ in range(200)]
    assert min(score(t.config) for t in history(search(), 32)) < sum(chance) / len(chance)


def test_a_diverged_setting_is_kept_away_from() -> None:
    """Where every large w diverges, later trials seldom have one."""
    found = history(search(), 40, lambda config: None if config["w"] > 0.1 else score(config))
    assert any(t.outcome == "diverged" for t in found[:8]), "the toy should diverge at first"
    assert sum(t.outcome == "diverged" for t in found[24:]) < 6, "by chance it would be 8 of 16"


def test_every_argument_of_the_sampler_is_recorded() -> None:
    import inspect

    import optuna

    told = propose(search(), 0, [])[-1].sampler
    assert set(inspect.signature(optuna.samplers.TPESampler).parameters) <= set(told)
    assert told["optuna"] == optuna.__version__
    assert told["seed"] != propose(search(), 8, history(search(), 8))[0].sampler["seed"]


def test_trials_of_one_structure_are_one_stack_in_as_many_pieces_as_keep_the_workers_busy() -> None:
    def proposal(number: int, bins: int) -> Proposal:
        return Proposal(number, "tpe", {}, DEFAULT | {"bins": bins, "lr": 1e-3 * (1 + number)})

    batch = [proposal(k, 20 if k < 5 else 50 if k < 7 else 100) for k in range(8)]
    assert [[p.number for p in s] for s in stacks(batch, 1)] == [[0, 1, 2, 3, 4], [5, 6], [7]]
    assert [[p.number for p in s] for s in stacks(batch, 2)] == [[0, 1, 2], [3, 4], [5, 6], [7]], "two at least"
    assert [len(s) for s in stacks(batch, 2, gradient=False)] == [4, 4], "estimators share nothing"


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({"lrr": [1.0]}, "does not have"),
        ({"lr": []}, "no value"),
        ({"lr": ["log", 0.0, 1.0]}, "no numbers between"),
        ({"w": ["linear", 2.0, 1.0]}, "no numbers between"),
        ({"bins": ["linear", 0.2, 0.8]}, "whose default is whole"),
    ],
)
def test_a_space_that_is_none_is_said(space: Mapping[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(space, DEFAULT)


def test_whole_numbers_stay_whole_and_floats_floats() -> None:
    found = history(search({"bins": ["log", 4, 64], "w": [0, 1]}), 24, lambda config: config["bins"])
    assert all(type(t.config["bins"]) is int and 4 <= t.config["bins"] <= 64 for t in found)
    assert all(type(t.config["w"]) is float for t in found)
    assert len({structure(t.config | {"bins": 4}) for t in found}) == 1, "a 0 of w would be another structure"


def test_weights_that_decay_train_apart_from_those_that_do_not() -> None:
    """With decay a step touches every embedding, so that the optimiser of a stack is another one."""
    decays = [structure(DEFAULT | {"weight_decay": value}) for value in (0.0, 1e-5, 1e-3)]
    assert decays[0] != decays[1] == decays[2]


def test_the_papers_grids_are_the_ones_they_print() -> None:
    """ProWTP, implementation details: lr in {1e-3, 1e-4, 1e-5}, beta from 0 to 0.2 by 0.05, K in {4, 8, ..., 24}."""
    from methods.ltv.optdist import OptDist
    from methods.prowtp.method import ProWTP

    defaults = {"prowtp": vars(ProWTP.Config()), "optdist": vars(OptDist.Config())}
    (points,) = grids("prowtp", defaults).values()
    expected = itertools.product((1e-3, 1e-4, 1e-5), (k / 20 for k in range(5)), range(4, 25, 4))
    assert [tuple(p.values()) for p in points] == [pytest.approx(e) for e in expected] and len(points) == 90
    assert list(points[0]) == ["lr", "beta", "codes"]
    (rates,) = grids("optdist", defaults).values()
    assert [p["lr"] for p in rates] == [5e-4, 1e-3, 1.5e-3, 2e-3, 2.5e-3]
    wanted = Search("x", (), defaults["optdist"], grid=rates)
    assert [p.proposer for p in propose(wanted, 0, [])] == ["grid"] * 5


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ('name = "x"\nmethod = "mm"\ngrid = { lr = [1.0] }', "no method named"),
        ('name = "x"\nmethod = "m"\ngrid = { lrr = [1.0] }', "did you mean 'lr'"),
        ('name = "x"\nmethod = "m"\ngrid = { lr = ["1"] }', "not a float"),
        ('name = "x"\nmethod = "m"\ngrid = { lr = [] }', "name, method and grid"),
        ('name = "y"\nmethod = "m"\ngrid = { lr = [1.0] }', "no search named"),
    ],
)
def test_what_is_wrong_with_a_search_is_said(tmp_path: Any, block: str, says: str) -> None:
    (tmp_path / "mine.toml").write_text(f"[[search]]\n{block}\n")
    with pytest.raises(UserError, match=says):
        grids("x", {"m": DEFAULT}, tmp_path)


def test_the_suites_searches_can_be_read() -> None:
    assert {one.name for _, one in declared()} >= {"prowtp", "optdist"}


def test_what_networks_share_is_searched_alike() -> None:
    default = {"lr": 1e-3, "dropout": 0.2, "bins": 50}
    found = {d.field: d for d in parse(common({"lr": (1e-3, 1e-4), "bins": (20, 50)}, default), default)}
    assert {"lr", "dropout", "bins"} == set(found)
    assert found["lr"] == Range("lr", 1e-4, 1e-2, log=True, whole=False)
    assert found["bins"] == Choices("bins", (20, 50))
    assert set(common({"lr": (1e-3,)}, {"lr": 1e-3})) == {"lr"}, "without dropout there is none to tune"
    assert set(common({"bins": (20,)}, {"bins": 50, "lr": 1e-3, "dropout": None})) == {"bins", "lr"}
    assert common({}, default) == {}, "an empty space asks for no search"
