"""GR trained on tables that could break it: no NaN anywhere, and predictions and quantiles that make sense."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.train.trainer import History, Plan, Trainer
from datasets.schema import Field, Rows, Schema
from methods.gr.method import GR

LEVELS = (0.05, 0.5, 0.95)
CALM = {"dim": 8, "hidden": (32,), "width": 16, "dropout": 0.0, "lr": 1e-2, "cl_end": 0.5}


def table(label: Any, users: int = 10) -> tuple[Schema, Rows]:
    label = np.asarray(label, np.float32)
    user = (np.arange(len(label)) % users + 1).astype(np.int32)
    return Schema("watch_time", "s", (Field("user", users + 1),)), Rows(ids=user[:, None], label=label)


def trained(
    label: Any,
    valid: Any = None,
    *,
    users: int = 10,
    epochs: int = 3,
    batch: int = 50,
    stop: str = "mae",
    **changes: Any,
) -> tuple[np.ndarray, np.ndarray, list[History]]:
    """Predictions [2, n] and quantiles [2, n, levels] of the training rows, all of them finite."""
    schema, rows = table(label, users)
    held = rows if valid is None else table(valid, users)[1]
    config = replace(GR.Config(), **(CALM | changes))
    trainer = Trainer(GR, schema, rows, held, Plan(batch, epochs, epochs, stop), [0, 1], [config] * 2)
    history = trainer.fit()
    assert all(np.isfinite([*h.loss, *h.valid]).all() and len(h.loss) == epochs for h in history)
    prediction, quantiles = trainer.predict(rows), trainer.quantiles(rows, LEVELS)
    for found in (prediction, quantiles, trainer.quantiles(held, LEVELS), trainer.predict(held)):
        assert np.isfinite(found).all() and (found >= 0).all()
    assert quantiles.shape == (*prediction.shape, len(LEVELS)) and (np.diff(quantiles, axis=2) >= 0).all()
    return prediction, quantiles, history


def heavy(n: int = 200) -> np.ndarray:
    label = np.round(np.random.default_rng(0).lognormal(2, 1, n), 2)
    label[7] = 1000 * label.max()
    return label


@pytest.mark.parametrize(("constant", "decoder"), [(7.0, "lstm"), (7.123, "lstm"), (1e5, "lstm"), (7.0, "transformer")])
def test_a_constant_is_learned_to_within_a_percent(constant: float, decoder: str) -> None:
    prediction, quantiles, _ = trained(np.full(200, constant), epochs=25, stop="loss", decoder=decoder)
    np.testing.assert_allclose(prediction, constant, rtol=0.01)
    np.testing.assert_allclose(quantiles[..., 1], constant, rtol=0.01)


@pytest.mark.parametrize("readout", ["soft", "argmax"])
@pytest.mark.parametrize("stop", ["mae", "loss"])
def test_zeros_alone_are_learned(stop: str, readout: str) -> None:
    prediction, quantiles, _ = trained(np.zeros(200), epochs=15, stop=stop, readout=readout)
    assert prediction.max() < 0.05 and (quantiles[..., :2] == 0).all()


@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
@pytest.mark.parametrize("changes", [{}, {"schedule": "constant", "p": 0.0}, {"schedule": "teacher"}], ids=str)
def test_batches_of_zeros_alone_among_others(decoder: str, changes: dict[str, Any]) -> None:
    label = np.zeros(80)
    label[:3] = 12.5, 300, 0.25
    prediction, _, _ = trained(label, batch=8, decoder=decoder, **changes)  # ten batches, three labels
    assert np.median(prediction) < 5


def test_one_value_a_user_is_its_own_quantiles() -> None:
    label = np.array([0, 3, 3.5, 8, 20, 21, 55, 60.5, 90.25, 100])[np.arange(100) % 10]
    prediction, quantiles, _ = trained(label, epochs=120, stop="loss")
    assert np.abs(prediction - label).mean() < 0.2 * np.abs(label - np.median(label)).mean()
    assert (np.abs(quantiles[..., 1] - label) <= 1 + 0.05 * label).mean() > 0.7


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cap": 1},
        {"cap": 2},
        {"cap": 3, "decoder": "transformer"},
        {"huber_unit": "seconds"},
        {"huber_unit": "deviation"},
    ],
    ids=str,
)
def test_one_label_a_thousand_times_the_rest(changes: dict[str, Any]) -> None:
    label = heavy()
    prediction, _, _ = trained(label, epochs=5, stop="loss", **changes)
    assert prediction.max() <= label.max() * (1 + changes.get("cap", 32))


def test_sequences_longer_than_the_cap_keep_their_largest_part() -> None:
    label = np.array([12.345, 67.891, 0.999])[np.arange(90) % 3]
    prediction, quantiles, _ = trained(
        label, users=3, epochs=60, batch=30, cap=2, stop="loss", tokens="binary", readout="argmax"
    )
    kept = np.array([8.192 + 4.096, 65.536 + 2.048, 0.512 + 0.256])[np.arange(90) % 3]
    np.testing.assert_allclose(prediction, np.broadcast_to(kept, prediction.shape), rtol=0.01)
    assert (quantiles.max() <= 2 * 65.536) and (quantiles[..., 1] <= 1.001 * label.max()).all()


@pytest.mark.parametrize("stop", ["mae", "loss"])
@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
def test_validation_labels_above_any_in_training(decoder: str, stop: str) -> None:
    label = np.arange(200) % 10 + 1.0
    trained(label, valid=1e5 + np.arange(70), decoder=decoder, stop=stop)
    trained(np.zeros(200), valid=1e5 + np.arange(70), decoder=decoder, stop=stop)


@pytest.mark.parametrize("stop", ["mae", "loss"])
def test_long_sequences_come_together(stop: str) -> None:
    """Short sequences in training, and validation batches of nothing but the longest."""
    label = np.where(np.arange(400) < 380, 5.0, 5.0 + np.arange(400) * 1.237)
    trained(label, valid=np.full(60, label.max()), stop=stop, tokens="binary")


@pytest.mark.parametrize("label", [[5.5], [3.0, 8.0], [0.0], [4.0] * 7])
def test_a_few_rows_of_one_user(label: list[float]) -> None:
    trained(label, users=1, epochs=10)


@pytest.mark.parametrize("wrong", [np.nan, -0.5, np.inf])
@pytest.mark.parametrize("tokens", ["dynamic", "binary", "manual"])
def test_labels_that_no_sequence_expresses_are_refused(tokens: str, wrong: float) -> None:
    label = np.arange(50.0)
    label[13] = wrong
    with pytest.raises(ValueError, match="finite and not negative"):
        trained(label, tokens=tokens)
    with pytest.raises(ValueError, match="finite and not negative"):
        trained(np.arange(50.0), valid=label, tokens=tokens, stop="loss")
