"""GR against brute force, closed forms, NumPy's percentiles, SciPy's roots and torch's own cells."""

import itertools
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor, nn

from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Field, Rows, Schema
from methods.gr import curriculum, generate
from methods.gr.decoder import CELLS, Recurrent, unroll
from methods.gr.method import GR
from methods.gr.transformer import Transformer
from methods.gr.values import before_end, huber, mixup, released_value, soft_value
from methods.gr.vocabulary import EOS, PAD, SPECIAL, Vocabulary, binary, dynamic_quantile, manual, unit_of

RNG = np.random.default_rng(0)
SECONDS = np.round(np.random.default_rng(1).lognormal(np.log(8), 1, 100_000).clip(0, 999.639), 3)  # about like KuaiRec
BUILDERS = {"dynamic": dynamic_quantile, "binary": binary, "manual": manual}


# The vocabulary (Section 3.3)


def algorithm_1(units: np.ndarray, q_end: float) -> list[int]:
    """Row by row, with NumPy's percentile."""
    y = units[units > 0].astype(float)
    left, q, tokens = y.copy(), 0.9999, []
    while True:
        percentile = np.quantile(left, q)
        if percentile == 0:
            break
        z = max(1, round(percentile))
        if z not in tokens:
            tokens.append(z)
        left = np.where(left >= z, left - z, left)
        if (left / y).max() <= 1e-6:
            break
        q = max(q * 0.99, q_end)
    return sorted({*tokens, 1}, reverse=True)


@pytest.mark.parametrize("q_end", [0.95, 0.9, 0.85, 0.8])
def test_the_dynamic_vocabulary_is_algorithm_1(q_end: float) -> None:
    units = np.rint(1000 * SECONDS[:20_000])
    assert dynamic_quantile(SECONDS[:20_000], q_end=q_end).units.tolist() == algorithm_1(units, q_end)


def test_vocabulary_sizes_are_those_that_were_measured_for_such_labels() -> None:
    sizes = [len(dynamic_quantile(SECONDS, q_end=q).units) for q in (0.95, 0.9, 0.85, 0.8)]
    np.testing.assert_allclose(sizes, [62, 41, 35, 33], atol=4)
    assert 12 <= len(dynamic_quantile(np.round(SECONDS), 1).units) <= 17


def test_binary_and_manual_vocabularies_reach_the_largest_label() -> None:
    assert binary([0, 0.009, 0.005]).values.tolist() == [0.008, 0.004, 0.002, 0.001]
    assert manual([30, 7], unit=1).values.tolist() == [30, 10, 5, 3, 1]
    assert manual([29], unit=1).values.tolist() == [10, 5, 3, 1]


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_values_descend_to_one_unit(build: Any) -> None:
    values = build(SECONDS).values
    assert (np.diff(values) < 0).all() and values[-1] == 0.001


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
@pytest.mark.parametrize(
    ("labels", "smallest"), [([7.0] * 50, 7.0), ([0.0] * 50, 0.001), ([0.001] * 50, 0.001), ([0, 0, 3], 3), ([], 0)]
)
def test_degenerate_labels_have_a_vocabulary(build: Any, labels: list[float], smallest: float) -> None:
    vocabulary = build(np.array(labels))
    assert vocabulary.values[-1] == 0.001 and len(vocabulary) == len(vocabulary.values) + SPECIAL
    tokens = vocabulary.encode(labels)
    np.testing.assert_allclose(vocabulary.decode(tokens), labels, atol=1e-12)


def test_all_labels_equal_take_one_token_and_zeros_take_none() -> None:
    vocabulary = dynamic_quantile([7.0] * 50, unit=1)
    assert vocabulary.values.tolist() == [7, 1]
    assert vocabulary.encode([7.0, 0.0, 9.0]).tolist() == [[3, 2, 0, 0], [2, 0, 0, 0], [3, 4, 4, 2]]
    assert dynamic_quantile([0.0] * 50, unit=1).values.tolist() == [1]


