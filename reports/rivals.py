"""Does a method beat the others under one protocol, beyond noise? A study's rows against each of its rivals."""

from collections.abc import Iterator, Mapping

from reports import learned
from reports.board import Board, Entry
from reports.differences import Gap, Pair, behind, judged
from reports.leaderboard import COLUMNS, digits
from reports.markdown import NONE, Sheet, plain, sentence_list, signed, table
from reports.studies import Row, Study, entries
from reports.tables import seeds

_SAYS = {"better": "beats", "not told apart": "is not told apart from", "worse": "loses to"}
_OPEN = "has one seed only against"

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
            lines.append([COLUMNS[metric].title, plain(row.name), *[seeds(entry)] * few, *texts])
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
    named = {row.name: _entry(board, dataset, row, study) for row in (*study.rows, *study.rivals)}
    yield from learned.lines(board, dataset, {name: entry for name, entry in named.items() if entry})
    lacking = [plain(name) for name, entry in named.items() if not entry]
    if lacking:
        yield f"Without numbers here: {sentence_list(lacking)}."


def _found(board: Board, dataset: str, study: Study) -> Found:
    """Of every pair with the metric; noise is by Holm over all pairs of a metric."""
    theirs = [(rival, e) for rival in study.rivals if (e := _entry(board, dataset, rival, study))]
    pairs = [
        Pair(row.name, mine, rival.name, other)
        for row, mine in entries(board, dataset, study).items()
        for rival, other in theirs
    ]
    return {
        (metric, gap.pair.name, gap.pair.other_name): (gap, word)
        for metric in study.metrics
        for gap, word in judged(board, dataset, pairs, metric)
    }


def _entry(board: Board, dataset: str, row: Row, study: Study) -> Entry | None:
    entry = board.get(dataset, row.method or study.method, row.variant)
    return entry if entry and entry.ok else None


def _word(found: Found, metric: str, row: str, rival: str) -> str:
    return found[metric, row, rival][1] if (metric, row, rival) in found else ""


def _sentence(found: Found, metric: str, row: str, against: list[str]) -> str:
    """ "GR beats VR, is not told apart from CREAD and loses to boosted trees" """
    parts = []
    for word, says in (*_SAYS.items(), ("one seed only", _OPEN)):
        names = [plain(rival) for rival in against if _word(found, metric, row, rival) == word]
        everyone = ("any" if word == "not told apart" else "all") + " of them"
        parts += [f"{says} {everyone if len(names) == len(against) > 1 else sentence_list(names)}"] if names else []
    return f"{plain(row)} {', '.join(parts)}"


def _title(metric: str) -> str:
    return COLUMNS[metric].title.split()[0]
