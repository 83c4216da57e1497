"""Made-up boards for tests of the front page. Their numbers mean nothing."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from benchmark.records.record import Record
from reports.evidence import field as fields
from reports.evidence.field import Field
from reports.model.board import Board
from tests.fake_noise import resampled
from tests.fake_records import ESTIMATORS, record


def row(
    dataset: str, method: str, variant: str = "default", *, mae: float, rmse: float = 40.0, xauc: float = 0.6,
    ratio: float = 0.9, count: int = 5, **changes: Any,
) -> list[Record]:  # fmt: skip
    """A row's seeds, all with these very numbers; one seed of what has none."""
    found = []
    for seed in range(1 if method in ESTIMATORS - {"boosting"} else count):
        made = record(dataset, method, variant, seed, mae=mae, rmse=rmse, noise=0, **changes)
        made.metrics["test"].update(xauc=xauc, ratio=ratio)
        found.append(made)
    return found


def board(*rows: Iterable[Record], pairs: float = 0.01, without: tuple[str, ...] = ()) -> Board:
    """Every dataset resampled with the same standard error of each difference, those `without` not at all."""
    records = sorted((r for found in rows for r in found), key=lambda r: r.cell)
    noise = {
        dataset: resampled(list(same), pairs=pairs, users=pairs, seeds=0.0)
        for dataset, same in groupby(records, key=lambda r: r.dataset)
        if dataset not in without
    }
    return Board(records, noise=noise)


def field(*rows: Iterable[Record], **how: Any) -> Field:
    return fields.field(board(*rows, **how))
