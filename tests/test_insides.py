"""What a trained method offers beyond values reaches its records: calibration of its distribution, numbers and arrays
of its inside; and a suite's grid may have seeds of its own."""

import io
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.execute.inside import Inside
from benchmark.files.errors import UserError
from benchmark.plan import suite as suites
from benchmark.plan.catalog import catalog
from benchmark.plan.estimate import CostModel, longest_first, spell
from benchmark.records.cell import Group
from benchmark.records.store import Store
from benchmark.train.trainer import Plan, Trainer
from methods.base import Batch, Fitted
from methods.capabilities import LEVELS, Distribution, Examined
from methods.tr import TR
from tests.fake_records import record
from tests.worlds import watch_world

SCHEMA, ROWS = watch_world(600)
TRAIN, VALID, TEST = (ROWS.take(np.arange(a, b)) for a, b in ((0, 300), (300, 450), (450, 600)))


class Open(TR, Distribution, Examined):
    """TR with a made-up spread about its value."""

    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        assert batch.label is None and batch.draws is None
        return self.predict(module, batch).unsqueeze(1) * (0.5 + torch.tensor(levels))

    def examine(self, module: Any, batch: Batch, fitted: Fitted) -> Mapping[str, Any]:
        assert batch.label is not None and batch.draws is None
        h = module.backbone(batch)
        return {
            "scale": float(fitted["scale"]),
            "rows": float(len(h)),
            "h": h.detach().numpy(),
            "lr": float(self.config.lr),
        }


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    configs = [Open.Config(dim=4, hidden=(8, 8), lr=lr) for lr in (1e-3, 2e-3)]
    made = Trainer(Open, SCHEMA, TRAIN, VALID, Plan(64, 2, 9), [0, 1], configs)
    made.fit()
    return made


@pytest.mark.parametrize("levels", [LEVELS, (0.5,), (0.01, 0.37)])
def test_quantiles_are_those_of_each_replica_at_the_levels_asked_for(trainer: Trainer, levels: tuple) -> None:
    found = trainer.quantiles(TEST, levels)
    assert found.shape == (2, 150, len(levels))
    np.testing.assert_allclose(found[1], trainer.predict(TEST)[1][:, None] * (0.5 + np.array(levels)), rtol=1e-6)


def test_a_replica_is_examined_with_its_own_parameters_and_hyper_parameters(trainer: Trainer) -> None:
    one, two = (trainer.examine(replica, VALID) for replica in (0, 1))
    assert one["h"].shape == (150, 8) and not np.array_equal(one["h"], two["h"])
    assert (one["lr"], two["lr"]) == (pytest.approx(1e-3), pytest.approx(2e-3))
    assert one["scale"] == pytest.approx(float(np.std(TRAIN.label)))  # type: ignore[arg-type]


CALIBRATED = {"pinball", "pinball_rows", "coverage_50", "coverage_80", "coverage_90"}


def test_numbers_go_into_every_record_and_arrays_beside_the_first(trainer: Trainer) -> None:
    more = Inside(Open, trainer, VALID, TEST)
    records = [more.add(record(seed=seed), place) for place, seed in ((0, 5), (1, 6))]
    assert [set(r.inside) for r in records] == [{"scale", "rows", "lr"}] * 2
    assert all(set(r.metrics["test"]) >= CALIBRATED and not r.error for r in records)
    assert list(more.arrays) == [5]
    assert set(np.load(io.BytesIO(more.arrays[5]))) == {"h"}


def test_a_method_that_offers_nothing_is_asked_nothing(trainer: Trainer) -> None:
    more = Inside(TR, trainer, VALID, TEST)
    plain = record()
    assert more.add(plain, 0) == record() and not more.arrays


