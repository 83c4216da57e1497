"""The metrics of the pages: what they are called, which way is better, how many decimals they have."""

from collections.abc import Iterable
from dataclasses import dataclass

from reports.markup.table import Better, Column
from reports.markup.text import ARROWS

HEADLINE = "mae"
ERRORS = ("mae", "rmse")


@dataclass(frozen=True)
class Metric:
    """A number over test rows; no value is the best where `better` is None."""

    key: str
    name: str
    better: Better | None = None
    label: str = ""  # of a heading, where the name is not enough

    @property
    def low(self) -> bool:
        """Whether less is better, or may be taken to be."""
        return self.better != "high"

    @property
    def title(self) -> str:
        """ "MAE ↓" """
        return (self.label or self.name) + (f" {ARROWS[self.better]}" if self.better else "")

    def column(self, unit: str, *, key: str = "") -> Column:
        """As a heading of a table."""
        return Column(key or self.key, self.label or self.name, better=self.better, digits=digits(self.key, unit))


METRICS = {
    metric.key: metric
    for metric in (
        Metric("mae", "MAE", "low"),
        Metric("rmse", "RMSE", "low"),
        Metric("xauc", "XAUC", "high"),
        Metric("xgauc", "XGAUC", "high"),
        Metric("spearman", "Spearman", "high"),
        Metric("gini", "Gini", "high"),
        Metric("auc", "AUC", "high", "AUC of > 0"),
        Metric("ratio", "predicted / actual"),
    )
}
WATCH_TIME = ("mae", "rmse", "xauc", "xgauc", "ratio")
LIFETIME_VALUE = ("mae", "rmse", "spearman", "gini", "auc", "xauc", "ratio")


def digits(metric: str, unit: str) -> int:
    """Decimals of a metric: three of an error in seconds or money, four of the rest."""
    return 3 if metric == "ratio" or (metric in ERRORS and unit != "ratio") else 4


def shown(kept: Iterable[str]) -> tuple[str, ...]:
    """The metrics of a leaderboard of records that have these: lifetime value's where they are there, else watch
    time's."""
    return LIFETIME_VALUE if "gini" in set(kept) else WATCH_TIME
