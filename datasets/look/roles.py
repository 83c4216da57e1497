"""Proposes what each column is, with the reason, so that a person has only to correct."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datasets.look.columns import Column
from datasets.look.leaks import Told, told, verdict
from datasets.look.words import about, names_only, speaks_of, words
from datasets.schema import Array

_FEW = 50  # distinct whole numbers that are more likely classes than amounts
_LONGEST = 40  # characters of a text that is a class


@dataclass(frozen=True)
class Proposal:
    """A column's role and why; what a list or a time needs besides."""

    name: str
    role: str
    reason: str
    length: int = 0
    separator: str = ""
    form: str = ""
    among: tuple[str, ...] = ()  # of a refund: the texts that mean one
    look: str = ""  # what a person should look at before agreeing


def propose(columns: Sequence[Column], label: str = "") -> list[Proposal]:
    """A proposal for every column. label: where a person has said which it is."""
    by_name = {column.name: column for column in columns}
    chosen: dict[str, tuple[str, str]] = {}  # column -> (role, reason)
    if (found := _label(columns, label)) is not None:
        chosen[found[0]] = ("label", found[1])
    for role in ("user", "item"):
        if (name := _named_id(columns, role, chosen)) is not None:
            chosen[name] = (role, "by its name")
    for role in ("user", "item"):
        if role not in {r for r, _ in chosen.values()} and (name := _guessed_id(columns, role, chosen)) is not None:
            chosen[name] = (role, "a guess by its values: check it")
    if (name := _duration(columns, chosen, by_name)) is not None:
        chosen[name] = ("duration", "by its name" + _per_item(by_name[name], chosen, by_name))
    if (name := _time(columns, chosen)) is not None:
        chosen[name] = (
            "time",
            f"from {by_name[name].span[0]} to {by_name[name].span[1]}" if by_name[name].span[0] else "by its form",
        )
    of = _told(by_name, chosen)
    known = [n for n, (role, _) in chosen.items() if role in ("user", "item", "duration")]
    time = next((n for n, (role, _) in chosen.items() if role == "time"), "")
    found_all = []
    for column in columns:
        role, reason = chosen.get(column.name, ("", ""))
        look = ""
        if not role:
            role, reason, look = other(column, of, known, time)
        found_all.append(
            Proposal(
                column.name,
                role,
                reason,
                length=max(1, min(50, int(np.ceil(column.members)))) if role == "list" else 0,
                separator=column.separator if role == "list" else "",
                form=column.form if role == "time" else "",
                look=look or odd(column, role),
            )
        )
    return found_all


def _numbers(columns: Sequence[Column]) -> list[Column]:
    return [c for c in columns if c.kind in ("whole", "decimal") and c.empty + c.strays < c.rows]


def _label(columns: Sequence[Column], asked: str) -> tuple[str, str] | None:
    """The column that speaks most of watching or of money, and why; a guess by its values where none speaks."""
    if asked:
        return asked, "as you said"
    scored = [(score, c.name) for c in _numbers(columns) if (score := _label_score(c)) > 0]
    if scored:
        best = max(score for score, _ in scored)
        return next(name for score, name in scored if score == best), "by its name"
    free = [c for c in _numbers(columns) if _free(c)]
    if not free:
        return None
    skew = {c.name: _skew(c) for c in free}
    return max(skew, key=skew.__getitem__), "a guess by its values: check it"


def _label_score(column: Column) -> float:
    said = set(words(column.name))
    timed = bool(said & about("viewed")) and bool(said & (about("clock") | about("duration")))
    if not (said & about("label") or timed) or column.distinct < 2:
        return 0
    score = 4.0 + len(said & about("label")) + bool(said & about("clock"))
    score -= 3 * bool(said & about("share")) + 3 * bool(said & about("count")) + 2 * names_only(column.name, "item")
    score -= 3 * (column.low < 0) + 2 * (column.distinct <= 2) + 3 * bool(said & about("id"))
    return score


