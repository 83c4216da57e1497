"""One method beside its rivals for a paper: a page, and a table that a two-column class can hold."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmark.files.errors import UserError
from reports.focus import TIE, parse, table, write
from reports.render import gather
from tests import fake_noise
from tests.fake_noise import RECORDS, save_noise
from tests.fake_records import record, save, seeds
from tests.pages import by


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """D2Q and TPM are not told apart on kuairand; kuairec has three of the methods."""
    runs = save(tmp_path / "runs", *RECORDS, *seeds(method="my_method", mae=19.0, rmse=39.5, noise=0.01))
    save(runs, *(r for m, mae in (("tr", 4.6), ("my_method", 4.5), ("d2q", 4.7)) for r in seeds(
        dataset="kuairec", method=m, mae=mae, rmse=9.0)))  # fmt: skip
    found = [*RECORDS, *seeds(method="my_method", mae=19.0, rmse=39.5, noise=0.01)]
    return save_noise(runs, fake_noise.resampled(found, users=0.2, pairs=0.03, seeds=0.01))


def asked(runs: Path, *what: str, rivals: str = "tr,tpm,d2q", metrics: str = "", datasets: str = ""):
    board = gather(runs).board
    return board, parse(
        board, what[0] if what else "my_method", *(t.split(",") if t else [] for t in (rivals, metrics, datasets))
    )


def test_the_method_stands_last_with_best_second_and_ties_by_dataset(runs):
    board, focus = asked(runs, rivals="tpm,d2q,tr", metrics="mae,xauc")
    assert focus.datasets == ("kuairand", "kuairec") and focus.metrics == ("mae", "xauc")
    made = table(board, focus)
    assert [row[0].text for row in made.rows] == ["TPM", "D2Q", "TR / VR", r"my\_method"]
    assert [c.group for c in made.columns] == ["", "kuairand", "kuairand", "kuairec", "kuairec"]
    mae = {row[0].text: row[1] for row in made.rows}
    assert mae[r"my\_method"].mark == "best" and mae["D2Q"].mark == "second" and not mae["TPM"].mark
    assert not any(entry.tie for entry in mae.values()), "the best is beyond noise"
    board, focus = asked(runs, "tpm", rivals="d2q,tr", metrics="mae", datasets="kuairand")
    mae = {row[0].text: row[1] for row in table(board, focus).rows}
    assert mae["D2Q"].mark == "best" and mae["TPM"].tie == TIE and not mae["TR / VR"].tie
    assert by(table(board, focus), "method")["TPM"]["MAE ↓"].endswith(f"({TIE})**") is False


def test_numbers_are_those_of_the_leaderboard(runs):
    board, focus = asked(runs, metrics="rmse")
    result = board.get("kuairand", "tpm")
    assert result is not None
    entry = next(row[1] for row in table(board, focus).rows if row[0].text == "TPM")
    assert entry.value == result.mean("rmse") and entry.n == 5


def test_page_and_table_lie_beside_the_figures_and_say_who_beats_whom(runs):
    report = gather(runs)
    focus = parse(report.board, "my_method", ["tr", "tpm"], ["mae"], ["kuairand"])
    page, tex = write(report, focus, runs)
    assert page == runs / "focus" / "focus-my-method.md" and tex.suffix == ".tex"
    text = page.read_text(encoding="utf-8")
    assert re.search(r"MAE: my\\_method beats TR / VR and TPM\.", text) and len(text) < 3000


@pytest.mark.parametrize(
    ("what", "more", "said"),
    [
        ("my_metod", {}, "did you mean 'my_method'"),
        ("my_method", {"rivals": "tp"}, "tpm"),
        ("my_method", {"metrics": "mea"}, "'mae'"),
        ("my_method", {"datasets": "kuairnd"}, "'kuairand'"),
        ("my_method", {"rivals": ""}, "--methods"),
        ("tpm", {"rivals": "median", "datasets": "kuairec"}, "shares no dataset"),
    ],
)
def test_a_wrong_name_is_one_line_with_the_nearest(runs, what, more, said):
    with pytest.raises(UserError, match=re.escape(said)):
        asked(runs, what, **more)


def test_groups_that_would_be_too_wide_stand_one_below_the_other(runs):
    report = gather(runs)
    _, narrow = write(report, parse(report.board, "my_method", ["tr"], ["mae"], []), runs)
    assert r"\cmidrule(lr){2-2}\cmidrule(lr){3-3}" in narrow.read_text()
    _, wide = write(report, parse(report.board, "my_method", ["tr", "d2q"], ["mae", "rmse", "xauc", "xgauc"], []), runs)
    text = wide.read_text()
    assert r"\multicolumn{5}{l}{\textit{kuairand}}" in text and text.count(r"\midrule") == 2
    every = ["mae", "rmse", "xauc", "xgauc", "spearman", "gini", "auc", "ratio"]
    with pytest.raises(UserError, match="fewer --columns"):
        write(report, parse(report.board, "my_method", ["tr"], every, []), runs)


@pytest.mark.skipif(
    not shutil.which("pdflatex"), reason="needs pdflatex with booktabs (Debian: texlive-latex-recommended)"
)
def test_the_table_compiles_within_the_width_of_two_columns(runs, tmp_path):
    report = gather(
        save(runs, *(record(method="ordinal", title=r"O_R & $5$ #1 %", seed=s, mae=23.0) for s in range(2)))
    )
    tables = [
        write(report, parse(report.board, "my_method", names, metrics, []), runs)[1].rename(tmp_path / f"{place}.tex")
        for place, (names, metrics) in enumerate([(["tr", "tpm", "ordinal"], ["mae", "xauc"]),
                                                  (["tr", "d2q"], ["mae", "rmse", "xauc", "xgauc"])])
    ]  # fmt: skip
    inputs = "\n".join(rf"\input{{{path.name}}}" for path in tables)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass[twocolumn]{article}\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}\\usepackage{booktabs}\n"
        f"\\setlength{{\\textwidth}}{{450pt}}\\begin{{document}}\nText.\n{inputs}\n\\end{{document}}\n"
    )
    done = subprocess.run(["pdflatex", "-halt-on-error", "paper.tex"], cwd=tmp_path, capture_output=True, text=True)
    log = (tmp_path / "paper.log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull" not in log and (tmp_path / "paper.pdf").stat().st_size > 5000
