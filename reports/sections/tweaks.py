"""What a change of protocol or size does to the numbers, held against the gaps between methods: measured here, one
change at a time, for who compares numbers of different papers."""

from collections.abc import Iterable, Iterator

from reports.evidence.differences import Pair, told
from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import number, plain, signed
from reports.model.board import Board, Result
from reports.model.methods import Tweak, tweaks
from reports.model.metrics import HEADLINE, METRICS, digits

ABOUT = (
    "One change at a time, everything else as on the board; in brackets the change of the mean. A number printed under "
    "another cap, batch or stopping rule is not comparable, however many digits it has.",
)

Results = dict[str, Result]  # by method
Found = list[tuple[Tweak, Results]]


def section(board: Board) -> Section | None:
    """None until there is a tweak with numbers beside the base's."""
    known = tweaks()
    base, found = gathered(board)
    if len(base) < 2 or not found:
        return None
    unit = board.unit(known.base)
    tables = tuple(_table(metric, base, found, unit) for metric in known.metrics)
    part = Part(plain(known.base), tables=tables, lines=tuple(_told(board, base, found, unit)))
    return Section("tweaks", "Tweaks that matter as much as methods", ABOUT, (part,))


def gathered(board: Board) -> tuple[Results, Found]:
    """The base's results, and each change that has numbers beside them with its own."""
    known = tweaks()
    base = {method: result for method in known.methods if (result := board.numbers(known.base, method))}
    found = [(tweak, _of(board, tweak, base)) for tweak in known.tweaks]
    return base, [(tweak, results) for tweak, results in found if results]


def _of(board: Board, tweak: Tweak, base: Results) -> Results:
    dataset = tweak.dataset or tweaks().base
    return {method: result for method in base if (result := board.numbers(dataset, method, tweak.variant))}


def _table(metric: str, base: Results, found: Found, unit: str) -> Table:
    head = METRICS[metric]
    title = f"{head.title} ({unit})" if metric == HEADLINE else head.title
    places = digits(metric, unit)
    rows = [(Entry(text="as the board has it"), *(e.entry(metric) for e in base.values()))]
    for tweak, results in found:
        rows.append((Entry(text=plain(tweak.says)), *(_entry(results.get(m), base[m], metric, places) for m in base)))
    columns = [text_column("change", title), *(_column(method, e, metric, unit) for method, e in base.items())]
    return Table(slug("tweaks", metric), f"Tweaks against methods: {head.name}", tuple(columns), tuple(rows))


def _column(method: str, result: Result, metric: str, unit: str) -> Column:
    return Column(method, plain(result.title), digits=digits(metric, unit))


def _entry(result: Result | None, base: Result, metric: str, places: int) -> Entry:
    summary = result.metric(metric) if result else None
    if result is None or summary is None:
        return Entry()
    return summary.entry(note=signed(_moved(result, base, metric), places))


def _moved(result: Result, base: Result, metric: str = HEADLINE) -> float:
    return (result.mean(metric) or 0.0) - (base.mean(metric) or 0.0)


def _absent(leader: str, base: Results, results: Results) -> str:
    """ "; A has not run so" where the method that leads otherwise is not among them."""
    return "" if leader in {base[method].title for method in results} else f"; {plain(leader)} has not run so"


def _order(results: Iterable[Result]) -> list[str]:
    """Titles by the means, the best first."""
    return [result.title for result in sorted(results, key=lambda result: result.mean(HEADLINE) or 0.0)]


def _listed(titles: list[str]) -> str:
    return ", ".join(plain(title) for title in titles)


def _told(board: Board, base: Results, found: Found, unit: str) -> Iterator[str]:
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
    moves = [(abs(_moved(e, base[m])), t.says, base[m].title) for t, results in found for m, e in results.items()]
    size, change, title = max(moves)
    above = sum(move > second for move, _, _ in moves)
    yield (
        f"The largest move is {number(size, places)} {unit} ({plain(title)}: {plain(change)}). {above} of {len(moves)} "
        "moves of the means are larger than the gap between the best two methods."
    )
    for method, result in base.items():
        pairs = [Pair(t.says, results[method], f"{result.title} as the board has it", result)
                 for t, results in found if method in results]  # fmt: skip
        yield from told(board, tweaks().base, pairs, tweaks().metrics)[:-1]
    yield "Better and worse are beyond the spread of seeds (p < 0.05, by Holm over the changes of a method)."
    compared = [(tweak, results) for tweak, results in found if len(results) > 1]  # with the same methods as they were
    usual = _order(base.values())
    changed = [
        f"{plain(tweak.says)} ({plain(leader)}{_absent(usual[0], base, results)})"
        for tweak, results in compared
        if (leader := _order(results.values())[0]) != _order(base[method] for method in results)[0]
    ]
    if changed:
        yield "By the means, another method leads with: " + "; ".join(changed) + "."
    elif compared:
        yield "No change of protocol here makes another method the best, by the means."
    for tweak, results in compared:
        if results.keys() == base.keys() and (order := _order(results.values())) != usual:
            yield (
                f"By the means, the best first: as the board has it {_listed(usual)}; {plain(tweak.says)}: "
                f"{_listed(order)}."
            )
    for tweak, results in found:
        for result in results.values():
            if result.remarks:
                yield f"{plain(result.title)}, {plain(tweak.says)}: {result.remarks}."
