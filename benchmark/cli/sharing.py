"""The verbs by which records and predictions change hands."""

from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from benchmark.cli import arguments as given
from benchmark.cli.console import say
from benchmark.cli.options import Data, Datasets, Runs, root_of
from benchmark.cli.ranking import ranking
from benchmark.files.errors import UserError
from benchmark.files.paths import RUNS
from benchmark.plan.catalog import catalog
from benchmark.records.store import Store
from datasets import registry


def submit(
    out: Annotated[Path, Parameter(help="The folder to be written and sent; not there yet, or empty.")],
    *,
    by: Annotated[str, Parameter(help="Who reports these records, for the boards; git's user.name by default.")] = "",
    note: Annotated[str, Parameter(help="One line more, for whoever accepts them.")] = "",
    predictions: Annotated[
        bool, Parameter(negative="", help="Send per-row predictions too, so that metrics can be computed again.")
    ] = False,
    dataset: Datasets | None = None,
    data: Data = None,
    runs: Runs = RUNS,
) -> None:
    """Pack the fresh records of a run, with who, hardware and commit, into a folder to send."""
    from benchmark.share.commit import author
    from benchmark.share.submission import pack

    names = given.names_in(dataset, "--dataset")
    given.recorded_ones(names, {record.dataset for record in Store(runs).all()}, registry.names(), runs)
    found, left = pack(
        Store(runs),
        catalog()[0],
        out,
        by=by or author(),
        note=note,
        only=names,
        predictions=predictions,
        root=root_of(data),
    )
    for line in left:
        say(f"left out: {line}")
    records = sum(path.startswith("records/") for path in found.files)
    say(f"wrote {out}: {records} records, {len(found.files) - records} predictions, of commit {found.commit[:12]}")
    say(f"send that folder; whoever gets it says `python -m benchmark accept {out.name}`")


def accept(
    folder: Annotated[Path, Parameter(help="What `submit` has written.")],
    *,
    check: Annotated[bool, Parameter(negative="", help="Only check; file nothing.")] = False,
    data: Data = None,
    runs: Runs = RUNS,
) -> None:
    """Check a submitted folder, file its records with their origin and show what that changes; a fault refuses all of
    it, by the file's name."""
    from benchmark.share.accept import check as checked
    from benchmark.share.accept import file

    store, methods = Store(runs), catalog()[0]
    found = checked(folder, store, methods, root_of(data))
    for line in found.told:
        say(line)
    rows = Counter(f"{r.dataset}/{r.method}/{r.variant}" for r in found.records)
    for row, seeds in sorted(rows.items()):
        say(f"{row:<44} {seeds} seed{'s' * (seeds > 1)}")
    by = found.submission.by
    if check:
        say(f"{len(found.records)} records by {by} are in order; without --check they are filed in {runs}")
        return
    count = file(found, store)
    say(f"filed {count} records in {runs}, reported by {by}; `python -m benchmark report` puts them on the board")
    for line in ranking([record.cell for record in found.records], store, methods, root_of(data)):
        say(line)


def verify(
    *cells: Annotated[str, Parameter(help="DATASET/METHOD/VARIANT/SEED, or the beginning of it.")],
    sample: Annotated[int, Parameter(help="So many of these cells, or of all, drawn at random.")] = 0,
    seed: Annotated[int, Parameter(help="Of the sample.")] = 0,
    check: Annotated[bool, Parameter(negative="", help="Write no stamps.")] = False,
    data: Data = None,
    runs: Runs = RUNS,
) -> int:
    """Train cells again and compare: the same bits, the same within rounding, or different; a stamp beside each record
    says so. The exit code is 1 where one differs."""
    from benchmark.share import verify as again

    if not cells and sample < 1:
        raise UserError("say which cells, as in `verify kuairand/tr/default/0`, or how many: `verify --sample 30`")
    store = Store(runs)
    asked = again.chosen(store, cells, sample, seed)
    verdicts: Counter[str] = Counter()
    for cell, found in again.verify(asked, store, catalog()[0], root_of(data), stamp=not check):
        if isinstance(found, str):
            verdicts["not verified"] += 1
            say(f"{cell!s:<44} not verified: {found}")
            continue
        verdicts[found.verdict] += 1
        most = f" ({found.metric} by {100 * found.difference:.2g} %)" if found.metric else ""
        say(f"{cell!s:<44} {found.verdict}{most}")
    say(", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))
    say(
        f"within rounding: it begins alike (to {100 * again.BEGINS:g} % after the first epoch) and ends within "
        f"{again.SPREADS:g} standard deviations over the row's seeds, or {100 * again.ENDS:g} % where that is more"
    )
    return int(verdicts["different"] > 0)


def predictions(
    *,
    pack: Annotated[bool, Parameter(negative="", help="One compressed file a dataset; its hashes are noted.")] = False,
    fetch: Annotated[bool, Parameter(negative="", help="Take the packed files into this machine's cache.")] = False,
    out: Annotated[Path, Parameter(help="Where --pack writes.")] = Path("build/predictions"),
    source: Annotated[str, Parameter(help="Where --fetch looks: a folder or an address; the release by default.")] = "",
    dataset: Datasets | None = None,
    runs: Runs = RUNS,
) -> None:
    """Per-row predictions, for paired tests: pack those of this machine, or fetch those that are published."""
    from benchmark.compare import packing

    if pack == fetch:
        raise UserError("say `predictions --pack`, or `predictions --fetch`")
    store = Store(runs)
    recorded = {record.dataset for record in store.all()}
    names = given.names_in(dataset, "--dataset")
    given.recorded_ones(names, recorded, registry.names(), runs)
    names = names or tuple(sorted(recorded))
    for name in names:
        if pack:
            found = packing.pack(store, name, out)
            say(f"wrote {out / found.file}: {len(found.members)} predictions, {found.bytes / 1e6:.1f} MB")
        elif dataset or packing.read(store, name):
            kept, left = packing.fetch(store, name, source)
            more = f"; {left} belong to records that have been made again since" if left else ""
            say(f"{name}: {kept} predictions fetched{more}")
