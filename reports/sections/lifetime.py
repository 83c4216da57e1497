"""Lifetime value: GR's Table 6 in its own form, and how predictions are calibrated by decile."""

from collections.abc import Iterator

from reports.evidence.stats import best_two
from reports.markup.markdown import NONE, Sheet, marked, number, plain, table
from reports.model.board import Board
from reports.model.calibrated import DECILES, calibrated, datasets
from reports.model.papers import Paper
from reports.model.summary import plus_minus

NUMBER = "6"
_DIGITS = {"mae": 3, "spearman": 4}
_BEYOND = ("logsun", "two_part", "boosting")  # rows that Table 6 lacks


def table_six(board: Board, paper: Paper) -> Sheet | None:
    """The paper's rows, then ours beyond it: the paper's columns as reported, and ours as reproduced on what is there.

    None where no lifetime-value dataset has a number. Numbers of different datasets do not compare."""
    printed, ours = paper.table(NUMBER), datasets(board)
    if not ours:
        return None
    names = {row.method: row.name for row in printed.rows}
    methods = [*names, *(m for m in _BEYOND if any(board.get(d, m) for d in ours))]
    columns: list[tuple[str, list[str]]] = []
    for column in printed.columns:
        for metric in printed.metrics:
            texts = [printed.printed(row, column)[metric].text for row in printed.rows]
            columns.append((f"{column}, paper: {_title(metric)}", [*texts, *[NONE] * (len(methods) - len(texts))]))
    for dataset in ours:
        for metric in printed.metrics:
            columns.append((f"{plain(dataset)}, ours: {_title(metric)}", _ours(board, dataset, methods, metric)))
    title = {m: names.get(m) or next(e.title for d in ours if (e := board.get(d, m))) for m in methods}
    rows = [[plain(title[m]), *(texts[i] for _, texts in columns)] for i, m in enumerate(methods)]
    return table(["method", *(head for head, _ in columns)], rows)


def _title(metric: str) -> str:
    return {"mae": "MAE ↓", "spearman": "Spearman's ρ ↑"}[metric]


def _ours(board: Board, dataset: str, methods: list[str], metric: str) -> list[str]:
    """The column of one metric, best bold, second underlined."""
    found = [entry.metric(metric) if (entry := board.get(dataset, m)) else None for m in methods]
    digits = _DIGITS[metric]
    best, second = best_two([f.mean if f else None for f in found], low=metric == "mae", digits=digits)
    return [marked(plus_minus(f, digits) if f else "not run", i, best, second) for i, f in enumerate(found)]


def constants(board: Board) -> Iterator[str]:
    """What predictors that see no feature reach: to be read before the table."""
    for dataset in datasets(board):
        unit = plain(str(board.facts(dataset).get("unit", "")))
        found = [e for m in ("zero", "median", "mean") if (e := board.numbers(dataset, m))]
        words = ", ".join(f"{e.name} {number(e.mean('mae'), 3)}" for e in found)
        least = min((m for e in found if (m := e.mean("mae")) is not None), default=None)
        learned = [e for e in board.of(dataset) if e.gradient and (e.mean("mae") is not None)]
        if least is None or not learned:
            continue
        below = [e for e in learned if (e.mean("mae") or 0.0) < least]
        share = board.facts(dataset).get("positive")
        positives = f", {100 * share:.1f} % of its labels are above 0" if isinstance(share, float) else ""
        who = "none" if not below else f"only {len(below)} ({', '.join(e.label for e in below)})"
        yield (
            f"**{plain(dataset)}**{positives}: MAE of {words} {unit}. "
            f"Trained rows below the best of these constants: {who} of {len(learned)}."
        )


def calibration(board: Board, dataset: str) -> Sheet | None:
    """One row per entry with numbers: how far mean predictions lie from mean labels, decile by decile."""
    shown = calibrated(board, dataset)
    if not shown:
        return None
    rows = []
    for entry in shown:
        texts = [
            plus_minus(entry.metric("decile_mape"), 3),
            number(entry.mean("deciles_without_spend"), 1),
            plus_minus(entry.metric("spearman_positive"), 4),
            plus_minus(entry.metric("average_precision"), 4),
            number(_percent(entry.mean("zero_predicted")), 1),
        ]
        deciles = [f"{number(entry.mean('prediction', d), 1)} / {number(entry.mean('label', d), 1)}" for d in DECILES]
        rows.append([entry.label, *texts, *deciles])
    head = ["method", "decile MAPE ↓", "deciles without spend", "ρ of y > 0 ↑", "AP of y > 0 ↑", "exact zeros, %"]
    return table([*head, *(f"decile {place}" for place in range(1, 11))], rows)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
