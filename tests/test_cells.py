"""A group's records: one seed's fault is that seed's alone, and labels that are all the same need no training."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.execute.cells import Common, Trained, train_seeds
from benchmark.execute.events import unheard
from benchmark.records.cell import Group
from benchmark.records.health import health, words
from benchmark.records.predictions import path_of
from benchmark.records.record import NOTHING_TO_LEARN, Identity
from benchmark.tuning.training import Bench, attempts
from datasets.base import Protocol, Table
from methods.backbone import BackboneConfig, Regressor
from methods.base import Estimator, Method, MethodBase
from methods.boosting import Boosting
from methods.constants import Median
from methods.prowtp.method import ProWTP
from methods.tr import TR
from tests.worlds import split, watch_world

SMALL = {"dim": 4, "hidden": (8,)}


class Late(Method):
    """Infinite for rows of one user, in the seeds whose parameter is above 0."""

    Config = BackboneConfig

    def build(self, schema: Any, fitted: Any) -> Any:
        module = Regressor(schema, self.config)
        module.sign = torch.nn.Parameter(torch.randn(()))
        return module

    def loss(self, module: Any, batch: Any) -> Any:
        return (module(batch)[:, 0] - batch.label).abs().mean() + 0 * module.sign

    def predict(self, module: Any, batch: Any) -> Any:
        odd = (batch.ids[:, 0] == 5) & (module.sign > 0)
        return torch.where(odd, torch.inf, module(batch)[:, 0].clamp_min(0))


class Odd(Estimator):
    """Not a number for the first rows, in the seeds that draw below 1/2."""

    @dataclass(frozen=True)
    class Config:
        """Nothing."""

    def fit(self, train: Any, valid: Any, schema: Any, rng: np.random.Generator) -> Any:
        return rng.random() < 0.5

    def predict(self, fitted: Any, rows: Any) -> np.ndarray:
        found = np.ones(len(rows))
        found[:7] = np.nan if fitted else 1
        return found


@pytest.fixture(autouse=True)
def _cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))


def common(table: Table, config: Any, *, stop: Any = "mae", seeds: int = 6) -> Common:
    protocol = Protocol("made up", batch=64, epochs=2, patience=2, stop=stop)
    identity = Identity("c0de", {}, "c0f1", "da7a", {})
    group = Group("made", "up", "default", tuple(range(seeds)))
    return Common(group, "Made up", config, table, protocol, identity)


def trained(method: type[MethodBase], table: Table, *, stop: Any = "mae", **settings: Any) -> Trained:
    return train_seeds(method, common(table, method.Config(**settings), stop=stop), unheard)


def without_user(table: Table, user: int, part: str) -> Table:
    """The table with no row of this user in one of its parts."""
    index = table.split[part]
    return replace(table, split={**table.split, part: index[table.rows.ids[index, 0] != user]})


@pytest.mark.parametrize(("stop", "parts"), [("mae", ["test"]), ("loss", ["validation", "test"])])
def test_a_seed_whose_predictions_are_not_finite_fails_alone(stop: Any, parts: list[str]) -> None:
    table = split(*watch_world(900))
    if "validation" not in parts:
        table = without_user(table, 5, "valid")
    given = common(table, Late.Config(**SMALL), stop=stop)
    records = train_seeds(Late, given, unheard).records
    failed = [record for record in records if record.outcome == "failed"]
    assert 0 < len(failed) < len(records) == 6
    counts = {"validation": table.view("valid").ids[:, 0] == 5, "test": table.view("test").ids[:, 0] == 5}
    words_ = "; ".join(f"{counts[p].sum()} of {len(counts[p])} {p} predictions are not finite" for p in parts)
    assert {record.error for record in failed} == {words_}
    assert all(record.metrics == {} and record.curve is not None for record in failed)
    assert all(np.isfinite(record.metrics["test"]["mae"]) for record in records if record.outcome == "ok")
    kept = {record.seed for record in records if path_of(given.group, record.seed, given.identity).exists()}
    assert kept == {record.seed for record in records if record.outcome == "ok"}


def test_an_estimator_s_seed_fails_alone_too() -> None:
    records = trained(Odd, split(*watch_world(400))).records
    failed = [record for record in records if record.outcome == "failed"]
    assert 0 < len(failed) < len(records)
    assert {record.error for record in failed} == {
        "7 of 40 validation predictions are not finite; 7 of 160 test predictions are not finite"
    }


def test_predictions_of_another_shape_are_refused() -> None:
    class Short(Odd):
        """One prediction too few."""

        def predict(self, fitted: Any, rows: Any) -> np.ndarray:
            return np.ones(len(rows) - 1)

    with pytest.raises(ValueError, match=r"predictions of 40 validation rows have the shape \[39\]"):
        trained(Short, split(*watch_world(400)))


def flat(label: float = 6.0, *, test: float | None = None) -> Table:
    """A table whose training and validation labels are all the same; its test labels too, or another."""
    table = split(*watch_world(400))
    labels = np.full(400, label, np.float32)
    if test is not None:
        labels[table.split["test"]] = test
    return replace(table, rows=replace(table.rows, label=labels))


@pytest.mark.parametrize("method", [TR, ProWTP, Median, Boosting, Late])
def test_labels_that_are_all_the_same_are_predicted_and_nothing_trains(method: type[MethodBase]) -> None:
    found = trained(method, flat())
    for record in found.records:
        assert (record.outcome, record.curve) == ("ok", None)
        assert record.metrics["test"]["mae"] == record.metrics["valid"]["rmse"] == 0.0
        assert record.metrics["test"]["spearman"] is None
        assert (
            record.error
            == f"{NOTHING_TO_LEARN}: every training label is 6, which is predicted for every row, untrained"
        )
    assert words(health(list(found.records), {})) == "labels all alike"
    assert trained(method, flat(test=9.0)).records[0].metrics["test"]["mae"] == pytest.approx(3.0)


def test_two_labels_are_enough_to_train() -> None:
    table = flat()
    labels = np.array(table.rows.label)
    labels[table.split["train"][0]] = 6.5
    records = trained(TR, replace(table, rows=replace(table.rows, label=labels)), **SMALL).records
    assert all(record.curve is not None and not record.error for record in records)


def test_trials_on_labels_that_are_all_the_same_are_told_too() -> None:
    table = flat()
    protocol = Protocol("made up", batch=64, epochs=2, patience=2)
    bench = Bench(TR, table.schema, table.view("train"), table.view("valid"), protocol)
    settings = [{"lr": 1e-3, "dim": 4, "hidden": [8]}, {"lr": 1e-3, "dimension": 4}]
    good, bad = attempts(bench, settings, lambda epoch, active: None)
    assert (good.outcome, good.objective, good.curve) == ("ok", 0.0, None)
    assert good.error.startswith(NOTHING_TO_LEARN)
    assert bad.outcome == "failed" and "dimension" in bad.error
