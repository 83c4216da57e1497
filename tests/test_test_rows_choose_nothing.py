"""Nothing is chosen by a test row: with other test labels, every epoch, setting and prediction is what it was.

The trials of a search are held to the same in test_tuning_training.py.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.execute.cells import Common, train_seeds
from benchmark.execute.events import unheard
from benchmark.records.cell import Group
from benchmark.records.predictions import path_of, read
from benchmark.records.record import Identity, Record
from datasets.base import Protocol, Table
from methods.absolute import Absolute
from methods.base import MethodBase
from methods.boosting import Boosting
from methods.constants import BucketMedian
from methods.log1p import Log1p
from methods.tr import TR
from tests.worlds import split, watch_world

NETWORKS = (TR, Absolute, Log1p)
CASES = [(cls, stop) for cls in NETWORKS for stop in ("mae", "loss")] + [(Boosting, "mae"), (BucketMedian, "mae")]


def run(method: type[MethodBase], table: Table, stop: Any, home: Any, monkeypatch: Any) -> tuple[Any, ...]:
    """The records of three seeds, and the test predictions that lie in the cache."""
    monkeypatch.setenv("CVP_CACHE", str(home))
    protocol = Protocol("made up", batch=32, epochs=6, patience=2, stop=stop)
    config = method.Config(dim=4, hidden=(8,), lr=0.02) if method in NETWORKS else method.Config()  # type: ignore[call-arg]
    group, identity = Group("made", method.name, "default", (0, 1, 2)), Identity("c0de", {}, "c0f1", "da7a", {})
    records = train_seeds(method, Common(group, "T", config, table, protocol, identity), unheard).records
    return records, np.stack([read(path_of(group, r.seed, identity)) for r in records])


def chosen(record: Record) -> tuple[Any, ...]:
    """All that is decided before a test label is looked at."""
    return record.outcome, record.config, record.curve, record.metrics["valid"]


@pytest.mark.parametrize(("method", "stop"), CASES)
def test_other_test_labels_move_no_epoch_no_setting_and_no_prediction(
    method: type[MethodBase], stop: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = split(*watch_world(500))
    label, test = table.rows.label.copy(), table.split["test"]
    label[test] = 5 * np.random.default_rng(1).permutation(label[test])
    other = replace(table, rows=replace(table.rows, label=label))
    (here, one), (there, two) = (
        run(method, t, stop, tmp_path / n, monkeypatch) for n, t in (("a", table), ("b", other))
    )
    assert [chosen(r) for r in here] == [chosen(r) for r in there]
    np.testing.assert_array_equal(one, two)
    assert all(a.metrics["test"]["mae"] != b.metrics["test"]["mae"] for a, b in zip(here, there, strict=True))


@pytest.mark.parametrize("stop", ["mae", "loss"])
def test_other_validation_labels_do_move_them(stop: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above can fail."""
    table = split(*watch_world(500))
    label, valid = table.rows.label.copy(), table.split["valid"]
    label[valid] = 5 * np.random.default_rng(1).permutation(label[valid])
    other = replace(table, rows=replace(table.rows, label=label))
    (here, _), (there, _) = (run(TR, t, stop, tmp_path / n, monkeypatch) for n, t in (("a", table), ("b", other)))
    assert [r.curve for r in here] != [r.curve for r in there]
