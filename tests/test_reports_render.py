"""RESULTS.md of made-up records: true, complete, and the same every time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark import ROOT
from benchmark.files.errors import UserError
from reports.model.frames import digest
from reports.render import TEMPLATES, render, write
from tests.fake_records import FACTS, STALE, record, save, seeds, world
from tests.pages import section


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("world") / "reports" / "runs", *world())


@pytest.fixture(scope="module")
def text(runs) -> str:
    return render(runs, stale=STALE)


def rows(text: str) -> list[dict[str, str]]:
    """The first table of a text."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    end = next((i for i, line in enumerate(lines[2:], 2) if set(line) <= set("|-: ")), len(lines) + 1) - 1
    head = cells[0]
    assert all(len(row) == len(head) for row in cells[:end]), "a cell broke the table"
    return [dict(zip(head, row, strict=True)) for row in cells[2:end]]


def board_rows(text: str, dataset: str) -> list[dict[str, str]]:
    return rows(section(text, "Leaderboards", dataset))


def test_the_same_records_give_the_same_bytes(runs, text, tmp_path):
    assert render(runs, stale=dict(reversed(STALE.items()))) == text
    assert render(save(tmp_path, *reversed(world())), stale=STALE) == text


def test_the_page_carries_the_digest_of_its_records(runs, text):
    assert f"<!-- records sha256:{digest(runs)} -->" in text
    assert f"53 finished, 5 failed, 2 skipped, 6 refused as stale; sha256 `{digest(runs)}`" in text


def test_the_data_are_described_from_the_records(text):
    data = {row["dataset"]: row for row in rows(section(text, "The data behind our numbers"))}
    assert data["kuairand"]["data"] == FACTS["kuairand"]["slice"]
    assert data["kuairand"]["train / valid / test"] == "119,462 / 39,821 / 39,821"
    assert data["kuairand"]["fingerprint"] == "`0123456789ab`"
    assert data["synthetic"]["users"] == "–"


def test_what_is_missing_has_a_reason(text):
    data = section(text, "The data behind our numbers")
    for name in ("WeChat", "CIKM16", "Indust", "Short-video", "Criteo-SSC", "Kaggle", "KuaiRec (watch ratio)"):
        assert re.search(rf"\*\*{re.escape(name)}\*\* \(.*\): .{{10,}}\.", data), name
    assert "**KuaiRand-Pure**" not in data
    assert "Not run: its full files" in section(text, "ProWTP, Tables 1 and 8", "WeChat")


def test_a_papers_table_shows_ours_the_papers_and_the_difference(text):
    table = {row["method"]: row for row in rows(section(text, "ProWTP, Tables 1 and 8", "KuaiRand-Pure"))}
    assert list(table) == ["TR", "WLR", "OR", "D2Q", "TPM", "DVR", "CWM", "ProWTP"]
    mine = [r.metrics["test"]["rmse"] for r in seeds(method="tr", mae=22.4, rmse=41.2)]
    mean = sum(mine) / 5
    assert table["TR"]["RMSE ↓"].startswith(f"<u>{mean:.3f} ± ")
    assert table["TPM"]["RMSE ↓"].startswith("**40.")
    assert table["TR"]["Δ"]  # the last of four columns of that name
    line = next(s for s in section(text, "ProWTP, Tables 1 and 8").splitlines() if s.startswith("| TR "))
    assert f"| 42.4085 ± 0.0015 | {mean - 42.4085:+.4f} |" in line
    assert [table[m]["RMSE ↓"] for m in ("OR", "D2Q", "DVR")] == ["failed", "stale", "not run"]


def test_constants_stand_beside_the_papers_errors(text):
    assert (
        "Label-only constants on our rows: *Bucket median* has MAE 20.600 (below 8 of the 8 that ProWTP prints) "
        "and *Bucket mean* has RMSE 41.500 (below 3 of the 8 that ProWTP prints)."
    ) in text


def test_xauc_improvement_is_relative_to_value_regression(text):
    table = {row["method"]: row for row in rows(section(text, "GR, Table 2", "KuaiRec (watch time)"))}
    means = [
        sum(r.metrics["test"]["xauc"] for r in seeds(dataset="kuairec", method=m, mae=1, rmse=1)) / 5
        for m in ("tr", "tpm")
    ]
    assert table["VR"]["XAUC improv."] == "–"
    assert table["TPM"]["XAUC improv."] == f"{100 * (means[1] / means[0] - 1):+.2f} %"


