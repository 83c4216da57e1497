"""What the curves of a row's seeds say of its training: kept at once, or still getting better at its end."""

from collections.abc import Callable

from benchmark.records.health import EARLY
from benchmark.records.record import Record
from reports.model.board import Result

_ENOUGH = 5  # epochs from which the first two are early


def mostly(result: Result, sign: Callable[[Record], bool]) -> bool:
    """Whether more than half of the trained seeds show the sign."""
    trained = [record for record in result.ok if record.curve is not None]
    return 2 * sum(map(sign, trained)) > len(trained)


def early(record: Record) -> bool:
    """The best epoch on validation rows is the first or second of at least five: from there on it got worse."""
    return _chosen(record) and 1 <= _kept(record) <= EARLY and _epochs(record) >= _ENOUGH


def unfinished(record: Record) -> bool:
    """The best epoch is the last one that the protocol allows."""
    return _chosen(record) and 1 < _epochs(record) <= _kept(record)


def _chosen(record: Record) -> bool:
    """Whether the protocol chooses an epoch at all."""
    return record.protocol.get("stop") != "last"


def _kept(record: Record) -> int:
    return record.curve.best_epoch if record.curve else 0


def _epochs(record: Record) -> int:
    return int(record.protocol.get("epochs", 0))
