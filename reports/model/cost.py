"""The cost of a row, as numbers and words."""

from collections.abc import Sequence

from reports.markup.text import NONE, plain
from reports.model.board import Result
from reports.model.summary import summarise

PER_BATCH = {  # as a paper's table may have them
    "train_seconds_per_batch": "train s/batch",
    "predict_seconds_per_batch": "predict s/batch",
}


def per_batch(result: Result, name: str) -> float | None:
    """Seconds that a batch of the protocol's size costs one seed, its share of what its group trains together; None
    where the records do not say."""
    values = []
    for record in result.ok:
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


def together(result: Result | None) -> str:
    """The number of replicas that trained at once, as text."""
    found = sorted({r.cost.replicas for r in result.ok if r.cost}) if result else []
    return ", ".join(map(str, found)) or NONE


def shares(results: Sequence[Result]) -> str:
    """Says in a sentence what seconds per batch mean here; empty where no result has a cost."""
    costs = [(r.cost, r.protocol.get("batch")) for e in results for r in e.ok if r.cost]
    if not costs:
        return ""
    devices = ", ".join(sorted({cost.device for cost, _ in costs}))
    batches = ", ".join(f"{b:,}" for b in sorted({b for _, b in costs if isinstance(b, int)}))
    return (
        f"Our seconds are of a batch of {batches or 'unknown'} rows on {plain(devices)}, one seed's share of what its "
        "group takes, validation between epochs included: compare rows with as many replicas together. Rows ran on "
        "different days, some with other work beside them, so a ratio of two may be off by a factor of three; "
        "`python -m benchmark bench` times methods side by side."
    )
