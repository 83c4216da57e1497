"""The verbs that only look: list, data, plan."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from benchmark.cli import arguments as given
from benchmark.cli import studies as views
from benchmark.cli.chosen import ALL, Choice
from benchmark.cli.console import console, say
from benchmark.cli.options import (
    Data,
    known_methods,
    root_of,
)
from benchmark.execute.machine import cores, has_gpu, visible_gpus
from benchmark.files.errors import UserError, unknown
from benchmark.plan import suite as suites
from benchmark.plan.estimate import estimate, spell
from benchmark.plan.survey import survey
from benchmark.plan.usable import QUICK, unusable
from benchmark.records.cell import Group, grouped
from benchmark.records.store import Store
from benchmark.records.study import is_tuned
from datasets import registry
from datasets.stopping import SUFFIX, own_loss_name


def list_() -> None:
    """The suites, methods with their variants, and datasets there are."""
    methods = known_methods()
    say("suites")
    for name in suites.names():
        chosen = suites.load(name)
        cells = suites.cells(chosen, methods)
        say(f"  {name:<16} {chosen.title} ({len(grouped(cells))} groups, {len(cells)} cells)")
    say("\nmethods")
    for name, entry in sorted(methods.items()):
        variants = ", ".join(v for v in entry.configs if v != "default")
        say(f"  {name:<16} {entry.title}: {entry.summary}" + (f" Variants: {variants}." if variants else ""))
    say("\ndatasets")
    known = registry.names()
    for name in (name for name in known if not name.endswith(SUFFIX)):
        also = f"; also {twin}" if (twin := own_loss_name(name)) in known else ""
        say(f"  {name:<24} {registry.get(name).source.title}; split {registry.get(name).protocol.split}{also}")


def data(
    *, data: Data = None, fetch: Annotated[str, Parameter(help="Download this dataset into the data root.")] = ""
) -> None:
    """Every dataset: present or not, what of it, and how to get it."""
    if fetch:
        fetch_archive(fetch, data)
    root = root_of(data)
    for file, why in registry.broken().items():
        say(f"warning: datasets/{file} is left out: {why}")
    lacking = [row.name for row in registry.overview(root) if row.available and row.rows is None]
    faults = unusable(lacking, root)
    rows = registry.overview(root)
    head = f"{'dataset':<14} {'here':<8} {'rows':>11} {'users':>9} {'items':>9}  table"
    say(head)
    for row in rows:
        here = "no" if not row.available else "made" if row.state == "synthetic" else "yes"
        here = "unusable" if row.name in faults else here
        counts = [f"{n:,}" if n is not None else "-" for n in (row.rows, row.users, row.items)]
        say(f"{row.name:<14} {here:<8} {counts[0]:>11} {counts[1]:>9} {counts[2]:>9}  {(row.fingerprint or '-')[:12]}")
    for row in rows:
        details = {
            "state": faults.get(row.name, row.state),
            "names": ", ".join(name for name in row.protocols if not name.endswith(SUFFIX)),
            "own loss": ", ".join(name for name in row.protocols if name.endswith(SUFFIX)),
            "files": ", ".join(row.files),
            "counted": "; ".join(row.counted),
            "official": row.official,
            "licence": row.licence,
            "to get it": "" if row.how_to_get in row.state else row.how_to_get,
        }
        say("\n".join([f"\n{row.name}: {row.title}", *(f"  {k:<9} {v}" for k, v in details.items() if v)]))


def fetch_archive(name: str, data: Path | None) -> None:
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


def plan(
    *,
    what: Choice = ALL,
    workers: Annotated[
        int,
        Parameter(
            help="Cores, or GPUs, that the time is told for, on however many machines; 0: of this one.",
            converter=given.count(100_000, 0),
        ),
    ] = 0,
) -> None:
    """The cells of a suite by group: what would run, what is fresh, what cannot run and why; with --tune or --search
    also the trials."""
    chosen = what.chosen()
    methods, runs, data, studies = chosen.methods, chosen.runs, chosen.data, what.studies(chosen)
    cells = chosen.cells + views.cells_of([a.study for a in studies], chosen.cells)
    records = Store(runs).all()
    found = survey(cells, methods, Store(runs), root_of(data), records)
    standings = found.standings
    unavailable = found.unavailable
    unavailable |= unusable(
        dict.fromkeys(c.dataset for c in cells if c.dataset not in unavailable), root_of(data), QUICK
    )
    device = "cuda" if has_gpu() else "cpu"
    costs = estimate(records, {cell.dataset for cell in cells}, data, unavailable, device)
    workers = workers or (cores() if device == "cpu" else max(1, len(visible_gpus())))
    lines: list[str] = []
    times: list[float] = []
    rowless: set[str] = set()
    for trial_count, study, standing in views.left(studies, runs, found.expected):
        guess = costs.of(Group(study.dataset, study.method, "default", ()))
        took = "" if guess is None else f"  {spell(guess.seconds * trial_count):>11}, {guess.basis}"
        lines.append(f"{study!s:<44} {standing}{took}")
        if guess is not None and study.dataset not in unavailable:
            times.append(guess.seconds * trial_count)
    for group in grouped(cells):
        states = Counter(standings[cell].state for cell in group.cells)
        standing = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        if group.dataset in unavailable:
            standing = "not available"
        guess = costs.of(replace(group, variant="default") if is_tuned(group.variant) else group)
        took = "" if guess is None else f"  {spell(guess.seconds * len(group.seeds)):>11}, {guess.basis}"
        lines.append(f"{group!s:<44} {len(group.seeds)} seeds  {standing}{took}")
        if group.dataset not in unavailable and any(states[state] for state in ("missing", "stale")):
            if guess is None:
                rowless.add(group.dataset)
            else:
                times.append(guess.seconds * len(group.seeds))  # a group trains whole
    usable = [cell for cell in cells if cell.dataset not in unavailable]
    todo = sum(standings[cell].state in ("missing", "stale") for cell in usable)
    where = f"{workers} {'core' if device == 'cpu' else 'GPU'}{'s' * (workers > 1)}"
    longest = max([sum(times) / workers, *times])
    lines.append(f"{len(usable)} cells, {todo} to run" + (f": about {spell(longest)} on {where}" if times else ""))
    for name in sorted(rowless):
        lines.append(f"{name}: not in that time, for its rows are not counted before they are prepared")
    if len(usable) < len(cells):
        lines.append(f"{len(cells) - len(usable)} more cells are of data that cannot be used here:")
    lines += [f"{name}: {why}" for name, why in unavailable.items()]
    say("\n".join(lines))
