"""Tables for a paper's appendix: the pages' own texts as CSV and LaTeX."""

import re
from pathlib import Path

import pandas as pd
import pytest

from benchmark.files.errors import UserError
from reports.export import as_csv, as_tex, export, names
from reports.markup.markdown import plain, table
from reports.sections.content import Content, Titled, content
from tests.fake_records import STALE, save, world
from tests.pages import html_tables, markdown_tables


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Content:
    return content(save(tmp_path_factory.mktemp("world") / "runs", *world()), STALE)


@pytest.fixture(scope="module")
def folder(found, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "appendix"
    export(found, folder)
    return folder


def test_every_table_has_a_file_of_each_kind(found, folder):
    stems = sorted(titled.name for titled in found.tables)
    assert len(set(stems)) == len(stems) > 10
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        f"{s}{suffix}" for s in stems for suffix in (".csv", ".tex")
    )
    assert {"leaderboard-kuairand", "prowtp-8-kuairand-pure", "gr-2-kuairec-watch-time", "cost-kuairec"} <= set(stems)


def test_a_csv_read_back_is_the_table(found, folder):
    for titled in found.tables:
        frame = pd.read_csv(folder / f"{titled.name}.csv", dtype=str, keep_default_na=False)
        ((_, *rows),) = markdown_tables(titled.table)
        assert len(frame) == len(rows)
        for (_, line), row in zip(frame.iterrows(), rows, strict=True):
            kept = [text for text in line if text]
            said = [part for cell in row for part in cell.removesuffix(" %").split(" ± ") if part not in ("", "–")]
            assert [text.replace(",", "") for text in said] == [text.replace(",", "") for text in kept], titled.name


def test_the_numbers_of_a_csv_are_numbers(found, folder):
    frame = pd.read_csv(folder / "leaderboard-kuairand.csv").set_index(["method", "variant"])
    entry = found.board.get("kuairand", "cread")
    assert entry is not None
    for name, title, digits in (("mae", "MAE ↓", 3), ("xauc", "XAUC ↑", 4)):
        summary = entry.metric(name)
        assert summary is not None and summary.std is not None
        assert frame.loc[("CREAD", "default"), title] == round(summary.mean, digits)
        assert frame.loc[("CREAD", "default"), f"{title} std"] == round(summary.std, digits)
    assert frame["MAE vs best constant (%)"].dtype == float
    cost = pd.read_csv(folder / "cost-kuairand.csv").set_index("method")
    assert cost.loc["TPM", "training rows/s"] == 123457


def test_headings_that_come_again_follow_what_they_speak_of():
    assert names(["method", "RMSE ↓", "GR", "Δ", "MAE ↓", "GR", "Δ"]) == [
        "method", "RMSE ↓", "RMSE ↓ GR", "RMSE ↓ Δ", "MAE ↓", "MAE ↓ GR", "MAE ↓ Δ",
    ]  # fmt: skip


def _unescaped(text: str, characters: str) -> list[str]:
    return re.findall(rf"(?<!\\)[{characters}]", text)


def test_latex_is_balanced_and_escaped(folder):
    for path in folder.glob("*.tex"):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("%")]
        text = "\n".join(lines)
        assert len(_unescaped(text, "{")) == len(_unescaped(text, "}")), path.name
        assert len(_unescaped(text, "$")) % 2 == 0
        assert (
            re.findall(r"\\begin\{(\w+)\}", text) == re.findall(r"\\end\{(\w+)\}", text)[::-1] == ["table", "tabular"]
        )
        outside = re.sub(r"\\label\{.*?\}", "", re.sub(r"\$.*?\$", "", text))
        assert _unescaped(outside, "_^#%~<>|") == []
        assert not re.search("[±↓↑Δ≈×–−…]", text), path.name
        (columns,) = re.findall(r"\\begin\{tabular\}\{(.*)\}", text)
        wide = len(re.sub(r"p\{.*?\}", "p", columns))
        rows = [line for line in lines if line.endswith(r"\\")]
        assert {len(_unescaped(row, "&")) + 1 for row in rows} == {wide}


def test_latex_keeps_the_marks_of_best_and_second(folder):
    text = (folder / "leaderboard-kuairand.tex").read_text(encoding="utf-8")
    assert r"& \textbf{20.297 $\pm$ " in text
    assert r"\textit{Bucket median}" in text and r"\underline{20.6" in text
    assert r"\toprule" in text and r"\midrule" in text and r"\bottomrule" in text


def test_what_latex_would_read_as_its_own_is_escaped():
    sheet = table(["a_b", "50 %"], [[plain(r"\x{y} & #1 $2 ~ ^ <z> |"), "**-1.5 ± 0.1**"]])
    text = as_tex(Titled("name", "A & B", sheet), "0" * 64)
    assert r"a\_b & 50 \% \\" in text and r"\caption{A \& B}" in text
    assert (
        r"\textbackslash{}x\{y\} \& \#1 \$2 \textasciitilde{} \textasciicircum{} "
        r"\textless{}z\textgreater{} \textbar{} & "
        r"\textbf{$-$1.5 $\pm$ 0.1} \\"
    ) in text
    assert as_csv(sheet).splitlines()[1] == r"\x{y} & #1 $2 ~ ^ <z> |,-1.5,0.1"


def test_a_folder_that_cannot_be_made_is_one_line(found, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--export"):
        export(found, tmp_path / "file" / "folder")


def test_the_pages_and_the_exports_have_the_same_tables(found):
    from reports.html.page import page

    assert sorted(html_tables(page(found))) == sorted(titled.name for titled in found.tables)
