"""The methods there are, without importing torch: each is asked once per state of its source, then kept in a cache."""

import inspect
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec

from benchmark import ROOT
from benchmark.files.errors import UNREADABLE, UserError
from benchmark.plan.variants import resolved
from benchmark.records.estimand import KINDS, Case, Estimand
from benchmark.records.identity import Closures, closure, of_files, tracked
from benchmark.records.study import is_tuned
from datasets.common.files import cache_folder, recall, remember
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
    estimand: Estimand | None = None  # a mean, a median or neither; None where nothing says so

    def files(self) -> dict[str, str]:
        """Its import closure."""
        return closure(self.module)


ESTIMANDS = ROOT / "methods" / "estimands.toml"  # no part of any method's import closure
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")  # folders of the records are named after it


def _ask(module: str) -> list[Entry]:
    """Import the module and read its methods; runs in a process of its own. Raises whatever a user's file raises, and
    ValueError for a name that no folder can have and for a class that lacks a part."""
    from methods.base import Method
    from methods.registry import classes

    entries = []
    found = classes(module)
    if lacking := _lacking(module, found):
        raise ValueError(lacking)
    for one, other in combinations(found, 2):
        if one.name == other.name:
            raise ValueError(
                f"{one.__name__} and {other.__name__} are both named {one.name!r}: give one another `name`"
            )
    for cls in found:
        for name, what in {cls.name: "is named", **dict.fromkeys(cls.variants, "has a variant named")}.items():
            if not (isinstance(name, str) and _NAME.fullmatch(name)) or (name == "default" and name in cls.variants):
                raise ValueError(f"{cls.__name__} {what} {name!r}: a name is letters, digits, _ and -, at most 100 of "
                                 "them, the first a letter or a digit, and not `default`")  # fmt: skip
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
                estimand=_declared(cls, asdict(default)),
            )
        )
    return entries


def _declared(cls: type, default: Mapping[str, Any]) -> Estimand | None:
    """What the class says that it estimates: `estimates`, with `estimates_when`, pairs of some configuration and what
    that estimates. None where it says nothing. Raises ValueError on another word than "mean", "median" or "", and on a
    field that its Config lacks."""
    said, why = getattr(cls, "estimates", None), str(getattr(cls, "estimates_why", ""))
    if said is None:
        return None
    cases = [Case(dict(config), estimates) for config, estimates in getattr(cls, "estimates_when", ())]
    for word in (said, *(case.estimates for case in cases)):
        if word not in KINDS:
            raise ValueError(f'{cls.__name__} estimates {word!r}: say "mean", "median" or "" for neither')
    if lost := sorted({name for case in cases for name in case.config} - default.keys()):
        raise ValueError(f"{cls.__name__}.estimates_when names {', '.join(lost)}, which its Config lacks")
    return Estimand(said, why, cases)


def _lacking(module: str, found: Iterable[type]) -> str:
    """What an unfinished class of the module lacks, in words; "" where there is none.

    A class is a base, and lacks nothing, where its own name or its file's begins with an underscore, where another
    class finishes it, and where it asks its subclasses for more than `Method` and `Estimator` do."""
    from methods.base import Estimator, Method, MethodBase

    if module.rsplit(".", 1)[-1].startswith("_"):
        return ""
    asked = Method.__abstractmethods__ | Estimator.__abstractmethods__
    for cls in vars(import_module(module)).values():
        if not (inspect.isclass(cls) and issubclass(cls, MethodBase) and cls.__module__ == module):
            continue
        lacking: frozenset[str] = getattr(cls, "__abstractmethods__", frozenset())
        base = cls.__name__.startswith("_") or any(issubclass(other, cls) for other in found)
        if lacking and lacking <= asked and not base:
            return f"{cls.__name__} lacks {', '.join(sorted(lacking))}, so it is no method yet"
    return ""


def _ask_all(modules: list[str], answers: str) -> None:
    """Write, per module, a line with the JSON of its entries or of the error of its import to the file `answers`. What
    a module prints is no answer."""
    with open(answers, "wb") as out:
        for module in modules:
            try:
                answer: Any = _ask(module)
            except (Exception, SystemExit) as error:  # whatever a user's file raises belongs to that file
                answer = f"{type(error).__name__}: {error}".split("\n")[0][:400]
            out.write(msgspec.json.encode(answer) + b"\n")
            out.flush()


