"""Named searches: the papers' own grids. In a suite's TOML file, beside its [[variant]] blocks:

    [[search]]
    name = "optdist"
    method = "optdist"
    grid = { lr = [5e-4, 1e-3] }

`run --search optdist` tries every combination, the last field fastest. A name may have a block for several methods.
"""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from benchmark.files.errors import UserError, unknown
from benchmark.plan.variants import FOLDER, blocks


class NamedGrid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A method's grid: field -> the values to try."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+$")]  # a folder of the records is named after it
    method: str
    grid: dict[str, Annotated[list[Any], msgspec.Meta(min_length=1)]]


def declared(folder: Path = FOLDER) -> Iterator[tuple[Path, NamedGrid]]:
    """Every suite's searches, with the file. Raises UserError."""
    return blocks("search", NamedGrid, folder)


def grids(
    name: str, defaults: Mapping[str, Mapping[str, Any]], folder: Path = FOLDER
) -> dict[str, tuple[dict[str, Any], ...]]:
    """method -> the settings that the search of this name tries, in order. defaults: each method's configuration.

    Raises UserError on an unknown name, method or field, or a value of another type.
    """
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    names: set[str] = set()
    for path, one in declared(folder):
        names.add(one.name)
        if one.name != name:
            continue
        if one.method not in defaults:
            raise unknown("method", one.method, defaults, f"{path.name} declares a search of it.")
        default = defaults[one.method]
        axes = [[_checked(path, one, default, field, v) for v in values] for field, values in one.grid.items()]
        found[one.method] = tuple(dict(zip(one.grid, point, strict=True)) for point in itertools.product(*axes))
    if not found:
        raise unknown("search", name, names, "The suites declare them in [[search]] blocks.")
    return found


def _checked(path: Path, one: NamedGrid, default: Mapping[str, Any], field: str, value: Any) -> Any:
    if field not in default:
        raise unknown("setting", field, default, f"{path.name} searches it for {one.method}.")
    if isinstance(default[field], float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default[field]):
        kind = type(default[field]).__name__
        raise UserError(f"{path}: the search {one.name} sets {field} to {value!r}, not a {kind}")
    return value
