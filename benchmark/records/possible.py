"""What the numbers of a record can be: an edited or damaged file is refused by name, not averaged."""

from collections.abc import Iterator, Mapping
from math import inf, isfinite

from benchmark.records.record import Record
from benchmark.records.trial import Trial

_MORE = 1e-9  # of rounding
_SHARES = (
    *(
        "auc",
        "average_precision",
        "negative",
        "coverage_50",
        "coverage_80",
        "coverage_90",
        "zero_predicted",
        "zero_share",
    ),
    *("xauc", "xauc_exclude", "xauc_lenient", "xauc_strict", "xgauc", "xgauc_coverage"),
)
_SIGNED = ("gini", "spearman", "spearman_ceiling", "spearman_positive")
_POSITIVE = ("decile_mape", "deciles_without_spend", "mae", "pinball", "pinball_rows", "rmse", "rows")
_ANY = (-inf, inf)
_BOUNDS = {
    **dict.fromkeys(_SHARES, (0.0, 1.0)),
    **dict.fromkeys(_SIGNED, (-1.0, 1.0)),
    **dict.fromkeys(_POSITIVE, (0.0, inf)),
}


def wrong_metric(metrics: Mapping[str, float | None]) -> str:
    """Returns the first value that a metric of this name cannot have, in words; "" where there is none."""
    for name, value in metrics.items():
        if value is None:
            continue
        low, high = _BOUNDS.get(name, _ANY)
        if not low - _MORE <= value <= high + _MORE or not isfinite(value):
            bounds = f"{low:.0f} to {high:.0f}" if isfinite(high) else "0 or more" if isfinite(low) else "finite"
            return f"{name} is {value:g}, where it is {bounds}"
    return ""


def wrong_record(record: Record) -> str:
    """Returns what in a record cannot be, in words; "" where there is nothing."""
    return next(_of_record(record), "")


def _of_record(record: Record) -> Iterator[str]:
    if record.seed < 0:
        yield f"its seed is {record.seed}"
    if record.outcome == "ok" and not {"valid", "test"} <= record.metrics.keys():
        yield "it has no metrics of the validation or test rows"
    for where, metrics in (*record.metrics.items(), *record.slices.items()):
        if why := wrong_metric(metrics):
            yield f"{where}: {why}"
    if record.cost is not None and not 0 <= record.cost.seconds < inf:
        yield f"its cost is {record.cost.seconds:g} seconds"
    if record.curve is not None and not 0 <= record.curve.best_epoch <= len(record.curve.valid):
        yield f"its best epoch is {record.curve.best_epoch} of {len(record.curve.valid)}"


def wrong_trial(trial: Trial) -> str:
    """Returns what in a trial cannot be, in words; "" where there is nothing."""
    if trial.objective is not None and (why := wrong_metric({trial.metric: trial.objective})):
        return why
    return f"it took {trial.seconds:g} seconds" if not 0 <= trial.seconds < inf else ""
