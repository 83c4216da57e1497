"""GR's vocabularies and sequences against plain Python: divmod, dynamic programming, and Algorithm 1 line by line."""

from typing import Any

import numpy as np
import pytest

from methods.gr.vocabulary import EOS, PAD, SPECIAL, Vocabulary, dynamic_quantile


def random_units(rng: np.random.Generator, largest: int = 400) -> list[int]:
    """Up to twelve tokens down to 1, of any ratio to each other."""
    return sorted({1, *rng.integers(2, largest, rng.integers(0, 12)).tolist()}, reverse=True)


def greedy(amount: int, units: list[int]) -> list[int]:
    """The ids of the sequence, by divmod."""
    out = []
    for place, token in enumerate(units):
        times, amount = divmod(amount, token)
        out += [place + SPECIAL] * times
    assert amount == 0
    return out


def lengths_of_shortest(units: list[int], largest: int) -> list[int]:
    """The least number of tokens for every amount."""
    best = [0]
    for amount in range(1, largest + 1):
        best.append(1 + min(best[amount - token] for token in units if token <= amount))
    return best


def rows_of(sequences: list[list[int]], T: int) -> list[list[int]]:
    """Behind every sequence EOS, then padding; cut to T."""
    return [[*s, EOS, *[PAD] * T][:T] for s in sequences]


def never_rise(tokens: np.ndarray) -> bool:
    classes = np.where(tokens >= SPECIAL, tokens, np.iinfo(np.int16).max)
    return bool((np.diff(classes, axis=1) >= 0).all())


