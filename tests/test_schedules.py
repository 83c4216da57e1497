"""Patience waits for a schedule that a method declares, and the record says where it ended."""

from dataclasses import dataclass
from typing import Any

import pytest
from torch import Tensor

from benchmark.execute.cells import curve_of
from benchmark.records.curves import kept
from benchmark.records.record import decode, encode
from benchmark.train.stopping import Best, Plan, schedule_end
from benchmark.train.trainer import Trainer
from methods.backbone import BackboneConfig, Regressor
from methods.base import Batch, Method
from methods.gr.method import GR
from methods.schedules import Scheduled
from tests.fake_records import record
from tests.replicas import world


class Plain(Method):
    """Never gets better than after its first epoch: all of its weights are zero and it has no gradient."""

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """end: of the schedule."""

        end: float = 0.5

    def build(self, schema: Any, fitted: Any) -> Regressor:
        return Regressor(schema, self.config)

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return module(batch)[:, 0] * 0

    def loss(self, module: Any, batch: Batch) -> Tensor:
        return module(batch).sum() * 0


class Late(Plain, Scheduled):
    """The same with a schedule."""

    def schedule_end(self, steps: int) -> float:
        return self.config.end


def histories(cls: type[Plain], ends: list[float], epochs: int = 10, patience: int = 2) -> list[Any]:
    schema, rows = world(100)
    configs = [cls.Config(dim=2, hidden=(2,), end=end) for end in ends]
    return Trainer(cls, schema, rows, rows, Plan(50, epochs, patience), range(len(ends)), configs).fit()


def test_without_a_schedule_patience_counts_from_the_best_epoch() -> None:
    for found in histories(Plain, [0.5, 0.5]):
        assert (len(found.valid), found.best_epoch, found.schedule_end, found.stopped_early) == (3, 1, 0, True)


def test_patience_counts_from_the_end_of_the_schedule_of_each_replica() -> None:
    found = histories(Late, [0.5, 0.0, 0.21, 1.0])
    assert [h.schedule_end for h in found] == [5, 0, 3, 10]
    assert [len(h.valid) for h in found] == [7, 3, 5, 10]
    assert [h.best_epoch for h in found] == [1, 1, 1, 1], "the best of all is kept, inside the schedule too"
    assert [h.stopped_early for h in found] == [True, True, True, False]


def test_a_better_epoch_after_the_schedule_renews_patience() -> None:
    best = Best(Plan(8, 20, 2), [4], abandon=False)
    for metric in (5.0, 6.0, 6.0, 6.0, 6.0, 4.0, 5.0):
        best.add(0, metric, 1.0)
    assert best.running == 1
    best.add(0, 5.0, 1.0)
    assert best.running == 0 and best.history(0).best_epoch == 6


def test_what_a_method_says_beyond_the_run_is_its_end() -> None:
    plan = Plan(8, 20, 2)
    assert [schedule_end(Late(Late.Config(end=end)), plan, 7) for end in (-1.0, 0.3, 0.31, 5.0)] == [0, 6, 7, 20]


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"cl_end": 0.3}, 6),
        ({"schedule": "linear", "cl_end": 0.5}, 10),
        ({"schedule": "constant"}, 0),
        ({"schedule": "teacher"}, 0),
        ({"schedule": "epoch"}, 0),
        ({"schedule": "omega", "omega": 4600.0}, 5),  # Appendix A.2.3, at KuaiRec's 12,237 steps an epoch
        ({"schedule": "omega", "omega": 17_000.0}, 20),
    ],
    ids=str,
)
def test_the_curriculum_of_gr_is_such_a_schedule(changes: dict[str, Any], end: int) -> None:
    assert schedule_end(GR(GR.Config(**changes)), Plan(1024, 20, 5), 12_237) == end


def test_the_record_says_where_the_schedule_ended_and_older_ones_can_be_read() -> None:
    (late,), (plain,) = histories(Late, [0.5])[:1], histories(Plain, [0.5])[:1]
    made = record(method="late", curve=curve_of(late))
    assert decode(encode(made)) == made and made.curve is not None and made.curve.schedule_end == 5
    assert b"schedule_end" not in encode(record(method="plain", curve=curve_of(plain)))


def test_what_is_kept_inside_an_unfinished_schedule_is_counted() -> None:
    (late,), (done,) = histories(Late, [0.5])[:1], histories(Late, [0.1])[:1]
    assert late.best_epoch < late.schedule_end and done.best_epoch == done.schedule_end
    found = [kept([record(method="late", curve=curve_of(history))]) for history in (late, done)]
    assert [row.inside for row in found if row] == [1, 0]
