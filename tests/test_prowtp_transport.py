"""Transport plans: against quadratic programming (Clarabel), network simplex and regularisation paths (POT), and closed
forms; on ties, duplicates, constant costs, tiny and huge lambda."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.bench.solvers import by_clarabel
from methods.prowtp import host, transport
from methods.prowtp.transport import Solution, gap, objective, ot, solve, suot, uot

INF = math.inf


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def cosine(n: int, m: int, seed: int = 0) -> Tensor:
    return 1 - unit(random(n, 8, seed=seed)) @ unit(random(m, 8, seed=seed + 1)).T


def curve(t: Tensor) -> Tensor:
    """Points near a line, as the prototypes of a one-dimensional label are."""
    return unit(torch.stack([torch.cos(t * k) for k in range(1, 9)], -1))


def problem(name: str, n: int = 60, m: int = 12) -> Tensor:
    C = cosine(n, m)
    line = torch.linspace(0, 1, n, dtype=torch.float64), torch.linspace(0, 1, m, dtype=torch.float64)
    return {
        "random": C,
        "fewer rows than columns": cosine(7, 20),
        "ties": (C * 10).round() / 10,
        "identical prototypes": torch.cat([C[:, :4], C[:, :1].expand(-1, m - 4)], 1),
        "half of the rows identical": torch.cat([C[: n // 2], C[:1].expand(n - n // 2, -1)]),
        "all rows identical": C[:1].expand(n, -1),
        "constant": torch.full_like(C, 0.75),
        "zero": torch.zeros_like(C),
        "negative": -C,
        "a line": 1 - curve(line[0]) @ curve(line[1]).T,
        "large": 1e5 * C,
        "one column": C[:, :1],
        "one row": C[:1],
    }[name]


NAMES = ("random", "fewer rows than columns", "ties", "identical prototypes", "half of the rows identical",
         "all rows identical", "constant", "zero", "negative", "a line", "large", "one column", "one row")  # fmt: skip
LAMBDAS = {
    "OT": (INF, INF),
    **{f"SUOT {lam:g}": (INF, lam) for lam in (1e-6, 0.1, 1.2, 12.0, 1e4)},
    "UOT": (30.0, 1.2),
    "UOT, one lambda": (20.0, 20.0),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", LAMBDAS)
def test_the_optimum_is_a_quadratic_solvers(name: str, kind: str) -> None:
    C, (lam_rows, lam) = problem(name), LAMBDAS[kind]
    solution = solve(C, lam_rows, lam)
    value = float(objective(C, solution.plan, lam_rows, lam))
    best = by_clarabel(C, lam_rows, lam)
    assert value == pytest.approx(best, rel=2e-8, abs=2e-8 * float(C.abs().max()) + 1e-10)
    assert float(gap(C, solution, lam_rows, lam)) < 1e-8 or abs(value) < 1e-10


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", LAMBDAS)
def test_plans_are_feasible_and_training_settings_reach_a_millionth(name: str, kind: str) -> None:
    C, (lam_rows, lam) = problem(name), LAMBDAS[kind]
    for solution in (solve(C, lam_rows, lam), solve(C, lam_rows, lam, steps=25, tolerance=transport.TRAINING)):
        T = solution.plan
        assert torch.isfinite(T).all() and (T >= 0).all()
        if math.isinf(lam_rows):
            assert (T.sum(1) - 1 / len(T)).abs().max() < 1e-12
        if math.isinf(lam):
            assert (T.sum(0) - 1 / T.shape[1]).abs().max() < 1e-6
        value = float(objective(C, T, lam_rows, lam))
        assert float(gap(C, solution, lam_rows, lam)) < 1e-6 or abs(value) < 1e-10


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", LAMBDAS)
def test_both_forms_of_the_solver_agree(name: str, kind: str) -> None:
    """Compiled loops, and the torch operations that a GPU runs."""
    C, (lam_rows, lam) = problem(name), LAMBDAS[kind]
    kappas = [transport._softness(x, C).view(1) for x in (lam_rows, lam)]
    values = []
    for form in (host.interior_point, transport.interior_point):
        T, u, v = (x[0] for x in form(C.unsqueeze(0), *kappas, 60, 1e-12))
        assert torch.isfinite(T).all() and torch.isfinite(u).all() and torch.isfinite(v).all()
        values.append(float(objective(C, T, lam_rows, lam)))
    assert values[0] == pytest.approx(values[1], rel=1e-8, abs=1e-8 * float(C.abs().max()) + 1e-10)


@pytest.mark.parametrize("name", ["random", "ties", "identical prototypes", "a line"])
def test_balanced_transport_is_the_network_simplexs(name: str) -> None:
    import ot as pot

    C = problem(name)
    T = ot(C)
    share = [np.full(size, 1 / size) for size in C.shape]
    assert float((C * T).sum()) == pytest.approx(pot.emd2(*share, C.numpy()), rel=1e-8)


@pytest.mark.parametrize("lam", [0.3, 2.0, 20.0])
def test_the_regularisation_path_agrees_where_there_are_no_ties(lam: float) -> None:
    """POT relaxes the first marginal: arguments swapped and transposed, gamma = 1 / (2 lambda)."""
    import ot as pot

    C = cosine(20, 6)
    a, b = np.full(20, 1 / 20), np.full(6, 1 / 6)
    path, _, _ = pot.regpath.regularization_path(b, a, C.T.numpy(), reg=1 / (2 * lam), semi_relaxed=True)
    theirs = torch.from_numpy(path.reshape(6, 20).T.copy())
    ours = suot(C, lam)
    assert float(objective(C, ours, INF, lam)) == pytest.approx(float(objective(C, theirs, INF, lam)), rel=1e-7)


def test_a_constant_cost_has_uniform_columns_and_costs_itself() -> None:
    T = suot(torch.full((9, 4), 0.3, dtype=torch.float64), 0.7)
    torch.testing.assert_close(T.sum(0), torch.full((4,), 0.25, dtype=torch.float64))
    assert float(T.sum()) * 0.3 == pytest.approx(0.3)


@pytest.mark.parametrize("lam", [0.05, 0.3, 4.0])
def test_one_row_and_two_columns_solve_a_quadratic_in_one_unknown(lam: float) -> None:
    C = torch.tensor([[0.2, 0.5]], dtype=torch.float64)
    first = min(max(0.5 + (0.5 - 0.2) / (4 * lam), 0), 1)  # d/ds of .2 s + .5 (1 - s) + 2 lam (s - 1/2)^2
    torch.testing.assert_close(suot(C, lam), torch.tensor([[first, 1 - first]], dtype=torch.float64), atol=1e-9, rtol=0)


def test_a_tiny_lambda_is_the_nearest_prototype_and_a_huge_one_is_balanced() -> None:
    C = cosine(60, 12)
    nearest = suot(C, 1e-7)
    assert torch.equal(nearest.argmax(1), C.argmin(1)) and (nearest.max(1).values * 60 > 1 - 1e-6).all()
    assert float((C * suot(C, 1e7)).sum()) == pytest.approx(float((C * ot(C)).sum()), rel=1e-6)


def test_unbalanced_transport_below_its_threshold_moves_nothing() -> None:
    C = 0.5 + cosine(40, 8).abs()
    assert float(uot(C, 1.0).sum()) < 1e-6  # 2 (1/40 + 1/8) < 1/2
    assert 0.5 < float(uot(C, 1.0, 80.0).sum()) <= 1 + 1e-9


@pytest.mark.parametrize("kind", LAMBDAS)
def test_many_at_once_equal_one_by_one_with_a_lambda_each(kind: str) -> None:
    C = torch.stack([cosine(30, 6, seed) for seed in range(6)]).view(2, 3, 30, 6)
    lam_rows, lam = LAMBDAS[kind]
    each = lam * (1 + 0.1 * torch.arange(6, dtype=torch.float64).view(2, 3))
    whole = solve(C, lam_rows, each)
    looped = solve(C[1, 2], lam_rows, each[1, 2])
    assert whole.plan.shape == (2, 3, 30, 6) and whole.u.shape == (2, 3, 30) and whole.v.shape == (2, 3, 6)
    assert torch.equal(whole.plan[1, 2], looped.plan)
    gaps = gap(C, whole, lam_rows, each)
    assert gaps.shape == (2, 3) and (gaps < 1e-8).all()


@pytest.mark.parametrize("kind", LAMBDAS)
def test_it_maps_over_replicas(kind: str) -> None:
    C = torch.stack([cosine(30, 6, seed) for seed in range(4)])
    lam_rows, lam = LAMBDAS[kind]
    each = torch.full((4,), lam, dtype=torch.float64)
    mapped = torch.func.vmap(lambda c, x: solve(c, lam_rows, x).plan)(C, each)
    assert torch.equal(mapped, solve(C, lam_rows, lam).plan)
    shared = torch.func.vmap(lambda x: solve(C[0], lam_rows, x).plan)(each)
    assert torch.equal(shared[3], mapped[0])


def test_it_keeps_the_costs_precision_and_carries_no_gradient() -> None:
    C = cosine(10, 4).float().requires_grad_()
    T = suot(C, 1.0)
    assert T.dtype == torch.float32 and not T.requires_grad


def test_the_gap_certifies() -> None:
    """It bounds how far any plan is from the optimum, also one that is not optimal."""
    C = cosine(40, 8)
    best, rough = solve(C, INF, 1.0), solve(C, INF, 1.0, steps=5, tolerance=1e-3)
    off = float(objective(C, rough.plan, INF, 1.0) / objective(C, best.plan, INF, 1.0)) - 1
    assert 0 <= off <= float(gap(C, rough, INF, 1.0)) + 1e-12
    nothing = Solution(torch.full_like(C, 1 / 320), best.u, best.v)
    assert float(gap(C, nothing, INF, 1.0)) > 0.01


@pytest.mark.parametrize("shape", [(3,), (0, 4), (4, 0)])
def test_a_cost_without_rows_or_columns_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        suot(torch.zeros(shape), 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["OT", "SUOT 0.1", "SUOT 12", "UOT"])
def test_the_papers_size(kind: str) -> None:
    C = 1 - unit(random(512, 64)) @ unit(random(80, 64, seed=1)).T
    lam_rows, lam = LAMBDAS[kind]
    solution = solve(C, lam_rows * 512 / 30, lam)
    assert float(gap(C, solution, lam_rows * 512 / 30, lam)) < 1e-10