def test_the_unit_is_the_coarsest_that_fits() -> None:
    def of(*labels: float) -> float:
        return unit_of(np.array(labels, np.float32))

    assert (of(3, 0, 12_345), of(3, 0.25), of(12_345.67, 0.01), of(0.125, 1)) == (1, 0.01, 0.01, 0.001)
    assert of(0.1234567) == 0.001 and of() == 1
    assert unit_of(SECONDS.astype(np.float32)) == 0.001


@pytest.mark.parametrize("label", [-1.0, np.nan, np.inf])
def test_labels_that_no_sequence_can_express_are_refused(label: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        dynamic_quantile([1.0, label])


# Label encoding (Section 3.4)


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_encoding_restores_a_million_labels_to_the_unit(build: Any, dtype: Any) -> None:
    vocabulary = build(SECONDS)
    edges = [0, 0.001, 0.002, SECONDS.max(), 2 * SECONDS.max(), 5000, 9999.999]
    y = np.concatenate([np.round(RNG.lognormal(np.log(8), 1, 1_000_000), 3), edges]).astype(dtype)
    tokens = vocabulary.encode(y, cap=None)
    assert np.array_equal(np.rint(1000 * vocabulary.decode(tokens)), np.rint(1000 * y.astype(np.float64)))
    numeric = np.where(tokens >= SPECIAL, tokens, np.iinfo(np.int16).max)
    assert (np.diff(numeric, axis=1) >= 0).all(), "values never rise"
    length = (tokens >= SPECIAL).sum(1)
    assert (tokens[np.arange(len(y)), length] == EOS).all() and ((tokens == EOS).sum(1) == 1).all()
    assert tokens.shape[1] == length.max() + 1 and tokens[-7].tolist() == [EOS] + [PAD] * int(length.max())


def test_greedy_takes_the_largest_token_that_fits() -> None:
    vocabulary = dynamic_quantile(SECONDS)
    y = np.concatenate([SECONDS[:500], [0.0, 3000.0]])
    for label, row in zip(y, vocabulary.encode(y), strict=True):
        rest, expected = round(1000 * label), []
        while rest:
            k = next(k for k, v in enumerate(vocabulary.units) if v <= rest)
            expected.append(k + SPECIAL)
            rest -= int(vocabulary.units[k])
        assert row.tolist() == [*expected, EOS, *[PAD] * (len(row) - len(expected) - 1)]


@pytest.mark.parametrize("units", [(1,), (4, 3, 1), (7, 5, 1), (9, 6, 5, 1), (25, 20, 10, 1)])
def test_the_shortest_sequence_is_as_short_as_any(units: tuple[int, ...]) -> None:
    vocabulary = Vocabulary(np.array(units), 1.0)
    sums: dict[int, int] = {}
    for n in range(7):
        for chosen in itertools.combinations_with_replacement(units, n):
            sums.setdefault(sum(chosen), n)  # n rises, so the first is the least
    y = np.array([s for s in sums if s <= 6 * units[0]], float)
    tokens = vocabulary.encode(y, shortest=True)
    assert (tokens >= SPECIAL).sum(1).tolist() == [sums[int(v)] for v in y]
    assert vocabulary.decode(tokens).tolist() == y.tolist()
    numeric = np.where(tokens >= SPECIAL, tokens, np.iinfo(np.int16).max)
    assert (np.diff(numeric, axis=1) >= 0).all()


def test_shortest_beats_greedy_and_stays_exact_beyond_its_table() -> None:
    vocabulary = dynamic_quantile(SECONDS)
    greedy, shortest = vocabulary.encode(SECONDS), vocabulary.encode(SECONDS, shortest=True)
    lengths = [(t >= SPECIAL).sum(1) for t in (greedy, shortest)]
    assert (lengths[1] <= lengths[0]).all() and lengths[1].mean() < 0.95 * lengths[0].mean()
    y = np.array([20_000.001, 9000.0, 8388.607, 8388.608, 8388.609])  # the table ends at 2^23 units
    assert vocabulary.decode(vocabulary.encode(y, shortest=True)).tolist() == y.tolist()


@pytest.mark.parametrize("shortest", [False, True])
def test_a_tolerance_shortens_sequences_within_it(shortest: bool) -> None:
    vocabulary = dynamic_quantile(SECONDS)
    exact, loose = (vocabulary.encode(SECONDS, shortest=shortest, rel_tol=tol) for tol in (0, 1e-2))
    off = SECONDS - vocabulary.decode(loose)
    assert (off >= -1e-9).all() and (off <= 1e-2 * SECONDS + 1e-9).all()
    assert (loose >= SPECIAL).sum() < 0.8 * (exact >= SPECIAL).sum()


def test_a_capped_sequence_keeps_its_largest_tokens() -> None:
    vocabulary = Vocabulary(np.array([5, 1]), 1.0)
    assert vocabulary.encode([17, 3, 12], cap=4).tolist() == [[3, 3, 3, 4], [4, 4, 4, EOS], [3, 3, 4, 4]]
    assert vocabulary.decode([[3, 3, 3, 4], [EOS, 3, 3, 3]]).tolist() == [16, 0]


def test_encoding_is_fast() -> None:
    vocabulary = dynamic_quantile(SECONDS)
    vocabulary.encode(SECONDS[:2])  # compile
    y = np.tile(SECONDS, 10)
    start = time.process_time()
    vocabulary.encode(y)
    assert time.process_time() - start < 1, "ten million labels in ten seconds"


# The curriculum (Section 3.5.2)


def p_at(schedule: Any, step: float, total: float, **changed: float) -> float:
    given = {"cl_end": 1.0, "omega": 17000.0, "p": 0.5} | changed
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in given.items()}
    progress = torch.tensor(step / total, dtype=torch.float64)
    p = curriculum.probability(schedule, torch.tensor(int(step)), progress, epoch_steps=torch.tensor(10), **tensors)
    return float(p)


