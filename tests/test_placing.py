"""Own rows among published ones: paired where one resampling has both, else with a bound that is never too narrow."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from benchmark.cli.ranking import ranking
from benchmark.compare import noise as noises
from benchmark.compare.noise import Compared, Noise
from benchmark.compare.placing import Placing, Row, place, rows_of
from benchmark.compare.refresh import spread
from benchmark.compare.resample import Resampler
from benchmark.plan.expected import Freshness
from benchmark.records.cell import Cell
from benchmark.records.record import Record
from benchmark.records.store import Store
from tests.fake_noise import resampled
from tests.fake_records import record, seeds


def placed(own: Sequence[Record], others: Sequence[Record], *noise: Noise, metric: str = "mae") -> Placing:
    found = place("kuairand", metric, rows_of(own, own=True), rows_of(others, own=False), noise)
    assert found is not None
    return found


def row(placing: Placing, method: str) -> Row:
    return next(row for row in placing.rows if row.key[0] == method)


TR, TPM, GR = (seeds(method=name, mae=mae, noise=0.02) for name, mae in (("tr", 20.0), ("tpm", 20.5), ("gr", 20.05)))
MEDIAN = [record(method="median", mae=21.0, noise=0.0)]


def test_a_pair_of_one_resampling_is_tested_by_its_own_error():
    """Welch and Satterthwaite over users (16,000 of them, 1,023 draws) and the seeds of both."""
    found = placed(TR, [*TPM, *GR], resampled([*TR, *TPM, *GR], pairs=0.05, seeds=0.01))
    users, draws = 15_999, 1022
    freedom = 1 / (1 / users + 1 / draws)
    for method in ("tpm", "gr"):
        against = found.against[row(found, "tr"), row(found, method)]
        squares = np.array([0.05, 0.01, 0.01]) ** 2
        assert against.paired
        assert against.difference.value == pytest.approx(row(found, "tr").mean("mae") - row(found, method).mean("mae"))
        assert against.difference.error == pytest.approx(np.sqrt(squares.sum()))
        assert against.difference.freedom == pytest.approx(squares.sum() ** 2 / (squares**2 / [freedom, 4, 4]).sum())
    assert found.paired(row(found, "tr")) == (2, 0)


def test_without_a_common_resampling_the_error_is_that_of_two_independent_numbers():
    found = placed(TR, TPM, resampled(TR, users=0.3, seeds=0.0), resampled(TPM, users=0.4, seeds=0.0))
    (against,) = found.against.values()
    assert not against.paired and against.difference.error == pytest.approx(0.5)


def test_a_constant_that_both_resamplings_have_bounds_the_error_by_the_triangle():
    mine, theirs = resampled([*TR, *MEDIAN], users=0.3, pairs=0.05), resampled([*TPM, *MEDIAN], users=0.4, pairs=0.07)
    mine, theirs = (msgspec.structs.replace(n, metrics={"mae": n.metrics["mae"]}) for n in (mine, theirs))
    found = placed(TR, [*TPM, *MEDIAN], mine, theirs)
    against = found.against[row(found, "tr"), row(found, "tpm")]
    seeds_error = 0.01
    assert not against.paired and against.difference.error == pytest.approx(
        np.hypot(0.12, np.hypot(seeds_error, seeds_error))
    )
    assert found.against[row(found, "tr"), row(found, "median")].paired


def test_places_count_what_is_beyond_noise_in_the_metrics_own_direction():
    noise = resampled([*TR, *TPM, *GR, *MEDIAN], pairs=0.02, seeds=0.001)
    found = placed(TR, [*TPM, *GR, *MEDIAN], noise)
    assert found.places(row(found, "tr")) == (1, 2), "TPM and the median are worse beyond noise, GR is not told apart"
    best = seeds(method="tr", mae=20.0)
    high = [msgspec.structs.replace(r, metrics={"test": r.metrics["test"] | {"xauc": 0.9}}) for r in best]
    found = placed(high, TPM, resampled([*high, *TPM], pairs=0.02, seeds=0.001), metric="xauc")
    assert found.rows[0].key[0] == "tr" and found.places(found.rows[0]) == (1, 1)


def test_a_resampling_of_other_predictions_is_passed_over():
    moved = [msgspec.structs.replace(r, identity=msgspec.structs.replace(r.identity, code="other")) for r in TPM]
    found = placed(TR, moved, resampled([*TR, *TPM]))
    assert not found.against and found.paired(row(found, "tr")) == (0, 0)


def test_one_seed_has_no_known_noise():
    found = placed(TR[:1], TPM, resampled([*TR[:1], *TPM]))
    assert not found.against


def test_intervals_without_a_pair_cover_the_true_difference_and_are_never_narrower():
    """Users with tastes: half of a label is the user's. b knows a little of the taste, a nothing, c is the constant."""
    users, rows, worlds = 60, 5, 120
    user = np.repeat(np.arange(users), rows)
    big = np.random.default_rng(1)
    taste, noise = big.normal(size=(2, 400_000))
    label = np.exp(0.6 * taste + 0.6 * noise)

    def predicted(taste: np.ndarray) -> tuple[np.ndarray, ...]:
        return np.full(len(taste), 1.15), np.exp(0.25 * taste), np.ones(len(taste))

    a, b, _ = (np.abs(p - label).mean() for p in predicted(taste))
    covered, wider = 0, []
    own, other, constant = TR[:1], TPM[:1], MEDIAN
    for world in range(worlds):
        rng = np.random.default_rng([2, world])
        t, e = rng.normal(size=users)[user], rng.normal(size=len(user))
        y = np.exp(0.6 * t + 0.6 * e)
        resampler = Resampler.build("watch_time", y, user=user, draws=256, ranking=64, seed=world)
        draws = [resampler.of(p)["mae"] for p in predicted(t)]

        def said(members: list[tuple[Record, np.ndarray]], clusters: int = resampler.clusters) -> Noise:
            values = np.stack([d for _, d in members])
            found = resampled([r for r, _ in members])
            metrics = {"mae": spread(values, np.arange(len(values)), [True] * len(values), clusters)}
            entries = [
                Compared(method=r.method, variant=r.variant, tags=rows_of([r], own=False)[0].tags) for r, _ in members
            ]
            return msgspec.structs.replace(found, metrics=metrics, entries=entries, clusters=clusters, draws=255)

        first, second, third = ((rs[0], d) for rs, d in zip((own, other, constant), draws, strict=True))
        values = {"tr": draws[0][0], "tpm": draws[1][0], "median": draws[2][0]}

        def numbered(r: Record, values: dict[str, float] = values) -> Record:
            return msgspec.structs.replace(r, metrics={"test": {"mae": float(values[r.method])}})

        mine, theirs = [numbered(own[0])], [numbered(other[0]), numbered(constant[0])]
        paired = placed(mine, theirs[:1], said([first, second])).against.values()
        unpaired = placed(mine, theirs, said([first, third]), said([second, third]))
        bounded = unpaired.against[row(unpaired, "tr"), row(unpaired, "tpm")]
        low, high = bounded.difference.interval
        covered += low <= a - b <= high
        wider.append(bounded.difference.error / next(iter(paired)).difference.error)
        assert not bounded.paired
    assert min(wider) >= 1 - 1e-3, "the triangle inequality, but for the digits that are kept"
    assert covered / worlds >= 0.95


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, Store]:
    """Mine, with TR, and the committed records of TPM and GR, all of them fresh."""
    mine, committed = Store(tmp_path / "mine"), Store(tmp_path / "committed")
    for store, records in ((mine, TR), (committed, [*TPM, *GR])):
        for one in records:
            store.write(one)
        noises.write(store.folder / "kuairand", resampled(records))

    def fresh(cells: list[Cell], *_: object) -> SimpleNamespace:
        return SimpleNamespace(standings={cell: Freshness("fresh") for cell in cells})

    monkeypatch.setattr("benchmark.cli.ranking.survey", fresh)
    return mine, committed


