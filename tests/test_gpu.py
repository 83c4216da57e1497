"""The same trainer on a CUDA device: captured steps, no difference beyond rounding, the same bits twice."""

from typing import Any

import numpy as np
import pytest
import torch

from benchmark.train.trainer import Plan, Trainer
from methods.base import Method
from methods.prowtp import transport
from methods.prowtp.method import ProWTP
from methods.tr import TR
from tests.worlds import watch_world

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: the captured step is not exercised here"),
]
SCHEMA, ROWS = watch_world(2000)
TRAIN, VALID = ROWS.take(np.arange(1500)), ROWS.take(np.arange(1500, 2000))


def trained(
    device: str, seeds: list[int], dtype: torch.dtype = torch.float64, cls: type[Method] = TR, **changes: Any
) -> tuple[Trainer, np.ndarray]:
    plan = Plan(batch=64, epochs=4, patience=9)
    configs = [cls.Config(dim=8, **changes)] * len(seeds)  # type: ignore[call-arg]
    trainer = Trainer(cls, SCHEMA, TRAIN, VALID, plan, seeds, configs, device=device, dtype=dtype)
    trainer.fit()
    return trainer, trainer.predict(VALID)


def test_the_step_is_captured_and_agrees_with_the_cpu_in_float64() -> None:
    trainer, ours = trained("cuda", [0, 1, 2])
    assert trainer.captured is not None and trainer.captured.graph is not None, "the step should have been captured"
    np.testing.assert_allclose(ours, trained("cpu", [0, 1, 2])[1], rtol=0, atol=1e-5)


def test_the_same_group_twice_gives_the_same_bits() -> None:
    assert np.array_equal(trained("cuda", [0, 1], torch.float32)[1], trained("cuda", [0, 1], torch.float32)[1])


def test_alone_equals_one_of_three_in_float64() -> None:
    np.testing.assert_allclose(trained("cuda", [2])[1][0], trained("cuda", [0, 1, 2])[1][2], rtol=0, atol=1e-9)


@pytest.mark.parametrize("alignment", ["suot", "ot", "uot"])
def test_a_step_with_a_transport_plan_is_captured_and_agrees_with_the_cpu(alignment: str) -> None:
    changes = {"alignment": alignment, "training": 60, "vectors": 100, "codes": 5, "steps": 40}
    trainer, ours = trained("cuda", [0, 1], cls=ProWTP, **changes)
    assert trainer.captured is not None and trainer.captured.graph is not None, "the step should have been captured"
    np.testing.assert_allclose(ours, trained("cpu", [0, 1], cls=ProWTP, **changes)[1], rtol=0, atol=1e-2)


@pytest.mark.parametrize(("lam_rows", "lam"), [(torch.inf, 8.0), (torch.inf, torch.inf), (512.0, 8.0)])
def test_plans_are_optimal_on_the_device(lam_rows: float, lam: float) -> None:
    C = 1 - torch.rand(3, 512, 80, dtype=torch.float64, device="cuda", generator=torch.Generator("cuda").manual_seed(0))
    assert (transport.gap(C, transport.solve(C, lam_rows, lam), lam_rows, lam) < 1e-8).all()
