"""GR's loss row by row and step by step in float64, whichever rows stand beside each other; and its curriculum."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.train.resident import gather
from benchmark.train.stack import Given
from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Rows, Schema
from methods.gr import curriculum
from methods.gr.method import GR
from tests.replicas import batch_of, built, world

TEACHER = {"schedule": "teacher"}
FREE = {"schedule": "constant", "p": 0.0}


class Uniforms:
    """Draws of any shape, in the order they are asked for."""

    def __init__(self, seed: int = 0) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, shape: Any) -> Tensor:
        return torch.rand(tuple(shape), generator=self.generator, dtype=torch.float64)

    def keep(self, p: Any, shape: Any) -> Tensor:
        return torch.ones(tuple(shape), dtype=torch.float64)

    def normal(self, shape: Any) -> Tensor:
        return torch.randn(tuple(shape), generator=self.generator, dtype=torch.float64)


# One row at a time


def sequence(label: float, fitted: Any) -> list[int]:
    """Classes of a label: the largest token that fits, over and over; then EOS, class 0; at most T of them."""
    words = fitted["vocabulary"]
    rest, out = round(float(label) / words.unit), []
    for place, token in enumerate(words.units.tolist()):
        out += [place + 1] * (rest // token)
        rest %= token
    return [*out, 0][: len(fitted["survival"])]


def window(row: Tensor, centre: int, part: float) -> Tensor:
    """Weights of all classes: a softmax over the numeric tokens at most floor(n_w / 2) from the centre."""
    K = len(row) - 1
    b = round(part * K) // 2
    inside = list(range(max(1, centre - b), min(K, centre + b) + 1))
    return torch.zeros_like(row).index_put((torch.tensor(inside),), row[inside].softmax(0))


def mixed(c: Any, row: Tensor) -> Tensor:
    """What replaces the true token (Eq. 8): the window about the likeliest one, or its plain embedding at EOS."""
    top = int(row.argmax())
    if c.mixup == "all":
        return row.softmax(0)
    if c.mixup == "none" or top == 0:
        return F.one_hot(torch.tensor(top), len(row)).to(row.dtype)
    return window(row, top, c.window)


def soft(c: Any, row: Tensor, g: Tensor) -> Tensor:
    """The value of one step."""
    p = row.softmax(0)
    if c.value == "released":
        top, b = int(row.argmax()), round(c.value_window * (len(row) - 1)) // 2
        return torch.stack([p[j] * g[j] for j in range(len(row)) if abs(j - top) <= b]).sum()
    return (1 - p[0]) * window(row, 1 + int(row[1:].argmax()), c.value_window) @ g


def recurrent(c: Any, decoder: Any, h: Tensor, classes: Sequence[int], free: bool) -> list[Tensor]:
    """Logits of every step of one row, with torch's own cells."""
    H, kind = c.width, c.decoder
    order = torch.arange(decoder.cell.gates * H)
    if kind == "lstm":  # kept as i, f, o, g; torch's are i, f, g, o
        order = order.view(4, H)[[0, 1, 3, 2]].flatten()
    w, bias, recur = decoder.token.weight, decoder.token.bias[order], decoder.cell.hidden
    w_ih = (w if decoder.context is None else torch.cat([w, decoder.context.weight], 1))[order]
    b_hh = torch.zeros_like(bias) if recur.bias is None else recur.bias[order]
    state, cell = decoder.first(h)[None], torch.zeros(1, H, dtype=h.dtype)
    given, out = decoder.sos[0], []
    for true in classes:
        x = (given if decoder.context is None else torch.cat([given, h]))[None]
        if kind == "lstm":
            state, cell = torch.lstm_cell(x, (state, cell), w_ih, recur.weight[order], bias, b_hh)
        else:
            function = torch.gru_cell if kind == "gru" else torch.rnn_tanh_cell
            state = function(x, state, w_ih, recur.weight, bias, b_hh)
        row = decoder.out(state)[0]
        out.append(row)
        given = mixed(c, row) @ decoder.embedding if free else decoder.embedding[true]
    return out


