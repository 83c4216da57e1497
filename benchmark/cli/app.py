"""The command line. Heavy libraries are imported by the verbs that need them, so that `--help` and `list` are quick."""

import logging
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, CycloptsError, Parameter

from benchmark.cli import arguments as given
from benchmark.cli import authors, models, sharing, tables
from benchmark.cli import studies as views
from benchmark.cli.console import console, hush
from benchmark.cli.console import say as _print
from benchmark.cli.ranking import ranking
from benchmark.execute.machine import cores
from benchmark.files.errors import UserError, unknown
from benchmark.files.paths import RUNS, report_of, runs_of, version
from benchmark.files.plain import PlainFormatter, plain
from benchmark.files.scratch import sweep
from benchmark.plan import suite as suites
from benchmark.plan.catalog import Entry, catalog
from benchmark.plan.estimate import Estimate, spell
from benchmark.plan.expected import Standing
from benchmark.plan.shard import Shard
from benchmark.plan.usable import QUICK, unusable
from benchmark.records.cell import Cell, Group, grouped
from benchmark.records.health import unwell, words
from benchmark.records.store import Store
from benchmark.records.study import is_tuned
from datasets import registry


def _version() -> str:
    return f"cvp-bench {version()}"


if TYPE_CHECKING:
    from reports.render import Report

app = App(
    console=console,
    name="python -m benchmark",
    help="Continuous value prediction, re-run under one protocol: raw logs in, RESULTS.md out.",
    version=_version,
    version_flags=["--version"],
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # benchmark.__main__ says what an interrupt means
)


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


def _root(data: Path | None) -> Path | None:
    return data if data is None or tables.is_description(data) else tables.folder(data)


class _Known(dict[str, Entry]):
    """Every method by name, and why some modules give none."""

    def __init__(self, methods: Mapping[str, Entry], broken: Mapping[str, str]) -> None:
        super().__init__(methods)
        self.broken = dict(broken)


def _methods() -> _Known:
    methods, broken = catalog()
    for module, why in broken.items():
        _print(f"warning: {module} is left out: {why}")
    return _Known(methods, broken)


