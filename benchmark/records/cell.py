"""A `Cell` is the work behind one record, a `Group` the cells that train together."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path


@dataclass(frozen=True, order=True)
class Cell:
    """One method's variant on one dataset with one seed."""

    dataset: str
    method: str
    variant: str
    seed: int

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """The folders and the name of its record's file."""
        return self.dataset, self.method, self.variant, f"{self.seed}.json"

    @property
    def path(self) -> Path:
        """Path of its record below the records folder."""
        return Path(*self.parts)

    @property
    def arrays(self) -> Path:
        """Path of the arrays behind figures, if its method has any."""
        return self.path.with_suffix(".npz")

    def __str__(self) -> str:
        return f"{self.dataset}/{self.method}/{self.variant}/{self.seed}"


@dataclass(frozen=True, order=True)
class Group:
    """The seeds of one method's variant on one dataset: they train as one stacked model."""

    dataset: str
    method: str
    variant: str
    seeds: tuple[int, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(Cell(self.dataset, self.method, self.variant, seed) for seed in self.seeds)

    def __str__(self) -> str:
        return f"{self.dataset}/{self.method}/{self.variant}"


def grouped(cells: Iterable[Cell]) -> list[Group]:
    """The groups of these cells, seeds ascending."""

    def key(cell: Cell) -> tuple[str, str, str]:
        return (cell.dataset, cell.method, cell.variant)

    return [Group(*name, seeds=tuple(c.seed for c in members)) for name, members in groupby(sorted(cells), key)]
