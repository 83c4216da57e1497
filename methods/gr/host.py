"""GR's compiled loops as operations of torch, for one replica or, inside of a map over them, for all of them at once.

The loops have no way through BLAS but one thread's, whatever the process allows, so that a replica has the same bits
wherever it trains.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from datasets.schema import Array


@cache
def _pools() -> Any:
    """The thread pools of the BLAS that compiled code calls, which is SciPy's."""
    import scipy.linalg  # noqa: F401  loads it
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def _each(tensor: Tensor) -> Array:
    """All replicas' numbers, for the loops."""
    return tensor.detach().contiguous().numpy()


def stacked(tensors: Any, dims: Any, count: int) -> list[Any]:
    """The tensors of a map, each with the replicas' axis in front; other arguments as they are."""
    return [
        (x.expand(count, *x.shape) if dim is None else x.movedim(dim, 0)) if isinstance(x, Tensor) else x
        for x, dim in zip(tensors, dims, strict=True)
    ]


class LSTMLoss(Function):
    """GR's loss of an LSTM decoder, and its gradient, which is made on the way there.

    Arguments and shapes as in `training.lstm`, without the gradients; with an axis of replicas in front, or without.
    """

    @staticmethod
    def forward(*given: Any) -> tuple[Tensor, ...]:
        from methods.gr.loops import training

        *tensors, mixup, released, wanted = given
        lstm: Any = training.lstm  # a compiled function's type knows no starred arguments
        alone = tensors[1].dim() == 1  # the labels
        arrays = [_each(tensor.unsqueeze(0) if alone else tensor) for tensor in tensors]
        gradients = [torch.zeros(array.shape, dtype=tensors[1].dtype) for array in arrays[3:12]]
        loss = torch.empty(len(arrays[0]), dtype=tensors[1].dtype)
        with _pools().limit(limits=1):
            for s in range(len(loss)):
                mine = [g[s].numpy() for g in gradients]
                loss[s] = lstm(*(array[s] for array in arrays), mixup, released, wanted, *mine)
        found = [loss, *gradients]
        return tuple(x[0] for x in found) if alone else tuple(found)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output[1:])

    @staticmethod
    def backward(ctx: Any, *d: Tensor) -> tuple[Any, ...]:
        each, gradients = d[0], list(ctx.saved_tensors)
        if not bool((each == 1).all()):  # as where losses are summed
            gradients = [g * each.view(*each.shape, *(1,) * (g.dim() - each.dim())) for g in gradients]
        return (*(None,) * 3, *gradients, *(None,) * 5)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> Any:
        return LSTMLoss.apply(*stacked(given, in_dims, info.batch_size)), (0,) * 10


class LSTMAnswer(Function):
    """The soft values and the values of the tokens of each row's sequences, summed: [B * k] each.

    Arguments and shapes as in `answering.lstm`, with an axis of replicas in front, or without.
    """

    @staticmethod
    def forward(*given: Any) -> tuple[Tensor, Tensor]:
        from methods.gr.loops import answering

        lstm: Any = answering.lstm
        *tensors, steps, mixup, released, monotone = given
        alone = tensors[0].dim() == 2  # h
        arrays = [_each(tensor.unsqueeze(0) if alone else tensor) for tensor in tensors]
        S, B, k = len(arrays[0]), arrays[0].shape[1], max(arrays[-1].shape[1], 1)
        softly, total = torch.empty(S, B * k, dtype=tensors[0].dtype), torch.empty(S, B * k, dtype=tensors[0].dtype)
        with _pools().limit(limits=1):
            for s in range(S):
                mine = [array[s] for array in arrays]
                lstm(*mine, steps, mixup, released, monotone, softly[s].numpy(), total[s].numpy())
        return (softly[0], total[0]) if alone else (softly, total)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def backward(ctx: Any, *d: Any) -> tuple[None, ...]:
        return (None,) * 16

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> Any:
        return LSTMAnswer.apply(*stacked(given, in_dims, info.batch_size)), (0, 0)


class Attention(Function):
    """Causal self-attention [R, width] of queries, keys and values side by side [R, 3 width], tokens step after step,
    of sizes[t] rows at step t; with an axis of replicas in front, or without."""

    @staticmethod
    def forward(qkv: Tensor, sizes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        from methods.gr.loops.attention import HEADS, forward, places

        given, steps = _each(qkv if qkv.dim() == 3 else qkv.unsqueeze(0)), np.array(sizes)
        out = qkv.new_empty(*qkv.shape[:-1], qkv.shape[-1] // 3)
        weights = qkv.new_empty(len(given), int(places(steps)[2][-1]), HEADS)
        for s, (mine, found) in enumerate(zip(given, out.view(*given.shape[:2], -1).numpy(), strict=True)):
            forward(mine, steps, found, weights[s].numpy())
        return out, weights if qkv.dim() == 3 else weights[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.sizes = inputs[1]
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(inputs[0], output[1])

    @staticmethod
    def backward(ctx: Any, *d: Tensor) -> tuple[Any, None]:
        from methods.gr.loops.attention import backward

        qkv, weights = ctx.saved_tensors
        found, steps = torch.empty(qkv.shape, dtype=qkv.dtype), np.array(ctx.sizes)
        parts = [x if qkv.dim() == 3 else x.unsqueeze(0) for x in (d[0], qkv, weights, found)]
        for dout, mine, w, dqkv in zip(*map(_each, parts), strict=True):
            backward(dout, mine, steps, w, dqkv)
        return found, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, qkv: Tensor, sizes: tuple[int, ...]) -> Any:
        return Attention.apply(*stacked((qkv,), in_dims[:1], info.batch_size), sizes), (0, 0)


class Normalised(Function):
    """A layer norm, with weight and bias [width], of x + keep more [R, width]; keep: [R, width], or [0, width] where
    nothing is dropped. With an axis of replicas in front, or without."""

    @staticmethod
    def forward(*given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        from methods.gr.loops import attention

        alone = given[0].dim() == 2
        x, more, keep, weight, bias = (_each(part.unsqueeze(0) if alone else part) for part in given)
        y, z, rate = np.empty_like(x), np.empty_like(x), np.empty(x.shape[:2], x.dtype)
        for s in range(len(x)):
            attention.normalised(x[s], more[s], keep[s], weight[s], bias[s], y[s], z[s], rate[s])
        found = [torch.from_numpy(part[0] if alone else part) for part in (y, z, rate)]
        return found[0], found[1], found[2]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(output[1], output[2])
        ctx.save_for_backward(output[1], output[2], inputs[2], inputs[3])

    @staticmethod
    def backward(ctx: Any, *d: Tensor) -> tuple[Any, ...]:
        from methods.gr.loops import attention

        alone = d[0].dim() == 2
        dy, z, rate, keep, weight = (_each(x.unsqueeze(0) if alone else x) for x in (d[0], *ctx.saved_tensors))
        dx, dmore, dweight, dbias = np.empty_like(z), np.empty_like(z), np.empty_like(weight), np.empty_like(weight)
        for s in range(len(z)):
            attention.denormalised(
                dy[s], z[s], rate[s], keep[s], weight[s], dx[s], dmore[s], dweight[s], dbias[s]
            )  # fmt: skip
        found = [torch.from_numpy(part[0] if alone else part) for part in (dx, dmore, dweight, dbias)]
        return found[0], found[1], None, found[2], found[3]

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> Any:
        return Normalised.apply(*stacked(given, in_dims, info.batch_size)), (0, 0, 0)
