"""The pages of made-up records: true, complete, and the same every time."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark import ROOT
from benchmark.files.errors import UserError
from benchmark.records.record import Identity
from reports.model.folder import digest
from reports.render import Report, forms, gather, places, write
from reports.sections.front.links import SNIPPET
from tests.fake_records import FACTS, STALE, record, save, seeds, world
from tests.pages import by, keys, lines, markdown_tables, rows, section_of, tables_of, unpacked


@pytest.fixture(autouse=True)
def undrawn(monkeypatch) -> None:
    """Figures of matplotlib cost a second each and are not what is asked here."""
    monkeypatch.setattr("reports.plots.pareto.figure", lambda board, dataset: f"<svg><title>{dataset}</title></svg>")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("world") / "runs", *world())


@pytest.fixture(scope="module")
def report(runs) -> Report:
    return gather(runs, STALE)


def texts(report: Report, runs: Path) -> dict[str, str]:
    """Every page by the name of its file, the views of board.html unpacked."""
    return {path.name: unpacked(text()) for path, text in forms(report, places(runs)).items()}


def leaderboard(report: Report, dataset: str) -> list[dict[str, str]]:
    return rows(tables_of(report)[f"leaderboard-{dataset}"])


def test_the_same_records_give_the_same_bytes(runs, report, tmp_path):
    first = texts(report, runs)
    assert texts(gather(runs, dict(reversed(STALE.items()))), runs) == first
    again = save(tmp_path / "runs", *reversed(world()))
    other = texts(gather(again, STALE), again)
    assert {name: text.replace(str(again), str(runs)) for name, text in other.items()} == first


def test_every_page_carries_the_digest_of_its_records(runs, report):
    for text in texts(report, runs).values():
        assert f"<!-- records sha256:{digest(runs)} -->" in text


def test_finished_failed_skipped_and_refused_cells_are_counted(report):
    assert any("53 finished, 5 failed, 2 skipped, 6 refused as stale" in text for text in report.pages[0].about)


def test_the_data_are_described_from_the_records(report):
    data = by(tables_of(report)["datasets"], "dataset")
    assert data["kuairand"]["data"] == FACTS["kuairand"]["slice"]
    assert data["kuairand"]["train / valid / test"] == "119,462 / 39,821 / 39,821"
    assert data["kuairand"]["fingerprint"] == "`0123456789ab`"
    assert data["synthetic"]["users"] == "–"


def test_what_was_left_out_of_the_files_is_counted(tmp_path):
    facts = {"rows": 90, "rows_raw": 120, "dropped": {"not played": 27, "duration 0": 3, "x": 0}, "duplicates": 5}
    found = by(tables_of(gather(save(tmp_path, record(facts=facts))))["left-out"], "dataset")["kuairand"]
    assert (found["raw rows"], found["rows"], found["duplicates"], found["censored"]) == ("120", "90", "5", "–")
    assert found["dropped, and why"] == "duration 0 3; not played 27"


def test_what_is_missing_has_a_reason(report):
    found = {name: lines(section_of(report, name, "missing")) for name in ("paper-prowtp", "paper-gr")}
    for name, page in (("WeChat", "prowtp"), ("Short-video", "prowtp"), ("CIKM16", "gr"), ("Indust", "gr"),
                       ("Criteo-SSC", "gr"), ("Kaggle", "gr"), ("KuaiRec (watch ratio)", "gr")):  # fmt: skip
        assert re.search(rf"\*\*{re.escape(name)}\*\* \(.*\): .{{10,}}\.", found[f"paper-{page}"]), name
    assert "**KuaiRand-Pure**" not in found["paper-prowtp"]
    (part,) = [p for p in section_of(report, "paper-prowtp", "table-8").parts if p.title == "WeChat"]
    assert part.missing and not part.tables


def test_a_papers_table_shows_ours_the_papers_and_the_difference(report):
    table = tables_of(report)["prowtp-8-kuairand-pure"]
    found = by(table, "method")
    assert list(found) == ["TR", "WLR", "OR", "D2Q", "TPM", "DVR", "CWM", "ProWTP"]
    mean = sum(r.metrics["test"]["rmse"] for r in seeds(method="tr", mae=22.4, rmse=41.2)) / 5
    assert found["TR"]["RMSE ↓"].startswith(f"<u>{mean:.3f} ± ")
    assert found["TPM"]["RMSE ↓"].startswith("**40.")
    entries = dict(zip((column.key for column in table.columns), table.rows[0], strict=True))
    assert entries["rmse_paper"].text == "42.4085 ± 0.0015" and entries["rmse_paper"].value == 42.4085
    assert entries["rmse_gap"].text == f"{mean - 42.4085:+.4f}"
    assert [found[m]["RMSE ↓"] for m in ("OR", "D2Q", "DVR")] == ["failed", "stale", "not run"]


def test_constants_stand_beside_the_papers_errors(report):
    found = lines(section_of(report, "paper-prowtp", "table-8"), "KuaiRand-Pure")
    assert re.search(r"\*Bucket median\* has MAE 20\.600 \(below 8 of the 8 that ProWTP prints\)", found)
    assert re.search(r"\*Bucket mean\* has RMSE 41\.500 \(below 3 of the 8 ", found)


def test_xauc_improvement_is_relative_to_value_regression(report):
    found = by(tables_of(report)["gr-2-kuairec-watch-time"], "method")
    means = [
        sum(r.metrics["test"]["xauc"] for r in seeds(dataset="kuairec", method=m, mae=1, rmse=1)) / 5
        for m in ("tr", "tpm")
    ]
    assert found["VR"]["XAUC improv. (%)"] == "–"
    assert found["TPM"]["XAUC improv. (%)"] == f"{100 * (means[1] / means[0] - 1):+.2f}"


def test_a_leaderboard_is_ordered_by_mae_with_what_one_would_choose_between(report):
    board = leaderboard(report, "kuairand")
    maes = [float(re.sub(r"[*<u>/]", "", row["MAE ↓"]).split(" ± ")[0]) for row in board if row["seeds"] != "0"]
    assert maes == sorted(maes)
    assert len(maes) == 10
    assert ("TR / VR", "large") not in {(row["method"], row["variant"]) for row in board}  # a paper's table shows it
    assert "1 of TR / VR." in lines(section_of(report, "board-kuairand", "leaderboard"))
    assert "TR / VR (large)" in by(tables_of(report)["cost-kuairand"], "method")
    assert [(row["method"], row["# by MAE"]) for row in board if row["seeds"] == "0"] == [
        ("D2Q", "–"),
        ("OR", "–"),
        ("*Oracle*", "–"),
    ]


def test_a_stale_cell_is_refused_and_named(report):
    board = {(row["method"], row["variant"]): row for row in leaderboard(report, "kuairand")}
    assert board["D2Q", "default"]["notes"] == "seeds 0–4 stale: `code moved: methods/d2q.py`"
    assert board["D2Q", "default"]["MAE ↓"] == "–"
    assert board["TPM", "default"]["seeds"] == "4"
    assert board["TPM", "default"]["notes"] == "seed 4 stale: `configuration moved: lr 0.001 -> 0.0005`"


def test_failed_and_skipped_methods_are_rows_whose_reason_breaks_nothing(report, runs):
    board = {row["method"]: row for row in leaderboard(report, "kuairand")}
    assert board["OR"]["notes"] == "seeds 0–4 failed: `ValueError: K | *K* 'x' more`"
    assert board["*Oracle*"]["variant"] == "default, median"
    assert "skipped: `only a synthetic world knows" in board["*Oracle*"]["notes"]
    for name, text in texts(report, runs).items():
        for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M) if name.endswith(".md") else []:
            widths = {len(re.split(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(widths) == 1, block


def test_ranks_inside_the_noise_are_marked(tmp_path):
    save(tmp_path, *seeds(method="tpm", mae=20.0, noise=0.1), *seeds(method="cread", mae=20.02, noise=0.1))
    save(tmp_path, *seeds(method="wlr", mae=30.0, noise=0.1), record(method="tr", mae=31.0))
    board = leaderboard(gather(tmp_path), "kuairand")
    assert [row["# by MAE"] for row in board] == ["1", "2 ≈", "3", "4 ?"]
    assert "its noise is unknown" in board[3]["notes"]


def test_the_oracle_has_no_rank_and_constants_do(report):
    ranks = {row["method"]: row["# by MAE"] for row in leaderboard(report, "synthetic")}
    assert ranks == {"*Oracle*": "–", "TR / VR": "1"}
    assert {row["method"]: row["# by MAE"] for row in leaderboard(report, "kuairec")}["*Constant median*"] == "2 ≈"


def test_what_gradient_methods_add_is_said(report):
    said = lines(section_of(report, "board-kuairand", "leaderboard"))
    line = next(s for s in said.splitlines() if "label-only constant, RMSE" in s)
    assert "(*Bucket mean*, 41.500): better: TPM (-2.2 %), CREAD (-1." in line
    assert "; worse: WLR (+3." in line
    assert "gradient boosting, MAE (Boosted trees (absolute), 20.297): better: none;" in said
    assert "gradient boosting, MAE: it has no number" in lines(section_of(report, "board-kuairec", "leaderboard"))


def test_one_seed_is_no_verdict(tmp_path):
    save(tmp_path, record(method="median", noise=0), record(method="tr"))
    assert "one seed only: TR / VR (" in lines(section_of(gather(tmp_path), "board-kuairand", "leaderboard"))


def test_a_board_of_lifetime_value_has_its_own_columns(tmp_path):
    extra = {"gini": 0.4, "auc": 0.7, "spearman_ceiling": 0.95, "spearman_positive": 0.3, "zero_share": 0.54}
    for r in seeds(dataset="cdnow", method="ziln"):
        metrics = {**r.metrics, "test": {**r.metrics["test"], **extra, "gini": 0.4 + r.seed / 100}}
        save(tmp_path, record(dataset="cdnow", method="ziln", seed=r.seed, metrics=metrics))
    found = gather(tmp_path)
    (row,) = leaderboard(found, "cdnow")
    assert row["Gini ↑"] == "**0.4200 ± 0.0158**"
    assert row["AUC of > 0 ↑"] == "**0.7000 ± 0.0000**"
    assert re.search(r"54\.0 % of .* 0\.9500", lines(section_of(found, "board-cdnow", "leaderboard")))


def test_a_mean_over_some_of_the_seeds_says_of_how_many(tmp_path):
    """Spearman's correlation of a constant prediction is undefined: two of five seeds have one."""
    for r in seeds(method="tpm"):
        some = {"gini": 0.3, "spearman": [0.74, 0.75, None, None, None][r.seed]}
        metrics = {**r.metrics, "test": {**r.metrics["test"], **some}}
        save(tmp_path, record(method="tpm", seed=r.seed, metrics=metrics))
    one = record().metrics
    save(tmp_path, record(method="zero", metrics={**one, "test": {**one["test"], "spearman": None}}))
    found = tables_of(gather(tmp_path))
    assert by(found["leaderboard-kuairand"], "method")["TPM"]["Spearman ↑"] == "**0.7450 ± 0.0071 (2 of 5)**"
    assert by(found["ranking-kuairand"], "method")["TPM"]["Spearman ↑"].count("(2 of 5)") == 1
    assert "(2 of 5)" in by(found["skill-kuairand"], "method")["TPM"]["Spearman"]


