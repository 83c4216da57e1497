"""The verbs of a method's author."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from benchmark import ROOT
from benchmark.plan.catalog import Entry, files_of
from benchmark.records.cell import Cell
from benchmark.records.identity import tracked


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
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def check(
    name: Annotated[str, Parameter(help="Of the method, or its file.")],
) -> int:
    """What a method must hold, in plain words within seconds: shapes, draws, its space, and whether it learns on a
    small world whose truth is known."""
    import torch

    from benchmark.check.named import by_name, lines
    from benchmark.plan.catalog import catalog

    name = Path(name).stem if name.endswith(".py") else name
    torch.set_num_threads(1)  # small matrices
    found = by_name(name, catalog()[0])
    for line in lines(name, found):
        print(line)
    return 0 if found.sound else 1
