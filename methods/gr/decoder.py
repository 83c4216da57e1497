"""GR Section 3.2.2: recurrent decoders, and the loop that all decoders share.

A decoder takes the encoder's h [B, context] and, step by step, weights over the classes [B, C] that say which token
embedding, or which mixture of them, comes in. Embedding mixup (Eq. 8) is linear, so the input's projection equals the
mixture of projected embeddings: E W^T is formed once, and a true token is a one-hot weight.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

State = Any  # nested tuples of tensors [B, ...]
Feed = Callable[[int, Tensor], Tensor]  # (step, its logits of the rows that go on) -> the next step's weights [.., C]


class LSTM(nn.Module):
    """The recurrent half of nn.LSTMCell, with the gates in the order i, f, o, g; x is W x + b of the other half."""

    gates = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, 4 * width, bias=False)

    def begin(self, h: Tensor) -> State:
        return h, torch.zeros_like(h)  # h_0, c_0

    def forward(self, x: Tensor, state: State) -> State:
        h, c = state
        width = c.shape[-1]
        ifo, g = (x + self.hidden(h)).split([3 * width, width], -1)  # [B, 3H], [B, H]
        i, f, o = ifo.sigmoid().chunk(3, -1)
        c = f * c + i * g.tanh()
        return o * c.tanh(), c


class GRU(nn.Module):
    """The recurrent half of nn.GRUCell: gates r, z, n."""

    gates = 3

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, 3 * width)  # its own bias: r multiplies it in n

    def begin(self, h: Tensor) -> State:
        return (h,)

    def forward(self, x: Tensor, state: State) -> State:
        (h,) = state
        sizes = [2 * h.shape[-1], h.shape[-1]]
        (xrz, xn), (hrz, hn) = x.split(sizes, -1), self.hidden(h).split(sizes, -1)  # [B, 2H], [B, H] of each
        r, z = (xrz + hrz).sigmoid().chunk(2, -1)
        n = (xn + r * hn).tanh()
        return (n + z * (h - n),)


class RNN(nn.Module):
    """The recurrent half of nn.RNNCell, with tanh."""

    gates = 1

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width, bias=False)

    def begin(self, h: Tensor) -> State:
        return (h,)

    def forward(self, x: Tensor, state: State) -> State:
        return ((x + self.hidden(state[0])).tanh(),)


CELLS: dict[str, type[LSTM | GRU | RNN]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}


class Recurrent(nn.Module):
    """Token embeddings, a cell and the output layer.

    How h_i reaches the decoder is not said in the paper: here it is projected to h_0 and also stands beside every input
    embedding (`condition`); c_0 is 0.
    """

    def __init__(self, cell: str, classes: int, context: int, width: int, *, condition: bool = True) -> None:
        super().__init__()
        self.cell = CELLS[cell](width)
        self.sos = nn.Parameter(torch.randn(1, width))
        self.embedding = nn.Parameter(torch.randn(classes, width))  # E
        self.token = nn.Linear(width, self.cell.gates * width)  # acts on [embedding; h_i] together with `context`
        self.context = nn.Linear(context, self.cell.gates * width, bias=False) if condition else None
        self.first = nn.Linear(context, width)  # h_i -> h_0
        self.out = nn.Linear(width, classes)

    def begin(self, h: Tensor) -> tuple[Any, Tensor, State]:
        """What all steps share, the first input (SOS) and h_0. h: [B, context]."""
        table = self.embedding @ self.token.weight.T  # E W^T [C, G*H]
        constant = self.token.bias.unsqueeze(0)
        if self.context is not None:
            constant = constant + self.context(h)  # [B, G*H]
        return (table, constant), self.sos @ self.token.weight.T + constant, self.cell.begin(self.first(h))

    def parts(self) -> tuple[Tensor, ...]:
        """An LSTM for the compiled loops: weight and bias of h_0; the weights of h_i in an input, [4H, context] or [4H,
        0]; SOS's input [4H] and every token's [C, 4H]; the cell's weight; weight and bias of the output."""
        context = self.token.weight[:, :0] if self.context is None else self.context.weight
        first = (self.sos @ self.token.weight.T)[0] + self.token.bias
        table = self.embedding @ self.token.weight.T + self.token.bias
        begin, out = self.first, self.out
        return begin.weight, begin.bias, context, first, table, self.cell.hidden.weight, out.weight, out.bias

    def step(self, shared: Any, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One input x to logits [B, C] and the next state."""
        state = self.cell(x, state)
        return self.out(state[0]), state

    def embed(self, shared: Any, weights: Tensor) -> Tensor:
        """The input that a mixture of tokens makes. weights: [B, C]."""
        table, constant = shared
        return weights @ table + constant[: len(weights)]


def unroll(decoder: Any, h: Tensor, sizes: Sequence[int], feed: Feed) -> list[Tensor]:
    """Logits of every step. sizes: how many of the first rows each step is made for, B at first and falling."""
    shared, x, state = decoder.begin(h)
    logits: list[Tensor] = []
    for t in range(len(sizes)):
        row, state = decoder.step(shared, x, state)
        logits.append(row)
        if t + 1 < len(sizes):
            following = sizes[t + 1]
            if following < sizes[t]:
                row, state = row[:following], _first(state, following)
            x = decoder.embed(shared, feed(t, row))
    return logits


def _first(state: State, size: int) -> State:
    """A decoder's state of the first rows alone."""
    return tuple(_first(part, size) for part in state) if isinstance(state, tuple) else state[:size]
