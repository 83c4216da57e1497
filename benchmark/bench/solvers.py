"""A general solver of the transport problems, which plans are compared with. Needs clarabel, of the extra `dev`."""

import math

import numpy as np
from torch import Tensor


def by_clarabel(C: Tensor, lam_rows: float, lam: float, tolerance: float = 1e-11) -> float:
    """The optimum of the same problem as a quadratic program in (T, r, s), r and s the marginals."""
    import clarabel
    from scipy import sparse

    n, m = C.shape
    rows = sparse.kron(sparse.eye(n), np.ones((1, m)))
    columns = sparse.kron(np.ones((1, n)), sparse.eye(m))
    soft = np.concatenate(
        [np.full(n, 0.0 if math.isinf(lam_rows) else lam_rows), np.full(m, 0.0 if math.isinf(lam) else lam)]
    )
    share = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    P = sparse.block_diag([sparse.csc_matrix((n * m, n * m)), sparse.diags(2 * soft)], format="csc")
    q = np.concatenate([C.numpy().ravel(), -2 * soft * share])
    definition = sparse.hstack([sparse.vstack([rows, columns]), -sparse.eye(n + m)])
    hard = [np.arange(n)] * math.isinf(lam_rows) + [n + np.arange(m)] * math.isinf(lam)
    if len(hard) == 2:
        hard[1] = hard[1][1:]  # one of OT's constraints follows from the others
    fixed = np.concatenate(hard).astype(int) if hard else np.zeros(0, int)
    pick = sparse.eye(n + m, format="csr")[fixed]
    equal = sparse.vstack([definition, sparse.hstack([sparse.csr_matrix((len(fixed), n * m)), pick])])
    positive = sparse.hstack([-sparse.eye(n * m), sparse.csr_matrix((n * m, n + m))])
    A = sparse.vstack([equal, positive]).tocsc()
    b = np.concatenate([np.zeros(n + m), share[fixed], np.zeros(n * m)])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    cones = [clarabel.ZeroConeT(equal.shape[0]), clarabel.NonnegativeConeT(n * m)]
    found = clarabel.DefaultSolver(P, q, A, b, cones, settings).solve()
    return found.obj_val + float((soft * share**2).sum())
