"""A kept model: the bits of its run, whatever it learned; refused by name where a byte has changed."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.cli.app import main
from benchmark.execute.cells import fit
from benchmark.files.errors import UserError
from benchmark.keep.codec import NotKept, Reader, Writer
from benchmark.keep.model import About, keep_fitted, keep_trained, opened, schema_dict
from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Rows, Schema
from methods.base import Method
from methods.capabilities import LEVELS, Distribution
from methods.registry import all_methods
from tests import own_logs
from tests.ltv_world import ltv_world
from tests.worlds import watch_world

WATCH = ("tr", "tpm", "cread", "d2q", "cqe", "egmn", "boosting", "bucket_median", "mean")
VALUES = ("ziln", "mdme", "optdist", "two_part", "hist_trees", "lightgbm", "zero")


def world(task: str) -> tuple[Schema, Rows]:
    schema, rows = watch_world(400) if task == "watch_time" else ltv_world(400)
    return schema, replace(rows, truth={})


def kept(name: str, task: str, place: Path) -> tuple[Any, Rows, np.ndarray]:
    """A method trained for an epoch and kept; returns the model, rows, and what the trainer predicted for them."""
    method = all_methods()[name]
    module = method.__module__
    schema, rows = world(task)
    train, valid = rows.take(np.arange(300)), rows.take(np.arange(300, 400))
    config = json.loads(json.dumps(asdict(method.Config())))
    about = About(dataset="made-up", method=name, module=module, title=method.title, variant="default", seed=3,
                  config=config, schema=schema_dict(schema), learned=None)  # fmt: skip
    if issubclass(method, Method):
        trainer = Trainer(method, schema, train, valid, Plan(64, 1, 1), [3], [method.Config()])
        trainer.fit()
        keep_trained(place, about, b"{}", trainer, 0)
        return opened(place), rows, trainer.predict(rows)[0].astype(np.float32)
    learned = fit(method(method.Config()), 3, train, valid, schema)
    keep_fitted(place, about, b"{}", learned)
    predicted = np.asarray(method(method.Config()).predict(learned, rows.without_label()))
    return opened(place), rows, predicted.astype(np.float32)


@pytest.mark.parametrize(
    ("name", "task"), [*((name, "watch_time") for name in WATCH), *((name, "ltv") for name in VALUES)]
)
def test_a_kept_model_predicts_to_the_bit_whatever_rows_are_asked_for(tmp_path, name, task):
    if name == "lightgbm":
        pytest.importorskip("lightgbm")
    model, rows, predicted = kept(name, task, tmp_path / "model")
    np.testing.assert_array_equal(model.predict(rows), predicted)
    some = np.random.default_rng(0).permutation(len(rows))[:7]
    np.testing.assert_array_equal(model.predict(rows.take(some)), predicted[some])
    assert not [path for path in (tmp_path / "model").iterdir() if b"pickle" in path.read_bytes()]


def test_a_distribution_keeps_its_quantiles(tmp_path):
    model, rows, _ = kept("cqe", "watch_time", tmp_path / "model")
    found = model.quantiles(rows, LEVELS)
    assert found.shape == (len(rows), len(LEVELS)) and (np.diff(found, axis=1) >= 0).all()
    assert issubclass(model.predictor.stack.method, Distribution)
    assert kept("mean", "watch_time", tmp_path / "other")[0].quantiles(rows, LEVELS) is None


def test_nothing_but_known_classes_is_written_or_made_again():
    with pytest.raises(NotKept, match="cannot be written as JSON and arrays"):
        Writer().tree({"path": Path("x")})
    for tree in (
        {"kind": "struct", "class": "os.system", "items": {}},
        {"kind": "asked", "name": "__class__", "of": 1},
        {"kind": "eval", "text": "1"},
    ):
        with pytest.raises((NotKept, ValueError)):
            Reader({}, {}.__getitem__).value(tree)


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json", "encoder.json", "SHA256SUMS"])
@pytest.mark.parametrize("harm", ["flip", "cut", "lose"])
def test_a_damaged_folder_is_refused_by_the_files_name(tmp_path, name, harm):
    kept("tr", "watch_time", tmp_path / "model")
    path = tmp_path / "model" / name
    data = bytearray(path.read_bytes())
    if harm == "lose":
        path.unlink()
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data if harm == "flip" else data[: len(data) // 2])
    with pytest.raises(UserError, match=str(tmp_path / "model")) as caught:
        opened(tmp_path / "model")
    if harm == "lose" or name != "SHA256SUMS":
        assert name in str(caught.value)


def test_another_folder_is_never_written_over(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is there and is no kept model"):
        kept("mean", "watch_time", tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


# from a table to predictions, as a user types it


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("taken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVP_CACHE", str(folder / "cache"))
        frame = own_logs.clicks(900)
        toml = own_logs.write(folder, frame)
        run = ["run", "--table", str(toml), "--only", "median,cqe", "--seeds", "2", "--executor", "inline"]
        assert main([*run, "--keep-model"]) == 0
    return folder, frame


def predict(folder: Path, table: Path, out: str, *more: str) -> int:
    return main(
        ["predict", "--model", str(folder / "clicks-model"), "--table", str(table), "--out", str(folder / out), *more]
    )


def test_predictions_of_new_rows_are_one_for_each_with_its_keys(taken, capsys):
    folder, frame = taken
    new = frame.sample(50, random_state=0).drop(columns="dwell_ms").reset_index(drop=True)
    new.loc[3, "viewer"], new.loc[4, "viewer"], new.loc[5, "clip"] = 17, 18, 19
    new.loc[6, "clip_ms"] = 0
    new.to_parquet(folder / "new.parquet")
    assert predict(folder, folder / "new.parquet", "p.parquet") == 0
    out = capsys.readouterr().out
    assert "50 predictions of" in out and "viewer: 2 rows (4.0%)" in out and "clip: 1 rows" in out
    assert "1 rows have no duration above 0" in out
    found = pd.read_parquet(folder / "p.parquet")
    for name in ("viewer", "clip", "shown_at"):
        pd.testing.assert_series_equal(found[name], new[name])
    assert found.value.isna().tolist() == [row == 6 for row in range(50)]
    model = json.loads((folder / "clicks-model" / "model.json").read_text())
    quantiles = [name for name in found if name.startswith("q")]
    assert bool(quantiles) == (model["method"] == "cqe")
    assert predict(folder, folder / "new.parquet", "p.csv", "--keys", "age,device") == 0
    assert list(pd.read_csv(folder / "p.csv"))[:3] == ["age", "device", "value"]


def test_a_file_that_cannot_be_predicted_is_one_line_and_leaves_nothing(taken, capsys):
    folder, frame = taken
    frame.drop(columns="age").to_parquet(folder / "less.parquet")
    frame.assign(age="old").to_parquet(folder / "odd.parquet")
    frame.head(0).to_parquet(folder / "none.parquet")
    faults = {
        "less": "no column 'age', which the model needs",
        "odd": "column 'age' is not a number ('old')",
        "none": "has no rows to predict",
        "gone": "no such file",
    }
    for name, says in faults.items():
        assert predict(folder, folder / f"{name}.parquet", "bad.parquet") == 2
        assert says in capsys.readouterr().err
    assert predict(folder, folder / "clicks.parquet", "bad.txt") == 2
    assert "predictions are written as .parquet, .feather, .csv" in capsys.readouterr().err
    assert not list(folder.rglob("*bad*"))


def test_the_run_and_the_kept_model_predict_alike(taken):
    from benchmark.records.predictions import read
    from datasets import cache
    from datasets.described.dataset import described

    folder, _ = taken
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVP_CACHE", str(folder / "cache"))
        table = cache.load(described(folder / "clicks.toml"), None)
    about = json.loads((folder / "clicks-model" / "model.json").read_text())
    (path,) = (folder / "cache" / "predictions" / "clicks" / about["method"]).glob(f"default/{about['seed']}-*.npy")
    assert predict(folder, folder / "clicks.parquet", "all.parquet") == 0
    value = pd.read_parquet(folder / "all.parquet").value.to_numpy()
    np.testing.assert_array_equal(value[table.split["test"]], read(path))


def test_customers_are_predicted_from_their_purchases(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))
    frame = own_logs.orders(200)
    window = own_logs.ORDERS.replace('"first purchase"', '"calibration"\ncut = 2023-08-31')
    toml = own_logs.write(tmp_path, frame, window, name="orders")
    run = ["run", "--table", str(toml), "--only", "mean,past_rate", "--seeds", "1", "--executor", "inline"]
    assert main([*run, "--keep-model"]) == 0
    assert main(["predict", "--model", str(tmp_path / "orders-model"), "--table", str(tmp_path / "orders.parquet"),
                 "--out", str(tmp_path / "p.parquet")]) == 0  # fmt: skip
    found = pd.read_parquet(tmp_path / "p.parquet")
    bought = frame[frame.status != "refunded"]
    assert found.client_id.tolist() == sorted(bought.client_id.unique())
    about = json.loads((tmp_path / "orders-model" / "model.json").read_text())
    if about["method"] == "past_rate":  # as of the log's last day
        day = frame.ordered_at.dt.floor("D")
        first = day[bought.index].groupby(bought.client_id).min()
        again = day[bought.index].groupby(bought.client_id).nunique() - 1
        never = again[again == 0].index
        assert (found.set_index("client_id").value[never] == 0).all() and (first <= day.max()).all()
