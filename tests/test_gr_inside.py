"""What a trained GR shows of itself, against loops over its rows."""

from typing import Any

import numpy as np
import pytest
import torch

from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Field, Rows, Schema
from methods.gr.method import GR
from methods.gr.vocabulary import EOS, PAD


@pytest.fixture(scope="module", params=["lstm", "transformer"])
def shown(request: Any) -> tuple[Any, Trainer, Rows]:
    rng = np.random.default_rng(2)
    n = 500
    user = rng.integers(1, 11, n).astype(np.int32)
    y = np.round(rng.lognormal(np.log(3 * user), 0.3), 2).astype(np.float32)
    y[:30] = 0
    schema, rows = Schema("watch_time", "s", (Field("user", 11),)), Rows(ids=user[:, None], label=y)
    config = GR.Config(dim=8, hidden=(32,), width=16, dropout=0.0, lr=3e-3, decoder=request.param, cl_end=0.5)
    trainer = Trainer(GR, schema, rows, rows, Plan(batch=50, epochs=12, patience=12), [0, 1], [config] * 2)
    trainer.fit()
    return trainer.examine(1, rows), trainer, rows


def test_true_tokens_are_counted(shown: Any) -> None:
    found, trainer, rows = shown
    words = trainer.stack.fitted[1]["vocabulary"]
    tokens = words.encode(rows.label)
    assert found["tokens"] == len(words.values)
    np.testing.assert_array_equal(found["value"], words.values)
    expected = [(tokens == EOS + place).sum() for place in range(len(words.values) + 1)]
    np.testing.assert_array_equal(found["count"], expected)
    assert expected[0] == len(rows)
    assert found["mean_length"] == pytest.approx(((tokens != PAD).sum(1) - 1).mean())


def test_predicted_tokens_sum_to_the_argmax_predictions(shown: Any) -> None:
    found, trainer, rows = shown
    method = GR(GR.Config(**{**vars(trainer.stack.configs[1]), "readout": "argmax"}))

    def predict(_: Any) -> Any:
        return method.predict

    columns_rows = []  # the same rows, asked for their argmax read-out
    real = trainer.stack.look

    def look(replica: int, what: Any, *rest: Any) -> Any:
        columns_rows.append(real(replica, predict, *rest))
        return real(replica, what, *rest)

    trainer.stack.look = look  # type: ignore[method-assign]
    trainer.examine(1, rows)
    trainer.stack.look = real  # type: ignore[method-assign]
    assert float(columns_rows[0].sum()) == pytest.approx(float(found["predicted"][1:] @ found["value"]), rel=1e-5)
    assert 0 <= found["first_right"] <= found["first_near"] <= 1
    assert found["first_right"] > 0.05
    assert found["ended"] == pytest.approx(found["predicted"][0] / len(rows))


def test_neighbours_are_mean_probabilities_about_the_true_token(shown: Any) -> None:
    found = shown[0]
    table, K = found["neighbours"], len(found["value"])
    assert table.shape == (K, 11)
    for token in range(1, K + 1):
        for offset in range(-5, 6):
            value = table[token - 1, offset + 5]
            beyond = not 1 <= token + offset <= K or not found["count"][token]
            assert np.isnan(value) if beyond else 0 <= value <= 1
    often = int(found["count"][1:].argmax())
    assert table[often, 5] > np.nanmean(np.delete(table[often], 5))  # it has learned the commonest token


def test_the_schedule_ends_where_it_should(shown: Any) -> None:
    progress, p = shown[0]["schedule"]
    assert progress[0] == 0
    assert p[0] > 0.85  # 200 steps: omega / (omega + 1) of a short run
    assert p[np.isclose(progress, 0.5)] == pytest.approx(0.01, abs=1e-6)
    assert (np.diff(p) <= 0).all()


def test_the_map_has_rows_with_their_first_token(shown: Any) -> None:
    found, _, rows = shown
    x, y, first, value = found["embedded"].T
    assert 200 <= len(x) <= 400
    assert np.isfinite([x, y]).all()
    positive = rows.label[rows.label > 0]
    np.testing.assert_allclose(np.isin(value.round(2), positive.round(2)).mean(), 1)
    for token, v in zip(first.astype(int), value, strict=True):  # greedy: the largest token that fits comes first
        assert found["value"][token - 1] <= v + 1e-3
        assert token == 1 or found["value"][token - 2] > v - 1e-3


def test_rows_without_positive_labels_have_no_map() -> None:
    schema = Schema("watch_time", "s", (Field("user", 3),))
    rows = Rows(ids=np.ones((60, 1), np.int32), label=np.zeros(60, np.float32))
    config = GR.Config(dim=4, hidden=(8,), width=8)
    trainer = Trainer(GR, schema, rows, rows, Plan(batch=30, epochs=1, patience=1), [0, 1], [config] * 2)
    trainer.fit()
    found = trainer.examine(0, rows)
    assert "embedded" not in found
    assert found["mean_length"] == 0
    assert torch.isfinite(torch.tensor(found["ended"]))
