"""Facts that records do not hold: kinds of methods, readings of a paper, protocols beside a base.

Read once from `reports/beyond/methods.toml`, `tweaks.toml`, `twins.toml` and `size.toml`."""

from collections.abc import Mapping
from functools import cache
from typing import Literal

import msgspec

from benchmark.records.record import Record
from reports import FOLDER

BEYOND = FOLDER / "beyond"
Kind = Literal["constant", "oracle", "trees", "network", "other"]


class Readings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variants: frozenset[str]


class Remark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence on results whose configuration has a value."""

    option: str
    value: str
    says: str


class Methods(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Facts of methods, by name."""

    seedless: frozenset[str]
    kinds: Mapping[str, Kind]
    readings: Readings
    ties: Mapping[str, str]
    distributions: list[Remark] = []


class Tweak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change: another protocol of the base's rows, or a variant of one method."""

    says: str
    dataset: str = ""
    variant: str = "default"


class Tweaks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The changes beside one dataset, and the methods that they are made to."""

    base: str
    methods: list[str]
    metrics: list[str]
    tweaks: list[Tweak]


class Sizes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Protocols that leave a share of the base's training rows, the least first, and the methods that they are for."""

    base: str
    metric: str
    methods: list[str]
    datasets: list[str]


class Twin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of protocol for all methods of a board."""

    key: str
    title: str
    says: str  # what is different, as a clause
    about: str
    boards: Mapping[str, str]  # board -> the dataset that differs from it


class _Twins(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    twins: list[Twin]


@cache
def methods() -> Methods:
    return msgspec.toml.decode((BEYOND / "methods.toml").read_bytes(), type=Methods)


@cache
def tweaks() -> Tweaks:
    return msgspec.toml.decode((BEYOND / "tweaks.toml").read_bytes(), type=Tweaks)


@cache
def sizes() -> Sizes:
    return msgspec.toml.decode((BEYOND / "size.toml").read_bytes(), type=Sizes)


@cache
def twins() -> list[Twin]:
    return msgspec.toml.decode((BEYOND / "twins.toml").read_bytes(), type=_Twins).twins


@cache
def bases() -> Mapping[str, str]:
    """Protocol -> the protocol that it differs from in one thing."""
    tweaked = {tweak.dataset: tweaks().base for tweak in tweaks().tweaks if tweak.dataset}
    twinned = {other: board for twin in twins() for board, other in twin.boards.items()}
    return tweaked | twinned | dict.fromkeys(sizes().datasets, sizes().base)


def kind_of(method: str, records: tuple[Record, ...]) -> Kind:
    """Tells what a method is: as its records say, else as `methods.toml` does, else a network where there is a
    curve."""
    told: Kind | None = next((said for record in records if (said := getattr(record, "kind", None))), None)
    if told or method in methods().kinds:
        return told or methods().kinds[method]
    return "network" if any(record.curve is not None for record in records) else "other"
