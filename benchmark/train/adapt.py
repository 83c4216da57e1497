"""Makes a module stackable: layers that cannot be mapped over replicas get a twin with the same parameters that can,
and towers of layers one that does all replicas at once in compiled loops.

What would be silently wrong when stacked is refused in a sentence.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.train.draws import Tape
from benchmark.train.host.beneath import level
from benchmark.train.host.tower import Mask, tower
from methods.base import Dropout


class _LSTMCell(nn.LSTMCell):
    """nn.LSTMCell out of linear and pointwise operations."""

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = state if state is not None else (x.new_zeros(len(x), self.hidden_size),) * 2
        gates = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = gates.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class _GRUCell(nn.GRUCell):
    """nn.GRUCell out of linear and pointwise operations."""

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        h = x.new_zeros(len(x), self.hidden_size) if h is None else h
        xr, xz, xn = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, -1)
        hr, hz, hn = F.linear(h, self.weight_hh, self.bias_hh).chunk(3, -1)
        r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
        n = (xn + r * hn).tanh()
        return n + z * (h - n)


class Tower(nn.Sequential):
    """nn.Sequential whose runs of Linear, ReLU and, or not, Dropout are each one step of the tape."""

    replicas = 0  # how many there are in the map over them that a call is inside of; the stack says so before each

    def products(self) -> list[str]:
        """The names of the layers that are part of a run."""
        inside = {id(layer[0]) for layer in self.layers() if isinstance(layer, tuple)}
        return [name for name, part in self.named_children() if id(part) in inside]

    def layers(self) -> list[tuple[nn.Linear, Dropout | None] | nn.Module]:
        """The parts in turn, a Linear with its ReLU and Dropout as one."""
        found: list[tuple[nn.Linear, Dropout | None] | nn.Module] = []
        parts = list(self)
        while parts:
            part = parts.pop(0)
            if not (_plain(part) and parts and type(parts[0]) is nn.ReLU):
                found.append(part)
                continue
            assert isinstance(part, nn.Linear)
            parts.pop(0)
            found.append((part, parts.pop(0) if parts and type(parts[0]) is Dropout else None))
        return found

    def forward(self, h: Tensor) -> Tensor:
        self._layers = layers = getattr(self, "_layers", None) or self.layers()
        run = list[tuple[nn.Linear, Dropout | None]]()
        if h.dim() != 2 or level() not in (None, int(self.replicas > 0)):  # an author's own map inside of ours
            return super().forward(h)
        for layer in [*layers, None]:
            if isinstance(layer, tuple):
                run.append(layer)
                continue
            h, run = self._run(h, run), []
            if layer is not None:
                h = layer(h)
        return h

    def _run(self, h: Tensor, run: list[tuple[nn.Linear, Dropout | None]]) -> Tensor:
        if not run:
            return h
        masks, parameters = list[Mask | None](), list[Tensor]()
        for linear, dropout in run:
            masks.append(None if dropout is None else _mask(dropout, (len(h), linear.out_features)))
            parameters += [linear.weight, linear.bias]
        return tower(h, masks, parameters, self.replicas)


def _plain(part: nn.Module) -> bool:
    return type(part) is nn.Linear and part.bias is not None


def _mask(dropout: Dropout, shape: tuple[int, int]) -> Mask | None:
    """What the dropout would draw now; None where it keeps everything."""
    if dropout.draws is None:
        return None
    assert isinstance(dropout.draws, Tape)
    start = dropout.draws.skip_keep(shape)
    return None if dropout.draws.half is None else Mask(dropout.draws.half, start, dropout.p)


_TWINS: dict[type, type] = {nn.LSTMCell: _LSTMCell, nn.GRUCell: _GRUCell}


def adapt(module: nn.Module, *, compiled: bool) -> nn.Module:
    """The module, changed in place. compiled: with the loops for a CPU. Raises ValueError with the way out for what
    cannot be stacked."""
    twins = _TWINS | ({nn.Sequential: Tower} if compiled else {})
    drops: dict[nn.Module, Dropout] = {}  # one that stands in several places stays one
    for part in list(module.modules()):
        if isinstance(part, nn.Embedding) and (
            part.padding_idx is not None or part.max_norm is not None or part.sparse or part.scale_grad_by_freq
        ):
            raise ValueError(
                "nn.Embedding with padding_idx, max_norm, sparse or scale_grad_by_freq would be silently wrong when "
                "stacked: mask the rows in forward, or use EmbeddingTable"
            )
        if isinstance(part, nn.RNNBase):
            raise ValueError(f"nn.{type(part).__name__} cannot be stacked: loop over its Cell, or set `stack = False`")
        part.__class__ = twins.get(type(part), type(part))
        for name, child in part._modules.items():
            if type(child) is nn.Dropout:
                setattr(part, name, drops.setdefault(child, Dropout(child.p)))
    return module
