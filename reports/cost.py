"""What the numbers cost, and where they were made."""

from collections import Counter
from collections.abc import Sequence

from reports.board import Board, Entry
from reports.markdown import NONE, Sheet, plain, short, table
from reports.stats import summarise

PER_BATCH = {  # as a paper's table may have them
    "train_seconds_per_batch": "train s/batch",
    "predict_seconds_per_batch": "predict s/batch",
}


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


def per_batch(entry: Entry, name: str) -> float | None:
    """Seconds that a batch of the protocol's size costs one seed, its share of what its group trains together; None
    where the records do not say."""
    values = []
    for record in entry.ok:
        batch, cost = record.protocol.get("batch"), record.cost
        if not isinstance(batch, int) or cost is None or cost.train_rows_per_second <= 0:
            continue
        rows = {
            "train_seconds_per_batch": 1 / cost.train_rows_per_second,
            "predict_seconds_per_batch": cost.predict_seconds_per_million_rows / 1e6,
        }
        values.append(batch * rows[name])
    found = summarise(values)
    return found.mean if found else None


def together(entry: Entry | None) -> str:
    """How many replicas trained at once, as text."""
    found = sorted({r.cost.replicas for r in entry.ok if r.cost}) if entry else []
    return ", ".join(map(str, found)) or NONE


def shares(entries: Sequence[Entry]) -> str:
    """What stands behind seconds per batch, as a sentence; empty where no entry has a cost."""
    costs = [(r.cost, r.protocol.get("batch")) for e in entries for r in e.ok if r.cost]
    if not costs:
        return ""
    devices = ", ".join(sorted({cost.device for cost, _ in costs}))
    batches = ", ".join(f"{b:,}" for b in sorted({b for _, b in costs if isinstance(b, int)}))
    return (
        f"Our seconds are of a batch of {batches or 'unknown'} rows on {plain(devices)}, one seed's share of what its "
        "group takes, validation between epochs included: compare rows with as many replicas together."
    )


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
