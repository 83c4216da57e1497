"""History in, next settings out: nothing else decides what a study tries.

Trials come in batches of BATCH: 0-7, 8-15, ... What a batch tries depends on the trials before the batch alone, never
on one of its own, so they may train together, in any order, and be killed in between.

A batch of which some trials are there already, perhaps of another processor, whose arithmetic differs by rounding and
whose sampler chose otherwise, goes on around them: what is there takes the place of what would be proposed, and no
setting comes twice. Where the trials that are there are those that would be proposed, this changes nothing.

    trial 0     the paper's setting: the method's variant `paper`, where it has one. The sampler is told of it where it
                differs from the default in nothing but what is searched: else its number is not that of the point
    trial 1     ours: the default; where no paper's setting differs from it, it is trial 0 and one more is proposed
    the others  Optuna's TPE sampler in a fresh study that is told the history

A diverged or failed trial is told as infinitely bad: the sampler ranks values, so this is worse than the worst, and
it learns to keep away, which a trial that is not told at all would not teach it.
"""

import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.records.identity import digest
from benchmark.records.trial import Proposal, Proposer, Trial
from benchmark.tuning.space import Choices, Dimension, Range, Space, described, inside, size

if TYPE_CHECKING:
    import numpy as np
    import optuna
    from optuna.distributions import BaseDistribution

BATCH = 8
_ASKS = 100  # for a setting that was not tried before; then the first such in an order of the seed's
# Every argument of the sampler. `gamma` and `weights` are functions: see `_good` and `_weights`.
SAMPLER: Mapping[str, Any] = {
    "consider_prior": True,
    "prior_weight": 1.0,
    "consider_magic_clip": True,
    "consider_endpoints": False,
    "n_startup_trials": BATCH,  # the first batch is random but for the given settings
    "n_ei_candidates": 24,
    "multivariate": True,
    "group": False,
    "warn_independent_sampling": False,
    "constant_liar": True,  # the trials of a batch keep away from each other
    "constraints_func": None,
}


def _good(n: int) -> int:
    """Returns how many of n trials count as good: a tenth, at most 25."""
    return min(math.ceil(0.1 * n), 25)


def _weights(n: int) -> "np.ndarray":
    """Returns the weights of n trials: all count alike."""
    import numpy as np

    return np.ones(n)


@dataclass(frozen=True)
class Search:
    """A study's name, its space, and the settings that it starts from."""

    name: str  # "kuairand/tr/tuned"
    space: Space
    default: Mapping[str, Any]
    paper: Mapping[str, Any] | None = None
    grid: tuple[Mapping[str, Any], ...] = ()  # params in order; a grid has no other proposals

    @property
    def given(self) -> list[tuple[Proposer, Mapping[str, Any]]]:
        """Returns the settings that nobody proposes: a grid's, or the paper's and ours."""
        if self.grid:
            return [("grid", {**self.default, **params}) for params in self.grid]
        if self.paper is None or self.paper == self.default:
            return [("ours", self.default)]
        return [("paper", self.paper), ("ours", self.default)]

    def params(self, config: Mapping[str, Any]) -> dict[str, Any]:
        fields = self.grid[0] if self.grid else [d.field for d in self.space]
        return {name: config[name] for name in fields}

    def reaches(self, config: Mapping[str, Any]) -> bool:
        """Returns whether a proposal could have this configuration."""
        return inside(self.space, config) and config == {**self.default, **self.params(config)}


def batch_of(number: int) -> range:
    """Returns the numbers of the batch that a trial belongs to."""
    start = number // BATCH * BATCH
    return range(start, start + BATCH)


def arguments(search: Search, start: int) -> dict[str, Any]:
    """Returns what the sampler of the batch that begins with trial `start` is made of, as its trials record it: every
    argument, its seed, and the space. Its version stands beside them in a trial: a footnote, as of every library."""
    seed = int(digest(f"{search.name}/{start}".encode())[:8], 16)
    names = {"gamma": "min(ceil(n / 10), 25)", "weights": "1"}
    return {**SAMPLER, **names, "seed": seed, "space": described(search.space)}


def propose(search: Search, start: int, history: Sequence[Trial], there: Sequence[Trial] = ()) -> list[Proposal]:
    """Returns the settings of the batch that begins with trial `start`, but for those that are there; fewer where no
    more are left to try.

    history: the trials before `start`, all of them, in order; there: trials of this batch; a pure function of these.
    """
    if start % BATCH or [trial.number for trial in history] != list(range(start)):
        raise ValueError(
            f"{search.name}: a batch from trial {start} on needs every trial before it, a multiple of {BATCH}"
        )
    numbers = batch_of(start)
    taken = {trial.number for trial in there}
    given = [
        Proposal(number, proposer, search.params(config), config)
        for number, (proposer, config) in enumerate(search.given)
        if number in numbers
    ]
    if search.grid or not search.space:
        return [proposal for proposal in given if proposal.number not in taken]
    found = given + _sampled(search, start, history, given, {trial.number: trial.config for trial in there})
    return [proposal for proposal in found if proposal.number not in taken]


