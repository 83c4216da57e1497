"""A method by its name: where its file is, whether its records stand, and what the check says of it, in lines."""

import inspect
from collections.abc import Iterator
from pathlib import Path

from benchmark import ROOT
from benchmark.check import declared
from benchmark.check.outcome import Outcome, Stop
from benchmark.check.run import check
from benchmark.check.watch import Author
from benchmark.files.atomic import get
from benchmark.files.errors import unknown
from benchmark.files.paths import RUNS
from benchmark.plan.catalog import Entry
from benchmark.records.identity import closure, of_files
from benchmark.records.record import Record
from methods.registry import modules


def by_name(name: str, methods: dict[str, Entry]) -> Outcome:
    """What the check finds of a method, complete or not. methods: those of the catalog, which holds complete ones.

    Raises UserError where no file is named so."""
    if name in methods:
        module = methods[name].module
    else:
        known = [module for module in modules() if module.split(".")[-1] == name]
        if not known:
            files = [module.split(".")[1:] for module in modules()]
            near = {*methods, *(parts[0] for parts in files if len(parts) == 1)}
            raise unknown("method", name, near, f"`python -m benchmark new {name}` writes one.")
        module = known[0]
    outcome = Outcome(Author(module))
    try:
        classes = declared.found(module, outcome)
    except Stop:
        return outcome
    whole = [cls for cls in classes if not inspect.isabstract(cls)] or classes
    chosen = [cls for cls in classes if cls.name == name] or whole
    for cls in chosen:
        check(cls, outcome, coupled=stands(cls.name, module))
    return outcome


def stands(name: str, module: str, runs: Path = RUNS) -> bool:
    """Whether committed records hold numbers of this very code. To add a word to such a file would cost them all, so a
    loss that looks across the batch is believed to mean it."""
    code = of_files(closure(module, ROOT))
    folders = [folder for folder in sorted(runs.glob(f"*/{name}/default")) if folder.is_dir()]
    first = (next(iter(sorted(folder.glob("*.json"))), None) for folder in folders)
    found = (get(path, Record, what="a record", cure="delete it and run again") for path in first if path is not None)
    return any(record is not None and record.identity.code == code for record in found)


def lines(name: str, outcome: Outcome) -> Iterator[str]:
    """For the terminal: what holds, what does not and where, what is left to do."""
    yield f"checking {outcome.author.module.replace('.', '/')}.py"
    for what in outcome.passed:
        yield f"  ok     {what}"
    for remark in outcome.remarks:
        yield f"  note   {remark}"
    for fault in outcome.faults:
        yield f"  FAULT  {fault}"
    if outcome.sound:
        yield "sound; next: what every method must hold, and its rank"
        yield f"  python -m pytest tests/test_contract.py -k {name}"
        yield f"  python -m benchmark run --suite quick --only {name} --runs build/{name}"
    else:
        count = len(outcome.faults)
        yield f"{count} fault{'s' * (count > 1)}: mend {'them' if count > 1 else 'it'} and check again"
