"""ProWTP Section 4.2, Credible Prototypes Generation: HVQ-VAE, whose codebook is the set of prototypes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Array
from methods.prowtp.kmeans import centres

BETA = 0.25  # of Eq. 7, van den Oord's
_HIDDEN, _BATCH, _LR = 128, 256, 1e-3
STEPS = 1200  # of Eq. 7: thirty epochs of 10,000 vectors; a quarter as many of the auto-encoder alone come before
_WINDOW, _REST = 50, 1 / 6  # dead codes start anew after every _WINDOW steps, but not in the last part
_DEAD = 0.03  # part of an even share of the window's vectors below which a code is dead

Kind = Literal["hvq", "vq"]


@dataclass(frozen=True, eq=False)
class Codebook:
    """The prototypes p_ij in rows i * K + j, and how the N vectors w use them."""

    codes: Array  # P: float32 [C*K, d]
    decoded: Array  # D(p_ij) in w's unit, a prototype as the quantile function it stands for: float32 [C*K, n]
    clusters: int  # C
    assignment: Array  # the code of each w, int64 [N]
    usage: Array  # vectors of each code, int64 [C*K]
    reconstruction: float  # mean squared error of D(z), where w has a variance of 1

    @property
    def used(self) -> int:
        """Codes with a vector."""
        return int((self.usage > 0).sum())

    @property
    def perplexity(self) -> float:
        """exp of the entropy of the usage: C*K where all codes are used alike, 1 at collapse."""
        p = self.usage[self.usage > 0] / self.usage.sum()
        return float(np.exp(-(p * np.log(p)).sum()))

    @property
    def per_cluster(self) -> Array:
        """Vectors of each cluster, int64 [C]."""
        return self.usage.reshape(self.clusters, -1).sum(1)


def hierarchical(e: Tensor, codes: Tensor) -> Tensor:
    """The code i * K + j of each E(w): first the nearest cluster, then the nearest code in it. e: [B, d] -> int [B].

    codes: [C, K, d]. Eq. 6 prints argmin over i; it is over j. The softmax of Eq. 5 has no temperature.
    """
    attention = torch.softmax(torch.einsum("ckd,bd->bck", codes, e), dim=2)  # [B, C, K]
    center = torch.einsum("bck,ckd->bcd", attention, codes)  # p~_i of Eq. 5, [B, C, d]
    c = (center - e.unsqueeze(1)).square().sum(2).argmin(1)  # Eq. 5
    k = (codes[c] - e.unsqueeze(1)).square().sum(2).argmin(1)  # Eq. 6
    return c * codes.shape[1] + k


def flat(e: Tensor, codes: Tensor) -> Tensor:
    """The nearest of all codes: Table 3's VQ-VAE. e: [B, d], codes: [C, K, d] -> int [B]."""
    return torch.cdist(e, codes.flatten(0, 1), compute_mode="donot_use_mm_for_euclid_dist").argmin(1)


SELECT: dict[Kind, Callable[[Tensor, Tensor], Tensor]] = {"hvq": hierarchical, "vq": flat}