# Encoding


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("unit", [1.0, 0.01, 1e-3])
def test_greedy_sequences_of_random_vocabularies_are_divmods(seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    units = random_units(rng)
    amounts = [0, 1, units[0], *rng.integers(0, 5 * units[0] + 5, 60).tolist()]
    vocabulary = Vocabulary(np.array(units), unit)
    expected = [greedy(amount, units) for amount in amounts]
    T = 1 + max(map(len, expected))
    for labels in (np.array(amounts) * unit, (np.array(amounts) * unit).astype(np.float32)):
        assert vocabulary.encode(labels).tolist() == rows_of(expected, T)
        for cap in (1, 2, T - 1, T, T + 5):
            assert vocabulary.encode(labels, cap).tolist() == rows_of(expected, min(T, max(cap, 1)))
    np.testing.assert_allclose(vocabulary.decode(rows_of(expected, T)), np.array(amounts) * unit, rtol=1e-15)


@pytest.mark.parametrize("seed", range(12))
def test_shortest_sequences_of_random_vocabularies_have_the_least_length(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = random_units(rng, 60 if seed % 2 else 400)
    amounts = np.arange(1500)
    tokens = Vocabulary(np.array(units), 1.0).encode(amounts, shortest=True)
    best = lengths_of_shortest(units, 1499)
    assert (tokens >= SPECIAL).sum(1).tolist() == best
    assert (np.array([*[0] * SPECIAL, *units])[tokens].sum(1) == amounts).all()
    assert never_rise(tokens)
    for amount, token in zip(amounts[1:].tolist(), (tokens[1:, 0] - SPECIAL).tolist(), strict=True):
        begins = [u for u in units if u <= amount and best[amount - u] + 1 == best[amount]]
        assert units[token] == max(begins), "of several shortest, one that begins with the largest token"


@pytest.mark.parametrize("shortest", [False, True])
@pytest.mark.parametrize(("unit", "largest"), [(1.0, 3e5), (0.01, 3e4), (1e-3, 3e3)])
def test_a_million_labels_of_any_unit_are_restored(unit: float, largest: float, shortest: bool) -> None:
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(1_000_000) < 0.3, 0, rng.lognormal(np.log(largest) - 5, 1.2, 1_000_000))
    amounts = np.rint(labels.clip(0, largest) / unit).astype(np.int64)
    vocabulary = dynamic_quantile(amounts[:200_000] * unit, unit)
    seen = amounts[:200_000].max()
    amounts[:6] = 0, 1, seen, seen + 1, 2 * seen + 3, round(largest / unit)
    tokens = vocabulary.encode((amounts * unit).astype(np.float32), cap=None, shortest=shortest)
    restored = np.array([*[0] * SPECIAL, *vocabulary.units.tolist()])[tokens].sum(1)
    assert (restored == amounts).all()
    assert (np.rint(vocabulary.decode(tokens) / unit) == amounts).all()
    assert never_rise(tokens)
    assert ((tokens == EOS).sum(1) == 1).all() and (tokens[0] == [EOS, *[PAD] * (tokens.shape[1] - 1)]).all()


def test_labels_far_beyond_any_seen_repeat_the_largest_token() -> None:
    vocabulary = dynamic_quantile(np.round(np.random.default_rng(0).lognormal(2, 1, 5000), 3))
    top = int(vocabulary.units[0])
    label = np.array([1000 * top + 1]) / 1000
    for shortest in (False, True):
        tokens = vocabulary.encode(label, shortest=shortest)
        assert vocabulary.decode(tokens).tolist() == label.tolist()
        assert (tokens == SPECIAL).sum() >= 999
    capped = vocabulary.encode(label, cap=7)
    assert capped.tolist() == [[SPECIAL] * 7]


# Algorithm 1

SAMPLES: dict[str, tuple[np.ndarray, float]] = {
    "lognormal": (np.random.default_rng(0).lognormal(7, 1, 2000), 1e-3),
    "half of them zero": (np.where(np.arange(4000) % 2, 0, np.random.default_rng(1).lognormal(6, 2, 4000)), 0.01),
    "counts": (np.random.default_rng(2).poisson(4, 3000), 1.0),
    "a few values": (np.random.default_rng(3).choice([0, 30, 30, 59, 1000], 999), 1.0),
    "two rows": (np.array([5, 12_345]), 1e-3),
    "one outlier": (np.array([*np.random.default_rng(4).integers(1, 100, 500).tolist(), 10**7]), 1.0),
    "uniform": (np.random.default_rng(5).integers(0, 3000, 1000), 1e-3),
}
SETTINGS: list[dict[str, float]] = [
    {},
    {"decay": 0.98, "q_end": 0.85},
    {"q_end": 0.5, "decay": 0.9},
    {"eps": 0.05},
    {"q_start": 1.0, "q_end": 0.99, "decay": 1.0, "eps": 0.1},
]


def algorithm_1(
    Y: list[int], *, decay: float = 0.99, eps: float = 1e-6, q_start: float = 0.9999, q_end: float = 0.9
) -> list[int]:
    """The paper's lines 1 to 14, with the percentile of the residuals, in whole units and of positive labels (G1)."""
    y = sorted((value for value in Y if value > 0), reverse=True)
    rest, q, err, tokens = list(y), q_start, float("inf"), []
    while y and err > eps:
        percentile = np.percentile(rest, 100 * q)
        if percentile == 0:
            break
        z = max(1, round(float(percentile)))
        if z not in tokens:
            assert not tokens or z < tokens[-1], "percentiles never rise"
            tokens.append(z)
        rest = [value if value < z else value - z for value in rest]
        err = max(left / whole for left, whole in zip(rest, y, strict=True))
        q = max(q * decay, q_end)
    return tokens if 1 in tokens else [*tokens, 1]


@pytest.mark.parametrize("changes", SETTINGS, ids=str)
@pytest.mark.parametrize("name", SAMPLES)
def test_algorithm_1_line_by_line(name: str, changes: Any) -> None:
    values, unit = SAMPLES[name]
    amounts = np.rint(values).astype(int)
    assert dynamic_quantile(amounts * unit, unit, **changes).units.tolist() == algorithm_1(amounts.tolist(), **changes)


def test_the_order_of_the_rows_does_not_matter() -> None:
    values, unit = SAMPLES["lognormal"]
    labels = np.rint(values) * unit
    shuffled = np.random.default_rng(0).permutation(labels)
    assert dynamic_quantile(shuffled, unit).units.tolist() == dynamic_quantile(labels, unit).units.tolist()


@pytest.mark.parametrize(
    ("label", "size"),
    [
        (np.random.default_rng(0).lognormal(-0.3, 0.8, 300_000).clip(0, 5), 31),  # watch ratios
        (np.random.default_rng(0).lognormal(-0.5, 0.9, 300_000).clip(0, 6), 32),  # minutes in a query, as CIKM16
    ],
)
def test_sizes_of_vocabularies_of_ratios_and_of_short_times(label: np.ndarray, size: int) -> None:
    assert abs(len(dynamic_quantile(np.round(label, 3)).units) - size) <= 3