def _answers(modules: list[str]) -> dict[str, list[Entry] | str]:
    """The entries of each module, or why it has none. A module whose import ends the process costs itself alone."""
    found: dict[str, list[Entry] | str] = {}
    while left := [module for module in modules if module not in found]:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "answers")
            call = f"from benchmark.plan.catalog import _ask_all; _ask_all({left!r}, {str(place)!r})"
            done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True)
            lines = place.read_bytes().splitlines() if place.exists() else []
        for module, line in zip(left, lines, strict=False):
            try:
                found[module] = msgspec.json.decode(line, type=list[Entry] | str)
            except UNREADABLE as error:
                found[module] = f"what it says of itself cannot be read: {error}"
        if len(lines) < len(left):
            why = (done.stderr.strip().splitlines() or ["it says nothing"])[-1][:200]
            found[left[len(lines)]] = f"importing it ends the process with code {done.returncode} ({why})"
    return found


def _kept(path: Path) -> list[Entry] | None:
    """What was kept, None where there is nothing or another version has written it."""
    try:
        return None if (body := recall(path)) is None else msgspec.json.decode(body, type=list[Entry])
    except UNREADABLE:
        return None


def catalog() -> tuple[dict[str, Entry], dict[str, str]]:
    """Every method by name, with its own variants and those that suites declare, and the modules that give none, with
    the reason: a fault of a file is that file's alone. Raises UserError on a suite's faults."""
    broken: dict[str, str] = {}
    places: dict[str, Path] = {}
    found: dict[str, list[Entry]] = {}
    closures = Closures()
    for module in modules():
        try:
            places[module] = cache_folder() / "catalog" / f"{of_files(closures.of(module))}-{module}.json"
        except SyntaxError as error:
            broken[module] = f"SyntaxError: {error.msg} ({Path(str(error.filename)).name}, line {error.lineno})"
            continue
        except (OSError, ValueError, RecursionError) as error:  # no right to read it, NUL bytes, nested too deep
            broken[module] = f"{type(error).__name__}: {error}".split("\n")[0][:400]
            continue
        if (kept := _kept(places[module])) is not None:
            found[module] = kept
    if asked := [module for module in places if module not in found]:
        for module, answer in _answers(asked).items():
            if isinstance(answer, str):
                broken[module] = answer
                continue
            found[module] = answer
            remember(places[module], msgspec.json.encode(answer))
    entries: dict[str, Entry] = {}
    for module in _in_order(found):
        if twice := next((entry.name for entry in found[module] if entry.name in entries), ""):
            other = entries[twice].module
            broken[module] = f"{other} has a method named {twice!r} already: give the class another `name`"
            continue
        entries |= {entry.name: entry for entry in found[module]}
    told = _told()
    entries = {
        name: entry if entry.estimand else msgspec.structs.replace(entry, estimand=told.get(name))
        for name, entry in sorted(entries.items(), key=lambda item: item[1].module)  # stable: in a file's own order
    }
    own = {name: entry.configs for name, entry in entries.items()}
    for name, added in resolved(own, lenient=bool(broken)).items():
        entries[name].configs.update(added)
    return entries, broken


def _told() -> dict[str, Estimand]:
    """What is said of classes that do not say it themselves. Raises UserError on a file that is something else."""
    try:
        return msgspec.toml.decode(ESTIMANDS.read_bytes(), type=dict[str, Estimand])
    except (OSError, *UNREADABLE) as error:
        raise UserError(f"{ESTIMANDS} does not say what methods estimate: {error}") from None


def _in_order(found: Mapping[str, list[Entry]]) -> list[str]:
    """The modules by name; where two have a method of one name, those that git knows come first and keep it."""
    names = [entry.name for entries in found.values() for entry in entries]
    if len(set(names)) == len(names):
        return sorted(found)
    known = tracked("methods")
    return sorted(found, key=lambda module: (known is not None and not known & files_of(module), module))


def files_of(module: str) -> set[str]:
    """Where a module's own file may lie, below the repository."""
    path = module.replace(".", "/")
    return {f"{path}.py", f"{path}/__init__.py"}
