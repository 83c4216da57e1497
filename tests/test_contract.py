"""What every method must hold. A new file in methods/ is found and tested with no edit here."""

import json
import warnings
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.check.named import stands
from benchmark.check.outcome import Outcome
from benchmark.check.run import check
from benchmark.check.watch import Author
from benchmark.check.worlds import purchases
from benchmark.keep.codec import Reader, Writer
from benchmark.train.trainer import Plan, Trainer
from methods.base import Estimator, Method
from methods.registry import all_methods
from tests.ltv_world import ltv_world
from tests.worlds import watch_world

SCHEMA, ROWS = watch_world(700)
TRAIN, VALID, TEST = (ROWS.take(np.arange(a, b)) for a, b in ((0, 400), (400, 550), (550, 700)))
METHODS = {name: cls for name, cls in all_methods().items() if cls.supports(SCHEMA) is None}
GRADIENT = sorted(name for name, cls in METHODS.items() if issubclass(cls, Method))
ESTIMATORS = sorted(name for name, cls in METHODS.items() if issubclass(cls, Estimator))
PLAN = Plan(batch=64, epochs=3, patience=9)


def small(config: Any) -> Any:
    """The same method with a backbone, and prototypes, that train in no time."""
    sizes = {"dim": 8, "hidden": (16, 16), "width": 16, "vectors": 60, "training": 20}
    return replace(config, **{k: v for k, v in sizes.items() if hasattr(config, k)})


def configs(name: str) -> dict[str, Any]:
    cls = METHODS[name]
    return {"default": cls.Config()} | {v: replace(cls.Config(), **changes) for v, changes in cls.variants.items()}


def trained(name: str, seeds: list[int], dtype: torch.dtype = torch.float64, plan: Plan = PLAN, **kw: Any) -> Trainer:
    cls = METHODS[name]
    assert issubclass(cls, Method)
    config = small(kw.pop("config", None) or cls.Config())
    trainer = Trainer(
        cls,
        SCHEMA,
        kw.pop("train", TRAIN),
        kw.pop("valid", VALID),
        plan,
        seeds,
        [config] * len(seeds),
        dtype=dtype,
        **kw,
    )
    trainer.fit()
    return trainer


@cache
def pair(name: str) -> Trainer:
    """Two seeds of the default, trained: for tests that ask and change nothing."""
    return trained(name, [0, 1])


@pytest.mark.parametrize("name", sorted(all_methods()))
def test_it_passes_what_check_asks(name: str) -> None:
    """On a small world with known truth it also beats the bucket mean, in the label's unit."""
    cls = all_methods()[name]
    outcome = Outcome(Author(cls.__module__))
    check(cls, outcome, coupled=stands(name, cls.__module__), config=small(cls.Config()))
    assert outcome.sound, "\n".join(map(str, outcome.faults))
    assert len(outcome.passed) >= 4


@pytest.mark.parametrize("name", GRADIENT)
def test_alone_equals_fifth_of_five_in_float64_after_200_steps(name: str) -> None:
    plan = Plan(batch=16, epochs=8, patience=9)  # 25 steps an epoch
    alone, together = trained(name, [4], plan=plan), trained(name, [0, 1, 2, 3, 4], plan=plan)
    np.testing.assert_allclose(alone.predict(TEST)[0], together.predict(TEST)[4], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", GRADIENT)
def test_float32_bits_depend_neither_on_neighbours_nor_on_the_day(name: str) -> None:
    alone, trio = trained(name, [4], torch.float32), trained(name, [7, 4, 1], torch.float32)
    assert np.array_equal(alone.predict(TEST)[0], trio.predict(TEST)[1])


@pytest.mark.parametrize("name", GRADIENT)
def test_every_variant_trains_to_finite_predictions_without_slow_fallbacks(name: str) -> None:
    assert TEST.label is not None
    for variant, config in configs(name).items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            trainer = trained(name, [0, 1], torch.float32, Plan(64, 1, 9), config=config)
        prediction = trainer.predict(TEST)
        assert prediction.shape == (2, len(TEST)), variant
        assert np.isfinite(prediction).all() and (prediction >= 0).all(), variant
        assert not torch.equal(*trainer.stack.flat), f"{variant}: seeds must differ"  # likeliest tokens may agree


@pytest.mark.parametrize("name", GRADIENT)
def test_the_loop_gives_what_the_map_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped = pair(name).predict(TEST)
    monkeypatch.setattr(METHODS[name], "stack", False)
    np.testing.assert_allclose(mapped, trained(name, [0, 1]).predict(TEST), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", GRADIENT + ESTIMATORS)
def test_predictions_do_not_depend_on_the_order_or_the_number_of_rows_asked(name: str) -> None:
    cls = METHODS[name]
    order = np.random.default_rng(0).permutation(len(TEST))
    if issubclass(cls, Method):
        trainer = pair(name)
        whole, shuffled = trainer.predict(TEST)[:, order], trainer.predict(TEST.take(order))
        few = trainer.predict(TEST.take(order[:7]))
        np.testing.assert_allclose(few, whole[:, :7], rtol=1e-9, atol=1e-9)
    else:
        assert issubclass(cls, Estimator)
        method = cls()
        fitted = method.fit(TRAIN, VALID, SCHEMA, np.random.default_rng(0))
        whole = method.predict(fitted, TEST.without_label())[order]
        shuffled = method.predict(fitted, TEST.without_label().take(order))
    np.testing.assert_allclose(shuffled, whole, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", sorted(all_methods()))
def test_whatever_it_learns_can_be_written_and_read(name: str) -> None:
    bare, method = replace(ROWS.take(np.arange(300)), truth={}), all_methods()[name]
    worlds = [(SCHEMA, bare), ltv_world(300), (purchases().schema, purchases().train)]
    schema, rows = next((w for w in worlds if method.supports(w[0]) is None), (None, bare))
    if schema is None:
        pytest.skip("needs rows whose truth is known, or a library")
    asked, rng = method(small(method.Config())), np.random.default_rng(0)
    learned = dict(asked.fit(rows, rng)) if isinstance(asked, Method) else asked.fit(rows, rows, schema, rng)
    writer = Writer()
    tree = json.loads(json.dumps(writer.tree(learned), allow_nan=False))
    again = Reader(writer.tensors, writer.objects.__getitem__).value(tree)
    second = Writer()
    assert json.loads(json.dumps(second.tree(again), allow_nan=False)) == tree
    assert second.tensors.keys() == writer.tensors.keys()
    for key, tensor in writer.tensors.items():
        assert torch.equal(second.tensors[key], tensor) or (tensor != tensor).any()
