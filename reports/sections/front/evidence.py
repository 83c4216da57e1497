"""What the findings rest on, board by board: rivals that need no network, what rows estimate, how epochs were kept."""

from collections.abc import Mapping
from statistics import median

from benchmark.records.curves import Kept, by_row, counts
from reports.evidence import duels
from reports.evidence.duels import Duels
from reports.evidence.estimand import between, rho
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
    about = (
        "How many rows of networks are better beyond noise than each rival, of how many, how many are worse, and who "
        "that rival is. By MAE without rows that estimate a mean, by RMSE without those that estimate a median.",
    )
    table = Table("duels", "Rows of networks that beat a simple rival", columns, rows)
    return Section("duels", "Networks against what is simpler", about, (Part(tables=(table,)),))


def _duel(found: Duels | None) -> Entry:
    if found is None:
        return Entry()
    worse = f", {found.lost} worse" * bool(found.lost)
    return Entry(len(found.won), text=f"{len(found.won)} of {found.rows}{worse}: {found.rival.label}")


def curves(board: Board) -> Section | None:
    """Of each board, how the epochs of networks were kept."""
    there = field(board)
    found = {d: by_row(record for e in there.networks(d) for record in e.ok) for d in there.real}
    rows = tuple(_curves(dataset, kept) for dataset, kept in found.items() if kept)
    if not rows:
        return None
    columns = (
        text_column("board", "board"),
        Column("rows", "networks", digits=0),
        Column("early", "kept from the first two epochs", digits=0),
        Column("limit", "kept from the last one allowed", digits=0),
        Column("inside", "kept inside a schedule", digits=0),
        Column("rise", "stopping metric after the kept epoch", "%", digits=1, signed=True),
        Column("gap", "validation less training loss", "%", digits=1, signed=True),
    )
    about = (
        "Rows of networks of which at least half of the seeds were kept so, of how many; a schedule is a method's own "
        "(curriculum, warm-up) where its records say when it ended. Then medians over rows: how much the stopping "
        "metric grew from the kept epoch to the last one, which stopping early has saved; and by how much the loss of "
        "the kept epoch is greater on validation rows than on training rows, where the protocol stops by the loss.",
    )
    table = Table("curves", "How epochs were kept", columns, rows)
    return Section("curves", "How epochs were kept", about, (Part(tables=(table,)),))


def _curves(dataset: str, kept: Mapping[tuple[str, str, str], Kept]) -> tuple[Entry, ...]:
    found = counts(kept)
    shares = [[v for row in kept.values() if (v := getattr(row, name)) is not None] for name in ("rise", "gap")]
    return (
        Entry(text=plain(dataset)),
        *(Entry(found[name]) for name in ("rows", "early", "limit", "inside")),
        *(Entry(100 * median(values) if values else None) for values in shares),
    )


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
        Column("between", "of the ranks by MAE lies between kinds", "%", digits=0),
        Column("chance", "by chance", "%", digits=0),
        *(Column(f"best_{m}", f"the best by {METRICS[m].name} predicts", "%", digits=0) for m in ERRORS),
    )
    about = (
        "MAE is least for the conditional median and RMSE for the conditional mean; of a skewed label the median is "
        "less. Spearman's correlations over the networks' defaults, with 95 % intervals that take the rows as drawn; "
        "the share of the variance of their ranks by MAE that lies between those that say they estimate a mean, a "
        "median or neither; then how much of the actual total the best row predicts.",
    )
    table = Table("estimands", "Does a board rank methods, or what they estimate?", columns, rows)
    return Section("estimands", "What the order by MAE follows", about, (Part(tables=(table,)),))


def _estimand(there: Field, dataset: str) -> tuple[Entry, ...]:
    rows = there.defaults(dataset)
    found = rho(rows, "mae", "ratio")
    if found is None:
        return ()
    other, kinds = rho(rows, "mae", "rmse"), between(there.board, rows, "mae")
    return (
        Entry(text=plain(dataset)),
        Entry(found.rows),
        Entry(found.value, text=str(found)),
        Entry(other.value, text=str(other)) if other else Entry(),
        Entry(100 * kinds.share) if kinds else Entry(),
        Entry(100 * kinds.chance) if kinds else Entry(),
        *(Entry(None if share is None else 100 * share) for share in (there.predicted(dataset, m) for m in ERRORS)),
    )
