"""What the findings rest on, board by board: rivals that need no network, and what rows estimate."""

from reports.evidence import duels
from reports.evidence.duels import Duels
from reports.evidence.estimand import rho
from reports.evidence.field import Field, field
from reports.markup.document import Part, Section
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import plain
from reports.model.board import Board
from reports.model.metrics import ERRORS, METRICS

_PICKS = {"constant": duels.constant, "trees": duels.trees, "plain": duels.plain}
_NAMES = {"constant": "the best constant", "trees": "boosted trees", "plain": "a plain network of that loss"}


def rivals(board: Board) -> Section | None:
    """Of each board, how many rows of networks beat each simple rival."""
    there = field(board)
    found = {(key, m): duels.duels(there, m, pick) for key, pick in _PICKS.items() for m in ERRORS}
    shown = [d for d in there.real if any(d in here for here in found.values())]
    if not shown:
        return None
    columns = (
        text_column("board", "board"),
        *(text_column(f"{key}_{metric}", f"{_NAMES[key]}, {METRICS[metric].name}") for key, metric in found),
    )
    rows = tuple((Entry(text=plain(d)), *(_duel(here.get(d)) for here in found.values())) for d in shown)
    about = ("How many rows of networks are better beyond noise than each rival, of how many, and who that rival is.",)
    table = Table("duels", "Rows of networks that beat a simple rival", columns, rows)
    return Section("duels", "Networks against what is simpler", about, (Part(tables=(table,)),))


def _duel(found: Duels | None) -> Entry:
    return Entry(len(found.won), text=f"{len(found.won)} of {found.rows}: {found.rival.label}") if found else Entry()


def estimands(board: Board) -> Section | None:
    """Of each board, how the order by MAE goes with what rows predict."""
    there = field(board)
    rows = tuple(row for dataset in there.real if (row := _estimand(there, dataset)))
    if not rows:
        return None
    columns = (
        text_column("board", "board"),
        Column("rows", "networks", digits=0),
        text_column("ratio", "MAE with predicted / actual"),
        text_column("rmse", "MAE with RMSE"),
        *(Column(f"best_{m}", f"the best by {METRICS[m].name} predicts", "%", digits=0) for m in ERRORS),
    )
    about = (
        "MAE is least for the conditional median and RMSE for the conditional mean; of a skewed label the median is "
        "less. Spearman's correlations over the networks' defaults, with 95 % intervals that take the rows as drawn; "
        "then how much of the actual total the best row predicts.",
    )
    table = Table("estimands", "Does a board rank methods, or what they estimate?", columns, rows)
    return Section("estimands", "What the order by MAE follows", about, (Part(tables=(table,)),))


def _estimand(there: Field, dataset: str) -> tuple[Entry, ...]:
    rows = there.defaults(dataset)
    found = rho(rows, "mae", "ratio")
    if found is None:
        return ()
    other = rho(rows, "mae", "rmse")
    return (
        Entry(text=plain(dataset)),
        Entry(found.rows),
        Entry(found.value, text=str(found)),
        Entry(other.value, text=str(other)) if other else Entry(),
        *(Entry(None if share is None else 100 * share) for share in (there.predicted(dataset, m) for m in ERRORS)),
    )
