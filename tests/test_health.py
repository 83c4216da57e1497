"""What is unwell with a row is told in a word; what is well is not."""

from typing import Any

import msgspec
import pytest

from benchmark.files.paths import RUNS
from benchmark.records.health import Ailment, constant, health, level, unwell, words
from benchmark.records.record import Curve, Record
from benchmark.records.store import Store
from tests.fake_records import record

LEAST = {"mae": 30.0, "rmse": 50.0}


def row(*valid: float, method: str = "tr", **changes: Any) -> list[Record]:
    """One seed for each best validation MAE, kept from its fifth epoch of six."""
    found = []
    for seed, value in enumerate(valid):
        one = record(method=method, seed=seed, mae=value, rmse=2 * value, noise=0.0)
        curve = Curve([value + 4, value + 3, value + 2, value + 1, value, value + 1], [1.0] * 6, 5, False)
        metrics = {"valid": {"mae": value, "rmse": 2 * value}, "test": one.metrics["test"]}
        found.append(msgspec.structs.replace(one, curve=curve, metrics=metrics, slices={}, **changes))
    return found


def told(records: list[Record], least: dict[str, float] | None = None) -> str:
    return words(health(records, LEAST if least is None else least))


def test_a_sound_row_is_well():
    assert told(row(20.0, 20.1, 20.2, 19.9, 20.05)) == ""


def test_a_loss_that_was_never_finite_is_told_with_its_epochs():
    (one,) = row(20.0)
    lost = msgspec.structs.replace(one, curve=Curve([21.0, 20.0], [None, None], 2, False))
    (ailment,) = health([lost], LEAST)
    assert ailment == Ailment("no loss", "seed 0: loss or validation metric not finite in 2 of 2 epochs")


def test_one_seed_on_the_plateau_that_others_left():
    (ailment,) = health(row(20.0, 20.1, 29.95), {"mae": 30.0, "rmse": 60.0})
    assert ailment.word == "seeds apart" and "seed 2 of 3 no better than a constant" in ailment.text


def test_a_wide_gap_between_seeds_without_any_constant_to_compare():
    assert told(row(20.0, 20.1, 23.0), {}) == "seeds apart"
    assert told(row(20.0, 20.05, 20.15), {}) == "", "a gap of less than a hundredth is noise"
    assert told(row(20.0, 21.0, 22.2), {}) == "", "spread evenly"


def test_stopping_in_the_first_epochs_is_unwell_where_nothing_was_learned():
    def kept(value: float) -> list[Record]:
        return [msgspec.structs.replace(r, curve=Curve([value, value + 1], [1.0, 0.9], 1, True)) for r in row(value)]

    assert told(kept(31.0)) == "stopped early"
    assert told(kept(20.0)) == "", "fast is not unwell"
    assert told(row(31.0)) == "", "late and no better is a poor method, not an unwell run"
    assert told(kept(31.0), {"mae": 30.0, "rmse": 70.0}) == "", "better than a constant by RMSE"


@pytest.mark.parametrize(("ratio", "word"), [(0.49, "off"), (0.51, ""), (1.9, ""), (2.1, "off"), (None, "")])
def test_a_mean_prediction_more_than_twice_off(ratio, word):
    (one,) = row(20.0)
    test = one.metrics["test"] | {"ratio": ratio}
    assert told([msgspec.structs.replace(one, metrics=one.metrics | {"test": test})]) == word


def test_a_constant_is_off_without_being_unwell():
    one = record(method="median", noise=0.0)
    metrics = {split: one.metrics[split] | {"xauc": 0.5, "ratio": 0.0} for split in ("valid", "test")}
    one = msgspec.structs.replace(one, metrics=metrics)
    assert constant(one) and told([one]) == ""
    assert level([one]) == {m: one.metrics["valid"][m] for m in ("mae", "rmse")}


def test_negative_predictions_by_their_share_or_by_the_lowest_decile():
    (one,) = row(20.0)
    test = one.metrics["test"] | {"negative": 0.125}
    (ailment,) = health([msgspec.structs.replace(one, metrics=one.metrics | {"test": test})], LEAST)
    assert ailment.word == "negative" and "12 %" in ailment.text
    old = msgspec.structs.replace(one, slices={"decile=01": {"rows": 9.0, "label": 1.0, "prediction": -2.5}})
    assert "-2.5" in str(health([old], LEAST)[0])


def test_failed_seeds_and_failed_extras_are_told_with_their_reason():
    seeds = row(20.0, 20.1, 20.2)
    seeds[0] = msgspec.structs.replace(seeds[0], error="calibration: ValueError: no quantiles")
    seeds[1] = record(method="tr", seed=1, outcome="failed", error="diverged")
    found = health(seeds, LEAST)
    assert [a.word for a in found] == ["failed", "extras"]
    assert "seed 1 failed: diverged" in found[0].text and "no quantiles" in found[1].text


def test_only_rows_of_the_same_dataset_set_the_level():
    flat = row(31.0, 31.1)
    other = msgspec.structs.replace(record(method="median", dataset="kuairec", mae=1.0, rmse=2.0, noise=0.0))
    assert unwell([*flat, other]) == {}


def test_the_committed_records_have_known_ailments():
    found = unwell(Store(RUNS).all())
    assert all(ailments for ailments in found.values())
    assert not any("mean" in key[1] for key in found), "constants are not unwell"
