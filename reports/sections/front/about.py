"""The front page's first paragraphs, and how to read every page."""

from collections import Counter
from collections.abc import Iterator

from reports.model.board import Board
from reports.model.papers import papers
from reports.sections import data

READING = (
    "Mean ± sample standard deviation over seeds, of how many where a metric is undefined for some; **best**, "
    "<u>second</u>."
)


def paragraphs(board: Board) -> Iterator[str]:
    """Says what this is, how many records stand behind it, and how to read it."""
    if not board.datasets:
        yield f"There are no records yet: run {board.command('run')}."
        return
    if board.committed:
        keys = [paper.key for paper in papers().values()]
        yield (
            f"CVP-Bench runs again what two papers on continuous value prediction, {' and '.join(keys)}, compare, and "
            "the simple predictors that they leave out. Each dataset has one protocol: one split for all methods, "
            "everything fitted on training rows, training stopped on validation rows, test rows scored once. This page "
            f"and those that it links are rendered from the records below {board.where} by {board.command('report')}; "
            "no number of ours is typed by hand."
        )
    yield f"Records below {board.where}: {counts(board)}."
    yield (
        f"{READING} XAUC counts every pair of test rows once, a tied pair 1/2, so a constant scores 0.5; XGAUC is its "
        "mean over users weighted by their rows. MAE is least for the conditional median and RMSE for the conditional "
        "mean: no predictor is best in both."
    )
    yield from data.mixed(board)


def counts(board: Board) -> str:
    """Counts the cells, in words."""
    outcomes = Counter(record.outcome for record in board.records if str(record.cell) not in board.stale)
    refused = sum(str(record.cell) in board.stale for record in board.records)
    told = [f"{outcomes['ok']} finished", f"{outcomes['failed']} failed", f"{outcomes['skipped']} skipped"]
    return ", ".join([*told, f"{refused} refused as stale"])