@pytest.mark.parametrize("broken", ["quantiles", "examine"])
def test_what_fails_in_the_extras_costs_no_record(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("no such thing")

    monkeypatch.setattr(Open, broken, fail)
    kept = Inside(Open, trainer, VALID, TEST).add(record(), 0)
    assert kept.outcome == "ok" and kept.metrics["test"]["mae"] == record().metrics["test"]["mae"]
    assert "ZeroDivisionError: no such thing" in kept.error
    assert bool(kept.inside) == (broken == "quantiles") and ("pinball" in kept.metrics["test"]) == (broken == "examine")


def test_the_store_writes_arrays_beside_the_record(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(record(seed=3), b"arrays")
    assert store.folder.joinpath(record(seed=3).cell.arrays).read_bytes() == b"arrays"
    (tmp_path / record().cell.path.parent / ".3.npz.17").write_bytes(b"half of it")
    with store.lock():
        pass
    assert sorted(p.name for p in (tmp_path / record().cell.path.parent).iterdir()) == ["3.json", "3.npz"]
    store.write(record(seed=3))  # a record without arrays is no longer beside those of another
    assert [p.name for p in (tmp_path / record().cell.path.parent).iterdir()] == ["3.json"]


def test_a_grid_may_have_seeds_of_its_own() -> None:
    methods, _ = catalog()
    grids = (suites.Grid(("kuairand",), ("tr",)), suites.Grid(("kuairand",), ("tr",), ("large",), seeds=2))
    suite = suites.Suite("made-up", "", 5, grids)

    def count(seeds: int | None) -> tuple[int, int]:
        found = suites.cells(suite, methods, seeds)
        return tuple(sum(c.variant == variant for c in found) for variant in ("default", "large"))  # type: ignore[return-value]

    assert (count(None), count(3), count(1), count(9)) == ((5, 2), (3, 2), (1, 1), (9, 2))


@pytest.mark.parametrize("wrong", ['datasets = "kuairand"', 'datasets = ["kuairand"]\nseeds = "2"'])
def test_a_grid_of_another_shape_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    (tmp_path / "mine.toml").write_text(f'title = ""\nseeds = 1\n[[grid]]\nmethods = ["tr"]\n{wrong}\n')
    monkeypatch.setattr(suites, "FOLDER", tmp_path)
    with pytest.raises(UserError, match="is not a suite"):
        suites.load("mine")


def timed(method: str, seconds: float, device: str = "cpu") -> Any:
    cost = SimpleNamespace(seconds=seconds, device=device)
    return record(method=method, cost=cost, facts={"split_sizes": {"train": 1000}})


def test_times_come_from_the_nearest_record() -> None:
    known = [
        timed("tr", 12.0),
        timed("d2q", 6.0),
        timed("d2q", 0.1, "cuda"),
        record(method="oracle", outcome="skipped"),
    ]
    rows = {"kuairand": 2000, "kuairec": 4000, "wechat": None}
    estimate = CostModel(known, rows, {"kuairand": 50, "kuairec": 20})

    def of(dataset: str, method: str, variant: str = "default") -> Any:
        return estimate.of(Group(dataset, method, variant, (0,)))

    assert (of("kuairand", "tr").seconds, of("kuairand", "tr").basis) == (24.0, "as last time")  # twice the rows now
    assert of("kuairand", "d2q").seconds == 12.0  # another device says nothing
    assert of("kuairand", "oracle").seconds == 0
    elsewhere = of("kuairec", "d2q")
    assert elsewhere.basis == "from d2q/default elsewhere" and elsewhere.seconds > 6
    assert of("kuairec", "tr", "large").basis == "from tr elsewhere"
    assert of("kuairec", "new").basis == "from a typical method"
    assert of("wechat", "tr") is None
    guess = CostModel([], {"kuairec": 4000}, {"kuairec": 20}).of(Group("kuairec", "tr", "default", (0,)))
    assert guess is not None and guess.basis == "a guess"


def test_durations_are_spelled_for_people() -> None:
    assert [spell(s) for s in (0.4, 59, 1000, 12_000, 200_000)] == ["0 s", "59 s", "17 min", "3 h 20 min", "2 d 7 h"]


def test_what_takes_longest_runs_first_and_what_nobody_knows_keeps_its_place() -> None:
    """A group of five seeds takes five times as long as one; a long one that came last would be waited for."""
    estimate = CostModel([timed("tr", 2.0), timed("d2q", 9.0)], {"kuairand": 1000, "wechat": None}, {"kuairand": 50})
    groups = [Group("kuairand", "tr", "default", (0,)), Group("wechat", "a", "default", (0,)),
              Group("wechat", "b", "default", (0,)), Group("kuairand", "d2q", "default", (0,)),
              Group("kuairand", "tr", "default", (0, 1, 2, 3, 4, 5))]  # fmt: skip
    assert longest_first(groups, estimate) == [groups[4], groups[3], groups[0], groups[1], groups[2]]
