"""The section on what tuning changes, from made-up trials and records."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kruskal

from benchmark import ROOT
from benchmark.records.record import Curve, Identity, Tuned
from benchmark.records.study import Study
from benchmark.records.trial import Trial
from reports.evidence.importance import importance
from reports.model.folder import digest
from reports.render import gather, write
from reports.sections.tuning import section
from tests.fake_records import record, save, seeds
from tests.pages import keys, lines, rows, section_of, tables_of

RATES = (1e-3, 5e-4, 1e-4)


def trial(number: int, objective: float | None, method: str = "tr", dataset: str = "kuairand", **more: Any) -> Trial:
    values: dict[str, Any] = {
        "dataset": dataset, "method": method, "variant": "tuned", "number": number,
        "proposer": "ours" if number == 0 else "tpe", "params": {"lr": RATES[number % 3], "w": 0.1 * number},
        "config": {}, "protocol": {}, "outcome": "ok" if objective is not None else "diverged", "objective": objective,
        "error": "" if objective is not None else "epoch 1 has no finite | validation metric", "seconds": 10.0,
        "curve": Curve([objective], [1.0], 1, False), "identity": Identity("c0de", {}, "c0f1", "da7a", {}),
    }  # fmt: skip
    return Trial(**(values | more))


STUDIES = {
    "tr": (23.0, 22.0, 24.5, None, 22.5),
    "tpm": (21.0, 20.5, 21.5, 20.9, 20.7),
    "wlr": (25.0,),
}


def tuned(method: str, mae: float, **more: Any) -> list[Any]:
    where = Tuned(f"kuairand/{method}/tuned", 1, {"lr": 5e-4}, "mae", mae, 5, 50.0)
    return seeds(method=method, variant="tuned", mae=mae, tuned=where, noise=0.01, **more)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """TR gains a lot, TPM hardly anything; WLR has one trial and no tuned cell yet."""
    folder = tmp_path / "runs"
    save(
        folder,
        *(r for m, mae in (("tr", 22.4), ("tpm", 20.9), ("wlr", 23.1)) for r in seeds(method=m, mae=mae, noise=0.01)),
    )
    save(folder, *tuned("tr", 20.8), *tuned("tpm", 20.9))
    for method, objectives in STUDIES.items():
        for number, value in enumerate(objectives):
            Study("kuairand", method).write(folder, trial(number, value, method))
    return folder


def said(runs: Path, stale: dict[str, str] | None = None) -> str:
    """What the section says of the dataset beside its tables."""
    return lines(section_of(gather(runs, stale or {}), "tuning", "tuning"), "kuairand")


def tables(runs: Path, **stale: str) -> list[list[dict[str, str]]]:
    found = tables_of(gather(runs, stale))
    return [rows(found[name], marks=False) for name in ("tuned-kuairand", "search-kuairand") if name in found]


def test_before_and_after_stand_side_by_side_with_their_ranks(runs: Path) -> None:
    before_after, _ = tables(runs)
    found = {row["method"]: row for row in before_after}
    assert list(found) == ["TR / VR", "TPM"], "by the tuned error; WLR has no tuned number"
    row = found["TR / VR"]
    assert (
        row["MAE ↓ untuned"].startswith("22.4") and row["MAE ↓ tuned"].startswith("20.8") and "±" in row["MAE ↓ tuned"]
    )
    assert (row["rank untuned"], row["rank tuned"]) == ("2 ?", "1 ?")
    assert (found["TPM"]["rank untuned"], found["TPM"]["rank tuned"]) == ("1 ?", "2 ?")


def test_the_searches_are_counted_and_their_spread_is_shown(runs: Path) -> None:
    found = {row["method"]: row for row in tables(runs)[1]}
    row = found["TR / VR"]
    known = [v for v in STUDIES["tr"] if v is not None]
    assert [row[name] for name in ("trials", "diverged, failed", "s")] == ["5", "1, 0", "50"]
    wanted = [23.0, min(known), float(np.median(known)), max(known)]
    assert [float(row[name]) for name in ("default", "best", "median", "worst trial")] == pytest.approx(wanted)
    assert row["chosen"] == "trial 1: lr 0.0005, w 0.1"
    assert found["WLR"]["chosen"].startswith("the default: ")


def test_what_differs_beyond_noise_is_said_and_what_does_not(runs: Path) -> None:
    text = said(runs)
    assert re.search(r"Against their untuned selves, MAE: better: TR / VR \(-1\.6\d+\); not told apart: TPM", text)
    assert "TPM has the least mean MAE untuned, TR / VR tuned; Kendall's tau between the two orders is -1.00" in text
    assert "Budget: 5 trials each, but 1 of WLR." in text
    assert "TR / VR: 1 diverged" in text and "Without numbers both before and after: WLR." in text
    assert "looks better than it is" in text


def test_every_other_table_compares_defaults(runs: Path) -> None:
    """A tuned variant is in no leaderboard, contest or paper's table, and yet its origin is told."""
    report = gather(runs)
    assert {e.variant for e in report.board.ranked.results.values()} == {"default"}
    named = [
        t.name for t in tables_of(report).values() if any("tuned" in entry.text for row in t.rows for entry in row)
    ]
    assert named == ["provenance-kuairand"]
    assert any("25 finished" in text for text in report.pages[0].about)


