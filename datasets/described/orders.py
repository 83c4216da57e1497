"""Reads the TOML file that describes a log of purchases, whose customers' worth is to be predicted."""

from datetime import date
from pathlib import Path
from typing import Any, Literal

from datasets.base import BadData
from datasets.described.description import Common, _Part, check_common, check_unit, convert

ROLES = (
    "customer",
    "date",
    "amount",
    "quantity",
    "price",
    "refund",
    "refunded",
    "currency",
    "category",
    "number",
    "leave out",
)
ONCE = ("customer", "date", "amount", "quantity", "price", "refund", "refunded", "currency")


class Window(_Part, frozen=True):
    """What is known of a customer, and how many days after it the label speaks of."""

    kind: Literal["first purchase", "calibration"]
    horizon: int  # days
    cut: date | None = None  # of a calibration: the last day of the history
    refunds: Literal["net", "drop"] = "net"  # taken off the period that they lie in, or left out
    target: Literal["spend", "count"] = "spend"  # or the number of days with a purchase


class Orders(Common, frozen=True, kw_only=True):
    """A log of purchases: the whole file."""

    kind: Literal["transactions"]
    window: Window


def is_orders(content: dict[str, Any]) -> bool:
    """Whether a file's content describes purchases."""
    return "window" in content or "kind" in content


def orders(path: Path, content: dict[str, Any]) -> Orders:
    """The description. Raises BadData for what cannot be right."""
    it: Orders = convert(path, content, Orders)
    check_common(path, it, ROLES, ONCE)
    for role in ("customer", "date"):
        if not it.one(role):
            raise BadData(f'{path}: [columns] no column is the "{role}"; say which one is')
    if bool(it.one("amount")) == bool(it.one("price")) or bool(it.one("price")) > bool(it.one("quantity")):
        raise BadData(f'{path}: [columns] what was paid is the "amount", or the "price" of one times the "quantity"; '
                      "say one of both")  # fmt: skip
    check_unit(path, "label", it.label.unit, 'write the currency, as "EUR"')
    _check_window(path, it)
    return it


def _check_window(path: Path, it: Orders) -> None:
    window = it.window
    if not 1 <= window.horizon <= 36_500:
        raise BadData(f"{path}: [window] horizon = {window.horizon!r}: a number of days, 1 to 36500")
    if (window.cut is None) == (window.kind == "calibration"):
        cure = "needs cut, the last day of the history, as cut = 2024-06-30" if window.cut is None else "has no cut"
        raise BadData(f'{path}: [window] kind = "{window.kind}" {cure}')
    if it.split.kind == "user":
        raise BadData(f'{path}: [split] kind = "user": a row is a customer here; write "random", or "chronological" by '
                      "the first purchase")  # fmt: skip
