"""Generative Regression (GR): predict a value token by token; the tokens' sum is the value (Ma et al., 2024)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Rows, Schema
from methods.base import Batch, Fitted, Method
from methods.capabilities import LEVELS, Distribution, Examined
from methods.gr import config, vocabulary
from methods.gr.curriculum import probability
from methods.gr.decoder import unroll
from methods.gr.generate import beam_search, greedy, sample, total
from methods.gr.inside import inside
from methods.gr.network import Network
from methods.gr.packing import broken, needed, packed, row_sums, survival
from methods.gr.values import before_end, huber, mixup, released_value, soft_value, spread

_VOCABULARIES = {"binary": vocabulary.binary, "manual": vocabulary.manual}
_SAMPLES = 64  # sequences a row behind `GR.quantiles`
_RARE = 1e-3  # training rows that are longer than its samples


class GR(Method, Distribution, Examined):
    """A label's tokens by cross-entropy, their soft value by Huber's loss: L = w_ce L_ce + w_huber L_huber (Eq. 6).

    The decoder is fed, step by step, the true token with probability p and else the embedding mixup of what it has just
    predicted.

    The paper (arXiv v2) leaves much open and its released code (snailma0229/GR) does otherwise in a dozen places. The
    variants `paper` and `code` hold the two readings; the default is the paper's with the encoder and width that all
    methods here share, and the soft read-out. The training protocol is the dataset's. Each file says what it resolves:
    the vocabulary's units, the curriculum's end, the sign of Eq. 9, the soft value. Besides:

    - Both losses are a mean over the batch of a sum over steps, so lambda does not depend on the batch size. L_ce is of
      the true tokens and EOS, given whatever was fed. The paper puts the 10 on L_huber, the code on L_ce.
    - L_huber is of the soft value, for an argmax has no gradient, against the label itself. Neither its unit nor delta
      is given. In seconds, lambda = 10 drowns L_ce: tokens then only serve the soft value, and their argmax predicts
      worse than a constant on the synthetic world (`label-scale`). Here errors are in training standard deviations.
    - True or predicted input is drawn for each row and step. The released code draws for a whole batch, and reads each
      batch twice: pass 2 is fed with what pass 1, all true tokens, predicted. The Transformer is trained in this way.
    - The output layer's bias starts at the training tokens' log frequencies. All tokens alike would start each value at
      the sum of T means of the vocabulary, many times the labels, and it would take epochs to come down from there.
    - Read-out: the paper sums the argmax tokens, which makes predictions discrete and tied; the released code sums the
      soft values, to the first EOS inclusive. `soft` is the default, `argmax` a variant.
    - `code` is without what the release learns from test rows (vocabulary, scaling, choice of epoch), its decay of the
      embeddings alone, and its uniform initialisation.

    Early stopping cuts a run before p has fallen, for progress is measured on the longest possible run.
    """

    name, title = "gr", "GR"
    paper = "Ma et al., Sequence Generation Modeling for Continuous Value Prediction, arXiv 2412.20211"
    variants = config.VARIANTS
    space = {
        "lr": (3e-3, 1e-3, 5e-4, 1e-4),
        "w_huber": (1.0, 10.0, 100.0),
        "delta": (0.02, 0.1, 1.0),
        "cl_end": (0.25, 0.5, 0.75, 1.0),
    }

    Config = config.Config  # type: ignore[assignment]

    def fit(self, train: Rows, rng: np.random.Generator) -> Fitted:
        y, c = train.label, self.config
        assert y is not None
        unit = c.unit or vocabulary.unit_of(y)
        if c.tokens == "dynamic":
            words = vocabulary.dynamic_quantile(y, unit, decay=c.decay, eps=c.eps, q_start=c.q_start, q_end=c.q_end)
        else:
            words = _VOCABULARIES[c.tokens](y, unit)
        tokens = self.encoded(words, y, c.cap)
        count = np.bincount(tokens[tokens != vocabulary.PAD] - vocabulary.EOS, minlength=1 + len(words.values)) + 1
        return {
            "vocabulary": words,
            "survival": survival(tokens),  # P(longer than t), t = 0 to T - 1
            "frequency": torch.from_numpy(count / count.sum()),  # of EOS and the numeric tokens [K+1]
            "scale": torch.tensor(spread(y)),
            "rows": len(y),
        }

    def encoded(self, words: vocabulary.Vocabulary, y: np.ndarray, cap: int) -> np.ndarray:
        """Token ids [n, <= cap]."""
        return words.encode(y, cap, shortest=self.config.shortest, rel_tol=float(self.config.rel_tol))

    def targets(self, fitted: Fitted, rows: Rows) -> Mapping[str, Tensor]:
        """Token ids int16 [n, T]; two bytes, for a large table has ten of them a row."""
        assert rows.label is not None
        T = len(fitted["survival"])
        tokens = self.encoded(fitted["vocabulary"], rows.label, T)
        return {"tokens": torch.from_numpy(np.pad(tokens, ((0, 0), (0, T - tokens.shape[1]))))}

    def build(self, schema: Schema, fitted: Fitted) -> Network:
        return Network(schema, self.config, fitted)

    def probability(self, step: Tensor, progress: Tensor, epoch_steps: Tensor) -> Tensor:
        """p, with which a decoding step is fed the true token, 0-d."""
        c = self.config
        return probability(c.schedule, step, progress, cl_end=c.cl_end, omega=c.omega, p=c.p, epoch_steps=epoch_steps)

    def half_window(self, module: Network, part: Any) -> Tensor:
        """b = floor(n_w / 2), 0-d."""
        return ((part * module.numeric).round() / 2).floor()

    def mix(self, module: Network, logits: Tensor, centre: Tensor) -> Tensor:
        """The weights of the next input's token embeddings (Eq. 8, 9) [..., C]. centre: the chosen token [..., 1]."""
        if self.config.mixup == "all":
            return logits.softmax(-1)
        if self.config.mixup == "none":
            return (torch.arange(logits.shape[-1], device=logits.device) == centre).to(logits.dtype)
        return mixup(logits, centre, self.half_window(module, self.config.window))

    def soft(self, module: Network, logits: Tensor) -> Tensor:
        """The soft value of each step. logits: [..., C]."""
        b = self.half_window(module, self.config.value_window)
        return (released_value if self.config.value == "released" else soft_value)(logits, module.value, b)

    def logits(self, module: Network, batch: Batch, h: Tensor, truth: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        """Of each step under the curriculum, [size, C]. h: [B, hidden]; truth: the one-hot tokens [B, T, C]."""
        c, (B, T, _) = self.config, truth.shape
        p = self.probability(batch.step, batch.progress, -(-module.rows // B))
        true = None  # whether the next input is, [B or 1, T-1, 1]
        if c.schedule != "teacher" and T > 1:
            assert batch.draws is not None
            true = batch.draws.uniform((B if c.sampling == "sample" else 1, T - 1, 1)) < p

        def feed(t: int, row: Tensor) -> Tensor:
            known = truth[: len(row), t]
            if true is None:
                return known
            return torch.where(true[: len(row), t], known, self.mix(module, row, row.detach().argmax(-1, keepdim=True)))

        if c.decoder != "transformer":
            return unroll(module.decoder, h, sizes, feed)
        inputs = truth[:, :-1]
        if true is not None:
            rows = [row[:size] for row, size in zip(module.decoder.steps(h, inputs, sizes), sizes[1:], strict=False)]
            inputs = torch.stack([torch.cat([feed(t, row), truth[len(row) :, t]]) for t, row in enumerate(rows)], dim=1)
        return module.decoder.steps(h, inputs, sizes)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        c, tokens, h = self.config, batch.targets["tokens"], module.backbone(batch)
        assert batch.label is not None
        B, T = tokens.shape
        order = (
            (tokens != vocabulary.PAD).sum(1).argsort(descending=True, stable=True)
        )  # rows by length, the longest first
        tokens, h, label = tokens[order], h[order], batch.label[order]
        sizes = needed(module.survival, B) if module.training else (B,) * T  # validation rows come in any order
        truth = (tokens.unsqueeze(-1) == module.ids).to(h.dtype)  # [B, T, C]; PAD is in no class
        logits = torch.cat(self.logits(module, batch, h, truth, sizes))  # [sum of sizes, C]
        l_ce = -(logits.log_softmax(-1) * packed(truth, sizes)).sum() / B  # Eq. 4
        value = row_sums(self.soft(module, logits) * (packed(tokens, sizes) != vocabulary.PAD), sizes)
        l_huber = huber((value - label) / module.scale, c.delta).mean()  # Eq. 5
        loss = c.w_ce * l_ce + c.w_huber * l_huber
        return torch.where(broken(tokens, sizes, vocabulary.PAD), torch.nan, loss)

    def predict(self, module: Any, batch: Batch) -> Tensor:
        c, h = self.config, module.backbone(batch)

        def mix(logits: Tensor, centre: Tensor) -> Tensor:
            return self.mix(module, logits, centre)

        if c.beam > 1:
            found, score = beam_search(module.decoder, h, module.length, c.beam, mix, monotone=c.monotone)
            sums = total(found, module.value)  # [B, k]
            return sums[:, 0] if c.readout == "argmax" else (score.softmax(1) * sums).sum(1)
        logits = greedy(module.decoder, h, module.length, mix, monotone=c.monotone)
        tokens = logits.argmax(-1)
        if c.readout == "argmax":
            return total(tokens, module.value)
        return (self.soft(module, logits) * before_end(tokens)).sum(1)

    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        """Quantiles of the predictive distribution over sequences, [B, levels], from samples of it.

        The samples' uniforms are the same for all rows and evenly spread at every step, so nothing is drawn and a row's
        quantiles do not depend on who is asked with it. A sample has as many tokens as all but a thousandth of the
        training rows need.
        """
        steps = sum(share > _RARE for share in module.survival)
        rng = np.random.default_rng(0)
        even = [rng.permutation((np.arange(_SAMPLES) + 0.5) / _SAMPLES) for _ in range(steps)]
        h = module.backbone(batch)
        uniforms = torch.from_numpy(np.stack(even, 1)).to(h.device)
        tokens = sample(module.decoder, h, uniforms, lambda logits, centre: self.mix(module, logits, centre))
        ordered = total(tokens, module.value).sort(1).values  # [B, samples]
        return torch.stack([ordered[:, min(int(q * _SAMPLES), _SAMPLES - 1)] for q in levels], dim=1)

    def forced(self, module: Any, h: Tensor, truth: Tensor) -> Tensor:
        """Logits [B, T, C] where every input is true. h: [B, hidden]; truth: the one-hot tokens [B, T, C]."""
        B, T, _ = truth.shape
        if self.config.decoder == "transformer":
            return module.decoder(h, truth[:, :-1])
        return torch.stack(unroll(module.decoder, h, (B,) * T, lambda t, row: truth[:, t]), dim=1)

    def examine(self, module: Any, batch: Batch, fitted: Fitted) -> Mapping[str, Any]:
        return inside(self, module, batch, fitted)
