"""Each idea by each metric: what it gains on its own ablation and on its best rival, at every number of rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from reports.evidence.differences import Gap, Pair, judged
from reports.evidence.estimand import MEAN, MEDIAN, estimates, unlike
from reports.evidence.stats import LEVEL, discoveries
from reports.model.board import Board, Result
from reports.model.controls import Controls, Idea, controls
from reports.model.front import row
from reports.model.metrics import METRICS

Word = Literal["better", "worse", "tie", "one seed"]


@dataclass(frozen=True, eq=False)
class Duel:
    """An idea's row less another, on one dataset."""

    dataset: str
    gap: Gap
    word: Word

    @property
    def mine(self) -> Result:
        return self.gap.pair.result

    @property
    def other(self) -> Result:
        return self.gap.pair.other

    def unlike(self, board: Board) -> bool:
        """Whether one estimates a mean and the other a median."""
        return unlike(board, self.mine, self.other)


@dataclass(frozen=True, eq=False)
class Trial:
    """One idea by one metric. Duels go from few training rows to many; sizes without numbers are left out."""

    idea: Idea
    metric: str
    ablation: list[Duel] = field(default_factory=list)  # where the assumption holds
    rival: list[Duel] = field(default_factory=list)  # there, the best of the like rivals at each size
    fails: list[Duel] = field(default_factory=list)  # against the ablation where the assumption fails

    @property
    def last(self) -> Duel:
        """The duel with the ablation at most training rows."""
        return self.ablation[-1]

    def oracle(self, board: Board) -> float | None:
        """The best that can be had at most training rows by what estimates the same as the idea."""
        low = METRICS[self.metric].low
        known = [e for e in board.of(self.last.dataset) if e.oracle and e.ok]
        values = [value for e in _alike(board, self.last.mine, known) if (value := e.mean(self.metric)) is not None]
        return (min(values) if low else max(values)) if values else None

    @property
    def failing(self) -> Duel | None:
        """Where the assumption fails, at as many training rows as `last`; None where that was not tried."""
        size = self.last.dataset.removeprefix(self.idea.holds)
        return next((duel for duel in self.fails if duel.dataset == self.idea.fails + size), None)

    def since(self, board: Board) -> int | None:
        """Training rows from which on the idea is better than its ablation at every size; None: at no last one."""
        found = None
        for duel in reversed(self.ablation):
            if duel.word != "better":
                break
            found = rows(board, duel.dataset)
        return found

    @property
    def verdict(self) -> str:
        """Whether it works where it should, in words."""
        words = [duel.word for duel in self.ablation]
        if words[-1] == "one seed":
            return "open: one seed"
        if words[-1] == "better":
            return "works"
        if words[-1] == "worse":
            return "hurts" if "better" not in words else "works with few rows, then hurts"
        return "works with few rows" if "better" in words else "tie" if "worse" not in words else "hurts with few rows"

    @property
    def elsewhere(self) -> str:
        """What it does where its assumption fails, in words; empty where that was not tried."""
        if self.failing is None:
            return ""
        return {"better": "helps there too", "worse": "hurts", "tie": "no help"}.get(self.failing.word, "open")


def rows(board: Board, dataset: str) -> int | None:
    """Training rows."""
    sizes = board.facts(dataset).get("split_sizes", {})
    return int(sizes["train"]) if "train" in sizes else None


def trials(board: Board) -> list[Trial]:
    """Every idea that has numbers beside its ablation where its assumption holds. Better and worse are those that
    Benjamini and Hochberg's procedure finds in a column: all duels with ablations where the assumption holds, all where
    it fails, all with rivals. Of hundreds of questions that nobody asks at once, Holm's would leave none to five
    seeds."""
    return board.keep("controls", lambda: _trials(board, controls()))


def _trials(board: Board, known: Controls) -> list[Trial]:
    found = [Trial(idea, metric) for idea in known.ideas for metric in idea.metrics]
    columns = (
        [(t.ablation, gap) for t in found for gap in _against(board, t, known.sized(t.idea.holds))],
        [(t.fails, gap) for t in found if t.idea.fails for gap in _against(board, t, known.sized(t.idea.fails))],
        [(t.rival, gap) for t in found for gap in _rivals(board, t, known.sized(t.idea.holds))],
    )
    for column in columns:
        asked = {_question(gap): gap.found.p for _, gap in column if gap.found}  # two ideas may ask the same
        tested = dict(zip(asked, discoveries(list(asked.values())), strict=True))
        for place, gap in column:
            place.append(Duel(gap.pair.result.dataset, gap, _word(gap, tested.get(_question(gap)))))
    return [trial for trial in found if trial.ablation]


def _question(gap: Gap) -> tuple[object, ...]:
    return gap.pair.result.key, gap.pair.other.key, gap.metric


def _word(gap: Gap, p: float | None) -> Word:
    if p is None:
        return "one seed"
    if p >= LEVEL:
        return "tie"
    return "better" if (gap.value < 0) == METRICS[gap.metric].low else "worse"


def _against(board: Board, trial: Trial, datasets: list[str]) -> Iterator[Gap]:
    for dataset in datasets:
        mine, other = (board.numbers(dataset, *row(name)) for name in (trial.idea.row, trial.idea.ablation))
        if mine and other:
            yield from _gap(board, mine, other, trial.metric)


def _rivals(board: Board, trial: Trial, datasets: list[str]) -> Iterator[Gap]:
    sign = 1 if METRICS[trial.metric].low else -1
    for dataset in datasets:
        mine = board.numbers(dataset, *row(trial.idea.row))
        known = [e for name in trial.idea.rivals if (e := board.numbers(dataset, *row(name)))]
        if mine:
            alike = _alike(board, mine, known)
            valued = [(sign * value, e.label, e) for e in alike if (value := e.mean(trial.metric)) is not None]
            if valued:
                yield from _gap(board, mine, min(valued, key=lambda one: one[:2])[2], trial.metric)


def _alike(board: Board, mine: Result, known: list[Result]) -> list[Result]:
    """Those that estimate what the row does, a mean or a median, for by an error or a ranking no mean can do what a
    median does; all where it is neither, or none does."""
    kind = estimates(board, mine)
    found = [e for e in known if estimates(board, e) == kind]
    return found if found and kind in (MEAN, MEDIAN) else known


def _gap(board: Board, mine: Result, other: Result, metric: str) -> Iterator[Gap]:
    pair = Pair(mine.label, mine, other.label, other)
    yield from (gap for gap, _ in judged(board, mine.dataset, [pair], metric))