@pytest.mark.parametrize(("omega", "epoch"), [(4600, 4.90), (8500, 9.48), (13000, 14.94), (17000, 19.92)])
def test_omega_ends_the_curriculum_where_the_paper_says(omega: float, epoch: float) -> None:
    end = curriculum.end_of(omega)
    assert end / 12_237 == pytest.approx(epoch, abs=0.005)
    assert p_at("omega", round(end), 20 * 12_237, omega=omega) == pytest.approx(0.01, rel=1e-3)
    # given as a fraction of the run, the same omega comes back, and with it the whole curve
    fraction = end / (20 * 12_237)
    assert float(curriculum.omega_of(torch.tensor(end, dtype=torch.float64))) == pytest.approx(omega, rel=1e-9)
    for step in (1, 1000, 60_000, 200_000):
        expected = omega / (omega + np.exp(step / omega))
        assert p_at("sigmoid", step, 20 * 12_237, cl_end=fraction) == pytest.approx(expected, rel=1e-6)
        assert p_at("omega", step, 20 * 12_237, omega=omega) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("end", [1.0, 2.0, 10.0, 1e3, 1e5, 1e8])
def test_omega_solves_its_equation(end: float) -> None:
    root = brentq(lambda omega: omega * (np.log(omega) + np.log(99)) - end, 1 / 99, 1e8, xtol=1e-12, rtol=1e-13)
    assert float(curriculum.omega_of(torch.tensor(end, dtype=torch.float64))) == pytest.approx(root, rel=1e-9)


@pytest.mark.parametrize("schedule", ["sigmoid", "linear", "exponential"])
@pytest.mark.parametrize("cl_end", [0.25, 0.5, 1.0])
def test_schedules_fall_from_one_to_their_end(schedule: str, cl_end: float) -> None:
    p = [p_at(schedule, step, 5000, cl_end=cl_end) for step in range(0, 5000, 50)]
    assert p[0] > 0.99 and (np.diff(p) <= 1e-12).all() and min(p) >= 0
    at_end = p_at(schedule, 5000 * cl_end, 5000, cl_end=cl_end)
    assert at_end == pytest.approx(0 if schedule == "linear" else 0.01, rel=1e-6)


