"""How epochs were kept: early, at the limit, inside a schedule; and what a curve says of the two kinds of rows."""

from typing import Any

import msgspec
import pytest

from benchmark.records.curves import Kept, by_row, counts, gap, kept, rise, told
from benchmark.records.record import Curve, Record
from tests.fake_records import record

LIMIT = 6


def row(best: int, *, epochs: int = LIMIT, stop: str = "mae", valid: list[Any] | None = None, **what: Any) -> Record:
    """A record of a training of so many epochs, kept from `best`; its validation metric is least there."""
    curve = Curve(valid or [10.0 + abs(e - best) for e in range(1, epochs + 1)], [4.0] * epochs, best, False)
    protocol = {"split": "made up", "epochs": LIMIT, "stop": stop}
    given = {"method": "tr", "curve": curve, "protocol": protocol, **what}
    return record("kuairand", mae=1.0, **given)


@pytest.mark.parametrize(
    ("best", "early", "limit"), [(1, 1, 0), (2, 1, 0), (3, 0, 0), (5, 0, 0), (6, 0, 1), (0, None, None)]
)
def test_the_first_two_epochs_are_early_and_the_last_one_allowed_is_the_limit(best, early, limit) -> None:
    found = kept([row(best)])
    assert (found and found.early, found and found.limit) == (early, limit)


def test_a_protocol_that_keeps_the_last_epoch_has_no_limit_to_run_into() -> None:
    found = kept([row(LIMIT, stop="last")])
    assert found and not found.limit


def test_a_run_that_ended_before_the_limit_with_its_last_epoch_best_is_not_at_the_limit() -> None:
    found = kept([row(4, epochs=4)])
    assert found and not found.limit


def test_a_kept_epoch_before_the_end_of_the_schedule_is_inside_it() -> None:
    class Told(msgspec.Struct, frozen=True):
        """A curve as a method with a schedule leaves it."""

        valid: list[float]
        loss: list[float]
        best_epoch: int
        schedule_end: int

    def scheduled(best: int, end: int) -> Record:
        return msgspec.structs.replace(row(best), curve=Told([1.0] * 6, [1.0] * 6, best, end))

    inside = [found.inside for best in (3, 4, 5) if (found := kept([scheduled(best, 4)]))]
    assert inside == [1, 0, 0]  # kept at its very end, the schedule is over
    assert (without := kept([scheduled(3, 0)])) and without.inside == 0


def test_the_gap_is_told_where_the_curve_watches_the_loss_and_nowhere_else() -> None:
    watched = row(3, stop="loss")  # 10 on validation rows, 4 on training rows
    assert watched.curve and gap(watched, watched.curve) == pytest.approx(1.5)
    by_mae = row(3)
    assert by_mae.curve and gap(by_mae, by_mae.curve) is None
    negative = row(3, stop="loss", curve=Curve([-2.0, -3.0, -1.0], [-1.0, -4.0, -5.0], 2, False))
    assert negative.curve and gap(negative, negative.curve) == pytest.approx(0.25)  # -3 is above -4
    assert (found := kept([watched, by_mae])) and found.gap == pytest.approx(1.5)


def test_the_rise_is_what_came_after_the_kept_epoch() -> None:
    assert (curve := row(3).curve) and rise(curve) == pytest.approx(0.3)  # 13 after 10
    assert (curve := row(LIMIT).curve) and rise(curve) == 0
    assert rise(Curve([None, 2.0, None], [1.0] * 3, 2, False)) is None
    assert rise(Curve([0.0, 1.0], [1.0] * 2, 1, False)) is None


def test_rows_are_counted_by_half_of_their_seeds_and_told_in_words() -> None:
    records = [row(best, seed=seed) for seed, best in enumerate((1, 2, 6, 4, 2))]
    records += [row(best, seed=seed, method="wlr") for seed, best in enumerate((1, 4, 4))]
    records += [record("kuairand", "boosting", mae=1.0), row(1, seed=9, method="wlr", outcome="failed", error="why")]
    records = [msgspec.structs.replace(r, dataset="kuairand") for r in records]
    rows = by_row(records)
    assert set(rows) == {("kuairand", "tr", "default"), ("kuairand", "wlr", "default")}
    one, other = rows["kuairand", "tr", "default"], rows["kuairand", "wlr", "default"]
    assert (one.seeds, one.early, one.limit, one.sound) == (5, 3, 1, False)
    assert (other.seeds, other.early) == (3, 1)
    assert told(one) == "3 of 5 seeds kept from the first 2 epochs; 1 of 5 seeds kept from the last epoch allowed"
    assert counts(rows) == {"rows": 2, "early": 1, "limit": 0, "inside": 0}
    assert told(Kept(5, 0, 0, 0, None, None)) == ""
    assert told(Kept(1, 0, 0, 1, None, None)) == "1 of 1 seed kept inside an unfinished schedule"
