"""Towers of layers in compiled loops, against the same layers as torch has them."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from benchmark.train.adapt import Tower, adapt
from benchmark.train.draws import HostWords, Stream, Tape, key, seed_of
from benchmark.train.host import beneath
from benchmark.train.host.beneath import over_replicas
from benchmark.train.parameters import Layout, Places
from benchmark.train.resident import gather, resident
from benchmark.train.stack import Given, Stack
from datasets.schema import Rows
from methods.base import Dropout
from methods.tr import TR
from tests.worlds import watch_world

S, B = 3, 7
Plain = Callable[..., Tensor]


def layers(*, dropout: float | None = 0.25) -> nn.Sequential:
    drop = [] if dropout is None else [nn.Dropout(dropout)]
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), *drop, nn.Linear(8, 6), nn.ReLU(), *drop, nn.Linear(6, 2))


def replicas(build: Callable[[], nn.Module], dtype: torch.dtype) -> tuple[nn.Module, dict[str, Tensor], Tensor]:
    """A module to call, the parameters and buffers of S like it, and inputs [S, B, 5]."""
    torch.manual_seed(0)
    modules = [build().to(dtype) for _ in range(S)]
    parameters, buffers = stack_module_state(modules)
    state = {name: tensor.detach() for name, tensor in (parameters | buffers).items()}
    return modules[0], state, torch.randn(S, B, 5, dtype=dtype)


def answers(module: nn.Module, state: dict[str, Tensor], x: Tensor, words: Tensor, *, mapped: bool = True) -> Tensor:
    """The module's outputs for all replicas, [S, B, 2]. words: int32 [S, n], from which dropout draws."""
    towers = [part for part in module.modules() if isinstance(part, Tower)]

    def one(x: Tensor, words: Tensor, *tensors: Tensor) -> Tensor:
        for tower in towers:
            tower.replicas = len(words_of) if mapped else 0
        for part in module.modules():
            if isinstance(part, Dropout):
                part.draws = Tape(x.dtype, x.device, words) if part is first else first.draws
        with Places(module).hold(dict(zip(state, tensors, strict=True))):
            return module(x)

    words_of = words
    first: Any = next((part for part in module.modules() if isinstance(part, Dropout)), None)
    everything = [x, words, *state.values()]
    if mapped:
        return over_replicas(one, len(x), everything, [0] * len(everything))
    return torch.stack([one(*(tensor[s] for tensor in everything)) for s in range(len(x))])


def by_torch(state: dict[str, Tensor], x: Tensor, words: Tensor, p: float | None) -> Tensor:
    """The same layers one replica at a time, with masks by Tape.keep."""
    out = []
    for s in range(len(x)):
        tape, h = Tape(x.dtype, x.device, words[s]), x[s]
        weights = [name for name in state if name.endswith("weight")]
        for place, name in enumerate(weights):
            h = nn.functional.linear(h, state[name][s], state[name.replace("weight", "bias")][s])
            if place < len(weights) - 1:
                h = h.relu() if p is None else h.relu() * tape.keep(p, h.shape)
        out.append(h)
    return torch.stack(out)


def gradients(outputs: Tensor, leaves: Sequence[Tensor]) -> tuple[Tensor, ...]:
    weight = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view(outputs.shape)
    return torch.autograd.grad((outputs * weight).sum(), leaves)


def words() -> Tensor:
    return HostWords(200).fill(torch.tensor([key(s) for s in range(S)], dtype=torch.int32), torch.zeros(1).long())


@pytest.mark.parametrize("p", [None, 0.0, 0.25])
@pytest.mark.parametrize("mapped", [True, False])
def test_a_tower_is_its_layers(p: float | None, mapped: bool) -> None:
    module, state, x = replicas(lambda: adapt(layers(dropout=p), compiled=True), torch.float64)
    assert isinstance(module, Tower)
    leaves = [x.requires_grad_(), *(t.requires_grad_() for name, t in state.items() if not name.endswith("p"))]
    ours, theirs = answers(module, state, x, words(), mapped=mapped), by_torch(state, x, words(), p)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    for mine, expected in zip(gradients(ours, leaves), gradients(theirs, leaves), strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-12, atol=1e-12)


def test_replicas_may_drop_different_shares() -> None:
    module, state, x = replicas(lambda: adapt(layers(), compiled=True), torch.float64)
    for name in state:
        if name.endswith("p"):
            state[name] = torch.tensor([0.0, 0.3, 0.8], dtype=torch.float64)
    ours = answers(module, state, x, words())
    for s, p in enumerate((0.0, 0.3, 0.8)):
        alone = by_torch({name: t[s : s + 1] for name, t in state.items()}, x[s : s + 1], words()[s : s + 1], p)
        torch.testing.assert_close(ours[s : s + 1], alone, rtol=1e-12, atol=1e-12)


def test_float32_has_the_same_bits_in_any_company() -> None:
    module, state, x = replicas(lambda: adapt(layers(), compiled=True), torch.float32)

    def bits(members: list[int]) -> list[Tensor]:
        some = {name: tensor[members].requires_grad_() for name, tensor in state.items()}
        rows = x[members].requires_grad_()
        out = answers(module, some, rows, words()[members])
        leaves = [rows, *(t for name, t in some.items() if not name.endswith("p"))]
        return [out, *torch.autograd.grad(out.square().sum(), leaves)]

    for mine, others in zip(bits([2, 0]), bits([0, 1, 2]), strict=True):
        assert torch.equal(mine[0], others[2]) and torch.equal(mine[1], others[0])


def test_what_is_not_a_number_is_not_lost_in_a_layer() -> None:
    module, state, x = replicas(lambda: adapt(layers(), compiled=True), torch.float32)
    x[1, 3, 0] = torch.nan
    lost = answers(module, state, x, words()).isnan()
    assert lost[1, 3].all() and lost.sum() == 2