def test_errors_by_bucket_stand_above_the_papers(report):
    found = by(tables_of(report)["prowtp-7-kuairand-pure-rmse"], "RMSE ↓")
    assert found["ProWTP as printed"]["bucket 3"] == "43.62"
    assert list(found)[-1] == "ProWTP as printed"
    assert "D2Q" not in found  # stale
    mean = sum(r.slices["bucket=2"]["rmse"] for r in seeds(method="tr", mae=22.4, rmse=41.2)) / 5
    assert found["TR / VR"]["bucket 2"].startswith(f"{mean:.3f} ± ")


def test_parameters_stand_beside_the_papers(report):
    found = by(tables_of(report)["gr-7-kuairec-watch-time"], "method")
    assert found["VR-large"]["parameters"] == "0.86M"
    assert found["VR-large"]["MAE ↓"].startswith("<u>4.4")
    assert found["GR"]["MAE ↓"] == "not run"


def test_ablations_appear_once_a_variant_has_records(report, tmp_path):
    assert "table-4" not in keys(report, "paper-prowtp")
    save(tmp_path, *world(), *seeds(method="prowtp", variant="ot", rmse=40.0))
    found = gather(tmp_path)
    assert "table-4" in keys(found, "paper-prowtp")
    table = by(tables_of(found)["prowtp-4-kuairand-pure"], "method")
    assert table["SUOT"]["RMSE ↓"] == "not run"
    assert table["OT"]["RMSE ↓"].startswith(("**40.", "**39."))


