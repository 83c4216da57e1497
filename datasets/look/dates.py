"""Tells times from numbers and texts, and the form in which a text is written."""

import re
import warnings
from datetime import UTC, datetime

import numpy as np

from datasets.look.words import speaks_of
from datasets.schema import Array
from datasets.tabular.cells import NOTHING
from datasets.tabular.opened import Block

_SCALES = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_FIRST, _LAST = 631_152_000.0, 2_524_608_000.0  # 1990 to 2050, in seconds since 1970
_YEARS = (1900, 2100)
_FORMS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%Y", "%m/%d/%Y",
    "%d/%m/%y", "%m/%d/%y",
    "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%Y%m%d",
)  # fmt: skip
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")
_DATELIKE = re.compile(r"(?=.*\d)[\w:/., +-]{6,40}")


def span_of(name: str, values: Array) -> tuple[str, str]:
    """The first and last time that whole numbers stand for, in words; ("", "") where they are no times.

    Seconds, milliseconds, microseconds or nanoseconds since 1970, or dates as YYYYMMDD. Of all but milliseconds only a
    name that speaks of time makes times: ids may look like them.
    """
    if not len(values):
        return "", ""
    low, high = float(values.min()), float(values.max())
    named = speaks_of(name, "calendar")
    if named and low >= 19_000_101 and high <= 21_001_231:
        days = [_day(int(value)) for value in (low, high)]
        return (days[0], days[1]) if all(days) else ("", "")
    for unit, scale in _SCALES.items():
        if low / scale >= _FIRST and high / scale <= _LAST and (named or unit == "ms"):
            return said(low / scale), said(high / scale)
    return "", ""


def _day(number: int) -> str:
    try:
        return f"{datetime.strptime(str(number), '%Y%m%d'):%-d %b %Y}"
    except ValueError:
        return ""


def said(seconds: float) -> str:
    """A moment in words, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %b %Y %H:%M}"


def form_of(texts: list[str]) -> str | None:
    """The form in which times are written, "ISO8601" or as strptime says it; "?" where day and month cannot be told
    apart, None where the texts are no times. A few other texts among them do not matter."""
    some = [text.strip() for text in texts if text.strip() not in NOTHING]
    if not some or np.mean([bool(_DATELIKE.fullmatch(text)) for text in some]) < 0.5:
        return None
    if all(re.fullmatch(r"[-+]?\d+", text) for text in some):
        return None
    if _share(some, "ISO8601") >= 0.9:
        return "ISO8601"
    fits = {
        f"{form}{clock}": share
        for form in _FORMS
        for clock in _CLOCKS
        if (share := _share(some, f"{form}{clock}")) > 0.5
    }
    if not fits:
        return None
    best = [form for form, share in fits.items() if share == max(fits.values())]
    return best[0] if len(best) == 1 else "?"


def _share(texts: list[str], form: str) -> float:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pd.to_datetime(pd.Series(texts, dtype=object), format=form, errors="coerce", utc=True)
    return float(found.dt.year.between(*_YEARS).mean())


def ordered(block: Block, name: str, form: str) -> tuple[Array | None, tuple[str, str], int, str]:
    """The times as numbers (None where their form is not known), the first and last in words, and how many cells are no
    times, with the first of these in words."""
    import pandas as pd

    if form == "?":
        return None, ("", ""), 0, ""
    series = block.batch.column(name).to_pandas()
    text = bool(form)
    if text:
        series = series.astype(object).str.strip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pd.to_datetime(series, format=form or None, errors="coerce", utc=True)
    lost = found.isna().to_numpy() & series.notna().to_numpy()
    if text:
        lost &= ~series.isin(NOTHING).to_numpy()
    seconds = found.dt.as_unit("us").astype("int64").to_numpy() / 1e6
    there = seconds[found.notna().to_numpy()]
    span = (said(there.min()), said(there.max())) if len(there) else ("", "")
    stray = f"row {int(lost.argmax()) + 1:,}: {str(series.iloc[int(lost.argmax())])[:40]!r}" if lost.any() else ""
    return np.where(found.notna(), seconds, 0.0), span, int(lost.sum()), stray
