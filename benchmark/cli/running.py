"""The verbs that work on records: run, compare, status."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from benchmark.cli import arguments as given
from benchmark.cli import models, tables
from benchmark.cli import studies as views
from benchmark.cli.chosen import ALL, Choice
from benchmark.cli.console import console, say
from benchmark.cli.options import (
    Data,
    Datasets,
    Runs,
    Suite,
    cells_of_suite,
    known_methods,
    none_in,
    root_of,
)
from benchmark.cli.pages import rendered
from benchmark.cli.ranking import ranking
from benchmark.files.errors import UserError
from benchmark.files.paths import RUNS
from benchmark.files.scratch import sweep
from benchmark.plan.catalog import catalog
from benchmark.plan.shard import Shard
from benchmark.plan.survey import survey
from benchmark.records.cell import Cell, grouped
from benchmark.records.health import unwell, words
from benchmark.records.store import Store
from benchmark.records.study import studies
from datasets import registry


def run(
    *,
    what: Choice = ALL,
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
    rerun: Annotated[
        str,
        Parameter(
            help="missing, stale, failed or all; unpredicted: what is fresh without its predictions on this machine, "
            "which paired tests need; by default what is missing or stale."
        ),
    ] = "",
    shard: Annotated[str, Parameter(help="Only this part of the run, as in 2/8; the others share the --runs.")] = "",
    keep_model: Annotated[
        bool, Parameter(negative="", help="Of a --table: keep the model that the answer names, for `predict`.")
    ] = False,
) -> int:
    """Run what is missing or stale of a suite, one record per cell, write RESULTS.md, and rank what was run among the
    committed records of the same rows. The exit code is 1 where a cell has failed."""
    from benchmark.execute.engine import Options
    from benchmark.execute.runner import Runner

    if keep_model and (what.table is None or shard):
        raise UserError("--keep-model goes with a whole --table: other datasets keep no vocabularies to meet new rows")
    chosen = what.chosen()
    methods, runs, data = chosen.methods, chosen.runs, chosen.data
    sweep(runs)
    part = Shard.parse(shard) if shard else None
    chosen = replace(chosen, cells=part.part(chosen.cells) if part else chosen.cells)
    cells, store = chosen.cells, Store(runs, str(part or ""))
    argv = f"--suite {chosen.suite}" + (f" --seeds {what.seeds}" if what.seeds else "")
    argv += f" --table {what.table.name}" if what.table else " --data DATA" if data else ""
    options = Options(root_of(data), device, executor, workers, workers_per_gpu, address, rerun, argv)
    if asked := what.studies(chosen):
        from benchmark.tuning.tuner import Tuner

        argv += f" --search {what.search}" if what.search else f" --tune {what.tune}"
        cells = cells + views.cells_of(Tuner(methods, store, replace(options, argv=argv), console).run(asked), cells)
    Runner(methods, store, options, console).run(cells)
    if part:
        say(f"shard {shard} is done; when all are: `python -m benchmark report --runs {runs}` renders the pages")
        return failures(cells, store, runs)
    resample(data, runs, {cell.dataset for cell in cells})
    for line in ranking(cells, store, methods, root_of(data)):
        say(line)
    found = rendered(data, runs)
    if what.table is not None and keep_model:
        models.keep(found, tables.opened(what.table).name, methods, options, tables.model_of(what.table))
    return failures(cells, store, runs)


def failures(cells: Collection[Cell], store: Store, runs: Path) -> int:
    """Says how many of the cells have failed, how to see why and how to try again; returns the exit code."""
    records = (store.read(cell) for cell in cells)
    if not (failed := [record for record in records if record is not None and record.outcome == "failed"]):
        return 0
    where = "" if runs == RUNS else f" --runs {runs}"
    say(f"{len(failed)} of {len(cells)} cells failed, {failed[0].cell} for one: {failed[0].error}")
    say(f"all reasons: `python -m benchmark status{where}`; to try again: the same command with --rerun failed")
    return 1


def compare(*, data: Data = None, runs: Runs = RUNS, dataset: Datasets | None = None) -> None:
    """Resample the test sets, so that reports can tell what differs beyond noise; `run` does it after its cells."""
    names = given.names_in(dataset, "--dataset")
    given.recorded_ones(names, {record.dataset for record in Store(runs).all()}, registry.names(), runs)
    resample(data, runs, names)


def resample(data: Path | None, runs: Path, names: Collection[str]) -> None:
    from benchmark.compare import ceiling, estimands, marginal, portrait
    from benchmark.compare.refresh import refresh

    sweep(runs)
    estimands.refresh(Store(runs), catalog()[0])
    refresh(Store(runs), catalog()[0], root_of(data), say, names)
    for kind in (portrait.KIND, ceiling.KIND, marginal.KIND):
        kind.refresh(Store(runs), root_of(data), say, names)


def status(*, suite: Suite = "", data: Data = None, runs: Runs = RUNS) -> None:
    """What the records are worth today: fresh, stale (and what moved), failed, skipped; with --suite also what is
    missing. A row is unwell where its loss was not finite, its seeds fell apart, it stopped at once at no better than a
    constant, or its predictions are negative or off by more than twice."""
    methods = known_methods()
    records = Store(runs).all()
    ill = unwell(records)
    asked = cells_of_suite(suite, methods, None, None, None) if suite else []
    cells = sorted(dict.fromkeys([*(record.cell for record in records), *asked]))
    tried = studies(runs)
    found = survey(cells, methods, Store(runs), root_of(data), records, tried)
    lines = []
    for group in grouped(cells):
        counts = Counter(found.standings[cell] for cell in group.cells)
        word = words(ill.get((group.dataset, group.method, group.variant), ()))
        for standing, count in counts.items():
            lines.append(f"{group!s:<44} {count} {standing.state}" + (f": {standing.why}" if standing.why else ""))
        if word:
            lines.append(f"{'':<44} unwell: {word}")
    lines += views.told_all(tried, found.searches)
    total = Counter(standing.state for standing in found.standings.values())
    lines.append(", ".join(f"{count} {state}" for state, count in sorted(total.items())) or none_in(runs))
    say("\n".join(lines))