def attended(decoder: Any, h: Tensor, inputs: Tensor) -> Tensor:
    """The released Transformer on one row: inputs [t, width] to logits [t, C]."""
    x, memory = inputs, decoder.first(h)
    for layer in decoder.stack:
        q, k, v = (part.unflatten(1, (8, -1)).transpose(0, 1) for part in layer.qkv(x).chunk(3, 1))  # [8, t, width / 8]
        heads = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
        for norm, part in (
            (layer.norms[0], lambda: layer.joined(heads.transpose(0, 1).flatten(1))),  # noqa: B023
            (layer.norms[1], lambda: layer.memory[1](layer.memory[0](memory))),  # noqa: B023
            (layer.norms[2], lambda: layer.feedforward[3](layer.feedforward[0](x).relu())),  # noqa: B023
        ):
            x = F.layer_norm(x + part(), (len(memory),), norm.weight, norm.bias)
    return decoder.out(x)


def transformer(c: Any, decoder: Any, h: Tensor, classes: Sequence[int], free: bool) -> list[Tensor]:
    """Two passes: the second is fed with what the first, all true tokens, predicted."""
    inputs = torch.cat([decoder.sos, decoder.embedding[list(classes[:-1])]])
    logits = attended(decoder, h, inputs)
    if free and len(classes) > 1:
        predicted = [mixed(c, row) @ decoder.embedding for row in logits[:-1]]
        logits = attended(decoder, h, torch.stack([decoder.sos[0], *predicted]))
    return list(logits)


def row_by_row(c: Any, module: Any, fitted: Any, batch: Any, labels: np.ndarray, free: bool) -> Tensor:
    """w_ce L_ce + w_huber L_huber (Eqs. 4 to 6)."""
    g = torch.tensor([0.0, *fitted["vocabulary"].values], dtype=torch.float64)
    unit = 1.0 if c.huber_unit == "seconds" else float(fitted["scale"])
    total: Any = 0.0
    for h, label in zip(module.backbone(batch), labels.tolist(), strict=True):
        classes = sequence(label, fitted)
        logits = (transformer if c.decoder == "transformer" else recurrent)(c, module.decoder, h, classes, free)
        ce = -torch.stack([row.log_softmax(0)[true] for row, true in zip(logits, classes, strict=True)]).sum()
        error = (torch.stack([soft(c, row, g) for row in logits]).sum() - label).abs() / unit
        huber = error**2 / 2 if error.detach() <= c.delta else c.delta * (error - c.delta / 2)
        total = total + c.w_ce * ce + c.w_huber * huber
    return total / len(labels)


def prepared(**changes: Any) -> tuple[GR, Schema, Rows, Any, Any]:
    """A method fitted on a table with zeros, a long tail and sequences of all lengths; sharp random weights."""
    label = np.round(np.random.default_rng(3).lognormal(2, 1, 600), 2)
    label[::9] = 0
    label[:3] = 1500, 2000.01, 0.01
    schema, rows = world(label=label)
    method = GR(replace(GR.Config(), **{"dim": 4, "hidden": (8,), "width": 8, "unit": 0.01, **changes}))
    fitted = method.fit(rows, np.random.default_rng(0))
    module = built(method, schema, fitted, 0, torch.float64)
    with torch.no_grad():
        module.decoder.out.weight *= 4  # type: ignore[operator, union-attr]
        module.decoder.out.bias[0] += 1  # type: ignore[operator, union-attr, index]
    return method, schema, rows, fitted, module


def some(rows: Rows, fitted: Any, which: str) -> np.ndarray:
    """Row numbers of a batch of this kind."""
    length = np.array([len(sequence(y, fitted)) for y in np.asarray(rows.label)])
    by_length = np.argsort(length, kind="stable")
    return {
        "any": np.arange(24),
        "shortest first": by_length[::24],
        "longest first": by_length[::-24],
        "the longest alone": by_length[-12:],
        "zeros alone": np.flatnonzero(np.asarray(rows.label) == 0)[:12],
        "one row": np.arange(5, 6),
    }[which]


