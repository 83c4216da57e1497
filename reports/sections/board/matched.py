"""Like with like: MAE among the rows that estimate a median, RMSE among those that estimate a mean."""

from reports.evidence.contest import contest
from reports.evidence.estimand import MEAN, MEDIAN, MISSED, NEITHER, OWN, UNKNOWN, estimates, like, missed, why
from reports.markup.document import Part, Section, slug
from reports.markup.table import Entry, Table, by_columns, marked, text_column
from reports.markup.text import plain, sentence_list
from reports.model.board import Board, Result
from reports.model.metrics import METRICS
from reports.sections.board.leaderboard import or_inf, rank

ABOUT = (
    "MAE is least for the conditional median and RMSE for the conditional mean, so a row of the one kind and a row of "
    "the other cannot be told better from worse by either. Here rows compete with their like alone, ties by Holm over "
    "the pairs of a table. What a row estimates is its method's own word; ≠: its predicted / actual is another's (of a "
    "mean: a tenth or more off the constant mean's, beyond noise; of a median of labels with a long tail: not below "
    "it).",
)
_TITLES = {
    MEDIAN: "MAE among rows that estimate a median",
    MEAN: "RMSE among rows that estimate a mean",
}


def section(board: Board, dataset: str) -> Section | None:
    """None where no row says what it estimates."""
    ranked = board.ranked
    tables = tuple(found for kind in _TITLES if (found := table(ranked, dataset, kind)))
    if not tables:
        return None
    rest = {
        word: [e.label for e in ranked.of(dataset) if e.ok and estimates(ranked, e) == kind]
        for kind, word in ((NEITHER, "Neither a mean nor a median by their own word"), (UNKNOWN, "Not said"))
    }
    lines = [f"{word}: {sentence_list(names)}." for word, names in rest.items() if names]
    if other := _chosen_by_mae(like(ranked, MEAN).of(dataset)):
        lines.append(
            f"{other} of the rows that estimate a mean keep the epoch of the least MAE on the validation rows, which "
            "is not the error of their table; what is not trained in epochs is not stopped by it."
        )
    return Section("matched", "Like with like", ABOUT, (Part(tables=tables, lines=tuple(lines)),))


def _chosen_by_mae(results: list[Result]) -> int:
    """How many rows were stopped by the absolute error, whatever they are trained on."""
    return sum(e.gradient and any(record.protocol.get("stop") == "mae" for record in e.ok) for e in results)


def ordered(alike: Board, dataset: str, metric: str) -> list[Result]:
    """Rows of one kind with the error that it has least of, the best first, the oracle last."""
    found = [e for e in alike.of(dataset) if e.metric(metric)]
    return sorted(found, key=lambda e: (e.oracle, or_inf(e.mean(metric)), e.method, e.variant))


def table(ranked: Board, dataset: str, kind: str) -> Table | None:
    """Of one kind; None where it has fewer than two rows."""
    metric, shown = METRICS[OWN[kind]], ordered(like(ranked, kind), dataset, OWN[kind])
    if len(shown) < 2:
        return None
    tested, competing = contest(like(ranked, kind), dataset, metric.key), [e for e in shown if not e.oracle]
    head = metric.column(ranked.unit(dataset))
    out = [place for place, e in enumerate(shown) if e.oracle]
    columns = (
        text_column("rank", f"# by {metric.name}"),
        text_column("method", "method"),
        head,
        METRICS["ratio"].column(""),
        text_column("why", "why it is one"),
    )
    cells = [
        [rank(e, competing, tested, metric.key) for e in shown],
        [Entry(text=e.label) for e in shown],
        marked(head, [e.entry(metric.key) for e in shown], out),
        [_ratio(ranked, e) for e in shown],
        [Entry(text=plain(why(ranked, e))) for e in shown],
    ]
    caption = f"{plain(dataset)}: {_TITLES[kind]}"
    return Table(slug("matched", kind, dataset), caption, columns, by_columns(cells))


def _ratio(ranked: Board, result: Result) -> Entry:
    found = result.metric("ratio")
    return found.entry(note=MISSED if missed(ranked, result) else "") if found else Entry()
