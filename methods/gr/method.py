"""Generative Regression (GR): predict a value token by token; the tokens' sum is the value (Ma et al., 2024)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Rows, Schema
from methods.base import Batch, Fitted, Method
from methods.capabilities import LEVELS, Distribution, Examined
from methods.gr import config, host, vocabulary
from methods.gr.curriculum import end_of, probability
from methods.gr.decoder import unroll
from methods.gr.generate import beam_search, greedy, sample, total
from methods.gr.inside import inside
from methods.gr.loops.rows import MIXUPS
from methods.gr.network import Network
from methods.gr.packing import broken, needed, packed, row_sums, survival
from methods.gr.values import before_end, huber, mixup, released_value, soft_value, unit_of_error
from methods.schedules import Scheduled

_VOCABULARIES = {"binary": vocabulary.binary, "manual": vocabulary.manual}
_SAMPLES = 64  # sequences a row behind `GR.quantiles`
_RARE = 1e-3  # training rows that are longer than its samples


class GR(Method, Distribution, Examined, Scheduled):
    """A label's tokens by cross-entropy, their soft value by Huber's loss: L = w_ce L_ce + w_huber L_huber (Eq. 6).

    The decoder is fed, step by step, the true token with probability p and else the embedding mixup of what it has just
    predicted.

    The paper (arXiv v2) leaves much open and its released code (snailma0229/GR) does otherwise in a dozen places. The
    variants `paper` and `code` hold the two readings; the default is the paper's with the encoder and width that all
    methods here share, and the soft read-out. The training protocol is the dataset's. Each file says what it resolves:
    the vocabulary's units, the curriculum's end, the sign of Eq. 9, the soft value. Besides:

    - Both losses are a mean over the batch of a sum over steps, so lambda does not depend on the batch size. L_ce is of
      the true tokens and EOS, given whatever was fed. The paper puts the 10 on L_huber, the code on L_ce.
    - L_huber is of the soft value, for an argmax has no gradient, against the label itself. Neither its unit
      (`huber_unit`) nor delta is given. The default is the labels' median absolute deviation: lambda then means the
      same whatever the label is counted in, and outliers do not set it, as they do the standard deviation (11.9 s on
      KuaiRec, where three labels in four are below 10 s). `paper` and `code` have the label's own unit, literally.
    - True or predicted input is drawn for each row and step. The released code draws for a whole batch, and reads each
      batch twice: pass 2 is fed with what pass 1, all true tokens, predicted. The Transformer is trained in this way.
    - The output layer's bias starts at the training tokens' log frequencies. All tokens alike would start each value at
      the sum of T means of the vocabulary, many times the labels, and it would take epochs to come down from there.
    - Read-out: the paper sums the argmax tokens, which makes predictions discrete and tied; the released code sums the
      soft values, to the first EOS inclusive. `soft` is the default, `argmax` a variant.
    - The curriculum ends inside the run, at `cl_end` of its longest possible length, and early stopping waits for that
      (`schedule_end`). `paper` ends it with the run, as A.1's omega does.
    - `code` is without what the release learns from test rows (vocabulary, scaling, choice of epoch), its decay of the
      embeddings alone, and its uniform initialisation.

    These defaults were chosen on KuaiRec's validation rows (watch time, seeds 0 and 1; lambda = 10, delta = 1, soft
    read-out). With the curriculum's end at .3, MAE and XAUC are 3.250 and .604 in median absolute deviations, 3.222 and
    .603 in seconds, 3.400 and .518 in standard deviations; with its end at 1, the whole run, 3.281 and .596 in the
    first (and 3.363 and .559 in the last, over five seeds). Seconds are a little better there, but lambda would then
    depend on what a label is counted in: a ratio, seconds, an amount. Nothing else was tried.
    """

    name, title = "gr", "GR"
    paper = "Ma et al., Sequence Generation Modeling for Continuous Value Prediction, arXiv 2412.20211"
    variants = config.VARIANTS
    space = {
        "lr": (3e-3, 1e-3, 5e-4, 1e-4),
        "w_huber": (1.0, 10.0, 100.0),
        "delta": (0.02, 0.1, 1.0),
        "cl_end": (0.1, 0.3, 0.6, 1.0),
    }

    Config = config.Config  # type: ignore[assignment]
    compiled = True  # loops for a CPU, in the place of torch's operations

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
            "scale": torch.tensor(unit_of_error(y, c.huber_unit)),
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

    def schedule_end(self, steps: int) -> float:
        """Where p has fallen to 0.01; 0 for the schedules that do not fall."""
        c = self.config
        if c.schedule == "omega":
            return end_of(c.omega) / steps
        return float(c.cl_end) if c.schedule in ("sigmoid", "linear", "exponential") else 0.0

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

    def true_inputs(self, module: Network, batch: Batch, B: int, T: int) -> Tensor | None:
        """Whether the next input is the true token, bool [B or 1, T-1, 1]; None: it always is."""
        c = self.config
        if c.schedule == "teacher" or T == 1:
            return None
        assert batch.draws is not None
        p = self.probability(batch.step, batch.progress, -(-module.rows // B))
        return batch.draws.uniform((B if c.sampling == "sample" else 1, T - 1, 1)) < p

    def logits(self, module: Network, batch: Batch, h: Tensor, truth: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        """Of each step under the curriculum, [size, C]. h: [B, hidden]; truth: the one-hot tokens [B, T, C]."""
        c, (B, T, _) = self.config, truth.shape
        true = self.true_inputs(module, batch, B, T)

        def feed(t: int, row: Tensor) -> Tensor:
            known = truth[: len(row), t]
            if true is None:
                return known
            return torch.where(true[: len(row), t], known, self.mix(module, row, row.detach().argmax(-1, keepdim=True)))

        if c.decoder != "transformer":
            return unroll(module.decoder, h, sizes, feed)
        inputs = truth[:, :-1]
        if true is not None:
            n = sizes[1]  # what a row predicts at its end is fed to nobody
            rows = module.decoder.steps(h[:n], inputs[:n, :-1], sizes[1:])
            inputs = torch.stack([torch.cat([feed(t, row), truth[len(row) :, t]]) for t, row in enumerate(rows)], dim=1)
        return module.decoder.steps(h, inputs, sizes)

    def loss(self, module: Any, batch: Batch) -> Tensor:
        c, tokens, h = self.config, batch.targets["tokens"], module.backbone(batch)
        assert batch.label is not None
        if self.in_loops(h):
            return self.host_loss(module, batch, h)
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

    def in_loops(self, h: Tensor) -> bool:
        """Whether the compiled loops are for it: an LSTM on a CPU."""
        return self.compiled and self.config.decoder == "lstm" and h.device.type == "cpu"

    def host_loss(self, module: Any, batch: Batch, h: Tensor) -> Tensor:
        """`loss` in compiled loops."""
        c, tokens = self.config, batch.targets["tokens"]
        B, T = tokens.shape
        true = self.true_inputs(module, batch, B, T)
        if true is None:
            true = torch.ones(1, T - 1, 1, dtype=torch.bool)
        b = [self.half_window(module, part) for part in (c.window, c.value_window)]
        given = (c.w_ce, c.w_huber, c.delta, module.scale, *b)
        numbers = torch.stack([torch.as_tensor(x, dtype=h.dtype) for x in given])
        return host.LSTMLoss.apply(
            tokens, batch.label, true[..., 0], h, *module.decoder.parts(), module.value, numbers,
            MIXUPS[c.mixup], c.value == "released", torch.is_grad_enabled(),
        )[0]  # fmt: skip

    def host_answer(self, module: Any, h: Tensor, uniforms: Tensor, monotone: bool) -> tuple[Tensor, Tensor]:
        """The soft values and the tokens' values of sequences, summed [B * k]. uniforms: [k, T]; k = 0: of the
        likeliest sequence alone."""
        c = self.config
        b = [torch.as_tensor(self.half_window(module, part), dtype=h.dtype) for part in (c.window, c.value_window)]
        return host.LSTMAnswer.apply(
            h, *module.decoder.parts(), module.value, torch.stack(b), uniforms.to(h.dtype),
            uniforms.shape[1], MIXUPS[c.mixup], c.value == "released", monotone,
        )  # fmt: skip

    def predict(self, module: Any, batch: Batch) -> Tensor:
        c, h = self.config, module.backbone(batch)

        def mix(logits: Tensor, centre: Tensor) -> Tensor:
            return self.mix(module, logits, centre)

        if c.beam > 1:
            found, score = beam_search(module.decoder, h, module.length, c.beam, mix, monotone=c.monotone)
            sums = total(found, module.value)  # [B, k]
            return sums[:, 0] if c.readout == "argmax" else (score.softmax(1) * sums).sum(1)
        if self.in_loops(h):
            softly, hard = self.host_answer(module, h, torch.empty(0, module.length), c.monotone)
            return hard if c.readout == "argmax" else softly
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
        if self.in_loops(h):
            sums = self.host_answer(module, h, uniforms, False)[1].view(-1, _SAMPLES)
        else:
            mix = partial(self.mix, module)
            sums = total(sample(module.decoder, h, uniforms, mix), module.value)
        ordered = sums.sort(1).values  # [B, samples]
        return torch.stack([ordered[:, min(int(q * _SAMPLES), _SAMPLES - 1)] for q in levels], dim=1)

    def forced(self, module: Any, h: Tensor, truth: Tensor) -> Tensor:
        """Logits [B, T, C] where every input is true. h: [B, hidden]; truth: the one-hot tokens [B, T, C]."""
        B, T, _ = truth.shape
        if self.config.decoder == "transformer":
            return module.decoder(h, truth[:, :-1])
        return torch.stack(unroll(module.decoder, h, (B,) * T, lambda t, row: truth[:, t]), dim=1)

    def examine(self, module: Any, batch: Batch, fitted: Fitted) -> Mapping[str, Any]:
        return inside(self, module, batch, fitted)