def test_a_choice_that_orders_nobody_is_named(runs: Path) -> None:
    text = said(runs)
    assert "nobody" not in text
    flat = {part: {"mae": 20.9, "rmse": 41.0, "xauc": 0.5} for part in ("valid", "test")}
    where = Tuned("kuairand/tpm/tuned", 1, {"lr": 5e-4}, "mae", 20.5, 5, 50.0)
    save(runs, *(record(method="tpm", variant="tuned", seed=s, metrics=flat, tuned=where) for s in range(5)))
    text = said(runs)
    assert "Tuned, TPM orders nobody: the least validation MAE went to a setting that predicts one number" in text


def test_a_grid_stands_beside_the_searches_without_a_rank(runs: Path) -> None:
    """It would be one method twice among the ranks, and its number of trials is no budget."""
    alone = tables(runs)[0]
    for number, value in enumerate((20.0, 21.0)):
        Study("kuairand", "tpm", "tuned-its_rates").write(
            runs, trial(number, value, "tpm", variant="tuned-its_rates", proposer="grid")
        )
    where = Tuned("kuairand/tpm/tuned-its_rates", 0, {"lr": 1e-3}, "mae", 20.0, 2, 20.0)
    save(runs, *seeds(method="tpm", variant="tuned-its_rates", mae=20.1, tuned=where, noise=0.01))
    found = {row["method"]: row for row in tables(runs)[0]}
    ranks = ("rank untuned", "rank tuned")
    assert [found["TPM (grid its_rates)"][name] for name in ranks] == ["–", "–"]
    assert [[found[row["method"]][n] for n in ranks] for row in alone] == [[row[n] for n in ranks] for row in alone]
    text = said(runs)
    assert "Budget: 5 trials each, but 1 of WLR." in text
    assert "A grid has its own number of trials, and so no rank: 2 of TPM (grid its\\_rates)." in text
    assert "TPM (grid its\\_rates) (-" in text and "its\\\\_rates" not in text, "escaped once"
    assert "Kendall's tau between the two orders is -1.00" in text


def test_a_papers_setting_of_another_shape_is_shown_whole_and_weighs_in_no_importance(tmp_path: Path) -> None:
    save(tmp_path, *seeds(method="gr"))
    ours, others = {"lr": 1e-3, "dim": 64, "readout": "soft"}, {"dim": 128, "readout": "argmax"}
    for number, value in enumerate((1.0, 5.0, 6.0, 7.0, 5.1, 6.1, 7.1)):
        params = {"lr": RATES[number % 3]}
        made = {"params": params, "config": ours | params | (others if number == 0 else {})}
        who = ("paper", "ours")[number] if number < 2 else "tpe"
        Study("kuairand", "gr").write(tmp_path, trial(number, value, "gr", proposer=who, **made))
    (row,) = rows(tables_of(gather(tmp_path))["search-kuairand"], marks=False)
    assert row["chosen"] == "the paper's: lr 0.001, dim 128, readout argmax"
    trials = Study("kuairand", "gr").read(tmp_path)
    assert importance(trials) == importance(trials[1:])


