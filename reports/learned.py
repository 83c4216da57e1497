"""Which runs of a table learned hardly more than a constant: a mean over such runs and others tells of neither."""

from collections.abc import Iterator, Mapping

from benchmark.record import Record
from reports.board import Board, Entry
from reports.markdown import plain

_GAIN = 0.005  # of the constant's MAE: what is less is hardly more than a constant
_RANKS = 0.52  # XAUC, a constant's is 0.5: what is less hardly ranks


def lines(board: Board, dataset: str, there: Mapping[str, Entry]) -> Iterator[str]:
    """At most one, Markdown: by the rows' names how many seeds, and at which epochs they were kept. Nothing is said
    where runs stop by their own loss, as those of lifetime values do: such predictors aim at no median."""
    constant = board.get(dataset, "median")
    level = constant.mean("mae") if constant and constant.ok else None
    if level is None:
        return
    texts, methods, protocol = [], set(), {}
    for name, entry in there.items():
        trained = [r for r in entry.ok if r.curve and r.protocol.get("stop") != "loss"]
        if flat := [r for r in trained if _flat(r, level)]:
            kept = ", ".join(str(r.curve.best_epoch) for r in flat if r.curve)
            texts.append(f"{plain(name)}: {len(flat)} of {len(trained)} ({kept})")
            methods.add(entry.method)
            protocol = flat[0].protocol
    if not texts:
        return
    beside = any((e := board.get(f"{dataset}@unstopped", method)) and e.ok for method in methods)
    elsewhere = ' ("Tweaks that matter as much as methods": without that)' if beside else ""
    patience, epochs = protocol.get("patience", 0), protocol.get("epochs", 0)
    ends = f"Training ends after {patience} epochs without a lower validation MAE{elsewhere}"
    yield (
        f"Seeds that learned hardly more than a constant (MAE not {100 * _GAIN:g} % below the median's, XAUC below "
        f"{_RANKS:g}), in brackets the epochs that were kept: {'; '.join(texts)}. "
        f"{ends if patience < epochs else f'All {epochs} epochs were run'}; a mean over such seeds and others tells of "
        "neither."
    )


def _flat(record: Record, level: float) -> bool:
    mae, xauc = (record.metrics.get("test", {}).get(metric) for metric in ("mae", "xauc"))
    return mae is not None and xauc is not None and mae > (1 - _GAIN) * level and xauc < _RANKS
