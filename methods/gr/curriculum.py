"""GR Section 3.5.2: the probability p that a decoding step is fed the true token, and how it falls.

Appendix A.2.3 means omega by where p has fallen to about zero: 4600, 8500, 13000 and 17000 put p = 0.01 at epochs 4.9,
9.5, 14.9 and 19.9 of KuaiRec's 12,237 steps each. The same omega on a smaller dataset is no curriculum at all, so here
the end is given as `cl_end`, a fraction of the longest possible run, and omega follows from it.
"""

import math
from typing import Literal

import torch
from torch import Tensor

Schedule = Literal["sigmoid", "omega", "linear", "exponential", "constant", "teacher", "epoch"]
END = 0.01  # p at the end of the curriculum
_LOG_ODDS = math.log(1 / END - 1)


def eq7(tau: Tensor, omega: Tensor) -> Tensor:
    """Eq. 7 with p0 = 1: omega / (omega + exp(tau / omega)), as a sigmoid that cannot overflow."""
    return torch.sigmoid(omega.log() - tau / omega)


def end_of(omega: float) -> float:
    """The step at which Eq. 7 falls to END: omega (ln omega + ln 99)."""
    return omega * (math.log(omega) + _LOG_ODDS)


def omega_of(end: Tensor) -> Tensor:
    """The omega whose curriculum ends at this step, at least 1: the inverse of `end_of`.

    With u = ln(99 omega), u + ln u = ln(99 end) =: a, whose left side is concave: Newton's steps from u = a rise to the
    root. Four reach double precision, where bisection would cost a hundred operations at every training step.
    """
    end = end.clamp_min(1)
    a = end.log() + _LOG_ODDS
    u = a
    for _ in range(4):
        u = u * (1 + a - u.log()) / (1 + u)
    return (u - _LOG_ODDS).exp()


def probability(
    schedule: Schedule,
    step: Tensor,
    progress: Tensor,
    *,
    cl_end: Tensor,
    omega: Tensor,
    p: Tensor,
    epoch_steps: Tensor,
) -> Tensor:
    """p at this step, 0-d. step: the optimiser's; progress: step / the steps of the longest possible run.

    sigmoid: Eq. 7 down to END at cl_end. omega: Eq. 7 with this omega. linear, exponential (Table 5 e, f; undefined in
    the paper): 1 - x and END^x, x = progress / cl_end. constant: p (Table 5 g, h). teacher: 1 (Table 5 c). epoch: the
    released code's, which restarts its counter with every epoch and so is 0.5 at an epoch's first step, 0 elsewhere.
    """
    if schedule == "omega":
        return eq7(step.to(progress.dtype), omega)
    if schedule == "constant":
        return p
    if schedule == "teacher":
        return torch.ones_like(progress)
    if schedule == "epoch":
        return 0.5 * (step.remainder(epoch_steps) == 0).to(progress.dtype)
    x = progress / cl_end.clamp_min(1e-9)
    if schedule == "linear":
        return (1 - x).clamp_min(0)
    if schedule == "exponential":
        return END**x
    # the run's length is not given, but follows from any step but the first, where p is about 1 for any long run
    steps = torch.where(progress > 0, step / progress.clamp_min(1e-12), 1e5)
    log_omega = omega_of(cl_end * steps).log()
    return torch.sigmoid(log_omega - x * (log_omega + _LOG_ODDS))  # Eq. 7: tau / omega = x (ln omega + ln 99)
