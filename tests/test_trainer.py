"""The trainer's promises, on a toy that uses every part of the interface."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.train.stopping import stacked
from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Rows, Schema
from methods.backbone import Backbone, BackboneConfig
from methods.base import Batch, EmbeddingTable, Fitted, Method
from methods.tr import TR
from tests.worlds import watch_world

SCHEMA, ROWS = watch_world(900)
TRAIN, VALID = ROWS.take(np.arange(600)), ROWS.take(np.arange(600, 900))
SMALL = {"dim": 4, "hidden": (8, 8)}


class Everything(Method):
    """Two tables of unlike width, a plain nn.Embedding, an LSTM cell, targets, draws, step and progress, a float in
    the loss."""

    fit_per_seed = True

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """weight: of the side loss."""

        weight: float = 0.1

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        return {"scale": torch.tensor(train.label.std()), "shift": torch.tensor(rng.normal())}

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        assert rows.label is not None
        return {"scaled": torch.from_numpy(rows.label) / fitted["scale"] + fitted["shift"]}

    def build(self, schema: Schema, fitted: Fitted) -> nn.Module:
        module = nn.Module()
        module.backbone = Backbone(schema, self.config)
        module.wide = EmbeddingTable(schema, 1, columns=("user_id", "category"))
        module.level = nn.Embedding(6, module.backbone.out)
        module.cell = nn.LSTMCell(module.backbone.out, 5)
        module.head = nn.Linear(5, 1)
        for name, value in fitted.items():
            module.register_buffer(name, value)
        return module

    def _value(self, module: Any, batch: Batch, noise: Tensor | float = 0.0) -> Tensor:
        h = module.backbone(batch) + module.level(batch.ids[:, 2].long()) + noise
        h, _ = module.cell(h, (h.new_zeros(len(h), 5), h.new_zeros(len(h), 5)))
        return module.head(h)[:, 0] + module.wide(batch).sum((1, 2))

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.draws is not None
        noise = 0.01 * batch.draws.normal((len(batch.ids), 1)) * (1 - batch.progress)
        side = (batch.draws.uniform((len(batch.ids),)) * self._value(module, batch)).mean()
        return (self._value(module, batch, noise) - batch.targets["scaled"]).square().mean() + self.config.weight * side

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return (self._value(module, batch) - module.shift) * module.scale


class LoopedEverything(Everything):
    """The same, replica by replica."""

    stack = False


def trained(
    method: type[Method], seeds: list[int], *, epochs: int = 6, dtype: torch.dtype = torch.float64, **options: Any
) -> np.ndarray:
    """Predictions of the validation rows after a few epochs, [S, n]."""
    config = options.pop("config", None) or method.Config(**SMALL)
    trainer = Trainer(
        method, SCHEMA, TRAIN, VALID, Plan(batch=64, epochs=epochs, patience=50), seeds, [config] * len(seeds),
        dtype=dtype, **options,
    )  # fmt: skip
    trainer.fit()
    return trainer.predict(VALID)


def test_alone_equals_fifth_of_five_in_float64_after_200_steps() -> None:
    alone = trained(Everything, [4], epochs=20)
    together = trained(Everything, [0, 1, 2, 3, 4], epochs=20)
    np.testing.assert_allclose(alone[0], together[4], rtol=0, atol=1e-9)


@pytest.mark.parametrize("seeds", [[4, 9], [7, 4, 1], [0, 1, 2, 3, 4]])
def test_float32_bits_do_not_depend_on_the_neighbours(seeds: list[int]) -> None:
    alone = trained(Everything, [4], dtype=torch.float32)
    assert np.array_equal(alone[0], trained(Everything, seeds, dtype=torch.float32)[seeds.index(4)])


def test_the_loop_gives_what_the_map_gives() -> None:
    np.testing.assert_allclose(trained(Everything, [0, 1]), trained(LoopedEverything, [0, 1]), rtol=0, atol=1e-9)


def test_device_operations_give_what_the_compiled_loops_give() -> None:
    np.testing.assert_allclose(
        trained(Everything, [0, 1]), trained(Everything, [0, 1], compiled=False), rtol=0, atol=1e-6
    )


def test_replicas_may_differ_in_float_hyper_parameters() -> None:
    config = Everything.Config(**SMALL)
    configs = [config, replace(config, lr=3e-3, dropout=0.5, weight=0.0)]
    plan = Plan(batch=64, epochs=3, patience=5)
    trainer = Trainer(Everything, SCHEMA, TRAIN, VALID, plan, [0, 1], configs, dtype=torch.float64)
    trainer.fit()
    for place, alone in enumerate(configs):
        np.testing.assert_allclose(
            trainer.predict(VALID)[place], trained(Everything, [place], config=alone, epochs=3)[0], atol=1e-9
        )


def test_replicas_that_differ_in_structure_are_refused() -> None:
    configs = [TR.Config(hidden=(8,)), TR.Config(hidden=(8, 8))]
    with pytest.raises(ValueError, match="float hyper-parameters alone"):
        Trainer(TR, SCHEMA, TRAIN, VALID, Plan(64, 1, 1), [0, 1], configs)


def test_stopped_replicas_leave_and_nobody_notices() -> None:
    """Early stopping at different epochs shrinks the stack; results equal a run in which nobody leaves."""
    config = TR.Config(dim=4, hidden=(8, 8), lr=1e-2)

    def run(may_shrink: bool) -> tuple[list[int], np.ndarray]:
        trainer = Trainer(TR, SCHEMA, TRAIN, VALID, Plan(64, 40, 2), [0, 1, 2, 3], [config] * 4)
        trainer.can_shrink = may_shrink
        return [len(h.valid) for h in trainer.fit()], trainer.predict(VALID)

    (lengths, shrunk), (_, whole) = run(True), run(False)
    assert len(set(lengths)) > 1, "the toy should stop at different epochs"
    assert np.array_equal(shrunk, whole)


def test_the_best_epoch_is_kept() -> None:
    trainer = Trainer(TR, SCHEMA, TRAIN, VALID, Plan(64, 30, 4), [0, 1], [TR.Config(dim=4, hidden=(8, 8), lr=1e-2)] * 2)
    histories, prediction = trainer.fit(), trainer.predict(VALID)
    assert VALID.label is not None
    for history, values in zip(histories, prediction, strict=True):
        assert history.best_epoch == int(np.argmin(history.valid)) + 1
        assert np.abs(values - VALID.label).mean() == pytest.approx(min(history.valid), rel=1e-6)


def test_the_loss_can_be_the_stopping_metric() -> None:
    plan = Plan(batch=64, epochs=3, patience=2, stop="loss")
    config = Everything.Config(**SMALL)
    trainer = Trainer(Everything, SCHEMA, TRAIN, VALID, plan, [0, 1], [config] * 2, dtype=torch.float64)
    assert all(np.isfinite(h.valid).all() for h in trainer.fit())


def test_the_last_epoch_can_be_kept_without_a_choice() -> None:
    seeds, configs = [0, 1], [TR.Config(dim=4, hidden=(8, 8))] * 2
    plans = Plan(batch=64, epochs=4, patience=1, stop="last"), Plan(batch=64, epochs=4, patience=9)
    last, best = (Trainer(TR, SCHEMA, TRAIN, VALID, plan, seeds, configs) for plan in plans)
    histories = last.fit()
    assert [(h.best_epoch, len(h.valid)) for h in histories] == [(4, 4)] * 2
    for number in range(4):
        best.epoch(number)
        best.validate()
    best.restore(stacked([best.state(place) for place in range(2)]))
    assert np.array_equal(last.predict(VALID), best.predict(VALID))


def test_an_epoch_is_full_batches_that_visit_every_row() -> None:
    trainer = Trainer(TR, SCHEMA, TRAIN, VALID, Plan(64, 2, 2), [0, 1], [TR.Config(**SMALL)] * 2)
    trainer.begin(0)
    assert trainer.order.rows.shape == (2, 640)
    for order in trainer.order.rows:
        assert sorted(order[:600].tolist()) == list(range(600))
    first = trainer.order.rows.clone()
    trainer.begin(1)
    assert torch.equal(first[:, 600:], trainer.order.rows[:, :40]), "the last batch is filled from the next permutation"


def test_a_diverged_replica_says_so_and_leaves_its_neighbours_alone() -> None:
    good = TR.Config(**SMALL)
    configs = [good, replace(good, lr=float("nan")), good]
    trainer = Trainer(TR, SCHEMA, TRAIN, VALID, Plan(64, 3, 5), [0, 1, 2], configs)
    assert [h.best_epoch > 0 for h in trainer.fit()] == [True, False, True]
    prediction = trainer.predict(VALID)
    assert np.isnan(prediction[1]).all()
    assert np.array_equal(prediction[2], trained(TR, [2], dtype=torch.float32, epochs=3)[0])


def test_weight_decay_makes_embedding_updates_dense_and_shrinks_untouched_rows() -> None:
    config = TR.Config(**SMALL, weight_decay=0.1)
    trainer = Trainer(TR, SCHEMA, TRAIN, VALID, Plan(64, 5, 5), [0, 1], [config] * 2)
    unknown = trainer.optimiser.tables[0].weight[0].clone()  # no training row has the unknown user
    trainer.epoch(0)
    assert trainer.optimiser.tables[0].weight[0].norm() < unknown.norm()


def test_what_cannot_be_stacked_is_refused_in_a_sentence() -> None:
    class Padded(TR):
        def build(self, schema: Schema, fitted: Fitted) -> Any:
            module = super().build(schema, fitted)
            module.tokens = nn.Embedding(5, 4, padding_idx=0)
            return module

    class Recurrent(TR):
        def build(self, schema: Schema, fitted: Fitted) -> Any:
            module = super().build(schema, fitted)
            module.decoder = nn.LSTM(4, 4)
            return module

    for method, words in ((Padded, "padding_idx"), (Recurrent, "loop over its Cell")):
        with pytest.raises(ValueError, match=words):
            trained(method, [0])


def test_bags_are_averaged_without_their_padding() -> None:
    table = EmbeddingTable(SCHEMA, 3, columns=("category",))
    table.slot = 0
    rows = torch.arange(18.0).view(2, 3, 3)  # [B, length, dim]
    bags = {"category": torch.tensor([[4, 0, 2], [0, 0, 0]])}
    batch = Batch(
        ids=torch.zeros(2, 0), bags=bags, numeric=None, content=None, duration=None, bucket=None, label=None,
        targets={}, rows=(rows,), draws=None, step=torch.tensor(0), progress=torch.tensor(0.0),
    )  # fmt: skip
    expected = torch.stack([(rows[0, 0] + rows[0, 2]) / 2, torch.zeros(3)])[:, None]
    assert torch.equal(table(batch), expected)


def test_content_is_kept_once_an_item_and_gathered_for_each_batch() -> None:
    rng = np.random.default_rng(0)
    items, row = rng.normal(size=(30, 6)).astype(np.float32), rng.integers(0, 30, 900).astype(np.int32)
    schema = replace(SCHEMA, content=6)
    predictions = []
    items.setflags(write=False)  # as a prepared table's memory map
    for content, content_row in ((items, row), (items[row], np.arange(900, dtype=np.int32))):
        rows = replace(ROWS, content=content, content_row=content_row)
        train, valid = rows.take(np.arange(600)), rows.take(np.arange(600, 900))
        config = TR.Config(dim=4, hidden=(8, 8))
        trainer = Trainer(TR, schema, train, valid, Plan(64, 3, 9), [0, 1], [config] * 2)
        trainer.fit()
        predictions.append(trainer.predict(valid))
    assert trainer.columns.items is not None
    assert np.array_equal(*predictions)
    assert not np.array_equal(predictions[0], trained(TR, [0, 1], epochs=3, dtype=torch.float32))