def test_the_other_schedules_are_what_they_say() -> None:
    assert [p_at("constant", s, 100, p=0.3) for s in (0, 99)] == [0.3, 0.3]
    assert [p_at("teacher", s, 100) for s in (0, 99)] == [1, 1]
    assert [p_at("epoch", s, 100) for s in (0, 1, 9, 10, 11)] == [0.5, 0, 0, 0.5, 0]


# Embedding mixup, values and losses (Eqs. 5, 8, 9)


def window(row: np.ndarray, centre: int, b: int) -> dict[int, float]:
    """Eq. 9 with its sign mended, class by class."""
    inside = [0] if centre == 0 else range(max(1, centre - b), min(len(row) - 1, centre + b) + 1)
    weight = {j: np.exp(row[j]) for j in inside}
    return {j: w / sum(weight.values()) for j, w in weight.items()}


@pytest.mark.parametrize("b", [0, 1, 3, 20])
def test_mixup_weights_are_a_softmax_in_the_window(b: int) -> None:
    logits = torch.randn(40, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(b))
    logits[:5, 0] += 9  # EOS
    centre = logits.argmax(-1, keepdim=True)
    weights = mixup(logits, centre, torch.tensor(float(b)))
    np.testing.assert_allclose(weights.sum(-1), 1)
    for row, c, sigma in zip(logits.numpy(), centre[:, 0].tolist(), weights.numpy(), strict=True):
        expected = window(row, c, b)
        np.testing.assert_allclose(sigma, [expected.get(j, 0) for j in range(9)], atol=1e-12)


def test_soft_values_equal_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(30, 4, 8, dtype=torch.float64, generator=generator)
    value = torch.tensor([0, 50.0, 20, 9, 5, 3, 2, 1], dtype=torch.float64)
    for b in (0, 2, 9):
        soft = soft_value(logits, value, torch.tensor(float(b)))
        released = released_value(logits, value, torch.tensor(float(b)))
        for i, t in itertools.product(range(30), range(4)):
            row = logits[i, t].numpy()
            p = np.exp(row) / np.exp(row).sum()
            inside = window(row, 1 + int(row[1:].argmax()), b)
            assert soft[i, t].item() == pytest.approx((1 - p[0]) * sum(w * value[j].item() for j, w in inside.items()))
            top = int(row.argmax())
            near = [j for j in range(8) if abs(j - top) <= b]
            assert released[i, t].item() == pytest.approx(sum(p[j] * value[j].item() for j in near))


def test_huber_is_torchs() -> None:
    error = torch.linspace(-4, 4, 101, dtype=torch.float64)
    for delta in (0.5, 1.0, 3.0):
        expected = nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=delta)
        torch.testing.assert_close(huber(error, torch.tensor(delta)), expected)


