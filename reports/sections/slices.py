"""Slices of the test rows: where a method is good, and where the order of all rows does not hold."""

from collections.abc import Iterator
from itertools import combinations

from reports.evidence.contest import Contest, contest, covered
from reports.evidence.stats import best_two, kendall
from reports.markup.markdown import NONE, Sheet, marked, number, table
from reports.model.board import Board, Entry
from reports.model.metrics import HEADLINE, digits

_MOST = 3  # reversals that a row names
_WORDS = {
    "bucket": "duration bucket {}", "user": "{} users", "item": "{} items", "activity": "users with {} training rows",
    "positive": "y > 0", "zero": "y = 0",
}  # fmt: skip


def words(name: str) -> str:
    """ "user=unseen" -> "unseen users" """
    kind, _, value = name.partition("=")
    return _WORDS.get(kind, name).format(value.replace("-", "–"))


def values(board: Board, dataset: str) -> Sheet | None:
    """The headline error of each resampled entry on every slice; None where there is none."""
    found, places = board.noise.get(dataset), covered(board, dataset)
    if found is None or not found.slices or not places:
        return None
    unit = str(board.facts(dataset).get("unit", "s"))
    shown = sorted(places, key=lambda e: (e.mean(HEADLINE) or 0.0, e.method, e.variant))
    texts = []
    for name in found.slices:
        numbers = [found.slices[name].mae.value[places[e]] for e in shown]
        ranked = [None if e.oracle else v for e, v in zip(shown, numbers, strict=True)]
        best, second = best_two(ranked, low=True, digits=digits(HEADLINE, unit))
        texts.append([marked(number(v, digits(HEADLINE, unit)), i, best, second) for i, v in enumerate(numbers)])
    rows = [[e.label, *(column[i] for column in texts)] for i, e in enumerate(shown)]
    return table(["MAE ↓", *map(words, found.slices)], rows)


def orders(board: Board, dataset: str) -> Sheet | None:
    """One row per slice: who is best there, and how far the order of all rows holds; None without resampling."""
    found, overall = board.noise.get(dataset), contest(board, dataset, HEADLINE, low=True)
    if found is None or overall is None:
        return None
    rows = []
    for name, part in found.slices.items():
        here = contest(board, dataset, HEADLINE, low=True, part=name)
        if here is None:
            continue
        both = [e for e in overall.entries if e in here.places]
        tau = kendall([overall.means[e] for e in both], [here.means[e] for e in both])
        rows.append(
            [
                words(name),
                f"{part.rows:,}",
                _best(here),
                _leader(board, dataset, name, "rmse", low=True),
                _leader(board, dataset, name, "xauc", low=False),
                NONE if tau is None else f"{tau:.2f}",
                _reversals(overall, here),
            ]
        )
    head = ["slice", "test rows", "least MAE", "least RMSE", "highest XAUC", "τ with all rows", "reversed beyond noise"]
    return table(head, rows, last=1) if rows else None


def _best(here: Contest) -> str:
    """The best, with how many share its tied group."""
    count = sum(here.ranks(e)[0] == 1 for e in here.entries) - 1
    return here.best.label + (f" and {count} tied with it" if count else "")


def _leader(board: Board, dataset: str, name: str, metric: str, *, low: bool) -> str:
    found = board.noise[dataset].slices[name]
    spread = found.rmse if metric == "rmse" else found.xauc
    known = [
        (value if low else -value, e.label)
        for e, place in covered(board, dataset).items()
        if not e.oracle and (value := spread.value[place]) is not None
    ]
    return min(known)[1] if len({value for value, _ in known}) > 1 else NONE  # all alike: nobody leads


def _reversals(overall: Contest, here: Contest) -> str:
    """Pairs that both contests decide, in opposite ways; the widest first."""
    found = list(_reversed(overall, here))
    found.sort(key=lambda pair: here.means[pair[0]] - here.means[pair[1]])
    texts = [f"{a.label} ahead of {b.label}" for a, b in found[:_MOST]]
    more = len(found) - len(texts)
    return "; ".join(texts) + (f"; {more} more" if more else "") if texts else "none"


def _reversed(overall: Contest, here: Contest) -> Iterator[tuple[Entry, Entry]]:
    for better, worse in combinations([e for e in overall.entries if e in here.places], 2):
        if overall.beats(better, worse) and here.beats(worse, better):
            yield worse, better
