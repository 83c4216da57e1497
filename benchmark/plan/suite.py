"""A suite: which cells a run is made of. One TOML file each in `benchmark/suites/`.

    title = "..."
    seeds = 5
    [[grid]]
    datasets = ["kuairand", "kuairand@time"]
    methods = ["*"]            # shell patterns over the names of the methods
    variants = ["default"]     # optional; patterns over each method's variants. What another suite declares is an
                               # experiment of its own: a pattern with wildcards does not mean it, its name does
    without = ["gr"]           # optional; patterns of methods to leave out
    seeds = 2                  # optional; fewer or more than the suite's

and [[variant]] blocks for variants that no method's file has, see variants.py.

A method is paired with the datasets of its task alone.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchmark.files.errors import UserError, unknown
from benchmark.files.listing import below
from benchmark.plan.catalog import Entry
from benchmark.plan.variants import FOLDER, declared
from benchmark.records.cell import Cell
from datasets import registry


@dataclass(frozen=True)
class Grid:
    """A block of cells: datasets x methods x variants."""

    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    variants: tuple[str, ...] = ("default",)
    without: tuple[str, ...] = ()
    seeds: int = 0  # 0: the suite's

    def __post_init__(self) -> None:
        for name in ("datasets", "methods", "variants", "without"):
            if not isinstance(getattr(self, name), tuple):
                raise ValueError(f'{name} is a list, as in {name} = ["..."]')
        if not isinstance(self.seeds, int) or self.seeds < 0:
            raise ValueError(f"seeds is a number, not {self.seeds!r}")


@dataclass(frozen=True)
class Suite:
    """A named list of grids; seeds are 0, 1, ..., seeds - 1."""

    name: str
    title: str
    seeds: int
    grids: tuple[Grid, ...]

    @property
    def datasets(self) -> list[str]:
        return list(dict.fromkeys(d for grid in self.grids for d in grid.datasets))


def names() -> list[str]:
    return [path.stem for path in below(FOLDER, "*.toml")]


def load(name: str) -> Suite:
    """Read a suite. Raises UserError on an unknown name or a file that is not one."""
    if name not in names():
        raise unknown("suite", name, names(), "`python -m benchmark list` shows what each holds.")
    path = FOLDER / f"{name}.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        grids = tuple(Grid(**{key: _frozen(value) for key, value in grid.items()}) for grid in raw["grid"])
        return Suite(name, str(raw["title"]), int(raw["seeds"]), grids)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path} is not a suite: {error}; a suite has title, seeds and [[grid]] blocks") from None


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def on(suite: Suite, dataset: str) -> Suite:
    """The suite with this dataset in the place of its own."""
    return replace(suite, grids=tuple(replace(grid, datasets=(dataset,)) for grid in suite.grids))


def cells(suite: Suite, methods: Mapping[str, Entry], seeds: int | None = None, root: Path | None = None) -> list[Cell]:
    """Every cell of the suite, once, in the suite's order. A deterministic method has one seed. root: the data root.

    Raises UserError where a dataset or a pattern without wildcards names nothing.
    """
    for dataset in suite.datasets:
        if dataset not in registry.names(root):
            raise unknown("dataset", dataset, registry.names(root), f"The suite {suite.name} asks for it.")
    own = {(one.method, one.name) for path, one in declared(FOLDER) if path.stem == suite.name}
    foreign = {(one.method, one.name) for _, one in declared(FOLDER)} - own
    found: dict[Cell, Any] = {}
    for grid in suite.grids:
        for method in _matching(grid.methods, methods):
            if any(fnmatchcase(method, pattern) for pattern in grid.without):
                continue
            for variant in methods[method].configs:
                if variant not in grid.variants and (
                    (method, variant) in foreign or not any(fnmatchcase(variant, p) for p in grid.variants)
                ):
                    continue
                count = 1 if methods[method].deterministic else _seeds(suite, grid, seeds)
                for dataset in grid.datasets:
                    if registry.get(dataset, root).task in methods[method].tasks:
                        found |= {Cell(dataset, method, variant, seed): None for seed in range(count)}
    order = {dataset: place for place, dataset in enumerate(suite.datasets)}
    return sorted(found, key=lambda cell: (order[cell.dataset], cell))


def _seeds(suite: Suite, grid: Grid, asked: int | None) -> int:
    """A grid of few seeds keeps to them where more are asked for."""
    if asked is None:
        return grid.seeds or suite.seeds
    return min(asked, grid.seeds or asked)


def _matching(patterns: tuple[str, ...], methods: Mapping[str, Entry]) -> Iterator[str]:
    for pattern in patterns:
        hits = [name for name in methods if fnmatchcase(name, pattern)]
        if not hits and not set(pattern) & set("*?["):
            raise unknown("method", pattern, methods, "`python -m benchmark list` shows them all.")
        yield from hits


def only(found: list[Cell], patterns: tuple[str, ...]) -> list[Cell]:
    """The cells that match one of the patterns: a method, `method/variant` or `dataset/method[/variant[/seed]]`.

    Raises UserError where a pattern matches none.
    """

    def hits(cell: Cell, pattern: str) -> bool:
        full = str(cell).split("/")
        want = pattern.strip("/").split("/")
        starts = (0, 1) if len(want) < 3 else (0,)
        return any(len(full[start:]) >= len(want) and all(map(fnmatchcase, full[start:], want)) for start in starts)

    kept: dict[Cell, Any] = {}
    for pattern in patterns:
        matching = [cell for cell in found if hits(cell, pattern)]
        if not matching:
            parts = {cell.method for cell in found} | {f"{cell.method}/{cell.variant}" for cell in found}
            raise unknown("cell", pattern, parts | {cell.dataset for cell in found})
        kept |= dict.fromkeys(matching)
    return [cell for cell in found if cell in kept]
