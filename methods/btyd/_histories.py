"""The purchase histories behind a table's rows, in natural units, and the reason where it has none."""

from dataclasses import dataclass

import numpy as np

from datasets.schema import Array, Rows, Schema

# the columns of a holdout table that no scaler has touched; they lie beside the rows, where networks do not look
COLUMNS = ("frequency", "recency_days", "age_days", "repeat_value", "horizon_days")
COUNTS = "purchases"  # the unit of a label that counts purchases
WEEK = 7.0  # days; the unit of time of published fits


def missing(schema: Schema, title: str) -> str | None:
    """None, or why there are no histories."""
    if set(COLUMNS) <= set(schema.truth):
        return None
    return f"{title} needs purchase histories and a horizon: rows of this dataset have none, see a @holdout protocol"


@dataclass(frozen=True)
class Histories:
    """One customer a row, [n] each, times in weeks since the first purchase."""

    x: Array  # repeat purchases; those of a day are one
    t_x: Array  # the last purchase, 0 where it is the first
    T: Array  # the end of the history
    m: Array  # mean worth of the repeat purchases, 0 where there is none
    horizon: Array  # weeks after T that the label speaks of

    def __len__(self) -> int:
        return len(self.x)

    def grouped(self) -> tuple[tuple[Array, Array, Array], Array]:
        """The distinct (x, t_x, T), and how often each is there: what a likelihood of counts needs."""
        order = np.lexsort((self.T, self.t_x, self.x))
        columns = tuple(column[order] for column in (self.x, self.t_x, self.T))
        new = np.ones(len(order), bool)
        new[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
        head = np.flatnonzero(new)
        x, t_x, T = (column[head] for column in columns)
        return (x, t_x, T), np.diff(head, append=len(order)).astype(np.float64)


def histories(rows: Rows) -> Histories:
    """Those of a table that `missing` finds nothing wrong with."""
    x, recency, age, m, horizon = (rows.truth[name].astype(np.float64) for name in COLUMNS)
    return Histories(x, recency / WEEK, age / WEEK, m, horizon / WEEK)