def test_a_run_is_ranked_among_the_committed_rows_in_the_terminal(folders):
    mine, committed = folders
    _, title, head, *lines = ranking([r.cell for r in TR], mine, {}, None, committed.folder)
    assert title == "kuairand, by MAE: 1 of this run (>); 2 published on the same rows"
    assert head.split() == ["place", "method", "MAE", "RMSE", "XAUC", "XGAUC", "unwell"]
    assert lines[0].split()[:4] == [">", "1-3", "TR", "/"], "errors of 0.2 tell nothing apart without a pair"
    assert "2 unpaired" in lines[3]


def test_committed_rows_of_other_data_do_not_compare(folders):
    mine, committed = folders
    for one in TR:
        mine.write(msgspec.structs.replace(one, identity=msgspec.structs.replace(one.identity, data="another")))
    said = list(ranking([r.cell for r in TR], mine, {}, None, committed.folder))
    assert said[1] == "kuairand, by MAE: 1 of this run (>)"
    assert said[-1] == f"  the committed rows are of other data ({TPM[0].identity.data[:12]}) and do not compare"


def test_what_is_unwell_stands_in_its_row(folders):
    mine, committed = folders
    mine.write(record(method="tr", seed=4, outcome="failed", error="diverged"))
    lines = list(ranking([r.cell for r in TR], mine, {}, None, committed.folder))
    assert next(line for line in lines if "TR / VR" in line).endswith("failed")
