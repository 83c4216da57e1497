"""What `run` and `plan` are about: the options that choose cells, and the cells that they choose."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from benchmark import ROOT
from benchmark.cli import studies, tables
from benchmark.cli.console import say
from benchmark.cli.options import (
    Data,
    Datasets,
    Known,
    Only,
    OwnRuns,
    Search,
    Seeds,
    Suite,
    Table,
    Tune,
    cells_of_suite,
    known_methods,
)
from benchmark.plan.catalog import Entry, files_of
from benchmark.records.cell import Cell
from benchmark.records.identity import tracked

if TYPE_CHECKING:
    from benchmark.tuning.tuner import Asked


@dataclass(frozen=True)
class Chosen:
    """Cells, and where their data and records are."""

    suite: str
    data: Path | None
    runs: Path
    methods: Known
    cells: list[Cell]  # but those of studies, which follow from their trials


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Choice:
    """The options as typed."""

    suite: Suite = ""
    data: Data = None
    table: Table = None
    runs: OwnRuns = None
    dataset: Datasets | None = None
    only: Only | None = None
    seeds: Seeds = None
    tune: Tune = None
    search: Search = ""

    def chosen(self) -> Chosen:
        """What they stand for. Raises UserError."""
        typed = self.runs is not None or self.table is not None
        data, runs, suite = tables.asked(self.table, self.data, self.runs, self.suite)
        methods = known_methods()
        cells = cells_of_suite(suite, methods, self.dataset, self.only, self.seeds, self.table)
        runs = runs if typed else runs_for(cells, methods, runs, say)
        return Chosen(suite, data, runs, methods, cells)

    def studies(self, of: Chosen) -> "list[Asked]":
        """The studies of --tune and --search of these cells; says which methods have nothing to tune. Raises
        UserError."""
        return studies.asked_for(of.cells, of.methods, self.tune, self.search, say)


ALL = Choice()


def runs_for(cells: Iterable[Cell], methods: Mapping[str, Entry], runs: Path, say: Callable[[str], None]) -> Path:
    """Returns the folder of the records where none was typed: `runs`, but for methods that git does not know one of
    their own below build/, so that nobody's trial rewrites the committed pages; says so."""
    asked = {cell.method for cell in cells}
    known = tracked("methods")
    own = sorted(name for name in asked if known is not None and not known & files_of(methods[name].module))
    if not own:
        return runs
    folder = ROOT / "build" / (own[0] if asked == set(own) and len(own) == 1 else "own")
    verb = "is" if len(own) == 1 else "are"
    folder = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    say(f"{', '.join(own)} {verb} not committed, so the records go to {folder}; --runs FOLDER chooses another")
    return folder
