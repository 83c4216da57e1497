"""From saved predictions to noise.json: complete or absent, the same bytes again, and never poorer than it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli.app import main
from benchmark.compare import noise
from benchmark.compare import refresh as comparing
from benchmark.compare.lanes import LANES
from benchmark.compare.refresh import compare, refresh
from benchmark.files.errors import UserError
from benchmark.metrics import pairs as metrics
from benchmark.plan.catalog import Entry
from benchmark.plan.expected import Expected, Freshness
from benchmark.plan.survey import Survey
from benchmark.records.cell import Group
from benchmark.records.predictions import encode, path_of
from benchmark.records.record import Identity, Record
from benchmark.records.store import Store
from datasets.base import Table
from tests.fake_records import record, save, seeds
from tests.ltv_world import ltv_world
from tests.worlds import split, watch_world

DRAWS = 2 * LANES
UP_TO_DATE = "nothing to resample: every paired test is up to date"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def watch() -> Table:
    return split(*watch_world(2000))


def predict(at: Table, *records: Record, noise: float = 0.3) -> None:
    """Keep predictions for the records: the labels times noise of their own seed."""
    label = at.view("test").label
    for r in records:
        path = path_of(Group(r.dataset, r.method, r.variant, (r.seed,)), r.seed, r.identity)
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([r.seed, *r.method.encode()])
        path.write_bytes(encode((label * np.exp(noise * rng.normal(size=len(label)))).astype(np.float32)))


def records() -> list[Record]:
    return [*seeds(3, method="tr"), *seeds(3, method="tpm"), record(method="median")]


def test_the_file_holds_every_metric_and_slice_of_every_method(watch):
    found = records()
    predict(watch, *found)
    made = compare("kuairand", watch, found, {"median"}, draws=DRAWS)
    assert [(e.method, len(e.tags)) for e in made.entries] == [("median", 1), ("tpm", 3), ("tr", 3)]
    assert set(made.metrics) == {"mae", "rmse", "ratio", "xauc", "xgauc", "spearman"}
    assert (made.rows, made.clusters, made.drawn) == (800, 30, "users")
    assert (made.draws, made.ranking_draws, made.missing) == (DRAWS - 1, DRAWS - 1, {})
    test = watch.view("test")
    p = [np.load(path_of(Group("kuairand", "tr", "default", (r.seed,)), r.seed, r.identity)) for r in found[:3]]
    for name, metric in (("mae", metrics.mae), ("xauc", metrics.xauc), ("spearman", metrics.spearman)):
        mean = np.mean([metric(test.label, one) for one in p])
        assert made.metrics[name].value[2] == pytest.approx(mean, rel=1e-6)
    low = test.bucket == 0
    assert made.slices["bucket=0"].rows == low.sum()
    for name, metric in (("mae", metrics.mae), ("rmse", metrics.rmse), ("xauc", metrics.xauc)):
        mean = np.mean([metric(test.label[low], one[low]) for one in p])
        assert getattr(made.slices["bucket=0"], name).value[2] == pytest.approx(mean, rel=1e-6)
    mae = made.metrics["mae"]
    assert mae.seeds[0] == 0  # it has no seed
    assert [len(row) for row in mae.pairs] == [0, 1, 2]


def test_the_same_inputs_give_the_same_bytes_and_a_second_method_waits_for_itself_alone(watch, tmp_path, monkeypatch):
    predict(watch, *records())
    first = noise.encode(compare("kuairand", watch, records(), {"median"}, draws=DRAWS))
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("*-draws-*.npz")}
    assert len(kept) == 7
    monkeypatch.setattr(comparing.Resampler, "of", None)  # nothing is drawn again
    assert noise.encode(compare("kuairand", watch, list(reversed(records())), {"median"}, draws=DRAWS)) == first
    monkeypatch.undo()
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "elsewhere"))
    predict(watch, *records())
    assert noise.encode(compare("kuairand", watch, records(), {"median"}, draws=DRAWS)) == first


def test_what_lacks_its_predictions_is_left_out_and_named(watch, tmp_path):
    found = records()
    predict(watch, *found[1:])  # the first seed of TR is not there
    made = compare("kuairand", watch, found, draws=DRAWS)
    assert [e.method for e in made.entries] == ["median", "tpm"]
    assert list(made.missing) == ["tr/default"]
    assert "--rerun unpredicted" in made.missing["tr/default"]
    assert made.metrics["mae"].seeds[0] is None  # nobody said that it has no seed
    assert compare("kuairand", watch, found[:1], draws=DRAWS).entries == []


@pytest.mark.parametrize("damage", ["shape", "nan", "bytes"])
def test_damaged_predictions_are_left_out_and_named(watch, damage):
    found = records()
    predict(watch, *found)
    path = path_of(Group("kuairand", "tr", "default", (0,)), 0, found[0].identity)
    values = np.load(path)
    if damage == "shape":
        path.write_bytes(encode(values[1:]))
    elif damage == "nan":
        path.write_bytes(encode(np.where(np.arange(len(values)) == 5, np.nan, values)))
    else:
        path.write_bytes(b"no array")
    made = compare("kuairand", watch, found, draws=DRAWS)
    assert [e.method for e in made.entries] == ["median", "tpm"]
    assert made.missing["tr/default"].startswith("its predictions are damaged")


def test_a_damaged_cache_of_draws_is_made_again(watch, tmp_path):
    predict(watch, *records())
    first = compare("kuairand", watch, records(), draws=DRAWS)
    for path in (tmp_path / "cache").rglob("*-draws-*.npz"):
        path.write_bytes(path.read_bytes()[:50])
    assert compare("kuairand", watch, records(), draws=DRAWS) == first


def test_lifetime_value_has_its_own_metrics_and_draws_rows_where_users_are_rows():
    at = split(*ltv_world(600))
    found = [*seeds(2, dataset="cdnow", method="ziln"), record(dataset="cdnow", method="mean")]
    predict(at, *found)
    made = compare("cdnow", at, found, draws=DRAWS)
    assert {"gini", "auc", "spearman"} < set(made.metrics)
    assert {"positive", "zero"} <= set(made.slices)
    assert made.slices["zero"].xauc.value == [0.5, 0.5]  # all labels tied


# --- keeping the file up to date


class World:
    """A store with records of one dataset whose methods and table are made up."""

    def __init__(self, runs: Path, at: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        from benchmark.plan import survey as surveying
        from datasets import cache, registry

        self.store, self.said, self.at = Store(runs), [], at
        self.stale: set[str] = set()

        def survey(cells, methods, store, root, read):
            found = Survey(cells, Expected({}, {}, {}))
            state = {True: "stale", False: "fresh"}
            found.standings = {c: Freshness(state[c.method in self.stale]) for c in cells}
            found.unavailable = dict.fromkeys(self.unavailable, "no files")
            return found

        self.unavailable: list[str] = []
        monkeypatch.setattr(surveying, "survey", survey)
        monkeypatch.setattr(cache, "load", lambda dataset, root: self.at)
        monkeypatch.setattr(registry, "get", lambda name, root=None: name)
        monkeypatch.setattr(comparing, "DRAWS", DRAWS)
        monkeypatch.setattr(comparing.compare, "__kwdefaults__", {"draws": DRAWS, "seed": 0})

    def refresh(self) -> list[str]:
        entry = {"module": "", "kind": "", "tasks": [], "title": "", "paper": "", "summary": "", "configs": {}}
        methods = {"median": Entry(name="median", deterministic=True, space={}, **entry)}
        self.said.clear()
        refresh(self.store, methods, None, self.said.append)
        return self.said

    @property
    def path(self) -> Path:
        return self.store.folder / "kuairand" / noise.FILE


@pytest.fixture
def here(watch, tmp_path, monkeypatch) -> World:
    return World(save(tmp_path / "runs", *records()), watch, monkeypatch)


def test_a_file_that_says_it_all_is_left_alone(here):
    predict(here.at, *records())
    assert here.refresh()[0] == "resampling the test set of kuairand: 3 methods and variants"
    before = here.path.stat().st_mtime_ns
    assert here.refresh() == [UP_TO_DATE]
    assert here.path.stat().st_mtime_ns == before


def test_a_machine_without_predictions_keeps_the_file_and_does_not_complain_of_what_it_covers(
    here, tmp_path, monkeypatch
):
    predict(here.at, *records())
    here.refresh()
    before = here.path.read_bytes()
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "other machine"))
    assert here.refresh() == [UP_TO_DATE]
    save(here.store.folder, *seeds(3, method="wlr"))
    assert here.refresh() == [f"kuairand/wlr/default: no paired test, {comparing._LOST}"]
    predict(here.at, *seeds(3, method="wlr"))  # alone it would be the poorer file
    assert here.refresh() == [f"kuairand/wlr/default: no paired test, {comparing._ALONE}"]
    assert here.path.read_bytes() == before
    many = [r for method in ("d2q", "cread", "dvr", "pcr") for r in seeds(3, method=method)]
    save(here.store.folder, *many)
    predict(here.at, *many)  # five rows are more than three, but not those
    assert len(here.refresh()) == 5
    assert here.path.read_bytes() == before


def test_damaged_predictions_do_not_take_away_what_the_file_says(here):
    predict(here.at, *records())
    here.refresh()
    before = here.path.read_bytes()
    for one in records():
        path_of(Group("kuairand", one.method, one.variant, (0,)), one.seed, one.identity).write_bytes(b"no array")
    save(here.store.folder, *seeds(3, method="wlr"))
    predict(here.at, *seeds(3, method="wlr"))
    assert here.refresh() == [f"kuairand/wlr/default: no paired test, {comparing._ALONE}"]
    assert here.path.read_bytes() == before


def test_new_and_changed_cells_are_resampled_again(here):
    predict(here.at, *records())
    here.refresh()
    save(here.store.folder, *seeds(3, method="wlr"))
    predict(here.at, *seeds(3, method="wlr"))
    here.refresh()
    assert [e.method for e in noise.read(here.path.parent).entries] == ["median", "tpm", "tr", "wlr"]
    changed = [record(method="tr", seed=s, identity=Identity("m0ved", {}, "c0f1", "da7a", {})) for s in range(3)]
    save(here.store.folder, *changed)
    predict(here.at, *changed)
    here.refresh()
    tags = noise.read(here.path.parent).tags
    assert tags["tr", "default"] != tags["tpm", "default"]
    here.stale = {"tpm"}
    here.refresh()
    assert ("tpm", "default") not in noise.read(here.path.parent).tags


def test_without_data_or_records_nothing_is_written(here, tmp_path):
    predict(here.at, *records())
    here.unavailable = ["kuairand"]
    assert here.refresh() == ["kuairand: no paired test, its data are not on this machine"]
    assert not here.path.exists()
    here.store = Store(tmp_path / "none")
    assert here.refresh() == []


def test_the_file_is_complete_or_absent(here, monkeypatch):
    predict(here.at, *records())
    here.path.parent.mkdir(exist_ok=True)
    leftover = here.path.with_name(f".{noise.FILE}.123")
    leftover.write_text("{")
    monkeypatch.setattr(Path, "replace", lambda self, target: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(UserError, match="cannot be written"):
        here.refresh()
    monkeypatch.undo()
    assert not here.path.exists() and not list(here.path.parent.glob(".*"))


def test_another_file_in_its_place_is_named(here):
    here.path.write_text("[]")
    with pytest.raises(UserError, match=r"noise\.json is not what .* delete it"):
        here.refresh()


def test_reading_gives_what_was_written_and_lists_of_numbers_keep_to_a_line(watch, tmp_path):
    predict(watch, *records())
    made = compare("kuairand", watch, records(), {"median"}, draws=DRAWS)
    noise.write(tmp_path, made)
    assert noise.read(tmp_path) == made
    text = (tmp_path / noise.FILE).read_text()
    assert len(text) < 12_000
    assert '"value": [' in text and max(map(len, text.splitlines())) < 400
    assert noise.read(tmp_path / "none") is None


# --- from the command line


def test_a_run_resamples_and_a_second_one_needs_nothing(tmp_path, capsys):
    arguments = ["--runs", str(tmp_path / "runs")]
    assert main(["run", "--executor", "inline", "--only", "mean,median,bucket_mean", *arguments]) == 0
    path = tmp_path / "runs" / "synthetic" / noise.FILE
    before, text = path.read_bytes(), "".join(page.read_text() for page in (tmp_path / "runs").rglob("*.md"))
    assert {e.method for e in noise.read(path.parent).entries} == {"mean", "median", "bucket_mean"}
    assert "Smallest difference from the best" in text and "users of the" in text
    capsys.readouterr()
    assert main(["compare", *arguments]) == 0
    assert capsys.readouterr().out == f"{UP_TO_DATE}\n"
    path.unlink()
    assert main(["compare", "--dataset", "synthetic", *arguments]) == 0
    assert path.read_bytes() == before


def test_a_test_set_of_one_user_has_no_noise_that_is_known(tmp_path):
    """Every draw of one user is the test set itself: no error of zero is kept, and no p."""
    schema, rows = watch_world(600)
    one = split(schema, replace(rows, user=np.zeros(600, np.int32)))
    predict(one, *records())
    noise.write(tmp_path, compare("kuairand", one, records(), {"median"}, draws=DRAWS))
    found = noise.read(tmp_path)
    assert found is not None and found.clusters == 1
    spreads = [*found.metrics.values(), *(part.mae for part in found.slices.values())]
    assert all(one.value and not (one.users or one.seeds or one.pairs) for one in spreads)


def test_a_slice_of_one_user_has_no_noise_that_is_known(tmp_path):
    schema, rows = watch_world(600)
    bucket = np.where(rows.user == 3, 0, 1).astype(np.int32)
    at = split(schema, replace(rows, bucket=bucket))
    predict(at, *records())
    noise.write(tmp_path, compare("kuairand", at, records(), {"median"}, draws=DRAWS))
    found = noise.read(tmp_path)
    assert found is not None
    alone, others = found.slices["bucket=0"].mae, found.slices["bucket=1"].mae
    assert alone.value and not (alone.users or alone.pairs)
    assert all(error > 0 for error in others.users)