def compared(changes: dict[str, Any], which: str = "any") -> None:
    """The loss and its gradients of all parameters and of every row's embeddings."""
    method, _, rows, fitted, module = prepared(**changes)
    part = rows.take(some(rows, fitted, which))
    generator = torch.Generator().manual_seed(1)
    given = torch.randn(len(part), 3, 4, dtype=torch.float64, generator=generator).requires_grad_()
    batch = replace(batch_of(part, method.targets(fitted, part), (given,), torch.float64), draws=Uniforms())
    free = method.config.schedule != "teacher"
    losses = (
        method.loss(module, batch),
        row_by_row(method.config, module, fitted, batch, np.asarray(part.label), free),
    )
    torch.testing.assert_close(*losses, rtol=1e-6, atol=1e-9)
    wanted = [given, *module.parameters()]
    gradients = [torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True) for loss in losses]
    for ours, slow in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, slow, rtol=1e-5, atol=1e-8)
    assert gradients[0][0].abs().sum(dim=(1, 2)).min() > 0


@pytest.mark.parametrize("mode", [TEACHER, FREE, {**FREE, "mixup": "all"}, {**FREE, "mixup": "none"}], ids=str)
@pytest.mark.parametrize("decoder", ["lstm", "gru", "rnn", "transformer"])
def test_the_loss_and_its_gradients_equal_a_loop(decoder: str, mode: dict[str, Any]) -> None:
    compared({"decoder": decoder, **mode})


@pytest.mark.parametrize("mode", [TEACHER, FREE], ids=str)
@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
@pytest.mark.parametrize("which", ["shortest first", "longest first", "the longest alone", "zeros alone", "one row"])
def test_whichever_rows_are_together(which: str, decoder: str, mode: dict[str, Any]) -> None:
    compared({"decoder": decoder, **mode}, which)


@pytest.mark.parametrize(
    "changes",
    [
        {"cap": 3},
        {"cap": 1},
        {"w_ce": 10.0, "w_huber": 1.0, "delta": 0.05},
        {"w_ce": 0.0},
        {"huber_unit": "seconds"},
        {"huber_unit": "deviation"},
        {"value": "released"},
        {"condition": False},
        {"window": 0.1, "value_window": 0.2},
        {"tokens": "binary"},
        {"tokens": "manual"},
    ],
    ids=str,
)
def test_the_loss_under_other_settings(changes: dict[str, Any]) -> None:
    compared({**FREE, **changes}, "longest first")


# The same for several replicas at once, each with rows of its own


@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
@pytest.mark.parametrize("mode", [TEACHER, FREE], ids=str)
def test_replicas_have_the_loss_and_the_gradient_of_their_own_rows(decoder: str, mode: dict[str, Any]) -> None:
    method, schema, rows, fitted, _ = prepared(decoder=decoder, dropout=0.0, **mode)
    plan = Plan(batch=16, epochs=2, patience=2)
    trainer = Trainer(GR, schema, rows, rows, plan, [0, 1, 2], [method.config] * 3, dtype=torch.float64)
    trainer.begin(0)
    index, stack = trainer.order.rows[:, :16], trainer.stack
    columns = gather(trainer.columns, index)
    table = trainer.optimiser.tables[0].weight.view(3, -1, 4)
    embedded = torch.stack([table[r][columns.embedded[0][r]] for r in range(3)]).requires_grad_()
    flat = stack.flat.detach().requires_grad_()
    words = trainer.words.fill(trainer.keys, trainer.step_number)
    zero = torch.zeros((), dtype=torch.float64)
    given = Given((embedded,), columns, trainer.targets.at(index), words, zero.long(), zero)
    loss = stack.call("loss", flat, given)
    gradient, by_row = torch.autograd.grad(loss.sum(), [flat, embedded])
    for r in range(3):
        part = rows.take(index[r].numpy())
        module: Any = built(method, schema, fitted, 0, torch.float64)
        pieces = stack.layout.named(stack.flat[r])
        named = dict(module.named_parameters())
        with torch.no_grad():
            for name, piece in pieces.items():
                named[name].copy_(piece)
        mine = embedded[r].detach().requires_grad_()
        batch = batch_of(part, {}, (mine,), torch.float64)
        slow = row_by_row(method.config, module, fitted, batch, np.asarray(part.label), mode is FREE)
        torch.testing.assert_close(loss[r], slow, rtol=1e-6, atol=1e-9)
        expected = torch.autograd.grad(slow, [mine, *(named[name] for name in pieces)])
        torch.testing.assert_close(by_row[r], expected[0], rtol=1e-5, atol=1e-8)
        for ours, theirs in zip(stack.layout.named(gradient[r]).values(), expected[1:], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-8)


