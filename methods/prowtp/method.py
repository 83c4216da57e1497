"""ProWTP: representations calibrated by optimal transport to prototypes of the label's distribution (ICML 2025)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.functional import normalize

from datasets.schema import Rows, Schema
from methods.base import Batch, Fitted, Method
from methods.capabilities import Examined
from methods.prowtp import config, losses, transport
from methods.prowtp.inside import inside
from methods.prowtp.kmeans import instance_centres
from methods.prowtp.network import Plain, Prototyped
from methods.prowtp.stage_one import StageOne


class ProWTP(Method, Examined):
    """L = L_task + w_assign L_assign + beta L_compact (Eq. 33).

    Stage I (`stage_one.py`) turns the watch ratios y / d of each duration bucket into prototypes P, by a mixture for
    each bucket (`mixture.py`) and an HVQ-VAE (`codebook.py`). Stage II transports the batch's representations h to
    p = W_p P at the cosine cost 1 - h p, the prototypes' shares relaxed (`transport.py`, Eq. 8), and draws the softmax
    weights alpha = softmax(h p / tau) to the plan (`losses.py`). Prediction needs no transport: g(sum_k alpha_k p_k).

    No code was published, and the paper contradicts itself in places. What stands here, and why:

    - Eq. 12 prints the plan T as the weights in L_task. T is found by a solver from h and p alone, so no label would
      reach f: that reading (`literal`) does not learn. A.4 predicts by similarities, and A.12 says that T guides the
      learning of alpha. So alpha weighs the prototypes in training and prediction alike (`alpha`), and T, without
      gradient, is the target of L_assign and the members S_k+ of L_compact. `straight_through` has T forward and the
      gradient of alpha.
    - T's rows sum to 1/B, not 1/(CK) as the text says, so the pseudo-labels are B T; crumbs below 1e-4 are cut.
    - C is called a cosine distance while only h is normalised; here p is too, for C and alpha. g takes W_p P as it is:
      a mean of unit vectors would shrink to 0.
    - L_task is of the label in training standard deviations. In seconds it is some two thousand times that, so Eq. 33's
      weight of 1 for L_assign is about 0.0005 here (`printed` has every weight as printed and the label in seconds).
      Weights of 0.001 and 0.1 (`strong_alignment`) on validation rows:

          KuaiRand-Pure slice    MAE 23.42 +- 0.08 and 24.02 +- 0.30 s    XAUC .612 and .594    (3 and 5 seeds)
          KuaiRec, watch ratio   MAE .376 +- .001 and .399 +- .004        XAUC .740 and .718    (2 seeds each)

      so the default is 0.001. tau is not given: 0.03, 0.05, 0.1 and 0.2 ended at 24.5, 24.3, 24.4 and 23.5 s there
      (one seed, weight 0.1).
    - h is f(x) as TR has it, behind ReLU and dropout, so that cosines of h are never below 0. `linear_h` leaves both
      out. On the same rows, three and two seeds, it ends at an MAE of 23.88 +- 0.24 s and .372 +- .006 and an XAUC of
      .613 and .740: worse in the error of one, not told apart in the rest, so it is no default.
    - No label is in the cost of Eq. 8, nor in T: whatever the watch times of a batch are, T is the same. Transport
      draws together what f has put together already, a clustering without supervision, and which region of f's space
      goes to which prototype is decided by where they happen to lie. That prototypes anchor h to watch ratios is then
      up to L_task alone, through alpha and g, and it does that without alignment as well.
    - L_compact is a mean over pairs, not a sum, so that beta means the same for every batch, K and share.
    - lambda = rho CK; no value is given. w/o alignment there is no plan, hence neither L_assign nor L_compact; under
      `l2` alpha takes the plan's place in Eq. 10. w/o L_assign, T still chooses S_k+.
    - `ratio` has y / d for its target and predictions multiplied by d (A.1.2). Labels that are watch ratios themselves
      are taken as they are.
    - P is scaled to a mean square of 1, and is frozen but for W_p; under `random` it is trained.

    The output is g's, cut at 0 in prediction: a ReLU in training, as A.1.1 has it, can die.
    """

    name, title = "prowtp", "ProWTP"
    paper = "Calibrating Video Watch-Time Predictions with Credible Prototype Alignment, ICML 2025"
    tasks = ("watch_time",)
    fit_per_seed = True
    across_batch = True  # a plan is of a batch
    variants = config.VARIANTS
    space = {
        "lr": (1e-3, 1e-4, 1e-5),
        "beta": ("log", 1e-4, 0.2),
        "codes": (4, 8, 12, 16, 20, 24),
        "w_assign": ("log", 1e-4, 1.0),
        "tau": ("log", 0.03, 0.3),
        "rho": ("log", 0.003, 1.0),
    }

    Config = config.Config  # type: ignore[assignment]

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        reason = None
        if not schema.has_duration:
            reason = "ProWTP's prototypes are of watch ratios: rows of this dataset have no duration"
        elif schema.unit not in ("s", "ratio"):
            reason = f"ProWTP divides watch times by durations: labels of this dataset are in {schema.unit}"
        return super().supports(schema) or reason

    # Stage I

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        c, seed = self.config, int(rng.integers(2**31))
        assert train.label is not None
        assert train.duration is not None
        codes = None
        if c.prototypes == "kmeans":
            codes = instance_centres(train, count=c.count, dim=c.dim, hidden=c.hidden, seed=seed)
        return {"stage_one": StageOne(train.label, train.duration, c, seed, codes)}

    # Stage II

    def build(self, schema: Schema, fitted: Fitted) -> Plain | Prototyped:
        found = fitted["stage_one"].learned(schema.unit)
        return (Plain if self.config.prototypes == "none" else Prototyped)(schema, self.config, found)

    def lambdas(self, B: int, CK: int) -> tuple[Any, Any]:
        """The weights of the rows' and the prototypes' marginals; infinite where hard."""
        lam = self.config.rho * CK
        return {
            "suot": (math.inf, lam),
            "ot": (math.inf, math.inf),
            "uot": (self.config.rho_rows * B, lam),
        }[self.config.alignment]

    def plan(self, cost: Tensor) -> Tensor:
        """B T of cost [B, CK], without gradient: a row is a soft pseudo-label, under `uot` with less than all of it."""
        B, CK = cost.shape
        t = B * transport.solve(cost, *self.lambdas(B, CK), steps=self.config.steps, tolerance=transport.TRAINING).plan
        return losses.cleaned(t, renormalise=self.config.alignment != "uot")

    def weights(self, similarity: Tensor) -> Tensor:
        """log alpha (Eq. 34) of the cosines of h and p [B, CK]."""
        return (similarity / self.config.tau).log_softmax(1)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        c = self.config
        assert batch.label is not None
        y = batch.label / module.unit(batch)
        if c.prototypes == "none":
            return (module(batch)[:, 0] - y).square().mean()
        f, prototypes = module.backbone(batch), module.prototypes()
        h, p = normalize(f, dim=1), normalize(prototypes, dim=1)
        similarity = h @ p.T  # [B, CK]
        log_alpha = self.weights(similarity)
        alpha = log_alpha.exp()
        plan = alpha.detach() if c.alignment in ("l2", "none") else self.plan(1 - similarity.detach())

        if c.head == "plain":
            value = module.head(f)[:, 0]
        else:
            weights = {"alpha": alpha, "straight_through": plan + alpha - alpha.detach(), "literal": plan}[c.combine]
            value = module.value(weights, prototypes)
        loss = (value - y).square().mean()  # Eq. 12
        if c.alignment == "none":
            return loss
        if c.alignment == "l2":
            loss = loss + c.w_assign * losses.to_combination(h, alpha, p)
        else:
            loss = loss + c.w_assign * losses.assign(plan, log_alpha)
        count = round(c.percent / 100 * len(h))
        if count > 1:
            shared = losses.pairs(plan, count)
            loss = loss + c.beta * losses.compact(
                h[:count], shared, c.tau, prototypes=c.count, literal=c.literal_compact
            )
        return loss

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return (self.raw_value(module, batch) * module.unit(batch)).clamp_min(0)

    def raw_value(self, module: Any, batch: Batch) -> Tensor:
        """g's output, in units of the target [B]."""
        if self.config.prototypes == "none":
            return module(batch)[:, 0]
        if self.config.head == "plain":
            return module.head(module.backbone(batch))[:, 0]
        h, prototypes = module(batch)
        return module.value(self.weights(h @ normalize(prototypes, dim=1).T).exp(), prototypes)

    def examine(self, module: Any, batch: Batch, fitted: Fitted) -> Mapping[str, Any]:
        return inside(self, module, batch, fitted["stage_one"].found)
