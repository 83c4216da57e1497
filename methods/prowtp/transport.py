"""Optimal transport of a batch's n instances to m prototypes (ProWTP Eq. 1, 2 and 8): exact, many problems at once.

All three problems, with uniform marginals a = 1/n and b = 1/m, are

    min_{T >= 0}  <T, C> + lam_rows |T 1 - a|^2 + lam |T' 1 - b|^2

where an infinite lambda makes its marginal hard: both infinite is OT, hard rows are SUOT (Eq. 8), both finite is UOT.

The paper follows a regularisation path, whose length depends on the data and whose public code returns wrong plans on
ties. Here a primal-dual interior point method solves the same problems: with Z = C - u 1' - 1 v' >= 0 and T Z = mu, the
Newton system eliminates T, Z and u and leaves an m x m M-matrix, whose diagonal is rebuilt from its off-diagonal sums
so that nothing cancels. About 13 steps reach 1e-6; more are harmless, for mu has a floor. Everything is float64: the
problem is small, and float32 fails on constant costs.

On a GPU a fixed number of steps runs in torch with no host sync, so the plan can be captured in a CUDA graph; on a CPU
compiled loops (`host.py`) run the same steps, each problem until it has converged.

Plans carry no gradient: T is a target.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.linalg import solve_triangular

from methods.prowtp import host

STEPS = 60  # of Newton's method, at most
TOLERANCE = 1e-12  # of the complementarity gap, relative to the cost's range
TRAINING = 1e-9  # the same, for a plan that is a target of training
_BACK = 0.995  # how far to go towards the boundary


class Solution(NamedTuple):
    """A plan T [..., n, m] and the potentials u [..., n], v [..., m] of its marginals."""

    plan: Tensor
    u: Tensor
    v: Tensor


def ot(cost: Tensor, *, steps: int = STEPS) -> Tensor:
    """Eq. 1: the plan [..., n, m] of least cost whose rows sum to 1/n and columns to 1/m. cost: [..., n, m]."""
    return solve(cost, math.inf, math.inf, steps=steps).plan


def suot(cost: Tensor, lam: Tensor | float, *, steps: int = STEPS) -> Tensor:
    """Eq. 8: the plan [..., n, m] whose rows sum to 1/n and whose columns are drawn to 1/m by lam |T' 1 - b|^2.

    cost: [..., n, m]; lam: positive, a number or one for each problem [...]. In units of m, lam = rho m: a column that
    carries twice its share costs its last row 2 rho more (rho = 0.1: 0.2 of cosine distance).
    """
    return solve(cost, math.inf, lam, steps=steps).plan


def uot(cost: Tensor, lam: Tensor | float, lam_rows: Tensor | float | None = None, *, steps: int = STEPS) -> Tensor:
    """Eq. 2 with squared penalties: both marginals are drawn to uniform, so rows may sum to less than 1/n.

    lam_rows: of the rows; None: the same as lam. Where 2 (lam_rows / n + lam / m) is below every cost, the plan is 0: a
    row's own weight has to grow with n.
    """
    return solve(cost, lam if lam_rows is None else lam_rows, lam, steps=steps).plan


def solve(
    cost: Tensor,
    lam_rows: Tensor | float,
    lam: Tensor | float,
    *,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
) -> Solution:
    """The problem of this module with its potentials. Works under vmap. Raises ValueError where cost has no rows or
    columns."""
    if cost.dim() < 2 or 0 in cost.shape[-2:]:
        raise ValueError(f"a cost matrix has at least one row and one column, not {tuple(cost.shape)=}")
    rows, columns = (_softness(lam_, cost) for lam_ in (lam_rows, lam))
    return Solution(*_Solve.apply(cost.detach(), rows, columns, steps, tolerance))


def _softness(lam: Tensor | float, cost: Tensor) -> Tensor:
    """kappa = 1 / (2 lambda), 0 where the marginal is hard."""
    return 0.5 / torch.as_tensor(lam, dtype=torch.float64, device=cost.device)


def objective(cost: Tensor, plan: Tensor, lam_rows: Tensor | float, lam: Tensor | float) -> Tensor:
    """The value [...] of a plan, float64. Hard marginals are taken as met."""
    cost, plan = cost.double(), plan.double()
    value = (cost * plan).sum((-2, -1))
    for axis, lam_, share in ((-1, lam_rows, 1 / cost.shape[-2]), (-2, lam, 1 / cost.shape[-1])):
        weight = torch.as_tensor(lam_, dtype=torch.float64, device=cost.device)
        off = (plan.sum(axis) - share).square().sum(-1)
        value = value + torch.where(weight.isinf(), 0.0, weight.nan_to_num(posinf=0.0) * off)
    return value


def gap(cost: Tensor, solution: Solution, lam_rows: Tensor | float, lam: Tensor | float) -> Tensor:
    """How far from optimal a plan can be at most, relative to its objective: the certified duality gap [...].

    Any v bounds the optimum from below: u = min_k (C - v), cut at 2 lam_rows a where rows are soft, is the best u for
    it, and D = sum a u - kappa_r u^2 / 2 + sum b v - kappa_c v^2 / 2.
    """
    C, v = cost.double(), solution.v.double()
    kr, kc = _softness(lam_rows, cost).unsqueeze(-1), _softness(lam, cost).unsqueeze(-1)
    n, m = C.shape[-2:]
    u = (C - v.unsqueeze(-2)).amin(-1)  # [..., n]
    u = torch.minimum(u, 1 / (n * kr))  # infinite where rows are hard
    bound = (u / n - kr * u.square() / 2).sum(-1) + (v / m - kc * v.square() / 2).sum(-1)
    value = objective(cost, solution.plan, lam_rows, lam)
    return (value - bound) / value.abs().clamp_min(1e-12)


class _Solve(torch.autograd.Function):
    """The solver as one operation: it has no gradient, and vmap hands it all replicas' problems at once."""

    @staticmethod
    def forward(cost: Tensor, kr: Tensor, kc: Tensor, steps: int, tolerance: float) -> tuple[Tensor, ...]:
        shape = cost.shape
        C = cost.double().reshape(-1, *shape[-2:])  # [P, n, m]
        kr, kc = (k.expand(shape[:-2]).reshape(-1) for k in (kr, kc))  # [P]
        run = host.interior_point if cost.device.type == "cpu" else interior_point
        plan, u, v = run(C, kr, kc, steps, tolerance)
        parts = (plan.view(shape), u.view(shape[:-1]), v.view(*shape[:-2], shape[-1]))
        return tuple(part.to(cost.dtype) for part in parts)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[None, ...]:
        return (None,) * 5

    @staticmethod
    def vmap(info: Any, in_dims: Any, cost: Tensor, kr: Tensor, kc: Tensor, steps: int, tolerance: float) -> Any:
        size = info.batch_size
        cost, kr, kc = (
            x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)
            for x, dim in zip((cost, kr, kc), in_dims, strict=False)
        )
        if kr.dim() < cost.dim() - 2:  # one lambda for each replica, several problems in it
            kr = kr.view(size, *(1,) * (cost.dim() - 3))
        if kc.dim() < cost.dim() - 2:
            kc = kc.view(size, *(1,) * (cost.dim() - 3))
        return _Solve.apply(cost, kr, kc, steps, tolerance), (0, 0, 0)


