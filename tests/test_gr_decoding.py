"""GR's decoders against torch's own cells, and its searches and quantiles against every sequence there is."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from methods.gr import generate
from methods.gr.decoder import Recurrent, unroll
from methods.gr.method import GR
from methods.gr.transformer import Transformer
from tests.replicas import batch_of, built, world

KINDS = ["lstm", "gru", "rnn", "transformer"]


def decoder_of(kind: str, classes: int = 6, context: int = 4, width: int = 8, condition: bool = True) -> Any:
    torch.manual_seed(0)
    if kind == "transformer":
        return Transformer(classes, context, width, 0.0).double()
    return Recurrent(kind, classes, context, width, condition=condition).double()


# Decoders


@pytest.mark.parametrize("condition", [True, False])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_a_recurrent_decoder_is_torchs_cell_on_the_embedding_beside_h(kind: str, condition: bool) -> None:
    decoder = decoder_of(kind, condition=condition)
    own: Any = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}[kind](8 + 4 * condition, 8).double()
    order = torch.arange(decoder.cell.gates * 8)
    if kind == "lstm":  # kept as i, f, o, g; torch's are i, f, g, o
        order = order.view(4, 8)[[0, 1, 3, 2]].flatten()
    with torch.no_grad():
        inputs = [decoder.token.weight, *([decoder.context.weight] if condition else [])]
        own.weight_ih.copy_(torch.cat(inputs, 1)[order])
        own.bias_ih.copy_(decoder.token.bias[order])
        own.weight_hh.copy_(decoder.cell.hidden.weight[order])
        own.bias_hh.zero_()
        if decoder.cell.hidden.bias is not None:
            own.bias_hh.copy_(decoder.cell.hidden.bias[order])
    h, weights = torch.randn(9, 4, dtype=torch.float64), torch.rand(9, 4, 6, dtype=torch.float64)
    state: Any = decoder.first(h)
    if kind == "lstm":
        state = state, torch.zeros_like(state)
    given, rows = decoder.sos.expand(9, -1), []
    for t in range(5):
        state = own(torch.cat([given, h], 1) if condition else given, state)
        rows.append(decoder.out(state[0] if kind == "lstm" else state))
        if t < 4:
            given = weights[:, t] @ decoder.embedding
    one_by_one = unroll(decoder, h, (len(h),) * 5, lambda t, row: weights[:, t])
    torch.testing.assert_close(torch.stack(one_by_one, 1), torch.stack(rows, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_sees_its_own_row_and_what_came_before(kind: str) -> None:
    decoder = decoder_of(kind)
    h, weights = torch.randn(5, 4, dtype=torch.float64), torch.rand(5, 5, 6, dtype=torch.float64)

    def logits(h: Tensor, weights: Tensor) -> Tensor:
        return torch.stack(unroll(decoder, h, (len(h),) * 6, lambda t, row: weights[:, t]), 1)

    whole = logits(h, weights)
    torch.testing.assert_close(logits(h[2:3], weights[2:3]), whole[2:3])
    if kind == "transformer":
        torch.testing.assert_close(decoder(h, weights), whole)
    for t in range(5):
        changed = weights.clone()
        changed[:, t] += torch.rand(5, 6, dtype=torch.float64)
        after = logits(h, changed)
        torch.testing.assert_close(after[:, : t + 1], whole[:, : t + 1])
        assert (after[:, t + 1 :] - whole[:, t + 1 :]).abs().amax((0, 2)).min() > 1e-9


# Every sequence of a tiny vocabulary


def network(kind: str = "lstm", seed: int = 0, **changes: Any) -> tuple[GR, Any, Any]:
    """Tokens 5, 3, 1 and at most three steps: 13 sequences that end and 27 that are cut."""
    schema, rows = world(14, label=[0, 1, 2, 3, 4, 5, 6, 3, 1, 0, 5, 5, 4, 2])
    config = replace(GR.Config(), dim=4, hidden=(8,), width=8, tokens="manual", cap=3, decoder=kind)  # type: ignore[arg-type]
    method = GR(replace(config, **changes))
    fitted = method.fit(rows, np.random.default_rng(0))
    module: Any = built(method, schema, fitted, seed, torch.float64)
    assert fitted["vocabulary"].values.tolist() == [5, 3, 1] and len(fitted["survival"]) == method.config.cap
    with torch.no_grad():
        module.decoder.out.weight *= 4  # as sure of itself as a trained one
    embedded = torch.randn(14, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return method, module, batch_of(rows, {}, (embedded,), torch.float64)


def followed(method: GR, module: Any, h: Tensor, sequence: tuple[int, ...], monotone: bool = False) -> Tensor:
    """The log probability of every row's sequence, fed with what its own tokens mix [B]."""
    chosen = torch.tensor(sequence).expand(len(h), -1)
    if monotone and any(0 < b < a for a, b in itertools.pairwise(sequence)):
        return torch.full((len(h),), -torch.inf, dtype=h.dtype)
    shared, x, state = module.decoder.begin(h)
    total: Any = 0.0
    for t, token in enumerate(sequence):
        row, state = module.decoder.step(shared, x.expand(len(h), -1), state)
        scores = row.clone()
        if monotone and t:
            scores[:, 1 : sequence[t - 1]] = -torch.inf
        total = total + scores.log_softmax(-1)[:, token]
        x = module.decoder.embed(shared, method.mix(module, scores, chosen[:, t : t + 1]))
    return total


