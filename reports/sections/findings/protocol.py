"""Findings on what moves numbers without being a method: the protocol, the estimand, and runs that went wrong."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from benchmark.records.curves import by_row, counts, schedule_end
from reports.evidence.differences import Pair, judged
from reports.evidence.estimand import between, rho
from reports.evidence.field import Field, field
from reports.evidence.notes import ailments
from reports.evidence.stats import LEVEL, holm
from reports.markup.text import number, plain
from reports.model.board import Board, Result
from reports.model.methods import Tweak
from reports.model.methods import tweaks as known_tweaks
from reports.model.metrics import ERRORS, HEADLINE, digits
from reports.sections.findings.finding import Finding, board_of, of
from reports.sections.tweaks import gathered

_STRONG = 0.7  # a Spearman correlation from which the one nearly decides the other


def tweaks(board: Board) -> Iterator[Finding]:
    """Which changes of protocol move the headline error by more than the methods lie apart."""
    board, dataset = board.untuned, known_tweaks().base
    base, found = gathered(board)
    means = {method: value for method, entry in base.items() if (value := entry.mean(HEADLINE)) is not None}
    if len(means) < 2:
        return
    unit = board.unit(dataset)
    places = digits(HEADLINE, unit)
    widest = max(means.values()) - min(means.values())
    moves: list[Move] = []
    for tweak, entries in found:
        pairs = [Pair(m, e, m, base[m]) for m, e in entries.items() if m in means]
        moves += [(abs(gap.value), word, tweak, gap.pair) for gap, word in judged(board, dataset, pairs, HEADLINE)]
    sure = [move for move in moves if move[1] in ("better", "worse")]
    if not sure:
        return
    more = sum(move[0] > widest for move in sure)
    told = [f"the most by {_move(max(sure, key=_size), places, unit)}"]
    label = board.facts(dataset).get("label")
    same = [move for move in sure if board.facts(move[2].dataset or dataset).get("label") == label]
    if same and max(same, key=_size) is not max(sure, key=_size):
        told.append(f"of those with the same label {_move(max(same, key=_size), places, unit)}")
    head = "Choices of protocol can move" if more else "No choice of protocol moves"
    text = (
        f"**{head} numbers more than methods do.** On {board_of(dataset)}, {len(means)} methods lie "
        f"{number(widest, places)} {unit} apart in {HEADLINE.upper()}. Of {len(moves)} changes of one choice for one "
        f"method, {len(sure)} move it beyond the spread of seeds, {more} by more than that; {', '.join(told)} "
        "([tweaks](@tweaks))."
    )
    leaders = [t.says for t, entries in found if entries.keys() == base.keys() and _leader(entries) != _leader(base)]
    text += f" By the means another method leads with: {'; '.join(map(plain, leaders))}." if leaders else ""
    yield Finding("tweaks", text)


Move = tuple[float, str, Tweak, Pair]  # how far, better or worse, with which change, of which row


def _size(move: Move) -> float:
    return move[0]


def _move(move: Move, places: int, unit: str) -> str:
    """Returns "0.434 s (a method: a change)"."""
    size, _, tweak, pair = move
    return f"{number(size, places)} {unit} ({plain(pair.result.title)}: {plain(tweak.says)})"


def _leader(entries: Mapping[str, Result]) -> str:
    return min(entries, key=lambda method: entries[method].mean(HEADLINE) or 0.0)


def estimand(board: Board) -> Iterator[Finding]:
    """Whether the order by MAE is one of what rows estimate."""
    there = field(board)
    found = {d: one for d in there.real if (one := rho(there.defaults(d), "mae", "ratio"))}
    if not found:
        return
    strong = sum(one.low > 0 and one.value >= _STRONG for one in found.values())
    low, high = (pick(found, key=lambda d: found[d].value) for pick in (min, max))
    ends = [f"{plain(d)} {found[d]}" for d in dict.fromkeys((low, high))]
    shares = [_range([share for d in found if (share := there.predicted(d, metric)) is not None]) for metric in ERRORS]
    verb = "follows" if 2 * strong > len(found) else "does not mostly follow"
    text = (
        f"**The order by MAE {verb} how much a method predicts.** Over networks, Spearman's correlation of MAE with "
        f"predicted / actual is {_STRONG:g} or more with an interval above 0 on {of(strong, len(found))} boards "
        f"({' to '.join(ends)}).{_explained(there, found)} The best by MAE predicts {shares[0]} of the actual total, "
        f"the best by RMSE {shares[1]} ([board by board](@field#estimands))."
    )
    yield Finding("estimand", text)


def _explained(there: Field, datasets: Iterable[str]) -> str:
    """How much of the order by MAE what rows estimate explains, over boards; "" where nobody says what it is."""
    kinds = [one for d in datasets if (one := between(there.board, there.defaults(d), "mae"))]
    if not kinds:
        return ""
    share, chance = _range([one.share for one in kinds]), _range([one.chance for one in kinds])
    beyond = sum(p < LEVEL for p in holm([one.p for one in kinds]))
    on = f"beyond chance on {beyond or 'none'} of {len(kinds)} boards"
    return (
        f" What rows say they estimate explains {share} of their ranks by MAE (by chance {chance}), {on}, by Kruskal's "
        "and Wallis's test."
    )


def _range(shares: list[float]) -> str:
    """ "13 to 98 %" """
    low, high = (f"{100 * pick(shares):.0f}" for pick in (min, max))
    return f"{low} to {high} %" if low != high else f"{low} %"


def ill(board: Board) -> Iterator[Finding]:
    """How many rows of networks are unwell, by what ails them, and what their curves say."""
    there = field(board)
    found = [result for dataset in there.real for result in there.networks(dataset)]
    if not found:
        return
    words = [ailments(there.board, result) for result in found]
    ails = Counter(word for row in words for word in row)
    kinds = f" ({', '.join(f'{word} {count}' for word, count in ails.most_common())})" if ails else ""
    trained = [record for result in found for record in result.ok]
    kept = counts(by_row(trained))
    total = kept["rows"]
    inside = (
        f"inside an unfinished schedule of the method's own in {of(kept['inside'], total)}"
        if any(record.curve and schedule_end(record.curve) for record in trained)
        else "when a schedule of a method's own ended no record says"
    )
    text = (
        f"**{sum(map(bool, words))} of {len(found)} rows of networks are unwell**{kinds}. For at least half of the "
        f"seeds the kept epoch is the first or second in {of(kept['early'], total)}, the last one allowed in "
        f"{of(kept['limit'], total)}; {inside} (the notes of [each board](@#pages), [board by board](@field#curves))."
    )
    yield Finding("unwell", text)