def test_a_leaderboard_is_ordered_by_mae_with_what_one_would_choose_between(text):
    board = board_rows(text, "kuairand")
    maes = [float(re.sub(r"[*<u>/]", "", row["MAE ↓"]).split(" ± ")[0]) for row in board if row["seeds"] != "0"]
    assert maes == sorted(maes)
    assert len(maes) == 10
    assert ("TR / VR", "large") not in {(row["method"], row["variant"]) for row in board}  # GR, Table 7, shows it
    assert "Left to the tables of ablations and sweeps, and to the costs: 1 of TR / VR." in text
    assert "TR / VR (large)" in {row["method"] for row in rows(section(text, "Cost", "kuairand"))}
    assert [(row["method"], row["#"]) for row in board if row["seeds"] == "0"] == [
        ("D2Q", "–"),
        ("OR", "–"),
        ("*Oracle*", "–"),
    ]


def test_a_stale_cell_is_refused_and_named(text):
    board = {(row["method"], row["variant"]): row for row in board_rows(text, "kuairand")}
    assert board["D2Q", "default"]["notes"] == "seeds 0–4 stale: `code moved: methods/d2q.py`"
    assert board["D2Q", "default"]["MAE ↓"] == "–"
    assert board["TPM", "default"]["seeds"] == "4"
    assert board["TPM", "default"]["notes"] == "seed 4 stale: `configuration moved: lr 0.001 -> 0.0005`"


def test_failed_and_skipped_methods_are_rows_whose_reason_breaks_nothing(text):
    board = {row["method"]: row for row in board_rows(text, "kuairand")}
    assert board["OR"]["notes"] == r"seeds 0–4 failed: `ValueError: K \| *K* 'x' more`"
    assert board["*Oracle*"]["variant"] == "default, median"
    assert "skipped: `only a synthetic world knows" in board["*Oracle*"]["notes"]


def test_ranks_inside_the_noise_are_marked(tmp_path):
    save(tmp_path, *seeds(method="tpm", mae=20.0, noise=0.1), *seeds(method="cread", mae=20.02, noise=0.1))
    save(tmp_path, *seeds(method="wlr", mae=30.0, noise=0.1), record(method="tr", mae=31.0))
    board = board_rows(render(tmp_path), "kuairand")
    assert [row["#"] for row in board] == ["1", "2 ≈", "3", "4 ?"]
    assert "its noise is unknown" in board[3]["notes"]


def test_the_oracle_has_no_rank_and_constants_do(text):
    ranks = {row["method"]: row["#"] for row in board_rows(text, "synthetic")}
    assert ranks == {"*Oracle*": "–", "TR / VR": "1"}
    assert {row["method"]: row["#"] for row in board_rows(text, "kuairec")}["*Constant median*"] == "2 ≈"


def test_what_gradient_methods_add_is_said(text):
    words = section(text, "Leaderboards", "kuairand")
    line = next(s for s in words.splitlines() if "label-only constant, RMSE" in s)
    assert "(*Bucket mean*, 41.500): better: TPM (-2.2 %), CREAD (-1." in line
    assert "; worse: WLR (+3." in line
    assert "Against gradient boosting, MAE (Boosted trees (absolute), 20.297): better: none;" in words
    assert "Against gradient boosting, MAE: it has no number here." in section(text, "Leaderboards", "kuairec")


def test_one_seed_is_no_verdict(tmp_path):
    save(tmp_path, record(method="median", noise=0), record(method="tr"))
    assert "one seed only: TR / VR (" in section(render(tmp_path), "Leaderboards", "kuairand")


def test_no_gradient_method_is_said_too(tmp_path):
    save(tmp_path, record(method="median", noise=0))
    assert "No method trained by gradients has a number here." in render(tmp_path)


def test_a_board_of_lifetime_value_has_its_own_columns(tmp_path):
    extra = {"gini": 0.4, "auc": 0.7, "spearman_ceiling": 0.95, "spearman_positive": 0.3, "zero_share": 0.54}
    for r in seeds(dataset="cdnow", method="ziln"):
        metrics = {"test": {**r.metrics["test"], **extra, "gini": 0.4 + r.seed / 100}}
        save(tmp_path, record(dataset="cdnow", method="ziln", seed=r.seed, metrics=metrics))
    page = render(tmp_path)
    (row,) = board_rows(page, "cdnow")
    assert row["Gini ↑"] == "**0.4200 ± 0.0158**"
    assert row["AUC of > 0 ↑"] == "**0.7000 ± 0.0000**"
    assert "54.0 % of the test labels are 0; predictions without ties reach a Spearman correlation of 0.9500" in page


def test_errors_by_bucket_stand_above_the_papers(text):
    words = section(text, "ProWTP, Table 7: errors by duration bucket", "KuaiRand-Pure")
    table = {row["RMSE ↓"]: row for row in rows(words)}
    assert table["ProWTP as printed"]["bucket 3"] == "43.62"
    assert list(table)[-1] == "ProWTP as printed"
    assert "D2Q" not in table  # stale
    mean = sum(r.slices["bucket=2"]["rmse"] for r in seeds(method="tr", mae=22.4, rmse=41.2)) / 5
    assert table["TR / VR"]["bucket 2"].startswith(f"{mean:.3f} ± ")