def test_costs_and_environments_are_there(report):
    found = by(tables_of(report)["cost-kuairand"], "method")["TPM"]
    assert (found["parameters"], found["training rows/s"], found["replicas together"]) == ("861,234", "123,457", "5")
    said = lines(section_of(report, "cost", "environments"))
    assert r"53 records: processor a \| b, python 3.12.3, torch 2.13.0" in said


def test_records_of_two_states_of_the_data_are_called_out(tmp_path):
    save(tmp_path, record(), record(seed=1, identity=Identity("c", {}, "c", "other", {})))
    found = gather(tmp_path)
    assert any("more than one state of its data" in text for text in found.pages[0].about)
    assert "more than one state of its data" in lines(section_of(found, "data", "data"))


def test_no_records_make_a_page_that_says_what_to_do(tmp_path):
    found = gather(tmp_path / "none")
    (page,) = found.pages
    assert page.sections == () and "python -m benchmark run" in page.about[0]


def test_a_dataset_whose_records_are_all_stale_is_no_empty_table(tmp_path):
    save(tmp_path, *seeds(2))
    found = gather(tmp_path, {f"kuairand/tpm/default/{s}": "data moved" for s in range(2)})
    (row,) = leaderboard(found, "kuairand")
    assert row["notes"] == "seeds 0, 1 stale: `data moved`"
    assert keys(found, "board-kuairand") == ["leaderboard"] and keys(found, "paper-prowtp") == []


