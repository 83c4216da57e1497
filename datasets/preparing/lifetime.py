"""From purchases to lifetime values: the label rule of google/lifetime_value (preprocess_data.ipynb).

For each customer and company, amounts of zero and below left out: `start` is the date of the first purchase, the
calibration value is what was spent on that date, and the label is what was spent on the days after it, up to and with
start + 365 days. The attributes are those of the largest purchase of the first date.
"""

from dataclasses import dataclass

import numpy as np

from datasets.schema import Array

WINDOW = 365  # days
LARGEST = 1e9  # of an amount, in any of the datasets' currencies: a larger one is a fault of the file


@dataclass(frozen=True)
class Lifetimes:
    """One entry for each customer and company with a purchase: m entries, ordered by customer, then company."""

    customer: Array  # [m], as given
    company: Array  # [m], as given
    start: Array  # int64 [m], date of the first purchase in the days of the input
    calibration: Array  # float64 [m], spent on that date
    label: Array  # float64 [m], spent in the window after it; 0 where nothing was
    largest: Array  # int64 [m], row of that date's largest purchase (the first in the input among equals)
    first_day: Array  # int64 [k], rows of all first-date purchases
    owner: Array  # int64 [k], the entry 0..m-1 that each of them belongs to

    def on_first_day(self, values: Array) -> Array:
        """The sum of a column [rows] over each entry's first-date purchases, float64 [m]."""
        return np.bincount(self.owner, weights=values[self.first_day], minlength=len(self.start))


def lifetimes(customer: Array, company: Array, day: Array, amount: Array, *, window: int = WINDOW) -> Lifetimes:
    """Apply the rule to purchases in any order. `day` counts days, `amount` is in the label's unit; all [rows]."""
    bought = np.flatnonzero(amount > 0)
    keys = (-amount[bought], day[bought], company[bought], customer[bought])  # the last one sorts first
    row = bought[np.lexsort(keys)]  # [p], stable: equal amounts keep the input's order
    customer, company, day, amount = customer[row], company[row], day[row].astype(np.int64), amount[row]
    new = np.ones(len(row), bool)
    new[1:] = (customer[1:] != customer[:-1]) | (company[1:] != company[:-1])
    head, entry = np.flatnonzero(new), np.cumsum(new) - 1  # [m], [p]
    age = day - day[head][entry]
    first, later = age == 0, (age > 0) & (age <= window)
    calibration, label = (np.bincount(entry[at], weights=amount[at], minlength=len(head)) for at in (first, later))
    return Lifetimes(customer[head], company[head], day[head], calibration, label, row[head], row[first], entry[first])
