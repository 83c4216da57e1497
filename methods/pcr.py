"""PCR: the play completion rate y / d, learned and multiplied by the duration."""

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor
from torch.nn.functional import softplus

from datasets.schema import Schema
from methods._seconds import Timed
from methods.backbone import BackboneConfig
from methods.base import Batch, Fitted, Method


class PCR(Method):
    """Squared error of softplus(s) and y / d, value softplus(s) d. Given x, with d among it, that is right on average.

    CWM's baseline has a sigmoid, for its labels end at the duration. Here they include replays (12 % of the rows of
    KuaiRand, 25 % of KuaiRec's), which a sigmoid can never predict, so softplus stands in: positive, no ceiling, and
    linear where rates are large. Variant `sigmoid` is the released one, of min(y / d, 1).

    A rate has no unit and is near 1, so nothing is scaled. Where labels already are ratios, this is plain regression.
    """

    title = "PCR"
    paper = "baseline of Zhao et al., KDD 2024"
    tasks = ("watch_time",)
    variants = {"sigmoid": {"link": "sigmoid"}}
    space = {"lr": (1e-3, 5e-4, 1e-4)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """How a score becomes a rate."""

        link: Literal["softplus", "sigmoid"] = "softplus"

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        reason = None if schema.has_duration else "PCR needs a duration; rows of this dataset have none"
        return super().supports(schema) or reason

    def build(self, schema: Schema, fitted: Fitted) -> Timed:
        return Timed(schema, self.config)

    def rate(self, module: Any, batch: Batch) -> Tensor:
        """The predicted completion rate, [B]."""
        s = module(batch)[:, 0]
        return softplus(s) if self.config.link == "softplus" else s.sigmoid()

    def loss(self, module: Any, batch: Batch) -> Tensor:
        assert batch.label is not None
        target = batch.label / module.length(batch.duration)
        if self.config.link == "sigmoid":
            target = target.clamp_max(1)
        return (self.rate(module, batch) - target).square().mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        return self.rate(module, batch) * module.length(batch.duration)