def every(T: int = 3) -> list[tuple[int, ...]]:
    ended = [(*s, 0) for n in range(T) for s in itertools.product((1, 2, 3), repeat=n)]
    return ended + list(itertools.product((1, 2, 3), repeat=T))


def value(sequence: tuple[int, ...]) -> float:
    return float(sum((0, 5, 3, 1)[token] for token in sequence))


@pytest.mark.parametrize(
    ("mixup", "monotone"),
    [("window", False), ("all", False), ("none", False), ("window", True), ("all", True), ("none", True)],
)
@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_a_beam_with_room_for_all_finds_the_likeliest(kind: str, mixup: str, monotone: bool) -> None:
    method, module, batch = network(kind, mixup=mixup, monotone=monotone)
    with torch.no_grad():
        h = module.backbone(batch)
        logp = torch.stack([followed(method, module, h, s, monotone) for s in every()], 1)
        torch.testing.assert_close(logp.exp().sum(1), torch.ones(14, dtype=torch.float64))
        mix = lambda logits, centre: method.mix(module, logits, centre)  # noqa: E731
        tokens, score = generate.beam_search(module.decoder, h, 3, 64, mix, monotone=monotone)
        wide, few = (
            [GR(replace(method.config, beam=k, readout=r)).predict(module, batch) for r in ("soft", "argmax")]
            for k in (64, 4)
        )
    best = logp.argmax(1).tolist()
    values = torch.tensor([value(s) for s in every()], dtype=torch.float64)
    torch.testing.assert_close(score[:, 0], logp.max(1).values)
    assert [row[: len(every()[i])] for row, i in zip(tokens[:, 0].tolist(), best, strict=True)] == [
        list(every()[i]) for i in best
    ]
    torch.testing.assert_close(wide[0], (logp.exp() * values).sum(1))  # all sequences: the expectation
    torch.testing.assert_close(wide[1], values[best])
    assert all(torch.isfinite(p).all() and (p >= 0).all() for p in few)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_a_narrow_beam_tells_true_probabilities_of_different_sequences(kind: str, k: int) -> None:
    method, module, batch = network(kind)
    with torch.no_grad():
        h = module.backbone(batch)
        mix = lambda logits, centre: method.mix(module, logits, centre)  # noqa: E731
        tokens, score = generate.beam_search(module.decoder, h, 3, k, mix)
        for i, beams in enumerate(tokens.tolist()):
            cut = [tuple(b[: b.index(0) + 1] if 0 in b else b) for b in beams]
            assert len(set(cut)) == k
            true = [float(followed(method, module, h[i : i + 1], s)) for s in cut]
            np.testing.assert_allclose(score[i], true, rtol=1e-9)
        assert (score.diff(dim=1) <= 0).all()
        if k == 1:  # greedy, and so is prediction
            top = generate.greedy(module.decoder, h, 3, mix).argmax(-1)
            sums = generate.total(tokens, module.value)[:, 0]
            torch.testing.assert_close(sums, generate.total(top, module.value))
            argmax = GR(replace(method.config, readout="argmax")).predict(module, batch)
            torch.testing.assert_close(argmax, sums)


