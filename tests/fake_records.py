"""Made-up records for tests of the reports. Their numbers mean nothing and never leave a test's folder."""

import random
from pathlib import Path
from typing import Any

from benchmark.records.cell import Cell
from benchmark.records.record import Cost, Curve, Identity, Record, encode
from benchmark.records.trial import Trial

TITLES = {
    "tr": "TR / VR", "wlr": "WLR", "ordinal": "OR", "d2q": "D2Q", "tpm": "TPM", "cread": "CREAD", "prowtp": "ProWTP",
    "gr": "GR", "ziln": "ZILN", "boosting": "Boosted trees", "zero": "Constant zero", "mean": "Constant mean",
    "median": "Constant median", "bucket_mean": "Bucket mean", "bucket_median": "Bucket median", "oracle": "Oracle",
}  # fmt: skip
ESTIMATORS = {"boosting", "mean", "median", "bucket_mean", "bucket_median", "zero", "oracle"}
FACTS = {
    "kuairand": {
        "slice": "KuaiRand-Pure, 25 Apr - 8 May", "rows": 199_104, "users": 24_000, "items": 6_300, "unit": "s",
        "label": {"mean": 24.1, "std": 42.6, "median": 7.2, "p99": 215.0, "max": 890.0},
        "split_sizes": {"train": 119_462, "valid": 39_821, "test": 39_821},
        "bucket_edges": [14.2, 45.0, 91.5, 160.0], "fingerprint": "0123456789abcdef0123",
    },
    "kuairec": {
        "slice": "KuaiRec small matrix, 116k subset", "rows": 115_561, "users": 1_411, "items": 1_940, "unit": "s",
    },
}  # fmt: skip


def record(
    dataset: str = "kuairand",
    method: str = "tpm",
    variant: str = "default",
    seed: int = 0,
    *,
    mae: float = 21.0,
    rmse: float = 41.0,
    noise: float = 0.05,
    outcome: Any = "ok",
    error: str = "",
    **changes: Any,
) -> Record:
    """One plausible record; `noise` is the spread over seeds, the same for the same cell every time."""
    draw = random.Random(str(Cell(dataset, method, variant, seed)))

    def about(value: float, share: float = 1.0) -> float:
        return value + noise * share * draw.gauss(0, 1)

    def metrics(scale: float, rows: float) -> dict[str, float | None]:
        return {
            "mae": about(mae * scale), "rmse": about(rmse * scale), "xauc": about(0.71, 0.01), "xauc_strict": 0.70,
            "xauc_lenient": 0.72, "xauc_exclude": 0.71, "xgauc": about(0.69, 0.01), "xgauc_coverage": 0.98,
            "spearman": None if method in ("mean", "median", "zero") else about(0.5, 0.01), "ratio": about(0.9, 0.01),
            "rows": rows,
        }  # fmt: skip

    ok, trained = outcome == "ok", method not in ESTIMATORS
    values: dict[str, Any] = {
        "dataset": dataset, "method": method, "variant": variant, "seed": seed, "title": TITLES.get(method, method),
        "outcome": outcome, "error": error,

        "command": f"python -m benchmark run --only {dataset}/{method}/{variant} --suite made-up",
        "facts": FACTS.get(dataset, {"slice": "a made-up world", "rows": 1000}),
        "protocol": {"split": "random 6:2:2 by row, split seed 0"},
        "metrics": {"valid": metrics(1, 39_821), "test": metrics(1, 39_821)} if ok else {},
        "slices": {f"bucket={b}": metrics(0.3 + 0.4 * b, 7_964) for b in range(5)} if ok else {},
        "curve": Curve([23.0, 22.0, 21.0], [1.1, 1.0, 0.9], 3, False) if ok and trained else None,
        "cost": Cost(31.4159, 123_456.7, 861_234 * trained, 812.3, 0.71, "cpu", 1 + 4 * trained) if ok else None,
        "identity": Identity("c0de", {}, "c0f1", "da7a", {"python": "3.12.3", "torch": "2.13.0", "processor": "a | b"}),
    }  # fmt: skip
    return Record(**(values | changes))


def seeds(count: int = 5, **what: Any) -> list[Record]:
    return [record(seed=seed, **what) for seed in range(count)]


def save(runs: Path, *records: Record) -> Path:
    """Write the records where the runner would."""
    for r in records:
        path = runs / r.cell.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(r))
    return runs


def world() -> list[Record]:
    """A run with everything in it: ties, single seeds, failed, skipped and missing cells, three datasets."""
    found: list[Record] = []
    for place, (method, rmse) in enumerate([("tr", 41.2), ("wlr", 43.0), ("d2q", 41.9), ("tpm", 40.6)]):
        found += seeds(method=method, mae=22.4 - place * 0.5, rmse=rmse)
    found += seeds(method="cread", mae=20.91, rmse=40.7, noise=0.2)  # not told apart from TPM
    found += seeds(method="boosting", mae=21.8, rmse=40.2)
    found += seeds(method="boosting", variant="absolute", mae=20.3, rmse=42.2)
    found += [record(method=m, mae=a, rmse=r, noise=0) for m, a, r in LABEL_ONLY]
    found += [record(method="oracle", outcome="skipped", error="only a synthetic world knows its true mean")]
    found += [
        record(method="oracle", variant="median", outcome="skipped", error="only a synthetic world knows its true mean")
    ]
    found += [
        record(method="ordinal", seed=s, outcome="failed", error="ValueError: K | *K* `x`\nmore") for s in range(5)
    ]
    found += [record(method="tr", variant="large", mae=22.0, rmse=41.0)]
    found += seeds(dataset="kuairec", method="tr", mae=4.6, rmse=9.0)
    found += seeds(dataset="kuairec", method="tpm", mae=3.4, rmse=9.2)
    found += seeds(dataset="kuairec", method="tr", variant="large", mae=4.5, rmse=9.0)
    found += [record(dataset="kuairec", method="median", mae=3.41, rmse=9.9, noise=0)]
    found += seeds(2, dataset="synthetic", method="tr", mae=5.0, rmse=8.0)
    found += [record(dataset="synthetic", method="oracle", mae=4.0, rmse=6.0, noise=0)]
    return found


LABEL_ONLY = (("mean", 27.1, 42.6), ("median", 21.4, 46.4), ("bucket_mean", 25.0, 41.5), ("bucket_median", 20.6, 45.1))
STALE = {f"kuairand/d2q/default/{seed}": "code moved: methods/d2q.py" for seed in range(5)} | {
    "kuairand/tpm/default/4": "configuration moved: lr 0.001 -> 0.0005"
}


def save_arrays(runs: Path, beside: Record, **arrays: Any) -> Path:
    """Put arrays where a run leaves those of the record; returns the file."""
    import numpy as np

    path = runs / beside.cell.arrays
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    return path


def trial(**changes: object) -> Trial:
    """One plausible trial."""
    values = {
        "dataset": "kuairand", "method": "tpm", "variant": "tuned", "number": 0, "proposer": "ours", "params": {},
        "config": {}, "protocol": {}, "outcome": "ok", "objective": 3.0, "identity": Identity("c0de", {}, "c", "d", {}),
    }  # fmt: skip
    return Trial(**(values | changes))  # type: ignore[arg-type]
