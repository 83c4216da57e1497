"""A map over replicas, and inside of it the way from one replica's tensors to those of all and back.

torch has public ways, torch.func.vmap and the `vmap` of an autograd.Function, which cost more than a small layer's
arithmetic. The names used here instead are those they are made of; where a release lacks one of them the public ways
are taken, with the same results.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.func import vmap

try:
    from torch._C import _functorch as inner
    from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack
except ImportError:
    KNOWN = False
else:
    _ENTER, _LEAVE = "_vmap_increment_nesting", "_vmap_decrement_nesting"
    _NAMES = (_ENTER, _LEAVE, "_add_batch_dim", "_remove_batch_dim", "_unwrap_batched", "maybe_current_level")
    KNOWN = all(hasattr(inner, name) for name in _NAMES)


def level() -> int | None:
    """How many maps, or gradients of functions, are under way; None where torch does not tell."""
    return (inner.maybe_current_level() or 0) if KNOWN else None


def over_replicas(
    function: Callable[..., Tensor], count: int, tensors: Sequence[Tensor], dims: Sequence[int | None]
) -> Tensor:
    """vmap(function, dims)(*tensors) of `count` replicas."""
    if not _ready():
        return vmap(function, in_dims=tuple(dims))(*tensors)
    here = inner._vmap_increment_nesting(count, "error")
    try:
        mine = [t if dim is None else inner._add_batch_dim(t, dim, here) for t, dim in zip(tensors, dims, strict=True)]
        return inner._remove_batch_dim(function(*mine), here, count, 0)
    finally:
        inner._vmap_decrement_nesting()


@cache
def _ready() -> bool:
    """Whether the names are known; makes torch load the rules of its operations, as its own map does."""
    vmap(lambda x: x)(torch.zeros(1))
    return KNOWN


def beneath(function: Callable[..., Tensor], count: int, tensors: Sequence[Tensor]) -> Tensor:
    """What the function makes of all `count` replicas' tensors, [S, ...] each, as one replica's.

    tensors: one replica's, in the one map that is under way.
    """
    here = level()
    if not here:
        return _Public.apply(function, *tensors)
    stacked = [_stacked(*inner._unwrap_batched(tensor, here), count) for tensor in tensors]
    with temporarily_pop_interpreter_stack():
        result = function(*stacked)
    return inner._add_batch_dim(result, 0, here)


def _stacked(tensor: Tensor, dim: int | None, count: int) -> Tensor:
    """With the replicas' axis in front; shared tensors get one without a copy."""
    if dim is None:
        return tensor.expand(count, *tensor.shape)
    return tensor.movedim(dim, 0) if dim else tensor


class _Public(Function):
    """The same by torch's documented means."""

    @staticmethod
    def forward(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        raise NotImplementedError("mapped calls alone")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: the function has its own way back."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, function: Callable[..., Tensor], *tensors: Tensor) -> tuple[Tensor, int]:
        dims = in_dims[1:]
        return function(*(_stacked(t, dim, info.batch_size) for t, dim in zip(tensors, dims, strict=True))), 0
