"""Trials of one stack: what becomes of each does not depend on who trained beside it, nor on any test row."""

import errno
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.execute.cells import curve_of
from benchmark.execute.events import unheard
from benchmark.execute.task import Origin
from benchmark.records.record import decode as read
from benchmark.records.record import encode as written
from benchmark.records.study import Study
from benchmark.records.trial import Attempt, Proposal
from benchmark.train.reads import Shared
from benchmark.train.trainer import History, Plan, Trainer
from benchmark.tuning import training
from benchmark.tuning.task import TryTrials
from benchmark.tuning.training import Bench, attempts
from datasets.base import Protocol, Table
from methods.backbone import BackboneConfig
from methods.base import Estimator, MethodBase
from methods.tr import TR
from tests.fake_records import record
from tests.worlds import split, watch_world

SCHEMA, ROWS = watch_world(700)
TRAIN, VALID = ROWS.take(np.arange(450)), ROWS.take(np.arange(450, 700))
PROTOCOL = Protocol("made up", batch=64, epochs=5, patience=2)
SMALL = {"dim": 4, "hidden": [8, 8]}
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


def bench(method: type[MethodBase] = TR, protocol: Protocol = PROTOCOL) -> Bench:
    return Bench(method, SCHEMA, TRAIN, VALID, protocol)


def tried(
    settings: list[dict[str, Any]], method: type[MethodBase] = TR, protocol: Protocol = PROTOCOL
) -> list[Attempt]:
    return attempts(bench(method, protocol), settings, lambda epoch, active: None)


def rates(*values: float, **more: Any) -> list[dict[str, Any]]:
    return [asdict(TR.Config()) | SMALL | {"lr": lr} | more for lr in values]


def bare(attempt: Attempt) -> Attempt:
    """Without what may differ."""
    return replace(attempt, seconds=0.0, together=1)


@pytest.mark.parametrize("stop", ["mae", "loss", "last"])
def test_a_trials_numbers_do_not_depend_on_the_stack(stop: Any) -> None:
    protocol = replace(PROTOCOL, stop=stop)
    together = [bare(a) for a in tried(rates(*RATES), protocol=protocol)]
    apart = [bare(tried([one], protocol=protocol)[0]) for one in rates(*RATES)]
    halves = [bare(a) for part in (RATES[:2], RATES[2:]) for a in tried(rates(*part), protocol=protocol)]
    assert together == apart == halves
    assert len({a.objective for a in together}) == len(RATES)


def test_the_objective_is_the_stopping_metric_at_the_best_epoch() -> None:
    (found,) = tried(rates(1e-2))
    assert found.curve is not None and found.objective is not None
    assert found.objective == pytest.approx(min(v for v in found.curve.valid if v is not None), rel=1e-6)
    config = TR.Config(dim=4, hidden=(8, 8), lr=1e-2)
    trainer = Trainer(TR, SCHEMA, TRAIN, VALID, Plan(64, 5, 2), [0, 7], [config] * 2)  # as a cell of seed 0 trains
    trainer.fit()
    assert VALID.label is not None
    assert found.objective == pytest.approx(np.abs(trainer.predict(VALID)[0] - VALID.label).mean(), rel=1e-6)


def test_where_the_methods_own_loss_stops_the_error_of_that_epoch_is_the_objective() -> None:
    (found,) = tried(rates(1e-2), protocol=replace(PROTOCOL, stop="loss"))
    assert found.curve is not None and found.objective is not None
    assert found.objective > 2 * min(v for v in found.curve.valid if v is not None), "seconds, not the scaled loss"


def test_a_diverged_trial_is_given_up_at_once_and_said_so() -> None:
    good, bad, other = tried(rates(1e-3, float("nan"), 1e-2))
    assert (bad.outcome, bad.objective) == ("diverged", None) and "epoch 1" in bad.error
    assert bad.curve is not None and bad.curve.valid == [None]
    assert [bare(good), bare(other)] == [bare(tried([one])[0]) for one in rates(1e-3, 1e-2)]


