"""Made-up noise files for made-up records. Their numbers mean nothing and never leave a test's folder."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmark.compare import noise
from benchmark.compare.noise import Compared, Noise, Slice, Spread
from benchmark.records.predictions import tag
from benchmark.records.record import Record
from reports.model.board import Board
from tests.fake_records import ESTIMATORS, record, seeds


def spread(values: Sequence[float], *, users: float = 0.2, seeds: float = 0.01, pairs: float = 0.03) -> Spread:
    """The same errors for every entry and every pair."""
    return Spread(
        value=list(values),
        users=[users] * len(values),
        seeds=[seeds] * len(values),
        pairs=[[pairs] * i for i in range(len(values))],
    )


def resampled(records: Sequence[Record], *, slices: dict[str, Sequence[float]] | None = None, **errors: float) -> Noise:
    """A noise file that covers the finished records of one dataset. slices: name -> MAE of each entry, by cell."""
    ok = sorted((r for r in records if r.outcome == "ok"), key=lambda r: r.cell)
    groups = [list(members) for _, members in groupby(ok, key=lambda r: (r.method, r.variant))]

    def of(metric: str, scale: float) -> Spread:
        values = [sum(r.metrics["test"][metric] or 0 for r in same) / len(same) for same in groups]
        made = spread(values, **{name: scale * error for name, error in errors.items()})
        for place, same in enumerate(groups):
            if len(same) == 1:  # nothing is known of its seeds, or it has none
                made.seeds[place] = 0.0 if same[0].method in ESTIMATORS else None
        return made

    return Noise(
        dataset=ok[0].dataset,
        code="c0de",
        table="da7a",
        seed=0,
        rows=40_000,
        clusters=16_000,
        drawn="users",
        draws=1023,
        ranking_draws=511,
        entries=[
            Compared(method=same[0].method, variant=same[0].variant, tags={str(r.seed): tag(r.identity) for r in same})
            for same in groups
        ],
        missing={},
        metrics={metric: of(metric, 0.01 if metric in ("xauc", "xgauc") else 1) for metric in
                 ("mae", "rmse", "ratio", "xauc", "xgauc")},
        slices={
            name: Slice(
                rows=1000, mae=spread(values, **errors), rmse=Spread(value=list(values)),
                xauc=Spread(value=[0.5 + v / 1000 for v in values]),
            )
            for name, values in (slices or {}).items()
        },
    )  # fmt: skip


def save_noise(runs: Path, made: Noise) -> Path:
    (runs / made.dataset).mkdir(parents=True, exist_ok=True)
    noise.write(runs / made.dataset, made)
    return runs


RECORDS = [
    *seeds(method="d2q", mae=20.0, rmse=41.0, noise=0.01),
    *seeds(method="tpm", mae=20.02, rmse=40.0, noise=0.01),
    *seeds(method="tr", mae=21.0, rmse=40.01, noise=0.01),
    *seeds(method="boosting", mae=20.5, rmse=39.0, noise=0.01),
    record(method="median", mae=22.0, rmse=45.0, noise=0),
    record(method="mean", mae=26.0, rmse=42.0, noise=0),
]
SLICES = {  # by cell: boosting, d2q, mean, median, tpm, tr
    "bucket=0": [6.0, 5.0, 7.0, 8.0, 4.0, 3.0],
    "user=unseen": [20.5, 20.0, 26.0, 22.0, 20.02, 21.0],
}


def board(records: Sequence[Record] = RECORDS, **what: Any) -> Board:
    """The records with a noise file that covers them."""
    what = {"slices": SLICES, "users": 0.2, "seeds": 0.01, "pairs": 0.03} | what
    return Board(records, noise={"kuairand": resampled(records, **what)})