# Between the ends of the curriculum


@pytest.mark.parametrize("sampling", ["sample", "batch"])
def test_true_tokens_are_fed_with_probability_p(sampling: str) -> None:
    """With two steps the loss is linear in what is fed at the second, so its mean over draws lies between the ends."""

    def losses(p: float, draws: int) -> np.ndarray:
        method, _, rows, fitted, module = prepared(
            cap=2, schedule="constant", p=p, sampling=sampling, huber_unit="deviation"
        )
        given = torch.randn(100, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        rows = rows.take(np.arange(100))
        batch = batch_of(rows, method.targets(fitted, rows), (given,), torch.float64)
        uniforms = Uniforms()
        with torch.no_grad():
            return np.array([float(method.loss(module, replace(batch, draws=uniforms))) for _ in range(draws)])

    (free,), (true,), between = losses(0.0, 1), losses(1.0, 1), losses(0.3, 200)
    error = max(between.std() / 200**0.5, 1e-12)
    assert abs(true - free) > 10 * error
    assert abs(between.mean() - (0.3 * true + 0.7 * free)) < 4 * error
    if sampling == "batch":
        assert (np.isclose(between, free, rtol=1e-9) | np.isclose(between, true, rtol=1e-9)).all()


STEPS = 12_237  # KuaiRec's in an epoch, at batches of 1024
ENDS = [(4600.0, 4.90), (8500.0, 9.48), (13_000.0, 14.94), (17_000.0, 19.92)]


def curve(schedule: Any, **given: float) -> np.ndarray:
    """p at every step of twenty epochs, in float32 as in training."""
    step = torch.arange(20 * STEPS)
    values = {name: torch.tensor(given.get(name, 1.0)) for name in ("cl_end", "omega", "p")}
    progress = (step.double() / (20 * STEPS)).float()
    return curriculum.probability(schedule, step, progress, epoch_steps=torch.tensor(STEPS), **values).numpy()


@pytest.mark.parametrize(("omega", "epoch"), ENDS)
def test_the_whole_curve_is_equation_7_and_ends_where_the_paper_says(omega: float, epoch: float) -> None:
    tau = np.arange(20 * STEPS)
    expected = omega / (omega + np.exp(tau / omega))
    end = np.flatnonzero(expected <= 0.01)[0]
    assert end / STEPS == pytest.approx(epoch, abs=0.0055)
    for p in (curve("omega", omega=omega), curve("sigmoid", cl_end=float(end) / (20 * STEPS))):
        np.testing.assert_allclose(p[1:], expected[1:], atol=1e-4)
        assert p[0] > 0.999  # the run's length, which follows from progress, is not known yet
        assert np.flatnonzero(p <= 0.01)[0] / STEPS == pytest.approx(epoch, abs=0.01)


@pytest.mark.parametrize("cl_end", [0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("total", [100, 4840, 20 * STEPS, 10**7])
def test_the_end_does_not_depend_on_the_length_of_the_run(cl_end: float, total: int) -> None:
    at = round(cl_end * total)
    given = {"cl_end": torch.tensor(cl_end), "omega": torch.tensor(1.0), "p": torch.tensor(1.0)}
    p = [
        float(curriculum.probability("sigmoid", torch.tensor(s), torch.tensor(s / total), epoch_steps=at, **given))
        for s in (0, max(at // 2, 1), at - 1, at)
    ]
    assert p[0] > 0.9 and p[0] > p[1] > 0.01 and p[2] > p[3]
    assert p[3] == pytest.approx(0.01, rel=0.01)
