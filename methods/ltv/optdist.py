"""OptDist: several sub-distributions and a network that picks one of them for each customer (Weng et al. 2024)."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Rows, Schema
from methods.base import Batch, Fitted, Method
from methods.ltv._towers import RATES, Heads, Inputs, TowerConfig, Towers, facts, start_at
from methods.ltv.ziln import capped_mean, start_logits, ziln_loss

STEEPEST = 50.0  # losses beyond it count as it in the soft pseudo label: one badly fitted row is no reason for log 0


class Distributions(nn.Module):
    """DLM: L towers, each with the three logits of a ZILN. DSM: a tower that scores them. One embedding for all."""

    largest: Tensor

    def __init__(self, schema: Schema, config: Any, fitted: Fitted) -> None:
        super().__init__()
        L = config.distributions
        self.inputs = Inputs(schema, config.dim)
        self.learn = Towers(L, self.inputs.width, config.hidden)
        self.select = Towers(1, self.inputs.width, config.hidden)
        self.theta = Heads(L, self.learn.out, 3)
        self.alpha = nn.Linear(self.select.out, L)
        start = np.tile(start_logits(fitted), (L, 1))  # [L, 3]
        start[:, 1] += fitted["log_std"] * np.linspace(-0.5, 0.5, L)  # apart, or they would learn the same
        start_at(self.theta, start)
        start_at(self.alpha, np.zeros(L))
        self.register_buffer("largest", torch.tensor(fitted["largest"]))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """ZILN logits [B, L, 3] and log alpha [B, L]."""
        x = self.inputs(batch)
        return self.theta(self.learn(x)), torch.log_softmax(self.alpha(self.select(x).squeeze(1)), 1)


class OptDist(Method):
    """L ZILN sub-distributions (DLM), a softmax alpha over them (DSM), and pseudo labels that align the two.

    Training picks pi = Gumbel-softmax(log alpha / tau), one-hot forward and soft backward, and pays the loss of the
    picked one, sum_i pi_i loss_i. Alignment: y^p is one-hot at the least loss, y^w = softmax(-loss), both without
    gradient; L = L_DLM + focal-CE(alpha, y^p) + lambda KL(alpha || y^w). Prediction: the mean of the likeliest
    sub-distribution, without noise.

    On validation rows the loss is that of the likeliest sub-distribution, the one that will be predicted: others nearly
    like it take turns in being the best by a little, and alignment would stop the training at their luck.

    No code is public and summaries leave open: tau, lambda and the focal exponent (1, 0.1 and 2 here; tuned), whether
    alpha or the noisy pi is aligned (`align`), and the direction of KL (`kl`). Each head starts at the training labels'
    own rate, location and scale, the locations spread over one standard deviation; without it one sub-distribution is
    picked for everybody. The prediction is capped as ZILN's.
    Pseudo labels read y, so a sub-distribution may come to stand for "zero" and be the likeliest for most rows, which
    shrinks predictions and MAE: look at the predicted / actual mean. Variant `expectation` is sum_i alpha_i mean_i.
    """

    title = "OptDist"
    paper = "Weng et al., CIKM 2024; GR Table 6"
    tasks = ("ltv",)
    variants = {"expectation": {"decode": "expectation"}}
    space = {"lr": RATES, "distributions": (3, 4, 5), "tau": (0.1, 0.5, 1.0), "w_kl": (0.01, 0.1, 1.0)}

    @dataclass(frozen=True)
    class Config(TowerConfig):
        """The sub-distributions, their selection and its alignment."""

        distributions: int = 4  # L
        tau: float = 1.0
        focal: float = 2.0  # exponent
        w_kl: float = 0.1  # lambda
        align: Literal["alpha", "pi"] = "alpha"
        kl: Literal["forward", "reverse"] = "forward"  # KL(alpha || y^w) or KL(y^w || alpha)
        decode: Literal["hard", "expectation"] = "hard"
        sigma_max: float = 5.0  # of a prediction
        cap: float = 10.0  # on a prediction, in largest training labels

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        assert train.label is not None
        return facts(train.label)

    def build(self, schema: Schema, fitted: Fitted) -> Distributions:
        return Distributions(schema, self.config, fitted)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        assert batch.draws is not None
        theta, log_alpha = module(batch)
        losses = ziln_loss(theta, batch.label.unsqueeze(1).expand(log_alpha.shape))  # [B, L]
        if not module.training:
            return (one_hot(log_alpha) * losses).sum(1).mean()
        u = batch.draws.uniform(log_alpha.shape).clamp(1e-7, 1 - 1e-7)
        log_soft = torch.log_softmax((log_alpha - (-u.log()).log()) / self.config.tau, 1)  # of the noisy pi
        soft = log_soft.exp()
        pi = one_hot(soft) + soft - soft.detach()  # straight through
        aligned = self.alignment(log_alpha if self.config.align == "alpha" else log_soft, losses.detach())
        return ((pi * losses).sum(1) + aligned).mean()

    def alignment(self, log_a: Tensor, losses: Tensor) -> Tensor:
        """Focal cross-entropy with the hard pseudo label and lambda KL with the soft one. Both [B, L] -> [B]."""
        c = self.config
        log_p = (one_hot(-losses) * log_a).sum(1)
        focal = -((1 - log_p.exp()).clamp_min(1e-12) ** c.focal) * log_p  # x^gamma has no slope at 0 for gamma < 1
        log_w = torch.log_softmax(-losses.clamp_max(STEEPEST), 1)
        kl = log_a.exp() * (log_a - log_w) if c.kl == "forward" else log_w.exp() * (log_w - log_a)
        return focal + c.w_kl * kl.sum(1)

    def predict(self, module: Any, batch: Batch) -> Tensor:
        c, (theta, log_alpha) = self.config, module(batch)
        mean = capped_mean(theta, sigma_max=c.sigma_max, cap=c.cap * module.largest)  # [B, L]
        weight = log_alpha.exp() if c.decode == "expectation" else one_hot(log_alpha)
        return (weight * mean).sum(1)


def one_hot(score: Tensor) -> Tensor:
    """1 at each row's highest score (the first of equal ones), else 0. [B, L] -> [B, L]."""
    return (torch.arange(score.shape[1], device=score.device) == score.argmax(1, keepdim=True)).to(score.dtype)
