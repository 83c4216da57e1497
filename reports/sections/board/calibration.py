"""Calibration of predicted lifetime values, decile by decile."""

from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import number, plain
from reports.model.board import Board, Result
from reports.model.calibrated import DECILES, calibrated
from reports.plots import calibration as drawing

ABOUT = (
    "Test rows by decile of the prediction, lowest first: mean prediction / mean label. Decile MAPE leaves out deciles "
    "without spend.",
)


def section(board: Board, dataset: str) -> Section | None:
    """None where no record has deciles."""
    found = table(board.untuned, dataset)
    if found is None:
        return None
    pictures = drawing.pictures(board.untuned, dataset)
    return Section("calibration", "Calibration", ABOUT, (Part(tables=(found,), pictures=pictures),))


def table(board: Board, dataset: str) -> Table | None:
    """One row per result with numbers: how far mean predictions lie from mean labels."""
    shown = calibrated(board, dataset)
    if not shown:
        return None
    columns = (
        text_column("method", "method"),
        Column("decile_mape", "decile MAPE", better="low", digits=3),
        Column("deciles_without_spend", "deciles without spend", digits=1),
        Column("spearman_positive", "ρ of y > 0", better="high", digits=4),
        Column("average_precision", "AP of y > 0", better="high", digits=4),
        Column("zero_predicted", "exact zeros", "%", digits=1),
        *(text_column(f"decile_{place}", f"decile {place}") for place in range(1, 11)),
    )
    rows = tuple(
        (
            Entry(text=result.label),
            result.entry("decile_mape"),
            Entry(result.mean("deciles_without_spend")),
            result.entry("spearman_positive"),
            result.entry("average_precision"),
            Entry(None if (share := result.mean("zero_predicted")) is None else 100 * share),
            *(Entry(text=_means(result, decile)) for decile in DECILES),
        )
        for result in shown
    )
    return Table(slug("calibration", dataset), f"{plain(dataset)}: calibration", columns, rows)


def _means(result: Result, decile: str) -> str:
    return f"{number(result.mean('prediction', decile), 1)} / {number(result.mean('label', decile), 1)}"
