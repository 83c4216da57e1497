"""The optimiser's parts as torch operations of static shape: what runs on a GPU, inside a CUDA graph.

Same mathematics and names as the compiled loops of `lazy_adam`; the step counter is a tensor on the device. Instead of
cutting early gaps, the tables are flushed at geometrically growing steps, which the host knows (`early_flushes`).
"""

import torch
from torch import Tensor

from benchmark.train.adam.lazy_adam import BETA1, BETA2, EARLY, EPS, GROWTH, LOG_B1, LOG_B2, LOG_R, tail_sums


def early_flushes() -> frozenset[int]:
    """The early steps after which a device table is flushed: 1, 2, ..., growing by GROWTH until EARLY is passed."""
    steps = [1]
    while steps[-1] < EARLY:
        steps.append(max(steps[-1] + 1, int(steps[-1] * GROWTH)))
    return frozenset(steps)


class DeviceTable:
    """Embedding rows of S replicas, [S * V, D], with exact lazy Adam: sort, gather, closed form; nothing asks the
    host."""

    def __init__(self, weight: Tensor, replicas: int, lr: Tensor, steps: int) -> None:
        self.replicas, self.vocabulary = replicas, len(weight) // replicas
        self._weight = torch.cat([weight, weight.new_zeros(1, weight.shape[1])])  # the last row takes the unused slots
        self.m, self.v = torch.zeros_like(self._weight), torch.zeros_like(self._weight)
        device = weight.device
        self.last = torch.zeros(len(self._weight), dtype=torch.long, device=device)
        self.lr = torch.cat([lr.double(), lr.new_zeros(1).double()])  # the spare row has a replica of its own
        self.tail = torch.from_numpy(tail_sums(steps)).to(device)
        self.log_r = torch.from_numpy(LOG_R).to(device)
        self.t = torch.zeros(1, dtype=torch.long, device=device)

    @property
    def weight(self) -> Tensor:
        return self._weight[:-1]

    def _rate(self, rows: Tensor) -> Tensor:
        return self.lr.index_select(0, rows // self.vocabulary)

    def _caught_up(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Weights and moments of `rows` [N] as of step t, [N, D] each."""
        start = self.last.index_select(0, rows)
        k = (self.t - start).double().unsqueeze(1)  # [N, 1]
        s = self.tail.index_select(0, start) - (k * self.log_r).exp() * self.tail.index_select(0, self.t)  # [N, 4]
        s0 = s[:, 0].clamp_min(1e-300)
        mu = torch.where(k[:, 0] > 0, s[:, 1] / s0, 1.0)
        second = s[:, 2] / s0
        var = second - mu * mu
        two = (k[:, 0] > 1) & (var > 1e-11 * mu * mu)  # else one node carries all
        var = torch.where(two, var, 1.0)
        skew = (s[:, 3] / s0 - 3 * mu * second + 2 * mu**3) / var
        width = (skew * skew + 4 * var).sqrt()
        zero = torch.zeros_like(mu)
        low, high = (torch.where(two, 0.5 * (skew - width), zero), torch.where(two, 0.5 * (skew + width), zero))
        share = torch.where(two, 0.5 * (skew + width) / width, 0.5)
        weight, m, v = (x.index_select(0, rows) for x in (self._weight, self.m, self.v))
        push, root = m * self._rate(rows).to(m.dtype).unsqueeze(1), v.sqrt()
        for part, node in ((s[:, 0] * share, mu + low), (s[:, 0] * (1 - share), mu + high)):
            weight = weight - push * part.to(m.dtype).unsqueeze(1) / (root + (EPS * node).to(m.dtype).unsqueeze(1))
        return weight, m * (k * LOG_B1).exp().to(m.dtype), v * (k * LOG_B2).exp().to(m.dtype)

    def gather(self, index: Tensor) -> Tensor:
        """The rows of index (int64 [...]) as of now, [..., D], a leaf that takes a gradient."""
        ordered, order = torch.sort(index.reshape(-1))
        first = torch.ones_like(ordered, dtype=torch.bool)
        first[1:] = ordered[1:] != ordered[:-1]
        slot = first.cumsum(0) - 1  # [N], the place of each row among the distinct ones
        self.rows = torch.full_like(ordered, len(self._weight) - 1).scatter_(0, slot, ordered)
        self.inverse = torch.empty_like(ordered).scatter_(0, order, slot)
        self.state = self._caught_up(self.rows)
        return self.state[0].index_select(0, self.inverse).view(*index.shape, -1).requires_grad_()

    def update(self, grad: Tensor) -> None:
        """One Adam step on the rows gathered last; grad [..., D]."""
        self.t += 1
        weight, m, v = self.state
        total = torch.ops.aten.embedding_dense_backward(grad.flatten(0, -2), self.inverse, len(self.rows), -1, False)
        t = self.t.double()
        m = BETA1 * m + (1 - BETA1) * total
        v = BETA2 * v + (1 - BETA2) * total * total
        rate = (self._rate(self.rows) / (1 - BETA1**t)).to(m.dtype).unsqueeze(1)
        weight = weight - rate * m / (v.sqrt() * (1 - BETA2**t).rsqrt().to(m.dtype) + EPS)
        for held, new in ((self._weight, weight), (self.m, m), (self.v, v)):
            held.index_copy_(0, self.rows, new)
        self.last.index_copy_(0, self.rows, self.t.expand(len(self.rows)))

    def flush(self) -> None:
        """Bring every row up to the present step."""
        for rows in torch.arange(len(self._weight), device=self.t.device).split(1 << 18):
            for held, new in zip((self._weight, self.m, self.v), self._caught_up(rows), strict=True):
                held.index_copy_(0, rows, new)
        self.last.copy_(self.t.expand(len(self.last)))

    def keep(self, replicas: list[int]) -> None:
        """Go on with these replicas alone."""
        places = torch.tensor(replicas, device=self.t.device).unsqueeze(1)
        rows = (places * self.vocabulary + torch.arange(self.vocabulary, device=self.t.device)).reshape(-1)
        rows = torch.cat([rows, rows.new_tensor([len(self._weight) - 1])])  # and the spare row
        self._weight, self.m, self.v, self.last = (x[rows] for x in (self._weight, self.m, self.v, self.last))
        self.lr, self.replicas = self.lr[[*replicas, -1]], len(replicas)


class DenseTable:
    """Embedding rows under dense Adam with coupled weight decay: right where a regulariser moves every row."""

    def __init__(self, weight: Tensor, replicas: int, lr: Tensor, decay: Tensor) -> None:
        self.weight, self.replicas, self.vocabulary = weight, replicas, len(weight) // replicas
        self.adam = DeviceAdam(weight.view(replicas, -1), lr, decay)

    def gather(self, index: Tensor) -> Tensor:
        """The rows of index (int64 [...]) as of now, [..., D], a leaf that takes a gradient."""
        self.index = index.reshape(-1)
        return self.weight.index_select(0, self.index).view(*index.shape, -1).requires_grad_()

    def update(self, grad: Tensor) -> None:
        """One Adam step on all rows; grad [..., D], of the rows gathered last."""
        total = torch.ops.aten.embedding_dense_backward(grad.flatten(0, -2), self.index, len(self.weight), -1, False)
        self.adam.update(self.weight.view(self.replicas, -1), total.view(self.replicas, -1))

    def flush(self) -> None:
        """Nothing lags behind."""

    def keep(self, replicas: list[int]) -> None:
        """Go on with these replicas alone."""
        self.weight = self.weight.view(self.replicas, self.vocabulary, -1)[replicas].flatten(0, 1)
        self.replicas = len(replicas)
        self.adam.keep(replicas)


class DeviceAdam:
    """Dense Adam for flat parameters [S, P], as torch operations with the step counter on the device."""

    def __init__(self, flat: Tensor, lr: Tensor, decay: Tensor) -> None:
        self.m, self.v = torch.zeros_like(flat), torch.zeros_like(flat)
        self.lr, self.decay = lr.double().unsqueeze(1), decay.to(flat.dtype).unsqueeze(1)
        self.t = torch.zeros(1, dtype=torch.long, device=flat.device)

    def update(self, flat: Tensor, grad: Tensor) -> None:
        self.t += 1
        t = self.t.double()
        grad = grad + self.decay * flat
        self.m.mul_(BETA1).add_(grad, alpha=1 - BETA1)
        self.v.mul_(BETA2).addcmul_(grad, grad, value=1 - BETA2)
        rate = (self.lr / (1 - BETA1**t)).to(flat.dtype)
        flat.sub_(rate * self.m / (self.v.sqrt() * (1 - BETA2**t).rsqrt().to(flat.dtype) + EPS))

    def keep(self, replicas: list[int]) -> None:
        self.m, self.v = self.m[replicas], self.v[replicas]
        self.lr, self.decay = self.lr[replicas], self.decay[replicas]