def _sampled(
    search: Search,
    start: int,
    history: Sequence[Trial],
    given: Sequence[Proposal],
    there: Mapping[int, Mapping[str, Any]],
) -> list[Proposal]:
    """there: number -> configuration of the batch's trials that are there: they come back as they are."""
    import optuna
    from optuna.trial import TrialState, create_trial

    known = arguments(search, start)
    seed = known["seed"]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {d.field: _distribution(d) for d in search.space}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that an argument is new or will go: each is written out to stay as it is
        sampler = optuna.samplers.TPESampler(**SAMPLER, gamma=_good, weights=_weights, seed=seed)
        study = optuna.create_study(sampler=sampler, direction="minimize")
        tried = [dict(trial.config) for trial in history] + [dict(proposal.config) for proposal in given]
        for trial in history:
            if (coded := _coded(search, trial.config)) is not None:
                value = trial.objective if trial.outcome == "ok" else math.inf
                study.add_trial(create_trial(params=coded, distributions=distributions, value=value))
        for proposal in given:
            if (coded := _coded(search, proposal.config)) is not None:
                running = create_trial(state=TrialState.RUNNING, params=coded, distributions=distributions)
                study.add_trial(running)
        tried += map(dict, there.values())
        found: list[Proposal] = []
        for number in range(start + len(given), start + BATCH):
            params = _new(study, search, distributions, tried, seed, there.get(number))
            if params is None:
                break
            config = {**search.default, **params}
            tried.append(config)
            found.append(Proposal(number, "tpe", params, config, {"optuna": optuna.__version__, **known}))
        return found


def _new(
    study: "optuna.Study",
    search: Search,
    distributions: "Mapping[str, BaseDistribution]",
    tried: Sequence[Mapping[str, Any]],
    seed: int,
    there: Mapping[str, Any] | None,
) -> dict[str, Any] | None:
    """Returns the parameters of a setting that was not tried before, None where there is none; or those of the
    configuration that is there, after the same draws. It stays a running trial of the study, so that the next one
    keeps away from it."""
    from optuna.trial import TrialState, create_trial

    if there is not None:
        tried = [config for config in tried if config != there]
    if size(search.space) <= len(tried) and not any(True for _ in _untried(search, tried, seed)):
        return None
    for _ in range(_ASKS):
        asked = study.ask(dict(distributions))
        params = {d.field: _decoded(d, asked.params[d.field]) for d in search.space}
        if {**search.default, **params} not in tried:
            if there is None or {**search.default, **params} == there:
                return params
            study.tell(asked, state=TrialState.FAIL)
            break
        study.tell(asked, state=TrialState.FAIL)  # forgotten
    for params in [search.params(there)] if there is not None else _untried(search, tried, seed):
        coded = _coded(search, {**search.default, **params})
        study.add_trial(create_trial(state=TrialState.RUNNING, params=coded, distributions=dict(distributions)))
        return params
    return None


def _untried(search: Search, tried: Sequence[Mapping[str, Any]], seed: int) -> Iterator[dict[str, Any]]:
    """Yields the settings of a finite space that are left, in an order that depends on the seed; nothing of another
    space."""
    if math.isinf(size(search.space)):
        return
    import numpy as np

    rng = np.random.default_rng(seed)
    axes = []
    for d in search.space:
        values = d.values if isinstance(d, Choices) else tuple(range(int(d.low), int(d.high) + 1))
        axes.append([values[place] for place in rng.permutation(len(values))])
    for values in itertools.product(*axes):
        params = dict(zip((d.field for d in search.space), values, strict=True))
        if {**search.default, **params} not in tried:
            yield params


def _distribution(d: Dimension) -> "BaseDistribution":
    """Returns what the sampler is told of a dimension: numbers by their rank or value, so that it knows neighbours;
    anything else by its place."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(d, Range):
        return IntDistribution(int(d.low), int(d.high), log=d.log) if d.whole else FloatDistribution(
            d.low, d.high, log=d.log
        )  # fmt: skip
    if d.ordered:
        return IntDistribution(0, len(d.values) - 1)
    return CategoricalDistribution(tuple(range(len(d.values))))


def _coded(search: Search, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns a configuration's fields as the sampler knows them; None where it is no point of the space."""
    if not search.reaches(config):
        return None
    return {
        d.field: d.values.index(config[d.field]) if isinstance(d, Choices) else config[d.field] for d in search.space
    }


def _decoded(d: Dimension, value: Any) -> Any:
    """Returns the field's value of what the sampler says."""
    return d.values[value] if isinstance(d, Choices) else d.rounded(value)
