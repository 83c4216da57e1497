"""The importance of tuned parameters: how much each decides of a study's objective, from a few trials."""

from collections.abc import Sequence
from itertools import groupby

from benchmark.records.trial import Trial

_PARTS = 3  # of a parameter whose values hardly repeat


def importance(trials: Sequence[Trial]) -> dict[str, float]:
    """Per parameter, Kruskal's and Wallis's epsilon^2: the share of the variance of the trials' ranks that lies between
    its values, less what as many groups would show by chance, cut at 0. A trial without a number ranks last; a range is
    cut in three. Parameters that did not vary, or vary with every trial, are left out; so are trials that differ from
    ours in what was not searched, as a paper's setting may.

    It looks at one parameter at a time, and at settings that a search chose: a description, no test.
    """
    trials = _alike(trials)
    ranks = _ranks([trial.objective for trial in trials])
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    found = {name: _epsilon(ranks, _groups([trial.params.get(name) for trial in trials])) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _alike(trials: Sequence[Trial]) -> list[Trial]:
    def rest(trial: Trial) -> dict[str, object]:
        return {name: value for name, value in trial.config.items() if name not in trial.params}

    base = next((rest(trial) for trial in trials if trial.proposer != "paper"), None)
    return [trial for trial in trials if rest(trial) == base]


def _ranks(values: Sequence[float | None]) -> list[float]:
    """Ties share their mean rank; None is last."""
    keys = [float("inf") if value is None else value for value in values]
    order = sorted(range(len(keys)), key=lambda k: keys[k])
    ranks, done = [0.0] * len(keys), 0
    for _, same in groupby(order, key=lambda k: keys[k]):
        places = list(same)
        for place in places:
            ranks[place] = done + (len(places) + 1) / 2
        done += len(places)
    return ranks


def _groups(values: Sequence[object]) -> list[object]:
    """The value itself, or the third of the order that it lies in."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(values) and len(set(numbers)) > len(values) / 2:
        return [int((rank - 1) * _PARTS / len(values)) for rank in _ranks([float(v) for v in numbers])]
    return [repr(value) for value in values]


def _epsilon(ranks: Sequence[float], groups: Sequence[object]) -> float | None:
    n, k = len(ranks), len(set(groups))
    mean = sum(ranks) / n
    total = sum((rank - mean) ** 2 for rank in ranks)
    if k < 2 or n <= k or total == 0:
        return None
    members = {g: [r for r, other in zip(ranks, groups, strict=True) if other == g] for g in dict.fromkeys(groups)}
    between = sum(len(m) * (sum(m) / len(m) - mean) ** 2 for m in members.values())
    return max(0.0, 1 - (1 - between / total) * (n - 1) / (n - k))
