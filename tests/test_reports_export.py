"""Tables for a paper's appendix as CSV and LaTeX, and the cells for a notebook."""

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from benchmark.files.errors import UserError
from benchmark.records.estimand import Case, Estimand
from reports.cells import frame
from reports.export import export
from reports.markup.latex import as_tex
from reports.markup.sheet import as_csv
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import plain
from reports.render import Report, gather
from tests.fake_records import STALE, record, save, world
from tests.pages import tables_of


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Report:
    return gather(save(tmp_path_factory.mktemp("world") / "runs", *world()), STALE)


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "appendix"
    export(report, folder)
    return folder


def test_every_table_has_a_file_of_each_kind(report, folder):
    stems = set(tables_of(report))
    made = {f"{stem}{suffix}" for stem in stems for suffix in (".csv", ".tex")}
    assert {p.name for p in folder.iterdir()} == made | {"cells.csv", "cells.md", "cells.parquet"}
    assert {"leaderboard-kuairand", "prowtp-8-kuairand-pure", "gr-2-kuairec-watch-time", "cost-kuairec"} <= stems


def test_a_csv_read_back_has_the_tables_numbers(report, folder):
    """Every number of every table, rounded as its column is, and nothing where there is none."""
    for name, table in tables_of(report).items():
        read = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
        assert len(read) == len(table.rows)
        for column, entries in zip(table.columns, zip(*table.rows, strict=True), strict=True):
            for text, entry in zip(read[column.key], entries, strict=True):
                if column.words or entry.value is None:
                    continue
                digits = 6 if column.digits is None else column.digits
                assert float(text) == pytest.approx(entry.value, abs=0.51 * 10**-digits, rel=1e-5), (name, column.key)


def test_the_numbers_of_a_csv_are_numbers(report, folder):
    read = pd.read_csv(folder / "leaderboard-kuairand.csv").set_index(["method", "variant"])
    result = report.board.get("kuairand", "cread")
    assert result is not None
    for name, digits in (("mae", 3), ("xauc", 4)):
        summary = result.metric(name)
        assert summary is not None and summary.std is not None
        assert read.loc[("CREAD", "default"), name] == round(summary.mean, digits)
        assert read.loc[("CREAD", "default"), f"{name}_std"] == round(summary.std, digits)
    assert read["gap"].dtype == float
    cost = pd.read_csv(folder / "cost-kuairand.csv").set_index("method")
    assert cost.loc["TPM", "train_rows_per_second"] == pytest.approx(123457, abs=1)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_takes_no_text_for_a_formula(text):
    table = Table(
        "t", "t", (text_column("method", "method"), Column("gap", "gap", digits=1)), ((Entry(text=text), Entry(-1.5)),)
    )
    assert not as_csv(table).splitlines()[1].lstrip('"').startswith(("=", "+", "-", "@"))
    assert as_csv(table).splitlines()[-1].endswith(",-1.5"), "a number below 0 stays one"


def test_no_cell_of_the_csv_files_moves_a_terminals_cursor(tmp_path):
    hostile = record(error="\x1b]0;owned\x07", outcome="failed", metrics={})
    export(gather(save(tmp_path / "runs", *world(), hostile), {}), tmp_path / "out")
    texts = [path.read_text() for path in (tmp_path / "out").glob("*.csv")]
    assert not any("\x1b" in text or "\x07" in text for text in texts)
    assert "\\x1b]0;owned\\x07" in (tmp_path / "out/cells.csv").read_text()


def test_a_mean_over_some_of_the_seeds_has_their_count_beside_it():
    table = Table("t", "t", (text_column("m", "m"), Column("rho", "ρ", digits=2)),
                  ((Entry(text="a"), Entry(0.5, 0.1, 2, 5)), (Entry(text="b"), Entry(0.25, 0.0, 5))))  # fmt: skip
    assert as_csv(table).splitlines() == ["m,rho,rho_std,rho_seeds", "a,0.50,0.10,2", "b,0.25,0.00,5"]


def _unescaped(text: str, characters: str) -> list[str]:
    return re.findall(rf"(?<!\\)[{characters}]", text)


