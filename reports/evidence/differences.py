"""Which rows of a table differ beyond noise: each against the row that it was made to be compared with, and every two
against a paper's order."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

from reports.evidence.contest import contest
from reports.evidence.stats import LEVEL, Estimate, estimate, holm
from reports.markup.text import plain, sentence_list, signed
from reports.model.board import Board, Result
from reports.model.metrics import METRICS, digits
from reports.model.summary import Summary

_WORDS = ("better", "worse", "not told apart", "one seed only")


@dataclass(frozen=True)
class Pair:
    """A row and the one that it is compared with, each by its name in the table."""

    name: str
    result: Result
    other_name: str
    other: Result


@dataclass(frozen=True)
class Gap:
    """The difference of a pair in a metric."""

    pair: Pair
    metric: str
    found: Estimate | None  # None where one seed hides the noise
    drawn: bool  # whether users were drawn again, or seeds are all there is
    value: float


def told(board: Board, dataset: str, pairs: Sequence[Pair], metrics: Sequence[str]) -> list[str]:
    """A line for each metric and each row that others are compared with, and one on what stands behind them."""
    unit = board.unit(dataset)
    lines, all_ = [], []
    for other in dict.fromkeys(pair.other_name for pair in pairs):
        for metric in metrics:
            if metric not in METRICS or METRICS[metric].better is None:
                continue
            family = [pair for pair in pairs if pair.other_name == other and pair.result is not pair.other]
            found = list(_gaps(board, dataset, family, metric))
            if found:
                title = METRICS[metric].name
                lines.append(f"Against {plain(other)}, {title}: {_sentence(found, metric, unit)}.")
                all_ += found
    return [*lines, behind(all_)] if lines else []


def judged(board: Board, dataset: str, pairs: Sequence[Pair], metric: str) -> list[tuple[Gap, str]]:
    """Each pair's difference where both have the metric, with its word: better, worse, not told apart, one seed only.
    By Holm over all of them."""
    return list(_judged(list(_gaps(board, dataset, pairs, metric))))


def _gaps(board: Board, dataset: str, pairs: Sequence[Pair], metric: str) -> Iterator[Gap]:
    """Each pair's difference: on the same users drawn again where both were resampled, else from the spread of
    seeds."""
    tested = contest(board, dataset, metric)
    for pair in pairs:
        mine, theirs = pair.result.metric(metric), pair.other.metric(metric)
        if mine is None or theirs is None:
            continue
        value = mine.mean - theirs.mean
        if tested and {pair.result, pair.other} <= tested.places.keys():
            yield Gap(pair, metric, tested.difference(pair.result, pair.other), True, value)
        elif mine.std is None or theirs.std is None:
            yield Gap(pair, metric, None, False, value)
        else:
            yield Gap(pair, metric, estimate(value, [of_seeds(mine), of_seeds(theirs)]), False, value)


def of_seeds(summary: Summary) -> tuple[float, float]:
    """The error of a mean over seeds, with its degrees of freedom."""
    return (summary.std or 0.0) / sqrt(summary.n), max(summary.n - 1, 1)


def _judged(found: Sequence[Gap]) -> Iterator[tuple[Gap, str]]:
    """Each difference with its word, by Holm over all of them."""
    known = [gap for gap in found if gap.found]
    adjusted = iter(holm([gap.found.p for gap in known if gap.found]))
    for gap in found:
        if gap.found is None:
            yield gap, "one seed only"
        elif next(adjusted) >= LEVEL:
            yield gap, "not told apart"
        else:
            yield gap, "better" if (gap.value < 0) == METRICS[gap.metric].low else "worse"


def _sentence(found: Sequence[Gap], metric: str, unit: str) -> str:
    texts: dict[str, list[tuple[float, str]]] = {word: [] for word in _WORDS}
    places = digits(metric, unit)
    for gap, word in _judged(found):
        value = round(gap.value, places) + 0.0  # no -0.0000
        texts[word].append((gap.value, f"{plain(gap.pair.name)} ({signed(value, places)})"))
    if len(texts["not told apart"]) == len(found) > 1:
        return f"none of {len(found)} told apart, the farthest by {max(abs(g.value) for g in found):.{places}f}"
    return "; ".join(
        f"{word}: {sentence_list([text for _, text in sorted(items)])}" for word, items in texts.items() if items
    )


def pairwise(board: Board, dataset: str, printed: Mapping[Result, float], metric: str) -> str:
    """Counts the pairs of a paper's rows that are in its order here: "12 of 15 hold, 1 reversed, 2 open", beyond
    noise; empty where there is no pair. printed: the paper's number of each row's result."""
    words = counted(board, dataset, printed, metric)
    if not (count := words.total()):
        return ""
    texts = [f"{words['better']} of {count} hold"]
    texts += [f"{words['worse']} reversed"] if words["worse"] else []
    left = count - words["better"] - words["worse"]
    return ", ".join([*texts, f"{left} open"] if left else texts)


def counted(board: Board, dataset: str, given: Mapping[Result, float], metric: str) -> Counter[str]:
    """How often which word is said of the pairs of results whose given numbers differ, the better of these less the
    other: "better" holds, "worse" is reversed."""
    sign = 1 if METRICS[metric].low else -1
    ordered = sorted(given, key=lambda result: sign * given[result])
    pairs = [Pair("", a, "", b) for a, b in combinations(ordered, 2) if given[a] != given[b]]
    return Counter(word for _, word in _judged(list(_gaps(board, dataset, pairs, metric))))


def behind(found: Sequence[Gap]) -> str:
    """Says what the words rest on."""
    alone = dict.fromkeys(plain(gap.pair.name) for gap in found if gap.found and not gap.drawn)
    words = "Better and worse are beyond noise: p < 0.05, by Holm over the rows of a line"
    if any(gap.drawn for gap in found):
        words += ", users and seeds drawn again"
        words += f"; by the spread of seeds alone, for want of resampling: {sentence_list(list(alone))}" * bool(alone)
    elif alone:
        words += ", by the spread of seeds alone: the test rows were not resampled for these rows"
    fewest = min((e.seeds for gap in found for e in (gap.pair.result, gap.pair.other) if not e.seedless), default=0)
    return f"{words}." + " Two seeds hardly show their spread: read such rows with care." * (fewest == 2)