def test_a_trial_that_diverges_after_a_good_epoch_counts_as_its_cell_does() -> None:
    """A cell goes back to its best epoch, so its trial does."""
    history = History([3.0, 2.0, float("nan")], [1.0, 1.0, float("nan")], 2, stopped_early=True)
    found = training._judged(bench(), history, None)
    assert (found.outcome, found.objective) == ("ok", 2.0) and "epoch 3" in found.error and "epoch 2" in found.error


def test_a_diverged_cell_can_be_written_and_read() -> None:
    """JSON has no NaN."""
    curve = curve_of(History([float("nan")], [float("inf"), 1.0], 0, stopped_early=True))
    assert read(written(record(curve=curve))).curve == curve and curve.valid == [None] and curve.loss == [None, 1.0]


class Picky(TR):
    """Refuses some settings in its Config, others in `build`."""

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """w: any number but -1 and -2."""

        w: float = 1.0

        def __post_init__(self) -> None:
            if self.w == -1:
                raise ValueError("w is anything but -1")

    def build(self, schema: Any, fitted: Any) -> Any:
        if self.config.w == -2:
            raise RuntimeError("no module for -2")
        return super().build(schema, fitted)


def test_what_fails_with_one_setting_costs_the_others_nothing() -> None:
    settings = [
        asdict(Picky.Config()) | SMALL | {"w": w, "lr": lr} for w, lr in ((1, 1e-3), (-1, 1e-3), (-2, 1e-3), (3, 1e-2))
    ]
    found = tried(settings, Picky)
    assert [a.outcome for a in found] == ["ok", "failed", "failed", "ok"]
    assert "anything but -1" in found[1].error and "no module for -2" in found[2].error
    assert [bare(found[0]), bare(found[3])] == [bare(a) for a in tried(rates(1e-3, 1e-2))]


class Shaped(TR):
    """A float that decides the shape of a buffer, one that the module keeps as a number, one that only the loss
    reads."""

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Three floats."""

        share: float = 0.5
        kept: float = 1.0
        read: float = 1.0

    fits: list[float] = []

    def fit(self, train: Any, rng: Any) -> Any:
        self.fits.append(self.config.share)
        return super().fit(train, rng) | {"edges": torch.arange(int(10 * self.config.share))}

    def build(self, schema: Any, fitted: Any) -> Any:
        module = super().build(schema, fitted)
        module.register_buffer("edges", fitted["edges"].float())
        module.factor = self.config.kept
        return module

    def loss(self, module: Any, batch: Any) -> Any:
        return (super().loss(module, batch) * module.factor * self.config.read) + module.edges.sum() * 0


@pytest.mark.parametrize("field", ["share", "kept", "read", "lr"])
def test_settings_that_cannot_be_one_stack_are_trained_apart(field: str) -> None:
    Shaped.fits.clear()
    settings = [asdict(Shaped.Config()) | SMALL | {"lr": 1e-2, field: value} for value in (0.3, 0.6)]
    found = tried(settings, Shaped)
    assert [a.outcome for a in found] == ["ok", "ok"]
    assert [a.together for a in found] == ([1, 1] if field in ("share", "kept") else [2, 2])
    if field in ("read", "lr"):
        assert Shaped.fits == [0.5], "what `fit` does not read is fitted once"
    assert [bare(a) for a in found] == [bare(tried([one], Shaped)[0]) for one in settings]


@dataclass(frozen=True)
class Derived(BackboneConfig):
    """A property, and something made once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kept", self.lr * 2)

    @property
    def doubled(self) -> int:
        return 2 * self.dim


@pytest.mark.parametrize(
    ("function", "shared"),
    [
        (lambda c: c.dim, True),
        (lambda c: c.lr, False),
        (lambda c: replace(c, dim=2).dim, False),  # it reads every field to copy it
        (lambda c: asdict(c)["dim"], False),
        (lambda c: vars(c)["dim"], False),
        (lambda c: hash(c) * 0, False),
        (lambda c: c.doubled, True),
        (lambda c: c.kept, False),  # nobody knows what it was made of
    ],
)
def test_a_function_of_a_configuration_is_shared_where_nothing_that_it_reads_differs(
    function: Callable[[Any], Any], shared: bool
) -> None:
    calls: list[int] = []

    def counted(config: Any) -> Any:
        calls.append(1)
        return function(config), isinstance(config, Derived)

    known, config = Shared(counted), Derived()
    first, second = known.of(config), known.of(replace(config, lr=0.5))
    assert len(calls) == (1 if shared else 2) and first[1]
    assert (first is second) == shared


