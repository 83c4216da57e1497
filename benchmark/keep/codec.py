"""What a method has learned, as JSON and arrays; nothing that is opened again can run code of its own choosing.

Numbers, texts, tensors, lists, and the dataclasses and named tuples of `methods` are written out. scikit-learn's
objects go through skops, which writes JSON and arrays too; LightGBM's trees have a text form.
"""

import importlib
import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from types import MethodType
from typing import Any

import numpy as np
import torch

_OURS = ("methods.",)  # modules whose classes may be made again
_ASKED = ("predict", "predict_proba")  # bound methods of scikit-learn's objects
KIND = "kind"  # the key that tells a written-out value from a plain dictionary


class NotKept(TypeError):
    """A value of a kind that is not written out: the sentence says whose."""


class Writer:
    """Turns values into a JSON tree; what is no JSON is gathered beside it."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self.objects: dict[str, bytes] = {}  # by the name of its file

    def tree(self, value: Any) -> Any:
        """The value as JSON. Raises NotKept."""
        if value is None or (isinstance(value, bool | int | str) and not isinstance(value, np.generic)):
            return value
        if isinstance(value, float) and not isinstance(value, np.generic):
            return value if math.isfinite(value) else {KIND: "float", "text": repr(value)}
        if isinstance(value, torch.Tensor):
            return self._array("tensor", value.detach().cpu().contiguous())
        if isinstance(value, np.ndarray | np.generic) and np.asarray(value).dtype.kind in "biuf":
            kind = "array" if isinstance(value, np.ndarray) else "scalar"
            return self._array(kind, torch.from_numpy(np.array(value, copy=True)))
        if isinstance(value, tuple) and (names := getattr(value, "_fields", None)):
            return self._named("tuple of", type(value), dict(zip(names, value, strict=True)))
        if is_dataclass(value) and not isinstance(value, type):
            return self._named("struct", type(value), {f.name: getattr(value, f.name) for f in fields(value)})
        if isinstance(value, tuple | list):
            return {KIND: type(value).__name__, "items": [self.tree(item) for item in value]}
        if isinstance(value, dict):
            return {KIND: "dict", "items": [[self.tree(key), self.tree(item)] for key, item in value.items()]}
        if isinstance(value, MethodType) and value.__name__ in _ASKED:
            return {KIND: "asked", "name": value.__name__, "of": self.tree(value.__self__)}
        return self._object(value)

    def _array(self, kind: str, tensor: torch.Tensor) -> dict[str, str]:
        name = f"learned.{len(self.tensors)}"
        self.tensors[name] = tensor
        return {KIND: kind, "name": name}

    def _named(self, kind: str, cls: type, content: dict[str, Any]) -> dict[str, Any]:
        _checked(f"{cls.__module__}.{cls.__qualname__}")
        items = {name: self.tree(item) for name, item in content.items()}
        return {KIND: kind, "class": f"{cls.__module__}.{cls.__qualname__}", "items": items}

    def _object(self, value: Any) -> dict[str, Any]:
        module = type(value).__module__
        if module.startswith("sklearn."):
            import skops.io

            name = f"object-{len(self.objects)}.skops"
            self.objects[name] = skops.io.dumps(value)
            return {KIND: "sklearn", "file": name}
        if module.startswith("lightgbm."):
            return {KIND: "lightgbm", "text": value.model_to_string(num_iteration=value.best_iteration)}
        if module.startswith(_OURS) and vars(value):  # a plain class of a method's file
            return self._named("object", type(value), vars(value))
        raise NotKept(f"{module}.{type(value).__qualname__} cannot be written as JSON and arrays")


class Reader:
    """Makes values of a JSON tree again."""

    def __init__(self, tensors: dict[str, torch.Tensor], objects: Callable[[str], bytes]) -> None:
        """objects: the bytes of a file by its name."""
        self.tensors, self.objects = tensors, objects

    def value(self, tree: Any) -> Any:
        """What was written. Raises ValueError for a tree that no writer made."""
        if not isinstance(tree, dict):
            return tree
        match tree.get(KIND):
            case "float":
                return float(tree["text"])
            case "tensor":
                return self.tensors[tree["name"]]
            case "array":
                return self.tensors[tree["name"]].numpy()
            case "scalar":
                return self.tensors[tree["name"]].numpy()[()]
            case "list":
                return [self.value(item) for item in tree["items"]]
            case "tuple":
                return tuple(self.value(item) for item in tree["items"])
            case "dict":
                return {self.value(key): self.value(item) for key, item in tree["items"]}
            case "tuple of" | "struct":
                return _found(tree["class"])(**self._items(tree))
            case "object":
                made = object.__new__(_found(tree["class"]))
                made.__dict__.update(self._items(tree))
                return made
            case "asked" if tree["name"] in _ASKED:
                return getattr(self.value(tree["of"]), tree["name"])
            case "sklearn":
                return _sklearn(self.objects(tree["file"]))
            case "lightgbm":
                import lightgbm

                return lightgbm.Booster(model_str=tree["text"])
        raise ValueError(f"a value of kind {tree.get(KIND)!r} is not known")

    def _items(self, tree: dict[str, Any]) -> dict[str, Any]:
        return {name: self.value(item) for name, item in tree["items"].items()}


def _sklearn(raw: bytes) -> Any:
    """An object of scikit-learn. Raises ValueError where the file holds anything else."""
    import skops.io

    found = skops.io.get_untrusted_types(data=raw)
    if foreign := [name for name in found if not name.startswith("sklearn.")]:
        raise ValueError(f"{foreign[0]} is no part of scikit-learn")
    return skops.io.loads(raw, trusted=found)


def _checked(path: str) -> str:
    if not path.startswith(_OURS):
        raise NotKept(f"{path} is no class of methods/, so it cannot be made again")
    return path


def _found(path: str) -> Any:
    module, _, name = _checked(path).rpartition(".")
    return getattr(importlib.import_module(module), name)
