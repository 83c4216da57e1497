"""The options that verbs share, and what they stand for: a data root, methods, cells, standings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from benchmark.cli import arguments as given
from benchmark.cli import tables
from benchmark.cli.console import say
from benchmark.files.errors import UserError, unknown
from benchmark.plan import suite as suites
from benchmark.plan.catalog import Entry, catalog
from benchmark.records.cell import Cell
from datasets import registry

Data = Annotated[
    Path | None, Parameter(name="--data", help="The data root: the folder that holds `KuaiRand-Pure/`, ...")
]
Runs = Annotated[Path, Parameter(name="--runs", help="The folder of the records.")]
Suite = Annotated[
    str,
    Parameter(
        name="--suite",
        help="A file of benchmark/suites/, without `.toml`: quick by default, own for a table of your own.",
    ),
]
Datasets = Annotated[
    list[str],
    Parameter(name="--dataset", negative="", help="Only these datasets of the suite; repeat or separate by commas."),
]
Only = Annotated[
    list[str],
    Parameter(
        name="--only",
        negative="",
        help="Only cells that match: `tpm`, `tpm/large`, `kuairand/tpm/*`; several by commas.",
    ),
]
Tune = Annotated[
    int | None,
    Parameter(
        name="--tune",
        help="Search each method's space first, with this many trials each on the validation rows; what they choose "
        "runs as the variant `tuned`.",
        converter=given.count(given.MOST_TRIALS),
    ),
]
Search = Annotated[
    str,
    Parameter(
        name="--search",
        help="Try the whole grid of this name, one that a paper searched (a [[search]] block of benchmark/suites/); "
        "what it chooses runs as the variant `tuned-NAME`.",
    ),
]
Table = Annotated[
    Path | None,
    Parameter(name="--table", help="A table of your own: the TOML file that `describe` wrote and you have corrected."),
]
OwnRuns = Annotated[
    Path | None,
    Parameter(name="--runs", help="The folder of the records; of a --table, a folder beside it by default."),
]
Seeds = Annotated[
    int | None,
    Parameter(
        name="--seeds",
        help="How many seeds instead of the suite's own number.",
        converter=given.count(given.MOST_SEEDS),
    ),
]


def root_of(data: Path | None) -> Path | None:
    return data if data is None or tables.is_description(data) else tables.folder(data)


class Known(dict[str, Entry]):
    """Every method by name, and why some modules give none."""

    def __init__(self, methods: Mapping[str, Entry], broken: Mapping[str, str]) -> None:
        super().__init__(methods)
        self.broken = dict(broken)


def known_methods() -> Known:
    methods, broken = catalog()
    for module, why in broken.items():
        say(f"warning: {module} is left out: {why}")
    return Known(methods, broken)


def cells_of_suite(
    suite: str,
    methods: Known,
    dataset: list[str] | None,
    only: list[str] | None,
    seeds: int | None,
    table: Path | None = None,
) -> list[Cell]:
    chosen = suites.load(suite)
    if table is not None:
        chosen = suites.on(chosen, tables.opened(table).name)
    found = suites.cells(chosen, methods, seeds, table)
    for name in (names := given.names_in(dataset, "--dataset")):
        if name not in registry.names(table):
            raise unknown("dataset", name, registry.names(table))
        if name not in chosen.datasets:
            raise UserError(f"the suite {suite} has no dataset {name!r}; it has {', '.join(chosen.datasets)}")
    if names:
        found = [cell for cell in found if cell.dataset in names]
    if not (patterns := given.names_in(only, "--only")):
        return found
    given.left_out(patterns, methods.broken)
    return suites.only(found, patterns)


def none_in(runs: Path) -> str:
    return f"no records in {runs}: `python -m benchmark run --runs {runs}` makes them"
