"""Generative Regression (GR): predict a value token by token; the tokens' sum is the value (Ma et al., 2024)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Rows, Schema
from methods.backbone import LARGE, Backbone, BackboneConfig
from methods.base import Batch, Fitted, Method
from methods.gr import vocabulary
from methods.gr.curriculum import Schedule, probability
from methods.gr.decoder import Recurrent, unroll
from methods.gr.transformer import Transformer
from methods.gr.values import before_end, huber, mixup, near, released_value, soft_value


class Network(nn.Module):
    """Encoder and decoder, and what is known of the tokens."""

    def __init__(self, schema: Schema, config: Any, fitted: Fitted) -> None:
        super().__init__()
        words = fitted["vocabulary"]
        self.length, classes = fitted["length"], 1 + len(words.units)
        self.backbone = Backbone(schema, config)
        if config.decoder == "transformer":
            self.decoder: nn.Module = Transformer(classes, self.backbone.out, config.width, config.dropout)
        else:
            self.decoder = Recurrent(config.decoder, classes, self.backbone.out, config.width, condition=config.condition)
        self.register_buffer("ids", torch.arange(classes) + vocabulary.EOS)
        self.register_buffer("value", torch.from_numpy(np.concatenate([[0.0], words.values])))  # g, 0 for EOS
        self.register_buffer("scale", fitted["scale"] if schema.task == "ltv" else torch.tensor(1.0))
        self.register_buffer("rows", torch.tensor(fitted["rows"]))


class GR(Method):
    """doc"""

    name, title = "gr", "GR"

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """c"""

        decoder: Literal["lstm", "gru", "rnn", "transformer"] = "lstm"
        width: int = 64
        condition: bool = True
        words: Literal["dynamic", "binary", "manual"] = "dynamic"
        unit: float = 0.0
        decay: float = 0.99
        eps: float = 1e-6
        q_start: float = 0.9999
        q_end: float = 0.9
        shortest: bool = False
        rel_tol: float = 0.0
        cap: int = 32
        w_ce: float = 1.0
        w_huber: float = 10.0
        delta: float = 1.0
        mixup: Literal["window", "all", "none"] = "window"
        window: float = 0.5
        value: Literal["window", "released"] = "window"
        value_window: float = 0.5
        schedule: Schedule = "sigmoid"
        cl_end: float = 1.0
        omega: float = 17000.0
        p: float = 0.5
        sampling: Literal["sample", "batch"] = "sample"
        readout: Literal["soft", "argmax"] = "soft"

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        y, c = train.label, self.config
        assert y is not None
        unit = c.unit or vocabulary.unit_of(y)
        if c.words == "dynamic":
            words = vocabulary.dynamic_quantile(y, unit, decay=c.decay, eps=c.eps, q_start=c.q_start, q_end=c.q_end)
        else:
            words = {"binary": vocabulary.binary, "manual": vocabulary.manual}[c.words](y, unit)
        longest = words.encode(y, c.cap, shortest=c.shortest, rel_tol=c.rel_tol).shape[1]
        scale = torch.tensor(max(float(y.std()), 1e-6))
        return {"vocabulary": words, "length": longest, "scale": scale, "rows": len(y)}

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        assert rows.label is not None
        c, T = self.config, fitted["length"]
        tokens = fitted["vocabulary"].encode(rows.label, T, shortest=c.shortest, rel_tol=c.rel_tol)
        return {"tokens": torch.from_numpy(np.pad(tokens, ((0, 0), (0, T - tokens.shape[1]))))}

    def build(self, schema: Schema, fitted: Fitted) -> Network:
        return Network(schema, self.config, fitted)

    def weights(self, module: Network, logits: Tensor) -> Tensor:
        centre = logits.detach().argmax(-1, keepdim=True)
        if self.config.mixup == "all":
            return logits.softmax(-1)
        b = self.half(module, self.config.window)
        if self.config.mixup == "none":
            return (torch.arange(logits.shape[-1], device=logits.device) == centre).to(logits.dtype)
        return mixup(logits, centre, b)

    def half(self, module: Network, fraction) -> Tensor:
        return torch.floor(torch.round(fraction * (len(module.value) - 1)) / 2)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        c, tokens = self.config, batch.targets["tokens"]
        h = module.backbone(batch)
        truth = tokens.unsqueeze(-1) == module.ids  # [B, T, C]
        true = truth.to(h.dtype)
        B, T = tokens.shape
        p = probability(c.schedule, batch.step, batch.progress, cl_end=c.cl_end, omega=c.omega, p=c.p,
                        epoch_steps=(module.rows + B - 1) // B)
        if T > 1:
            keep = batch.draws.uniform((B if c.sampling == "sample" else 1, T - 1)) < p
        if c.decoder == "transformer":
            given = true[:, :-1]
            if c.schedule != "teacher" and T > 1:
                mixed = self.weights(module, module.decoder(h, given)[:, :-1])
                given = torch.where(keep.unsqueeze(-1), given, mixed)
            logits = module.decoder(h, given)
        else:
            def feed(t, row):
                return torch.where(keep[:, t : t + 1], true[:, t], self.weights(module, row))
            logits = unroll(module.decoder, h, T, feed)
        ce = -(logits.log_softmax(-1) * true).sum((1, 2)).mean()
        b = self.half(module, c.value_window)
        v = soft_value(logits, module.value, b) if c.value == "window" else released_value(logits, module.value, b)
        error = (v * (tokens > 0)).sum(1) - batch.label
        return c.w_ce * ce + c.w_huber * huber(error / module.scale, c.delta).mean()

    def predict(self, module: Any, batch: Batch) -> Tensor:
        h = module.backbone(batch)
        logits = unroll(module.decoder, h, module.length, lambda t, row: self.weights(module, row))
        tokens = logits.argmax(-1)
        b = self.half(module, self.config.value_window)
        v = soft_value(logits, module.value, b)
        return (v * before_end(tokens)).sum(1)