class HVQVAE(nn.Module):
    """E, P and D. `kind` chooses between the hierarchy of Eq. 5 and 6 and the flat choice, and nothing else."""

    def __init__(self, size: int, width: int, *, clusters: int, codes: int, kind: Kind) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(size, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, width))
        self.decoder = nn.Sequential(nn.Linear(width, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, size))
        self.codes = nn.Parameter(torch.zeros(clusters, codes, width))  # P [C, K, d]
        self.select = SELECT[kind]

    def forward(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 7, the mean over w [B, n] of the three squared norms, and the code of each w [B]."""
        e = self.encoder(w)  # [B, d]
        index = self.select(e.detach(), self.codes.detach())
        z = self.codes.flatten(0, 1).index_select(0, index)  # [B, d]
        reconstruction = (w - self.decoder(e + (z - e).detach())).square().sum(1)
        quantisation, commitment = (e.detach() - z).square().sum(1), (e - z.detach()).square().sum(1)
        return (reconstruction + quantisation + BETA * commitment).mean(), index


def train_codebook(
    w: Array, *, clusters: int, codes: int, width: int, kind: Kind, seed: int, steps: int = STEPS
) -> Codebook:
    """Train on the vectors w [N, n]; `codes` is K, `width` d. The same seed gives the same bits on a CPU.

    Eq. 7 alone ends with about five codes in use, all of one spread. So, unlike the paper, or where it says nothing:

    - w is scaled by the mean and the standard deviation of all its numbers.
    - For a quarter as many steps (300) E and D learn without a codebook, before.
    - P starts at k-means centres of E(w), which are ordered along their first principal axis (towards larger ratios)
      and cut into C clusters of K, so that a cluster is a neighbourhood, as Eq. 5 supposes.
    - A code that 50 batches hardly use starts anew at a random E(w) in its cluster's neighbourhood: one whose nearest
      code of all is of that cluster, or any if there is none. Of those that Eq. 5 sends there, clusters mix.

    Eq. 5 is as printed. Without a temperature its centre lies at the codes of largest p.E(w), not at the nearest, so on
    skewed ratios clusters overlap: of KuaiRand's 80 codes 52 to 72 are used (three seeds), all 80 by the flat choice.

    Codes may be equal, and all are where all w are; no more codes are used than there are distinct vectors.
    """
    w = np.asarray(w, np.float32)
    if w.ndim != 2 or not w.size or not np.isfinite(w).all():
        raise ValueError(f"expected finite vectors [N, n], not {w.shape=}")
    if min(clusters, codes, width) < 1:
        raise ValueError(f"expected at least one of each, not {clusters=}, {codes=}, {width=}")
    mean, std = float(w.mean(dtype=np.float64)), max(float(w.std(dtype=np.float64)), 1e-6)
    x = torch.from_numpy((w - mean) / std)  # [N, n]
    with torch.random.fork_rng(devices=[]), torch.enable_grad():  # the caller's random state comes back
        torch.default_generator.manual_seed(seed)
        model = HVQVAE(w.shape[1], width, clusters=clusters, codes=codes, kind=kind)
        _warm_up(model, x, steps // 4)
        _start(model, x, seed)
        _train(model, x, steps)
    with torch.no_grad():
        index = torch.cat([model.select(model.encoder(part), model.codes) for part in x.split(4096)])  # [N]
        p = model.codes.detach().flatten(0, 1)  # [C*K, d]
        decoded = model.decoder(p)  # [C*K, n]
        error = (x - decoded[index]).square().mean()
    return Codebook(
        codes=p.numpy(),
        decoded=(decoded * std + mean).numpy(),
        clusters=clusters,
        assignment=index.numpy(),
        usage=torch.bincount(index, minlength=len(p)).numpy(),
        reconstruction=float(error),
    )


def _warm_up(model: HVQVAE, x: Tensor, steps: int) -> None:
    adam = torch.optim.Adam(model.parameters(), lr=_LR)
    for _ in range(steps):
        w = _batch(x)
        adam.zero_grad()
        (w - model.decoder(model.encoder(w))).square().sum(1).mean().backward()
        adam.step()


@torch.no_grad()
def _start(model: HVQVAE, x: Tensor, seed: int) -> None:
    """k-means centres of E(w), ordered and cut."""
    e, C_K = model.encoder(x), math.prod(model.codes.shape[:2])
    p = torch.from_numpy(centres(e.numpy(), C_K, seed))  # [C*K, d]
    axis = torch.linalg.svd(p - p.mean(0), full_matrices=False).Vh[0]
    along = (e - e.mean(0)) @ axis  # [N]
    rising = (along * (x.mean(1) - x.mean())).sum() >= 0
    order = (p @ (axis if rising else -axis)).argsort(stable=True)
    model.codes.copy_(p[order].view_as(model.codes))


def _train(model: HVQVAE, x: Tensor, steps: int) -> None:
    adam = torch.optim.Adam(model.parameters(), lr=_LR)
    recent = []
    for step in range(1, steps + 1):
        w = _batch(x)
        loss, index = model(w)
        adam.zero_grad()
        loss.backward()
        adam.step()
        recent.append(index)
        if step % _WINDOW == 0 and step <= (1 - _REST) * steps:
            _restart(model, w, torch.cat(recent), adam.state[model.codes])
            recent = []


@torch.no_grad()
def _restart(model: HVQVAE, w: Tensor, recent: Tensor, state: dict[str, Tensor]) -> None:
    """Dead codes move to E(w) of the last batch [B, n]; their moments in Adam are forgotten."""
    C, K, _ = model.codes.shape
    usage = torch.bincount(recent, minlength=C * K)
    dead = (usage < _DEAD * len(recent) / (C * K)).nonzero()[:, 0]  # [dead]
    e = model.encoder(w)
    near = flat(e, model.codes) // K == (dead // K).unsqueeze(1)  # [dead, B]
    near |= ~near.any(1, keepdim=True)
    if len(dead):
        model.codes.flatten(0, 1)[dead] = e[torch.multinomial(near.float(), 1)[:, 0]]
        for moment in ("exp_avg", "exp_avg_sq"):
            state[moment].flatten(0, 1)[dead] = 0


def _batch(x: Tensor) -> Tensor:
    return x[torch.randint(len(x), (_BATCH,))]
