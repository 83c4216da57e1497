"""Calibration, figures and fitted numbers: for records of methods that offer more than values."""

import io
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from benchmark.execute.faults import fault, one_line
from benchmark.records.record import Metrics, Record

if TYPE_CHECKING:
    from benchmark.metrics.pairs import Array
    from benchmark.train.trainer import Trainer
    from datasets.schema import Rows
    from methods.base import Estimator, Method

_LOOKED_AT = 8192  # rows behind calibration and figures


class Inside:
    """The calibration of a group's distributions on test rows, and what it shows of itself on validation rows.

    `arrays`, as .npz files by seed, holds those of the first seed that has some.
    """

    def __init__(self, method: "type[Method]", trainer: "Trainer", valid: "Rows", test: "Rows") -> None:
        from methods.capabilities import Distribution, Examined

        self.trainer, self.arrays = trainer, dict[int, bytes]()
        self.valid = _evenly(valid) if issubclass(method, Examined) else None
        self.test = _evenly(test) if issubclass(method, Distribution) else None
        self._quantiles: Array | None = None  # of all seeds, once asked for

    def add(self, record: Record, place: int) -> Record:
        """Returns the record with what its seed offers; its `error` says what could not be had. place: of the seed
        among the group's. Raises what is not the method's fault."""
        trouble = []
        for offer, kept in ((self.calibration, record.metrics["test"]), (self.examine, record.inside)):
            try:
                kept.update(offer(place, record.seed))
            except Exception as error:  # whatever a method's extras raise, its numbers are there
                if fault(error) != "method":
                    raise
                trouble.append(f"{offer.__name__}: {one_line(error)}")
        return msgspec.structs.replace(record, error="; ".join(trouble)) if trouble else record

    def calibration(self, place: int, seed: int) -> Metrics:
        """Returns how well the predicted quantiles fit the test labels."""
        from benchmark.metrics.evaluate import calibration
        from methods.capabilities import LEVELS

        if self.test is None or self.test.label is None:
            return {}
        if self._quantiles is None:
            self._quantiles = self.trainer.quantiles(self.test, LEVELS)
        return calibration(self.test.label, self._quantiles[place], LEVELS)

    def examine(self, place: int, seed: int) -> Metrics:
        """Returns the numbers, for the record; sees to the arrays."""
        import numpy as np

        if self.valid is None:
            return {}
        shown: Mapping[str, Any] = self.trainer.examine(place, self.valid)
        arrays = {name: value for name, value in sorted(shown.items()) if isinstance(value, np.ndarray)}
        if arrays and not self.arrays:
            content = io.BytesIO()
            np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
            self.arrays[seed] = content.getvalue()
        return _numbers({name: value for name, value in shown.items() if name not in arrays})


def parameters_of(method: "Estimator", fitted: object) -> Metrics:
    """Returns what an estimator that is a handful of numbers says of them."""
    from methods.parameters import Parametric

    return _numbers(method.parameters(fitted)) if isinstance(method, Parametric) else {}


def _numbers(told: Mapping[str, Any]) -> Metrics:
    """Returns numbers by name; None for one that does not exist."""
    numbers = {name: float(value) for name, value in sorted(told.items())}
    return {name: value if isfinite(value) else None for name, value in numbers.items()}


def _evenly(rows: "Rows") -> "Rows":
    """Returns at most _LOOKED_AT rows, evenly spaced."""
    import numpy as np

    return rows.take(np.linspace(0, len(rows) - 1, min(len(rows), _LOOKED_AT)).astype(np.int64))
