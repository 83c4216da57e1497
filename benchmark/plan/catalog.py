"""The methods there are, without importing torch: each is asked once per state of its source, then kept in a cache."""

import contextlib
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from benchmark import ROOT
from benchmark.files.errors import UserError
from benchmark.plan.variants import resolved
from benchmark.records.identity import closure, of_files
from benchmark.records.study import is_tuned
from datasets.common.files import cache_folder, put
from methods.registry import modules


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One method."""

    name: str
    title: str
    paper: str
    summary: str  # the first line of its docstring
    module: str
    kind: str  # "gradient" or "estimator"
    tasks: list[str]
    deterministic: bool
    configs: dict[str, dict[str, Any]]  # variant -> resolved hyper-parameters, "default" first
    space: dict[str, list[Any]]  # field -> its choices, or ["log" | "linear", low, high]: see benchmark.tuning.space

    def files(self) -> dict[str, str]:
        """Its import closure."""
        return closure(self.module)


def _ask(module: str) -> list[Entry]:
    """Import the module and read its methods; runs in a process of its own."""
    from methods.base import Method
    from methods.registry import classes

    entries = []
    for cls in classes(module):
        if taken := next(filter(is_tuned, cls.variants), ""):
            raise ValueError(f"{cls.name} has a variant {taken!r}, the name of what a search chooses")
        default = cls.Config()
        configs = {"default": default} | {name: replace(default, **changes) for name, changes in cls.variants.items()}
        entries.append(
            Entry(
                name=cls.name,
                title=cls.title,
                paper=cls.paper,
                summary=(cls.__doc__ or "").strip().split("\n")[0],
                module=module,
                kind="gradient" if issubclass(cls, Method) else "estimator",
                tasks=list(cls.tasks),
                deterministic=cls.deterministic,
                configs={name: asdict(config) for name, config in configs.items()},
                space={field: list(what) for field, what in cls.space.items()},
            )
        )
    return entries


def _ask_all(modules: list[str]) -> None:
    """Print, per module, the JSON of its entries or the error of its import."""
    for module in modules:
        try:
            answer: Any = _ask(module)
        except Exception as error:  # whatever a user's file raises belongs to that file
            answer = f"{type(error).__name__}: {error}".split("\n")[0]
        print(msgspec.json.encode(answer).decode())


def _kept(path: Path) -> list[Entry] | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Entry])
    except (OSError, msgspec.DecodeError):
        return None


def catalog() -> tuple[dict[str, Entry], dict[str, str]]:
    """Every method by name, with its own variants and those that suites declare, and the modules that cannot be
    imported with the reason. Raises UserError on a name taken twice."""
    broken: dict[str, str] = {}
    places: dict[str, Path] = {}
    found: dict[str, list[Entry]] = {}
    for module in modules():
        try:
            places[module] = cache_folder() / "catalog" / f"{of_files(closure(module))}-{module}.json"
        except SyntaxError as error:
            broken[module] = f"SyntaxError: {error.msg} ({Path(str(error.filename)).name}, line {error.lineno})"
            continue
        if (kept := _kept(places[module])) is not None:
            found[module] = kept
    if asked := [module for module in places if module not in found]:
        call = f"from benchmark.plan.catalog import _ask_all; _ask_all({asked!r})"
        done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        if len(lines) != len(asked):
            raise UserError(f"the methods could not be read: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
        for module, line in zip(asked, lines, strict=True):
            answer = msgspec.json.decode(line, type=list[Entry] | str)
            if isinstance(answer, str):
                broken[module] = answer
                continue
            found[module] = answer
            _keep(places[module], answer)
    entries: dict[str, Entry] = {}
    for module in sorted(found):
        for entry in found[module]:
            if entry.name in entries:
                raise UserError(
                    f"two methods are named {entry.name!r}, in {entries[entry.name].module} and {module}: "
                    "give one of the classes another `name`"
                )
            entries[entry.name] = entry
    own = {name: entry.configs for name, entry in entries.items()}
    for name, added in resolved(own, lenient=bool(broken)).items():
        entries[name].configs.update(added)
    return entries, broken


def _keep(path: Path, entries: list[Entry]) -> None:
    """Keep the answer; a cache that cannot be written costs time, nothing else."""
    with contextlib.suppress(OSError):
        put(path, msgspec.json.encode(entries))
