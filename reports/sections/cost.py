"""What the numbers cost, and where they were made."""

from collections import Counter

from reports.markup.markdown import NONE, Sheet, plain, short, table
from reports.model.board import Board
from reports.model.cost import together


def costs(board: Board, dataset: str) -> Sheet | None:
    """One row per method and variant: means over its seeds; None where no record has a cost."""
    rows = []
    for e in board.of(dataset):
        if not any(record.cost for record in e.ok):
            continue
        parameters = e.cost("parameters")
        devices = sorted({r.cost.device for r in e.ok if r.cost})
        rows.append(
            [
                e.label,
                short(e.cost("seconds")),
                short(e.cost("train_rows_per_second")),
                f"{parameters:,.0f}" if parameters else NONE,
                short(e.cost("peak_memory_mb")),
                short(e.cost("predict_seconds_per_million_rows")),
                together(e),
                plain(", ".join(devices)),
            ]
        )
    head = ["method", "s per seed", "training rows/s", "parameters", "peak MB", "prediction s per 10⁶ rows"]
    return table([*head, "replicas together", "device"], rows) if rows else None


def environments(board: Board) -> list[str]:
    """Each environment behind the numbers, with its number of records; the commonest first."""
    found = Counter(
        ", ".join(f"{name} {value}" for name, value in sorted(record.identity.environment.items()) if value)
        for dataset in board.datasets
        for record in board.trusted(dataset)
    )
    return [
        f"{count} record{'s' if count > 1 else ''}: {plain(words) or 'not said'}"
        for words, count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]