class Shift(Estimator):
    """The median plus a shift."""

    name = "shift"

    @dataclass(frozen=True)
    class Config:
        """by: seconds."""

        by: float = 0.0

    def fit(self, train: Any, valid: Any, schema: Any, rng: Any) -> Any:
        return 1 / 0 if self.config.by == -1 else np.median(train.label) + self.config.by

    def predict(self, fitted: Any, rows: Any) -> np.ndarray:
        assert rows.label is None
        return np.full(len(rows), fitted)


def test_the_time_of_a_stack_that_failed_is_its_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(clock))

    def refuse(bench: Any, method: Any, configs: list[Any], progress: Any) -> list[Attempt]:
        raise RuntimeError("no")

    monkeypatch.setattr(training, "_trained", refuse)
    assert [a.seconds for a in tried(rates(1e-3, 1e-2))] == [10 / 2 + 10] * 2


def test_an_estimators_trials_are_scored_on_validation_rows() -> None:
    found = tried([{"by": by} for by in (0.0, 5.0, -1.0, float("inf"))], Shift)
    assert TRAIN.label is not None and VALID.label is not None
    error = np.abs(VALID.label - np.median(TRAIN.label) - 5).mean()
    assert found[1].objective == pytest.approx(error, rel=1e-6)
    assert [a.outcome for a in found] == ["ok", "ok", "failed", "diverged"]
    assert "division by zero" in found[2].error and "not finite" in found[3].error


class Hungry(TR):
    """Finds no memory with this one learning rate."""

    def fit(self, train: Any, rng: Any) -> Any:
        if self.config.lr == 3e-3:
            raise MemoryError("no room for an array")
        return super().fit(train, rng)


class Starved(Shift):
    def fit(self, train: Any, valid: Any, schema: Any, rng: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")


def test_what_the_machine_lacks_is_no_trials_failure() -> None:
    with pytest.raises(MemoryError):
        tried(rates(*RATES), Hungry)
    with pytest.raises(OSError, match="Too many open files"):
        tried([{"by": 0.0}], Starved)


class NoTest(Table):
    """A table whose test rows may not be looked at."""

    def view(self, split: Any) -> Any:
        assert split != "test", "a trial looked at the test rows"
        return super().view(split)


@pytest.mark.parametrize("stop", ["mae", "loss"])
def test_no_test_row_can_change_a_trial(stop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other test labels, ids and durations, and no test row at all: the same trials, bit by bit."""
    table = split(SCHEMA, ROWS)
    rng, test = np.random.default_rng(1), table.split["test"]
    assert ROWS.label is not None and ROWS.duration is not None
    changed = replace(ROWS, label=ROWS.label.copy(), ids=ROWS.ids.copy(), duration=ROWS.duration.copy())
    assert changed.label is not None and changed.duration is not None
    changed.label[test] = rng.lognormal(5, 2, len(test))
    changed.ids[test] = 1
    changed.duration[test] = 1e6
    tables = (
        table,
        split(SCHEMA, changed),
        NoTest(SCHEMA, ROWS, table.split, {}, "da7a"),
        Table(SCHEMA, ROWS, {**table.split, "test": test[:1]}, {}, "da7a"),
    )
    proposals = tuple(Proposal(k, "tpe", {"lr": s["lr"]}, s) for k, s in enumerate(rates(*RATES)))
    job = TryTrials(Study("synthetic", "tr"), proposals, Origin("methods.tr", {}))
    found = []
    for one in tables:
        monkeypatch.setattr("datasets.cache.load", lambda dataset, root, one=one: one)
        monkeypatch.setattr("datasets.registry.get", lambda name, root: _Dataset(replace(PROTOCOL, stop=stop)))
        found.append([trial.tells for trial in job.serve(unheard).trials])
    assert all(trials == found[0] for trials in found)
    assert {t["outcome"] for t in found[0]} == {"ok"} and len(found[0]) == 5


class _Dataset:
    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
