"""Keyed draws: the same bits on host and device, uniform, and independent of whoever else draws."""

import numpy as np
import pytest
import torch
from scipy import stats

from benchmark.train.draws import DeviceWords, HostWords, Stream, Tape, key, seed_of, step_keys, words


def tape(seed: int = 0, step: int = 0, count: int = 200_000) -> Tape:
    words = HostWords(count).fill(torch.tensor([key(seed)], dtype=torch.int32), torch.tensor([step]))
    return Tape(torch.float64, torch.device("cpu"), words[0])


def test_host_and_device_make_the_same_words() -> None:
    seeds = torch.tensor([key(s) for s in (0, 1, 99)], dtype=torch.int32)
    for step in (torch.tensor([number]) for number in (0, 17, -1, -(2**31), 2**40 + 3)):
        by_torch = words(step_keys(seeds, step), torch.arange(1000, dtype=torch.int32))
        assert torch.equal(HostWords(1000).fill(seeds, step), by_torch)
        assert torch.equal(DeviceWords(1000, torch.device("cpu")).fill(seeds, step), by_torch)


def test_step_keys_are_the_keys_of_seed_and_step() -> None:
    seeds = torch.tensor([key(3), key(4)], dtype=torch.int32)
    assert step_keys(seeds, torch.tensor([17])).tolist() == [key(3, 17), key(4, 17)]


def test_uniforms_are_uniform() -> None:
    u = tape().uniform((100_000,)).numpy()
    assert 0 < u.min() < u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-3


def test_the_largest_and_smallest_words_stay_inside_the_unit_interval() -> None:
    edge = torch.tensor([-1, 0], dtype=torch.int32)  # all bits set, none set
    for dtype in (torch.float32, torch.float64):
        u = Tape(dtype, torch.device("cpu"), edge).uniform((2,))
        assert 0 < u.min() < u.max() < 1
        assert torch.isfinite(Tape(dtype, torch.device("cpu"), edge).normal((2,))).all()


def test_normals_are_normal() -> None:
    assert stats.kstest(tape().normal((100_000,)).numpy(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_keep_keeps_a_share_of_one_minus_p_and_has_mean_one(p: float) -> None:
    mask = tape().keep(torch.tensor(p, dtype=torch.float64), (300, 1000))
    share = (mask > 0).double().mean().item()
    assert share == pytest.approx(1 - p, abs=5 * np.sqrt(p * (1 - p) / mask.numel()) + 2e-5)
    assert mask.max().item() == pytest.approx(1 / (1 - p))


def test_streams_of_seeds_and_steps_are_uncorrelated() -> None:
    u = torch.stack([tape(s, t, 4000).uniform((4000,)) for s in range(8) for t in range(8)]).numpy()
    off_diagonal = np.corrcoef(u) - np.eye(64)
    assert np.abs(off_diagonal).max() < 5.5 / np.sqrt(4000)


def test_a_tape_without_words_counts_them() -> None:
    counter = Tape(torch.float32, torch.device("cpu"))
    counter.keep(0.2, (10, 3))  # 30 halves: 15 words
    counter.uniform((4,))
    assert counter.at == 19


def test_seeds_are_distinct_and_not_negative() -> None:
    seeds = {seed_of(s, e) for s in range(100) for e in range(100)}
    assert len(seeds) == 10_000 and min(seeds) >= 0


def test_streams_keep_their_numbers() -> None:
    """They are in every record's seeds: another number would be another result."""
    numbers = {"BUILD": 1, "EMBEDDINGS": 2, "FIT": 3, "ORDER": 4, "ESTIMATOR": 5}
    assert {stream.name: stream.value for stream in Stream} == numbers
    assert all(seed_of(7, stream) == seed_of(7, int(stream)) for stream in Stream)
