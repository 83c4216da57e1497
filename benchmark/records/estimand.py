"""What a row estimates of the label's distribution given x: the mean, the median, or neither of both.

MAE is least for a median and RMSE for a mean, so rows that estimate different things cannot be ranked by either. A
method says which one it is by two class attributes, `estimates` and `estimates_why`; where the answer depends on the
configuration, `estimates_when` lists the exceptions. Of classes that say nothing `methods/estimands.toml` does.
`python -m benchmark compare` (and `run`) puts what is said of the methods with records into `estimands.json` at the
top of the folder of records, so that pages need neither the methods nor new records.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from benchmark.files.atomic import get
from benchmark.records.health import constant
from benchmark.records.record import Record

FILE = "estimands.json"
Kind = Literal["mean", "median", ""]
KINDS: tuple[str, ...] = get_args(Kind)
NEAR = 0.1  # of a mean's predicted / actual, from that of the best constant on the same rows


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What configurations with these values estimate instead."""

    config: dict[str, Any]
    estimates: Kind
    why: str = ""


class Estimand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a method estimates, and why that is so; the first case whose values all hold goes before it."""

    estimates: Kind
    why: str = ""
    when: list[Case] = []

    def of(self, config: Mapping[str, Any]) -> tuple[Kind, str]:
        """What this configuration estimates, and why."""
        for case in self.when:
            if all(name in config and config[name] == value for name, value in case.config.items()):
                return case.estimates, case.why or self.why
        return self.estimates, self.why


Estimands = Mapping[str, Estimand]  # by method


def estimand(record: Record, known: Estimands) -> tuple[Kind, str]:
    """What a record's row estimates, and why; ("", "") of a method of which nothing is said."""
    said = known.get(record.method)
    return said.of(record.config) if said else ("", "")


def read(runs: Path) -> dict[str, Estimand]:
    """What is known below a folder of records, by method; empty where the file is not there. Raises UserError."""
    found = get(runs / FILE, dict[str, Estimand], what="what `python -m benchmark compare` writes", cure="delete it")
    return found or {}


def encode(known: Estimands) -> bytes:
    """Canonical bytes."""
    return msgspec.json.format(msgspec.json.encode(dict(known), order="sorted"), indent=1) + b"\n"


class Checked(msgspec.Struct, frozen=True):
    """A row that says it is a mean, and the one thing that every good mean has in common."""

    ratio: float  # predicted / actual of the test rows, the mean over the seeds
    constant: float  # that of the constant mean, which drifts with the split and with nothing else
    holds: bool  # whether they differ by less than NEAR of the constant's


def checked(row: Sequence[Record], board: Sequence[Record], known: Estimands) -> Checked | None:
    """Whether a row's predictions are right on average, where it says that it estimates a mean; None where it says
    otherwise or nothing can be told. row: its seeds; board: all records of the same test rows, among them the constant
    mean's.

    It is a check of what was declared and chooses nothing: a row short of it was stopped, or reads its distribution,
    for another end."""
    if any(estimand(record, known)[0] != "mean" for record in row):
        return None
    constants = [record for record in board if constant(record) and estimand(record, known)[0] == "mean"]
    ratio, base = _ratio(row), _ratio(constants)
    if ratio is None or not base:
        return None
    return Checked(ratio, base, abs(ratio / base - 1) < NEAR)


def _ratio(records: Sequence[Record]) -> float | None:
    known = [value for r in records if (value := r.metrics.get("test", {}).get("ratio")) is not None]
    return sum(known) / len(known) if known else None