def test_latex_is_balanced_and_escaped(folder):
    for path in folder.glob("*.tex"):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("%")]
        text = "\n".join(lines)
        assert len(_unescaped(text, "{")) == len(_unescaped(text, "}")), path.name
        assert len(_unescaped(text, "$")) % 2 == 0
        outside = re.sub(r"\\label\{.*?\}", "", re.sub(r"\$.*?\$", "", text))
        assert _unescaped(outside, "_^#%~<>|") == []
        assert not re.search("[±↓↑Δ≈×–−…]", text), path.name
        (columns,) = re.findall(r"\\begin\{tabular\}\{(.*)\}", text)
        wide = len(re.sub(r"p\{.*?\}", "p", columns))
        assert {len(_unescaped(line, "&")) + 1 for line in lines if line.endswith(r"\\")} == {wide}


def test_latex_keeps_the_marks_of_best_and_second(folder):
    text = (folder / "leaderboard-kuairand.tex").read_text(encoding="utf-8")
    assert r"& \textbf{20.297 $\pm$ " in text
    assert r"\textit{Bucket median}" in text and r"\underline{20.6" in text


def test_what_latex_would_read_as_its_own_is_escaped():
    columns = (text_column("a", "a_b"), Column("b", "50 %", digits=1))
    rows = ((Entry(text=plain(r"\x{y} & #1 $2 ~ ^ <z> |")), Entry(-1.5, 0.1, 5, mark="best")),)
    text = as_tex(Table("name", "A & B", columns, rows), "0" * 64)
    assert r"a\_b & 50 \% \\" in text and r"\caption{A \& B}" in text
    assert (
        r"\textbackslash{}x\{y\} \& \#1 \$2 \textasciitilde{} \textasciicircum{} "
        r"\textless{}z\textgreater{} \textbar{} & "
        r"\textbf{$-$1.5 $\pm$ 0.1} \\"
    ) in text


def test_a_folder_that_cannot_be_made_is_one_line(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--export"):
        export(report, tmp_path / "file" / "folder")


# --- the cells


def test_the_cells_have_every_number_of_every_record(report, folder):
    read = pd.read_parquet(folder / "cells.parquet")
    assert len(read) == len(report.board.records) == len(world())
    for record_, (_, row) in zip(report.board.records, read.iterrows(), strict=True):
        assert (row.dataset, row.method, row.variant, row.seed) == (
            record_.dataset, record_.method, record_.variant, record_.seed
        )  # fmt: skip
        for part, metrics in record_.metrics.items():
            for name, value in metrics.items():
                assert (pd.isna(row[f"{part}_{name}"]) and value is None) or row[f"{part}_{name}"] == value
        if record_.cost:
            assert row.cost_seconds == record_.cost.seconds and row.cost_parameters == record_.cost.parameters
    assert (read.stale != "").sum() == len(STALE)
    assert set(read.kind) == {"network", "trees", "constant", "oracle", "other"}  # other: of a method that only failed


def test_the_csv_holds_the_same_and_the_schema_names_every_column(folder):
    parquet, sheet = (
        pd.read_parquet(folder / "cells.parquet"),
        pd.read_csv(folder / "cells.csv"),
    )
    assert list(parquet) == list(sheet)
    pd.testing.assert_series_equal(parquet.test_mae, sheet.test_mae)
    schema = (folder / "cells.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([^`]+)` \|", schema, flags=re.M) == list(parquet)
    assert not re.search(r"\| – \|$", schema, flags=re.M), "every column says what it is"


def test_a_cell_says_what_its_configuration_estimates():
    said = {"boosting": Estimand("mean", "", [Case({"loss": "absolute_error"}, "median")]), "gr": Estimand("")}
    cells = [
        record(method="boosting"),
        record(method="boosting", variant="absolute", config={"loss": "absolute_error"}),
    ]
    made = frame([*cells, record(method="gr"), record(method="tr")], known=said)
    assert made.estimates.tolist() == ["mean", "median", "", ""]


def test_settings_of_one_name_and_two_types_stand_in_one_column(tmp_path):
    made = frame([record(config={"hidden": [64, 32]}), record(method="tr", config={"hidden": 8, "loss": "mse"})])
    assert made.config_hidden.tolist() == ["[64,32]", "8"] and made.config_loss.tolist()[1] == "mse"
    made.to_parquet(tmp_path / "x.parquet")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="compiling needs pdflatex with booktabs on the PATH")
def test_latex_compiles(folder, tmp_path):
    names = ["leaderboard-kuairand", "prowtp-8-kuairand-pure"]
    inputs = "\n".join(rf"\input{{{folder / name}.tex}}" for name in names)
    (tmp_path / "all.tex").write_text(
        "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}\\usepackage{booktabs}\n"
        f"\\begin{{document}}\n{inputs}\n\\end{{document}}\n"
    )
    done = subprocess.run(["pdflatex", "-halt-on-error", "all.tex"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
