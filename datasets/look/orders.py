"""Proposes what the columns of a log of purchases are, says what to look at first, and writes its description."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from datasets.look.columns import Column
from datasets.look.dates import span_of
from datasets.look.describe import Looked, about, columns_of, remarks
from datasets.look.findings import Line, repeated, times
from datasets.look.roles import Proposal, odd, other
from datasets.look.sample import Sample, sample
from datasets.look.template import csv, hint, key, name_of, relative, safe, text
from datasets.look.words import about as speaking
from datasets.look.words import names_only, speaks_of, words
from datasets.schema import Array
from datasets.tabular.dialect import Dialect
from datasets.tabular.opened import opened

_AT = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_YEAR = 365


def look_at_orders(place: Path, out: Path) -> Looked:
    """Look at the purchases at a place. out: where their description will be written. Raises NotAvailable, BadData."""
    table = opened(place)
    rows = sample(table)
    columns = _dated(columns_of(table, rows))
    proposals = propose(list(columns.values()), rows)
    by_role = {p.role: columns[p.name] for p in proposals if p.role not in ("leave out", "category", "number")}
    lines: list[Line] = [("file", about(table)), *findings(rows, columns, by_role)]
    lines += [("", remark) for remark in remarks(rows)]
    lines += [("look at", f"{p.name}: {p.look}") for p in proposals if p.look]
    return Looked(lines, proposals, template(place, out, rows, by_role, proposals, table.dialect))


def _dated(columns: dict[str, Column]) -> dict[str, Column]:
    """The columns; where none is a time by its name, whole numbers that can only be times are such."""
    if any(c.kind == "time" for c in columns.values()):
        return columns
    found = dict(columns)
    for name, c in columns.items():
        if c.kind == "whole" and c.values is not None and c.distinct > 1:
            span = span_of("date", c.values[~np.isnan(c.values)])
            found[name] = replace(c, kind="time", span=span, order=np.nan_to_num(c.values)) if span[0] else c
    return found


def propose(columns: Sequence[Column], rows: Sample) -> list[Proposal]:
    """A proposal for every column."""
    chosen: dict[str, tuple[str, str]] = {}

    def choose(role: str, fits: Sequence[Column], reason: str = "by its name") -> None:
        if left := [c for c in fits if c.name not in chosen]:
            chosen[left[0].name] = (role, reason)

    ids = [c for c in columns if c.kind in ("whole", "text", "decimal") and c.distinct > 1]
    choose("customer", sorted((c for c in ids if names_only(c.name, "user")), key=lambda c: -c.distinct))
    dates = [c for c in columns if c.kind == "time" and c.distinct > 1]
    dates = [c for c in dates if not speaks_of(c.name, "refund")] or dates
    choose(
        "date", sorted(dates, key=lambda c: (not speaks_of(c.name, "bought"), c.empty, -c.distinct)), "by its values"
    )
    choose("currency", [c for c in columns if c.kind == "text" and speaks_of(c.name, "currency")])
    choose("refund", [c for c in columns if _is_refund(c, rows)], "by its name and values")
    amounts = [c for c in columns if c.kind in ("whole", "decimal") and c.distinct > 1 and not _is_id(c)]
    choose("refunded", [c for c in amounts if speaks_of(c.name, "refund")])
    amounts = [c for c in amounts if not speaks_of(c.name, "refund") and not speaks_of(c.name, "aside")]
    quantity = [c for c in amounts if speaks_of(c.name, "quantity") and c.kind == "whole"]
    price = [c for c in amounts if speaks_of(c.name, "price") and not set(words(c.name)) & {"total"}]
    paid = [c for c in amounts if speaks_of(c.name, "amount") and c not in quantity and c not in price]
    choose("quantity", quantity)
    choose("amount", paid)
    if not paid:
        choose("price" if quantity else "amount", price)
    if not paid and not price:  # the number that varies most
        free = [c for c in amounts if c.name not in chosen and c.kind == "decimal"] or [
            c for c in amounts if c.name not in chosen and c.distinct > 20]  # fmt: skip
        choose("amount", sorted(free, key=lambda c: -c.distinct), "a guess by its values: check it")
    if "customer" not in {role for role, _ in chosen.values()}:
        again = [c for c in ids if c.name not in chosen and c.kind != "decimal" and 1 < c.distinct <= 0.7 * c.rows]
        choose("customer", again, "a guess by its values: check it")
    customer = next((c for c in columns if chosen.get(c.name, ("",))[0] == "customer"), None)
    return [_proposal(c, chosen, customer, rows) for c in columns]


def _proposal(column: Column, chosen: Mapping[str, tuple[str, str]], customer: Column | None, rows: Sample) -> Proposal:
    if column.name in chosen:
        role, reason = chosen[column.name]
        among = _refund_words(column, rows) if role == "refund" and column.kind == "text" else ()
        form = _form(column) if role == "date" else ""
        return Proposal(column.name, role, reason, form=form, among=among, look=_odd(column, role))
    role, reason, _ = other(column, {}, [], "")
    if role in ("category", "number") and customer is not None:
        steady = _steady(column, customer)
        if steady < 0.98:
            return Proposal(column.name, "leave out", "not the same in all purchases of a customer")
        nearly = f"of {steady:.1%} of the customers; the first purchase counts" if steady < 1 else "of a customer"
        return Proposal(column.name, role, f"{reason}, the same in all purchases {nearly}")
    return Proposal(column.name, "leave out", reason if role == "leave out" else "no single value of a customer")


def _is_id(column: Column) -> bool:
    said = set(words(column.name))
    return bool(said & {"id", "code", "key", "no", "uuid"}) or names_only(column.name, "item")


def _odd(column: Column, role: str) -> str:
    if role in ("customer", "date", "amount", "price", "quantity") and column.empty:
        return f"{column.empty:,} of {column.rows:,} cells are empty"
    return odd(column, role) if role != "date" else ("day and month cannot be told apart" if column.form == "?" else "")


def _steady(column: Column, customer: Column) -> float:
    """The share of customers in all whose rows the column has one value."""
    there = customer.codes >= 0
    pairs = np.unique(customer.codes[there].astype(np.int64) << 32 | (column.codes[there].astype(np.int64) + 1))
    values = np.bincount(pairs >> 32)
    return float(np.mean(values[values > 0] == 1)) if len(pairs) else 0.0


def _is_refund(column: Column, rows: Sample) -> bool:
    """Whether a column says which rows are refunds: yes or no by that name, or a word for it among few texts."""
    if column.kind == "yes/no" or (column.kind == "whole" and column.distinct == 2 and column.high <= 1):
        return speaks_of(column.name, "refund")
    return column.kind == "text" and column.distinct <= 20 and bool(_refund_words(column, rows))


def _refund_words(column: Column, rows: Sample) -> tuple[str, ...]:
    """The texts of a column that speak of a refund."""
    import pyarrow as pa

    cells = rows.block.batch.column(column.name)
    known = [v for v in cells.cast(pa.string()).unique().to_pylist() if v]
    return tuple(sorted(v for v in known if set(words(v)) & speaking("refund")))


def _form(column: Column) -> str:
    """What a description has to say of a date: the form of a text, the unit of whole numbers."""
    if column.form or column.values is None:
        return column.form
    top = column.high
    return "%Y%m%d" if top <= 21_001_231 else ("s", "ms", "us", "ns")[min(3, (len(str(int(top))) - 10) // 3)]


def paid(role: Mapping[str, Column], rows: Sample) -> Array | None:
    """What each row of the sample paid, float64 [rows]; None where no column says."""
    if "amount" in role:
        values = role["amount"].values
    elif "price" in role and "quantity" in role:
        price, quantity = role["price"].values, role["quantity"].values
        values = None if price is None or quantity is None else price * quantity
    else:
        values = None
    back = role.get("refunded")
    if values is not None and back is not None and back.values is not None:
        values = values - np.abs(np.nan_to_num(back.values))
    flag = role.get("refund")
    if values is not None and flag is not None:
        values = np.where(_flagged(flag, rows), -np.abs(values), values)
    return values


def _flagged(flag: Column, rows: Sample) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if flag.values is not None:
        return flag.values == 1
    text = rows.block.batch.column(flag.name).cast(pa.string())
    return pc.is_in(text, value_set=pa.array(_refund_words(flag, rows), pa.string())).to_numpy(zero_copy_only=False)


def findings(rows: Sample, columns: Mapping[str, Column], role: Mapping[str, Column]) -> list[Line]:
    """Rows, customers, amounts, refunds, currencies, dates, and whom a horizon leaves."""
    twice = repeated(columns.values())
    looked = "" if rows.complete else f" ({rows.rows:,} of them, spread over all, were looked at)"
    lines: list[Line] = [
        ("rows", f"{rows.total:,}{looked}, {len(columns)} columns; {twice:,} rows equal an earlier one")
    ]
    if customer := role.get("customer"):
        counts = np.bincount(customer.codes[customer.codes >= 0], minlength=max(1, customer.distinct))
        each = f"{int(np.median(counts)):,} in the middle, {int(counts.max()):,} at most"
        once = f"{np.mean(counts == 1):.0%} have one"
        lines.append(("customers", f"{customer.distinct:,} ({customer.name}); rows of each: {each}, {once}"))
    if (amount := paid(role, rows)) is not None and (there := amount[~np.isnan(amount)]).size:
        at = ", ".join(f"{share:.0%} {value:,.6g}" for share, value in zip(_AT, np.quantile(there, _AT), strict=True))
        lines += [
            ("amount", f"mean {there.mean():,.6g}, from {there.min():,.6g} to {there.max():,.6g}; quantiles: {at}"),
            ("refunds", _refunds(there)),
        ]
    if currency := role.get("currency"):
        lines.append(
            ("currency", f"{currency.distinct} ({currency.name})" + ("; keep one by a rule" * (currency.distinct > 1)))
        )
    if date := role.get("date"):
        lines += times(date)
    return lines


def _refunds(paid: Array) -> str:
    """The rows below 0 and at 0."""
    back, spent = abs(paid[paid < 0].sum()), paid[paid > 0].sum()
    below = f"{int((paid < 0).sum()):,} rows ({np.mean(paid < 0):.1%}) are below 0, {back:,.6g} of {spent:,.6g}"
    return f"{below}; {np.mean(paid == 0):.1%} are 0"


def template(
    place: Path, out: Path, rows: Sample, role: Mapping[str, Column], proposals: Sequence[Proposal],
    dialect: Dialect | None,
) -> str:  # fmt: skip
    """The text of the description of the purchases at `place`, to be written to `out`."""
    first, last = _span(role.get("date"))
    length = (last - first) if first is not None and last is not None else 2 * _YEAR
    horizon = _YEAR if length >= 1.5 * _YEAR else max(1, length // 2)
    cut = str(np.datetime64(last - horizon, "D")) if last is not None else "2024-06-30"
    what = role.get("amount") or role.get("price")
    lines = [
        f'# {place.name}: {rows.total:,} rows, {length:,} days. Correct what is wrong, fill in what is "?", then type',
        f"#   python -m benchmark run --table {out.name}",
        "",
        f"name = {text(name_of(place))}  # of the dataset in records and pages",
        'kind = "transactions"  # a row is a purchase; what is predicted is what a customer will spend',
        f"files = {text(relative(place, out))}  # a file or a folder, seen from here",
        "",
        "# one column each: customer, date, amount (or price and quantity), refund (which rows), refunded (how much),",
        "# currency; category and number where a customer has one value; leave out",
        "[columns]",
        *_columns(proposals),
        "",
        "[label]",
        *hint(what),
        'unit = "?"  # FILL IN: the currency, as "EUR"',
        'cap = "?"  # FILL IN: "none", or what a customer spends at most: more is set to it',
        "",
        "[window]",
        '# "first purchase": what is known is the day of the first purchase, what is predicted the days after it',
        '# "calibration": what is known is all up to and with a day, cut; what is predicted the days after that day',
        'kind = "first purchase"',
        f"# cut = {cut}  # of a calibration",
        f"horizon = {horizon}  # days ahead; customers whom the log does not cover so long are left out and counted",
        'refunds = "net"  # "net": taken off what was spent; "drop": left out',
        'target = "spend"  # or "count": on how many days they buy',
        "",
        "[split]",
        'kind = "random"  # by customer; or "chronological" by the first purchase',
        "shares = [7, 1, 2]  # train : validation : test",
        "seed = 0",
        *_keep(role),
        "",
        "[training]",
        "batch = 512",
        "epochs = 20  # at most",
        "patience = 5  # epochs without improvement",
        *csv(dialect),
    ]
    return "\n".join(lines) + "\n"


def _columns(proposals: Sequence[Proposal]) -> list[str]:
    written = []
    for p in proposals:
        details = [f"form = {text(p.form)}"] if p.form else []
        details += [f"is = [{', '.join(map(text, p.among))}]"] if p.among else []
        role = f"{{ role = {text(p.role)}, {', '.join(details)} }}" if details else text(p.role)
        written.append((f"{key(p.name)} = {role}", p))
    width = min(48, max(len(line) for line, _ in written))
    return [f"{line:<{width}}  # {safe(p.reason)}{f'. LOOK: {safe(p.look)}' if p.look else ''}" for line, p in written]


def _span(date: Column | None) -> tuple[int | None, int | None]:
    """The first and the last day, since 1970."""
    if date is None or date.order is None:
        return None, None
    from datasets.look.findings import seconds_of

    days = np.floor_divide(seconds_of(date), timedelta(days=1).total_seconds())
    return int(days.min()), int(days.max())


def _keep(role: Mapping[str, Column]) -> list[str]:
    """Rules for rows that could not be used, where there are such."""
    lines: list[str] = []
    for what in ("customer", "amount", "price", "quantity"):
        if (column := role.get(what)) is not None and column.empty:
            lines += ["", f"# {column.empty:,} rows have no {what}: without this rule they are refused",
                      "[[keep]]", f"column = {text(column.name)}"]  # fmt: skip
    return lines
