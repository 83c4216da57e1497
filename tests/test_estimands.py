"""A row says whether it is a mean, a median or neither, without a word in the files that its records rest on."""

import sys

import msgspec
import numpy as np
import pytest

from benchmark.compare import estimands
from benchmark.files.errors import UserError
from benchmark.files.paths import RUNS
from benchmark.plan.catalog import ESTIMANDS, _ask, catalog
from benchmark.records.estimand import FILE, Case, Estimand, checked, estimand, read
from benchmark.records.identity import closure
from benchmark.records.store import Store
from tests.fake_records import record

SKEWED = np.random.default_rng(0).lognormal(0, 1.5, 10_001)


def test_every_method_of_the_project_says_what_it_estimates_and_why() -> None:
    methods, _ = catalog()
    silent = [name for name, entry in methods.items() if not (entry.estimand and entry.estimand.why)]
    assert not silent
    told = msgspec.toml.decode(ESTIMANDS.read_bytes(), type=dict[str, Estimand])
    assert told.keys() <= methods.keys()
    for name, said in told.items():  # an exception for a setting that does not exist is a slip
        assert {field for case in said.when for field in case.config} <= methods[name].configs["default"].keys()


@pytest.mark.parametrize(
    ("method", "variant", "expected"),
    [
        ("tr", "default", "mean"),
        ("absolute", "default", "median"),
        ("huber", "default", ""),
        ("log1p", "default", "median"),
        ("log1p", "smearing", "mean"),
        ("cqe", "default", "mean"),
        ("cqe", "median", "median"),
        ("optdist", "default", ""),
        ("optdist", "expectation", "mean"),
        ("boosting", "absolute", "median"),
        ("mdme", "hard", ""),
    ],
)
def test_a_variant_estimates_what_its_settings_say(method: str, variant: str, expected: str) -> None:
    entry = catalog()[0][method]
    assert entry.estimand is not None
    assert entry.estimand.of(entry.configs[variant])[0] == expected


def test_what_is_said_is_no_part_of_any_records_identity() -> None:
    assert ESTIMANDS.exists()
    for entry in catalog()[0].values():
        assert not [name for name in closure(entry.module) if not name.endswith(".py")]


def test_the_first_exception_whose_values_all_hold_counts() -> None:
    said = Estimand("mean", "m", [Case({"a": 1, "b": 2}, "median", "both"), Case({"a": 1}, "", "one")])
    assert said.of({"a": 1, "b": 2}) == ("median", "both")
    assert said.of({"a": 1, "b": 3}) == ("", "one")
    assert said.of({"b": 2}) == ("mean", "m")


def test_a_class_that_says_nonsense_is_left_out_with_the_reason(tmp_path, monkeypatch) -> None:
    body = "from methods.constants import Mean\nclass Mine(Mean):\n    '''Mine.'''\n    {}\n"
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, line, why in (
        ("mode_of_it", "estimates = 'mode'", "Mine estimates 'mode'"),
        ("lost_field", "estimates, estimates_when = 'mean', (({'lost': 1}, ''),)", "names lost"),
    ):
        (tmp_path / f"{name}.py").write_text(body.format(line))
        with pytest.raises(ValueError, match=why):
            _ask(name)
        sys.modules.pop(name, None)


def test_the_file_beside_the_records_says_it_of_methods_with_records_alone_and_keeps_those_that_are_gone(tmp_path):
    store, (methods, _) = Store(tmp_path), catalog()
    for method in ("tr", "gone"):
        store.write(record("kuairand", method, mae=1.0))
    (tmp_path / FILE).write_bytes(b'{"gone": {"estimates": "median"}}')
    estimands.refresh(store, methods)
    known = read(tmp_path)
    assert known == {"gone": Estimand("median"), "tr": methods["tr"].estimand}
    assert [estimand(one, known)[0] for one in store.all()] == ["median", "mean"]
    before = (tmp_path / FILE).stat().st_mtime_ns
    estimands.refresh(store, methods)
    assert (tmp_path / FILE).stat().st_mtime_ns == before
    (tmp_path / FILE).write_text("[")
    with pytest.raises(UserError, match=FILE):
        read(tmp_path)


def test_the_committed_file_says_what_the_methods_say_today() -> None:
    assert estimands.known(Store(RUNS), catalog()[0]) == read(RUNS)


def test_a_mean_that_is_not_right_on_average_is_found_against_the_constant_mean_of_its_rows() -> None:
    known = {"tr": Estimand("mean"), "mean": Estimand("mean"), "median": Estimand("median")}
    drift = 1.2  # the test rows' mean is that much below the training rows'
    board = [_row("mean", drift * SKEWED.mean()), _row("median", np.median(SKEWED))]
    right, short = checked([_row("tr", drift * SKEWED)], board, known), checked([_row("tr", SKEWED)], board, known)
    assert right and right.holds and right.ratio == pytest.approx(drift)
    assert short and not short.holds and short.constant == pytest.approx(drift)
    assert checked([_row("median", np.median(SKEWED))], board, known) is None
    assert checked([_row("tr", SKEWED)], board[1:], known) is None


def _row(method: str, prediction: np.ndarray | float):
    """A record whose metrics are those of the prediction, over the skewed labels."""
    from benchmark.metrics.evaluate import evaluate

    metrics, _ = evaluate("watch_time", SKEWED, np.broadcast_to(prediction, SKEWED.shape).astype(float))
    return msgspec.structs.replace(record("kuairand", method, mae=1.0, curve=None), metrics={"test": metrics})