def _free(column: Column) -> bool:
    """Whether a number may be a label by its values: an amount, not negative, of many values, no id and no duration."""
    said = set(words(column.name))
    ids = said & (about("id") | about("user") | about("item") | about("duration") | about("outcome") | about("kind"))
    few = column.distinct < min(_FEW, max(3, column.rows // 3))
    return column.low >= 0 and not few and not ids and not _is_key(column)


def _skew(column: Column) -> float:
    assert column.values is not None
    values = column.values[~np.isnan(column.values)]
    return float(values.mean() / max(float(np.median(values)), 1e-9)) if len(values) else 0.0


def _is_key(column: Column) -> bool:
    return column.kind == "whole" and column.rows > 20 and column.distinct > 0.95 * column.rows


def _named_id(columns: Sequence[Column], what: str, taken: Mapping[str, object]) -> str | None:
    """The column named after users, or items; of several the one with most values."""
    fits = [c for c in columns if c.name not in taken and c.kind in ("whole", "text", "decimal") and _id_like(c, what)]
    return max(fits, key=lambda c: c.distinct).name if fits else None


def _id_like(column: Column, what: str) -> bool:
    return names_only(column.name, what) and column.length <= _LONGEST and column.distinct > 1


def _guessed_id(columns: Sequence[Column], what: str, taken: Mapping[str, object]) -> str | None:
    """A column of many values that come again, of no other known sense. The first is the user, the next the item."""

    def fits(c: Column) -> bool:
        said = set(words(c.name))
        named = said & (about("id") | {"column"}) or (len(said) == 1 and len(c.name) <= 3)
        other = said & (about("outcome") | about("count") | about("share") | about("duration") | about("label"))
        return bool(
            c.kind in ("whole", "text") and named and not other and c.length <= _LONGEST
            and max(2, min(20, c.rows // 20)) < c.distinct <= 0.7 * c.rows
        )  # fmt: skip

    left = [c.name for c in columns if c.name not in taken and fits(c)]
    return left[0] if left else None


def _duration(
    columns: Sequence[Column], chosen: Mapping[str, tuple[str, str]], by_name: Mapping[str, Column]
) -> str | None:
    fits = [
        c for c in _numbers(columns)
        if c.name not in chosen and c.high > 0 and speaks_of(c.name, "duration") and not speaks_of(c.name, "count")
        and not speaks_of(c.name, "share") and c.distinct > 1
    ]  # fmt: skip
    if not fits:  # a time that every item has one of: `clip_seconds`
        fits = [
            c for c in _numbers(columns)
            if c.name not in chosen and _mostly_above(c) and speaks_of(c.name, "clock") and c.distinct > 1
            and _constant_within(c, chosen, by_name)
        ]  # fmt: skip
    if not fits:
        return None
    # of an item, where items are known: constant within each
    return max(fits, key=lambda c: (_constant_within(c, chosen, by_name), not speaks_of(c.name, "label"))).name


def _mostly_above(column: Column) -> bool:
    """Whether nearly all cells are above 0."""
    assert column.values is not None
    return bool(np.mean(column.values > 0) > 0.8)


def _constant_within(column: Column, chosen: Mapping[str, tuple[str, str]], by_name: Mapping[str, Column]) -> bool:
    """Whether every item has one value of the column, or nearly."""
    item = next((name for name, (role, _) in chosen.items() if role == "item"), None)
    if item is None:
        return False
    pairs = np.unique(by_name[item].codes.astype(np.int64) << 32 | (column.codes.astype(np.int64) + 1))
    return len(pairs) <= 1.05 * by_name[item].distinct


def _per_item(column: Column, chosen: Mapping[str, tuple[str, str]], by_name: Mapping[str, Column]) -> str:
    return ", and every item has one" if _constant_within(column, chosen, by_name) else ""


def _time(columns: Sequence[Column], taken: Mapping[str, object]) -> str | None:
    """The finest time."""
    fits = [c for c in columns if c.name not in taken and c.kind == "time" and c.distinct > 1]
    return max(fits, key=lambda c: (c.empty == 0, c.distinct)).name if fits else None


def _told(by_name: Mapping[str, Column], chosen: Mapping[str, tuple[str, str]]) -> dict[str, Told]:
    values: dict[str, Array | None] = {
        role: by_name[name].values for name, (role, _) in chosen.items() if role in ("label", "duration")
    }
    label = values.get("label")
    if label is None:
        return {}
    others = {
        name: column for name, column in by_name.items() if chosen.get(name, ("", ""))[0] not in ("label", "time")
    }
    return told(others, label, values.get("duration"))


def other(column: Column, of: Mapping[str, Told], known: list[str], time: str) -> tuple[str, str, str]:
    """(role, reason, what to look at) of a column that plays no single part."""
    name, kind, distinct = column.name, column.kind, column.distinct
    if kind == "empty":
        return "leave out", "every cell is empty", ""
    if kind == "other":
        return "leave out", "neither numbers nor ids nor a list of ids", ""
    if column.constant:
        return "leave out", "the same value in every row", ""
    what, why = verdict(name, of, known, amount=column.kind in ("whole", "decimal") and not _is_class(column))
    if what == "leave out":
        return "leave out", why, f"{why}; it is left out" if why else ""
    look = why if what == "look" else ""
    if kind == "list":
        return "list", f"lists of ids, nineteen of twenty have at most {column.members:g}", look
    if kind == "time":
        return "leave out", f"a time besides {time}" if time else "a time", ""
    if set(words(name)) & about("outcome") and distinct <= max(20, column.rows // 100) and not names_only(name, "item"):
        return "leave out", "by its name an outcome of the same event: put it back if it is known before", ""
    if kind == "yes/no":
        return "category", "yes or no", look
    if distinct > 0.9 * column.rows and column.rows > 100 and kind in ("whole", "text"):
        return "leave out", "nearly every row has a value of its own", ""
    if kind == "text":
        role, reason = _text(column)
        return role, reason, look if role != "leave out" else ""
    if kind == "whole" and not column.strays and _is_class(column):
        return "category", f"{distinct:,} distinct whole numbers", look
    return "number", f"numbers from {column.low:g} to {column.high:g}", look


def _text(column: Column) -> tuple[str, str]:
    if column.length > _LONGEST:
        return "leave out", f"text, {column.length:.0f} characters on average"
    if column.distinct > 0.5 * column.rows and column.rows > 100:
        return "leave out", "text, most of which comes once"
    return "category", f"{column.distinct:,} distinct texts"


def _is_class(column: Column) -> bool:
    said = set(words(column.name))
    known = about("kind") | about("id") - {"number", "nr", "num", "no"} | about("item") | about("user")
    return (
        column.distinct <= _FEW
        or bool(said & known)
        or bool(re.search(r"id$", column.name.lower()))
        or column.high >= 1e9
    )


def odd(column: Column, role: str) -> str:
    """What in the cells themselves needs a look."""
    if role == "leave out":
        return ""
    if column.strays:
        return f"{column.strays:,} cells are of another kind, the first in {_where(column.stray)}"
    if role in ("label", "duration", "user", "item", "time") and column.empty:
        return f"{column.empty:,} of {column.rows:,} cells are empty"
    if role == "label" and column.low < 0:
        assert column.values is not None
        return f"{int((column.values < 0).sum()):,} labels are negative"
    return ""


def _where(stray: str) -> str:
    found = re.search(r"(is .*? in row [\d,]+|row [\d,]+.*)", stray)
    return found.group(1) if found else stray
