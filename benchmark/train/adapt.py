"""Makes a module stackable: layers that cannot be mapped over replicas get a twin with the same parameters that can.

What would be silently wrong when stacked is refused in a sentence.
"""

import torch.nn.functional as F
from torch import Tensor, nn

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


_TWINS: dict[type, type] = {nn.LSTMCell: _LSTMCell, nn.GRUCell: _GRUCell}


def adapt(module: nn.Module) -> nn.Module:
    """The module, changed in place. Raises ValueError with the way out for what cannot be stacked."""
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
        part.__class__ = _TWINS.get(type(part), type(part))
        for name, child in part.named_children():
            if type(child) is nn.Dropout:
                setattr(part, name, Dropout(child.p))
    return module
