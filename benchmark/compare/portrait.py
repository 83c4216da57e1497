"""Describes how a log's watch ratios move over time: one small JSON file beside the records of a chronological dataset,
complete or absent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from benchmark.compare import derived
from benchmark.records.record import Record

if TYPE_CHECKING:
    from datasets.base import Table

PARTS = 14  # of equally many rows: about a day each of a log of two weeks
LEVEL = 0.05
_CHRONOLOGICAL = "chronological"  # what such a protocol's split begins with
_SHORTEST = 1e-3  # seconds of duration


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one duration bucket: each part's, and what tells each part but the last from the last; None where
    one of both has no row."""

    rows: list[int]
    wasserstein: list[float | None]  # in watch ratios
    statistic: list[float | None]  # Kolmogorov and Smirnov's, of two samples
    p: list[float | None]  # its p-value, asymptotic


class Portrait(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's watch ratios, label / duration, in consecutive parts: training, validation and test rows one after
    the other, each in the order of the table."""

    format: int = 1
    dataset: str
    code: str  # hash of what computed it
    table: str  # fingerprint of the prepared table
    buckets: list[Bucket]  # the shortest durations first


def _fits(record: Record) -> bool:
    """Says whether the record's dataset is in order of time, with labels in seconds; durations show in its buckets."""
    split, facts = str(record.protocol.get("split", "")), record.facts
    return split.startswith(_CHRONOLOGICAL) and facts.get("unit") == "s" and "bucket_edges" in facts


def portray(dataset: str, table: "Table", parts: int = PARTS) -> Portrait:
    """Compare each part of the log with its last one, bucket by bucket. Raises ValueError where the table has neither
    label nor duration, or fewer rows than parts."""
    import numpy as np

    rows, order = table.rows, np.concatenate([table.split[name] for name in ("train", "valid", "test")])
    if rows.label is None or rows.duration is None or rows.bucket is None or len(order) < parts:
        raise ValueError(f"{dataset} needs labels, durations and at least {parts} rows for a portrait")
    label, duration, bucket = (np.asarray(column)[order] for column in (rows.label, rows.duration, rows.bucket))
    ratio = label.astype(np.float64) / np.maximum(duration.astype(np.float64), _SHORTEST)
    pieces = list(zip(np.array_split(ratio, parts), np.array_split(bucket, parts), strict=True))
    buckets = [_bucket([r[b == place] for r, b in pieces]) for place in range(table.schema.buckets)]
    return Portrait(dataset=dataset, code=KIND.code, table=table.fingerprint, buckets=buckets)


def _bucket(pieces: Sequence[Any]) -> Bucket:
    """pieces: the watch ratios of each part, float64 [n] each."""
    from scipy.stats import ks_2samp, wasserstein_distance

    *earlier, last = pieces
    wasserstein, statistic, p = [], [], []
    for piece in earlier:
        there = len(piece) > 0 and len(last) > 0
        test = ks_2samp(piece, last, method="asymp") if there else None
        wasserstein.append(_short(wasserstein_distance(piece, last)) if there else None)
        statistic.append(_short(test.statistic) if test else None)
        p.append(_short(test.pvalue) if test else None)
    return Bucket(rows=[len(piece) for piece in pieces], wasserstein=wasserstein, statistic=statistic, p=p)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


KIND = derived.Kind(
    file="portrait.json",
    form=Portrait,
    sources=(__file__,),
    what="how its watch ratios move over time",
    fits=_fits,
    measure=portray,
)
