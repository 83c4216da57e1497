"""Ideas in worlds made for them: what works, from how many rows on, and what is said of one that never does."""

from pathlib import Path

from msgspec.structs import replace
from scipy.stats import false_discovery_control

from benchmark.plan.catalog import catalog
from benchmark.plan.suite import cells, load
from benchmark.records.estimand import Estimand
from benchmark.records.record import Curve
from datasets import registry
from reports.evidence.stats import LEVEL, holm
from reports.model.board import Board
from reports.model.controls import controls, worlds
from reports.model.folder import Folder
from reports.model.front import row
from reports.render import write
from reports.sections.controls.page import section
from reports.sections.controls.trial import _trials, trials
from reports.sections.findings.controls import controls as finding
from tests.fake_records import record, save
from tests.pages import rows as shown

IDEA = next(idea for idea in controls().ideas if idea.row == "d2q" and idea.holds == "controls-duration")
ROWS = dict(zip(("@1k", "@2k", "@5k", ""), (1_000, 2_000, 5_000, 20_000), strict=True))


def some(world: str, name: str, sizes: dict[str, float], noise: float = 0.01, count: int = 5):
    """Records of one row, with a MAE for each size."""
    method, variant = row(name)
    return [
        record(world + size, method, variant, seed, mae=mae, noise=noise, curve=Curve([1.0, 2.0], [1.0, 1.0], 1, True),
               facts={"slice": "a control world", "files": [], "split_sizes": {"train": ROWS[size]}})
        for size, mae in sizes.items()
        for seed in range(count)
    ]  # fmt: skip


def board(
    mine: dict[str, float], without: dict[str, float], *, rival: float = 9.0, fails: tuple[float, ...] = ()
) -> Board:
    found = some(IDEA.holds, IDEA.row, mine) + some(IDEA.holds, IDEA.ablation, without)
    found += some(IDEA.holds, IDEA.rivals[0], dict.fromkeys(mine, rival))
    for name, mae in zip((IDEA.row, IDEA.ablation), fails, strict=False):
        found += some(IDEA.fails, name, {"": mae})
    return Board(found)


def by_mae(board: Board):
    return next(t for t in trials(board) if t.idea == IDEA and t.metric == "mae")


def test_every_name_is_one_of_the_suite() -> None:
    planned = {(c.dataset, c.method, c.variant) for c in cells(load("controls"), catalog()[0])}
    for idea in controls().ideas:
        for dataset in controls().sized(idea.holds):
            for name in (idea.row, idea.ablation, *idea.rivals):
                assert (dataset, *row(name)) in planned, (dataset, name)
        for name in (idea.row, idea.ablation) if idea.fails else ():
            assert (idea.fails, *row(name)) in planned, (idea.fails, name)
    names = [name for name in registry.names() if name.startswith("controls-") and not name.endswith("own-loss")]
    assert set(worlds()) == set(names)


def test_no_other_suite_has_them() -> None:
    methods = catalog()[0]
    for name in ("full", "wtp", "ltv", "quick", "own"):
        assert not {c.dataset for c in cells(load(name), methods)} & set(worlds())


def test_an_idea_works_from_the_size_on_from_which_it_is_always_better() -> None:
    found = board({"@1k": 8.0, "@2k": 7.0, "@5k": 6.0, "": 5.0}, {"@1k": 7.0, "@2k": 7.5, "@5k": 6.5, "": 5.5})
    assert [duel.word for duel in by_mae(found).ablation] == ["worse", "better", "better", "better"]
    assert by_mae(found).since(found) == 2_000
    assert by_mae(found).verdict == "works"
    assert by_mae(found).rival[-1].word == "better"


def test_a_share_of_false_words_is_kept_small_and_not_the_chance_of_any() -> None:
    """Where a correction for any false word leaves fewer, the words are those that a share of false ones allows."""
    freed = 0
    for step in range(1, 30):
        found = board(dict.fromkeys(ROWS, 5.0), dict.fromkeys(ROWS, 5.0 + step / 1000))
        duels = [duel for trial in trials(found) for duel in trial.ablation]  # a column
        ps = [duel.gap.found.p for duel in duels if duel.gap.found]
        words = [duel.word != "tie" for duel in duels]
        assert words == [p < LEVEL for p in false_discovery_control(ps)]
        freed += words != [p < LEVEL for p in holm(ps)]
    assert freed