def test_nothing_undefined_reaches_a_page(report, runs):
    for name, text in texts(report, runs).items():
        if name.endswith(".md"):
            assert "Undefined" not in text and "None" not in text and "\n\n\n" not in text, name
            assert "nan" not in re.findall(r"[a-z]+", text), name
            assert not re.search(r"\]\(@", text), name


def test_every_link_of_every_page_leads_somewhere(runs, tmp_path):
    write(runs, out := tmp_path / "RESULTS.md", STALE)
    for path in (out, *(tmp_path / "pages").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text)
        assert links, path
        for target, anchor in links:
            there = (path.parent / target) if target else path
            assert there.is_file(), (path.name, target)
            assert not anchor or f'<a id="{anchor}">' in there.read_text(encoding="utf-8"), (path.name, target, anchor)


def test_no_column_is_padded(runs, report):
    for text in texts(report, runs).values():
        assert not re.search(r"^\|.* {3,}\|", text, flags=re.M)


def test_the_snippet_rebuilds_the_leaderboard(report, tmp_path, monkeypatch, capsys):
    snippet = SNIPPET.read_text()
    assert len(snippet.splitlines()) <= 11
    save(tmp_path / "reports" / "runs", *world())
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(snippet, found)
    names = {("tpm", "default"): "TPM", ("boosting", "absolute"): "Boosted trees", ("wlr", "default"): "WLR"}
    unrefused = gather(tmp_path / "reports" / "runs")
    board = {(row["method"], row["variant"]): row for row in leaderboard(unrefused, "kuairand")}
    for (method, variant), title in names.items():
        for metric, column, digits in (("mae", "MAE ↓", 3), ("rmse", "RMSE ↓", 3), ("xauc", "XAUC ↑", 4)):
            mean, std = found["board"].loc[(method, variant), metric]
            assert f"{mean:.{digits}f} ± {std:.{digits}f}" in board[title, variant][column]
    assert "boosting" in capsys.readouterr().out


def test_writing_is_whole_or_not_at_all(runs, tmp_path):
    write(runs, out := tmp_path / "RESULTS.md", STALE)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["RESULTS.md", "board.html", "figures", "pages"]
    with pytest.raises(UserError, match="cannot be written"):
        write(runs, out / "RESULTS.md")  # a file in a folder's place
    damaged = save(tmp_path / "runs", record())
    next(damaged.glob("*/*/*/*.json")).write_text("{")
    before = out.read_bytes()
    with pytest.raises(UserError, match="delete it"):
        write(damaged, out)
    assert out.read_bytes() == before


def test_a_page_that_nothing_shows_any_more_goes_and_a_readers_own_file_stays(tmp_path):
    runs = save(tmp_path / "runs", *world())
    write(runs)
    assert (runs / "pages" / "board-synthetic.md").exists()
    for path in (runs / "synthetic").rglob("*.json"):
        path.unlink()
    (runs / "pages" / "mine.md").write_text("# Mine\n")
    write(runs)
    assert not (runs / "pages" / "board-synthetic.md").exists() and (runs / "pages" / "mine.md").exists()