def test_without_a_study_there_is_no_page(tmp_path: Path) -> None:
    report = gather(save(tmp_path, *seeds(method="tr")))
    assert keys(report, "tuning") == [] and section(report.board) is None


def test_a_stale_study_is_refused_by_name(runs: Path) -> None:
    words = {"kuairand/tr/tuned": "code moved: methods/tr.py"} | {
        f"kuairand/tr/tuned/{seed}": "its study is stale" for seed in range(5)
    }
    text = said(runs, words)
    assert "kuairand/tr/tuned is refused, its 5 trials are stale: `code moved: methods/tr.py`." in text
    assert [row["method"] for row in tables(runs, **words)[0]] == ["TPM"]
    every = {f"kuairand/{method}/tuned": "code moved" for method in STUDIES}
    assert "kuairand/tpm/tuned is refused" in said(runs, every) and tables(runs, **every) == []


def test_a_study_without_a_number_says_why(tmp_path: Path) -> None:
    save(tmp_path, *seeds(method="tr"))
    for number in range(2):
        Study("kuairand", "tr").write(tmp_path, trial(number, None, outcome="failed", error="ValueError: no | way"))
    text = said(tmp_path)
    (row,) = rows(tables_of(gather(tmp_path))["search-kuairand"])
    assert row["chosen"] == "none: `ValueError: no | way`" and "None of the chosen settings has a number" in text


def test_figures_are_the_same_every_time_and_the_digest_covers_trials(runs: Path) -> None:
    pictures = {p.file: p for p in section_of(write(runs), "tuning", "tuning").parts[0].pictures}
    assert set(pictures) == {"tuning-kuairand.svg", "importance-kuairand.svg"}
    again = {p.file: p for p in section_of(gather(runs), "tuning", "tuning").parts[0].pictures}
    for name, picture in pictures.items():
        written = (runs / "figures" / name).read_text(encoding="utf-8")
        assert again[name].stamp == picture.stamp and written.startswith(again[name].draw().rstrip("\n"))
    before = digest(runs)
    Study("kuairand", "tr").write(runs, trial(5, 19.0))
    assert digest(runs) != before


def test_importance_is_kruskals_and_walliss_epsilon_squared() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=18) + np.arange(18) % 3
    trials = [trial(k, float(v), params={"lr": RATES[k % 3], "same": 1}) for k, v in enumerate(values)]
    h = kruskal(*(values[k::3] for k in range(3))).statistic
    assert importance(trials) == {"lr": pytest.approx(max(0.0, (h - 2) / (18 - 3)))}  # (H - k + 1) / (n - k)
    lost = [trial(k, None if k % 3 == 0 else 1.0, params={"lr": RATES[k % 3]}) for k in range(9)]
    assert importance(lost)["lr"] == pytest.approx(1.0), "a trial without a number ranks last"
    assert importance(trials[:1]) == {}


def test_a_range_is_cut_in_three() -> None:
    trials = [trial(k, float(k), params={"w": 0.1 * k}) for k in range(12)]
    assert importance(trials)["w"] > 0.8


def test_importance_has_the_same_bits_whatever_python_hashes_with() -> None:
    """A figure is kept while its inputs are the same, so that a last bit that moves would draw it again."""
    call = (
        "from reports.evidence.importance import _epsilon\n"
        "print(_epsilon([0.1 * k for k in range(17)], [repr(f'setting {k % 5}') for k in range(17)]))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", call], cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(told) == 1
