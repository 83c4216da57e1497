"""A record against itself and what is known of its dataset: what an honest run cannot have written."""

from collections.abc import Iterator
from math import isclose, sqrt

from benchmark.records.identity import of_config, of_files
from benchmark.records.record import Metrics, Record

_CLOSE = 1e-6  # relative, of sums in another order


def faults(record: Record) -> Iterator[str]:
    """What is wrong with a finished record, in words."""
    if record.identity.code != of_files(record.identity.files):
        yield "its code is not the hash of the files that it names"
    if record.identity.config != of_config(record.config, record.protocol):
        yield "its configuration is not the one that its identity names"
    if record.facts.get("fingerprint", record.identity.data) != record.identity.data:
        yield "its facts and its identity name different data"
    test, valid = record.metrics.get("test"), record.metrics.get("valid")
    if not test or not valid:
        yield "it has no metrics of the validation and the test rows"
        return
    sizes = record.facts.get("split_sizes", {})
    for split, metrics in (("test", test), ("valid", valid)):
        yield from (f"{split}: {fault}" for fault in _metrics(metrics))
        if split in sizes and metrics.get("rows") != sizes[split]:
            yield f"{split}: metrics of {metrics.get('rows')} rows where the data have {sizes[split]}"
    yield from _parts(record, test)
    yield from _training(record, valid)


def _metrics(metrics: Metrics) -> Iterator[str]:
    mae, rmse = metrics.get("mae"), metrics.get("rmse")
    if mae is None or rmse is None or not 0 <= mae <= rmse * (1 + _CLOSE):
        yield f"MAE {mae} and RMSE {rmse} cannot belong together"
    for name in ("xauc", "xgauc", "auc"):
        if (value := metrics.get(name)) is not None and not 0 <= value <= 1:
            yield f"{name} is {value}, not between 0 and 1"
    strict, half, lenient = (metrics.get(name) for name in ("xauc_strict", "xauc", "xauc_lenient"))
    if strict is None or half is None or lenient is None:
        return
    if not isclose(half, (strict + lenient) / 2, rel_tol=_CLOSE):
        yield "xauc is not the middle of xauc_strict and xauc_lenient"


def _parts(record: Record, test: Metrics) -> Iterator[str]:
    """Slices that divide the test rows give the errors over all of them."""
    for kind in (("bucket=",), ("positive", "zero")):
        parts = [part for name, part in record.slices.items() if name.startswith(kind)]
        rows = sum(part.get("rows") or 0 for part in parts)
        if not parts or rows != test.get("rows"):
            continue
        mae = sum((part.get("rows") or 0) * (part.get("mae") or 0) for part in parts) / rows
        square = sum((part.get("rows") or 0) * (part.get("rmse") or 0) ** 2 for part in parts) / rows
        for name, value in (("mae", mae), ("rmse", sqrt(square))):
            if not isclose(value, test.get(name) or 0.0, rel_tol=_CLOSE, abs_tol=1e-12):
                yield f"its {name} of {test.get(name)} is not that of its parts, {value:.8g}"


def _training(record: Record, valid: Metrics) -> Iterator[str]:
    curve, protocol = record.curve, record.protocol
    if curve is None:
        return
    values, stop = curve.valid, protocol.get("stop", "mae")
    if len(values) != len(curve.loss) or len(values) > protocol.get("epochs", len(values)):
        yield f"its curve has {len(values)} epochs, its protocol at most {protocol.get('epochs')}"
        return
    if not 1 <= curve.best_epoch <= len(values):
        yield f"it kept epoch {curve.best_epoch} of {len(values)}"
        return
    kept = values[curve.best_epoch - 1]
    known = [value for value in values if value is not None]
    if stop != "last" and (kept is None or kept > min(known)):
        yield f"it kept epoch {curve.best_epoch}, which is not the best of its curve"
    if stop == "mae" and kept is not None and not isclose(kept, valid.get("mae") or 0.0, rel_tol=1e-5):
        yield f"its validation MAE {valid.get('mae')} is not that of the epoch that it kept, {kept}"