def test_an_idea_that_is_better_with_few_rows_alone_does_not_work_at_the_last() -> None:
    found = board({"@1k": 7.0, "": 5.0}, {"@1k": 8.0, "": 5.0})
    assert by_mae(found).since(found) is None
    assert by_mae(found).verdict == "works with few rows"


def test_a_tie_and_a_loss_are_no_success() -> None:
    tie, loss = board({"": 5.0}, {"": 5.0}), board({"": 5.5}, {"": 5.0}, rival=5.0)
    assert by_mae(tie).verdict == "tie"
    assert by_mae(loss).verdict == "hurts"
    text = " ".join(section(loss).parts[0].lines)
    assert "nowhere beats" in text and "20,000 training rows" in text
    assert by_mae(loss).rival[-1].word == "worse"
    (said,) = finding(loss)
    assert said.text.startswith("**None of 1 ideas gain beyond noise where they should.**")
    assert "better at no number of rows: D2Q" in said.text


def test_the_table_says_it_with_intervals() -> None:
    found = board({"@1k": 7.0, "": 5.0}, {"@1k": 8.0, "": 5.5}, fails=(7.0, 7.0))
    first = next(line for line in shown(section(found).parts[0].tables[0]) if line["metric"].startswith("MAE"))
    assert "Worlds: controls-duration, " in section(found).parts[0].lines[0]
    assert first["idea"] == f"D2Q: {IDEA.says}"
    assert first["works where it should?"] == "works"
    assert first["less itself without"].startswith("-0.5") and first["less itself without"].endswith("better")
    assert first["from rows on"] == "1,000"
    assert first["less itself without, assumption fails"].endswith("tie: no help")
    (said,) = finding(found)
    assert "1 of 1 ideas" in said.text and "does not hold are none of 1" in said.text
    assert "patience left" not in said.text, "one that ended by patience needs no more epochs"


def test_one_seed_is_no_tie_and_no_failure() -> None:
    records = some(IDEA.holds, IDEA.row, {"": 5.0}, count=1) + some(IDEA.holds, IDEA.ablation, {"": 5.5}, count=1)
    assert by_mae(Board(records)).verdict == "open: one seed"
    assert "nowhere beats" not in " ".join(section(Board(records)).parts[0].lines)
    (said,) = finding(Board(records))
    assert "at no number of rows" not in said.text


def test_a_row_whose_epochs_were_over_too_soon_is_said_to_be_cut_short() -> None:
    """Ended by patience in two of five seeds: more than half might have been better with more epochs."""
    late = [
        replace(one, curve=Curve([3.0, 2.0, 1.0], [1.0, 1.0, 1.0], 3, stopped_early=one.seed < 2))
        for one in some(IDEA.holds, IDEA.row, {"": 5.0})
    ]
    found = Board([*late, *some(IDEA.holds, IDEA.ablation, {"": 5.5}), *some(IDEA.holds, IDEA.rivals[0], {"": 9.0})])
    first = shown(section(found).parts[0].tables[0])[0]
    assert first["trained to the last epoch allowed"] == "itself"
    assert "Of 3 rows, a method at a number of training rows each, 1 were trained" in " ".join(
        section(found).parts[0].lines
    )
    (said,) = finding(found)
    assert "For 1 of 1 of these ideas the row, or the one without, had patience left" in said.text


def test_by_an_error_the_rival_is_one_that_estimates_the_same() -> None:
    """TR estimates a mean: its lower MAE is no rival's to a median, its order is."""
    records = some(IDEA.holds, "d2q", {"": 5.0}) + some(IDEA.holds, "d2q/one-group", {"": 5.5})
    records += some(IDEA.holds, "tr", {"": 4.0}) + some(IDEA.holds, "absolute", {"": 5.2})
    said = {"d2q": Estimand("median"), "absolute": Estimand("median"), "tr": Estimand("mean")}

    def rival(estimands: dict[str, Estimand]) -> str:
        return by_mae(Board(records, folder=Folder(estimands=estimands))).rival[-1].other.method

    assert rival(said) == "absolute"
    assert rival(said | {"d2q": Estimand("")}) == "tr", "what is neither is held against all"
    assert rival({}) == "tr", "so is what nobody speaks of"
    assert rival(said | {"absolute": Estimand("mean")}) == "tr", "and what has no like"


