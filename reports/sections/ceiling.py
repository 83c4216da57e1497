"""What users and items know of the label, and the XAUC that their means would reach, beside the board's best row."""

from collections.abc import Callable, Iterator
from math import isinf

from benchmark.compare.ceiling import ROWS, Ceiling, Point
from reports.evidence.printed.size import known
from reports.markup.document import Part, Section
from reports.markup.table import Column, Entry, Table, count, text_column
from reports.markup.text import number, plain, short
from reports.model.board import Board, Result

ABOUT = (
    "Normal scores of the training rows' labels as mean + user + item + residual: shares of their variance by "
    "Henderson's third method, which is unbiased however users and items met; standard errors from leaving out users. "
    "What users and items share is known from a user's mean as well as from an item's, because users are shown other "
    "items than others are.",
    "The predicted XAUC is that of shrunken user and item means, from 1, 5 or 27 training rows a user (items in "
    "proportion) and from endless ones: 1/2 + asin(ρ)/π for a Gaussian copula, ρ² the share of the variance that such "
    "means explain. *Here* is the same for this log's own test rows, of which no label is looked at. It is no bound: a "
    "row above it has learned from other features or from how users and items go together, or the label's copula "
    "is not Gaussian.",
)
_METRIC = "xauc"
_DIGITS = 4


def section(board: Board) -> Section | None:
    """None where no dataset's components are known."""
    if not (shown := ceilings(board)):
        return None
    parts = Part(tables=(_parts(shown),), lines=())
    predicted = Part(tables=(_predicted(board, shown),), lines=tuple(_told(board, shown)))
    return Section("ceiling", "What users and items alone would order", ABOUT, (parts, predicted))


def ceilings(board: Board) -> dict[str, Ceiling]:
    """By dataset; rows that several protocols share are there once."""
    found: dict[str, Ceiling] = {}
    for dataset in board.datasets:
        ceiling = known(board, dataset)
        if ceiling and ceiling.by_share not in [other.by_share for other in found.values()]:
            found[dataset] = ceiling
    return found


def here(ceiling: Ceiling) -> Point:
    """What is predicted for the log's own test rows from all its training rows."""
    return ceiling.by_share[-1]


def best(board: Board, dataset: str) -> Result | None:
    """The row that orders best, without what knows the truth."""
    rows = [(value, e) for e in board.ranked.of(dataset) if not e.oracle and (value := e.mean(_METRIC)) is not None]
    return max(rows, key=lambda row: (row[0], row[1].key))[1] if rows else None


def _parts(shown: dict[str, Ceiling]) -> Table:
    columns = (
        text_column("dataset", "dataset"),
        Column("rows", "training rows", digits=0),
        Column("users", "users", digits=0),
        Column("items", "items", digits=0),
        *(Column(name, f"{name} %", digits=1) for name in ("user", "item", "shared", "residual")),
    )
    rows = [
        (Entry(text=plain(dataset)), count(c.rows), count(c.users), count(c.items), *map(_share(c), columns[4:]))
        for dataset, c in shown.items()
    ]
    return Table("variance-components", "Variance of the label's normal scores, in percent", columns, tuple(rows))


def _share(ceiling: Ceiling) -> Callable[[Column], Entry]:
    def entry(column: Column) -> Entry:
        error = getattr(ceiling.errors, column.key) if ceiling.errors else None
        return Entry(100 * getattr(ceiling.parts, column.key), None if error is None else 100 * error, n=0)

    return entry


def _predicted(board: Board, shown: dict[str, Ceiling]) -> Table:
    columns = (
        text_column("dataset", "dataset"),
        Column("rows_a_user", "training rows a user", digits=1),
        *(Column(f"predicted_{k}", _words(k), digits=_DIGITS, group="predicted XAUC") for k in ROWS),
        Column("predicted_here", "here", digits=_DIGITS, group="predicted XAUC"),
        Column("best", "best row's XAUC", digits=_DIGITS),
        text_column("row", "best row"),
    )
    rows = []
    for dataset, ceiling in shown.items():
        top = best(board, dataset)
        rows.append(
            (
                Entry(text=plain(dataset)),
                Entry(ceiling.rows / ceiling.users),
                *(Entry(point.xauc) for point in ceiling.by_user),
                Entry(here(ceiling).xauc),
                top.entry(_METRIC) if top else Entry(),
                Entry(text=top.label if top else ""),
            )
        )
    return Table("ceiling", "XAUC that user and item means are predicted to reach", columns, tuple(rows))


def _words(rows: float) -> str:
    return "endless rows" if isinf(rows) else f"{rows:g} row{'s' if rows != 1 else ''} a user"


def _told(board: Board, shown: dict[str, Ceiling]) -> Iterator[str]:
    """A sentence a dataset: the best row against what is predicted here, and what more rows could add."""
    for dataset, ceiling in shown.items():
        if top := best(board, dataset):
            summary, aim = top.metric(_METRIC), here(ceiling).xauc
            assert summary is not None
            spread = f" (standard deviation over seeds {short(summary.std)})" if summary.std else ""
            yield (
                f"{plain(dataset)}: {top.label} orders best with {number(summary.mean, _DIGITS)}{spread}, "
                f"{number(abs(summary.mean - aim), _DIGITS)} {'above' if summary.mean > aim else 'below'} the "
                f"{number(aim, _DIGITS)} of shrunken means; endless rows are predicted to give them "
                f"{number(ceiling.by_user[-1].xauc, _DIGITS)}."
            )
