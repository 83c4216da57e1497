"""Slices of the test rows: where a method is good, and where the order of all rows does not hold."""

from collections.abc import Iterator
from itertools import combinations

from reports.evidence.contest import Contest, contest, covered
from reports.evidence.stats import kendall
from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, by_columns, count, marked, text_column
from reports.markup.text import plain
from reports.model.board import Board, Result
from reports.model.metrics import HEADLINE, METRICS

_MOST = 3  # reversals that a row names
_WORDS = {
    "bucket": "duration bucket {}", "user": "{} users", "item": "{} items", "activity": "users with {} training rows",
    "positive": "y > 0", "zero": "y = 0",
}  # fmt: skip
ABOUT = (
    "Where a method wins and loses: the same predictions on parts of the test rows. τ is Kendall's, of the order of "
    "all rows of the leaderboard on the slice with their order on all test rows; a reversal is a pair that all test "
    "rows and the slice decide beyond noise in opposite ways.",
)


def section(board: Board, dataset: str) -> Section | None:
    """None where the dataset was not resampled by slice."""
    tables = tuple(filter(None, (orders(board.ranked, dataset), values(board.ranked, dataset))))
    return Section("slices", "Slices", ABOUT, (Part(tables=tables),)) if tables else None


def name_of(part: str) -> str:
    """ "user=unseen" -> "unseen users" """
    kind, _, value = part.partition("=")
    return _WORDS.get(kind, part).format(value.replace("-", "–"))


def values(board: Board, dataset: str) -> Table | None:
    """The headline error of each resampled result on every slice; None where there is none."""
    found, places = board.noise.get(dataset), covered(board, dataset)
    if found is None or not found.slices or not places:
        return None
    shown = sorted(places, key=lambda e: (e.mean(HEADLINE) or 0.0, e.method, e.variant))
    out = [place for place, e in enumerate(shown) if e.oracle]
    metric = METRICS[HEADLINE]
    columns = [text_column("method", metric.title)]
    cells = [[Entry(text=e.label) for e in shown]]
    for part in found.slices:
        plainly = metric.column(board.unit(dataset), key=slug(part))
        columns.append(Column(plainly.key, name_of(part), digits=plainly.digits))
        cells.append(marked(plainly, [Entry(found.slices[part].mae.value[places[e]]) for e in shown], out))
    caption = f"{plain(dataset)}: {metric.name} by slice"
    return Table(slug("slices", dataset), caption, tuple(columns), by_columns(cells))


def orders(board: Board, dataset: str) -> Table | None:
    """One row per slice: who is best there, and how far the order of all rows holds; None without resampling."""
    found, overall = board.noise.get(dataset), contest(board, dataset, HEADLINE)
    if found is None or overall is None:
        return None
    rows = []
    for part in found.slices:
        here = contest(board, dataset, HEADLINE, part)
        if here is None:
            continue
        both = [e for e in overall.results if e in here.places]
        rows.append(
            (
                Entry(text=name_of(part)),
                count(found.slices[part].rows),
                Entry(text=_best(here)),
                Entry(text=_leader(board, dataset, part, "rmse")),
                Entry(text=_leader(board, dataset, part, "xauc")),
                Entry(kendall([overall.means[e] for e in both], [here.means[e] for e in both])),
                Entry(text=_reversals(overall, here)),
            )
        )
    columns = (
        text_column("slice", "slice"),
        Column("rows", "test rows", digits=0),
        text_column("mae", "least MAE"),
        text_column("rmse", "least RMSE"),
        text_column("xauc", "highest XAUC"),
        Column("tau", "τ with all rows", digits=2),
        text_column("reversed", "reversed beyond noise"),
    )
    caption = f"{plain(dataset)}: who is best on which slice"
    return Table(slug("order", dataset), caption, columns, tuple(rows)) if rows else None


def _best(here: Contest) -> str:
    """The best, with how many share its tied group."""
    tied = sum(here.ranks(e)[0] == 1 for e in here.results) - 1
    return here.best.label + (f" and {tied} tied with it" if tied else "")


def _leader(board: Board, dataset: str, part: str, metric: str) -> str:
    spread = getattr(board.noise[dataset].slices[part], metric)
    sign = 1 if METRICS[metric].low else -1
    known = [
        (sign * value, e.label)
        for e, place in covered(board, dataset).items()
        if not e.oracle and (value := spread.value[place]) is not None
    ]
    return min(known)[1] if len({value for value, _ in known}) > 1 else ""  # all alike: nobody leads


def _reversals(overall: Contest, here: Contest) -> str:
    """Pairs that both contests decide, in opposite ways; the widest first."""
    found = list(_reversed(overall, here))
    found.sort(key=lambda pair: here.means[pair[0]] - here.means[pair[1]])
    texts = [f"{a.label} ahead of {b.label}" for a, b in found[:_MOST]]
    more = len(found) - len(texts)
    return "; ".join(texts) + (f"; {more} more" if more else "") if texts else "none"


def _reversed(overall: Contest, here: Contest) -> Iterator[tuple[Result, Result]]:
    for better, worse in combinations([e for e in overall.results if e in here.places], 2):
        if overall.beats(better, worse) and here.beats(worse, better):
            yield worse, better
