"""Says in a few lines what a careful analyst would look at first in a log."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from datasets.look.columns import Column
from datasets.look.roles import Proposal
from datasets.look.sample import Sample
from datasets.reading.ingest import duplicates
from datasets.schema import Array

_AT = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_DAY = 86_400.0
Line = tuple[str, str]  # what it is about, and what there is to say


def findings(sample: Sample, columns: Mapping[str, Column], proposals: Sequence[Proposal]) -> list[Line]:
    """Rows, users, items; the label's quantiles, zeros and repeats; label against duration; time; duplicates."""
    role = {p.role: columns[p.name] for p in proposals if p.role in ("user", "item", "label", "duration", "time")}
    lines = [("rows", _rows(sample, columns))]
    lines += [(f"{what}s", _repeats(role[what])) for what in ("user", "item") if what in role]
    if "label" in role:
        lines += _label(role["label"])
    if "label" in role and "duration" in role:
        lines.append(("duration", _against(role["label"], role["duration"])))
    if "time" in role:
        lines += times(role["time"])
    return lines


def _rows(sample: Sample, columns: Mapping[str, Column]) -> str:
    twice = repeated(columns.values())
    looked = "" if sample.complete else f" ({sample.rows:,} of them, spread over all, were looked at)"
    same = (
        f"{twice:,} rows equal an earlier one ({twice / sample.rows:.1%})" if twice else "no row equals an earlier one"
    )
    return f"{sample.total:,}{looked}, {len(columns)} columns; {same}"


def repeated(columns: Iterable[Column]) -> int:
    """How many rows equal an earlier one in every column."""
    from datasets.tabular.hashed import mix_in

    hashes: Array | None = None
    for column in columns:
        if hashes is None:
            hashes = np.zeros(column.rows, np.uint64)
        mix_in(hashes, column.codes.astype(np.int64))
    return duplicates(hashes) if hashes is not None else 0


def _repeats(column: Column) -> str:
    counts = np.bincount(column.codes[column.codes >= 0], minlength=column.distinct)
    each = (
        f"{int(np.median(counts)):,} in the middle, {int(counts.max()):,} at most, {np.mean(counts == 1):.0%} come once"
    )
    return f"{column.distinct:,} ({column.name}); rows of each: {each}"


def _label(column: Column) -> list[Line]:
    assert column.values is not None
    values = column.values[~np.isnan(column.values)]
    if not len(values):
        return [("label", f"{column.name}: no cell is a number")]
    at = ", ".join(f"{share:.0%} {value:,.6g}" for share, value in zip(_AT, np.quantile(values, _AT), strict=True))
    known, counts = np.unique(values, return_counts=True)
    often, times = known[counts.argmax()], counts.max() / len(values)
    lines = [
        ("label", f"{column.name}: mean {values.mean():,.6g}, from {values.min():,.6g} to {values.max():,.6g}"),
        ("", f"quantiles: {at}"),
        ("", f"{np.mean(values == 0):.1%} are 0; {len(known):,} distinct values, the most frequent is {often:,.6g} "
             f"({times:.1%} of rows)"),
    ]  # fmt: skip
    high = float(np.quantile(values, 0.99))
    if values.max() > 20 * high > 0:
        lines.append(("", f"the largest is {values.max() / high:,.0f} times the 99 % quantile: think of a cap"))
    return lines


def _against(label: Column, duration: Column) -> str:
    assert label.values is not None and duration.values is not None
    both = ~np.isnan(label.values) & ~np.isnan(duration.values) & (duration.values > 0)
    if not both.any():
        return f"{duration.name}: none is above 0"
    ratio = label.values[both] / duration.values[both]
    middle, none = float(np.median(ratio)), int((duration.values <= 0).sum())
    text = (
        f"{duration.name}: label / duration is {middle:.3g} in the middle, above 1 in {np.mean(ratio > 1):.1%} of rows"
    )
    text += f"; {none:,} durations are 0 or less" if none else ""
    return text + ("; are both in the same unit?" if middle > 100 or middle < 0.001 else "")


def times(column: Column) -> list[Line]:
    """From when to when, in which order, and the days without rows."""
    if column.order is None:
        return [("time", f"{column.name}: day and month cannot be told apart; say its form")]
    seconds = seconds_of(column)
    order = "in order" if (np.diff(seconds) >= 0).all() else "not in order, which does no harm"
    lines = [("time", f"{column.name}: {column.span[0]} to {column.span[1]} (UTC); {order}")]
    days = np.unique(np.floor(seconds / _DAY)).astype(np.int64)
    whole = int(days[-1] - days[0]) + 1
    if len(days) < whole and whole < 5_000:
        gap = int(np.diff(days).max()) - 1
        lines.append(("", f"{whole - len(days):,} of {whole:,} days have no row; the widest gap is {gap:,} days"))
    return lines


def seconds_of(column: Column) -> Array:
    """Seconds since 1970 of the cells that are times; of dates as YYYYMMDD too."""
    assert column.order is not None
    values = column.order[column.codes >= 0].astype(np.float64)
    if column.values is None:
        return values
    top = float(values.max())
    if top <= 21_001_231:
        known, place = np.unique(values, return_inverse=True)
        days = [datetime.strptime(str(int(value)), "%Y%m%d").replace(tzinfo=UTC) for value in known]
        return np.array([day.timestamp() for day in days])[place]
    return values / 10.0 ** (3 * ((len(str(int(top))) - 10) // 3))
