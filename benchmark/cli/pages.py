"""The verbs that make pages of records, and tell where a number comes from."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from benchmark.cli import arguments as given
from benchmark.cli.console import say
from benchmark.cli.options import Data, Datasets, Runs, known_methods, none_in, root_of
from benchmark.files.errors import UserError
from benchmark.files.paths import RUNS, report_of, runs_of
from benchmark.files.scratch import sweep
from benchmark.plan.catalog import catalog
from benchmark.plan.survey import survey
from benchmark.records.store import Store

if TYPE_CHECKING:
    from reports.render import Report


def report(
    *,
    data: Data = None,
    runs: Runs = RUNS,
    export: Annotated[
        Path | None,
        Parameter(help="Also write every table as CSV and LaTeX, and every cell as Parquet, into this folder."),
    ] = None,
    focus: Annotated[
        str, Parameter(help="METHOD or METHOD/VARIANT: also one page and one table of it for a paper.")
    ] = "",
    rivals: Annotated[list[str] | None, Parameter(name="--methods", help="The rivals of --focus, by comma.")] = None,
    columns: Annotated[list[str] | None, Parameter(help="The metrics of --focus: mae,xauc.")] = None,
    dataset: Datasets | None = None,
) -> None:
    """Write RESULTS.md, its pages and board.html from the records; cells whose code, configuration or data have moved
    are refused by name. --dataset chooses those of --focus."""
    from reports import focus as focusing
    from reports.export import export as write_tables

    if not focus and (rivals or columns or dataset):
        raise UserError("--methods, --columns and --dataset belong to --focus METHOD")
    found = rendered(data, runs)
    if export is not None:
        say(f"wrote {len(write_tables(found, export))} files of tables and cells to {export}")
    if focus:
        asked = focusing.parse(
            found.board,
            focus,
            given.names_in(rivals, "--methods"),
            given.names_in(columns, "--columns"),
            given.names_in(dataset, "--dataset"),
        )
        say(f"wrote {' and '.join(map(str, focusing.write(found, asked, runs)))}")


def rendered(data: Path | None, runs: Path) -> "Report":
    """Write the pages of a folder of records, and say what is on them."""
    from reports.render import read, told, write

    sweep(runs)
    methods, _ = catalog()
    folder = read(runs)
    if not folder.records:
        raise UserError(none_in(runs))
    cells = [record.cell for record in folder.records]
    today = survey(cells, methods, Store(runs), root_of(data), folder.records, folder.searches)
    stale = {str(cell): standing.why for cell, standing in today.standings.items() if standing.state == "stale"}
    moved = {str(study): why for study, why in today.searches.items() if why}
    found = write(folder, stale=stale | moved)
    counts = Counter(record.outcome for record in folder.records)
    parts = [f"{counts['ok']} cells", *(f"{counts[o]} {o}" for o in ("failed", "skipped") if counts[o])]
    parts += [f"{len(stale)} stale ones left out"] if stale else []
    say(f"wrote {report_of(runs)} and board.html beside it: {', '.join(parts)}")
    if not found.board.committed:
        for line in told(found):
            say(line)
    return found


def explain(
    what: Annotated[
        str, Parameter(help="`kuairand/tr/mae`: DATASET/METHOD[/VARIANT][/METRIC][/SLICE]; or RESULTS.md.")
    ],
    *,
    data: Data = None,
    runs: Annotated[Path | None, Parameter(name="--runs", help="The folder of the records.")] = None,
) -> None:
    """Where a number or a page comes from: records, seeds, data, configuration, code, command, and what moved since."""
    from reports import explain as tell

    path = Path(what)
    is_page = path.suffix in (".md", ".html")
    if not is_page and "/" not in what.strip("/"):
        raise UserError(
            f"{what!r} names no number: say DATASET/METHOD[/VARIANT][/METRIC][/SLICE], as in "
            "`python -m benchmark explain kuairand/tr/mae`, or a page, as in `explain RESULTS.md`"
        )
    runs = runs or (runs_of(path) if is_page else RUNS)
    store, name = Store(runs), what.strip("/").split("/")[0]
    records = (not is_page and store.of(name)) or store.all()  # of a name that has none, all: to tell what there is
    asked = None if is_page else tell.parse(what, records)
    found = survey([record.cell for record in records], known_methods(), store, root_of(data), records)
    today = tell.Today(records, found.expected, found.standings, runs)
    for line in tell.page(path, today) if asked is None else tell.number(asked, today):
        say(line)
