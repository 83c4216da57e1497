"""Dense Adam for the flat parameters of all replicas, one compiled pass."""

import math

import numba
import numpy as np
import torch
from torch import Tensor

from benchmark.train.adam.lazy_adam import BETA1, BETA2, EPS


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _dense_adam(
    p: np.ndarray, m: np.ndarray, v: np.ndarray, g: np.ndarray, decay: np.ndarray, lr: np.ndarray, t: int
) -> None:
    """One Adam step, number t, on flat parameters [S, P] with coupled weight decay [S]."""
    scalar = np.empty(8, p.dtype)
    scalar[0], scalar[1], scalar[2], scalar[3] = BETA1, 1 - BETA1, BETA2, 1 - BETA2
    scalar[4], scalar[5] = 1 / math.sqrt(1 - BETA2**t), EPS
    b1, d1, b2, d2, root2, eps = scalar[0], scalar[1], scalar[2], scalar[3], scalar[4], scalar[5]
    for s in range(p.shape[0]):
        scalar[6], scalar[7] = lr[s] / (1 - BETA1**t), decay[s]
        step, wd = scalar[6], scalar[7]
        ps, ms, vs, gs = p[s], m[s], v[s], g[s]
        for i in range(p.shape[1]):
            gi = gs[i] + wd * ps[i]
            ms[i] = b1 * ms[i] + d1 * gi
            vs[i] = b2 * vs[i] + d2 * gi * gi
            ps[i] -= step * ms[i] / (np.sqrt(vs[i]) * root2 + eps)


class HostAdam:
    """Dense Adam for the flat parameters [S, P] of all replicas, one compiled pass."""

    def __init__(self, flat: Tensor, lr: Tensor, decay: Tensor) -> None:
        self.m, self.v, self.t = torch.zeros_like(flat), torch.zeros_like(flat), 0
        self.lr, self.decay = lr.double().numpy(), decay.double().numpy()

    def update(self, flat: Tensor, grad: Tensor) -> None:
        self.t += 1
        _dense_adam(
            flat.numpy(), self.m.numpy(), self.v.numpy(), grad.contiguous().numpy(), self.decay, self.lr, self.t
        )

    def keep(self, replicas: list[int]) -> None:
        self.m, self.v = self.m[replicas], self.v[replicas]
        self.lr, self.decay = self.lr[replicas], self.decay[replicas]