def _cells(
    suite: str,
    methods: _Known,
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


@app.command(name="list")
def list_() -> None:
    """The suites, methods with their variants, and datasets there are."""
    methods = _methods()
    _print("suites")
    for name in suites.names():
        chosen = suites.load(name)
        cells = suites.cells(chosen, methods)
        _print(f"  {name:<16} {chosen.title} ({len(grouped(cells))} groups, {len(cells)} cells)")
    _print("\nmethods")
    for name, entry in sorted(methods.items()):
        variants = ", ".join(v for v in entry.configs if v != "default")
        _print(f"  {name:<16} {entry.title}: {entry.summary}" + (f" Variants: {variants}." if variants else ""))
    _print("\ndatasets")
    for name in registry.names():
        _print(f"  {name:<24} {registry.get(name).source.title}; split {registry.get(name).protocol.split}")


@app.command
def data(
    *, data: Data = None, fetch: Annotated[str, Parameter(help="Download this dataset into the data root.")] = ""
) -> None:
    """Every dataset: present or not, what of it, and how to get it."""
    if fetch:
        _fetch(fetch, data)
    root = _root(data)
    lacking = [row.name for row in registry.overview(root) if row.available and row.rows is None]
    faults = unusable(lacking, root)
    rows = registry.overview(root)
    head = f"{'dataset':<14} {'here':<8} {'rows':>11} {'users':>9} {'items':>9}  table"
    _print(head)
    for row in rows:
        here = "no" if not row.available else "made" if row.state == "synthetic" else "yes"
        here = "unusable" if row.name in faults else here
        counts = [f"{n:,}" if n is not None else "-" for n in (row.rows, row.users, row.items)]
        _print(
            f"{row.name:<14} {here:<8} {counts[0]:>11} {counts[1]:>9} {counts[2]:>9}  {(row.fingerprint or '-')[:12]}"
        )
    for row in rows:
        details = {
            "state": faults.get(row.name, row.state),
            "names": ", ".join(row.protocols),
            "files": ", ".join(row.files),
            "counted": "; ".join(row.counted),
            "official": row.official,
            "licence": row.licence,
            "to get it": "" if row.how_to_get in row.state else row.how_to_get,
        }
        _print("\n".join([f"\n{row.name}: {row.title}", *(f"  {k:<9} {v}" for k, v in details.items() if v)]))


def _fetch(name: str, data: Path | None) -> None:
    """Download a dataset's archive into the data root, with a bar."""
    from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

    from datasets.base import NotAvailable
    from datasets.reading import download

    if name not in registry.names():
        raise unknown("dataset", name, registry.names())
    if data is None:
        raise UserError(f"say where to: `python -m benchmark data --fetch {name} --data FOLDER`")
    with Progress(*Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn(), console=console) as bar:
        task = bar.add_task(name, total=None)
        try:
            download.fetch(
                registry.get(name), data, lambda done, total: bar.update(task, completed=done, total=total or None)
            )
        except (download.DownloadError, NotAvailable) as error:
            raise UserError(str(error)) from None


def _none_in(runs: Path) -> str:
    return f"no records in {runs}: `python -m benchmark run --runs {runs}` makes them"


def _survey(
    cells: list[Cell], methods: dict[str, Entry], runs: Path, data: Path | None
) -> tuple[dict[Cell, Standing], dict[str, str]]:
    from benchmark.plan.survey import survey

    found = survey(cells, methods, Store(runs), _root(data))
    return found.standings, found.unavailable


app.command(tables.describe)
app.command(models.predict)


@app.command
def plan(
    *,
    suite: Suite = "",
    data: Data = None,
    table: Table = None,
    runs: OwnRuns = None,
    dataset: Datasets | None = None,
    only: Only | None = None,
    seeds: Seeds = None,
    tune: Tune = None,
    search: Search = "",
) -> None:
    """The cells of a suite by group: what would run, what is fresh, what cannot run and why; with --tune or --search
    also the trials."""
    methods = _methods()
    typed = runs is not None or table is not None
    data, runs, suite = tables.asked(table, data, runs, suite)
    cells = _cells(suite, methods, dataset, only, seeds, table)
    runs = runs if typed else authors.runs_for(cells, methods, runs, _print)
    studies = views.asked_for(cells, methods, tune, search, _print)
    cells += views.cells_of([a.study for a in studies], cells)
    standings, unavailable = _survey(cells, methods, runs, data)
    unavailable |= unusable(dict.fromkeys(c.dataset for c in cells if c.dataset not in unavailable), _root(data), QUICK)
    from benchmark.execute.machine import has_gpu

    device = "cuda" if has_gpu() else "cpu"
    costs, workers = _estimate(runs, {cell.dataset for cell in cells}, data, unavailable, device), cores()
    if device != "cpu":
        workers = 1
    times: list[float] = []
    rowless: set[str] = set()
    for trial_count, study, what in views.left(studies, methods, Store(runs), _root(data)):
        guess = costs.of(Group(study.dataset, study.method, "default", ()))
        took = "" if guess is None else f"  {spell(guess.seconds * trial_count):>11}, {guess.basis}"
        _print(f"{study!s:<44} {what}{took}")
        if guess is not None and study.dataset not in unavailable:
            times.append(guess.seconds * trial_count)
    for group in grouped(cells):
        states = Counter(standings[cell].state for cell in group.cells)
        what = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        if group.dataset in unavailable:
            what = "not available"
        guess = costs.of(replace(group, variant="default") if is_tuned(group.variant) else group)
        took = "" if guess is None else f"  {spell(guess.seconds * len(group.seeds)):>11}, {guess.basis}"
        _print(f"{group!s:<44} {len(group.seeds)} seeds  {what}{took}")
        if group.dataset not in unavailable and any(states[state] for state in ("missing", "stale")):
            if guess is None:
                rowless.add(group.dataset)
            else:
                times.append(guess.seconds * len(group.seeds))  # a group trains whole
    usable = [cell for cell in cells if cell.dataset not in unavailable]
    todo = sum(standings[cell].state in ("missing", "stale") for cell in usable)
    where = f"{workers} cores" if device == "cpu" else "one GPU"
    longest = max([sum(times) / workers, *times])
    _print(f"{len(usable)} cells, {todo} to run" + (f": about {spell(longest)} on {where}" if times else ""))
    for name in sorted(rowless):
        _print(f"{name}: not in that time, for its rows are not counted before they are prepared")
    if len(usable) < len(cells):
        _print(f"{len(cells) - len(usable)} more cells are of data that cannot be used here:")
    for name, why in unavailable.items():
        _print(f"{name}: {why}")


def _estimate(runs: Path, names: set[str], data: Path | None, absent: Mapping[str, str], device: str) -> Estimate:
    """Estimates costs from the records; training rows of each dataset as prepared, recorded, those of another protocol
    of the same source, or published."""
    from datasets.cache import meta

    records = Store(runs).all()
    rows: dict[str, int | None] = {
        r.dataset: r.facts["split_sizes"]["train"] for r in records if "split_sizes" in r.facts
    }
    for name in sorted(names):  # a source's plain protocol before its others
        if name not in absent and (kept := meta(registry.get(name, data), data)):
            rows[name] = kept["facts"]["split_sizes"]["train"]
        elif name not in rows:
            official = registry.get(name, data).source.official_rows
            rows[name] = rows.get(name.partition("@")[0]) or int(0.6 * official) or None
    known = set(registry.names(data))
    return Estimate(
        records, rows, {name: registry.get(name, data).protocol.epochs for name in rows.keys() & known}, device
    )


@app.command
def run(
    *,
    suite: Suite = "",
    data: Data = None,
    table: Table = None,
    runs: OwnRuns = None,
    dataset: Datasets | None = None,
    only: Only | None = None,
    seeds: Seeds = None,
    tune: Tune = None,
    search: Search = "",
    device: Annotated[str, Parameter(help="auto, cpu or cuda.")] = "auto",
    executor: Annotated[str, Parameter(help="processes, inline for a debugger, or ray for a cluster.")] = "processes",
    workers: Annotated[
        int,
        Parameter(
            help="Worker processes; 0: one per core, or as --workers-per-gpu says.", converter=given.count(10_000, 0)
        ),
    ] = 0,
    workers_per_gpu: Annotated[int, Parameter(help="Workers on each visible GPU.", converter=given.count(64))] = 1,
    address: Annotated[str, Parameter(help="Of a Ray cluster: auto, HOST:PORT, or local.")] = "auto",
    rerun: Annotated[str, Parameter(help="missing, stale, failed or all; by default what is missing or stale.")] = "",
    shard: Annotated[str, Parameter(help="Only this part of the run, as in 2/8; the others share the --runs.")] = "",
    keep_model: Annotated[
        bool, Parameter(negative="", help="Of a --table: keep the model that the answer names, for `predict`.")
    ] = False,
) -> int:
    """Run what is missing or stale of a suite, one record per cell, write RESULTS.md, and rank what was run among the
    committed records of the same rows. The exit code is 1 where a cell has failed."""
    from benchmark.execute.engine import Options
    from benchmark.execute.runner import Runner

    typed = runs is not None or table is not None
    data, runs, suite = tables.asked(table, data, runs, suite)
    if keep_model and (table is None or shard):
        raise UserError("--keep-model goes with a whole --table: other datasets keep no vocabularies to meet new rows")
    methods = _methods()
    cells = _cells(suite, methods, dataset, only, seeds, table)
    runs = runs if typed else authors.runs_for(cells, methods, runs, _print)
    sweep(runs)
    part = Shard.parse(shard) if shard else None
    cells = part.part(cells) if part else cells
    store = Store(runs, str(part or ""))
    argv = f"--suite {suite}" + (f" --seeds {seeds}" if seeds else "")
    argv += f" --table {table.name}" if table else " --data DATA" if data else ""
    options = Options(_root(data), device, executor, workers, workers_per_gpu, address, rerun, argv)
    if studies := views.asked_for(cells, methods, tune, search, _print):
        from benchmark.tuning.tuner import Tuner

        argv += f" --search {search}" if search else f" --tune {tune}"
        cells += views.cells_of(Tuner(methods, store, replace(options, argv=argv), console).run(studies), cells)
    Runner(methods, store, options, console).run(cells)
    if part:
        _print(f"shard {shard} is done; when all are: `python -m benchmark report --runs {runs}` renders the pages")
        return _failed(cells, store, runs)
    _compare(data, runs, {cell.dataset for cell in cells})
    for line in ranking(cells, store, methods, _root(data)):
        _print(line)
    found = _rendered(data, runs)
    if table is not None and keep_model:
        models.keep(found, tables.opened(table).name, methods, options, tables.model_of(table))
    return _failed(cells, store, runs)


def _failed(cells: Collection[Cell], store: Store, runs: Path) -> int:
    """Says how many of the cells have failed, how to see why and how to try again; returns the exit code."""
    records = (store.read(cell) for cell in cells)
    if not (failed := [record for record in records if record is not None and record.outcome == "failed"]):
        return 0
    where = "" if runs == RUNS else f" --runs {runs}"
    _print(f"{len(failed)} of {len(cells)} cells failed, {failed[0].cell} for one: {failed[0].error}")
    _print(f"all reasons: `python -m benchmark status{where}`; to try again: the same command with --rerun failed")
    return 1


@app.command
def compare(*, data: Data = None, runs: Runs = RUNS, dataset: Datasets | None = None) -> None:
    """Resample the test sets, so that reports can tell what differs beyond noise; `run` does it after its cells."""
    names = given.names_in(dataset, "--dataset")
    given.recorded_ones(names, {record.dataset for record in Store(runs).all()}, registry.names(), runs)
    _compare(data, runs, names)


def _compare(data: Path | None, runs: Path, names: Collection[str]) -> None:
    from benchmark.compare import portrait
    from benchmark.compare.refresh import refresh

    sweep(runs)
    refresh(Store(runs), catalog()[0], _root(data), _print, names)
    portrait.refresh(Store(runs), _root(data), _print, names)


@app.command
def status(*, suite: Suite = "", data: Data = None, runs: Runs = RUNS) -> None:
    """What the records are worth today: fresh, stale (and what moved), failed, skipped; with --suite also what is
    missing. A row is unwell where its loss was not finite, its seeds fell apart, it stopped at once at no better than a
    constant, or its predictions are negative or off by more than twice."""
    methods = _methods()
    records = Store(runs).all()
    ill = unwell(records)
    asked = set(_cells(suite, methods, None, None, None) if suite else ())
    cells = sorted({record.cell for record in records} | asked)
    standings, _ = _survey(cells, methods, runs, data)
    for group in grouped(cells):
        found = Counter(standings[cell] for cell in group.cells)
        word = words(ill.get((group.dataset, group.method, group.variant), ()))
        for standing, count in found.items():
            _print(f"{group!s:<44} {count} {standing.state}" + (f": {standing.why}" if standing.why else ""))
        if word:
            _print(f"{'':<44} unwell: {word}")
    for line in views.status(methods, Store(runs), _root(data)):
        _print(line)
    total = Counter(standing.state for standing in standings.values())
    _print(", ".join(f"{count} {state}" for state, count in sorted(total.items())) or _none_in(runs))


@app.command
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
    found = _rendered(data, runs)
    if export is not None:
        _print(f"wrote {len(write_tables(found, export))} files of tables and cells to {export}")
    if focus:
        asked = focusing.parse(
            found.board,
            focus,
            given.names_in(rivals, "--methods"),
            given.names_in(columns, "--columns"),
            given.names_in(dataset, "--dataset"),
        )
        _print(f"wrote {' and '.join(map(str, focusing.write(found, asked, runs)))}")


def _rendered(data: Path | None, runs: Path) -> "Report":
    """Write the pages of a folder of records, and say what is on them."""
    from reports.render import read, told, write

    sweep(runs)
    methods, _ = catalog()
    folder = read(runs)
    if not folder.records:
        raise UserError(_none_in(runs))
    standings, _ = _survey([record.cell for record in folder.records], methods, runs, data)
    stale = {str(cell): standing.why for cell, standing in standings.items() if standing.state == "stale"}
    moved = {str(study): why for study, why in views.moved(methods, Store(runs), _root(data)).items() if why}
    found = write(folder, stale=stale | moved)
    counts = Counter(record.outcome for record in folder.records)
    parts = [f"{counts['ok']} cells", *(f"{counts[o]} {o}" for o in ("failed", "skipped") if counts[o])]
    parts += [f"{len(stale)} stale ones left out"] if stale else []
    _print(f"wrote {report_of(runs)} and board.html beside it: {', '.join(parts)}")
    if not found.board.committed:
        for line in told(found):
            _print(line)
    return found


@app.command
def explain(
    what: Annotated[
        str, Parameter(help="`kuairand/tr/mae`: DATASET/METHOD[/VARIANT][/METRIC][/SLICE]; or RESULTS.md.")
    ],
    *,
    data: Data = None,
    runs: Annotated[Path | None, Parameter(name="--runs", help="The folder of the records.")] = None,
) -> None:
    """Where a number or a page comes from: records, seeds, data, configuration, code, command, and what moved since."""
    from benchmark.plan.survey import survey
    from reports import explain as tell

    path = Path(what)
    is_page = path.suffix in (".md", ".html")
    if not is_page and "/" not in what.strip("/"):
        raise UserError(
            f"{what!r} names no number: say DATASET/METHOD[/VARIANT][/METRIC][/SLICE], as in "
            "`python -m benchmark explain kuairand/tr/mae`, or a page, as in `explain RESULTS.md`"
        )
    runs = runs or (runs_of(path) if is_page else RUNS)
    records = Store(runs).all()
    asked = None if is_page else tell.parse(what, records)
    found = survey([record.cell for record in records], _methods(), Store(runs), _root(data))
    today = tell.Today(records, found.expected, found.standings, runs)
    for line in tell.page(path, today) if asked is None else tell.number(asked, today):
        _print(line)


@app.command
def new(
    name: Annotated[str, Parameter(help="Of the file and the method: small letters, digits, underscores.")],
) -> None:
    """Write methods/NAME.py, a small method for you to change; it is found, tested and ranked as it stands."""
    from benchmark.cli.new import write

    path = write(name, _methods())
    _print(f"wrote {path}: say in it what your method learns and predicts")
    _print("the suites take every method, so there is nothing to add to them; next:")
    _print(f"  python -m benchmark check {name}")
    _print(f"  python -m pytest -k {name}")
    _print(f"  python -m benchmark run --suite quick --only {name} --runs build/{name}")


app.command(authors.check)
for verb in (sharing.submit, sharing.accept, sharing.verify, sharing.predictions):
    app.command(verb)


@app.command
def bench(
    name: Annotated[
        str, Parameter(help="training, tuning, metrics (all of these by default), gr, prowtp, tables or ltv_tables.")
    ] = "all",
    *parts: Annotated[str, Parameter(help="Of the benchmark: `bench gr step`, `bench tables twin csv`.")],
    data: Data = None,
    device: Annotated[str, Parameter(help="cpu or cuda.")] = "cpu",
    share: Annotated[float, Parameter(help="Of the rows of a made-up file, for tables and ltv_tables.")] = 1.0,
    train: Annotated[bool, Parameter(negative="", help="Train on the tables as well.")] = False,
) -> None:
    """Speed, side by side in one run: our trainer against a plain PyTorch loop and the step's own matrix products,
    trials together against one after the other (on KuaiRand-Pure with --data), the exact ranking metrics; by name also
    GR, ProWTP and tables at full scale."""
    from benchmark.bench.common import Asked
    from benchmark.bench.run import main as measure

    measure(name, Asked(_print, parts, device, _root(data), share, train))


def _refused(why: str) -> int:
    print(plain(f"error: {why}"), file=sys.stderr)
    return 2


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code: 0, 1 where what was asked for has faults, 2 for an error the user
    can mend. Ctrl-C is answered by `benchmark.__main__`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        given.refuse_empty(arguments)
        code = app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return _refused(f"{' '.join(str(error).split())} See `python -m benchmark --help`.")
    except UserError as error:
        return _refused(str(error))
    except (OSError, MemoryError) as error:
        from benchmark.execute.faults import fault, of_machine

        if fault(error) != "environment":
            raise
        hush()  # it may be what has no room
        return _refused(of_machine(error))
    return code if isinstance(code, int) else 0
