"""What a method says of itself: everything it needs is there, and its settings are values that its Config takes."""

import inspect
from dataclasses import asdict, replace
from importlib import import_module
from typing import Any, get_args

from benchmark.check.outcome import Outcome, Stop, plain
from benchmark.tuning.space import Choices, parse
from datasets.schema import Task
from methods.base import Estimator, Method, MethodBase

_SHAPES = {
    "build": "build(self, schema, fitted): the module",
    "loss": "loss(self, module, batch): a scalar, the mean over the batch",
    "predict": "predict(self, module, batch): the value in the label's unit, one per row, [B]",
    "fit": "fit(self, train, valid, schema, rng): whatever `predict` needs",
    "quantiles": "quantiles(self, module, batch, levels): [B, levels], not falling along the levels",
    "examine": "examine(self, module, batch, fitted): names with numbers or small arrays",
}
_ESTIMATOR = {"predict": "predict(self, fitted, rows): the value in the label's unit, one per row, [n]"}


def found(module: str, outcome: Outcome) -> list[type[MethodBase]]:
    """The method classes that the module defines, complete or not. Raises Stop where there is none."""
    with outcome.during("import of the file"):
        scope = vars(import_module(module))
    own = [c for c in scope.values() if inspect.isclass(c) and c.__module__ == module]
    classes = [c for c in own if issubclass(c, MethodBase) and not c.__name__.startswith("_")]
    if not classes:
        what = f"has {', '.join(f'class {c.__name__}' for c in own)}, but no" if own else "holds no"
        outcome.fault(
            "class",
            f"the file {what} class that inherits Method or Estimator: write `class {module.split('.')[-1].title()}"
            "(Method):` with `from methods.base import Method`",
        )
        raise Stop
    return classes


def needs(cls: type[MethodBase], outcome: Outcome) -> None:
    """Everything the interface asks for is there. Raises Stop where something is missing."""
    if not issubclass(cls, Method | Estimator):
        outcome.fault("class", f"{cls.__name__} inherits neither Method (trained by gradients) nor Estimator (without)")
        raise Stop
    said = _SHAPES | (_ESTIMATOR if issubclass(cls, Estimator) else {})
    for name in sorted(cls.__abstractmethods__):
        outcome.fault(f"lacks {name}", f"{cls.__name__} lacks `{said.get(name, name)}`")
    if not cls.__doc__:
        outcome.fault("docstring", f"{cls.__name__} has no docstring: what differs from the paper, and why?")
    known = get_args(Task)
    if not cls.tasks or set(cls.tasks) - set(known):
        outcome.fault("tasks", f"its tasks are {cls.tasks!r}: a tuple of {' and '.join(map(repr, known))}")
    parameters = getattr(cls.Config, "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        outcome.fault("config", f"{cls.__name__}.Config is no frozen dataclass: put @dataclass(frozen=True) before it")
    elif "__dataclass_fields__" not in vars(cls.Config) and vars(cls.Config).get("__annotations__"):
        outcome.fault("config", f"{cls.__name__}.Config lacks @dataclass(frozen=True): its own fields are not settings")
    if issubclass(cls, Method) and not issubclass(cls.Config, Method.Config):
        told = f"{cls.__name__}.Config inherits neither Method.Config nor BackboneConfig"
        outcome.fault("config", f"{told}, so it lacks lr")
    if outcome.faults:
        raise Stop


def settings(cls: type[MethodBase], outcome: Outcome) -> None:
    """The default, every variant and every value of the space are configurations."""
    with outcome.during("`Config()` of the defaults"):
        default = cls.Config()
    known = asdict(default)
    for name, changes in cls.variants.items():
        if name == "default":
            outcome.fault("variants", "a variant is named default, which stands for the Config as it is")
        _accepted(default, changes, f"variant {name!r}", "variants", outcome)
    try:
        space = parse({name: list(what) for name, what in cls.space.items()}, known)
    except (ValueError, TypeError) as error:
        outcome.fault("space", str(error))
        return
    for dimension in space:
        values = dimension.values if isinstance(dimension, Choices) else (dimension.low, dimension.high)
        for value in values:
            field, usual = dimension.field, known[dimension.field]
            if _kind(usual) != _kind(value):
                outcome.fault(
                    "space", f"its space offers {value!r} for {field!r}, whose default {usual!r} is another type"
                )
            _accepted(default, {field: value}, f"its space's value {value!r} for {field!r}", "space", outcome)


def _kind(value: Any) -> str:
    """Whole numbers may stand for floats and lists for tuples, truth values for nothing else."""
    if isinstance(value, bool | str) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else "sequence" if isinstance(value, tuple | list) else ""


def _accepted(default: Any, changes: Any, what: str, code: str, outcome: Outcome) -> None:
    try:
        replace(default, **changes)
    except Exception as error:  # a Config may refuse with anything
        outcome.fault(code, f"{what} is not accepted by the Config: {plain(error)}", outcome.author.of(error))
