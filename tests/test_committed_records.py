"""What the committed records must show: the synthetic world's truth bounds every method, and everyone beats the
simple."""

import json
import statistics
from collections import defaultdict

import pytest

from benchmark import ROOT
from benchmark.files.paths import RUNS
from reports.model.folder import digest

PATHS = sorted((RUNS / "synthetic").glob("*/default/*.json"))
synthetic = pytest.mark.skipif(not PATHS, reason="no records of the synthetic world: run the suite `quick`")


def scores(metric: str) -> dict[str, list[float]]:
    """Test values by method, one per seed."""
    found = defaultdict(list)
    for record in (json.loads(path.read_text()) for path in PATHS):
        if record["outcome"] == "ok":
            found[record["method"]].append(record["metrics"]["test"][metric])
    return found


def gradient_methods() -> set[str]:
    return {path.parts[-3] for path in PATHS if json.loads(path.read_text())["curve"]}


UNBOUNDED = {("cwm", "rmse")}  # nothing holds its value down where a row is watched to the end, as its docstring says


@synthetic
@pytest.mark.parametrize("metric", ["rmse", "xauc"])
def test_every_gradient_method_beats_the_bucket_mean_and_none_the_oracle(metric: str) -> None:
    found = scores(metric)
    sign = 1 if metric == "rmse" else -1
    simple, oracle = found["bucket_mean"][0], found["oracle"][0]
    methods = gradient_methods()
    assert len(methods) >= 6
    for method in methods:
        mean, noise = statistics.mean(found[method]), 2 * statistics.stdev(found[method])
        assert sign * mean < sign * simple or (method, metric) in UNBOUNDED, (
            f"{method} does not beat the bucket mean in {metric}"
        )
        if metric == "rmse":  # the conditional mean has the least squared error; ranking by it is not always the best
            assert mean > oracle - noise, f"{method} beats the oracle"


@synthetic
def test_the_oracle_median_has_the_least_absolute_error() -> None:
    paths = list((RUNS / "synthetic/oracle/median").glob("*.json"))
    if not paths:
        pytest.skip("the oracle's median was not run")
    bound = json.loads(paths[0].read_text())["metrics"]["test"]["mae"]
    assert all(statistics.mean(values) > bound for values in scores("mae").values())


def test_the_page_carries_the_digest_of_the_records_behind_it() -> None:
    assert f"sha256:{digest(RUNS)}" in (ROOT / "RESULTS.md").read_text(), "run `python -m benchmark report`"
