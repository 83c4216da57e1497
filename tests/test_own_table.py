"""A table of a user's own, from the file to the board, as a user types it; nothing of its rows gets into a record or a
page."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli.app import main
from tests import own_logs


@pytest.fixture(autouse=True, scope="module")
def _one_cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def filled(toml: Path, unit: str = "ms", cap: str = '"none"') -> Path:
    """The description with its units and cap filled in, and few epochs."""
    text = toml.read_text().replace('unit = "?"', f'unit = "{unit}"').replace('cap = "?"', f"cap = {cap}")
    toml.write_text(text.replace("epochs = 20", "epochs = 2"))
    return toml


@pytest.fixture(scope="module")
def run_on_clicks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("clicks")
    frame = own_logs.clicks(1500)
    frame.to_parquet(folder / "clicks.parquet")
    assert main(["describe", str(folder / "clicks.parquet"), "--out", str(folder / "clicks.toml")]) == 0
    filled(folder / "clicks.toml")
    table = ["--table", str(folder / "clicks.toml")]
    assert main(["run", *table, "--only", "mean,median,bucket_mean,tr", "--seeds", "2", "--executor", "inline"]) == 0
    return folder, frame


def test_a_described_table_gets_records_and_a_board_in_a_folder_of_its_own(run_on_clicks):
    folder, frame = run_on_clicks
    board = folder / "clicks-board"
    cells = sorted(str(path.relative_to(board)) for path in board.glob("clicks/*/*/*.json"))
    seeds = {"bucket_mean": 1, "mean": 1, "median": 1, "tr": 2}
    assert cells == [f"clicks/{method}/default/{seed}.json" for method, count in seeds.items() for seed in range(count)]
    record = json.loads((board / "clicks/mean/default/0.json").read_text())
    assert record["protocol"]["split"] == "chronological 6:2:2 by shown_at"
    assert record["command"].endswith("--suite own --seeds 2 --table clicks.toml")
    test = frame.sort_values("shown_at").iloc[round(0.8 * len(frame)) :]
    train = frame.sort_values("shown_at").iloc[: round(0.6 * len(frame))]
    expected = (test.dwell_ms / 1000 - train.dwell_ms.mean() / 1000).abs().mean()
    assert record["metrics"]["test"]["mae"] == pytest.approx(expected, rel=1e-5)
    for name in ("RESULTS.md", "board.html", "clicks/noise.json"):
        assert (board / name).is_file()
    first = next(line for line in (board / "RESULTS.md").read_text().splitlines() if line and line[0] not in "#<")
    assert first.startswith(("Use **TR / VR**. It", "Use no model yet: **"))


def test_no_id_and_no_row_gets_into_records_pages_or_figures(run_on_clicks):
    folder, frame = run_on_clicks
    texts = {path: path.read_text(errors="replace") for path in (folder / "clicks-board").rglob("*") if path.is_file()}
    assert len(texts) > 8
    whole = {path: set(re.findall(r"\d+(?:\.\d+)?", text)) for path, text in texts.items()}
    ids = {str(value) for name in ("viewer", "clip") for value in frame[name].unique()}
    times = {str(value) for value in frame.shown_at.astype(str)}
    for path, text in texts.items():
        assert not ids & whole[path], path
        assert not [time for time in times if time in text], path
        # a row's label and duration side by side; one of both alone may be a quantile
        pairs = {(str(a), str(b)) for a, b in zip(frame.dwell_ms, frame.clip_ms, strict=True) if a > 999}
        assert not [pair for pair in pairs if set(pair) <= whole[path]], path


def test_the_same_command_has_nothing_left_to_do_and_other_verbs_know_the_table(run_on_clicks, capsys):
    folder, _ = run_on_clicks
    table, runs = str(folder / "clicks.toml"), str(folder / "clicks-board")
    assert main(["run", "--table", table, "--only", "mean,median,bucket_mean,tr", "--seeds", "2"]) == 0
    assert "nothing to run" in capsys.readouterr().out
    assert main(["status", "--data", table, "--runs", runs]) == 0
    assert "5 fresh" in capsys.readouterr().out
    assert main(["plan", "--table", table, "--only", "mean,tr/default", "--seeds", "2"]) == 0
    assert "3 cells, 0 to run" in capsys.readouterr().out
    assert main(["explain", "clicks/tr/mae", "--data", table, "--runs", runs]) == 0
    assert "1,500 rows" in capsys.readouterr().out


def test_a_corrected_description_makes_its_records_stale(tmp_path, capsys):
    toml = own_logs.write(tmp_path, own_logs.clicks(400))
    run = ["run", "--table", str(toml), "--only", "mean,median", "--executor", "inline"]
    assert main(run) == 0
    toml.write_text(own_logs.FILLED.replace("cap = 60000", 'cap = "none"'))
    assert main(["status", "--data", str(toml), "--runs", str(tmp_path / "clicks-board")]) == 0
    out = capsys.readouterr().out
    assert "label_cap" in out and out.endswith("2 stale\n")
    assert main(run) == 0


def test_purchases_are_described_and_run(tmp_path, capsys):
    own_logs.orders().to_parquet(tmp_path / "orders.parquet")
    toml = tmp_path / "orders.toml"
    assert main(["describe", str(tmp_path / "orders.parquet"), "--transactions", "--out", str(toml)]) == 0
    out = capsys.readouterr().out
    assert "refunds" in out and f"run --table {toml}" in out
    filled(toml, "EUR")
    assert (
        main(["run", "--table", str(toml), "--only", "mean,zero,boosting", "--seeds", "1", "--executor", "inline"]) == 0
    )
    record = json.loads((tmp_path / "orders-board/orders/zero/default/0.json").read_text())
    assert record["facts"]["unit"] == "EUR" and record["facts"]["dropped"]["customers younger than the horizon"] > 0
    assert "younger" not in (tmp_path / "orders.toml").read_text().split("[window]")[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--table", "{}/clicks.parquet"], "describe {}/clicks.parquet --out clicks.toml"),
        (["run", "--table", "{}/none.toml"], "none.toml: no such file; `python -m benchmark describe FILE --out none"),
        (["run", "--table", "{}/asked.toml"], "asked.toml: fill in [label] unit"),
        (["run", "--table", "{}/clicks.toml", "--data", "{}"], "leave --data away"),
        (["run", "--table", "{}/clicks.toml", "--only", "nothing"], "no cell named 'nothing'"),
        (["run", "--data", "{}/clicks.parquet"], "is a table: `python -m benchmark describe"),
        (["describe", "{}/none.csv", "--out", "{}/x.toml"], "none.csv: no such file or folder"),
        (["describe", "{}/clicks.parquet", "--out", "{}/x.txt"], "is a TOML file; write --out {}/x.toml"),
        (["describe", "{}/clicks.parquet", "--out", "{}/clicks.toml"], "is there already and may hold"),
        (["describe", "{}/clicks.parquet", "--out", "{}/x.toml", "--label", "nope"], "no column 'nope'; it has"),
        (["run", "--table", "{}/twin.toml"], "name = 'kuairand' is that of a dataset of this project"),
        (["run", "--table", "{}/bad.toml"], "column 'dwell_ms' is too small (-5) in row 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_one_line_and_leaves_nothing(tmp_path, capsys, arguments, says):
    frame = own_logs.clicks(300)
    own_logs.write(tmp_path, frame)
    (tmp_path / "asked.toml").write_text(own_logs.FILLED.replace('unit = "ms"\ncap', 'unit = "?"\ncap'))
    (tmp_path / "twin.toml").write_text(own_logs.FILLED.replace('name = "clicks"', 'name = "kuairand"'))
    own_logs.write(tmp_path, frame.assign(dwell_ms=frame.dwell_ms.mask(frame.index == 2, -5)),
                   own_logs.FILLED.replace("clicks.parquet", "bad.parquet"), name="bad")  # fmt: skip
    before = sorted(tmp_path.iterdir())
    assert main([a.replace("{}", str(tmp_path)) for a in arguments]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and says.replace("{}", str(tmp_path)) in errors[0]
    left = list(tmp_path.rglob("*.json")) + [p for p in tmp_path.iterdir() if p not in before and p.is_file()]
    assert left == []


def test_no_array_with_a_point_for_each_row_lies_beside_a_record_of_a_users_table(tmp_path, monkeypatch):
    from benchmark.execute.cells import Trained
    from benchmark.execute.events import unheard
    from benchmark.execute.task import Origin, TrainGroup
    from benchmark.plan.catalog import catalog
    from benchmark.records.cell import Group

    toml = own_logs.write(tmp_path, own_logs.clicks(200))
    monkeypatch.setattr("benchmark.execute.task.train_seeds", lambda *_: Trained((), {0: b"a map of rows"}))
    files = catalog()[0]["mean"].files()

    def arrays(dataset: str, root: Path | None) -> dict[int, bytes]:
        job = TrainGroup(Group(dataset, "mean", "default", (0,)), {}, Origin("methods.constants", files, root))
        return dict(job.serve(unheard).arrays)

    assert arrays("clicks", toml) == {}
    assert arrays("synthetic", None) == {0: b"a map of rows"}
