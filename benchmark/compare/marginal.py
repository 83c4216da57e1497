"""Describes a label's distribution in some hundred bins: one small JSON file beside the records of a dataset of watch
times, complete or absent. No bin has fewer than `LEAST` rows, so that nothing of a single row is in it."""

from typing import TYPE_CHECKING

import msgspec

from benchmark.compare import derived
from benchmark.records.record import Record

if TYPE_CHECKING:
    from datasets.base import Table
    from datasets.schema import Array

STEP = 0.05  # of a bin, in standard deviations of the label's normal score
LEAST = 20  # rows of a bin


class Bins(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows' labels in ascending bins, in the label's unit."""

    rows: list[int]  # of each bin
    label: list[float]  # its mean label
    mean: float
    std: float  # of the labels themselves, not of the bins (ddof 0)


class Marginal(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's label."""

    format: int = 1
    dataset: str
    code: str  # hash of what computed it
    table: str  # fingerprint of the prepared table
    all: Bins
    test: Bins


def fits(record: Record) -> bool:
    """Whether the record's dataset has durations: a label without many equal values."""
    return "bucket_edges" in record.facts


def describe(dataset: str, table: "Table") -> Marginal:
    """Of all rows, and of the test rows. Raises ValueError where these have no labels, or too few rows for two bins."""
    label, test = table.rows.label, table.view("test").label
    if label is None or test is None or len(test) < 2 * LEAST:
        raise ValueError(f"{dataset} needs {2 * LEAST} test rows with labels")
    return Marginal(dataset=dataset, code=KIND.code, table=table.fingerprint, all=binned(label), test=binned(test))


def binned(label: "Array") -> Bins:
    """label: [rows]. Bins are equally wide in normal scores, those in the tails as wide as they need to be."""
    import numpy as np
    from scipy.special import ndtr

    ordered = np.sort(np.asarray(label, np.float64))
    grid = np.arange(-6, 6 + STEP / 2, STEP)
    edges, last = [0], len(ordered) - LEAST
    for edge in np.rint(ndtr(grid) * len(ordered)).astype(int):
        if edges[-1] + LEAST <= edge <= last:
            edges.append(int(edge))
    rows = np.diff([*edges, len(ordered)])
    means = np.add.reduceat(ordered, edges) / rows
    return Bins(
        rows=rows.tolist(),
        label=[_short(mean) for mean in means],
        mean=_short(ordered.mean()),
        std=_short(ordered.std()),
    )


def _short(value: float) -> float:
    return float(f"{value:.6g}")


KIND = derived.Kind(
    file="marginal.json",
    form=Marginal,
    sources=(__file__,),
    what="how its labels are distributed",
    fits=fits,
    measure=describe,
)
