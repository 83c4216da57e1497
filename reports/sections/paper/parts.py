"""What each part of a method contributes: two of its rows that differ in that part alone, and the verdict."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from reports.evidence import learned
from reports.evidence.differences import Gap, Pair, behind, judged
from reports.markup.document import slug
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import plain, sentence_list, signed
from reports.model.board import Board
from reports.model.metrics import METRICS, digits
from reports.model.papers import Paper
from reports.model.rows import results
from reports.model.supplements import PartRow, Supplement
from reports.sections.paper.comparison import seeds

Found = Mapping[tuple[str, str, str], tuple[Gap, str]]  # metric, with, without -> the difference and its word


def contributions(board: Board, paper: Paper, dataset: str, supplement: Supplement, name: str) -> Table | None:
    """A row for each pair: with the part less without it, metric by metric, with its 95 % interval and its word. None
    where no pair has numbers."""
    there = {row.name: result for row, result in results(board, dataset, supplement).items()}
    shown = _there(there.keys(), supplement)
    if not shown:
        return None
    found = _found(board, dataset, supplement)
    unit, few = board.unit(dataset), any(result.few for result in there.values())
    rows = []
    for part in shown:
        first = [Entry(text=plain(text)) for text in (part.part, part.more, part.less)]
        counts = [seeds(there[part.more]), seeds(there[part.less])] * few
        pairs = [(metric, found.get((metric, part.more, part.less))) for metric in supplement.metrics]
        rows.append((*first, *counts, *(_entry(pair, digits(metric, unit)) for metric, pair in pairs)))
    columns = (
        *(text_column(key, key) for key in ("part", "with", "without")),
        *[Column("seeds_with", "seeds with", digits=0), Column("seeds_without", "seeds without", digits=0)] * few,
        *(text_column(metric, METRICS[metric].title) for metric in supplement.metrics),
    )
    caption = f"{paper.key}, {supplement.title}, {name}"
    return Table(slug(paper.key, supplement.key, dataset), caption, columns, tuple(rows))


def _there(names: Collection[str], supplement: Supplement) -> list[PartRow]:
    """The pairs of which both rows have numbers."""
    return [part for part in supplement.parts if part.more in names and part.less in names]


def _entry(pair: tuple[Gap, str] | None, places: int) -> Entry:
    """ "worse: -0.012 [-0.020, -0.004]" """
    if pair is None:
        return Entry()
    gap, word = pair
    text = f"{word}: {signed(gap.value, places)}"
    if gap.found:
        text += " [" + ", ".join(signed(end, places) for end in gap.found.interval) + "]"
    return Entry(gap.value, text=text)


def told(board: Board, dataset: str, supplement: Supplement) -> Iterator[str]:
    """A line for each part, one that sums up, and what they rest on."""
    there = {row.name: result for row, result in results(board, dataset, supplement).items()}
    shown, found = _there(there.keys(), supplement), _found(board, dataset, supplement)
    good, bad, neither = list[str](), list[str](), list[str]()
    for title in dict.fromkeys(part.part for part in shown):
        pairs = [(part.more, part.less) for part in shown if part.part == title]
        texts, words = [], Counter[str]()
        for metric in supplement.metrics:
            mine = Counter(found[metric, *pair][1] for pair in pairs if (metric, *pair) in found)
            if mine:
                texts.append(f"{METRICS[metric].name} {sentence_list([_count(w, c, mine) for w, c in mine.items()])}")
            words += mine
        if texts:
            yield f"{_first(plain(title))}: {'; '.join(texts)}."
        (good if words["better"] else bad if words["worse"] else neither).append(plain(title))
    texts = [f"{sentence_list(names)} {says}" for names, says in (
        (good, "in some metric"), (bad, "in none, and harm in some"), (neither, "in none that is told apart from noise")
    ) if names]  # fmt: skip
    yield f"Helpful beyond noise on this data: {'; '.join(texts)}."
    yield (
        "A difference is the row with the part less the row without it, in brackets its 95 % interval by itself. "
        + behind([gap for gap, _ in found.values()])
    )
    yield from learned.lines(board, dataset, there)
    lacking = [plain(row.name) for row in supplement.rows if row.name not in there]
    if lacking:
        yield f"Without numbers here: {sentence_list(lacking)}."


def _count(word: str, count: int, words: Counter[str]) -> str:
    return word if count == words.total() else f"{word} in {count} of {words.total()}"


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _found(board: Board, dataset: str, supplement: Supplement) -> Found:
    """Every pair that has the metric; noise is by Holm over all pairs of a metric."""
    there = {row.name: result for row, result in results(board, dataset, supplement).items()}
    pairs = [Pair(p.more, there[p.more], p.less, there[p.less]) for p in _there(there.keys(), supplement)]
    return {
        (metric, gap.pair.name, gap.pair.other_name): (gap, word)
        for metric in supplement.metrics
        for gap, word in judged(board, dataset, pairs, metric)
    }
