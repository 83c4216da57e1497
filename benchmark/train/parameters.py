"""The parameters of a module in one row of numbers, and other tensors in their places."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.train.adapt import Tower


@dataclass(frozen=True)
class Layout:
    """Where each parameter lies in a row of numbers [P]. A tower's weights lie there turned, [inputs, outputs]: so all
    three products of a layer find the layout that they like best."""

    shapes: Mapping[str, torch.Size]
    turned: frozenset[str]

    @staticmethod
    def of(module: nn.Module) -> "Layout":
        turned = {
            f"{path}.{place}.weight".lstrip(".")
            for path, tower in module.named_modules()
            if isinstance(tower, Tower)
            for place in tower.products()
        }
        shapes = {name: parameter.shape for name, parameter in module.named_parameters()}
        return Layout(shapes, frozenset(turned & shapes.keys()))

    def flat(self, parameters: Mapping[str, Tensor], count: int) -> Tensor:
        """The parameters of `count` replicas, [S, ...] each, as [S, P]."""
        pieces = [parameters[name].mT if name in self.turned else parameters[name] for name in self.shapes]
        return torch.cat([piece.reshape(count, -1) for piece in pieces], dim=1) if pieces else torch.zeros(count, 0)

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Views of one replica's row [P], each in its parameter's shape, or of rows [S, P] in theirs, [S, ...]."""
        if not self.shapes:
            return {}
        pieces, rows = flat.split([math.prod(shape) for shape in self.shapes.values()], -1), flat.shape[:-1]
        return {
            name: piece.view((*rows, *shape[::-1])).mT if name in self.turned else piece.view((*rows, *shape))
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }


class Places:
    """Where a module keeps its parameters and buffers, so that other tensors can stand there for a while. Names are
    found once; torch.func.functional_call finds them at every call, which costs as much as a small loss."""

    def __init__(self, module: nn.Module) -> None:
        names: dict[int, str] = {}
        self.of: dict[str, list[tuple[dict[str, Any], str]]] = {}  # a shared tensor stands in several
        for path, part in module.named_modules():
            for held in (part._parameters, part._buffers):
                for leaf, tensor in held.items():
                    if tensor is not None:
                        name = names.setdefault(id(tensor), f"{path}.{leaf}".lstrip("."))
                        self.of.setdefault(name, []).append((held, leaf))

    @contextmanager
    def hold(self, tensors: Mapping[str, Tensor]) -> Iterator[None]:
        """These tensors in the places of their names."""
        before = [(held, leaf, held[leaf]) for name in tensors for held, leaf in self.of[name]]
        try:
            for name, tensor in tensors.items():
                for held, leaf in self.of[name]:
                    held[leaf] = tensor
            yield
        finally:
            for held, leaf, tensor in before:
                held[leaf] = tensor
