"""The metrics of the pages: their titles, which way is better, their decimals."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.model.board import Entry

HEADLINE = "mae"


@dataclass(frozen=True)
class Metric:
    """A metric as a column."""

    key: str
    title: str
    low: bool | None = None  # whether the least is the best; None where no value is the best


METRICS = {
    c.key: c
    for c in (
        Metric("mae", "MAE ↓", low=True),
        Metric("rmse", "RMSE ↓", low=True),
        Metric("xauc", "XAUC ↑", low=False),
        Metric("xgauc", "XGAUC ↑", low=False),
        Metric("spearman", "Spearman ↑", low=False),
        Metric("gini", "Gini ↑", low=False),
        Metric("auc", "AUC of > 0 ↑", low=False),
        Metric("ratio", "predicted / actual"),
    )
}
WATCH_TIME = ("mae", "rmse", "xauc", "xgauc", "ratio")
LIFETIME_VALUE = ("mae", "rmse", "spearman", "gini", "auc", "xauc", "ratio")


def digits(metric: str, unit: str) -> int:
    """Decimals of a metric: three of an error in seconds or money, four of the rest."""
    return 3 if metric == "ratio" or (metric in ("mae", "rmse") and unit != "ratio") else 4


def columns(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Lifetime value's metrics where the records have them, else watch time's."""
    kept = {name for entry in entries for record in entry.ok for name in record.metrics.get("test", {})}
    return LIFETIME_VALUE if "gini" in kept else WATCH_TIME
