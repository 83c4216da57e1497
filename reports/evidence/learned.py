"""Which runs of a table learned hardly more than a constant: a mean over such runs and others tells of neither."""

from collections.abc import Iterator, Mapping

from benchmark.records.record import Record
from reports.markup.text import NONE, plain
from reports.model.board import Board, Result
from reports.model.methods import bases

_GAIN = 0.005  # of the constant's MAE: what is less is hardly more than a constant
_RANKS = 0.52  # XAUC, a constant's is 0.5: what is less hardly ranks


def lines(board: Board, dataset: str, there: Mapping[str, Result]) -> Iterator[str]:
    """At most one, Markdown: by the rows' names how many seeds, and at which epochs they were kept. Nothing is said
    where runs stop by their own loss, as those of lifetime values do: such predictors aim at no median."""
    constant = board.constant(dataset, "mae")
    level = constant.mean("mae") if constant else None
    if level is None:
        return
    trained = {name: [r for r in e.ok if r.curve and r.protocol.get("stop") != "loss"] for name, e in there.items()}
    flat = {name: found for name, records in trained.items() if (found := [r for r in records if _flat(r, level)])}
    if not flat:
        return
    texts = [
        f"{plain(name)}: {len(found)} of {len(trained[name])} ({', '.join(_kept(record) for record in found)})"
        for name, found in flat.items()
    ]
    beside = any(_unstopped(board, dataset, there[name]) for name in flat)
    elsewhere = " ([without that](@tweaks))" if beside else ""
    protocol = next(iter(flat.values()))[-1].protocol
    patience, epochs = protocol.get("patience", 0), protocol.get("epochs", 0)
    stopped = patience < epochs and any(r.curve.stopped_early for found in flat.values() for r in found if r.curve)
    ends = f"Training ends after {patience} epochs without a lower validation MAE{elsewhere}"
    yield (
        f"Seeds that learned hardly more than a constant (MAE not {100 * _GAIN:g} % below the best constant's, XAUC "
        f"below {_RANKS:g}), in brackets the epochs that were kept: {'; '.join(texts)}. "
        f"{ends if stopped else f'All {epochs} epochs were run'}; a mean over such seeds and others tells of neither."
    )


def _unstopped(board: Board, dataset: str, result: Result) -> bool:
    """Whether the method also ran all its epochs, under a protocol that differs from this one in that."""
    others = (board.numbers(name, result.method) for name, base in bases().items() if base == dataset)
    protocols = [other.ok[0].protocol for other in others if other]
    return any(p.get("patience", 0) >= p["epochs"] > 0 for p in protocols if isinstance(p.get("epochs"), int))


def _kept(record: Record) -> str:
    return str(record.curve.best_epoch) if record.curve else NONE


def _flat(record: Record, level: float) -> bool:
    mae, xauc = (record.metrics.get("test", {}).get(metric) for metric in ("mae", "xauc"))
    return mae is not None and xauc is not None and mae > (1 - _GAIN) * level and xauc < _RANKS
