"""Towers of layers, relu(h W' + b) times a dropout mask, for all replicas at once on a CPU.

The products are torch's; what is left of a layer is one compiled pass forward (bias, ReLU, mask, in place) and one
backward (mask, ReLU, the bias's gradient). A unit that is zero passes no gradient, and one that is not was kept: so no
mask is kept for the way back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from benchmark.train.host.beneath import beneath


@dataclass(frozen=True)
class Mask:
    """Where a layer's dropout finds its random bits: in the halves of a step's words, from `start` on."""

    halves: Tensor  # int16 [S, n], or [n] of one replica
    start: int
    p: Tensor  # the share that is dropped, [S] or 0-d

    def arrays(self, like: Tensor) -> tuple[np.ndarray, int, np.ndarray]:
        """Halves, start and p for the loops."""
        return self.halves.contiguous().numpy(), self.start, self.p.to(like.dtype).contiguous().numpy()


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _finish(z: np.ndarray, bias: np.ndarray, halves: np.ndarray, start: int, p: np.ndarray) -> None:
    """relu(z + bias) in place, 0 where dropped, else divided by 1 - p. z [S, B, O]; bias [S, O]; halves int16 [S, n],
    n = 0 where nothing is dropped; p [S]."""
    real = z.dtype.type
    zero, one, outputs = real(0), real(1), z.shape[2]
    for s in range(z.shape[0]):
        b = bias[s]
        if halves.shape[1] > 0:
            least = math.ceil(p[s] * real(65536) - real(32768))  # as Tape.keep compares
            scale, mine = one / (one - p[s]), halves[s]
            for n in range(z.shape[1]):
                row, half = z[s, n], mine[start + n * outputs : start + (n + 1) * outputs]
                for o in range(outputs):
                    value = row[o] + b[o]
                    row[o] = value * scale if (value > 0) & (half[o] >= least) else value * zero
        else:
            for n in range(z.shape[1]):
                row = z[s, n]
                for o in range(outputs):
                    value = row[o] + b[o]
                    row[o] = value if value > 0 else value * zero


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _undo(dh: np.ndarray, h: np.ndarray, p: np.ndarray, dz: np.ndarray, db: np.ndarray) -> None:
    """The gradient before the ReLU, to dz [S, B, O], and the bias's, to db [S, O], from dh at what `_finish` left. p
    [S]; zeros where nothing was dropped."""
    real = dh.dtype.type
    zero, one = real(0), real(1)
    total = np.empty(h.shape[2])
    for s in range(h.shape[0]):
        scale = one / (one - p[s])
        total[:] = 0
        for n in range(h.shape[1]):
            value, given, out = h[s, n], dh[s, n], dz[s, n]
            for o in range(value.shape[0]):
                out[o] = given[o] * scale if value[o] > 0 else zero
            for o in range(value.shape[0]):
                total[o] += out[o]
        for o in range(total.shape[0]):
            db[s, o] = total[o]


class _Stacked(Function):
    """The tower of all replicas: x [S, B, inputs], weights [S, outputs, inputs], biases [S, outputs]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, masks: Sequence[Mask | None], *parameters: Tensor) -> Tensor:
        states, columns, ps, h = [x], [], [], x
        count = x.shape[0]
        nothing = (np.empty((count, 0), np.int16), 0, np.zeros(count, x.detach().numpy().dtype))
        for mask, weight, bias in zip(masks, parameters[::2], parameters[1::2], strict=True):
            column = weight.mT  # [S, inputs, outputs]: what lies there is `Layout`'s to choose
            h = torch.bmm(h, column)
            halves, start, p = nothing if mask is None else mask.arrays(h)
            _finish(h.numpy(), bias.detach().contiguous().numpy(), halves, start, p)
            states.append(h)
            columns.append(column)
            ps.append(p)
        ctx.save_for_backward(*states, *columns)
        ctx.ps = ps
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor | None, ...]:
        layers = len(ctx.ps)
        states, columns = ctx.saved_tensors[: layers + 1], ctx.saved_tensors[layers + 1 :]
        gradients: list[Tensor | None] = []
        down: Tensor | None = dh
        for layer in reversed(range(layers)):
            assert down is not None
            h, below, column = states[layer + 1], states[layer], columns[layer]
            dz, db = torch.empty_like(h), h.new_empty(h.shape[0], h.shape[2])
            _undo(down.contiguous().numpy(), h.numpy(), ctx.ps[layer], dz.numpy(), db.numpy())
            gradients = [torch.bmm(below.mT, dz).mT, db, *gradients]
            down = torch.bmm(dz, column.mT) if layer or ctx.needs_input_grad[0] else None
        return down, None, *gradients


def tower(x: Tensor, masks: Sequence[Mask | None], parameters: Sequence[Tensor], replicas: int = 0) -> Tensor:
    """One replica's tower on x [B, inputs]: weights and biases of its layers in turn, a mask of each. replicas: so many
    in the map over replicas that is under way, all of which are done at once; 0: there is none."""
    drops = [mask for mask in masks if mask is not None]
    tensors = [x, *parameters, *(mask.p for mask in drops), *(mask.halves for mask in drops[:1])]

    def run(*stacked: Tensor) -> Tensor:
        x, *rest = stacked
        parameters, rest = rest[: 2 * len(masks)], rest[2 * len(masks) :]
        ps = iter(rest[:-1])
        own = [None if mask is None else Mask(rest[-1], mask.start, next(ps)) for mask in masks]
        return _Stacked.apply(x, own, *parameters)

    if replicas:
        return beneath(run, replicas, tensors)
    return run(*(tensor.unsqueeze(0) for tensor in tensors)).squeeze(0)