# Quantiles

LEVELS = tuple(np.arange(1, 20) / 20)


def distribution(method: GR, module: Any, batch: Any, T: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """All values there are, rising [V], and their cumulative probabilities [B, V]."""
    with torch.no_grad():
        h = module.backbone(batch)
        p = torch.stack([followed(method, module, h, s) for s in every(T)], 1).exp().numpy()
    sums = np.array([value(s) for s in every(T)])
    values = np.unique(sums)
    return values, np.stack([p[:, sums <= v].sum(1) for v in values], 1)


def off(method: GR, module: Any, batch: Any, T: int = 3) -> np.ndarray:
    """By how much probability each quantile misses its level [B, levels]: 0 where F(x-) <= level <= F(x)."""
    with torch.no_grad():
        quantiles = method.quantiles(module, batch, LEVELS).numpy()
    values, cdf = distribution(method, module, batch, T)
    assert np.isin(quantiles, values).all() and (np.diff(quantiles, axis=1) >= 0).all()
    place = np.searchsorted(values, quantiles)
    upto = np.take_along_axis(cdf, place, 1)
    below = np.take_along_axis(np.pad(cdf, ((0, 0), (1, 0))), place, 1)
    return np.maximum(0, np.maximum(below - LEVELS, LEVELS - upto))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("mixup", ["window", "none"])
@pytest.mark.parametrize("kind", KINDS)
def test_quantiles_are_those_of_all_sequences(kind: str, mixup: str, seed: int) -> None:
    method, module, batch = network(kind, seed, mixup=mixup)
    missed = off(method, module, batch)
    assert missed.max() < 0.1 and missed.mean() < 0.01, (missed.max(), missed.mean())


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_quantiles_of_one_step_are_exact_to_the_grid(kind: str) -> None:
    method, module, batch = network(kind, cap=1)
    assert off(method, module, batch, T=1).max() <= 1 / 64 + 1e-12


def test_quantiles_do_not_depend_on_the_other_rows() -> None:
    method, module, batch = network()
    with torch.no_grad():
        together = method.quantiles(module, batch, (0.0, 0.3, 0.999, 1.0))
        one = replace(batch, ids=batch.ids[4:5], rows=(batch.rows[0][4:5],))
        torch.testing.assert_close(method.quantiles(module, one, (0.0, 0.3, 0.999, 1.0)), together[4:5])
    assert (together[:, 2] == together[:, 3]).all()


@pytest.mark.parametrize("mixup", ["window", "all"])
def test_samples_that_are_fed_with_mixtures_follow_the_distribution(mixup: str) -> None:
    method, module, batch = network(mixup=mixup)
    values, cdf = distribution(method, module, batch)
    with torch.no_grad():
        uniforms = torch.from_numpy(np.random.default_rng(0).random((8000, 3)))
        mix = lambda logits, centre: method.mix(module, logits, centre)  # noqa: E731
        drawn = generate.total(generate.sample(module.decoder, module.backbone(batch), uniforms, mix), module.value)
    found = np.stack([(drawn.numpy() <= v).mean(1) for v in values], 1)
    assert np.abs(found - cdf).max() < 0.025