def test_parameters_stand_beside_the_papers(text):
    table = {row["method"]: row for row in rows(section(text, "GR, Table 7: more parameters", "KuaiRec (watch time)"))}
    assert table["VR-large"]["parameters"] == "0.86M"
    assert table["VR-large"]["MAE ↓"].startswith("<u>4.4")
    assert table["GR"]["MAE ↓"] == "not run"


def test_ablations_appear_once_a_variant_has_records(text, tmp_path):
    assert "## Other tables of the papers" not in text
    save(tmp_path, *world(), *seeds(method="prowtp", variant="ot", rmse=40.0))
    page = render(tmp_path)
    words = section(page, "Other tables of the papers")
    assert "**ProWTP, Table 4: Ablation study on different distribution alignment methods**" in words
    table = {row["method"]: row for row in rows(words)}
    assert table["SUOT"]["RMSE ↓"] == "not run"
    assert table["OT"]["RMSE ↓"].startswith(("**40.", "**39."))


def test_costs_and_environments_are_there(text):
    table = {row["method"]: row for row in rows(section(text, "Cost", "kuairand"))}
    assert table["TPM"]["parameters"] == "861,234"
    assert table["TPM"]["training rows/s"] == "123,457"
    assert table["TPM"]["replicas together"] == "5"
    assert r"- 53 records: processor a \| b, python 3.12.3, torch 2.13.0" in text


def test_records_of_two_states_of_the_data_are_called_out(tmp_path):
    from benchmark.records.record import Identity

    save(tmp_path, record(), record(seed=1, identity=Identity("c", {}, "c", "other", {})))
    assert "The records of kuairand come from more than one state of its data" in render(tmp_path)


def test_no_records_make_a_page_that_says_so(tmp_path):
    page = render(tmp_path / "none")
    assert "There are no records yet" in page
    assert "no records yet" in section(page, "ProWTP, Tables 1 and 8", "KuaiRand-Pure")


def test_a_dataset_whose_records_are_all_stale_is_no_empty_table(tmp_path):
    save(tmp_path, *seeds(2))
    page = render(tmp_path, stale={f"kuairand/tpm/default/{s}": "data moved" for s in range(2)})
    assert "Not run: its records are stale, failed or skipped" in section(
        page, "ProWTP, Tables 1 and 8", "KuaiRand-Pure"
    )
    (row,) = board_rows(page, "kuairand")
    assert row["notes"] == "seeds 0, 1 stale: `data moved`"


def test_every_table_of_the_page_is_whole(text):
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block
    assert "Undefined" not in text
    assert "nan" not in re.findall(r"[a-z]+", text)
    assert "None" not in text
    assert "\n\n\n" not in text


def test_the_snippet_rebuilds_the_leaderboard(runs, monkeypatch, capsys):
    snippet = (TEMPLATES / "snippet.py.txt").read_text()
    page = render(runs)
    assert f"```python\n{snippet}```" in page
    assert len(snippet.splitlines()) <= 11
    monkeypatch.chdir(runs.parents[1])
    found: dict = {}
    exec(snippet, found)
    names = {("tpm", "default"): "TPM", ("boosting", "absolute"): "Boosted trees", ("wlr", "default"): "WLR"}
    board = {(row["method"], row["variant"]): row for row in board_rows(page, "kuairand")}
    for (method, variant), title in names.items():
        for metric, column, digits in (("mae", "MAE ↓", 3), ("rmse", "RMSE ↓", 3), ("xauc", "XAUC ↑", 4)):
            mean, std = found["board"].loc[(method, variant), metric]
            assert f"{mean:.{digits}f} ± {std:.{digits}f}" in board[title, variant][column]
    assert "boosting" in capsys.readouterr().out


def test_writing_is_whole_or_not_at_all(runs, tmp_path):
    write(runs, out := tmp_path / "RESULTS.md", STALE)
    assert out.read_text(encoding="utf-8") == render(runs, stale=STALE)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["RESULTS.md", "board.html"]
    with pytest.raises(UserError, match="cannot be written"):
        write(runs, out / "RESULTS.md")  # a file in a folder's place
    damaged = save(tmp_path / "runs", record())
    next(damaged.glob("*/*/*/*.json")).write_text("{")
    with pytest.raises(UserError, match="delete it"):
        write(damaged, out)
    assert out.read_text(encoding="utf-8").startswith("# Results")


def test_reports_know_no_torch_no_method_and_no_dataset():
    heavy = ("torch", "methods", "datasets", "pandas", "numpy", "sklearn", "numba")
    call = f"import sys, reports.render; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not (ROOT / "RESULTS.md").exists(), reason="no RESULTS.md yet")
def test_the_committed_page_is_that_of_the_committed_records():
    page = (ROOT / "RESULTS.md").read_text(encoding="utf-8")
    assert f"<!-- records sha256:{digest(ROOT / 'reports' / 'runs')} -->" in page, "run `python -m benchmark report`"
