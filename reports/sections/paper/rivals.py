"""Does a method beat the others under one protocol, beyond noise? A study's rows against each of its rivals."""

from collections.abc import Iterator, Mapping

from reports.evidence import learned
from reports.evidence.differences import Gap, Pair, behind, judged
from reports.markup.markdown import NONE, Sheet, plain, sentence_list, signed, table
from reports.model.board import Board
from reports.model.metrics import METRICS, digits
from reports.model.studies import Study, entries, numbers
from reports.sections.paper.comparison import seeds

_SAYS = {  # a word -> how it is said of some, and of everyone
    "better": ("beats", "all of them"),
    "not told apart": ("is not told apart from", "any of them"),
    "worse": ("loses to", "all of them"),
    "one seed only": ("has one seed only against", "all of them"),
}

Found = Mapping[tuple[str, str, str], tuple[Gap, str]]  # metric, row, rival -> the difference and its word


def verdicts(board: Board, dataset: str, study: Study) -> Sheet | None:
    """A line for each row and metric, a column for each rival: the word and the difference, below 0 where the row's
    number is less. None where no row or no rival has numbers."""
    found = _found(board, dataset, study)
    if not found:
        return None
    unit, there = str(board.facts(dataset).get("unit", "s")), entries(board, dataset, study)
    few = any(entry.few for entry in there.values())
    lines = []
    for metric in study.metrics:
        for row, entry in there.items():
            cells = [found.get((metric, row.name, rival.name)) for rival in study.rivals]
            texts = [f"{c[1]} ({signed(c[0].value, digits(metric, unit))})" if c else NONE for c in cells]
            lines.append([METRICS[metric].title, plain(row.name), *[seeds(entry)] * few, *texts])
    head = ["metric", "variant", *["seeds"] * few, *(f"against {plain(rival.name)}" for rival in study.rivals)]
    return table(head, lines, left=2)


def answers(board: Board, dataset: str, study: Study) -> Iterator[str]:
    """The same in words: first whether a row beats them all, then metric by metric, then what that rests on."""
    found = _found(board, dataset, study)
    rows = list(dict.fromkeys(row for _, row, _ in found))
    against = list(dict.fromkeys(rival for _, _, rival in found))
    texts = []
    for row in rows:
        won = [m for m in study.metrics if all(_word(found, m, row, rival) == "better" for rival in against)]
        texts.append(f"{plain(row)} in {sentence_list([_title(m) for m in won]) or 'none'}")
    metrics = sentence_list([_title(metric) for metric in study.metrics])
    all_ = sentence_list([plain(rival) for rival in against])
    yield f"Ahead of each of {all_} beyond noise: {'; '.join(texts)}, of {metrics}."
    for metric in study.metrics:
        yield f"{_title(metric)}: {'; '.join(_sentence(found, metric, row, against) for row in rows)}."
    yield behind([gap for gap, _ in found.values()])
    everyone = (*study.rows, *study.rivals)
    there = numbers(board, dataset, study, everyone)
    yield from learned.lines(board, dataset, {row.name: entry for row, entry in there.items()})
    lacking = [plain(row.name) for row in everyone if row not in there]
    if lacking:
        yield f"Without numbers here: {sentence_list(lacking)}."


def _found(board: Board, dataset: str, study: Study) -> Found:
    """Of every pair with the metric; noise is by Holm over all pairs of a metric."""
    theirs = numbers(board, dataset, study, study.rivals)
    pairs = [
        Pair(row.name, mine, rival.name, other)
        for row, mine in entries(board, dataset, study).items()
        for rival, other in theirs.items()
    ]
    return {
        (metric, gap.pair.name, gap.pair.other_name): (gap, word)
        for metric in study.metrics
        for gap, word in judged(board, dataset, pairs, metric)
    }


def _word(found: Found, metric: str, row: str, rival: str) -> str:
    return found[metric, row, rival][1] if (metric, row, rival) in found else ""


def _sentence(found: Found, metric: str, row: str, against: list[str]) -> str:
    """ "GR beats VR, is not told apart from CREAD and loses to boosted trees" """
    parts = []
    for word, (says, everyone) in _SAYS.items():
        names = [plain(rival) for rival in against if _word(found, metric, row, rival) == word]
        parts += [f"{says} {everyone if len(names) == len(against) > 1 else sentence_list(names)}"] if names else []
    return f"{plain(row)} {', '.join(parts)}"


def _title(metric: str) -> str:
    return METRICS[metric].title.split()[0]
