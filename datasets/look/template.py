"""Writes the description that a person corrects: a short TOML file with comments, units and cap left to fill in."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from datasets.look.columns import Column
from datasets.look.roles import Proposal
from datasets.look.sample import Sample
from datasets.look.words import speaks_of, words
from datasets.tabular.dialect import Dialect

_UNITS = {"ms": "ms", "msec": "ms", "millis": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "secs": "s",
          "second": "s", "seconds": "s", "min": "min", "minutes": "min"}  # fmt: skip


def template(
    place: Path, out: Path, sample: Sample, columns: Mapping[str, Column], proposals: Sequence[Proposal],
    dialect: Dialect | None,
) -> str:  # fmt: skip
    """The text of the description of the table at `place`, to be written to `out`."""
    role = {p.role: columns[p.name] for p in proposals if p.role in ("user", "item", "label", "duration", "time")}
    label, duration = role.get("label"), role.get("duration")
    money = label is not None and duration is None and speaks_of(label.name, "money")
    lines = [
        f'# {place.name}: {sample.total:,} rows. Correct what is wrong, fill in what is "?", then type',
        f"#   python -m benchmark run --table {out.name}",
        "",
        f"name = {text(name_of(place))}  # of the dataset in records and pages",
        f"files = {text(relative(place, out))}  # a file or a folder, seen from here",
        f'task = "{"ltv" if money else "watch_time"}"  # "watch_time", or "ltv" for what a customer is worth',
        "",
        "# user, item, label, duration, time: one column each; category, number, list; or leave out",
        "[columns]",
        *columns_of(proposals),
    ]
    if label is None:
        lines.append('# none of them looks like a label: write "label" where it is')
    lines += [
        "",
        "[label]",
        *hint(label),
        'unit = "?"  # FILL IN: "ms", "s", "min" or "h" (all turned into seconds), or "ratio", "EUR", ...',
        'cap = "?"  # FILL IN: "none", or a value of the column to which larger ones are set',
    ]
    if duration is not None:
        lines += [
            "",
            "[duration]",
            *hint(duration),
            'unit = "?"  # FILL IN: "ms", "s", "min" or "h"',
            "buckets = 5  # results are also shown by duration, in so many parts",
        ]
    kind = "chronological" if "time" in role else "random"
    lines += [
        "",
        "[split]",
        f'kind = "{kind}"  # "random" by row, "chronological" (test on the newest), "user" (test on other users)',
        "shares = [6, 2, 2]  # train : validation : test",
        "seed = 0",
        *keep(role),
        "",
        "[training]",
        f"batch = {512 if sample.total < 2_000_000 else 2048}",
        "epochs = 20  # at most",
        "patience = 5  # epochs without improvement",
        *csv(dialect),
    ]
    return "\n".join(lines) + "\n"


def text(value: str) -> str:
    """A TOML string."""
    return json.dumps(value, ensure_ascii=False)


def key(name: str) -> str:
    """A TOML key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else text(name)


def name_of(place: Path) -> str:
    """A dataset's name after its file's: small letters, digits, - and _."""
    stem = place.name.partition(".")[0] if place.is_file() else place.resolve().name
    return re.sub(r"[^a-z0-9_-]+", "-", stem.lower()).strip("-_")[:40] or "mine"


def relative(place: Path, out: Path) -> str:
    """The table's place seen from the folder of the description."""
    return Path(os.path.relpath(place.resolve(), out.resolve().parent)).as_posix()


def columns_of(proposals: Sequence[Proposal]) -> list[str]:
    """A line for each column: its role, and why."""
    written = [(f"{key(p.name)} = {_role(p)}", p) for p in proposals]
    width = min(48, max(len(line) for line, _ in written))
    return [f"{line:<{width}}  # {safe(p.reason)}{_look(p)}" for line, p in written]


def _look(proposal: Proposal) -> str:
    return f". LOOK: {safe(proposal.look)}" if proposal.look and proposal.role != "leave out" else ""


def _role(proposal: Proposal) -> str:
    details = []
    if proposal.role == "list":
        details = [f"length = {proposal.length}"]
        details += [f"separator = {text(proposal.separator)}"] if proposal.separator else []
    if proposal.form:
        details = [f"form = {text(proposal.form)}"]
    word = text(proposal.role)
    return f"{{ role = {word}, {', '.join(details)} }}" if details else word


def safe(words: str) -> str:
    """Words for a comment: on one line, without control characters."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", words)


def hint(column: Column | None) -> list[str]:
    """What the name and the values of a column say of its unit, as a comment."""
    if column is None or column.values is None or np.isnan(column.low):
        return []
    said = next((unit for word in words(column.name) if (unit := _UNITS.get(word))), None)
    named = f"its name says {said}; " if said else ""
    middle, high = np.nanquantile(column.values, (0.5, 0.99))
    return [f"# {named}in the middle {middle:,.6g}, the 99 % quantile {high:,.6g}, the largest {column.high:,.6g}"]


def keep(role: Mapping[str, Column]) -> list[str]:
    """Rules for rows that could not be used, where there are such."""
    lines: list[str] = []
    for what, rule, says in (("duration", "above = 0", "0, less or empty"), ("label", "from = 0", "negative or empty")):
        column = role.get(what)
        if column is None or column.values is None:
            continue
        low = column.values <= 0 if what == "duration" else column.values < 0
        if count := int(low.sum()) + int(np.isnan(column.values).sum()) - column.strays:
            lines += ["", f"# {count:,} rows have a {what} that is {says}: without this rule they are refused",
                      "[[keep]]", f"column = {text(column.name)}", rule]  # fmt: skip
    return lines


def csv(dialect: Dialect | None) -> list[str]:
    """How the text files are written."""
    if dialect is None:
        return []
    return [
        "",
        "[csv]",
        f"delimiter = {text(dialect.delimiter)}",
        f"header = {str(dialect.header).lower()}  # whether the first line names the columns",
        f"decimal = {text(dialect.decimal)}",
        f"encoding = {text(dialect.encoding)}",
    ]