def test_what_comes_after_the_first_end_does_not_count() -> None:
    tokens = torch.tensor([[3, 1, 0, 2, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
    assert before_end(tokens).long().tolist() == [[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1]]
    assert generate.total(tokens, torch.tensor([0.0, 10, 5, 1])).tolist() == [11, 0, 50]


# Decoders


def torchs(kind: str, cell: Any, width: int) -> nn.Module:
    """torch's own cell with the same weights, fed with W x."""
    own: Any = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}[kind](cell.gates * width, width).double()
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.zero_()
        order = torch.arange(cell.gates * width)
        if kind == "lstm":  # ours: i, f, o, g; torch's: i, f, g, o
            order = order.view(4, width)[[0, 1, 3, 2]].flatten()
        own.weight_hh.copy_(cell.hidden.weight[order])
        own.weight_ih.copy_(torch.eye(cell.gates * width)[order])
        if cell.hidden.bias is not None:
            own.bias_hh.copy_(cell.hidden.bias[order])
    return own


@pytest.mark.parametrize("kind", CELLS)
def test_cells_equal_torchs(kind: str) -> None:
    torch.manual_seed(0)
    cell = CELLS[kind](5).double()
    own = torchs(kind, cell, 5)
    h = torch.randn(7, 5, dtype=torch.float64)
    state, expected = cell.begin(h), (h, torch.zeros_like(h)) if kind == "lstm" else h
    for _ in range(4):
        x = torch.randn(7, cell.gates * 5, dtype=torch.float64)
        state, expected = cell(x, state), own(x, expected)
        torch.testing.assert_close(state if kind == "lstm" else state[0], expected)


@pytest.mark.parametrize("condition", [True, False])
def test_mixing_projected_embeddings_equals_projecting_the_mixture(condition: bool) -> None:
    torch.manual_seed(0)
    decoder = Recurrent("lstm", 6, 4, 5, condition=condition).double()
    h, weights = torch.randn(9, 4, dtype=torch.float64), torch.rand(9, 6, dtype=torch.float64)
    shared, first, _ = decoder.begin(h)
    side = decoder.context(h) if decoder.context is not None else 0
    torch.testing.assert_close(decoder.embed(shared, weights), decoder.token(weights @ decoder.embedding) + side)
    torch.testing.assert_close(first + 0 * side, decoder.token(decoder.sos) + side)


def test_the_transformer_step_by_step_equals_itself_at_once() -> None:
    torch.manual_seed(0)
    decoder = Transformer(6, 4, 16, 0.0).double()
    h, weights = torch.randn(9, 4, dtype=torch.float64), torch.rand(9, 3, 6, dtype=torch.float64)
    at_once = decoder(h, weights)
    one_by_one = unroll(decoder, h, (9,) * 4, lambda t, row: weights[:, t])
    torch.testing.assert_close(torch.stack(one_by_one, dim=1), at_once)
    later = weights.clone()
    later[:, 2] += 1
    torch.testing.assert_close(decoder(h, later)[:, :3], at_once[:, :3])  # no look ahead


def test_the_transformers_layer_is_torchs() -> None:
    torch.manual_seed(0)
    decoder = Transformer(6, 4, 16, 0.0).double()
    layer: Any = decoder.stack[0]
    own = nn.TransformerDecoderLayer(16, 8, 32, 0.0, batch_first=True).double()
    parts = {
        "self_attn.in_proj_weight": layer.qkv.weight, "self_attn.in_proj_bias": layer.qkv.bias,
        "self_attn.out_proj.weight": layer.joined.weight, "self_attn.out_proj.bias": layer.joined.bias,
        "multihead_attn.out_proj.weight": layer.memory[1].weight, "multihead_attn.out_proj.bias": layer.memory[1].bias,
        "linear1.weight": layer.feedforward[0].weight, "linear1.bias": layer.feedforward[0].bias,
        "linear2.weight": layer.feedforward[3].weight, "linear2.bias": layer.feedforward[3].bias,
    }  # fmt: skip
    own.load_state_dict(parts, strict=False)
    with torch.no_grad():  # values alone matter: one memory vector gets all the attention
        own.multihead_attn.in_proj_weight[32:] = layer.memory[0].weight
        own.multihead_attn.in_proj_bias[32:] = layer.memory[0].bias
    x, memory = torch.randn(5, 4, 16, dtype=torch.float64), torch.randn(5, 1, 16, dtype=torch.float64)
    mask = nn.Transformer.generate_square_subsequent_mask(4, dtype=torch.float64)
    torch.testing.assert_close(layer(x, memory, None)[0], own(x, memory, tgt_mask=mask))


# Sequences: beam search and samples


def known(kind: str = "lstm", classes: int = 4) -> tuple[Any, Tensor, generate.Mix]:
    torch.manual_seed(0)
    decoder: Any = Transformer(classes, 3, 8, 0.0) if kind == "transformer" else Recurrent(kind, classes, 3, 8)
    h = torch.randn(5, 3, dtype=torch.float64)
    one_hot = torch.eye(classes, dtype=torch.float64)
    return decoder.double(), h, lambda logits, centre: one_hot[centre[:, 0]]


def log_probability(decoder: Any, h: Tensor, sequence: tuple[int, ...], mix: generate.Mix) -> Tensor:
    def feed(t: int, row: Tensor) -> Tensor:
        return mix(row, torch.full((len(row), 1), sequence[t]))

    logits = unroll(decoder, h, (len(h),) * len(sequence), feed)
    return torch.stack([row.log_softmax(-1)[:, token] for row, token in zip(logits, sequence, strict=True)]).sum(0)


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_a_wide_beam_finds_every_sequence_with_its_probability(kind: str) -> None:
    decoder, h, mix = known(kind)
    with torch.no_grad():
        tokens, score = generate.beam_search(decoder, h, 3, 64, mix)
    ended = [s for n in range(3) for s in itertools.product((1, 2, 3), repeat=n)]
    every = [(*s, 0) for s in ended] + list(itertools.product((1, 2, 3), repeat=3))  # 13 with EOS, 27 without
    logp = torch.stack([log_probability(decoder, h, s, mix) for s in every], 1)
    np.testing.assert_allclose(score[:, : len(every)], logp.sort(1, descending=True).values.detach(), rtol=1e-9)
    np.testing.assert_allclose(score.exp().sum(1), 1)
    for i, best in enumerate(logp.argmax(1).tolist()):
        assert tokens[i, 0].tolist() == [*every[best], 0, 0][:3]


def test_a_beam_of_one_is_greedy() -> None:
    decoder, h, mix = known(classes=7)
    top = generate.greedy(decoder, h, 5, mix).argmax(-1)
    torch.testing.assert_close(
        generate.beam_search(decoder, h, 5, 1, mix)[0][:, 0] * before_end(top), top * before_end(top)
    )


@pytest.mark.parametrize("k", [1, 4])
def test_monotone_decoding_never_rises(k: int) -> None:
    decoder, h, mix = known(classes=7)
    tokens, _ = generate.beam_search(decoder, h, 6, k, mix, monotone=True)
    top = generate.greedy(decoder, h, 6, mix, monotone=True).argmax(-1).unsqueeze(1)
    for chosen in (tokens, top):
        classes = torch.where(before_end(chosen) & (chosen > 0), chosen, 99)
        assert (classes.diff(dim=-1) >= 0).all()


def test_samples_follow_the_decoders_distribution() -> None:
    decoder, h, mix = known()
    uniforms = torch.from_numpy(np.random.default_rng(0).random((20_000, 2)))
    tokens = generate.sample(decoder, h, uniforms, mix)
    for sequence in itertools.product(range(1, 4), range(4)):
        share = (tokens == torch.tensor(sequence)).all(-1).double().mean(1)
        np.testing.assert_allclose(share, log_probability(decoder, h, sequence, mix).exp().detach(), atol=0.015)


# The whole method, in worlds that could break it


def world(label: Any, task: Any = "watch_time") -> tuple[Schema, Rows]:
    """Ten users with one label each, or whatever labels are given."""
    label = np.asarray(label, np.float32)
    user = (np.arange(len(label)) % 10 + 1).astype(np.int32)
    return Schema(task=task, unit="s", fields=(Field("user", 11),)), Rows(ids=user[:, None], label=label)


def trained(schema: Schema, rows: Rows, *, epochs: int = 3, stop: str = "mae", **changes: Any) -> Trainer:
    config = replace(GR.Config(), **{"dim": 8, "hidden": (32,), "width": 16, **changes})
    plan = Plan(batch=50, epochs=epochs, patience=epochs, stop=stop)
    trainer = Trainer(GR, schema, rows, rows, plan, [0, 1], [config] * 2)
    trainer.fit()
    return trainer


def heavy(n: int = 200) -> np.ndarray:
    label = np.random.default_rng(0).lognormal(2, 1, n)
    label[7] = 1000 * label.max()
    return label


EDGES = {
    "all labels equal": np.full(200, 7.0),
    "zeros alone": np.zeros(200),
    "nearly all zero": np.where(np.arange(200) % 50, 0, 12.5),
    "one label a thousand times the rest": heavy(),
    "one distinct value a user": np.arange(200) % 10 + 1.0,
    "fifty rows": np.random.default_rng(0).lognormal(2, 1, 50),
}


@pytest.mark.parametrize("stop", ["mae", "loss"])
@pytest.mark.parametrize("case", EDGES)
def test_it_trains_and_stays_finite(case: str, stop: str) -> None:
    schema, rows = world(EDGES[case], "ltv" if "zero" in case else "watch_time")
    prediction = trained(schema, rows, stop=stop).predict(rows)
    assert np.isfinite(prediction).all() and (prediction >= 0).all()
    if case == "zeros alone":
        assert prediction.max() < 1  # the one token is of one unit


@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
def test_sequences_longer_than_the_cap_are_cut(decoder: Any) -> None:
    schema, rows = world(heavy())
    for cap in (1, 2, 4):
        trainer = trained(schema, rows, cap=cap, decoder=decoder, stop="loss")
        assert trainer.targets.columns["tokens"].shape == (200, cap)
        assert np.isfinite(trainer.predict(rows)).all()


def test_validation_labels_may_exceed_all_training_labels() -> None:
    _, rows = world(np.arange(200) % 10 + 1.0)
    fitted = GR().fit(rows, np.random.default_rng(0))
    larger = GR().targets(fitted, replace(rows, label=1e4 * np.asarray(rows.label)))["tokens"]
    assert larger.shape == GR().targets(fitted, rows)["tokens"].shape and (larger == SPECIAL).all()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"readout": "argmax"},
        {"decoder": "gru"},
        {"readout": "argmax", "w_huber": 0.0},
        {"beam": 3, "monotone": True},
        {"beam": 2, "readout": "argmax"},
    ],
    ids=str,
)
def test_it_learns_one_value_a_user(changes: dict[str, Any]) -> None:
    label = np.array([0, 3, 3.5, 8, 20, 21, 55, 60.5, 90.25, 100])[np.arange(300) % 10]
    schema, rows = world(label)
    trainer = trained(schema, rows, epochs=80, dropout=0.0, lr=1e-2, cl_end=0.5, **changes)
    error = np.abs(trainer.predict(rows) - label).mean(1)
    assert (error < 0.2 * np.abs(label - np.median(label)).mean()).all(), error


