"""Variants that a suite declares, so that an experiment on a method needs no edit of the method's file, whose records
would then all be stale. In a suite's TOML file:

    [[variant]]
    method = "tr"
    name = "dim16"
    config = { dim = 16 }

They are variants like a method's own, for every verb.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from benchmark import ROOT
from benchmark.files.errors import UserError, unknown
from benchmark.files.listing import below
from benchmark.records.study import is_tuned

FOLDER = ROOT / "benchmark" / "suites"
T = TypeVar("T", bound=msgspec.Struct)


class NamedVariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A variant of a method by the changes to its default configuration."""

    method: str
    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+$")]  # a folder of the records is named after it
    config: dict[str, Any]


def blocks(key: str, kind: type[T], folder: Path) -> Iterator[tuple[Path, T]]:
    """Every suite's [[key]] blocks, with the file. A file that is no TOML is the suite's to complain of. Raises
    UserError."""
    for path in below(folder, "*.toml"):
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8")).get(key, [])
            yield from ((path, one) for one in msgspec.convert(found, list[kind]))  # type: ignore[valid-type]
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
            continue
        except msgspec.ValidationError as error:
            *others, last = kind.__struct_fields__
            raise UserError(f"{path}: a [[{key}]] has {', '.join(others)} and {last}: {error}") from None


def declared(folder: Path = FOLDER) -> Iterator[tuple[Path, NamedVariant]]:
    """Every suite's variants, with the file. Raises UserError."""
    return blocks("variant", NamedVariant, folder)


def resolved(
    configs: Mapping[str, Mapping[str, dict[str, Any]]], folder: Path = FOLDER, *, lenient: bool = False
) -> dict[str, dict[str, Any]]:
    """method -> variant -> its whole configuration, of declared variants alone. configs: each method's own.
    lenient: methods may be missing, because their files are broken.

    Raises UserError on an unknown method or field, another type of value, or a name that the method has.
    """
    added: dict[str, dict[str, Any]] = {}
    for path, one in declared(folder):
        if one.method not in configs and lenient:
            continue
        if one.method not in configs:
            raise unknown("method", one.method, configs, f"{path.name} declares a variant of it.")
        if is_tuned(one.name):
            raise UserError(f"{path}: {one.name} is what a study chooses for {one.method}; choose another name")
        default = configs[one.method]["default"]
        for name in one.config:
            if name not in default:
                raise unknown("setting", name, default, f"{path.name} sets it for {one.method}/{one.name}.")
            if type(one.config[name]) is not type(default[name]):
                kind = type(default[name]).__name__
                raise UserError(f"{path}: {one.method}/{one.name} sets {name} to {one.config[name]!r}, not a {kind}")
        whole = dict(default) | one.config
        known = {**configs[one.method], **added.get(one.method, {})}
        if known.get(one.name, whole) != whole:
            raise UserError(f"{path}: {one.method} has another variant named {one.name}; choose another name")
        added.setdefault(one.method, {})[one.name] = whole
    return added
