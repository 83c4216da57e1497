"""Whether a paper's printed numbers can belong together: what each row's XAUC says of its errors."""

from collections import Counter
from collections.abc import Iterator, Sequence

from reports.evidence.printed.together import WORDS, Asked, asked, beyond, misshapen
from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, by_columns, text_column
from reports.markup.text import number, plain, sentence_list
from reports.model.board import Board
from reports.model.metrics import ERRORS, METRICS, digits
from reports.model.papers import Paper
from reports.sections.findings.finding import of

ABOUT = (
    "An XAUC says how far a score and the label go together. If both are jointly normal once each is brought to a "
    "normal scale (a Gaussian copula), their correlation is sin(π (XAUC − 1/2)), and the distribution of the labels "
    "then says which errors a prediction has that makes the best of that score: the conditional mean, with the least "
    "RMSE, or the conditional median, with the least MAE. Assumed besides: the paper's labels are distributed as ours "
    "on the data named below (MAE / RMSE needs their shape alone), and its XAUC counts a tie as a half.",
    "A row that lies above both could be improved without any learning, by drawing its own predictions to another "
    "scale: its model is badly scaled, or its numbers are not all of the same rows, formula and model, or an "
    "assumption is wrong. One that lies below both has errors that no prediction of its order reaches, which no model "
    "explains: some of its numbers are of other rows, another formula or another model than the rest, or an "
    "assumption is wrong.",
)


def section(board: Board, paper: Paper) -> Section | None:
    """The tables that compare methods, then a line on the others; None where nothing can be asked."""
    found = list(asked(board, paper))
    parts = [_part(board, paper, one) for one in found if one.printed.main]
    if not parts:
        return None
    rest = [one for one in found if not one.printed.main]
    lines = (f"The same of its other tables. {' '.join(_counted(one) for one in rest)}",)
    return Section("together", "Can its numbers belong together?", ABOUT, (*parts, *([Part(lines=lines)] * bool(rest))))


def _part(board: Board, paper: Paper, one: Asked) -> Part:
    title = f"Table {one.printed.number}, {plain(one.column)}"
    return Part(title, tables=(table(board, paper, one),), lines=tuple(_lines(board, paper, one)))


def table(board: Board, paper: Paper, one: Asked) -> Table:
    """What is printed, beside it what the same XAUC says of a mean and of a median, and what that makes of the row."""
    source = paper.source(one.column)
    unit = board.unit(source.ours if source else "")
    metrics = [metric for metric in ERRORS if any(metric in row.errors for row in one.rows)]
    heads = [text_column("method", "method"), Column("xauc", "XAUC", digits=4)]
    columns: list[Sequence[Entry]] = [
        [Entry(text=plain(row.name)) for row in one.rows],
        [Entry(row.xauc.value, text=row.xauc.text.partition("±")[0]) for row in one.rows],
    ]
    for metric in metrics:
        name, places = METRICS[metric].name, digits(metric, unit)
        heads.append(Column(metric, f"{name} printed"))
        columns.append(
            [
                Entry(e.value, text=e.text.partition("±")[0]) if (e := row.errors.get(metric)) else Entry()
                for row in one.rows
            ]
        )
        for kind in ("mean", "median"):
            heads.append(Column(f"{metric}_{kind}", f"{name} of a {kind}", digits=places))
            columns.append([Entry(getattr(getattr(row.says, kind), metric)) for row in one.rows])
    if len(metrics) == len(ERRORS):
        heads.append(text_column("shape", "MAE / RMSE: printed, of a mean, of a median"))
        columns.append(
            [Entry(text=_shape(row.errors["mae"].value / row.errors["rmse"].value, row.says)) for row in one.rows]
        )
    heads.append(text_column("reading", "the row is"))
    columns.append([Entry(text=row.word) for row in one.rows])
    caption = f"{paper.key}, Table {one.printed.number}, {plain(one.column)}: what its XAUC says of its errors"
    return Table(
        slug("together", paper.key, one.printed.number, one.column), caption, tuple(heads), by_columns(columns)
    )


def _shape(printed: float, says: object) -> str:
    mean, median = (getattr(says, kind) for kind in ("mean", "median"))
    return f"{printed:.3f}, {mean.mae / mean.rmse:.3f}, {median.mae / median.rmse:.3f}"


def _lines(board: Board, paper: Paper, one: Asked) -> Iterator[str]:
    source = paper.source(one.column)
    dataset = source.ours if source else ""
    off = sentence_list([f"{METRICS[m].name} {100 * one.reach.off[m]:.1f} %" for m in ERRORS])
    yield (
        f"Labels as on {plain(dataset)}. Of {one.reach.rows} rows of ours there that estimate a mean or a median, the "
        f"errors differ from what XAUC says by at most {off}; a printed row is allowed as much."
    )
    if far := beyond(one):
        low, high = (number(value, 4) for value in one.reach.xauc)
        yield (
            f"Our rows have an XAUC of {low} to {high}; {of(len(far), len(one.rows))} of the printed ones lie outside, "
            "where the copula was not tried."
        )
    if whole := [row for row in one.rows if len(row.errors) == len(ERRORS)]:
        yield (
            f"Were its labels ours times any factor, MAE / RMSE would still have to fit: it lies outside a mean's and "
            f"a median's, by more than the {100 * one.reach.shape:.1f} % of our own rows, in "
            f"{of(len(misshapen(one)), len(whole))}."
        )


def _counted(one: Asked) -> str:
    """ "Table 4, data: 3 between both." """
    words = Counter(row.word for row in one.rows)
    told = ", ".join(f"{words[word]} {word}" for word in WORDS if words[word])
    return f"Table {one.printed.number}, {plain(one.column)}: {told}."
