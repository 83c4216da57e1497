"""Which methods there are: every concrete subclass of `MethodBase` in a file or folder of this package.

Importing this module is cheap; importing a method brings torch.
"""

import inspect
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from methods.base import MethodBase

_SHARED = {"base", "backbone", "capabilities", "crossing", "registry"}


def modules() -> list[str]:
    """The names of the modules that may hold methods, without importing any; a folder's files belong to it."""
    here = Path(__file__).parent
    names: list[str] = []
    for info in iter_modules([str(here)]):
        if info.name in _SHARED or info.name.startswith("_"):
            continue
        names.append(f"methods.{info.name}")
        if info.ispkg:
            names += [f"methods.{info.name}.{sub.name}" for sub in iter_modules([str(here / info.name)])]
    return names


def classes(module: str) -> "list[type[MethodBase]]":
    """The methods that a module defines (not those it imports)."""
    from methods.base import MethodBase

    return [
        c
        for c in vars(import_module(module)).values()
        if inspect.isclass(c) and issubclass(c, MethodBase) and not inspect.isabstract(c) and c.__module__ == module
    ]


def all_methods() -> "dict[str, type[MethodBase]]":
    """Every method by name. Raises ValueError where two share one."""
    methods: dict[str, type[MethodBase]] = {}
    for module in modules():
        for cls in classes(module):
            if cls.name in methods:
                raise ValueError(f"two methods are named {cls.name!r}: {methods[cls.name].__module__} and {module}")
            methods[cls.name] = cls
    return methods
