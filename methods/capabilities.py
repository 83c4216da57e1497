"""What a method may offer beyond a value. The worker asks by type, so a method that offers nothing says nothing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from methods.base import Batch, Fitted

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)  # of the quantiles whose calibration is measured


class Distribution(ABC):
    """A method that predicts a distribution of the value, not a value alone."""

    @abstractmethod
    def quantiles(self, module: Any, batch: Batch, levels: tuple[float, ...] = LEVELS) -> Tensor:
        """Quantiles of the predictive distribution in the label's unit, [B, levels], not falling along the levels.

        As `predict`: it is mapped over replicas, draws nothing, and a row's quantiles do not depend on the other rows.
        """


class Examined(ABC):
    """A method with an inside worth looking at: numbers for its records, arrays that figures are drawn from."""

    @abstractmethod
    def examine(self, module: Any, batch: Batch, fitted: Fitted) -> Mapping[str, Any]:
        """Name -> a number, which goes into the record, or a small array, which lies beside the first seed's record.

        Called once per trained replica, outside of any mapping, with up to 8,192 validation rows: `batch` holds their
        labels, no targets and no draws. Floats of `self.config` are 0-d tensors.
        """