def test_by_a_ranking_too_a_mean_has_no_median_for_its_rival_or_its_bound() -> None:
    """A mean and a median order rows unlike each other: what is "another estimand" is no loss."""
    records = [r for name, mae in (("d2q", 5.0), ("d2q/one-group", 5.5), ("tr", 4.0), ("absolute", 5.2))
               for r in some(IDEA.holds, name, {"": mae})]  # fmt: skip
    for one in records:
        one.metrics["test"]["xauc"] = {"tr": 0.9, "absolute": 0.7}.get(one.method, 0.6) + 1e-4 * one.seed
    kinds = {"d2q": Estimand("median"), "absolute": Estimand("median"), "tr": Estimand("mean")}
    found = Board(records, folder=Folder(estimands=kinds))
    (by_xauc,) = [t for t in trials(found) if t.idea == IDEA and t.metric == "xauc"]
    assert by_xauc.rival[-1].other.method == "absolute" and not by_xauc.last.unlike(found)
    assert not by_xauc.last.unlike(Board(records))
    pair = replace(IDEA, ablation="tr")
    (against,) = [t for t in _trials(found, replace(controls(), ideas=[pair])) if t.metric == "xauc"]
    assert against.last.word == "worse" and against.last.unlike(found)


def test_a_world_where_the_assumption_fails_is_read_at_the_same_size_alone() -> None:
    records = board({"@5k": 5.0, "": 5.0}, {"@5k": 5.5, "": 5.5}).records
    few = [r for name, mae in ((IDEA.row, 6.0), (IDEA.ablation, 7.0)) for r in some(IDEA.fails, name, {"@5k": mae})]
    assert by_mae(Board([*records, *few])).failing is None and by_mae(Board([*records, *few])).elsewhere == ""
    (said,) = finding(Board([*records, *few]))
    assert "does not hold" not in said.text


def test_two_ideas_that_ask_one_question_are_tested_and_counted_once() -> None:
    """D2Q's two worlds share the one in which its assumption fails."""
    other = next(idea for idea in controls().ideas if idea.row == "d2q" and idea.holds == "controls-drift")
    assert other.counted == IDEA.says
    records = board({"": 5.0}, {"": 5.5}, fails=(6.0, 6.002)).records
    records += some(other.holds, "d2q", {"": 5.0}) + some(other.holds, "d2q/one-group", {"": 5.5})
    found = Board(records)
    words = {t.idea.holds: t.failing.word for t in trials(found) if t.metric == "mae" and t.failing}
    assert len(words) == 2 and len(set(words.values())) == 1
    (said,) = finding(found)
    assert said.text.startswith("**1 of 1 ideas gain")


def test_a_plain_network_in_the_place_of_an_ablation_is_counted() -> None:
    idea = next(idea for idea in controls().ideas if idea.row == "gr/binary" and idea.ablation == "tr")
    found = Board([*some(idea.holds, "gr/binary", {"": 5.0}), *some(idea.holds, "tr", {"": 9.0})])
    for one in found.records:
        one.metrics["test"]["rmse"] = 40.0 + (one.method == "tr") + 1e-3 * one.seed
    (said,) = finding(Board(found.records))
    assert "held against a plain network, for want of a switch, is 1" in said.text


def test_an_idea_that_helps_without_its_assumption_is_named() -> None:
    found = board({"": 5.0}, {"": 5.5}, fails=(6.0, 7.0))
    assert by_mae(found).elsewhere == "helps there too"
    assert "better by MAE where its assumption does not hold, as where it does" in " ".join(
        section(found).parts[0].lines
    )


def test_worlds_have_no_boards_and_no_part_in_other_findings() -> None:
    alone = board({"": 5.0}, {"": 5.5})
    assert alone.datasets == []
    both = Board([*alone.records, *(record("kuairand", "tr", seed=s) for s in range(2))])
    assert both.datasets == ["kuairand"]


def test_a_run_of_controls_alone_has_its_page(tmp_path: Path) -> None:
    save(tmp_path / "runs", *board({"": 5.0}, {"": 5.5}).records)
    write(tmp_path / "runs")
    texts = {path.name: path.read_text() for path in tmp_path.rglob("*.md")}
    assert "less itself without" in texts["controls.md"]
    assert not [name for name in texts if name.startswith("board-")]
