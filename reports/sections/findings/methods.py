"""Findings on methods against each other and against what needs no network."""

from collections import Counter
from collections.abc import Iterator, Mapping

from reports.evidence import duels
from reports.evidence.duels import Duels, Pick
from reports.evidence.field import PANELS, Field, field
from reports.evidence.race import Race
from reports.markup.text import sentence_list
from reports.model.board import Board, Result
from reports.model.metrics import ERRORS, METRICS
from reports.sections.findings.finding import Finding, most, of

_EVIDENCE = "[board by board](@field#duels)"
_SAID = "Rows of networks, like with like and beyond noise"


def winners(board: Board) -> Iterator[Finding]:
    """Whether anybody is best by both errors, and who leads most often."""
    there = field(board)
    datasets = [d for d in there.real if all(race.contest for race in _races(there, d))]
    if not datasets:
        return
    split = sum(_each_its_own(*_races(there, d)[:2]) for d in datasets)
    both = sum(races[0].best is races[1].best for d in datasets if (races := _races(there, d)))
    texts = []
    for place, panel in enumerate(PANELS):
        count = Counter(best.label for d in datasets if (best := _races(there, d)[place].best))
        texts.append(f"by {panel} {most(count)} ({of(max(count.values()), len(datasets))})")
    head = "One row is the best by both errors on most boards" if 2 * both > len(datasets) else "There is no one winner"
    text = (
        f"**{head}.** On {of(split, len(datasets))} boards the best by MAE and the best by RMSE are two rows, each "
        f"better than the other beyond noise by its own metric; on {of(both, len(datasets))} one row is the best by "
        f"both. The best mean has most often, {'; '.join(texts)} ([the boards, with ties](@#boards))."
    )
    yield Finding("winners", text)


def _races(there: Field, dataset: str) -> list[Race]:
    return [there.race(dataset, metric) for metric in there.metrics(dataset)]


def _each_its_own(one: Race, other: Race) -> bool:
    a, b = one.rows[0], other.rows[0]
    return one.beats(a, b) and other.beats(b, a)


def constants(board: Board) -> Iterator[Finding]:
    """How many rows of networks beat the best label-only constant."""
    yield from _against(field(board), "constants", "the best label-only constant", duels.constant)


def trees(board: Board) -> Iterator[Finding]:
    """How many beat the best boosted trees."""
    yield from _against(field(board), "trees", "boosted trees", duels.trees)


def _against(there: Field, key: str, rival: str, pick: Pick) -> Iterator[Finding]:
    found = {metric: here for metric in ERRORS if (here := duels.duels(there, metric, pick))}
    if found:
        texts = [f"by {METRICS[metric].name} {_told(here)}" for metric, here in found.items()]
        yield Finding(key, f"**{_head(found)} {rival}.** {_SAID}: {'; '.join(texts)} ({_EVIDENCE}).")


def plain_networks(board: Board) -> Iterator[Finding]:
    """How many beat a plain network that is trained on the metric's own loss; where there is none, that is said."""
    there = field(board)
    found = {metric: here for metric in ERRORS if (here := duels.duels(there, metric, duels.plain))}
    if not found:
        return
    texts = []
    for metric, here in found.items():
        names = sentence_list(list(dict.fromkeys(duel.rival.label for duel in here.values())))
        other = sum(_stop(duel.rival) not in ("loss", metric) for duel in here.values())
        how = f" (its epoch chosen by another error on {of(other, len(here))} boards)" if other else ""
        texts.append(f"by {METRICS[metric].name}, against {names}{how}, {_told(here)}")
    lacking = [METRICS[metric].name for metric in ERRORS if metric not in found]
    rest = f" For {sentence_list(lacking)} there is no such row yet." if lacking else ""
    head = f"{_head(found)} a plain network trained on the metric's own loss"
    yield Finding("plain", f"**{head}.** {_SAID}: {'; '.join(texts)} ({_EVIDENCE}).{rest}")


def _stop(result: Result) -> str:
    """What chooses the epoch."""
    return str(result.ok[0].protocol.get("stop", "loss"))


def _head(found: Mapping[str, Mapping[str, Duels]]) -> str:
    all_ = [duel for here in found.values() for duel in here.values()]
    won, rows = sum(len(duel.won) for duel in all_), sum(duel.rows for duel in all_)
    return "No network beats" if not won else f"{'Most' if 2 * won > rows else 'Fewer than half of the'} networks beat"


def _told(here: Mapping[str, Duels]) -> str:
    """ "29 of 90 better, on 3 of 5 boards, 2 worse, 59 open" """
    won, rows = sum(len(duel.won) for duel in here.values()), sum(duel.rows for duel in here.values())
    lost = sum(duel.lost for duel in here.values())
    where = f", on {of(sum(bool(duel.won) for duel in here.values()), len(here))} boards" if won else ""
    return f"{of(won, rows)} better{where}, {lost} worse, {rows - won - lost} open"
