"""Does a method beat the others under one protocol, beyond noise? A supplement's rows against each of its rivals."""

from collections.abc import Iterator, Mapping

from reports.evidence import learned
from reports.evidence.differences import Gap, Pair, behind, judged
from reports.markup.document import slug
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import plain, sentence_list, signed
from reports.model.board import Board
from reports.model.metrics import METRICS, digits
from reports.model.papers import Paper
from reports.model.rows import numbers, results
from reports.model.supplements import Supplement
from reports.sections.paper.comparison import seeds

_SAYS = {  # a word -> how it is said of some, and of everyone
    "better": ("beats", "all of them"),
    "not told apart": ("is not told apart from", "any of them"),
    "worse": ("loses to", "all of them"),
    "one seed only": ("has one seed only against", "all of them"),
}

Found = Mapping[tuple[str, str, str], tuple[Gap, str]]  # metric, row, rival -> the difference and its word


def verdicts(board: Board, paper: Paper, dataset: str, supplement: Supplement, name: str) -> Table | None:
    """A row for each metric and variant, a column for each rival: the word and the difference, below 0 where the row's
    number is less. None where no row or no rival has numbers."""
    found = _found(board, dataset, supplement)
    if not found:
        return None
    unit, there = board.unit(dataset), results(board, dataset, supplement)
    few = any(result.few for result in there.values())
    rows = []
    for metric in supplement.metrics:
        for row, result in there.items():
            first = [Entry(text=METRICS[metric].title), Entry(text=plain(row.name)), *[seeds(result)] * few]
            pairs = [found.get((metric, row.name, rival.name)) for rival in supplement.rivals]
            rows.append((*first, *(_entry(pair, digits(metric, unit)) for pair in pairs)))
    columns = (
        text_column("metric", "metric"),
        text_column("variant", "variant"),
        *[Column("seeds", "seeds", digits=0)] * few,
        *(text_column(slug("against", rival.name), f"against {plain(rival.name)}") for rival in supplement.rivals),
    )
    caption = f"{paper.key}, {supplement.title}, {name}"
    return Table(slug(paper.key, supplement.key, dataset), caption, columns, tuple(rows))


def _entry(pair: tuple[Gap, str] | None, places: int) -> Entry:
    return Entry(pair[0].value, text=f"{pair[1]} ({signed(pair[0].value, places)})") if pair else Entry()


def answers(board: Board, dataset: str, supplement: Supplement) -> Iterator[str]:
    """The same in words: first whether a row beats them all, then metric by metric, then what that rests on."""
    found = _found(board, dataset, supplement)
    rows = list(dict.fromkeys(row for _, row, _ in found))
    against = list(dict.fromkeys(rival for _, _, rival in found))
    texts = []
    for row in rows:
        won = [m for m in supplement.metrics if all(_word(found, m, row, rival) == "better" for rival in against)]
        texts.append(f"{plain(row)} in {sentence_list([METRICS[m].name for m in won]) or 'none'}")
    metrics = sentence_list([METRICS[metric].name for metric in supplement.metrics])
    all_ = sentence_list([plain(rival) for rival in against])
    yield f"Ahead of each of {all_} beyond noise: {'; '.join(texts)}, of {metrics}."
    for metric in supplement.metrics:
        yield f"{METRICS[metric].name}: {'; '.join(_sentence(found, metric, row, against) for row in rows)}."
    yield behind([gap for gap, _ in found.values()])
    everyone = (*supplement.rows, *supplement.rivals)
    there = numbers(board, dataset, supplement, everyone)
    yield from learned.lines(board, dataset, {row.name: result for row, result in there.items()})
    lacking = [plain(row.name) for row in everyone if row not in there]
    if lacking:
        yield f"Without numbers here: {sentence_list(lacking)}."


def _found(board: Board, dataset: str, supplement: Supplement) -> Found:
    """Compares every pair that has the metric; noise is by Holm over all pairs of a metric."""
    theirs = numbers(board, dataset, supplement, supplement.rivals)
    pairs = [
        Pair(row.name, mine, rival.name, other)
        for row, mine in results(board, dataset, supplement).items()
        for rival, other in theirs.items()
    ]
    return {
        (metric, gap.pair.name, gap.pair.other_name): (gap, word)
        for metric in supplement.metrics
        for gap, word in judged(board, dataset, pairs, metric)
    }


def _word(found: Found, metric: str, row: str, rival: str) -> str:
    return found[metric, row, rival][1] if (metric, row, rival) in found else ""


def _sentence(found: Found, metric: str, row: str, against: list[str]) -> str:
    """ "A beats B, is not told apart from C and loses to boosted trees" """
    parts = []
    for word, (says, everyone) in _SAYS.items():
        names = [plain(rival) for rival in against if _word(found, metric, row, rival) == word]
        parts += [f"{says} {everyone if len(names) == len(against) > 1 else sentence_list(names)}"] if names else []
    return f"{plain(row)} {', '.join(parts)}"