def test_torchs_documented_ways_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    module, state, x = replicas(lambda: adapt(layers(), compiled=True), torch.float32)
    assert beneath.KNOWN, "torch has renamed what the quick way is made of: the slow one is taken"
    quick = answers(module, state, x.requires_grad_(), words())
    monkeypatch.setattr(beneath, "KNOWN", False)
    beneath._ready.cache_clear()
    slow = answers(module, state, x, words())
    beneath._ready.cache_clear()
    assert torch.equal(quick, slow)
    assert torch.equal(*(torch.autograd.grad(out.sum(), x)[0] for out in (quick, slow)))


def test_a_map_of_the_authors_own_inside_of_a_tower_is_let_be() -> None:
    module, state, x = replicas(lambda: adapt(layers(dropout=None), compiled=True), torch.float64)
    module.replicas = S  # type: ignore[assignment]

    def one(x: Tensor, *tensors: Tensor) -> Tensor:
        with Places(module).hold(dict(zip(state, tensors, strict=True))):
            return vmap(module)(x.unsqueeze(1))[:, 0]  # row by row

    own = over_replicas(one, S, [x, *state.values()], [0] * (1 + len(state)))
    torch.testing.assert_close(own, by_torch(state, x, words(), None), rtol=1e-12, atol=1e-12)


def test_parameters_stand_in_one_row_and_come_back_in_their_shapes() -> None:
    module = nn.ModuleDict({"tower": adapt(layers(dropout=None), compiled=True), "head": nn.Linear(2, 3)})
    stacked = {name: torch.stack([p.detach(), 2 * p.detach()]) for name, p in module.named_parameters()}
    layout = Layout.of(module)
    assert layout.turned == {"tower.0.weight", "tower.2.weight"}
    flat = layout.flat(stacked, 2)
    for name, tensor in layout.named(flat[1]).items():
        assert torch.equal(tensor, stacked[name][1])


def test_tensors_stand_in_for_parameters_as_functional_call_has_it() -> None:
    module = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3), "norm": nn.BatchNorm1d(3)}).eval()
    module["b"].weight = module["a"].weight  # tied
    chain = nn.Sequential(*copy.copy(module).values())
    state = {name: torch.randn_like(t) for name, t in [*chain.named_parameters(), *chain.named_buffers()] if t.dim()}
    state["2.running_var"] = state["2.running_var"].square()
    x, before = torch.randn(4, 3), copy.deepcopy(dict(chain.state_dict()))
    with Places(chain).hold(state):
        ours = chain(x)
    assert torch.equal(ours, functional_call(chain, state, (x,)))
    assert all(torch.equal(tensor, before[name]) for name, tensor in chain.state_dict().items())


def test_a_step_in_float32_is_float64s_but_for_rounding() -> None:
    """Loss and gradients of compiled float32 against float64 in torch's own operations, on the same draws."""
    schema, rows = watch_world(512)
    made, fitted = {}, TR().fit(rows, np.random.default_rng(0))
    for dtype, compiled in ((torch.float32, True), (torch.float64, False)):
        config = TR.Config(dim=16, hidden=(64, 64, 64))
        stack = Stack(
            TR, schema, [config] * 2, [0, 1], [fitted] * 2, torch.device("cpu"), torch.float32, compiled=compiled
        )  # fmt: skip
        made[compiled] = _gradients(stack, rows, dtype)
    for ours, exact in zip(made[True], made[False], strict=True):
        assert ((ours.double() - exact).norm() / exact.norm()).item() < 1e-5


def _gradients(stack: Stack, rows: Rows, dtype: torch.dtype) -> list[Tensor]:
    """The losses [S], and the gradients of the embeddings and, in their own shapes, of all parameters."""
    stack.dtype, count, device = dtype, len(stack), torch.device("cpu")
    for held in (stack.buffers, stack.hyper):
        held.update({name: tensor.to(dtype) for name, tensor in held.items() if tensor.is_floating_point()})
    index = torch.arange(len(rows)).expand(count, -1)
    columns = gather(resident(rows, stack.schema, stack.tables, device, dtype), index)
    weight = stack.initial_rows(stack.banks[0]).to(dtype).view(count, stack.banks[0].rows, -1)
    bank = torch.stack([weight[s][columns.embedded[0][s]] for s in range(count)]).requires_grad_()
    flat = stack.flat.to(dtype).requires_grad_()
    seeds, zero = torch.tensor([key(s) for s in range(count)], dtype=torch.int32), torch.zeros((), dtype=dtype)
    drawn = HostWords(200_000).fill(seeds, zero.long().view(1))
    stack.module.train()
    loss = stack.call("loss", flat, Given((bank,), columns, {}, drawn, zero.long(), zero))
    grad, by_row = torch.autograd.grad(loss.sum(), [flat, bank])
    named = [stack.layout.named(row) for row in grad]
    return [loss.detach(), by_row, *(torch.stack([each[name] for each in named]) for name in named[0])]


def test_embeddings_start_as_if_each_table_were_drawn_alone() -> None:
    schema, rows = watch_world(64)
    config, fitted = TR.Config(dim=3, hidden=(4,)), TR().fit(rows, np.random.default_rng(0))
    stack = Stack(TR, schema, [config] * 2, [4, 9], [fitted] * 2, torch.device("cpu"), torch.float32)
    (bank,) = stack.banks
    alone = []
    for seed in (4, 9):
        generator = torch.Generator().manual_seed(seed_of(seed, Stream.EMBEDDINGS, 3))
        alone += [torch.empty(count, 3).normal_(0, std, generator=generator) for count, std in bank.std]
    assert torch.equal(stack.initial_rows(bank), torch.cat(alone))