def interior_point(C: Tensor, kr: Tensor, kc: Tensor, steps: int, tolerance: float) -> tuple[Tensor, Tensor, Tensor]:
    """Mehrotra's predictor and corrector in torch, a fixed number of steps. C: float64 [P, n, m]; kr, kc: [P]."""
    (P, n, m), a, b = C.shape, 1 / C.shape[1], 1 / C.shape[2]
    kr, kc = kr.view(P, 1), kc.view(P, 1)
    hard = kr == 0
    balanced = (hard & (kc == 0)).view(P, 1, 1)
    low, high = C.amin((1, 2), keepdim=True), C.amax((1, 2), keepdim=True)
    most = torch.where(hard.unsqueeze(2), 1e-3, 0.1) * torch.maximum(low.abs(), high.abs())
    scale = torch.maximum(high - low, most).clamp_min(1e-12)  # [P, 1, 1]; not 0 for a constant cost
    nothing = (a / kr + b / kc).view(P, 1, 1) / 2  # the objective of T = 0, infinite where a marginal is hard
    floor = tolerance * torch.minimum(scale, nothing) / (n * m)  # of mu
    T = C.new_full((P, n, m), a * b)
    v = C.new_zeros(P, m)
    u = torch.minimum(C.amin(2) - 0.1 * scale[:, :, 0], 0.5 * a / kr)  # [P, n]
    Z = C - u.unsqueeze(2) - v.unsqueeze(1)
    off = 1 - torch.eye(m, dtype=C.dtype, device=C.device)
    for _ in range(steps):
        over = Z.reciprocal()
        W = T * over
        w = W.sum(2) + kr
        V = W / w.unsqueeze(2)
        S = (W.mT @ V) * off
        diagonal = S.sum(2) + kc + kr * V.sum(1)
        S = torch.diag_embed(diagonal * (1 + 1e-13)) - S
        # OT leaves v free by a constant: pin it, on the null vector alone
        S = S + torch.where(balanced, diagonal.mean(1).view(P, 1, 1) / m, 0.0)
        L, info = torch.linalg.cholesky_ex(S)

        def newton(g: Tensor, h: Tensor, W: Tensor = W, w: Tensor = w, V: Tensor = V, L: Tensor = L) -> Any:
            """du [P, n] and dv [P, m] of the right sides g and h."""
            right = h - (g.unsqueeze(1) @ V)[:, 0]
            dv = solve_triangular(L.mT, solve_triangular(L, right.unsqueeze(2), upper=False), upper=True)
            return (g - (W @ dv)[:, :, 0]) / w, dv[:, :, 0]

        TZ = T * Z
        mu = TZ.mean((1, 2), keepdim=True)
        du, dv = newton(a - kr * u, b - kc * v)  # the predictor's right sides collapse
        q = -(du.unsqueeze(2) + dv.unsqueeze(1)) * over  # dZ / Z; dT / T = -1 - q
        step = torch.minimum(
            1 / (1 + q.amax((1, 2), keepdim=True)).clamp_min(1), 1 / (-q.amin((1, 2), keepdim=True)).clamp_min(1)
        )
        q = q * (1 + q)
        ahead = (1 - step) * mu - step.square() * (TZ * q).mean((1, 2), keepdim=True)
        mu = torch.maximum((ahead / mu).clamp(0, 1) ** 3 * mu, floor)
        G = mu * over - T * (1 - q)
        du, dv = newton(a - T.sum(2) - kr * u - G.sum(2), b - T.sum(1) - kc * v - G.sum(1))
        dZ = -(du.unsqueeze(2) + dv.unsqueeze(1))
        dT = G - W * dZ
        most = torch.maximum(-(dT / T).amin((1, 2)), -(dZ * over).amin((1, 2)))
        step = _BACK / most.clamp_min(_BACK)
        step = torch.where((info == 0) & step.isfinite(), step, 0.0).view(P, 1)  # a failed factorisation stays put
        moves = step.unsqueeze(2) > 0
        T = torch.where(moves, T + step.unsqueeze(2) * dT, T)
        u = torch.where(moves[:, :, 0], u + step * du, u)
        v = torch.where(moves[:, :, 0], v + step * dv, v)
        ahead = C - u.unsqueeze(2) - v.unsqueeze(1)
        Z = torch.where(ahead > 0, ahead, Z * (1 - _BACK))
    total = T.sum(2, keepdim=True)
    return torch.where(hard.unsqueeze(2), T * (a / total), T), u, v
