"""Which fields of a configuration a piece of code reads, so that work that reads none of those that differ is done
once."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

_WHOLE = ("__dict__", "__getstate__", "__reduce__", "__reduce_ex__")  # with one of these everything may be read


def watched(config: Any, seen: set[str]) -> Any:
    """The same configuration, which adds to `seen` the name of every field that is read of it, or of a copy: directly,
    in a property, by dataclasses.replace or asdict, by comparing, hashing, printing or copying it."""
    cls, names = type(config), {f.name for f in fields(config)}
    held = {name: getattr(config, name) for name in names} | getattr(config, "__dict__", {})
    whole = {*_WHOLE, *held} - names  # what a Config has made of its fields says nothing of which

    class Watched(cls):  # type: ignore[misc, valid-type]
        def __getattribute__(self, name: str) -> Any:
            if name in names:
                seen.add(name)
            elif name in whole:
                seen.update(names)
            return super().__getattribute__(name)

    Watched.__name__, Watched.__qualname__, Watched.__module__ = cls.__name__, cls.__qualname__, cls.__module__
    copy = object.__new__(Watched)
    for name, value in held.items():
        object.__setattr__(copy, name, value)
    return copy


class Shared:
    """Results of a pure function of a configuration, by the fields that it has read."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.known: list[tuple[dict[str, Any], Any]] = []  # what was read, with its value, and the result

    def of(self, config: Any) -> Any:
        """The result for the configuration: the very object of an earlier one where all that was read for it is equal,
        for then the function would have read and done the same again."""
        for read, result in self.known:
            if all(getattr(config, name) == value for name, value in read.items()):
                return result
        seen: set[str] = set()
        result = self.function(watched(config, seen))
        self.known.append(({name: getattr(config, name) for name in sorted(seen)}, result))
        return result


def alike(values: Sequence[Any]) -> bool:
    """Whether all are equal."""
    return all(value == values[0] for value in values)