def test_quantiles_of_a_learned_distribution() -> None:
    """Every user has the same three values at random; the deciles are theirs."""
    label = np.random.default_rng(0).choice([2.0, 10.0, 50.0], 400, p=[0.3, 0.4, 0.3])
    schema, rows = world(label)
    trainer = trained(schema, rows, epochs=20, stop="loss", lr=1e-2, dropout=0.0, w_huber=0.0, window=0.0)
    quantiles = trainer.quantiles(rows, np.arange(1, 10) / 10)  # [replicas, rows, levels]
    assert (np.diff(quantiles, axis=2) >= 0).all()
    assert np.median(quantiles, axis=(0, 1))[[0, 4, 8]].tolist() == [2, 10, 50]


@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
def test_before_training_tokens_are_as_likely_as_they_are_frequent(decoder: Any) -> None:
    """A decoder whose state says nothing."""
    schema, rows = world(np.r_[np.full(30, 2.0), np.full(10, 0.5)])
    method = GR(replace(GR.Config(), dim=4, hidden=(8,), width=8, decoder=decoder, unit=0.5))
    fitted = method.fit(rows, RNG)
    module = method.build(schema, fitted)
    tokens = fitted["vocabulary"].encode(rows.label)
    seen = np.bincount(tokens[tokens != PAD] - EOS, minlength=len(fitted["vocabulary"]) - 2) + 1  # + 1: none is at 0
    with torch.no_grad():
        p = module.decoder.out(torch.zeros(1, 8)).softmax(-1)[0].numpy()
    np.testing.assert_allclose(p, seen / seen.sum(), rtol=1e-5)
