"""What a change of protocol or size does to the numbers, held against the gaps between methods: measured here, one
change at a time, for who compares numbers of different papers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reports.evidence.differences import Pair, told
from reports.markup.block import Block, Section, Titled
from reports.markup.markdown import NONE, number, plain, signed, table
from reports.markup.picture import slug
from reports.model.board import Board, Entry
from reports.model.metrics import HEADLINE, METRICS, digits
from reports.model.summary import plus_minus

BASE = "kuairec"
METHODS = ("tr", "wlr", "d2q", "tpm", "cread", "gr")
_METRICS = ("mae", "xauc")


@dataclass(frozen=True)
class Tweak:
    """One change: another protocol of the base's rows, or a variant of one method."""

    words: str
    dataset: str = BASE
    variant: str = "default"


TWEAKS = (
    Tweak("label capped at 60 s", "kuairec@cap60"),
    Tweak("duration is no feature", "kuairec@no-duration"),
    Tweak("batches of 256 rows, not 1,024", "kuairec@batch256"),
    Tweak("batches of 4,096 rows", "kuairec@batch4096"),
    Tweak("all 20 epochs, the best of them on validation rows", "kuairec@unstopped"),
    Tweak("the last of 20 epochs, not the best on validation rows", "kuairec@last"),
    Tweak("embeddings of 8, not 64", variant="dim8"),
    Tweak("embeddings of 16", variant="dim16"),
    Tweak("embeddings of 32", variant="dim32"),
    Tweak("embeddings of 128", variant="dim128"),
)


Entries = dict[str, Entry]  # by method
Found = list[tuple[Tweak, Entries]]


def section(board: Board) -> Section | None:
    """None until there is a tweak with numbers beside the base's."""
    base = {method: entry for method in METHODS if (entry := board.numbers(BASE, method))}
    found = [(tweak, {m: e for m in base if (e := board.numbers(tweak.dataset, m, tweak.variant))}) for tweak in TWEAKS]
    found = [(tweak, entries) for tweak, entries in found if entries]
    if len(base) < 2 or not found:
        return None
    unit = str(board.facts(BASE).get("unit", "s"))
    tables = tuple(_table(metric, base, found, unit) for metric in _METRICS)
    return Section(
        "Tweaks that matter as much as methods",
        "One change at a time, everything else as on the board; in brackets the change of the mean. A number printed "
        "under another cap, batch or stopping rule is not comparable, however many digits it has.",
        (Block(plain(BASE), tables=tables, lines=tuple(_told(board, base, found, unit))),),
    )


def _table(metric: str, base: Entries, found: Found, unit: str) -> Titled:
    places = digits(metric, unit)
    rows = [["as the board has it", *(plus_minus(e.metric(metric), places) for e in base.values())]]
    for tweak, entries in found:
        rows.append([plain(tweak.words), *(_cell(entries.get(m), base[m], metric, places) for m in base)])
    title = METRICS[metric].title
    words = f"{title} ({unit})" if metric == HEADLINE else title
    return Titled(
        slug("tweaks", metric),
        f"Tweaks against methods: {title.split()[0]}",
        table([words, *(plain(entry.title) for entry in base.values())], rows),
    )


def _cell(entry: Entry | None, base: Entry, metric: str, places: int) -> str:
    if entry is None:
        return NONE
    return f"{plus_minus(entry.metric(metric), places)} ({signed(_moved(entry, base, metric), places)})"


def _moved(entry: Entry, base: Entry, metric: str = HEADLINE) -> float:
    return (entry.mean(metric) or 0.0) - (base.mean(metric) or 0.0)


def _order(entries: Iterable[Entry]) -> list[str]:
    """Titles by the means, the best first."""
    return [entry.title for entry in sorted(entries, key=lambda entry: entry.mean(HEADLINE) or 0.0)]


def _listed(titles: list[str]) -> str:
    return ", ".join(plain(title) for title in titles)


def _told(board: Board, base: Entries, found: Found, unit: str) -> Iterator[str]:
    """How large the moves are beside the gaps between methods, which of them are beyond noise, whether the best method
    stays the best, and what is not in the numbers."""
    places = digits(HEADLINE, unit)
    means = sorted((e.mean(HEADLINE) or 0.0, e.title) for e in base.values())
    widest, second = means[-1][0] - means[0][0], means[1][0] - means[0][0]
    yield (
        f"As the board has it, {plain(means[0][1])} has the least {HEADLINE.upper()}, {number(second, places)} {unit} "
        f"ahead of {plain(means[1][1])}; from the best to the last of these {len(means)} it is "
        f"{number(widest, places)} {unit}."
    )
    moves = [(abs(_moved(e, base[m])), t.words, base[m].title) for t, entries in found for m, e in entries.items()]
    size, words, title = max(moves)
    above = sum(move > second for move, _, _ in moves)
    yield (
        f"The largest move is {number(size, places)} {unit} ({plain(title)}: {plain(words)}). {above} of {len(moves)} "
        "moves of the means are larger than the gap between the best two methods."
    )
    for method, entry in base.items():
        pairs = [Pair(t.words, entries[method], f"{entry.title} as the board has it", entry)
                 for t, entries in found if method in entries]  # fmt: skip
        yield from told(board, BASE, pairs, _METRICS)[:-1]
    yield "Better and worse are beyond the spread of seeds (p < 0.05, by Holm over the changes of a method)."
    compared = [(tweak, entries) for tweak, entries in found if len(entries) > 1]  # with the same methods as they were
    changed = [
        f"{plain(tweak.words)} ({plain(leader)})"
        for tweak, entries in compared
        if (leader := _order(entries.values())[0]) != _order(base[method] for method in entries)[0]
    ]
    if changed:
        yield "By the means, another method leads with: " + "; ".join(changed) + "."
    elif compared:
        yield "No change of protocol here makes another method the best, by the means."
    usual = _order(base.values())
    for tweak, entries in compared:
        if entries.keys() == base.keys() and (order := _order(entries.values())) != usual:
            yield (
                f"By the means, the best first: as the board has it {_listed(usual)}; {plain(tweak.words)}: "
                f"{_listed(order)}."
            )
    for tweak, entries in found:
        for entry in entries.values():
            if entry.remarks:
                yield f"{plain(entry.title)}, {plain(tweak.words)}: {entry.remarks}."