def test_what_has_not_changed_is_neither_drawn_nor_written_again(tmp_path, monkeypatch):
    runs = save(tmp_path / "runs", *world())
    write(runs)
    stamps = {p: p.stat().st_mtime_ns for p in runs.rglob("*") if p.is_file()}
    drawn: list[str] = []
    monkeypatch.setattr("reports.plots.pareto.figure", lambda board, dataset: drawn.append(dataset) or "<svg/>")
    write(runs)
    assert drawn == [] and {p: p.stat().st_mtime_ns for p in runs.rglob("*") if p.is_file()} == stamps
    save(runs, record(dataset="kuairec", method="tpm", seed=9, mae=3.3))
    write(runs)
    assert drawn == ["kuairec"]


def test_a_readers_own_run_begins_with_its_ranking_and_names_its_folder(tmp_path):
    """Four methods on one dataset: nothing of the papers' other data, and every command goes to that folder."""
    maes = {"tr": 21.0, "tpm": 20.0, "median": 22.0, "gr": 20.5}
    runs = save(tmp_path / "mine", *(record(method=m, mae=mae, noise=0) for m, mae in maes.items()))
    report = gather(runs)
    front = report.pages[0]
    assert front.sections[0].key == "ranking"
    order = [row["method"] for row in rows(tables_of(report)["ranking-kuairand"])]
    assert order == ["TPM", "GR", "TR / VR", "*Constant median*"]
    text = forms(report, places(runs))[runs / "RESULTS.md"]()
    assert text.index("TPM") < text.index("board-kuairand.md") and f"--runs {runs}" in text
    for other in ("tuning", "tweaks", "distributions"):
        assert keys(report, other) == []
    assert {table.name for table in tables_of(report).values() if "kuairec" in table.name} == set()
    assert all(len(line) <= 130 for line in text.splitlines() if line.startswith("|"))


def test_reports_know_no_torch_no_method_and_no_dataset():
    heavy = ("torch", "methods", "datasets.registry", "datasets.base", "pandas", "numpy", "sklearn", "numba")
    call = f"import sys, reports.render; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_code_of_reports_names_no_method_no_dataset_and_no_paper():
    from benchmark.plan.catalog import catalog
    from datasets import registry

    names = {*catalog()[0], *registry.names(), *(name.partition("@")[0] for name in registry.names())}
    # words of the language, of statistics and of the pages
    names -= {"mean", "median", "zero", "oracle", "ordinal", "absolute", "random", "synthetic", "transactions"}
    names -= {"pinball"}
    quoted = re.compile("[\"']({})[\"'/@]".format("|".join(map(re.escape, sorted(names)))))
    proper = re.compile(r"\b(ProWTP|GR|KuaiRand|KuaiRec|CDNOW|WeChat|TPM|CREAD|D2Q)\b")
    for path in (ROOT / "reports").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not quoted.search(text), (path, quoted.search(text))
        assert not proper.search(text), (path, proper.search(text))


def test_the_front_page_of_the_committed_records_is_short_and_narrow():
    text = (ROOT / "RESULTS.md").read_text(encoding="utf-8")
    assert len(text.encode()) <= 40_000
    assert max(len(line) for line in text.splitlines() if line.startswith("|")) <= 140
    for path in (ROOT / "reports" / "pages").glob("*.md"):
        assert path.stat().st_size <= 150_000, path.name


def test_the_committed_pages_are_those_of_the_committed_records():
    found = digest(ROOT / "reports" / "runs")
    pages = (ROOT / "RESULTS.md", ROOT / "board.html", *(ROOT / "reports" / "pages").glob("*.md"))
    for path in pages:
        assert f"<!-- records sha256:{found} -->" in path.read_text(encoding="utf-8"), (
            f"{path}: run `python -m benchmark report`"
        )


def test_markdown_tables_read_back_are_the_tables(report, runs):
    """The pages' Markdown, read by other code, has every table's texts in order."""
    read = [t for name, text in texts(report, runs).items() if name.endswith(".md") for t in markdown_tables(text)]
    assert len(read) == len(tables_of(report))


GOLDEN = ROOT / "tests" / "golden" / "board-kuairec.md"


def test_a_page_is_the_golden_one(report, runs):
    """Word by word. Where a change is meant, look at the difference and write the page anew: CVP_GOLDEN=1 pytest."""
    text = forms(report, places(runs))[runs / "pages" / "board-kuairec.md"]().replace(str(runs), "RUNS")
    if os.environ.get("CVP_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")
